"""Acknowledgements, idempotence, refusals, topics that make themselves."""

import time

from confluent_kafka import KafkaException, TopicPartition

from .. import wire
from ..clients import WRITERS, confluent, kafkajs
from ..records import Record, first_difference, small_set
from ..world import expect, expect_equal

COUNT = 20
TOO_BIG_BYTES = 1_500_000
REQUEST_BYTES_MAX = 3_000_000
# What each client calls MESSAGE_TOO_LARGE.
TOO_BIG_WORDS = {
    "confluent-kafka": "MSG_SIZE_TOO_LARGE",
    "kafka-python": "MessageSizeTooLargeError",
    "aiokafka": "MessageSizeTooLargeError",
    "kafkajs": "MESSAGE_TOO_LARGE",
    "kcat": "Message size too large",
    "java-console": "RecordTooLargeException",
}


def run(world, report):
    for writer in WRITERS:
        for acks in ("0", "1", "all"):
            report.run(f"produce: {writer.NAME} acks={acks}", _acks, world, writer, acks)
        report.run(f"produce: {writer.NAME} idempotent", _idempotent, world, writer)
        report.run(f"produce: {writer.NAME} too big record", _too_big, world, writer)
    for writer in WRITERS:
        if writer is not kafkajs:
            report.run(f"produce: {writer.NAME} creates its topic", _auto_create, world, writer)
    report.run("produce: kafkajs creates its topic", _auto_create_kafkajs, world)
    report.run("produce: LogAppendTime", _log_append_time, world)
    report.run("produce: timestamp too far ahead is refused", _future_timestamp, world)
    report.run("produce: null key in a compacted topic is refused", _compacted_null_key, world)
    report.run("produce: unknown partition is refused", _unknown_partition, world)
    report.run("produce: acks=0 to a topic that refuses", _acks_zero_refused, world)


def _records(writer, count=COUNT, prefix="r"):
    records = small_set(count, prefix)
    if writer.WRITES.timestamps:
        return records
    return [Record(record.key, record.value) for record in records]


def _acks(world, writer, acks):
    (topic,) = world.create(f"acks-{writer.NAME}-{acks}")
    records = _records(writer)
    offsets = writer.produce(world, topic, records, acks=acks)
    if offsets is not None:
        expect_equal(offsets, list(range(COUNT)), "offsets")
    difference = first_difference(records, confluent.consume(world, topic, "earliest", COUNT), confluent.READS)
    expect(difference is None, difference)


def _idempotent(world, writer):
    (topic,) = world.create(f"idempotent-{writer.NAME}")
    records = _records(writer)
    writer.produce(world, topic, records, idempotent=True)
    difference = first_difference(records, confluent.consume(world, topic, "earliest", COUNT), confluent.READS)
    expect(difference is None, difference)
    next_sequence = 0
    for batch in wire.all_batches(world.bootstrap, topic, COUNT):
        expect(batch.producer_id >= 0, f"batch without producer id: {batch}")
        expect_equal(batch.producer_epoch, 0, "producer epoch")
        expect_equal(batch.base_sequence, next_sequence, "base sequence")
        next_sequence += batch.record_count


def _too_big(world, writer):
    (topic,) = world.create(f"too-big-{writer.NAME}")
    try:
        writer.produce(
            world, topic, [Record(b"k", b"x" * TOO_BIG_BYTES)], request_bytes_max=REQUEST_BYTES_MAX
        )
    except Exception as error:  # each client has its own class for it
        said = f"{type(error).__name__}: {error}"
        if isinstance(error, KafkaException):
            said += error.args[0].name()
        expect(TOO_BIG_WORDS[writer.NAME] in said, f"refused with {said[:300]!r}")
    else:
        raise AssertionError("a record above max.message.bytes was taken")
    writer.produce(world, topic, [Record(b"k", b"small")])
    (read,) = confluent.consume(world, topic, "earliest", 1)
    expect_equal((read.value, read.offset), (b"small", 0), "the first record after a refused one")


def _auto_create(world, writer):
    topic = world.topic(f"auto-{writer.NAME}")
    writer.produce(world, topic, [Record(b"k", b"v")])
    (read,) = confluent.consume(world, topic, "earliest", 1)
    expect_equal(read.value, b"v", "value")


def _auto_create_kafkajs(world):
    topic = world.topic("auto-kafkajs")
    send = [{"key": None, "value": "dg==", "headers": [], "timestamp": None}]
    job = {"do": "produce", "topic": topic, "codec": "none", "acks": -1, "idempotent": False,
           "partition": 0, "sends": [send], "autoCreate": True}
    kafkajs.call(world, job)
    (read,) = confluent.consume(world, topic, "earliest", 1)
    expect_equal(read.value, b"v", "value")


def _log_append_time(world):
    (topic,) = world.create("append-time", message_timestamp_type="LogAppendTime")
    before = int(time.time() * 1000) - 2000
    confluent.produce(world, topic, small_set(COUNT))
    after = int(time.time() * 1000) + 2000
    for record in confluent.consume(world, topic, "earliest", COUNT):
        expect(before <= record.timestamp <= after, f"timestamp {record.timestamp} is not the append time")
    for batch in wire.all_batches(world.bootstrap, topic, COUNT):
        expect(batch.is_log_append_time, f"the batch does not say LogAppendTime: {batch}")
    (text,) = world.jvm.ok(
        "console-consumer", "--bootstrap-server", world.bootstrap, "--topic", topic, "--partition", 0,
        "--offset", "earliest", "--max-messages", 1, "--timeout-ms", 20000,
        "--formatter-property", "print.timestamp=true",
    ).splitlines()
    expect(text.startswith("LogAppendTime:"), f"console consumer prints {text!r}")


def _refused(world, topic, record, **how):
    try:
        confluent.produce(world, topic, [record], **how)
    except KafkaException as error:
        return error.args[0].name()
    return None


def _future_timestamp(world):
    (topic,) = world.create("future")
    ahead = int(time.time() * 1000) + 2 * 3_600_000
    expect_equal(_refused(world, topic, Record(b"k", b"v", (), ahead)), "INVALID_TIMESTAMP", "error")


def _compacted_null_key(world):
    (topic,) = world.create("compacted", cleanup_policy="compact")
    expect_equal(_refused(world, topic, Record(None, b"v")), "INVALID_RECORD", "error")
    confluent.produce(world, topic, [Record(b"k", b"v"), Record(b"k", None)])


def _unknown_partition(world):
    (topic,) = world.create("one-partition")
    got = _refused(world, topic, Record(b"k", b"v"), partition=7)
    expect_equal(got, "_UNKNOWN_PARTITION", "error")


def _acks_zero_refused(world):
    """No answer comes for acks=0; the broker closes the connection instead, and goes on."""
    (topic,) = world.create("acks-zero-refused")
    confluent.produce(
        world, topic, [Record(b"k", b"x" * TOO_BIG_BYTES)], acks="0", request_bytes_max=REQUEST_BYTES_MAX
    )
    confluent.produce(world, topic, [Record(b"k", b"v")])
    (read,) = confluent.consume(world, topic, "earliest", 1)
    expect_equal((read.value, read.offset), (b"v", 0), "the first record")
    # The partition is as long as what was taken.
    client = confluent.consumer(world)
    try:
        expect_equal(client.get_watermark_offsets(TopicPartition(topic, 0), timeout=10), (0, 1), "offsets")
    finally:
        client.close()
