"""Lag in seconds against the truth, in a run with a paused consumer and an idle producer.

The truth is how long ago the first record that the group has not committed came to the broker. The
producer waits for each answer, so that it knows within milliseconds when that was; the consumer notes
when it commits what. About once a second `highwater group describe` and the metrics endpoint are asked
for every partition, and the answer is compared with what was true between the question and the answer.

Partition 0 has records with the right time, in 1 the producer's clock is an hour slow, in 2 an hour
fast: what a client says about time must not count. Another group has offsets and never a member.
"""

import argparse
import json
import os
import re
import subprocess
import threading
import time
import urllib.request

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from ..broker import Broker, free_port
from ..world import expect

TOPIC = "readings"
GROUP = "readers"
IDLE_GROUP = "nobody"
GROUPS = (GROUP, IDLE_GROUP)
IDLE_OFFSET = 3
SOURCES = ("command", "metrics")
# By partition, what the producer's clock is off, in seconds.
CLOCKS = {0: 0, 1: -3600, 2: 3600}
RECORD_SECONDS = 0.15
ERROR_MAX = 1.0
SAMPLE = re.compile(r'^(\w+)\{([^}]*)\} (\S+)$')
LABEL = re.compile(r'(\w+)="([^"]*)"')


class Truth:
    """When each record came, and which offset was committed when, all as spans of time."""

    def __init__(self):
        self.appended = {partition: [] for partition in CLOCKS}
        # (group, partition) -> (asked, answered, offset)
        self.commits = {}

    def span(self, group, partition, asked, answered):
        """The least and the greatest lag that was true at a moment between the two."""
        commits = self.commits.get((group, partition), [])
        found = []
        for index, (before, _, offset) in enumerate(commits):
            replaced = commits[index + 1][1] if index + 1 < len(commits) else answered
            if before <= answered and replaced >= asked:
                found += self._ages(self.appended[partition], offset, asked, answered)
        return (min(found), max(found)) if found else None

    @staticmethod
    def _ages(appended, offset, asked, answered):
        if offset >= len(appended):
            return [0.0]
        sent, acked = appended[offset]
        ages = [max(0.0, asked - acked), max(0.0, answered - sent)]
        return ages + [0.0] if acked > asked else ages


class Writer(threading.Thread):
    """One record after another to each partition while it is not idle."""

    def __init__(self, bootstrap, truth):
        super().__init__(daemon=True, name="writer")
        self.writes = threading.Event()
        self.stop = threading.Event()
        self.error = None
        self._truth = truth
        self._broker_address = bootstrap

    def run(self):
        client = Producer({"bootstrap.servers": self._broker_address, "log_level": 0, "linger.ms": 0, "acks": "all"})
        while not self.stop.is_set():
            if not self.writes.wait(0.1):
                continue
            for partition, off in CLOCKS.items():
                sent = time.time()
                client.produce(TOPIC, b"x", partition=partition, timestamp=int((sent + off) * 1000),
                               on_delivery=lambda error, _: self._delivered(error))
                client.flush(10)
                self._truth.appended[partition].append((sent, time.time()))
            time.sleep(RECORD_SECONDS)

    def _delivered(self, error):
        if error is not None:
            self.error = error


class Reader(threading.Thread):
    """A member that commits what it reads; paused, it polls and is given nothing."""

    def __init__(self, bootstrap, truth, protocol):
        super().__init__(daemon=True, name="reader")
        self.is_paused = False
        self.stop = threading.Event()
        self.error = None
        self._truth = truth
        self._settings = {"bootstrap.servers": bootstrap, "group.id": GROUP, "log_level": 0,
                          "group.protocol": protocol, "auto.offset.reset": "earliest", "enable.auto.commit": False}

    def run(self):
        try:
            self._read()
        except Exception as error:  # told by whoever looks
            self.error = error

    def _read(self):
        client = Consumer(self._settings)
        client.subscribe([TOPIC])
        was_paused = False
        while not self.stop.is_set():
            if self.is_paused != was_paused:
                was_paused = self.is_paused
                (client.pause if was_paused else client.resume)(client.assignment())
            messages = client.consume(100, 0.1)
            ends = {}
            for message in messages:
                if message.error() is None:
                    ends[message.partition()] = message.offset() + 1
            if ends:
                self._commit(client, ends)
        client.close()

    def _commit(self, client, ends):
        wanted = [TopicPartition(TOPIC, partition, offset) for partition, offset in ends.items()]
        before = time.time()
        while True:
            try:
                done = client.commit(offsets=wanted, asynchronous=False)
                break
            except KafkaException as error:
                if not error.args[0].retriable() or self.stop.is_set():
                    raise
                time.sleep(0.1)
        expect(not any(at.error for at in done), f"a commit failed: {done}")
        after = time.time()
        for partition, offset in ends.items():
            self._truth.commits.setdefault((GROUP, partition), []).append((before, after, offset))


def ask_command(binary, bootstrap, group):
    """Partition -> lag in seconds, as `highwater group describe` says it."""
    done = subprocess.run([binary, "group", "describe", group, "--brokers", bootstrap, "--output", "json"],
                          capture_output=True, timeout=30)
    expect(done.returncode == 0, f"group describe ended with {done.returncode}: {done.stderr[-300:]!r}")
    return {at["partition"]: at["lag_seconds"] for at in json.loads(done.stdout)["partitions"]}


