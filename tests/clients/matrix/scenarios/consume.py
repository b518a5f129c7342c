"""Where reading may start, and what happens at and past the end."""

import threading
import time

from aiokafka import TopicPartition as AioTopicPartition
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka import OFFSET_END
from kafka import TopicPartition as PyTopicPartition

from ..clients import READERS, aio, confluent, console, kafka_python, kcat
from ..records import BASE_TIME_MS, BIG_BYTES, Record, first_difference, small_set
from ..world import expect, expect_equal

COUNT = 100
INSIDE = 37
SECONDS = 30


def run(world, report):
    topic = report.run("consume: 100 records in one batch", _one_batch, world, always=True)
    if topic is None:
        return
    for reader in READERS:
        name = reader.NAME
        report.run(f"consume: {name} from an offset inside a batch", _inside, world, reader, topic)
        report.run(f"consume: {name} from latest", _latest, world, reader)
        report.run(f"consume: {name} past the end", _past_the_end, world, reader, topic)
        report.run(f"consume: {name} by timestamp", _by_timestamp, world, reader, topic)
    report.run("consume: confluent-kafka at the end", _at_the_end, world, topic)
    report.run("consume: kcat at the end", _at_the_end_kcat, world, topic)
    big = report.run("consume: three 900 KB records", _big_topic, world, always=True)
    if big is not None:
        for reader, settings in FIRST_BATCH_SETTINGS:
            report.run(f"consume: {reader.NAME} batches above its limits", _first_batch, world, reader, big, settings)
    many = report.run("consume: a topic of six partitions", _many_partitions, world, always=True)
    if many is not None:
        report.run("consume: kafka-python six partitions", _six_kafka_python, world, many)
        report.run("consume: confluent-kafka six partitions", _six_confluent, world, many)
        report.run("consume: aiokafka six partitions", _six_aio, world, many)
    report.run("consume: read_committed", _read_committed, world, topic)


FIRST_BATCH_SETTINGS = [
    (confluent, {"fetch_message_max_bytes": 1000}),
    (kafka_python, {"max_partition_fetch_bytes": 1000, "fetch_max_bytes": 1000}),
    (aio, {"max_partition_fetch_bytes": 1000, "fetch_max_bytes": 1000}),
    (console, {"max_partition_fetch_bytes": 1000, "fetch_max_bytes": 1000}),
]


def _one_batch(world):
    (topic,) = world.create("starts")
    kafka = confluent.producer(
        world, **{"linger.ms": 1000, "compression.type": "gzip", "enable.idempotence": True}
    )
    for record in small_set(COUNT):
        kafka.produce(topic, record.value, record.key, partition=0, timestamp=record.timestamp)
    expect_equal(kafka.flush(SECONDS), 0, "records left")
    return topic


def _inside(world, reader, topic):
    got = reader.consume(world, topic, INSIDE, COUNT - INSIDE)
    difference = first_difference(small_set(COUNT)[INSIDE:], got, reader.READS, first_offset=INSIDE)
    expect(difference is None, difference)


def _latest(world, reader):
    (topic,) = world.create(f"latest-{reader.NAME}")
    confluent.produce(world, topic, small_set(10))
    done = threading.Event()

    def write():
        while not done.is_set():
            confluent.produce(world, topic, [Record(b"k", b"later")])
            done.wait(0.1)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        record = LATEST[reader](world, topic)
    finally:
        done.set()
        writer.join()
    expect_equal(record.value, b"later", "the first record from latest")
    expect(record.offset >= 10, f"offset {record.offset} was there before")


def _latest_kafka_python(world, topic):
    client = kafka_python.consumer(world)
    try:
        at = PyTopicPartition(topic, 0)
        client.assign([at])
        client.seek_to_end(at)
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for messages in client.poll(timeout_ms=500).values():
                return kafka_python.to_record(messages[0])
        raise TimeoutError("nothing came")
    finally:
        client.close()


def _latest_aio(world, topic):
    async def body():
        client = aio.consumer(world)
        await client.start()
        try:
            at = AioTopicPartition(topic, 0)
            client.assign([at])
            await client.seek_to_end(at)
            return aio.to_record(await client.getone(at))
        finally:
            await client.stop()

    return aio.run(body(), SECONDS)


