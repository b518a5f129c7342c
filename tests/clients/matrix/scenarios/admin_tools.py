"""Apache Kafka's own command-line tools."""

import json
import os
import re
import time

from ..clients import confluent
from ..records import BASE_TIME_MS, small_set
from ..world import expect, expect_equal

EXPECTED = os.path.join(os.environ["CLIENTS_DIR"], "expected", "api-versions.txt")


def run(world, report):
    report.run("tools: kafka-broker-api-versions", _api_versions, world)
    report.run("tools: kafka-topics create, describe, list", _topics_create, world)
    report.run("tools: kafka-topics refusals", _topics_refusals, world)
    report.run("tools: kafka-topics alter", _topics_alter, world)
    report.run("tools: kafka-topics delete", _topics_delete, world)
    report.run("tools: kafka-topics with a replica assignment", _topics_assignment, world)
    report.run("tools: kafka-configs of a topic", _configs_topic, world)
    report.run("tools: kafka-configs refusals", _configs_refusals, world)
    report.run("tools: kafka-configs of brokers", _configs_brokers, world)
    report.run("tools: kafka-get-offsets", _get_offsets, world)
    report.run("tools: kafka-delete-records", _delete_records, world)
    report.run("tools: kafka-log-dirs", _log_dirs, world)
    report.run("tools: kafka-producer-perf-test", _producer_perf, world)
    report.run("tools: kafka-verifiable-producer", _verifiable_producer, world)
    report.run("tools: kafka-cluster", _cluster, world)


def _tool(world, tool, *args, **how):
    return world.jvm.ok(tool, "--bootstrap-server", world.bootstrap, *args, **how)


def _refused(world, tool, *args):
    """What a tool that must fail says."""
    code, out, err = world.jvm.call(tool, "--bootstrap-server", world.bootstrap, *args)
    expect(code != 0, f"kafka-{tool} {' '.join(map(str, args))} succeeded")
    return (out + err).decode(errors="replace")


def _api_versions(world):
    said = _tool(world, "broker-api-versions")
    got = {}
    for name, key, low, high in re.findall(r"(\w+)\((\d+)\): (\d+)(?: to (\d+))?", said):
        got[int(key)] = (name, int(low), int(high or low))
    want = {}
    with open(EXPECTED) as lines:
        for line in lines:
            if not line.startswith("#"):
                key, name, low, high = line.split()
                want[int(key)] = (name, int(low), int(high))
    if world.is_oracle:
        got = {key: row for key, row in got.items() if key in want}
    missing = [row for key, row in want.items() if got.get(key) != row]
    extra = [row for key, row in got.items() if want.get(key) != row]
    expect(not missing and not extra, f"missing {missing}, listed instead or besides {extra}")


def _describe(world, topic):
    """(the topic's line as a dictionary, its partitions' lines likewise)."""
    if world.is_oracle:
        time.sleep(0.5)  # Apache Kafka answers a creation before its brokers know of it
    lines = _tool(world, "topics", "--describe", "--topic", topic).splitlines()
    rows = [dict(re.findall(r"(\w+): ([^\t]*)", line)) for line in lines if line.strip()]
    return rows[0], rows[1:]


def _topics_create(world):
    topic = world.topic("tools-create")
    said = _tool(world, "topics", "--create", "--topic", topic, "--partitions", 3, "--replication-factor", 1,
                 "--config", "retention.ms=-1", "--config", "max.message.bytes=2000000")
    expect_equal(said.strip(), f"Created topic {topic}.", "kafka-topics --create says")
    head, partitions = _describe(world, topic)
    expect_equal((head["Topic"], head["PartitionCount"], head["ReplicationFactor"]), (topic, "3", "1"), "describe")
    expect(re.fullmatch(r"[A-Za-z0-9_-]{22}", head["TopicId"]), f"topic id {head['TopicId']!r}")
    configs = set(head["Configs"].split(","))
    expect({"retention.ms=-1", "max.message.bytes=2000000"} <= configs, f"configs {configs}")
    expect_equal([row["Partition"] for row in partitions], ["0", "1", "2"], "partitions")
    for row in partitions:
        expect(row["Leader"] == row["Replicas"] == row["Isr"] != "none", f"{row}")
    listed = _tool(world, "topics", "--list").split()
    expect(topic in listed, "kafka-topics --list does not name the topic")
    for condition in ("--under-replicated-partitions", "--unavailable-partitions", "--under-min-isr-partitions"):
        expect_equal(_tool(world, "topics", "--describe", "--topic", topic, condition).strip(), "", condition)