def ask_metrics(address, group):
    """Partition -> lag in seconds, as the metrics endpoint says it."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    lags = {}
    for line in text.splitlines():
        found = SAMPLE.match(line)
        if found and found[1].endswith("group_lag_seconds"):
            labels = dict(LABEL.findall(found[2]))
            if labels["group"] == group and labels["topic"] == TOPIC:
                lags[int(labels["partition"])] = float(found[3])
    return lags


class Run:
    def __init__(self, binary, protocol):
        self.admin_address = f"127.0.0.1:{free_port()}"
        self.binary = binary
        self.broker = Broker(binary, overrides=[f"highwater.admin.listen={self.admin_address}"])
        self.truth = Truth()
        self.rows = []
        self.writer = Writer(self.broker.bootstrap, self.truth)
        self.reader = Reader(self.broker.bootstrap, self.truth, protocol)

    def start(self):
        self.broker.start()
        client = AdminClient({"bootstrap.servers": self.broker.bootstrap, "log_level": 0})
        for future in client.create_topics([NewTopic(TOPIC, len(CLOCKS), 1)]).values():
            future.result(30)
        self.writer.start()
        self.reader.start()
        self.writer.writes.set()
        deadline = time.monotonic() + 30
        while len(self.truth.commits) < len(CLOCKS):
            self._check()
            expect(time.monotonic() < deadline, "the consumer commits nothing")
            time.sleep(0.1)
        self._commit_idle()

    def _commit_idle(self):
        client = Consumer({"bootstrap.servers": self.broker.bootstrap, "group.id": IDLE_GROUP, "log_level": 0})
        before = time.time()
        client.commit(offsets=[TopicPartition(TOPIC, at, IDLE_OFFSET) for at in CLOCKS], asynchronous=False)
        for partition in CLOCKS:
            self.truth.commits[IDLE_GROUP, partition] = [(before, time.time(), IDLE_OFFSET)]
        client.close()

    def _check(self):
        for thread in (self.writer, self.reader):
            if thread.error:
                raise RuntimeError(f"the {thread.name}: {thread.error}")

    def phase(self, name, seconds):
        """Asks about once a second; keeps the greatest error of each source and clock."""
        worst, asked_count, greatest = {}, 0, 0.0
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.monotonic()
            self._check()
            for group in GROUPS:
                for source in SOURCES:
                    asked = time.time()
                    said = self._ask(source, group)
                    answered = time.time()
                    for partition, off in CLOCKS.items():
                        span = self.truth.span(group, partition, asked, answered)
                        error = self._error(span, said.get(partition))
                        key = (source, group, off)
                        worst[key] = max(worst.get(key, 0.0), error)
                        greatest = max(greatest, span[1])
            asked_count += 1
            time.sleep(max(0.0, began + 1 - time.monotonic()))
        self.rows.append((name, asked_count, greatest, worst))
        said = ", ".join(f"{source} {max(worst[key] for key in worst if key[0] == source):.2f}"
                         for source in SOURCES)
        print(f"    {name}: asked {asked_count} times, lag up to {greatest:.1f} s, greatest error {said}")

    def _ask(self, source, group):
        if source == "metrics":
            return ask_metrics(self.admin_address, group)
        return ask_command(self.binary, self.broker.bootstrap, group)

    @staticmethod
    def _error(span, told):
        if told is None:
            return float("inf")
        return max(span[0] - told, told - span[1], 0.0)

    def close(self):
        for thread in (self.writer, self.reader):
            thread.stop.set()
        for thread in (self.writer, self.reader):
            if thread.is_alive():
                thread.join(20)
        self.broker.close()


def play(run, seconds):
    run.phase("up to date", seconds)
    run.reader.is_paused = True
    run.phase("paused, producer runs", seconds)
    run.writer.writes.clear()
    run.phase("paused, producer idle", seconds)
    run.reader.is_paused = False
    run.phase("resumed, producer idle", seconds / 2)
    run.writer.writes.set()
    run.phase("up to date again", seconds / 2)
    run.reader.is_paused = True
    time.sleep(seconds / 2)
    run.writer.writes.clear()
    time.sleep(1)
    code = run.broker.stop()
    expect(code == 0, f"the broker ended with {code}")
    run.broker.start()
    time.sleep(1)
    run.phase("after a restart", seconds / 2)
    run.writer.writes.set()
    time.sleep(seconds / 4)
    run.writer.writes.clear()
    time.sleep(1)
    run.broker.kill()
    time.sleep(2)
    run.broker.start()
    time.sleep(1)
    run.phase("after kill -9", seconds / 2)
    run.reader.is_paused = False
    run.writer.writes.set()
    run.phase("up to date at last", seconds / 2)


def table(rows):
    """Prints the greatest errors, of both groups; returns how many are above the bound."""
    keys = [(source, off) for source in SOURCES for off in CLOCKS.values()]
    print(f"\nGreatest error of lag in seconds (bound: {ERROR_MAX:.0f} s), by what the producer's clock is off.\n")
    head = ["phase", "asked", "lag up to", *(f"{source}{f' {off:+d}' if off else ''}" for source, off in keys)]
    lines = [head, ["---"] * len(head)]
    failed = 0
    for name, asked, greatest, worst in rows:
        errors = [max(worst[source, group, off] for group in GROUPS) for source, off in keys]
        lines.append([name, str(asked), f"{greatest:.1f}", *(f"{error:.2f}" for error in errors)])
        failed += sum(error > ERROR_MAX for error in errors)
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")
    print(f"\n{len(rows) * len(keys) - failed} passed, {failed} failed", flush=True)
    return failed


def main(arguments):
    parser = argparse.ArgumentParser(prog="tests/clients/groups lag", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="of each of the long phases (default: %(default)s)")
    parser.add_argument("--protocol", choices=["classic", "consumer"], default="consumer")
    args = parser.parse_args(arguments)
    run = Run(os.environ["HIGHWATER_BIN"], args.protocol)
    try:
        run.start()
        play(run, args.seconds)
    finally:
        run.close()
    return 1 if table(run.rows) else 0
