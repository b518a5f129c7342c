"""aiokafka: ApiVersions v0 and the oldest encodings of everything."""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from ..records import Abilities, Record

NAME = "aiokafka"
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
WRITES = Abilities(null_header=False)
READS = Abilities()
SECONDS = 40


def run(coroutine, seconds=SECONDS):
    return asyncio.run(asyncio.wait_for(coroutine, seconds))


def produce(
    world, topic, records, codec="none", acks="all", idempotent=False, partition=0, request_bytes_max=None
):
    settings = {"max_request_size": request_bytes_max} if request_bytes_max else {}

    async def body():
        client = AIOKafkaProducer(
            bootstrap_servers=world.bootstrap,
            compression_type=None if codec == "none" else codec,
            acks=acks if acks == "all" else int(acks),
            enable_idempotence=idempotent,
            **settings,
        )
        await client.start()
        try:
            futures = [
                await client.send(
                    topic,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    partition=partition,
                    timestamp_ms=record.timestamp,
                )
                for record in records
            ]
            results = await asyncio.gather(*futures)
            return None if acks == "0" else [result.offset for result in results]
        finally:
            await client.stop()

    return run(body())


def consumer(world, **settings):
    config = {
        "bootstrap_servers": world.bootstrap,
        "group_id": None,
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
    }
    return AIOKafkaConsumer(**{**config, **settings})


def to_record(message):
    return Record(message.key, message.value, tuple(message.headers), message.timestamp, message.offset)


def consume(world, topic, start, count, partition=0, seconds=SECONDS, **settings):
    async def body():
        client = consumer(world, **settings)
        await client.start()
        try:
            at = TopicPartition(topic, partition)
            client.assign([at])
            if start == "earliest":
                await client.seek_to_beginning(at)
            else:
                client.seek(at, start)
            records = []
            while len(records) < count:
                for messages in (await client.getmany(at, timeout_ms=1000)).values():
                    records += [to_record(message) for message in messages]
            return records[:count]
        finally:
            await client.stop()

    return run(body(), seconds)