LATEST = {
    confluent: lambda world, topic: confluent.consume(world, topic, OFFSET_END, 1)[0],
    kafka_python: _latest_kafka_python,
    aio: _latest_aio,
    kcat: lambda world, topic: kcat.consume(world, topic, "end", 1)[0],
    console: lambda world, topic: console.consume(world, topic, "latest", 1)[0],
}
PAST_THE_END_WORDS = {
    confluent: "out of range",
    kafka_python: "OffsetOutOfRange",
    aio: "OffsetOutOfRange",
    kcat: "out of range",
    console: "out of range",
}


def _past_the_end(world, reader, topic):
    """With no reset policy each client says that the offset is out of range."""
    settings = {"auto_offset_reset": "none"} if reader is console else {}
    try:
        reader.consume(world, topic, COUNT + 1000, 1, seconds=20, **settings)
    except Exception as error:  # each client has its own class for it
        said = f"{type(error).__name__}: {error}"
        expect(PAST_THE_END_WORDS[reader].lower() in said.lower(), f"failed with {said[:300]!r}")
    else:
        raise AssertionError("records came from past the end")


# (asked time, offset answered); None: there is no such record
TIMES = [
    (BASE_TIME_MS - 1, 0),
    (BASE_TIME_MS, 0),
    (BASE_TIME_MS + 1000 * INSIDE, INSIDE),
    (BASE_TIME_MS + 1000 * INSIDE + 1, INSIDE + 1),
    (BASE_TIME_MS + 1000 * (COUNT - 1), COUNT - 1),
    (BASE_TIME_MS + 1000 * COUNT, None),
]


def _by_timestamp(world, reader, topic):
    for asked, offset in TIMES:
        expect_equal(BY_TIME[reader](world, topic, asked), offset, f"offset of time base+{asked - BASE_TIME_MS}")


def _time_confluent(world, topic, asked):
    client = confluent.consumer(world)
    try:
        (found,) = client.offsets_for_times([TopicPartition(topic, 0, asked)], timeout=10)
        if found.error:
            raise KafkaException(found.error)
        return None if found.offset == OFFSET_END else found.offset
    finally:
        client.close()


def _time_kafka_python(world, topic, asked):
    client = kafka_python.consumer(world)
    try:
        at = PyTopicPartition(topic, 0)
        found = client.offsets_for_times({at: asked})[at]
        return None if found is None else found.offset
    finally:
        client.close()


def _time_aio(world, topic, asked):
    async def body():
        client = aio.consumer(world)
        await client.start()
        try:
            at = AioTopicPartition(topic, 0)
            found = (await client.offsets_for_times({at: asked}))[at]
            return None if found is None else found.offset
        finally:
            await client.stop()

    return aio.run(body(), SECONDS)


def _time_kcat(world, topic, asked):
    said = kcat.run(world, "-Q", "-t", f"{topic}:0:{asked}").decode()
    offset = int(said.split("offset")[1])
    return None if offset < 0 else offset


def _time_console(world, topic, asked):
    said = world.jvm.ok(
        "get-offsets", "--bootstrap-server", world.bootstrap, "--topic", topic, "--time", asked
    ).strip()
    offset = said.rsplit(":", 1)[1] if said else ""
    return int(offset) if offset else None


BY_TIME = {
    confluent: _time_confluent,
    kafka_python: _time_kafka_python,
    aio: _time_aio,
    kcat: _time_kcat,
    console: _time_console,
}


def _at_the_end(world, topic):
    client = confluent.consumer(world, enable_partition_eof=True)
    try:
        client.assign([TopicPartition(topic, 0, COUNT)])
        message = client.poll(SECONDS)
        expect(message is not None, "neither a record nor the end")
        expect(message.error() is not None, f"a record at {message.offset()}")
        expect_equal(message.error().code(), KafkaError._PARTITION_EOF, "what came")
        expect_equal(message.offset(), COUNT, "the end")
        expect_equal(client.get_watermark_offsets(TopicPartition(topic, 0), timeout=10), (0, COUNT), "watermarks")
    finally:
        client.close()


