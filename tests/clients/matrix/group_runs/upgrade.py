"""A rolling upgrade of a group from the classic protocol to KIP-848 and back, with live traffic.

Three members; one after another each leaves and one of the other protocol takes its place, until all
have changed, and then all change back. There are never fewer than two. Two producers write all the
time. At each step kafka-consumer-groups says of which type the group is. Afterwards:

- every record that was acknowledged has been delivered, in the order of offsets within an ownership;
- none was delivered after an offset past it was committed;
- whoever is given a partition begins exactly at the offset committed last;
- committed offsets never went back, the last ones are what the broker says, and all is committed;
- no partition had two owners at once.
"""

import argparse
import collections
import os
import random
import shutil
import tempfile
import threading
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from ..broker import Broker, Oracle
from ..jvm import Jvm
from ..world import expect, expect_equal
from .process import CONSUMER_PROTOCOL, KINDS, Member

# Not librdkafka's cooperative-sticky: from its second generation on it puts user data into assignments, and
# then neither Kafka nor Highwater lets a KIP-848 member into the group (GROUP_ID_NOT_FOUND).
PATHS = ["java-cooperative:java-consumer", "java-eager:java-consumer", "rdkafka-eager:rdkafka-consumer"]
PARTITIONS = 12
MEMBERS = 3
PRODUCERS = 2
RECORD_SECONDS = 0.05
STEADY_SECONDS = 240
TOOL_SECONDS = 180
DRAIN_SECONDS = 60


class Writer(threading.Thread):
    """Writes numbered records to random partitions of all topics; keeps what was acknowledged."""

    def __init__(self, bootstrap, topics, name):
        super().__init__(daemon=True, name=name)
        self.stop = threading.Event()
        # (topic, partition, offset) -> value
        self.acknowledged = {}
        self.errors = []
        self._topics = topics
        self._client = Producer({"bootstrap.servers": bootstrap, "log_level": 0, "linger.ms": 0, "acks": "all"})

    def run(self):
        count = 0
        while not self.stop.wait(RECORD_SECONDS):
            for topic in self._topics:
                self._client.produce(topic, f"{self.name}-{count}", partition=random.randrange(PARTITIONS),
                                     on_delivery=self._delivered)
            count += 1
            self._client.poll(0)
        if self._client.flush(30):
            self.errors.append("records were not answered for")

    def _delivered(self, error, message):
        if error is not None:
            self.errors.append(str(error))
        else:
            self.acknowledged[message.topic(), message.partition(), message.offset()] = message.value().decode()


