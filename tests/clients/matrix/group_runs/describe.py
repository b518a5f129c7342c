"""One scripted history of groups, told by kafka-consumer-groups: the same words for us as for Apache Kafka.

The history has groups of both types in every state that lasts, static and dynamic members, members
without partitions, a group of both protocols, subscriptions by regular expression, commits with and
without metadata, behind the log's start and past its end, partitions without a commit, groups that only
commit, groups and offsets deleted, and a restart of the broker. At five moments the tool is asked in
every way it can be asked about every group, at a sixth about one whose static member is away.

What differs by right is replaced: the unique part of a member id, the broker's address and number, and
group and member epochs. Runs of blanks count as one, and rows are compared in the order of their text
where the tool gives them in the order of a hash map.
"""

import argparse
import difflib
import os
import queue
import re
import shutil
import tempfile
import threading
import time

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from kafka import KafkaConsumer
from kafka.coordinator.assignors.range import RangePartitionAssignor

from ..broker import Broker, Oracle
from ..clients import confluent
from ..jvm import Jvm
from ..records import small_set
from ..world import World, expect

SETTLE_SECONDS = 120
TOOL_SECONDS = 180
# Of KIP-848, by default.
HEARTBEAT_SECONDS = 5
# Partition by partition, how many records.
TOPICS = {"orders": [10, 20, 0], "returns": [5, 7], "audit": [4], "gone": [3]}

EVERY = [
    ["--describe"], ["--describe", "--offsets"], ["--describe", "--offsets", "--verbose"],
    ["--describe", "--members"], ["--describe", "--members", "--verbose"],
    ["--describe", "--state"], ["--describe", "--state", "--verbose"],
]
LISTS = [
    ["--list"], ["--list", "--state"], ["--list", "--type"], ["--list", "--state", "--type"],
    ["--list", "--state", "Empty"], ["--list", "--state", "stable,PreparingRebalance"],
    ["--list", "--state", "Reconciling"], ["--list", "--type", "consumer"], ["--list", "--type", "Classic"],
    ["--list", "--state", "Stable", "--type", "consumer"],
]

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# A KIP-848 member id of librdkafka: 16 bytes in base64.
SHORT_ID = re.compile(r"(?<!\S)[A-Za-z0-9+/_-]{22}(?!\S)")
BROKER = re.compile(r"127\.0\.0\.1:\d+\s+\(\d+\)")
EPOCHS = {"GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH", "CURRENT-EPOCH", "TARGET-EPOCH"}


