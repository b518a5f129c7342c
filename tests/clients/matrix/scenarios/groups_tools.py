"""kafka-consumer-groups with all its verbs, and kafka-groups."""

import re
import time
from datetime import datetime, timezone

from ..clients import confluent
from ..members import Confluent, wait_until
from ..records import BASE_TIME_MS, small_set
from ..world import expect, expect_equal

COUNT = 30


def run(world, report):
    topic = report.run("groups tool: a topic of two partitions", _topic, world, always=True)
    if topic is None:
        return
    for protocol in ("range", "consumer"):
        kind = "classic" if protocol == "range" else "KIP-848"
        report.run(f"groups tool: describe a {kind} group", _describe, world, topic, protocol)
    report.run("groups tool: list and filters", _list, world, topic)
    for protocol in ("range", "consumer"):
        kind = "classic" if protocol == "range" else "KIP-848"
        report.run(f"groups tool: reset offsets of a {kind} group", _reset, world, topic, protocol)
    report.run("groups tool: reset by time", _reset_by_time, world, topic)
    report.run("groups tool: export and reset from a file", _reset_from_file, world, topic)
    report.run("groups tool: several groups and topics at once", _several, world, topic)
    report.run("groups tool: delete offsets", _delete_offsets, world, topic)
    report.run("groups tool: delete", _delete, world, topic)
    report.run("groups tool: a group that does not exist", _unknown, world)
    report.run("groups tool: configs of a group", _configs, world)


def _tool(world, *args):
    return world.jvm.ok("consumer-groups", "--bootstrap-server", world.bootstrap, *args)


def _topic(world):
    (topic,) = world.create("groups-tool", partitions=2)
    for partition in range(2):
        confluent.produce(world, topic, small_set(COUNT, f"p{partition}"), partition=partition)
    return topic


def _rows(said):
    """Lines of a table, by the words of its head."""
    lines = [line.split() for line in said.splitlines() if line.strip()]
    head = next(i for i, line in enumerate(lines) if line[0] == "GROUP")
    return [dict(zip(lines[head], line)) for line in lines[head + 1 :]]


def _offsets(world, group):
    said = _tool(world, "--describe", "--group", group)
    return {int(row["PARTITION"]): (row["CURRENT-OFFSET"], row["LAG"]) for row in _rows(said)}


def _read_all(world, group, topic, protocol="range"):
    member = Confluent(world, group, topic, protocol)
    wait_until(lambda: len(member.records) == 2 * COUNT, "not all was read", [member])
    return member


def _describe(world, topic, protocol):
    group = world.topic(f"tool-describe-{protocol}")
    member = _read_all(world, group, topic, protocol)
    try:
        wait_until(
            lambda: _offsets(world, group) == {0: (str(COUNT), "0"), 1: (str(COUNT), "0")}, "no commit", [member]
        )
        (row,) = _rows(_tool(world, "--describe", "--group", group, "--state"))
        expect_equal(row["STATE"], "Stable", "state")
        said = _tool(world, "--describe", "--group", group, "--members", "--verbose")
        (row,) = _rows(said)
        expect_equal((row["HOST"], row["#PARTITIONS"]), ("/127.0.0.1", "2"), "host and partitions")
        expect(f"{topic}(0,1)" in said or f"{topic}:0,1" in said, said)
    finally:
        member.close()
    expect_equal(_offsets(world, group), {0: (str(COUNT), "0"), 1: (str(COUNT), "0")}, "offsets of an empty group")


