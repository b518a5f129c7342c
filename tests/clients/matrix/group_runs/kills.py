"""Members killed with -9 at random, in groups of four, while the broker is killed too.

For every kind of client a group of four members reads a topic of twelve partitions, while two
idempotent producers write numbered records. Members are killed and started again, thirty times a
kind; about half of the kills are aimed into a rebalance. The broker, one for all groups, is killed
and restarted ten times meanwhile. Then the producers stop, the members process what was
acknowledged, and close. What everybody said is checked by history.py.
"""

import argparse
import itertools
import os
import random
import shutil
import tempfile
import threading
import time
import unittest

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from ..broker import Broker, Oracle, is_serving
from . import history, history_test
from .process import CONSUMER_PROTOCOL, KINDS, Member

PARTITIONS = 12
MEMBERS = 4
PRODUCERS = 2
# A member is down this long after a kill.
DOWN_SECONDS = (0.2, 2.5)
# Before a kill, of a member or of the broker, that is not aimed at anything.
GAP_SECONDS = (2, 14)
# A group may not become whole for long while the broker is killed.
WHOLE_SECONDS = 20
BROKER_GAP_SECONDS = (5, 30)
BROKER_DOWN_SECONDS = (0, 1.5)
# An aimed kill waits so long for a rebalance to begin, and then a part of a second.
AIM_SECONDS = 10
AIMED_DELAY_SECONDS = (0, 0.4)
JOIN_SECONDS = 120
DRAIN_SECONDS = 180
FETCH_SECONDS = 60
# A broker on a machine that is busy with other things.
START_SECONDS = 120

# Short enough that a member killed while the broker is down holds its partitions for seconds only.
SESSION_MS = 20000
CONSUMER_PROTOCOL_BROKER = {
    "group.consumer.min.session.timeout.ms": SESSION_MS,
    "group.consumer.session.timeout.ms": SESSION_MS,
    # librdkafka drops the answer to a heartbeat after one interval, with the assignment in it.
    "group.consumer.min.heartbeat.interval.ms": 3000,
    "group.consumer.heartbeat.interval.ms": 3000,
}
_CLASSIC = {"session.timeout.ms": SESSION_MS, "heartbeat.interval.ms": 1000}
_RECONNECT = {"reconnect.backoff.max.ms": 1000}
# Where the broker dies while it joins, librdkafka may do nothing until it asks for metadata again.
_RDKAFKA = {"topic.metadata.refresh.interval.ms": 5000}
_KAFKAJS = {"fetch.max.wait.ms": 500, "retries": 1000000, "retry.backoff.ms": 100, "retry.backoff.max.ms": 1000}


def settings_of(kind):
    """Sessions and reconnects in seconds, so that thirty kills fit into minutes."""
    settings = {} if kind in CONSUMER_PROTOCOL else dict(_CLASSIC)
    if kind == "kafkajs":
        return {**settings, **_KAFKAJS}
    if kind.startswith("rdkafka-"):
        settings.update(_RDKAFKA)
    return settings if kind == "aiokafka" else {**settings, **_RECONNECT}


class Numbered:
    """An idempotent producer of numbered records; `acknowledged` is (partition, offset) -> value."""

    def __init__(self, bootstrap, topic, name, rate, seed):
        self.acknowledged = {}
        self.failures = []
        self._client = Producer({
            "bootstrap.servers": bootstrap, "enable.idempotence": True, "message.timeout.ms": 600000,
            "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 500, "log_level": 0,
        })
        self._topic, self._name, self._rate = topic, name, rate
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name=name)
        self._thread.start()

    def close(self):
        """Stops and waits for what is in flight; raises if something was not acknowledged."""
        self._stop.set()
        self._thread.join()
        left = self._client.flush(DRAIN_SECONDS)
        if left or self.failures:
            raise RuntimeError(f"{self._name}: {left} records unanswered, failed: {self.failures[:3]}")

    def _run(self):
        for number in itertools.count():
            self._client.produce(self._topic, f"{self._name}-{number}", partition=self._random.randrange(PARTITIONS),
                                 on_delivery=self._delivered)
            self._client.poll(0)
            if self._stop.wait(self._random.uniform(0, 2 / self._rate)):
                return

    def _delivered(self, error, message):
        if error is not None:
            self.failures.append(str(error))
        else:
            self.acknowledged[message.partition(), message.offset()] = message.value().decode()


