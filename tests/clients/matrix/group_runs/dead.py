"""Members killed with -9: how long until the others deliver what was theirs.

Groups of three with the clients' default settings read a topic that is written to steadily. One member
is killed; the time runs from the signal to the moment when each of its partitions has been delivered
by another member. A new member takes its place, and it goes on. All groups run at the same time, each
in a rhythm of its own.

A member is killed in steady state: each has its share, and at a random moment after it has had the time
for at least one heartbeat. Before a classic member's first heartbeat nobody knows how often it will send
one, and Highwater grants two thirds of the session timeout.
"""

import argparse
import os
import random
import shutil
import tempfile
import threading
import time

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from ..broker import Broker, Oracle
from ..world import expect
from .process import CONSUMER_PROTOCOL, KINDS, Member

DEFAULT_KINDS = ["java-eager", "rdkafka-eager", "java-consumer", "rdkafka-consumer"]
TARGET_SECONDS = {"classic": 15, "KIP-848": 18}
HEARTBEAT_SECONDS = {"classic": 3, "KIP-848": 5}
TOPIC = "steady"
PARTITIONS = 6
MEMBERS = 3
# Between two records of a partition.
RECORD_SECONDS = 0.2
STEADY_SECONDS = 240
TAKEN_OVER_SECONDS = 150


def protocol(kind):
    return "KIP-848" if kind in CONSUMER_PROTOCOL else "classic"


class Writer:
    """Writes one record to each partition every `RECORD_SECONDS`."""

    def __init__(self, bootstrap):
        admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        for future in admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)]).values():
            future.result(30)
        self._producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0, "linger.ms": 0})
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True, name="writer")
        self._thread.start()

    def _write(self):
        count = 0
        while not self._stop.wait(RECORD_SECONDS):
            for partition in range(PARTITIONS):
                self._producer.produce(TOPIC, str(count), partition=partition)
            count += 1
            self._producer.poll(0)

    def close(self):
        self._stop.set()
        self._thread.join()
        self._producer.flush(10)