class Path:
    """One group on its way: `old` members, `new` ones, `old` ones again."""

    def __init__(self, broker, jvm, directory, words, number):
        self.old, self.new = words.split(":")
        self.name = f"{self.old} to {self.new} and back"
        self.topic = f"upgrade-{number}"
        self.group = f"rolling-{number}"
        self.steps = []
        self.error = None
        self.all = []
        self._live = []
        self._broker = broker
        self._jvm = jvm
        self._errors_path = os.path.join(directory, f"{self.group}.err")

    def run(self):
        try:
            for _ in range(MEMBERS):
                self._add(self.old)
            self._step()
            for kind in [self.new] * MEMBERS + [self.old] * MEMBERS:
                self._live.pop(0).close()
                self._expect_members()
                self._look("one left")
                self._add(kind)
                self._step()
        except Exception as error:  # told at the end
            self.error = error

    def _add(self, kind):
        member = Member(kind, self._broker.bootstrap, self.group, self.topic,
                        name=f"{kind}/{len(self.all) + 1}", errors_path=self._errors_path)
        self.all.append(member)
        self._live.append(member)

    def _expect_members(self):
        running = [member for member in self._live if member.is_running()]
        expect(len(running) >= 2, f"only {len(running)} members run")

    def _step(self):
        """Waits until each has a share and every partition has been read since; notes type and members."""
        deadline = time.monotonic() + STEADY_SECONDS
        while not self._is_settled():
            expect(time.monotonic() < deadline,
                   f"not settled after {STEADY_SECONDS} s: "
                   f"{[(member.name, sorted(member.owned), member.last_error()) for member in self._live]}")
            time.sleep(0.1)
        time.sleep(random.uniform(1, 3))
        self._expect_members()
        self._look("settled")

    def _is_settled(self):
        owned = [member.owned for member in self._live]
        return all(owned) and sum(map(len, owned)) == PARTITIONS and set().union(*owned) == set(range(PARTITIONS))

    def _look(self, what):
        """The type of the group is that of its newest protocol, and so it says."""
        kinds = [member.kind for member in self._live]
        want = "Consumer" if any(kind in CONSUMER_PROTOCOL for kind in kinds) else "Classic"
        said = self._jvm.ok("consumer-groups", "--bootstrap-server", self._broker.bootstrap, "--list", "--type",
                            timeout=TOOL_SECONDS)
        types = {line.split()[0]: line.split()[1] for line in said.splitlines() if len(line.split()) == 2}
        count = sum(kind == self.new for kind in kinds)
        step = f"{len(kinds) - count} classic + {count} KIP-848: {types.get(self.group)}"
        self.steps.append(step)
        print(f"    {self.group} ({self.name}), {what}: {step}")
        expect_equal(types.get(self.group), want, f"type of the group with {kinds}")

    def wait_until_read(self, acknowledged):
        wanted = {(partition, offset) for topic, partition, offset in acknowledged if topic == self.topic}
        deadline = time.monotonic() + DRAIN_SECONDS
        while True:
            read = {(said["partition"], said["offset"]) for _, said in self.events() if said["event"] == "record"}
            if wanted <= read:
                break
            expect(time.monotonic() < deadline, f"{len(wanted - read)} of {len(wanted)} records were never delivered")
            time.sleep(0.5)
        # The last commits.
        time.sleep(2)

    def close(self):
        for member in self._live:
            member.ask_to_close()
        for member in self._live:
            try:
                member.close()
            except (RuntimeError, TimeoutError) as error:
                self.error = self.error or error
        self._live = []

    def events(self):
        """What all members said, in the order of time."""
        found = [(member, said) for member in self.all for said in list(member.events)]
        return sorted(found, key=lambda pair: pair[1]["at"])

    def check(self, acknowledged):
        """Raises if a rule was broken; returns the numbers."""
        wanted = {key[1:]: value for key, value in acknowledged.items() if key[0] == self.topic}
        ends = {partition: 1 + max((offset for at, offset in wanted if at == partition), default=-1)
                for partition in range(PARTITIONS)}
        watch = Watch()
        for member, said in self.events():
            watch.take(member, said)
        broken = list(watch.broken)
        for partition, offset in sorted(wanted):
            if watch.read.get((partition, offset)) != wanted[partition, offset]:
                broken.append(f"record {offset} of partition {partition} was not delivered as it was written")
        if {at: end for at, end in watch.committed.items() if end} != {at: end for at, end in ends.items() if end}:
            broken.append(f"committed last: {watch.committed}; the partitions end at {ends}")
        stored = self._stored()
        if stored != ends:
            broken.append(f"the broker has committed offsets {stored}; the partitions end at {ends}")
        expect(not broken, f"{len(broken)} rules broken: " + "; ".join(broken[:5]))
        errors = collections.Counter(said["text"].split(":")[0].split(".")[-1] for _, said in self.events()
                                     if said["event"] == "error")
        told = ", ".join(f"{count} {text}" for text, count in errors.items()) or "none"
        return (f"{len(wanted)} records, {watch.delivered - len(watch.read)} delivered again before their commit, "
                f"{watch.commits} commits, {watch.handed_over} partitions handed over; errors told: {told}")

    def _stored(self):
        client = Consumer({"bootstrap.servers": self._broker.bootstrap, "group.id": self.group, "log_level": 0})
        partitions = [TopicPartition(self.topic, at) for at in range(PARTITIONS)]
        found = {at.partition: max(at.offset, 0) for at in client.committed(partitions, timeout=20)}
        client.close()
        return found