class Group:
    """Four members of one kind, their topic, its producers, and who was killed."""

    def __init__(self, kind, bootstrap, args, directory):
        self.kind = kind
        self.name = self.topic = f"kills-{kind}-{args.seed}"
        self.kills = 0
        self.has_begun = threading.Event()
        self.error = None
        self.fetched = []
        self._bootstrap, self._args, self._directory = bootstrap, args, directory
        # One for the whole run: librdkafka may crash if it is destroyed while the broker dies.
        # Where no broker answers it begins anew with those it was told first (`rebootstrap`, the default), but
        # goes on asking the connection it gave up for the coordinator, of any broker: each request times out.
        self._admin = AdminClient(
            {"bootstrap.servers": bootstrap, "log_level": 0, "metadata.recovery.strategy": "none"})
        self._random = random.Random(f"{args.seed}/{kind}")
        self._numbers = itertools.count(1)
        # Of each member, how far its events were looked at for what is processed.
        self._looked_at = {}
        self._processed = set()
        self.members = []
        self.lives = []
        self.producers = []

    def start(self):
        self.members = [self._new_member(slot) for slot in range(MEMBERS)]
        self.producers = [
            Numbered(self._bootstrap, self.topic, f"p{at}", self._args.rate, f"{self._args.seed}/{self.kind}/{at}")
            for at in range(PRODUCERS)
        ]

    def run(self):
        """Kills members until as many were killed as should be; a failure is kept in `error`."""
        try:
            self.wait_for_all("the first assignment")
            self.has_begun.set()
            while self.kills < self._args.kills:
                # Half of the kills meet a group that is whole again.
                if self._random.random() < 0.5:
                    self._wait(self._is_whole, WHOLE_SECONDS)
                time.sleep(self._random.uniform(*GAP_SECONDS))
                down = [self._kill()]
                if self.kills < self._args.kills and self._random.random() < 0.7:
                    self._restart(down)
                    self._wait_for_rebalance()
                    time.sleep(self._random.uniform(*AIMED_DELAY_SECONDS))
                    down.append(self._kill())
                self._restart(down)
        except Exception as error:  # told by main, with those of the other groups
            self.error = error
        self.has_begun.set()

    def _kill(self):
        slot = self._random.choice([at for at, member in enumerate(self.members) if member.is_running()])
        self.members[slot].kill()
        self.kills += 1
        return slot

    def _restart(self, slots):
        while slots:
            time.sleep(self._random.uniform(*DOWN_SECONDS))
            slot = slots.pop(0)
            self.members[slot] = self._new_member(slot)

    def _wait_for_rebalance(self):
        """Until a member revokes partitions or, in some cases, until the restarted one has begun."""
        seen = {member: len(member.events) for member in self.members}
        awaited = ("revoked",) if self._random.random() < 0.6 else ("revoked", "start")

        def has_begun():
            return any(said["event"] in awaited and said.get("partitions") != []
                       for member in self.members for said in member.events[seen[member]:])

        self._wait(has_begun, AIM_SECONDS)

    def _is_whole(self):
        """Whether every partition is owned, and every member owns some."""
        owned = [len(member.owned) for member in self.members]
        return sum(owned) == PARTITIONS and all(owned)

    @staticmethod
    def _wait(condition, seconds):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def _new_member(self, slot):
        name = f"{self.kind} member {slot}.{next(self._numbers)}"
        errors = os.path.join(self._directory, f"{self.kind}.stderr")
        member = Member(self.kind, self._bootstrap, self.name, self.topic, settings_of(self.kind), name, errors)
        self.lives.append(member)
        return member

    def wait_for_all(self, what="an assignment for all members"):
        if not self._wait(self._is_whole, JOIN_SECONDS):
            state = [(member.name, sorted(member.owned), member.last_error()) for member in self.members]
            raise TimeoutError(f"{self.kind}: {what} did not come within {JOIN_SECONDS} s: {state}")

    def drain(self):
        """Stops the producers and waits until all they were acknowledged is processed."""
        for producer in self.producers:
            producer.close()
        left = set(self.acknowledged())
        deadline = time.monotonic() + DRAIN_SECONDS
        while True:
            left -= self._newly_processed()
            if not left or time.monotonic() > deadline:
                break  # history.py says what is missing
            time.sleep(0.2)

    def acknowledged(self):
        return {key: value for producer in self.producers for key, value in producer.acknowledged.items()}

    def _newly_processed(self):
        for life in self.lives:
            events, seen = life.events, self._looked_at.get(life, 0)
            for said in itertools.islice(events, seen, None):
                seen += 1
                if said["event"] == "record":
                    self._processed.add((said["partition"], said["offset"]))
            self._looked_at[life] = seen
        return self._processed

    def close(self):
        """All members leave and end."""
        for member in self.members:
            member.ask_to_close()
        failures = []
        for member in self.members:
            try:
                member.close()
            except (RuntimeError, TimeoutError) as error:
                failures.append(str(error))
        if failures:
            raise RuntimeError("; ".join(failures))

    def abandon(self):
        """Ends what still runs, whatever failed."""
        for life in self.lives:
            if life.is_running():
                life.kill()

    def fetch_committed(self):
        """What OffsetFetch says now, for the checks."""
        asked = ConsumerGroupTopicPartitions(
            self.name, [TopicPartition(self.topic, partition) for partition in range(PARTITIONS)])
        deadline = time.monotonic() + FETCH_SECONDS
        while True:
            at = time.time()
            try:
                (future,) = self._admin.list_consumer_group_offsets([asked], request_timeout=10).values()
                answered = future.result(FETCH_SECONDS).topic_partitions
                for partition in answered:
                    if partition.error:
                        raise KafkaException(partition.error)
                break
            except KafkaException as error:
                # The broker may be down, or loading, or killed just now.
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{self.kind}: OffsetFetch: {error}") from error
                time.sleep(0.1)
        self.fetched.append((at, {partition.partition: max(partition.offset, -1) for partition in answered}))

    def history(self, broker_kills):
        lives = [history.Life(life.name, life.events, life.killed_at) for life in self.lives]
        return history.History(self.kind, lives, self.acknowledged(), self.fetched, broker_kills)


