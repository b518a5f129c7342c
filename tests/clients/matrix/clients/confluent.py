"""confluent-kafka: the newest librdkafka, bundled in its wheel."""

import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import OFFSET_BEGINNING

from ..records import Abilities, Record

NAME = "confluent-kafka"
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
WRITES = READS = Abilities()
SECONDS = 40
LOG_NOTHING = 0


def producer(world, **settings):
    config = {
        "bootstrap.servers": world.bootstrap,
        "message.timeout.ms": SECONDS * 1000,
        "log_level": LOG_NOTHING,
    }
    config.update({name.replace("_", "."): value for name, value in settings.items()})
    return Producer(config)


def produce(
    world, topic, records, codec="none", acks="all", idempotent=False, partition=0, request_bytes_max=None
):
    settings = {"compression.type": codec, "acks": acks, "enable.idempotence": idempotent}
    if request_bytes_max:
        settings["message.max.bytes"] = request_bytes_max
    client = producer(world, **settings)
    offsets = [None] * len(records)
    errors = []

    def delivered(index):
        def callback(error, message):
            if error is not None:
                errors.append(error)
            else:
                offsets[index] = message.offset()

        return callback

    for i, record in enumerate(records):
        timestamp = {} if record.timestamp is None else {"timestamp": record.timestamp}
        client.produce(
            topic,
            key=record.key,
            value=record.value,
            headers=list(record.headers),
            partition=partition,
            on_delivery=delivered(i),
            **timestamp,
        )
        client.poll(0)
    left = client.flush(SECONDS)
    if errors:
        raise KafkaException(errors[0])
    if left:
        raise TimeoutError(f"{left} records not delivered after {SECONDS} s")
    return None if acks == "0" else offsets


def consumer(world, **settings):
    config = {
        "bootstrap.servers": world.bootstrap,
        "group.id": "unused",
        "log_level": LOG_NOTHING,
        "enable.auto.commit": False,
        "auto.offset.reset": "error",
    }
    config.update({name.replace("_", "."): value for name, value in settings.items()})
    return Consumer(config)


def to_record(message):
    kind, timestamp = message.timestamp()
    return Record(
        message.key(), message.value(), tuple(message.headers() or ()), timestamp if kind else None, message.offset()
    )


def consume(world, topic, start, count, partition=0, seconds=SECONDS, **settings):
    client = consumer(world, **settings)
    try:
        offset = OFFSET_BEGINNING if start == "earliest" else start
        client.assign([TopicPartition(topic, partition, offset)])
        records = []
        deadline = time.monotonic() + seconds
        while len(records) < count:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{len(records)} of {count} records after {seconds} s")
            message = client.poll(min(left, 1.0))
            if message is None:
                continue
            if message.error():
                if message.error().code() == KafkaError._PARTITION_EOF:
                    continue
                raise KafkaException(message.error())
            records.append(to_record(message))
        return records
    finally:
        client.close()
