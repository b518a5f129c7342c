"""Consumer groups: members of every client, alone, in pairs and mixed."""

import json
import time

from ..clients import confluent, kcat
from ..members import Aio, Confluent, Java, KafkaJs, KafkaPython, wait_until
from ..records import small_set
from ..world import expect, expect_equal

PARTITIONS = 4
PER_PARTITION = 25


def _confluent(protocol):
    return lambda world, group, topic: Confluent(world, group, topic, protocol)


def _java(kind):
    return lambda world, group, topic: Java(world, group, topic, kind)


# name, how a member is made
KINDS = [
    ("Java eager", _java("java-eager")),
    ("Java cooperative", _java("java-cooperative")),
    ("Java KIP-848", _java("java-consumer")),
    ("confluent-kafka eager", _confluent("range")),
    ("confluent-kafka cooperative", _confluent("cooperative-sticky")),
    ("confluent-kafka KIP-848", _confluent("consumer")),
    ("kafka-python", KafkaPython),
    ("aiokafka", Aio),
    ("kafkajs", KafkaJs),
]


def run(world, report):
    topic = report.run("groups: a topic of four partitions", _topic, world, always=True)
    if topic is None:
        return
    for name, member in KINDS:
        report.run(f"groups: {name} alone, twice", _alone, world, topic, name, member)
        report.run(f"groups: {name} in pairs", _pair, world, name, member)
    report.run("groups: kcat -G", _kcat, world, topic)
    report.run("groups: console consumer by subscription, classic", _console, world, topic, "classic")
    report.run("groups: console consumer by subscription, KIP-848", _console, world, topic, "consumer")
    for protocol in ("classic", "consumer"):
        report.run(f"groups: kafka-verifiable-consumer, {protocol}", _verifiable, world, topic, protocol)
    report.run("groups: kafka-consumer-perf-test", _perf, world, topic)
    report.run("groups: a classic and a KIP-848 member together", _mixed, world, topic)
    report.run("groups: a killed kafkajs member is noticed", _killed, world, topic)


def _topic(world):
    (topic,) = world.create("groups", partitions=PARTITIONS)
    _produce(world, topic)
    return topic


def _produce(world, topic):
    for partition in range(PARTITIONS):
        confluent.produce(world, topic, small_set(PER_PARTITION, f"p{partition}"), partition=partition)


def _everything(rounds=1):
    """What is in the topic after so many calls of `_produce`."""
    return {(partition, offset) for partition in range(PARTITIONS) for offset in range(rounds * PER_PARTITION)}


def _group(world, *words):
    return world.topic("-".join(words).replace(" ", "-"))


def _alone(world, topic, name, make):
    """All of it once; a second life of the group begins where the first one stopped."""
    group = _group(world, "alone", name)
    member = make(world, group, topic)
    try:
        wait_until(lambda: len(member.records) >= len(_everything()), "not all was read", [member])
    finally:
        member.close()
    expect_equal(sorted(member.records), sorted(_everything()), "what was read")
    again = make(world, group, topic)
    try:
        wait_until(lambda: len(again.owned) == PARTITIONS, "not everything was assigned", [again])
        time.sleep(1)
    finally:
        again.close()
    expect_equal(again.records, [], "what was read again")


def _pair(world, name, make):
    """Two share what there is, without overlap; the one that stays gets all of it, and nothing is lost on the way."""
    group = _group(world, "pair", name)
    (topic,) = world.create("-".join(["pair", *name.split()]), partitions=PARTITIONS)
    _produce(world, topic)
    first = make(world, group, topic)
    second = None
    try:
        wait_until(lambda: len(first.owned) == PARTITIONS, "the first does not have all", [first])
        second = make(world, group, topic)
        both = [first, second]
        half = PARTITIONS // 2
        wait_until(lambda: [len(member.owned) for member in both] == [half, half], "no halves", both)
        expect_equal(first.owned | second.owned, set(range(PARTITIONS)), "what both have")
        _produce(world, topic)
        wait_until(lambda: set(first.records) | set(second.records) == _everything(2), "not both rounds", both)
        expect({partition for partition, _ in second.records} <= second.owned, "it read what it does not have")
        expect(any(offset >= PER_PARTITION for _, offset in second.records), "the second read nothing")
        second.close()
        wait_until(lambda: len(first.owned) == PARTITIONS, "the first did not get all back", [first])
        _produce(world, topic)
        wait_until(lambda: set(first.records) | set(second.records) == _everything(3), "not all was read", [first])
    finally:
        first.close()
        if second is not None:
            second.close()