class Watch:
    """Follows the events of a group in the order of time and notes each rule that is broken."""

    def __init__(self):
        self.broken = []
        self.read = {}
        self.committed = {}
        self.delivered = self.commits = self.handed_over = 0
        self._owner = {}
        # Partition -> the offset that must come next; none just after an assignment.
        self._next = {}

    def take(self, member, said):
        event = said["event"]
        if event == "assigned":
            for partition in said["partitions"]:
                self._assigned(member, partition)
        elif event in ("revoked", "lost"):
            for partition in said["partitions"]:
                if self._owner.get(partition) is member:
                    del self._owner[partition]
        elif event == "closed":
            self._owner = {at: owner for at, owner in self._owner.items() if owner is not member}
        elif event == "record":
            self._record(member, said)
        elif event == "committed":
            for partition, offset in said["offsets"].items():
                self._commit(member, int(partition), offset)

    def _assigned(self, member, partition):
        owner = self._owner.get(partition)
        if owner is not None and owner is not member:
            self.broken.append(f"partition {partition} was given to {member.name} while {owner.name} had it")
        self._owner[partition] = member
        self._next[partition] = None
        self.handed_over += 1

    def _record(self, member, said):
        partition, offset = said["partition"], said["offset"]
        self.delivered += 1
        self.read[partition, offset] = said["value"]
        who = f"{member.name} was given record {offset} of partition {partition}"
        if self._owner.get(partition) is not member:
            self.broken.append(f"{who}, which it does not have")
        committed = self.committed.get(partition, 0)
        if offset < committed:
            self.broken.append(f"{who} again after {committed} was committed")
        want = self._next.get(partition)
        if want is None and offset != committed:
            self.broken.append(f"{who} first, and {committed} was committed last")
        elif want is not None and offset != want:
            self.broken.append(f"{who}, not {want}")
        self._next[partition] = offset + 1

    def _commit(self, member, partition, offset):
        self.commits += 1
        if offset < self.committed.get(partition, 0):
            self.broken.append(f"{member.name} set partition {partition} back from {self.committed[partition]} to {offset}")
        self.committed[partition] = offset


def run(broker, jvm, words):
    """Returns the paths, each with its error or its numbers."""
    directory = tempfile.mkdtemp(prefix="highwater-upgrade-")
    paths = [Path(broker, jvm, directory, path, number) for number, path in enumerate(words, 1)]
    outcome = {}
    try:
        broker.start()
        admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
        for future in admin.create_topics([NewTopic(path.topic, PARTITIONS, 1) for path in paths]).values():
            future.result(30)
        topics = [path.topic for path in paths]
        writers = [Writer(broker.bootstrap, topics, f"producer{number}") for number in range(1, PRODUCERS + 1)]
        threads = [threading.Thread(target=path.run, daemon=True, name=path.group) for path in paths]
        for thread in [*writers, *threads]:
            thread.start()
        for thread in threads:
            thread.join()
        acknowledged = {}
        for writer in writers:
            writer.stop.set()
            writer.join()
            expect(not writer.errors, f"{writer.name}: {writer.errors[:3]}")
            acknowledged.update(writer.acknowledged)
        for path in paths:
            try:
                if path.error is None:
                    path.wait_until_read(acknowledged)
                path.close()
                if path.error is None:
                    outcome[path] = path.check(acknowledged)
            except (AssertionError, TimeoutError) as error:
                path.error = error
    finally:
        for path in paths:
            path.close()
        broker.close()
        shutil.rmtree(directory, ignore_errors=True)
    return paths, outcome


def main(arguments):
    parser = argparse.ArgumentParser(prog="tests/clients/groups upgrade", description=__doc__)
    parser.add_argument("--oracle", metavar="DIR",
                        help="against the Apache Kafka that DIR/start and DIR/stop control; its data is removed first")
    parser.add_argument("--paths", default=",".join(PATHS), help="OLD:NEW kinds of members (default: %(default)s)")
    args = parser.parse_args(arguments)
    words = args.paths.split(",")
    unknown = [kind for path in words for kind in path.split(":") if kind not in KINDS]
    if unknown:
        parser.error(f"no such kind: {', '.join(unknown)}")
    if args.oracle:
        broker = Oracle(args.oracle)
        broker.stop()
        shutil.rmtree(broker.data, ignore_errors=True)
    else:
        broker = Broker(os.environ["HIGHWATER_BIN"])
    jvm = Jvm()
    try:
        paths, outcome = run(broker, jvm, words)
    finally:
        jvm.close()
    print()
    for path in paths:
        print(f"FAILED  {path.name}: {path.error}" if path.error else f"ok      {path.name}: {outcome[path]}")
    failed = sum(path.error is not None for path in paths)
    print(f"\n{len(paths) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0