def _list(world, topic):
    group = world.topic("tool-list")
    member = _read_all(world, group, topic, "consumer")
    try:
        listed = _tool(world, "--list").split()
        expect(group in listed, f"{group} is not in {listed}")
        states = {line.split()[0]: line.split()[1:] for line in _tool(world, "--list", "--state").splitlines() if line}
        expect_equal(states[group][-1], "Stable", "its state")
        types = {line.split()[0]: line.split()[1:] for line in _tool(world, "--list", "--type").splitlines() if line}
        expect("Consumer" in types[group], f"its type: {types[group]}")
        stable = _tool(world, "--list", "--state", "stable")
        expect(group in stable, stable)
        empty = _tool(world, "--list", "--state", "empty")
        expect(group not in empty, empty)
        expect(group in _tool(world, "--list", "--type", "consumer"), "not of type consumer")
        expect(group not in _tool(world, "--list", "--type", "classic"), "of type classic")
        groups = world.jvm.ok("groups", "--bootstrap-server", world.bootstrap, "--list")
        (line,) = [line for line in groups.splitlines() if line.startswith(group + " ")]
        expect_equal(line.split()[1:], ["Consumer", "consumer"], "type and protocol")
    finally:
        member.close()


RESETS = [
    (["--to-earliest"], ["0", "0"]),
    (["--to-latest"], [str(COUNT), str(COUNT)]),
    (["--shift-by", "-7"], [str(COUNT - 7), str(COUNT - 7)]),
    (["--to-offset", "5"], ["5", "5"]),
    (["--to-current"], ["5", "5"]),
    (["--by-duration", "PT0S"], [str(COUNT), str(COUNT)]),
]


def _reset(world, topic, protocol):
    group = world.topic(f"tool-reset-{protocol}")
    _read_all(world, group, topic, protocol).close()
    for how, want in RESETS:
        before = _offsets(world, group)
        _tool(world, "--reset-offsets", "--group", group, "--topic", topic, *how)
        expect_equal(_offsets(world, group), before, f"a dry run of {how}")
        _tool(world, "--reset-offsets", "--group", group, "--topic", topic, *how, "--execute")
        got = _offsets(world, group)
        expect_equal([got[0][0], got[1][0]], want, f"offsets after {how}")
    _tool(world, "--reset-offsets", "--group", group, "--topic", f"{topic}:1", "--to-offset", "9", "--execute")
    expect_equal([at for at, _ in _offsets(world, group).values()], [str(COUNT), "9"], "offsets, one partition reset")
    _tool(world, "--reset-offsets", "--group", group, "--all-topics", "--to-latest", "--execute")
    expect_equal([at for at, _ in _offsets(world, group).values()], [str(COUNT)] * 2, "offsets of all topics")
    member = _read_nothing(world, group, topic, protocol)
    code, out, err = world.jvm.call(
        "consumer-groups", "--bootstrap-server", world.bootstrap, "--reset-offsets", "--group", group,
        "--topic", topic, "--to-earliest", "--execute",
    )
    member.close()
    said = (out + err).decode(errors="replace")
    expect("inactive" in said, f"a group with members was reset: {code} {said[:300]}")


def _reset_by_time(world, topic):
    """The record in the log that is the first at or after a time, not one of its ends."""
    group = world.topic("tool-reset-time")
    _read_all(world, group, topic).close()
    reset = ["--reset-offsets", "--group", group, "--topic", topic]
    at = datetime.fromtimestamp(BASE_TIME_MS / 1000 + 12, timezone.utc).isoformat(timespec="milliseconds")
    _tool(world, *reset, "--to-datetime", at.replace("+00:00", "Z"), "--execute")
    expect_equal([offset for offset, _ in _offsets(world, group).values()], ["12", "12"], "offsets at a time")
    # A record a second: so many come between this moment and that of the tool.
    seconds = int(time.time() - BASE_TIME_MS / 1000) - 5
    _tool(world, *reset, "--by-duration", f"PT{seconds}S", "--execute")
    offsets = [int(offset) for offset, _ in _offsets(world, group).values()]
    expect(offsets[0] == offsets[1] and 5 <= offsets[0] < COUNT, f"{offsets} for {seconds} s ago")