def _kcat(world, topic):
    group = _group(world, "kcat")
    count = len(_everything())
    out = kcat.run(world, "-G", group, "-c", count, "-q", "-f", "%p %o\n", "-X", "auto.offset.reset=earliest", topic)
    seen = {tuple(map(int, line.split())) for line in out.decode().splitlines()}
    expect_equal(sorted(seen), sorted(_everything()), "what was read")


def _console(world, topic, protocol):
    count = len(_everything())
    lines = world.jvm.ok(
        "console-consumer", "--bootstrap-server", world.bootstrap, "--topic", topic, "--from-beginning",
        "--group", _group(world, "console", protocol), "--max-messages", count, "--timeout-ms", 40000,
        "--command-property", f"group.protocol={protocol}",
    ).splitlines()
    expect_equal(len(lines), count, "lines")
    expect_equal(len(set(lines)), count, "different lines")


def _verifiable(world, topic, protocol):
    said = world.jvm.alone(
        "verifiable-consumer", "--bootstrap-server", world.bootstrap, "--topic", topic,
        "--group-id", _group(world, "verifiable", protocol), "--max-messages", len(_everything()),
        "--reset-policy", "earliest", "--group-protocol", protocol,
    )
    events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    counts = [event["count"] for event in events if event["name"] == "records_consumed"]
    expect_equal(sum(counts), len(_everything()), "records consumed")
    expect('"name":"partitions_assigned"' in said, said[:300])
    expect('"name":"offsets_committed"' in said and '"success":false' not in said, said[-300:])


def _perf(world, topic):
    said = world.jvm.ok(
        "consumer-perf-test", "--bootstrap-server", world.bootstrap, "--topic", topic,
        "--group", _group(world, "perf"), "--num-records", len(_everything()), "--timeout", 40000,
    )
    expect(f", {len(_everything())}, " in said, said[:400])


def _mixed(world, topic):
    """A KIP-848 member makes the classic group a consumer group, and the classic one stays in it."""
    group = _group(world, "mixed")
    classic = Confluent(world, group, topic, "cooperative-sticky")
    newer = None
    try:
        wait_until(lambda: len(classic.owned) == PARTITIONS, "the classic one does not have all", [classic])
        newer = Confluent(world, group, topic, "consumer")
        both = [classic, newer]
        half = PARTITIONS // 2
        wait_until(lambda: [len(member.owned) for member in both] == [half, half], "no halves", both)
        newer.close()
        wait_until(lambda: len(classic.owned) == PARTITIONS, "the classic one did not get all back", [classic])
    finally:
        classic.close()
        if newer is not None:
            newer.close()


def _killed(world, topic):
    """Kafka waits for the end of the session, here 30 s; we see the connection close."""
    group = _group(world, "killed")
    first = KafkaJs(world, group, topic)
    second = KafkaJs(world, group, topic)
    both = [first, second]
    try:
        half = PARTITIONS // 2
        wait_until(lambda: [len(member.owned) for member in both] == [half, half], "no halves", both)
        # How often it sends heartbeats is known once some were seen.
        time.sleep(3)
        first.kill()
        seconds = 60 if world.is_oracle else 20
        wait_until(lambda: len(second.owned) == PARTITIONS, "the other did not get all", [second], seconds)
    finally:
        second.close()
