"""kafka-python."""

import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from ..records import Abilities, Record

NAME = "kafka-python"
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
WRITES = Abilities(null_header=False)
READS = Abilities()
SECONDS = 40


def produce(
    world, topic, records, codec="none", acks="all", idempotent=False, partition=0, request_bytes_max=None
):
    settings = {"max_request_size": request_bytes_max} if request_bytes_max else {}
    client = KafkaProducer(
        bootstrap_servers=world.bootstrap,
        compression_type=None if codec == "none" else codec,
        acks=acks if acks == "all" else int(acks),
        enable_idempotence=idempotent,
        delivery_timeout_ms=SECONDS * 1000,
        **settings,
    )
    try:
        futures = [
            client.send(
                topic,
                key=record.key,
                value=record.value,
                headers=list(record.headers),
                partition=partition,
                timestamp_ms=record.timestamp,
            )
            for record in records
        ]
        client.flush(timeout=SECONDS)
        offsets = [future.get(timeout=SECONDS).offset for future in futures]
        return None if acks == "0" else offsets
    finally:
        client.close(timeout=5)


def consumer(world, **settings):
    config = {
        "bootstrap_servers": world.bootstrap,
        "group_id": None,
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
    }
    return KafkaConsumer(**{**config, **settings})


def to_record(message):
    return Record(message.key, message.value, tuple(message.headers), message.timestamp, message.offset)


def consume(world, topic, start, count, partition=0, seconds=SECONDS, **settings):
    client = consumer(world, **settings)
    try:
        at = TopicPartition(topic, partition)
        client.assign([at])
        if start == "earliest":
            client.seek_to_beginning(at)
        else:
            client.seek(at, start)
        records = []
        deadline = time.monotonic() + seconds
        while len(records) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(records)} of {count} records after {seconds} s")
            for messages in client.poll(timeout_ms=1000).values():
                records += [to_record(message) for message in messages]
        return records[:count]
    finally:
        client.close()
