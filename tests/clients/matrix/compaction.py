"""Compaction in the long run: Apache Kafka's own tester here and there, and a churn with kills.

`tester` runs LogCompactionTester with segments of 1 MiB (with the default it passes although
nothing was compacted) against Highwater and, if there is one, against Apache Kafka: the tester
itself checks the values; here the reduction is checked, and that as many records are left as with
Kafka.

`churn` writes a million keys again and again, a tenth of the writes deletions, and kills the
broker every few seconds. In the end the newest value of every key must be there, no deleted key,
no deletion past its horizon, and little else.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from .broker import Broker, Oracle, free_port
from .jvm import Jvm, java_command
from .world import expect

SEGMENT_BYTES = 1 << 20
TESTER = "org.apache.kafka.tools.LogCompactionTester"
TESTER_SECONDS = 900
REDUCTION_MIN = 60.0
REMAINING_TOLERANCE = 0.05

TOPIC = "churn"
DELETE_RETENTION_MS = 10_000
CHURN_CONFIG = {
    "cleanup.policy": "compact", "segment.bytes": str(4 << 20), "min.cleanable.dirty.ratio": "0.2",
    "delete.retention.ms": str(DELETE_RETENTION_MS), "file.delete.delay.ms": "1000",
}
LIFE_SECONDS = (2.0, 6.0)
PASSES_MIN = 10
KILLS_MIN = 5
SETTLE_SECONDS = 300


def main():
    parser = argparse.ArgumentParser(prog="compaction", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    runs = parser.add_subparsers(dest="run", required=True)
    tester = runs.add_parser("tester", help="LogCompactionTester")
    tester.add_argument("--kafka", metavar="DIR", help="Apache Kafka with start and stop scripts, to compare with")
    tester.add_argument("--messages", type=int, default=1_000_000)
    tester.add_argument("--seconds", type=int, default=60, help="pause for the cleaner [default: %(default)s]")
    churn = runs.add_parser("churn", help="a million keys, kills")
    churn.add_argument("--keys", type=int, default=1_000_000)
    churn.add_argument("--rounds", type=int, default=4, help="writes for each key, about [default: %(default)s]")
    churn.add_argument("--seed", type=int, default=random.randrange(10**6))
    args = parser.parse_args()
    sys.exit({"tester": run_tester, "churn": run_churn}[args.run](args))


def run_tester(args):
    broker = Broker(os.environ["HIGHWATER_BIN"])
    broker.start()
    try:
        ours = test_compaction("Highwater", broker.bootstrap, args)
    finally:
        broker.close()
    expect(ours[1] >= REDUCTION_MIN, f"reduction of {ours[1]} %, not {REDUCTION_MIN} %")
    if args.kafka:
        oracle = Oracle(args.kafka)
        oracle.start()
        try:
            theirs = test_compaction("Apache Kafka", oracle.bootstrap, args)
        finally:
            oracle.close()
        difference = ours[0] / theirs[0] - 1
        print(f"remaining: {ours[0]} against {theirs[0]}, {difference:+.1%}")
        expect(difference <= REMAINING_TOLERANCE, "more is left than with Apache Kafka")
    print("passed")


def test_compaction(name, bootstrap, args):
    """Runs the tester; returns the records that were left, and the reduction in percent."""
    Jvm().ok("configs", "--bootstrap-server", bootstrap, "--entity-type", "brokers", "--entity-default", "--alter",
             "--add-config", f"log.segment.bytes={SEGMENT_BYTES}")
    command = java_command(TESTER, "--bootstrap-server", bootstrap, "--messages", str(args.messages),
                           "--percent-deletes", "10", "--sleep", str(args.seconds))
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=TESTER_SECONDS, check=False)
    said = done.stdout.strip().splitlines()
    expect(done.returncode == 0, f"{name}: the tester ended with {done.returncode}: {said[-5:]}")
    found = re.search(r"(\d+) rows of data produced, (\d+) rows of data consumed \(([\d.,]+)% reduction\)", done.stdout)
    checked = re.search(r"Validated (\d+) values, (\d+) mismatches", done.stdout)
    expect(found and checked, f"{name}: {said[-5:]}")
    print(f"{name}: {found.group(0)}; {checked.group(0)}")
    expect(checked.group(2) == "0", f"{name} lost or kept a wrong value")
    return int(found.group(2)), float(found.group(3).replace(",", "."))


class Passes:
    """Counts finished passes over all lives of a broker, by its metrics."""

    def __init__(self, address):
        self._address = address
        self._before, self._now = 0, 0
        self.last_seen = time.time()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def count(self):
        return self._before + self._now

    def close(self):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while not self._stop.wait(0.1):
            try:
                with urllib.request.urlopen(f"http://{self._address}/metrics", timeout=5) as answer:
                    text = answer.read().decode()
            except (OSError, urllib.error.URLError, ValueError):
                continue
            found = re.search(r"^highwater_cleaner_passes_total (\d+)", text, re.M)
            count = int(found.group(1))
            if count < self._now:
                self._before, self._now = self._before + self._now, 0
            if count != self._now:
                self.last_seen = time.time()
                self._now = count


def run_churn(args):
    print(f"seed {args.seed}", flush=True)
    chance = random.Random(args.seed)
    admin_address = f"127.0.0.1:{free_port()}"
    overrides = ["log.cleaner.backoff.ms=500", f"highwater.admin.listen={admin_address}"]
    broker = Broker(os.environ["HIGHWATER_BIN"], overrides=overrides)
    broker.start()
    passes = Passes(admin_address)
    try:
        churn(broker, passes, chance, args)
    finally:
        passes.close()
        broker.close()
    print("passed")


def churn(broker, passes, chance, args):
    client = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    for topic in (TOPIC, "live"):
        new = NewTopic(topic, num_partitions=1, replication_factor=1, config=CHURN_CONFIG)
        client.create_topics([new])[topic].result(30)
    kills = Kills(broker, chance)
    newest = write(broker.bootstrap, chance, args)
    count = kills.close()
    print(f"{args.keys * args.rounds} writes, {count} kills, {passes.count} passes so far", flush=True)
    expect(count >= KILLS_MIN, f"{count} kills, not {KILLS_MIN}")
    settle(passes)
    live = {key: value for key, value in newest.items() if value is not None}
    compare("after the kills", read(broker.bootstrap, TOPIC)[0], live)
    time.sleep(DELETE_RETENTION_MS / 1000 + 1)
    # Something of other keys, so that there is a last pass, in which the deletions go.
    filler = {f"filler-{number:07d}": f"{chance.getrandbits(256):064x}" for number in range(args.keys)}
    before = passes.count
    touched = write_all(broker.bootstrap, TOPIC, filler)
    last_before = settle(passes, at_least=before + 1)
    expect(passes.count >= PASSES_MIN, f"{passes.count} passes, not {PASSES_MIN}")
    live.update(filler)
    found, deletions = read(broker.bootstrap, TOPIC)
    compare("after the last pass", found, live)
    write_all(broker.bootstrap, "live", live)
    size, least = size_of(broker, TOPIC), size_of(broker, "live")
    left = horizons(broker, last_before)
    print(f"{len(live) - touched} live keys of {args.keys} and {touched} others, {passes.count} passes, "
          f"{size} bytes for {least} of live data ({size / least:.2f}), {deletions} deletions read, {left} past "
          "their horizon", flush=True)
    expect(size <= 2 * least, f"{size} bytes for {least} of live data")
    expect(left == 0, f"{left} deletions are past their horizon")


def compare(when, found, live):
    lost = [key for key in live if found.get(key) != live[key]]
    back = [key for key in found if key not in live]
    expect(not lost, f"{when}: {len(lost)} keys without their newest value, such as {lost[:3]}")
    expect(not back, f"{when}: {len(back)} deleted keys are back, such as {back[:3]}")


class Kills:
    """Kills the broker with -9 every few seconds and starts it again."""

    def __init__(self, broker, chance):
        self._broker, self._chance = broker, chance
        self._stop = threading.Event()
        self._count, self._error = 0, None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            while not self._stop.wait(self._chance.uniform(*LIFE_SECONDS)):
                self._broker.kill()
                self._count += 1
                self._broker.start()
        except RuntimeError as error:
            self._error = error

    def close(self):
        self._stop.set()
        self._thread.join()
        expect(self._error is None, f"the broker does not come back: {self._error}")
        return self._count


def producer(bootstrap, failures):
    def delivered(error, _message):
        if error is not None:
            failures.append(str(error))

    client = Producer({
        "bootstrap.servers": bootstrap, "enable.idempotence": True, "message.timeout.ms": 900000, "log_level": 0,
        "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200, "linger.ms": 5, "compression.type": "lz4",
        "queue.buffering.max.messages": 500000, "on_delivery": delivered,
    })
    return client


def put(client, topic, key, value):
    while True:
        try:
            client.produce(topic, key=key, value=value, partition=0)
            client.poll(0)
            return
        except BufferError:
            client.poll(0.1)


def write(bootstrap, chance, args):
    """Writes keys at random; returns the newest value of each, None where that is a deletion."""
    failures, newest = [], {}
    client = producer(bootstrap, failures)
    for number in range(args.keys * args.rounds):
        key = f"key-{chance.randrange(args.keys):07d}"
        value = None if chance.random() < 0.1 else f"{number:09d}-{chance.getrandbits(256):064x}"
        newest[key] = value
        put(client, TOPIC, key, value)
    left = client.flush(900)
    expect(left == 0 and not failures, f"{left} unanswered, failed: {failures[:3]}")
    return newest


def write_all(bootstrap, topic, values):
    failures = []
    client = producer(bootstrap, failures)
    for key, value in values.items():
        put(client, topic, key, value)
    expect(client.flush(900) == 0 and not failures, f"failed: {failures[:3]}")
    return len(values)


def settle(passes, at_least=0):
    """Waits until the cleaner has nothing more to do; returns when its last pass had not ended yet."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while passes.count < at_least or time.time() - passes.last_seen < 5:
        expect(time.monotonic() < deadline, f"{passes.count} passes, and still not done")
        time.sleep(0.2)
    return passes.last_seen