def start(broker):
    """Starts it, and has patience where it came up and gives no answer yet."""
    try:
        broker.start()
    except RuntimeError:
        host, port = broker.bootstrap.split(":")
        deadline = time.monotonic() + START_SECONDS
        while not is_serving(host, int(port)):
            if time.monotonic() > deadline or broker.process.poll() is not None:
                raise
            time.sleep(0.1)


def kill_broker(broker, groups, args, killed, errors):
    """Kills the broker, spread over the members' kills; after each time asks for every group's offsets."""
    chance = random.Random(f"{args.seed}/broker")
    try:
        for group in groups:
            group.has_begun.wait()
        while len(killed) < args.broker_kills:
            part = args.kills * len(groups) * len(killed) // (args.broker_kills + 1)
            while sum(group.kills for group in groups) < part and not any(group.error for group in groups):
                time.sleep(0.1)
            time.sleep(chance.uniform(*BROKER_GAP_SECONDS))
            killed.append(time.time())
            broker.kill()
            time.sleep(chance.uniform(*BROKER_DOWN_SECONDS))
            start(broker)
            up = time.time()
            for group in groups:
                group.fetch_committed()
            members = sum(group.kills for group in groups)
            print(f"{history.clock(up)} broker killed {len(killed)} times, up {up - killed[-1]:.1f} s after; "
                  f"members killed {members} times")
    except Exception as error:  # told by main
        errors.append(f"the broker: {type(error).__name__}: {error}")


