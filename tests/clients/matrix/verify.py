"""Files of Apache Kafka under `highwater log verify`, and ours under `kafka-dump-log`.

Kafka writes all codecs, both timestamp types, compacted topics with tombstones, transactions that
are committed, aborted, entwined and left open, groups with committed offsets, deleted records, and
several leader epochs: it is stopped once and killed once on the way. `verify` looks at the directory
while it is written, after the kill and after the stop, and must find nothing wrong.
"""

import argparse
import glob
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from confluent_kafka import Consumer, IsolationLevel, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from .broker import Broker, Oracle
from .jvm import Jvm

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
SEGMENT_BYTES = 1048576
CLEAN_SECONDS = 90
# What kafka-dump-log says of a file that is not as it should be.
COMPLAINTS = re.compile(r"mismatch|not a correct|out of order|not found|corrupt|invalid|exception|error", re.I)


class Failed(Exception):
    """A check that did not hold."""


def expect(holds, text):
    if not holds:
        raise Failed(text)


def verify(binary, path, expected=None):
    """Runs `log verify`; returns its last line, and what it found. `expected` begins reasons that are no surprise."""
    command = [binary, "--output", "json", "log", "verify", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    expect(lines, f"verify said nothing: {done.stderr}")
    findings = [line for line in lines if "finding" in line]
    wrong = [finding for finding in findings if finding["finding"] != "note"
             and not (expected and finding["reason"].startswith(expected))]
    expect(not wrong and (expected or done.returncode == 0), f"verify {path} found: {json.dumps(wrong[:5], indent=1)} {done.stderr}")
    return lines[-1], findings


def make_topics(admin):
    small = {"segment.bytes": SEGMENT_BYTES}
    compacted = {"cleanup.policy": "compact", "segment.ms": 2000, "min.cleanable.dirty.ratio": 0.01,
                 "delete.retention.ms": 100, "max.compaction.lag.ms": 3000, **small}
    topics = {f"codec-{codec}": (2, small) for codec in CODECS}
    topics["append-time"] = (1, {"message.timestamp.type": "LogAppendTime", **small})
    topics["recompressed"] = (1, {"compression.type": "zstd", **small})
    topics["deleted"] = (1, small)
    topics["compacted"] = (2, compacted)
    topics["transactional"] = (3, small)
    topics["transactional-compacted"] = (1, compacted)
    new = [NewTopic(name, count, 1, config={key: str(value) for key, value in config.items()})
           for name, (count, config) in topics.items()]
    for future in admin.create_topics(new).values():
        future.result()


def clean_often(jvm, bootstrap):
    """The cleaner looks every second instead of every 15."""
    jvm.ok("configs", "--bootstrap-server", bootstrap, "--entity-type", "brokers", "--entity-default",
           "--alter", "--add-config", "log.cleaner.backoff.ms=1000")


def produce(bootstrap, topic, count, rng, value_bytes=900, keys=200, **config):
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, **config})
    for number in range(count):
        key = f"key-{rng.randrange(keys)}"
        # Half of it compresses.
        value = rng.randbytes(value_bytes // 2) + b"v" * (value_bytes // 2)
        is_tombstone = topic.endswith("compacted") and rng.random() < 0.05
        headers = [("number", str(number).encode())] if number % 10 == 0 else None
        while True:
            try:
                producer.produce(topic, None if is_tombstone else value, key, headers=headers)
                break
            except BufferError:
                producer.poll(0.5)
        producer.poll(0)
    expect(producer.flush(60) == 0, f"records for {topic} are left")


class Transactions:
    """Producers whose transactions end one way or the other, and one that is left open."""

    def __init__(self, bootstrap, rng):
        self.bootstrap = bootstrap
        self.rng = rng

    def producer(self, name):
        producer = Producer({"bootstrap.servers": self.bootstrap, "transactional.id": name,
                             "transaction.timeout.ms": 600000, "linger.ms": 5})
        producer.init_transactions(30)
        return producer

    def run(self, topic, partitions, rounds, name):
        """Two producers whose transactions overlap."""
        pair = [self.producer(f"{name}-{number}") for number in range(2)]
        for number in range(rounds):
            for producer in pair:
                producer.begin_transaction()
            for at in range(20):
                producer = pair[at % 2]
                value = f"{name} {number} {at}".encode() + self.rng.randbytes(400)
                producer.produce(topic, value, f"key-{at}", partition=at % partitions)
                if at % 7 == 0:
                    producer.flush(30)
            for at, producer in enumerate(pair):
                if (number + at) % 3 == 0:
                    producer.flush(30)
                    producer.abort_transaction(30)
                else:
                    producer.commit_transaction(30)

    def offsets(self, topic, group):
        """Offsets that a transaction commits, and some that it takes back."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group})
        producer = self.producer(f"offsets-{group}")
        for number in range(4):
            producer.begin_transaction()
            offsets = [TopicPartition(topic, 0, number + 1)]
            producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), 30)
            if number % 2:
                producer.abort_transaction(30)
            else:
                producer.commit_transaction(30)
        consumer.close()

    def leave_open(self, topic, name):
        """A transaction that is neither committed nor aborted; its producer is returned."""
        producer = self.producer(name)
        producer.begin_transaction()
        producer.produce(topic, b"undecided", b"open", partition=0)
        expect(producer.flush(30) == 0, "the open transaction is not written")
        return producer


def consume_group(bootstrap, topic, group):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    seen, deadline = 0, time.monotonic() + 30
    while seen < 50 and time.monotonic() < deadline:
        message = consumer.poll(1)
        if message is not None and not message.error():
            seen += 1
            if seen % 10 == 0:
                consumer.commit(message, asynchronous=False)
    consumer.close()
    expect(seen == 50, f"{group} read {seen} records of {topic}")


def fill(bootstrap, rng, name):
    """One round of everything."""
    for codec in CODECS:
        produce(bootstrap, f"codec-{codec}", 2500, rng, **{"compression.type": codec, "enable.idempotence": True})
    produce(bootstrap, "append-time", 1500, rng)
    produce(bootstrap, "recompressed", 1500, rng, **{"compression.type": "gzip"})
    produce(bootstrap, "deleted", 2500, rng)
    produce(bootstrap, "compacted", 4000, rng, **{"enable.idempotence": True, "compression.type": "lz4"})
    transactions = Transactions(bootstrap, rng)
    transactions.run("transactional", 3, 40, f"{name}-plain")
    transactions.run("transactional-compacted", 1, 40, f"{name}-compacted")
    consume_group(bootstrap, "codec-none", f"group-{name}")
    transactions.offsets("codec-none", f"group-txn-{name}")


def wait_until_cleaned(data, topics):
    """The cleaner has been there, and nothing it may still take is left for a while."""
    path = os.path.join(data, "cleaner-offset-checkpoint")
    deadline = time.monotonic() + CLEAN_SECONDS
    while time.monotonic() < deadline:
        text = open(path).read() if os.path.exists(path) else ""
        if all(any(line.startswith(f"{topic} ") and not line.endswith(" 0") for line in text.splitlines())
               for topic in topics):
            return
        time.sleep(0.5)
    raise Failed(f"the cleaner did not come to {topics} within {CLEAN_SECONDS} s")


class Watching:
    """Runs `verify` over and over beside the broker; every run must find nothing wrong."""

    def __init__(self, binary, path):
        self.binary, self.path = binary, path
        self.stop = threading.Event()
        self.runs, self.failed, self.notes = 0, None, 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.is_set() and self.failed is None:
            try:
                _, findings = verify(self.binary, self.path)
                self.notes += len(findings)
                self.runs += 1
            except Failed as error:
                self.failed = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        if self.failed is not None:
            raise self.failed
        expect(self.runs > 0, "verify never ran to its end beside the broker")


def committed(bootstrap, topic, partition):
    """Offsets and values that a reader of committed records gets, and where its readable part ends."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "isolation.level": "read_committed",
                         "enable.auto.commit": False, "enable.partition.eof": True, "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, partition, 0)])
    records, deadline = [], time.monotonic() + 60
    while time.monotonic() < deadline:
        message = consumer.poll(5)
        if message is None:
            continue
        if message.error():
            expect(message.error().code() == KafkaError._PARTITION_EOF, str(message.error()))
            break
        records.append((message.offset(), message.key(), message.value()))
    consumer.close()
    admin = AdminClient({"bootstrap.servers": bootstrap})
    where = TopicPartition(topic, partition)
    ends = admin.list_offsets({where: OffsetSpec.latest()}, isolation_level=IsolationLevel.READ_COMMITTED)
    return records, ends[where].result().offset


def read_kafkas_transactions(args, kafka_data, expected):
    """A partition that Kafka wrote, under our broker: the same committed records, clean or not."""
    for is_clean in [True, False]:
        if not is_clean:
            # Past the recovery point, missing offsets are taken for a loss in a directory of ours.
            expected = {where: records for where, records in expected.items() if "compacted" not in where[0]}
        broker = Broker(args.binary)
        try:
            broker.start()
            admin = AdminClient({"bootstrap.servers": broker.bootstrap})
            for topic, count in [("transactional", 3), ("transactional-compacted", 1)]:
                admin.create_topics([NewTopic(topic, count, 1)])[topic].result()
            broker.stop()
            for (topic, partition) in expected:
                take_over(os.path.join(kafka_data, f"{topic}-{partition}"),
                          os.path.join(broker.data, f"{topic}-{partition}"))
            if not is_clean:
                os.remove(os.path.join(broker.data, ".kafka_cleanshutdown"))
            broker.start()
            for (topic, partition), (records, end) in expected.items():
                found, found_end = committed(broker.bootstrap, topic, partition)
                where = f"{topic}-{partition} after a {'clean' if is_clean else 'unclean'} stop"
                expect(found_end == end, f"{where}: last stable offset {found_end}, Kafka says {end}")
                expect(found == records, f"{where}: {len(found)} committed records, Kafka has {len(records)}")
            broker.stop()
            # Our topic is new and its leader's epoch below Kafka's; only this transplant makes that.
            verify(args.binary, broker.data, expected="leader epoch")
            dump_with_kafka(args.jvm, broker.data, expects_transactions=True)
        finally:
            broker.close()


def take_over(source, target):
    """Kafka's files in the place of ours, under our topic id."""
    for name in os.listdir(target):
        if name != "partition.metadata":
            os.remove(os.path.join(target, name))
    for name in os.listdir(source):
        if name != "partition.metadata":
            shutil.copy(os.path.join(source, name), target)


def dump_with_kafka(jvm, data, expects_transactions=False):
    """kafka-dump-log over all our files: no complaint about any."""
    kinds = {"log": [], "index": ["--index-sanity-check"], "timeindex": ["--index-sanity-check"],
             "txnindex": [], "snapshot": []}
    for kind, options in kinds.items():
        files = [path for path in glob.glob(os.path.join(data, "*-*", f"*.{kind}")) if os.path.getsize(path)]
        if kind == "txnindex" and not expects_transactions:
            continue
        expect(files, f"no .{kind} files below {data}")
        runs = [options] if options else [["--deep-iteration"] if kind == "log" else []]
        runs += [["--verify-index-only"]] if kind in ("index", "timeindex") else []
        for run in runs:
            code, out, err = jvm.call("dump-log", *run, "--files", ",".join(files), timeout=300)
            text = f"{out.decode() if isinstance(out, bytes) else out}\n{err.decode() if isinstance(err, bytes) else err}"
            bad = [line for line in text.splitlines() if COMPLAINTS.search(line) and "isvalid: true" not in line]
            expect(code == 0 and not bad, f"kafka-dump-log {run} of .{kind} files: {code} {bad[:5]}")
            expect("isvalid: false" not in text, f"kafka-dump-log finds a batch that is not valid in .{kind} files")


def prove_that_checks_can_fail(args, data):
    """One byte in the middle of a log, and both tools complain."""
    with tempfile.TemporaryDirectory(prefix="highwater-verify-") as copy:
        copy = shutil.copytree(data, os.path.join(copy, "data"))
        verify(args.binary, copy)
        dump_with_kafka(args.jvm, copy)
        path = max(glob.glob(os.path.join(copy, "codec-none-*", "*.log")), key=os.path.getsize)
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 4]))
        for check in [lambda: verify(args.binary, copy), lambda: dump_with_kafka(args.jvm, copy)]:
            try:
                check()
            except Failed:
                continue
            raise Failed("a damaged log was found good")