def _reset_from_file(world, topic):
    group = world.topic("tool-reset-file")
    _read_all(world, group, topic).close()
    reset = ["--reset-offsets", "--group", group]
    exported = _tool(world, *reset, "--topic", topic, "--to-offset", "4", "--export", "--dry-run")
    lines = [line for line in exported.splitlines() if topic in line]
    expect_equal(sorted(lines), [f"{topic},0,4", f"{topic},1,4"], "what is exported")
    path = world.write("offsets.csv", "\n".join(lines) + "\n")
    _tool(world, *reset, "--from-file", path, "--execute")
    expect_equal([offset for offset, _ in _offsets(world, group).values()], ["4", "4"], "offsets from a file")


def _several(world, topic):
    groups = [world.topic(f"tool-several-{number}") for number in range(2)]
    for group in groups:
        _read_all(world, group, topic).close()
    named = [word for group in groups for word in ("--group", group)]
    _tool(world, "--reset-offsets", *named, "--topic", topic, "--to-offset", "3", "--execute")
    said = _tool(world, "--describe", "--all-groups", "--offsets")
    for group in groups:
        rows = [line.split() for line in said.splitlines() if line.split()[:2] == [group, topic]]
        expect_equal(sorted(row[2:4] for row in rows), [["0", "3"], ["1", "3"]], f"offsets of {group}")
    said = _tool(world, "--delete", *named)
    expect("was successful" in said, said)
    listed = _tool(world, "--list").split()
    expect(not set(groups) & set(listed), "still listed")


def _read_nothing(world, group, topic, protocol="range"):
    member = Confluent(world, group, topic, protocol)
    wait_until(lambda: len(member.owned) == 2, "nothing was assigned", [member])
    return member


def _delete_offsets(world, topic):
    group = world.topic("tool-delete-offsets")
    _read_all(world, group, topic).close()
    said = _tool(world, "--delete-offsets", "--group", group, "--topic", f"{topic}:0")
    expect("Successful" in said, said)
    expect_equal(sorted(_offsets(world, group)), [1], "partitions with offsets")
    member = _read_nothing(world, group, topic)
    try:
        _, out, err = world.jvm.call(
            "consumer-groups", "--bootstrap-server", world.bootstrap, "--delete-offsets", "--group", group,
            "--topic", f"{topic}:1",
        )
        said = (out + err).decode(errors="replace")
        expect("Error" in said and "Successful" not in said, said)
    finally:
        member.close()


def _delete(world, topic):
    group = world.topic("tool-delete")
    member = _read_all(world, group, topic)
    try:
        _, out, err = world.jvm.call("consumer-groups", "--bootstrap-server", world.bootstrap, "--delete", "--group", group)
        said = (out + err).decode(errors="replace")
        expect("not empty" in said, said)
    finally:
        member.close()
    said = _tool(world, "--delete", "--group", group)
    expect("was successful" in said, said)
    expect(group not in _tool(world, "--list").split(), "it is still listed")


def _unknown(world):
    group = world.topic("tool-unknown")
    for verb in (["--describe"], ["--delete"]):
        _, out, err = world.jvm.call("consumer-groups", "--bootstrap-server", world.bootstrap, *verb, "--group", group)
        said = (out + err).decode(errors="replace")
        expect(re.search("does not exist|GroupIdNotFound|not found", said), f"{verb}: {said[:300]}")


def _configs(world):
    group = world.topic("tool-configs")
    tool = ["configs", "--bootstrap-server", world.bootstrap, "--entity-type", "groups", "--entity-name", group]
    world.jvm.ok(*tool, "--alter", "--add-config", "consumer.session.timeout.ms=50000")
    said = world.jvm.ok(*tool, "--describe")
    expect("consumer.session.timeout.ms=50000" in said, said)
    code, out, err = world.jvm.call(*tool, "--alter", "--add-config", "consumer.session.timeout.ms=1000")
    expect(code != 0, "a session timeout below the broker's least one was taken")
    said = (out + err).decode(errors="replace")
    expect("InvalidConfiguration" in said, said[:300])
    world.jvm.ok(*tool, "--alter", "--delete-config", "consumer.session.timeout.ms")
    expect("50000" not in world.jvm.ok(*tool, "--describe"), "still set")