def read(bootstrap, topic):
    """The newest value of each key in a topic, and how many deletions were met."""
    client = Consumer({"bootstrap.servers": bootstrap, "group.id": "none", "enable.auto.commit": False,
                       "enable.partition.eof": True, "log_level": 0})
    client.assign([TopicPartition(topic, 0, 0)])
    found, deletions = {}, 0
    while True:
        for message in client.consume(10000, timeout=30):
            if message.error():
                client.close()
                return found, deletions
            key = message.key().decode()
            if message.value() is None:
                deletions += 1
                found.pop(key, None)
            else:
                found[key] = message.value().decode()


def size_of(broker, topic):
    directory = os.path.join(broker.data, f"{topic}-0")
    return sum(os.path.getsize(os.path.join(directory, name))
               for name in os.listdir(directory) if name.endswith(".log"))


def horizons(broker, last_pass):
    """How many deletions are left whose horizon had passed well before the last pass ended."""
    directory = os.path.join(broker.data, f"{TOPIC}-0")
    command = [broker.binary, "log", "dump", directory, "--records", "--output", "json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    left, horizon = 0, None
    for line in done.stdout.splitlines():
        shown = json.loads(line)
        if "base_offset" in shown:
            horizon = shown.get("delete_horizon")
        elif shown.get("value") is None and horizon is not None:
            left += horizon < (last_pass - SETTLE_SECONDS / 10) * 1000
    return left


if __name__ == "__main__":
    try:
        main()
    except (AssertionError, KafkaException, RuntimeError) as error:
        print(f"failed: {error}", file=sys.stderr)
        sys.exit(1)