def run_wave(kinds, broker, args, broker_kills, directory):
    """All groups of a wave at once; returns their histories and what went wrong besides."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    groups = [Group(kind, broker.bootstrap, args, directory) for kind in kinds]
    for future in admin.create_topics([NewTopic(group.topic, PARTITIONS, 1) for group in groups]).values():
        future.result(30)
    killed, errors = [], []
    args = argparse.Namespace(**{**vars(args), "broker_kills": broker_kills})
    try:
        for group in groups:
            group.start()
        runs = [threading.Thread(target=group.run, daemon=True, name=group.kind) for group in groups]
        runs.append(threading.Thread(target=kill_broker, args=(broker, groups, args, killed, errors), daemon=True))
        for run in runs:
            run.start()
        for run in runs:
            run.join()
        errors += [f"{type(group.error).__name__}: {group.error}" for group in groups if group.error]
        print(f"{history.clock(time.time())} all kills are done; the members process the rest")
        for group in groups:
            for step in (group.drain, group.wait_for_all, group.close, group.fetch_committed):
                try:
                    step()
                except Exception as error:
                    errors.append(f"{group.kind}: {step.__name__}: {type(error).__name__}: {error}")
    finally:
        for group in groups:
            group.abandon()
    return [group.history(killed) for group in groups], errors


class Verdicts:
    def __init__(self):
        self.passed = self.failed = 0

    def add(self, name, wrong):
        self.failed += bool(wrong)
        self.passed += not wrong
        if wrong:
            print(f"FAILED  {name}: {len(wrong)}")
            for line in wrong[:history.SHOWN]:
                print(f"        {line}")


def judge(told, wanted_kills, verdicts):
    """Checks one history and returns its row of the table."""
    overlaps, fenced = history.check_owned(told)
    verdicts.add(f"{told.kind}: every acknowledged record processed", history.check_processed(told))
    verdicts.add(f"{told.kind}: none again after its commit", history.check_repeats(told))
    verdicts.add(f"{told.kind}: no partition owned twice", overlaps)
    verdicts.add(f"{told.kind}: committed offsets never go back", history.check_committed(told))
    verdicts.add(f"{told.kind}: kills, some in a rebalance", history.check_kills(told, wanted_kills))
    verdicts.add(f"{told.kind}: no member ended by itself", history.check_ends(told))
    for line in fenced:
        print(f"fenced  {line}")
    read = [(said["partition"], said["offset"]) for life in told.lives for said in history.of_life(life, "record")]
    moving, joining = history.kills_in_rebalances(told)
    return (told.kind, sum(life.killed_at is not None for life in told.lives), moving, joining,
            len(told.broker_kills), len(told.acknowledged), len(set(read)), len(read) - len(set(read)),
            sum(1 for life in told.lives for _ in history.of_life(life, "assigned")),
            sum(1 for life in told.lives for _ in history.of_life(life, "committed")),
            len(told.fetched), len(overlaps), len(fenced))


COLUMNS = ("kind", "kills", "in a move", "in a join", "broker kills", "acked", "processed",
           "repeated", "assigns", "commits", "offset fetches", "owned twice", "fenced")


def print_table(rows):
    widths = [max(len(str(row[at])) for row in [COLUMNS, *rows]) for at in range(len(COLUMNS))]
    for row in [COLUMNS, *rows]:
        print("  ".join(str(cell).ljust(width) if not at else str(cell).rjust(width)
                        for at, (cell, width) in enumerate(zip(row, widths))))


def parse(arguments):
    parser = argparse.ArgumentParser(prog="groups kills", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; all, if none is given")
    parser.add_argument("--kills", type=int, default=30, help="members killed, of each kind")
    parser.add_argument("--broker-kills", type=int, default=10)
    parser.add_argument("--at-once", type=int, default=len(KINDS), help="groups that run at the same time")
    parser.add_argument("--rate", type=float, default=8, help="records a second of each of the two producers")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--oracle", metavar="DIR", help="an Apache Kafka with start and stop scripts instead")
    parser.add_argument("--keep", action="store_true", help="keep the broker's directory")
    parser.add_argument("--self-test", action="store_true", help="only prove that the checks can fail")
    args = parser.parse_args(arguments)
    args.kinds = args.kinds or list(KINDS)
    for kind in args.kinds:
        if kind not in KINDS:
            parser.error(f"no kind {kind}: {', '.join(KINDS)}")
    return args


def self_test():
    suite = unittest.defaultTestLoader.loadTestsFromModule(history_test)
    return 0 if unittest.TextTestRunner().run(suite).wasSuccessful() else 1


def make_broker(args):
    if args.oracle:
        return Oracle(args.oracle)
    overrides = [f"{key}={value}" for key, value in CONSUMER_PROTOCOL_BROKER.items()]
    return Broker(os.environ["HIGHWATER_BIN"], overrides=overrides)


def main(arguments):
    args = parse(arguments)
    if args.self_test:
        return self_test()
    print(f"seed {args.seed}; {args.kills} kills of each of {', '.join(args.kinds)}; "
          f"{args.broker_kills} kills of the broker")
    started = time.monotonic()
    directory = tempfile.mkdtemp(prefix="highwater-kills-")
    broker = make_broker(args)
    verdicts, rows = Verdicts(), []
    try:
        start(broker)
        waves = [args.kinds[at:at + args.at_once] for at in range(0, len(args.kinds), args.at_once)]
        for kinds in waves:
            told, errors = run_wave(kinds, broker, args, args.broker_kills, directory)
            verdicts.add(f"run of {', '.join(kinds)}", errors)
            rows += [judge(one, args.kills, verdicts) for one in told]
    finally:
        if args.keep:
            print(f"kept: {directory} {getattr(broker, 'directory', broker)}")
            broker.kill()
        else:
            broker.close()
            shutil.rmtree(directory, ignore_errors=True)
    print_table(rows)
    print(f"{time.monotonic() - started:.0f} s, seed {args.seed}")
    print(f"{verdicts.passed} passed, {verdicts.failed} failed")
    return 1 if verdicts.failed or not verdicts.passed else 0