class Member:
    """A librdkafka member that polls until it is told to stand still, and commits what it is told."""

    def __init__(self, bootstrap, group, topics, client, **settings):
        config = {
            "bootstrap.servers": bootstrap, "group.id": group, "client.id": client, "log_level": 0,
            "enable.auto.commit": False, "auto.offset.reset": "earliest",
        }
        config.update({name.replace("_", "."): value for name, value in settings.items()})
        self.group = group
        self.owned = set()
        self._moves = threading.Event()
        self._moves.set()
        self._stop = threading.Event()
        self._to_commit = ()
        self._committed = queue.Queue()
        self._client = Consumer(config)
        self._client.subscribe(topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
        self._thread = threading.Thread(target=self._poll, daemon=True, name=client)
        self._thread.start()

    def _assigned(self, _client, partitions):
        self.owned |= {(at.topic, at.partition) for at in partitions}

    def _revoked(self, _client, partitions):
        self.owned -= {(at.topic, at.partition) for at in partitions}

    def _poll(self):
        while not self._stop.is_set():
            if self._moves.wait(0.1):
                self._client.poll(0.05)
            if self._to_commit:
                try:
                    commit(self._client, *self._to_commit)
                    self._committed.put(None)
                except KafkaException as error:
                    self._committed.put(error)
                self._to_commit = ()

    def stand_still(self):
        """Polls no more: heartbeats go on, but nothing is given up and no group is joined again."""
        self._moves.clear()
        time.sleep(0.2)

    def go_on(self):
        self._moves.set()

    def commit(self, *offsets):
        # The client lets one thread in at a time, and the one that polls hardly ever goes.
        self._to_commit = offsets
        error = self._committed.get(timeout=SETTLE_SECONDS)
        if error:
            raise error

    def close(self):
        self._stop.set()
        self._thread.join()
        self._client.close()


class _NeverDone(RangePartitionAssignor):
    """The leader of a group with it joins, and never comes to the sync."""

    name = "never-done"
    gate = threading.Event()

    @classmethod
    def assign(cls, *args, **kwargs):
        cls.gate.wait()
        return super().assign(*args, **kwargs)


def commit(client, *offsets):
    """Commits (topic, partition, offset[, metadata]) and waits for the answer."""
    wanted = [TopicPartition(at[0], at[1], at[2], *at[3:]) for at in offsets]
    for done in client.commit(offsets=wanted, asynchronous=False):
        if done.error:
            raise KafkaException(done.error)


class History:
    """The broker's side of the run: plays the history and keeps what the tool said."""

    def __init__(self, broker, jvm, directory):
        self.broker = broker
        self.jvm = jvm
        self.world = World(broker.bootstrap, jvm, directory, broker, isinstance(broker, Oracle))
        self.members = {}
        self.groups = []
        self.said = []

    def member(self, name, group, topics, **settings):
        if group not in self.groups:
            self.groups.append(group)
        self.members[name] = Member(self.broker.bootstrap, group, topics, f"client-{name}", **settings)
        return self.members[name]

    def close(self, *names):
        for name in names or list(self.members):
            self.members.pop(name).close()

    def tool(self, *args):
        code, out, err = self.jvm.call("consumer-groups", "--bootstrap-server", self.broker.bootstrap, *args,
                                       timeout=TOOL_SECONDS)
        return code, (out + err).decode()

    def state(self, group):
        """State and number of members."""
        _, said = self.tool("--describe", "--group", group, "--state")
        lines = [line.split() for line in said.splitlines() if line.strip()]
        head = next((i for i, line in enumerate(lines) if line[0] == "GROUP"), None)
        return (lines[head + 1][-2], int(lines[head + 1][-1])) if head is not None else (said.strip(), 0)

    def settle(self, group, state, count, owned=None):
        """Waits until the group is in this state with so many members, which have `owned` partitions."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            seen = self.state(group)
            has = sorted(len(member.owned) for member in self.members.values() if member.group == group)
            if seen == (state, count) and (owned is None or has == sorted(owned)):
                return
            expect(time.monotonic() < deadline,
                   f"{group} is {seen} with {has} partitions owned after {SETTLE_SECONDS} s, not "
                   f"{(state, count)} with {owned}")
            time.sleep(0.1)

    def look(self, moment):
        """Asks the tool everything."""
        asked = LISTS + [[*way, "--all-groups"] for way in EVERY]
        asked += [[*way, "--group", group] for group in [*self.groups, "never-heard-of"] for way in EVERY]
        asked.append(["--describe", "--group", self.groups[0], "--group", self.groups[1]])
        self.ask(moment, asked)

    def ask(self, moment, asked):
        started = time.monotonic()
        for words in asked:
            code, said = self.tool(*words)
            self.said.append((f"{moment}: {' '.join(words)}", code, normal(said)))
        print(f"    {moment}: {len(asked)} commands in {time.monotonic() - started:.0f} s")


def normal(said):
    """The lines of the tool's answer, without what may differ; each table's rows in order."""
    lines, rows, columns = [], None, []
    for line in said.splitlines():
        line = UUID.sub("<id>", BROKER.sub("<broker>", SHORT_ID.sub("<id>", line)))
        line = line.replace("COORDINATOR (ID)", "COORDINATOR")
        words = line.split()
        if words and words[0] == "GROUP":
            lines += sorted(rows or [])
            lines.append(" ".join(words))
            rows, columns = [], words
        elif rows is not None and words:
            rows.append(" ".join(_without_epochs(words, columns)))
        else:
            lines += [*sorted(rows or []), " ".join(words)]
            rows = None
    return [line for line in [*lines, *sorted(rows or [])] if line]


def _without_epochs(words, columns):
    if len(words) != len(columns):
        return words
    return [
        "<epoch>" if column in EPOCHS and word.isdigit() else word for word, column in zip(words, columns)
    ]


def play(history):
    """The history; the same calls in the same order whoever the broker is."""
    bootstrap = history.broker.bootstrap
    _topics(history)
    _classic(history)
    _consumer(history)
    _only_offsets(history, bootstrap)
    stuck = _stuck(history, bootstrap)
    history.look("alive")
    _move_on(history, stuck)
    history.look("moved on")
    history.close("p")
    # Its place is kept for 45 s.
    history.settle("consumer-static", "Reconciling", 2)
    history.ask("static member away", [[*way, "--group", "consumer-static"] for way in EVERY])
    history.close()
    # A static member of the old kind leaves when its session ends, one of the new kind within 45 s.
    for group in history.groups:
        if group != "classic-static":
            history.settle(group, "Empty", 0)
    history.look("all closed")
    _delete(history)
    history.look("deleted")
    history.broker.stop()
    history.broker.start()
    history.settle("classic-static", "Stable", 2)
    history.look("restarted")


def _topics(history):
    admin = AdminClient({"bootstrap.servers": history.broker.bootstrap, "log_level": 0})
    wanted = [NewTopic(name, len(counts), 1) for name, counts in TOPICS.items()]
    for future in admin.create_topics(wanted).values():
        future.result(30)
    for name, counts in TOPICS.items():
        for partition, count in enumerate(counts):
            if count:
                confluent.produce(history.world, name, small_set(count), partition=partition)
    for future in admin.delete_records([TopicPartition("orders", 1, 6)]).values():
        future.result(30)


def _classic(history):
    """Two with a share each, static ones, one without partitions, a cooperative group, one that left."""
    range_settings = {"partition_assignment_strategy": "range"}
    first = history.member("a", "classic", ["orders"], **range_settings)
    history.settle("classic", "Stable", 1, [3])
    history.member("b", "classic", ["orders"], **range_settings)
    history.settle("classic", "Stable", 2, [1, 2])
    first.commit(("orders", 0, 4), ("orders", 1, 3, "behind the start"))

    static = {**range_settings, "session_timeout_ms": 1_200_000, "max_poll_interval_ms": 1_200_000}
    for name in ("x", "y"):
        history.member(name, "classic-static", ["returns"], group_instance_id=f"instance-{name}", **static)
    history.settle("classic-static", "Stable", 2, [1, 1])
    history.members["x"].commit(("returns", 0, 5))

    for name in ("i", "j"):
        history.member(name, "classic-idle", ["audit"], **range_settings)
    history.settle("classic-idle", "Stable", 2, [0, 1])

    cooperative = {"partition_assignment_strategy": "cooperative-sticky"}
    history.member("c", "classic cooperative", ["orders", "returns"], **cooperative)
    history.settle("classic cooperative", "Stable", 1, [5])
    history.members["c"].commit(("orders", 1, 20), ("returns", 1, 1, "half / way"))

    history.member("l", "classic-left", ["returns"], **range_settings)
    history.settle("classic-left", "Stable", 1, [2])
    history.members["l"].commit(("returns", 0, 2), ("returns", 1, 7))
    history.close("l")
    history.settle("classic-left", "Empty", 0)


def _consumer(history):
    """The same with KIP-848; a group of both protocols; a subscription by regular expression."""
    new = {"group_protocol": "consumer"}
    history.member("m", "consumer", ["orders"], **new)
    history.member("n", "consumer", ["returns"], **new)
    history.settle("consumer", "Stable", 2, [2, 3])
    history.members["m"].commit(("orders", 0, 10), ("orders", 1, 7, "some"))
    history.members["n"].commit(("returns", 1, 2))

    for name in ("p", "q"):
        history.member(name, "consumer-static", ["returns"], group_instance_id=f"instance-{name}",
                       group_remote_assignor="range", **new)
    history.settle("consumer-static", "Stable", 2, [1, 1])
    history.members["p"].commit(("returns", 0, 1))

    for name in ("s", "t"):
        history.member(name, "consumer-idle", ["audit"], **new)
        history.settle("consumer-idle", "Stable", 1 if name == "s" else 2)
    history.settle("consumer-idle", "Stable", 2, [0, 1])

    history.member("r", "consumer-regex", ["^(ord|aud).*"], **new)
    history.settle("consumer-regex", "Stable", 1, [4])

    history.member("v", "mixed", ["orders"], partition_assignment_strategy="range")
    history.settle("mixed", "Stable", 1, [3])
    history.member("w", "mixed", ["returns"], **new)
    history.settle("mixed", "Stable", 2, [2, 3])
    history.members["v"].commit(("orders", 0, 9))
    history.members["w"].commit(("returns", 0, 3))

    history.member("z", "consumer-left", ["returns"], **new)
    history.settle("consumer-left", "Stable", 1, [2])
    history.members["z"].commit(("returns", 0, 2), ("returns", 1, 6, "left"))
    history.close("z")
    history.settle("consumer-left", "Empty", 0)


def _only_offsets(history, bootstrap):
    """Groups without members: nobody ever joined them."""
    simple = {"simple": [("orders", 0, 2), ("orders", 2, 0), ("returns", 0, 100, "past the end")],
              "simple-gone": [("gone", 0, 1), ("audit", 0, 4)]}
    for group, offsets in simple.items():
        history.groups.append(group)
        client = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "log_level": 0})
        commit(client, *offsets)
        client.close()


def _stuck(history, bootstrap):
    """Groups held between two assignments; returns what must be let go of later."""
    for name in ("e", "f"):
        member = history.member(name, "classic-preparing", ["orders"], partition_assignment_strategy="range")
        if name == "e":
            history.settle("classic-preparing", "Stable", 1, [3])
            member.commit(("orders", 0, 1))
            member.stand_still()
    history.settle("classic-preparing", "PreparingRebalance", 2)

    for name in ("g", "h"):
        member = history.member(name, "consumer-reconciling", ["orders"], group_protocol="consumer")
        if name == "g":
            history.settle("consumer-reconciling", "Stable", 1, [3])
            member.commit(("orders", 0, 1))
            member.stand_still()
    history.settle("consumer-reconciling", "Reconciling", 2)
    # With its next heartbeat the first is told what to give up.
    time.sleep(HEARTBEAT_SECONDS + 1)

    group = "classic-completing"
    history.groups.append(group)
    client = KafkaConsumer("orders", bootstrap_servers=bootstrap, group_id=group, client_id="client-k",
                           enable_auto_commit=False, session_timeout_ms=120_000,
                           partition_assignment_strategy=[_NeverDone])
    _NeverDone.gate.clear()
    stop = threading.Event()

    def poll():
        while not stop.is_set():
            client.poll(timeout_ms=100)
        client.close()

    thread = threading.Thread(target=poll, daemon=True)
    thread.start()
    history.settle(group, "CompletingRebalance", 1)

    def let_go():
        _NeverDone.gate.set()
        history.settle(group, "Stable", 1)
        stop.set()
        thread.join()

    return let_go


def _move_on(history, stuck):
    """The held groups go on; members leave, commits are made, records come and a topic goes."""
    stuck()
    for name in ("e", "g"):
        history.members[name].go_on()
    history.settle("classic-preparing", "Stable", 2, [1, 2])
    history.settle("consumer-reconciling", "Stable", 2, [1, 2])
    history.close("b", "n", "w")
    history.settle("classic", "Stable", 1, [3])
    history.settle("consumer", "Stable", 1, [3])
    history.settle("mixed", "Stable", 1)
    history.members["a"].commit(("orders", 0, 10), ("orders", 2, 0))
    confluent.produce(history.world, "orders", small_set(3), partition=2)
    # Leaves, but its place is kept for its next life.
    history.close("x")
    admin = AdminClient({"bootstrap.servers": history.broker.bootstrap, "log_level": 0})
    for future in admin.delete_topics(["gone"]).values():
        future.result(30)
    time.sleep(2)


def _delete(history):
    for words in (["--delete", "--group", "classic-left"], ["--delete", "--group", "simple-gone"],
                  ["--delete-offsets", "--group", "consumer-left", "--topic", "returns:0"],
                  ["--reset-offsets", "--group", "simple", "--topic", "orders", "--to-earliest", "--execute"],
                  ["--delete", "--group", "never-heard-of"]):
        code, said = history.tool(*words)
        history.said.append((f"delete: {' '.join(words)}", code, normal(said)))


def compare(ours, theirs):
    """Prints what differs; returns how many answers are the same and how many are not."""
    same = different = 0
    for (title, code, said), (_, want_code, want) in zip(ours, theirs):
        if (code, said) == (want_code, want):
            same += 1
            continue
        different += 1
        print(f"\nDIFFERS {title}")
        head = [f"exit code {want_code}"], [f"exit code {code}"]
        for line in difflib.unified_diff(head[0] + want, head[1] + said, "Apache Kafka", "Highwater", lineterm="", n=1):
            print(f"    {line}")
    return same, different


def run(broker, jvm):
    directory = tempfile.mkdtemp(prefix="highwater-describe-")
    history = History(broker, jvm, directory)
    try:
        broker.start()
        play(history)
    finally:
        for member in history.members.values():
            member.close()
        broker.close()
        shutil.rmtree(directory, ignore_errors=True)
    return history.said


def main(arguments):
    parser = argparse.ArgumentParser(prog="tests/clients/groups describe", description=__doc__)
    parser.add_argument("--kafka", metavar="DIR", required=True,
                        help="the Apache Kafka that DIR/start and DIR/stop control; its data is removed first")
    parser.add_argument("--write", metavar="DIR", help="write what both said, normalised, to files in DIR")
    args = parser.parse_args(arguments)
    jvm = Jvm()
    said = {}
    try:
        oracle = Oracle(args.kafka)
        oracle.stop()
        shutil.rmtree(oracle.data, ignore_errors=True)
        for name, broker in (("Apache Kafka", oracle), ("Highwater", Broker(os.environ["HIGHWATER_BIN"]))):
            print(f"{name} on {broker.bootstrap}")
            said[name] = run(broker, jvm)
    finally:
        jvm.close()
    if args.write:
        os.makedirs(args.write, exist_ok=True)
        for name, answers in said.items():
            with open(os.path.join(args.write, name.split()[-1].lower() + ".txt"), "w") as file:
                for title, code, lines in answers:
                    file.write(f"$ {title}  [{code}]\n" + "".join(f"{line}\n" for line in lines) + "\n")
    same, different = compare(said["Highwater"], said["Apache Kafka"])
    print(f"\n{same} passed, {different} failed", flush=True)
    return 1 if different or not same else 0