def _topics_refusals(world):
    (topic,) = world.create("tools-refusals")
    cases = [
        (["--create", "--topic", topic], "TopicExistsException"),
        (["--create", "--topic", world.topic("bad name")], "InvalidTopicException"),
        (["--create", "--topic", world.topic("zero"), "--partitions", 0], "greater than 0"),
        (["--create", "--topic", world.topic("far"), "--replication-factor", 3], "InvalidReplicationFactor"),
        (["--create", "--topic", topic.replace("-", "_", 1) + ".x"], None),
        (["--create", "--topic", topic.replace("-", "_", 1) + "_x"], "InvalidTopicException"),
        (["--create", "--topic", world.topic("value"), "--config", "retention.ms=soon"], "Invalid value soon"),
        (["--describe", "--topic", world.topic("nosuch")], "does not exist"),
        (["--delete", "--topic", world.topic("nosuch")], "does not exist"),
        (["--alter", "--topic", topic, "--partitions", 1], "InvalidPartitionsException"),
    ]
    for args, words in cases:
        if words is None:
            _tool(world, "topics", *args)
        else:
            said = _refused(world, "topics", *args)
            expect(words in said, f"kafka-topics {' '.join(map(str, args))} says {said[:300]!r}")
    _tool(world, "topics", "--create", "--topic", topic, "--if-not-exists")
    _tool(world, "topics", "--delete", "--topic", world.topic("nosuch"), "--if-exists")


def _topics_alter(world):
    (topic,) = world.create("tools-alter", partitions=2)
    confluent.produce(world, topic, small_set(3), partition=1)
    _tool(world, "topics", "--alter", "--topic", topic, "--partitions", 5)
    head, partitions = _describe(world, topic)
    expect_equal((head["PartitionCount"], len(partitions)), ("5", 5), "partitions")
    confluent.produce(world, topic, small_set(4), partition=4)
    read = confluent.consume(world, topic, "earliest", 4, partition=4)
    expect_equal([record.value for record in read], [record.value for record in small_set(4)], "new partition")
    read = confluent.consume(world, topic, "earliest", 3, partition=1)
    expect_equal(len(read), 3, "records of an old partition")
    said = _refused(world, "topics", "--alter", "--topic", topic, "--partitions", 2)
    expect("InvalidPartitionsException" in said, f"kafka-topics --alter says {said[:300]!r}")


def _topics_delete(world):
    (topic,) = world.create("tools-delete")
    confluent.produce(world, topic, small_set(5))
    old_id = _describe(world, topic)[0]["TopicId"]
    _tool(world, "topics", "--delete", "--topic", topic)
    expect(topic not in _tool(world, "topics", "--list").split(), "the topic is still listed")
    _tool(world, "topics", "--create", "--topic", topic)
    expect(_describe(world, topic)[0]["TopicId"] != old_id, "the new topic has the old id")
    said = _tool(world, "get-offsets", "--topic", topic)
    expect_equal(said.strip(), f"{topic}:0:0", "the new topic's end")
    confluent.produce(world, topic, small_set(1, "new"))
    (read,) = confluent.consume(world, topic, "earliest", 1)
    expect_equal(read.value, b"new-0", "the new topic's first record")