def our_files(args):
    """Our broker's own files, verified beside it, after a kill and after a stop, then dumped by Kafka."""
    rng = random.Random(7)
    broker = Broker(args.binary)
    try:
        broker.start()
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        topics = [f"codec-{codec}" for codec in CODECS]
        new = [NewTopic(topic, 2, 1, config={"segment.bytes": str(SEGMENT_BYTES)}) for topic in topics]
        for future in admin.create_topics(new).values():
            future.result()
        for is_kill in [True, False]:
            with Watching(args.binary, broker.data) as watching:
                for topic in topics:
                    config = {"compression.type": topic.removeprefix("codec-"), "enable.idempotence": True}
                    produce(broker.bootstrap, topic, 2500, rng, **config)
                consume_group(broker.bootstrap, "codec-none", f"group-{is_kill}")
            print(f"  verify ran {watching.runs} times beside our broker, {watching.notes} notes")
            if is_kill:
                broker.kill()
                verify(args.binary, broker.data)
                broker.start()
            else:
                broker.stop()
        summary, _ = verify(args.binary, broker.data)
        print(f"  ours: {summary}")
        dump_with_kafka(args.jvm, broker.data)
        prove_that_checks_can_fail(args, broker.data)
    finally:
        broker.close()


def kafkas_files(args):
    rng = random.Random(5)
    kafka = Oracle(args.kafka)
    try:
        kafka.stop()
        subprocess.run([os.path.join(args.kafka, "start"), "--fresh"], check=True, stdout=subprocess.DEVNULL)
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
        make_topics(admin)
        clean_often(args.jvm, kafka.bootstrap)
        with Watching(args.binary, kafka.data) as watching:
            fill(kafka.bootstrap, rng, "first")
            deleted = TopicPartition("deleted", 0, 1700)
            for future in admin.delete_records([deleted]).values():
                future.result()
        print(f"  verify ran {watching.runs} times beside Kafka, {watching.notes} notes")
        kafka.stop()
        verify(args.binary, kafka.data)
        kafka.start()
        with Watching(args.binary, kafka.data) as watching:
            fill(kafka.bootstrap, rng, "second")
        kafka.kill()
        verify(args.binary, kafka.data)
        kafka.start()
        clean_often(args.jvm, kafka.bootstrap)
        fill(kafka.bootstrap, rng, "third")
        open_producer = Transactions(kafka.bootstrap, rng).leave_open("transactional", "open")
        Transactions(kafka.bootstrap, rng).run("transactional", 3, 3, "after")
        wait_until_cleaned(kafka.data, ["compacted", "transactional-compacted"])
        expected = {}
        for topic, partition in [("transactional", 0), ("transactional", 1), ("transactional-compacted", 0)]:
            expected[topic, partition] = committed(kafka.bootstrap, topic, partition)
        kafka.stop()
        # Its broker is gone, and with it the transaction: nothing to be told any more.
        open_producer.purge()
        summary, findings = verify(args.binary, kafka.data)
        print(f"  Kafka's: {summary}, {len(findings)} notes")
        for kind in ["txnindex", "snapshot", "timeindex", "index"]:
            files = glob.glob(os.path.join(kafka.data, "*-*", f"*.{kind}"))
            expect(any(os.path.getsize(path) for path in files), f"Kafka left no .{kind}")
        epochs = open(os.path.join(kafka.data, "transactional-0", "leader-epoch-checkpoint")).read()
        expect(int(epochs.splitlines()[1]) >= 3, f"Kafka led in too few epochs: {epochs}")
        expect(all(records for records, _ in expected.values()), "there are no committed records")
        keep = tempfile.mkdtemp(prefix="highwater-verify-")
        shutil.copytree(kafka.data, os.path.join(keep, "data"))
        return keep, expected
    finally:
        kafka.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--kafka", required=True, metavar="DIR", help="the Apache Kafka that DIR/start and DIR/stop control")
    parser.add_argument("--keep", action="store_true", help="leave the copy of Kafka's files")
    parser.add_argument("--only-ours", action="store_true", help="leave Kafka's files out")
    args = parser.parse_args()
    args.binary = os.path.abspath(args.binary)
    args.jvm = Jvm()
    keep = None
    try:
        if not args.only_ours:
            print("files of Apache Kafka")
            keep, expected = kafkas_files(args)
            print("committed records of Kafka's partitions, read from our broker")
            read_kafkas_transactions(args, os.path.join(keep, "data"), expected)
        print("our files")
        our_files(args)
    except Failed as error:
        print(f"FAILED: {error}")
        return 1
    finally:
        if keep and args.keep:
            print(f"Kafka's files are in {keep}")
        elif keep:
            shutil.rmtree(keep, ignore_errors=True)
    print("passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