class Group:
    """Three members of one kind; `times` are the seconds each kill took to be made good."""

    def __init__(self, bootstrap, kind, number, directory):
        self.kind = kind
        self.name = f"{kind}-{number}"
        self.times = []
        self.error = None
        self._bootstrap = bootstrap
        self._errors_path = os.path.join(directory, f"{self.name}.err")
        self._members = []
        self._started = 0

    def run(self, rounds):
        try:
            for _ in range(MEMBERS):
                self._add()
            for _ in range(rounds):
                self._wait_until_steady()
                self._kill_one()
                self._add()
        except Exception as error:  # told at the end
            self.error = error
        finally:
            for member in self._members:
                member.kill()

    def _add(self):
        self._started += 1
        name = f"{self.name}/{self._started}"
        self._members.append(Member(self.kind, self._bootstrap, self.name, TOPIC, name=name,
                                    errors_path=self._errors_path))

    def _is_steady(self):
        owned = [member.owned for member in self._members]
        has_share = all(len(partitions) == PARTITIONS // MEMBERS for partitions in owned)
        return has_share and set().union(*owned) == set(range(PARTITIONS))

    def _state(self):
        return [(member.name, sorted(member.owned), member.last_error()) for member in self._members]

    def _wait_until_steady(self):
        """Returns at a random moment when for at least one heartbeat each member had its share."""
        heartbeat = HEARTBEAT_SECONDS[protocol(self.kind)]
        deadline = time.monotonic() + STEADY_SECONDS
        while True:
            steady_until = time.monotonic() + heartbeat + 1 + random.uniform(0, heartbeat)
            while self._is_steady() and time.monotonic() < steady_until:
                time.sleep(0.05)
            if self._is_steady():
                return
            expect(time.monotonic() < deadline, f"not steady after {STEADY_SECONDS} s: {self._state()}")
            time.sleep(0.05)

    def _kill_one(self):
        victim = random.choice(self._members)
        self._members.remove(victim)
        wanted = set(victim.owned)
        marks = {member: len(member.events) for member in self._members}
        victim.kill()
        deadline = time.monotonic() + TAKEN_OVER_SECONDS
        while True:
            delivered = self._first_deliveries(wanted, marks, victim.killed_at)
            if set(delivered) == wanted:
                break
            expect(time.monotonic() < deadline,
                   f"{sorted(wanted - set(delivered))} not delivered after {TAKEN_OVER_SECONDS} s: {self._state()}")
            time.sleep(0.1)
        took = max(delivered.values()) - victim.killed_at
        self.times.append(took)
        print(f"    {self.name}: {took:.1f} s")

    def _first_deliveries(self, wanted, marks, since):
        """Partition -> when another member was first given a record of it after the kill."""
        found = {}
        for member, mark in marks.items():
            for said in member.events[mark:]:
                if said["event"] == "record" and said["partition"] in wanted and said["at"] > since:
                    at = found.get(said["partition"], said["at"])
                    found[said["partition"]] = min(at, said["at"])
        return found


def percentile(times, share):
    """The nearest rank."""
    ordered = sorted(times)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def measure(broker, kinds, groups, rounds):
    """Kind -> seconds of every kill."""
    directory = tempfile.mkdtemp(prefix="highwater-dead-")
    try:
        broker.start()
        writer = Writer(broker.bootstrap)
        running = []
        for number in range(1, groups + 1):
            for kind in kinds:
                group = Group(broker.bootstrap, kind, number, directory)
                thread = threading.Thread(target=group.run, args=(rounds,), daemon=True, name=group.name)
                thread.start()
                running.append((group, thread))
                time.sleep(0.3)
        for _, thread in running:
            thread.join()
        writer.close()
    finally:
        broker.close()
        shutil.rmtree(directory, ignore_errors=True)
    failed = [group for group, _ in running if group.error]
    for group in failed:
        print(f"FAILED  {group.name}: {group.error}")
    return {kind: [took for group, _ in running if group.kind == kind for took in group.times] for kind in kinds}, failed


def table(kinds, results):
    """Prints the table; returns the kinds that miss their target."""
    brokers = list(results)
    print("\nSeconds from kill -9 of one of three members, default client settings, to the delivery of all its")
    print("partitions by the others; kills at a random moment of steady state, after at least one heartbeat.\n")
    head = ["client", "protocol"]
    for broker in brokers:
        head += [f"{broker} kills", "p50", "p95", "max"]
    rows = [head + ["target (p95)"]]
    missed = []
    for kind in kinds:
        target = TARGET_SECONDS[protocol(kind)]
        row = [kind, protocol(kind)]
        for broker in brokers:
            times = results[broker][kind]
            row.append(str(len(times)))
            row += [f"{value:.1f}" for value in (percentile(times, 50), percentile(times, 95), max(times))] \
                if times else ["-"] * 3
        rows.append(row + [str(target)])
        ours = results["Highwater"][kind]
        if not ours or percentile(ours, 95) > target:
            missed.append(kind)
    rows.insert(1, ["---"] * len(rows[0]))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
    return missed


def main(arguments):
    parser = argparse.ArgumentParser(prog="tests/clients/groups dead", description=__doc__)
    parser.add_argument("--kafka", metavar="DIR",
                        help="also the Apache Kafka that DIR/start and DIR/stop control; its data is removed first")
    parser.add_argument("--kinds", default=",".join(DEFAULT_KINDS), help="of members (default: %(default)s)")
    parser.add_argument("--groups", type=int, default=5, help="of each kind, all at the same time")
    parser.add_argument("--rounds", type=int, default=4, help="kills in each group")
    args = parser.parse_args(arguments)
    kinds = args.kinds.split(",")
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        parser.error(f"no such kind: {', '.join(unknown)}")
    brokers = {"Highwater": Broker(os.environ["HIGHWATER_BIN"])}
    if args.kafka:
        brokers["Kafka"] = Oracle(args.kafka)
        brokers["Kafka"].stop()
        shutil.rmtree(brokers["Kafka"].data, ignore_errors=True)
    results, failed = {}, []
    for name, broker in brokers.items():
        print(f"{name}: {args.groups} groups of each of {', '.join(kinds)}, {args.rounds} kills in each")
        results[name], broken = measure(broker, kinds, args.groups, args.rounds)
        failed += broken
    missed = table(kinds, results)
    for kind in missed:
        print(f"\nFAILED  {kind} misses its target")
    print(f"\n{len(kinds) - len(missed)} passed, {len(missed) + len(failed)} failed", flush=True)
    return 1 if missed or failed else 0