def _topics_assignment(world):
    node = json.loads(_log_dirs_json(world))["brokers"][0]["broker"]
    topic = world.topic("tools-assignment")
    _tool(world, "topics", "--create", "--topic", topic, "--replica-assignment", f"{node},{node}")
    _, partitions = _describe(world, topic)
    expect_equal([row["Replicas"] for row in partitions], [str(node)] * 2, "replicas")
    said = _refused(
        world, "topics", "--create", "--topic", world.topic("tools-nobody"), "--replica-assignment", "4711"
    )
    expect("4711" in said or "InvalidReplicaAssignment" in said, f"an unknown broker: {said[:300]!r}")


def _configs(world, *args):
    """`kafka-configs --describe` as a dictionary; `sensitive` and synonyms are kept apart."""
    said = _tool(world, "configs", "--describe", *args)
    return {name: (value, synonyms) for name, value, synonyms in
            re.findall(r"^  (\S+?)=(.*?) sensitive=\w+ synonyms=\{(.*)\}$", said, re.MULTILINE)}


def _configs_topic(world):
    (topic,) = world.create("tools-configs", max_message_bytes="2000000")
    of_topic = ["--entity-type", "topics", "--entity-name", topic]
    dynamic = _configs(world, *of_topic)
    expect_equal(dynamic["max.message.bytes"][0], "2000000", "max.message.bytes")
    expect("DYNAMIC_TOPIC_CONFIG:max.message.bytes=2000000" in dynamic["max.message.bytes"][1], f"{dynamic}")
    expect("DEFAULT_CONFIG:message.max.bytes=1048588" in dynamic["max.message.bytes"][1], f"{dynamic}")
    everything = _configs(world, "--all", *of_topic)
    for key, value in {"cleanup.policy": "delete", "compression.type": "producer", "retention.ms": "604800000",
                       "segment.bytes": "1073741824", "min.insync.replicas": "1", "retention.bytes": "-1",
                       "index.interval.bytes": "4096", "message.timestamp.type": "CreateTime",
                       "message.timestamp.after.max.ms": "3600000", "flush.messages": "9223372036854775807",
                       "unclean.leader.election.enable": "false", "file.delete.delay.ms": "60000"}.items():
        expect_equal(everything.get(key, ("missing",))[0], value, key)
    said = _tool(world, "configs", "--alter", *of_topic,
                 "--add-config", "retention.ms=3600000,cleanup.policy=[compact,delete]")
    expect_equal(said.strip(), f"Completed updating config for topic {topic}.", "kafka-configs --alter says")
    dynamic = _configs(world, *of_topic)
    expect_equal(dynamic["retention.ms"][0], "3600000", "retention.ms")
    expect_equal(dynamic["cleanup.policy"][0], "compact,delete", "cleanup.policy")
    _tool(world, "configs", "--alter", *of_topic, "--delete-config", "retention.ms,cleanup.policy")
    dynamic = _configs(world, *of_topic)
    expect("retention.ms" not in dynamic and "cleanup.policy" not in dynamic, f"still set: {dynamic}")
    _check_max_message_bytes(world, topic, of_topic)


def _check_max_message_bytes(world, topic, of_topic):
    """A changed limit holds for the very next produce."""
    record = confluent.Record(b"k", b"x" * 1_500_000)
    confluent.produce(world, topic, [record], request_bytes_max=3_000_000)
    _tool(world, "configs", "--alter", *of_topic, "--add-config", "max.message.bytes=1000")
    try:
        confluent.produce(world, topic, [confluent.Record(b"k", b"y" * 2000)])
    except confluent.KafkaException as error:
        expect_equal(error.args[0].name(), "MSG_SIZE_TOO_LARGE", "error")
    else:
        raise AssertionError("a record above the new max.message.bytes was taken")