def _at_the_end_kcat(world, topic):
    expect_equal(kcat.run(world, "-C", "-t", topic, "-p", 0, "-o", COUNT, "-e", "-q"), b"", "records")
    tail = kcat.run(world, "-C", "-t", topic, "-p", 0, "-o", -3, "-e", "-q", "-f", "%o ")
    expect_equal(tail, b"97 98 99 ", "the last three offsets")


def _big_topic(world):
    (topic,) = world.create("big")
    for i in range(3):
        confluent.produce(world, topic, [Record(b"%d" % i, bytes([i]) * BIG_BYTES)])
    return topic


def _first_batch(world, reader, topic, settings):
    got = reader.consume(world, topic, "earliest", 3, **settings)
    for i, record in enumerate(got):
        expect(record.value == bytes([i]) * BIG_BYTES, f"record {i} has {len(record.value)} bytes")


def _many_partitions(world):
    (topic,) = world.create("six", partitions=6)
    for partition in range(6):
        confluent.produce(world, topic, small_set(10, f"p{partition}"), partition=partition)
    return topic


def _expect_six(values_by_partition):
    for partition in range(6):
        want = [record.value for record in small_set(10, f"p{partition}")]
        expect_equal(values_by_partition.get(partition), want, f"values of partition {partition}")


def _six_kafka_python(world, topic):
    """Its incremental fetch session covers all six; later records must come through it too."""
    client = kafka_python.consumer(world)
    try:
        partitions = [PyTopicPartition(topic, partition) for partition in range(6)]
        client.assign(partitions)
        client.seek_to_beginning(*partitions)
        seen = {}
        deadline = time.monotonic() + SECONDS
        while sum(map(len, seen.values())) < 60 and time.monotonic() < deadline:
            for at, messages in client.poll(timeout_ms=1000).items():
                seen.setdefault(at.partition, []).extend(message.value for message in messages)
        _expect_six(seen)
        for partition in (4, 1):
            confluent.produce(world, topic, [Record(b"k", b"more")], partition=partition)
            more = None
            while more is None and time.monotonic() < deadline:
                for at, messages in client.poll(timeout_ms=1000).items():
                    more = (at.partition, [message.value for message in messages])
            expect_equal(more, (partition, [b"more"]), "a later record")
    finally:
        client.close()


def _six_confluent(world, topic):
    client = confluent.consumer(world)
    try:
        client.assign([TopicPartition(topic, partition, 0) for partition in range(6)])
        seen = {}
        deadline = time.monotonic() + SECONDS
        while sum(map(len, seen.values())) < 60 and time.monotonic() < deadline:
            for message in client.consume(100, 1.0):
                if message.error():
                    raise KafkaException(message.error())
                if message.offset() < 10:
                    seen.setdefault(message.partition(), []).append(message.value())
        _expect_six(seen)
    finally:
        client.close()


def _six_aio(world, topic):
    async def body():
        client = aio.consumer(world)
        await client.start()
        try:
            partitions = [AioTopicPartition(topic, partition) for partition in range(6)]
            client.assign(partitions)
            await client.seek_to_beginning(*partitions)
            seen = {}
            while sum(map(len, seen.values())) < 60:
                for at, messages in (await client.getmany(timeout_ms=1000)).items():
                    values = [message.value for message in messages if message.offset < 10]
                    seen.setdefault(at.partition, []).extend(values)
            return seen
        finally:
            await client.stop()

    _expect_six(aio.run(body(), SECONDS))


def _read_committed(world, topic):
    want = [record.value for record in small_set(COUNT)]
    for reader in (confluent, kafka_python, aio):
        got = reader.consume(world, topic, "earliest", COUNT, isolation_level="read_committed")
        expect_equal([record.value for record in got], want, reader.NAME)
    lines = world.jvm.ok(
        "console-consumer", "--bootstrap-server", world.bootstrap, "--topic", topic, "--partition", 0,
        "--offset", "earliest", "--isolation-level", "read_committed", "--max-messages", COUNT,
        "--timeout-ms", 20000,
    )
    expect_equal([line.encode() for line in lines.splitlines()], want, "the console consumer")