def _configs_refusals(world):
    (topic,) = world.create("tools-configs-refusals")
    of_topic = ["--entity-type", "topics", "--entity-name", topic]
    for change, words in [
        ("segment.bytes=abc", "segment.bytes"),
        ("segment.bytes=5", "segment.bytes"),
        ("no.such.key=1", "no.such.key"),
        ("cleanup.policy=burn", "burn"),
        ("min.insync.replicas=0", "min.insync.replicas"),
    ]:
        said = _refused(world, "configs", "--alter", *of_topic, "--add-config", change)
        expect(words in said and "InvalidConfigurationException" in said, f"{change}: {said[:400]!r}")
    said = _refused(world, "configs", "--alter", "--entity-type", "topics", "--entity-name",
                    world.topic("nosuch"), "--add-config", "retention.ms=1000")
    expect("UnknownTopicOrPartition" in said or "does not exist" in said, f"unknown topic: {said[:400]!r}")
    dynamic = _configs(world, *of_topic)
    expect("segment.bytes" not in dynamic, f"a refused change took effect: {dynamic}")


def _configs_brokers(world):
    everywhere = ["--entity-type", "brokers", "--entity-default"]
    node = json.loads(_log_dirs_json(world))["brokers"][0]["broker"]
    one = ["--entity-type", "brokers", "--entity-name", str(node)]
    all_of_one = _configs(world, "--all", *one)
    for key, value in {"num.partitions": "1", "auto.create.topics.enable": "true", "log.segment.bytes": "1073741824",
                       "message.max.bytes": "1048588", "log.retention.hours": "168"}.items():
        expect_equal(all_of_one.get(key, ("missing",))[0], value, key)
    _tool(world, "configs", "--alter", *everywhere, "--add-config", "log.retention.ms=1000000000")
    try:
        expect_equal(_configs(world, *everywhere)["log.retention.ms"][0], "1000000000", "log.retention.ms")
        (topic,) = world.create("tools-configs-default")
        got = _configs(world, "--all", "--entity-type", "topics", "--entity-name", topic)["retention.ms"]
        expect_equal(got[0], "1000000000", "a topic's retention.ms from the cluster default")
        expect("DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=1000000000" in got[1], f"synonyms {got[1]}")
    finally:
        _tool(world, "configs", "--alter", *everywhere, "--delete-config", "log.retention.ms")
    expect("log.retention.ms" not in _configs(world, *everywhere), "still set after --delete-config")


def _get_offsets(world):
    (topic,) = world.create("tools-offsets", partitions=2)
    records = small_set(10)
    # The record with the greatest time is not the last one.
    swapped = records[:4] + [records[9]] + records[5:9] + [records[4]]
    confluent.produce(world, topic, swapped, partition=1)
    for when, offsets in {
        "-1": "0 10", "latest": "0 10", "-2": "0 0", "earliest": "0 0", "-3": "none 4", "max-timestamp": "none 4",
        "-4": "0 0", "earliest-local": "0 0", "-5": "none none", "latest-tiered": "none none",
        "-6": "none none", "earliest-pending-upload": "none none",
        str(BASE_TIME_MS + 2500): "none 3", str(BASE_TIME_MS + 10**7): "none none",
    }.items():
        want = [f"{topic}:{i}:{offset}" for i, offset in enumerate(offsets.split()) if offset != "none"]
        said = _tool(world, "get-offsets", "--topic", topic, "--time", when)
        # A time that no record has: Kafka's tool leaves the partition out or prints nothing after the colon.
        got = [line for line in said.split() if re.search(r":\d+$", line)]
        expect_equal(got, want, f"--time {when}")
    said = _tool(world, "get-offsets", "--topic-partitions", f"{topic}:1-2")
    expect_equal(said.split(), [f"{topic}:1:10"], "--topic-partitions")


def _delete_records(world):
    (topic,) = world.create("tools-delete-records", partitions=2)
    confluent.produce(world, topic, small_set(10))

    def delete(partition, offset):
        path = world.write("delete.json", json.dumps(
            {"partitions": [{"topic": topic, "partition": partition, "offset": offset}], "version": 1}))
        return _tool(world, "delete-records", "--offset-json-file", path)

    expect("low_watermark: 3" in delete(0, 3), "delete up to 3")
    said = _tool(world, "get-offsets", "--topic", topic, "--time", "earliest")
    expect_equal(said.split(), [f"{topic}:0:3", f"{topic}:1:0"], "first offsets")
    read = confluent.consume(world, topic, "earliest", 7)
    expect_equal((read[0].offset, read[0].value), (3, b"r-3"), "the first record left")
    expect("low_watermark: 3" in delete(0, 2), "delete up to an offset already gone")
    expect("OffsetOutOfRange" in delete(0, 99), "delete past the end")
    expect("low_watermark: 10" in delete(0, -1), "delete up to the high watermark")
    said = _tool(world, "get-offsets", "--topic", topic, "--time", "earliest")
    expect_equal(said.split(), [f"{topic}:0:10", f"{topic}:1:0"], "first offsets of an emptied partition")
    confluent.produce(world, topic, small_set(1, "after"))
    (read,) = confluent.consume(world, topic, "earliest", 1)
    expect_equal((read.offset, read.value), (10, b"after-0"), "the record after")


def _log_dirs_json(world, *args):
    said = _tool(world, "log-dirs", "--describe", *args)
    return next(line for line in said.splitlines() if line.startswith("{"))


def _log_dirs(world):
    (topic,) = world.create("tools-log-dirs", partitions=2)
    confluent.produce(world, topic, small_set(10), partition=1)
    (broker,) = json.loads(_log_dirs_json(world, "--topic-list", topic))["brokers"]
    directories = broker["logDirs"]
    expect_equal([directory["error"] for directory in directories], [None] * len(directories), "errors")
    sizes = {row["partition"]: row["size"] for directory in directories for row in directory["partitions"]}
    expect_equal(set(sizes), {f"{topic}-0", f"{topic}-1"}, "partitions")
    expect(sizes[f"{topic}-0"] == 0 < sizes[f"{topic}-1"], f"sizes {sizes}")


def _producer_perf(world):
    (topic,) = world.create("tools-perf", partitions=2)
    for acks, codec in (("all", "lz4"), ("1", "none")):
        said = world.jvm.ok(
            "producer-perf-test", "--bootstrap-server", world.bootstrap, "--topic", topic, "--num-records", 20000,
            "--record-size", 100, "--throughput", -1, "--command-property", f"acks={acks}", "linger.ms=5",
            "batch.size=65536", f"compression.type={codec}", f"enable.idempotence={str(acks == 'all').lower()}",
        )
        expect("20000 records sent" in said, f"acks={acks}: {said[-300:]!r}")
    ends = _tool(world, "get-offsets", "--topic", topic).split()
    expect_equal(sum(int(line.rsplit(":", 1)[1]) for line in ends), 40000, "records in the topic")


def _verifiable_producer(world):
    (topic,) = world.create("tools-verifiable")
    said = world.jvm.alone("verifiable-producer", "--bootstrap-server", world.bootstrap, "--topic", topic,
                           "--max-messages", 500, "--throughput", -1, "--acks", -1)
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    sent = {line["value"]: line["offset"] for line in lines if line["name"] == "producer_send_success"}
    (sums,) = [line for line in lines if line["name"] == "tool_data"]
    expect_equal((sums["sent"], sums["acked"], len(sent)), (500, 500, 500), "sent, acked, told")
    for record in confluent.consume(world, topic, "earliest", 500):
        expect_equal(sent[record.value.decode()], record.offset, f"offset of {record.value!r}")


def _cluster(world):
    said = _tool_of(world, "cluster", "cluster-id")
    expect(re.search(r"Cluster ID: \S+", said), f"cluster-id says {said!r}")
    said = _tool_of(world, "cluster", "list-endpoints")
    host, port = world.bootstrap.split(":")
    rows = [line.split() for line in said.splitlines() if "unfenced" in line]
    expect(any(row[1:3] == [host, port] for row in rows), f"list-endpoints says {said!r}")


def _tool_of(world, tool, verb):
    return world.jvm.ok(tool, verb, "--bootstrap-server", world.bootstrap)
