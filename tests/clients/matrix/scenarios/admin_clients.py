"""The admin clients of the Python packages and of kafkajs."""

import json

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions as AioNewPartitions, NewTopic as AioNewTopic
from aiokafka.admin import RecordsToDelete as AioRecordsToDelete
from aiokafka.admin.config_resource import ConfigResource as AioConfigResource
from aiokafka.admin.config_resource import ConfigResourceType as AioConfigResourceType
from aiokafka import TopicPartition as AioTopicPartition
from confluent_kafka import TopicCollection, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, OffsetSpec
from confluent_kafka.admin import ResourceType

from ..clients import aio, confluent, kafkajs, kcat
from ..records import small_set
from ..world import error_name, expect, expect_equal
from . import admin_kafka_python

SECONDS = 30


def run(world, report):
    report.run("admin: confluent-kafka topics", _confluent_topics, world)
    report.run("admin: confluent-kafka configs", _confluent_configs, world)
    report.run("admin: confluent-kafka records and offsets", _confluent_records, world)
    report.run("admin: confluent-kafka cluster", _confluent_cluster, world)
    admin_kafka_python.run(world, report)
    report.run("admin: aiokafka", _aiokafka, world)
    report.run("admin: kafkajs", _kafkajs, world)
    report.run("admin: kcat metadata", _kcat_metadata, world)
    report.run("admin: names that collide or are illegal", _names, world)


def _only(futures):
    (future,) = futures.values()
    return future.result(SECONDS)


def _confluent_topics(world):
    admin = world.admin()
    (topic,) = world.create("admin-confluent", partitions=2, retention_ms="3600000")
    found = _only(admin.describe_topics(TopicCollection([topic])))
    expect_equal([partition.id for partition in found.partitions], [0, 1], "partitions")
    expect(not found.is_internal and str(found.topic_id) != "AAAAAAAAAAAAAAAAAAAAAA", "the topic's id")
    again = admin.create_topics([confluent_new_topic(topic)])
    expect_equal(error_name(_only, again), "TOPIC_ALREADY_EXISTS", "a second creation")
    bad = admin.create_topics([confluent_new_topic(world.topic("factor"), replication_factor=7)])
    expect_equal(error_name(_only, bad), "INVALID_REPLICATION_FACTOR", "factor 7")
    dry = admin.create_topics([confluent_new_topic(world.topic("dry"))], validate_only=True)
    _only(dry)
    expect(world.topic("dry") not in admin.list_topics(timeout=SECONDS).topics, "validate_only created a topic")
    _only(admin.create_partitions([NewPartitions(topic, 4)]))
    metadata = admin.list_topics(topic, timeout=SECONDS).topics[topic]
    expect_equal(sorted(metadata.partitions), [0, 1, 2, 3], "partitions after growing")
    shrink = admin.create_partitions([NewPartitions(topic, 3)])
    expect_equal(error_name(_only, shrink), "INVALID_PARTITIONS", "shrinking")
    _only(admin.delete_topics([topic]))
    gone = admin.delete_topics([topic])
    expect_equal(error_name(_only, gone), "UNKNOWN_TOPIC_OR_PART", "a second deletion")


def confluent_new_topic(name, **how):
    return NewTopic(name, num_partitions=1, **{"replication_factor": 1, **how})


def _confluent_configs(world):
    admin = world.admin()
    (topic,) = world.create("admin-confluent-configs")
    resource = ConfigResource(ResourceType.TOPIC, topic)
    set_one = ConfigResource(
        ResourceType.TOPIC, topic,
        incremental_configs=[ConfigEntry("retention.ms", "7200000", incremental_operation=AlterConfigOpType.SET)],
    )
    _only(admin.incremental_alter_configs([set_one]))
    append = ConfigResource(
        ResourceType.TOPIC, topic,
        incremental_configs=[
            ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.APPEND)
        ],
    )
    _only(admin.incremental_alter_configs([append]))
    configs = _only(admin.describe_configs([resource]))
    expect_equal(configs["retention.ms"].value, "7200000", "retention.ms")
    expect(not configs["retention.ms"].is_default and configs["segment.bytes"].is_default, "is_default")
    expect_equal(configs["cleanup.policy"].value, "delete,compact", "cleanup.policy after append")
    # The old call replaces all: what it does not name is as if never set.
    _only(admin.alter_configs([ConfigResource(ResourceType.TOPIC, topic, set_config={"segment.ms": "60000"})]))
    configs = _only(admin.describe_configs([resource]))
    expect_equal(configs["segment.ms"].value, "60000", "segment.ms")
    expect(configs["retention.ms"].is_default, "AlterConfigs kept what it does not name")
    bad = ConfigResource(ResourceType.TOPIC, topic, set_config={"segment.ms": "often"})
    expect_equal(error_name(_only, admin.alter_configs([bad])), "INVALID_CONFIG", "a bad value")
    unknown = ConfigResource(ResourceType.TOPIC, world.topic("nosuch"))
    expect_equal(error_name(_only, admin.describe_configs([unknown])), "UNKNOWN_TOPIC_OR_PART", "unknown topic")


def _confluent_records(world):
    admin = world.admin()
    (topic,) = world.create("admin-confluent-records")
    confluent.produce(world, topic, small_set(10))
    at = TopicPartition(topic, 0)
    for spec, offset in [(OffsetSpec.earliest(), 0), (OffsetSpec.latest(), 10), (OffsetSpec.max_timestamp(), 9)]:
        expect_equal(_only(admin.list_offsets({at: spec})).offset, offset, f"{spec}")
    deleted = _only(admin.delete_records([TopicPartition(topic, 0, 4)]))
    expect_equal(deleted.low_watermark, 4, "low watermark")
    expect_equal(_only(admin.list_offsets({at: OffsetSpec.earliest()})).offset, 4, "earliest after deletion")
    beyond = admin.delete_records([TopicPartition(topic, 0, 99)])
    expect_equal(error_name(_only, beyond), "OFFSET_OUT_OF_RANGE", "deletion past the end")


def _confluent_cluster(world):
    admin = world.admin()
    cluster = admin.describe_cluster().result(SECONDS)
    host, port = world.bootstrap.split(":")
    expect((host, int(port)) in [(node.host, node.port) for node in cluster.nodes], f"nodes {cluster.nodes}")
    expect(cluster.cluster_id and cluster.controller, f"cluster {cluster.cluster_id} {cluster.controller}")


def _aiokafka(world):
    async def body():
        admin = AIOKafkaAdminClient(bootstrap_servers=world.bootstrap)
        await admin.start()
        try:
            await _aiokafka_calls(world, admin)
        finally:
            await admin.close()

    aio.run(body(), 60)


async def _aiokafka_calls(world, admin):
    topic = world.topic("admin-aiokafka")
    await admin.create_topics([AioNewTopic(topic, 2, 1, topic_configs={"retention.ms": "3600000"})])
    expect(topic in await admin.list_topics(), "list_topics")
    (found,) = await admin.describe_topics([topic])
    expect_equal((found["error_code"], len(found["partitions"])), (0, 2), "describe_topics")
    await admin.create_partitions({topic: AioNewPartitions(3)})
    (found,) = await admin.describe_topics([topic])
    expect_equal(len(found["partitions"]), 3, "partitions after growing")
    resource = AioConfigResource(AioConfigResourceType.TOPIC, topic)
    expect_equal(_aio_configs(await admin.describe_configs([resource]))["retention.ms"], "3600000", "retention.ms")
    change = AioConfigResource(AioConfigResourceType.TOPIC, topic, {"retention.ms": "7200000"})
    await admin.alter_configs([change])
    expect_equal(_aio_configs(await admin.describe_configs([resource]))["retention.ms"], "7200000", "retention.ms")
    cluster = await admin.describe_cluster()
    expect(cluster["brokers"], f"describe_cluster {cluster}")
    confluent.produce(world, topic, small_set(10))
    at = AioTopicPartition(topic, 0)
    low = await admin.delete_records({at: AioRecordsToDelete(before_offset=4)})
    expect_equal(low[at], 4, "low watermark")
    await admin.delete_topics([topic])
    expect(topic not in await admin.list_topics(), "the deleted topic is listed")


def _aio_configs(responses):
    (response,) = responses
    (resource,) = response.resources
    error, entries = resource[0], resource[4]
    expect_equal(error, 0, "describe_configs")
    return {entry[0]: entry[1] for entry in entries}


def _kafkajs(world):
    topic = world.topic("admin-kafkajs")

    def calls(*wanted):
        return kafkajs.call(world, {"do": "admin", "calls": wanted})

    created, = calls(["createTopics", {"topics": [
        {"topic": topic, "numPartitions": 2, "configEntries": [{"name": "retention.ms", "value": "3600000"}]}]}])
    expect_equal(created, True, "createTopics")
    confluent.produce(world, topic, small_set(10))
    names, metadata, offsets, by_time, cluster = calls(
        ["listTopics"], ["fetchTopicMetadata", {"topics": [topic]}], ["fetchTopicOffsets", topic],
        ["fetchTopicOffsetsByTimestamp", topic], ["describeCluster"])
    expect(topic in names, "listTopics")
    expect_equal(len(metadata["topics"][0]["partitions"]), 2, "partitions")
    first = next(row for row in offsets if row["partition"] == 0)
    expect_equal((first["low"], first["high"]), ("0", "10"), "offsets")
    expect_equal(len(by_time), 2, "offsets by timestamp")
    expect(cluster["brokers"] and cluster["clusterId"], f"describeCluster {cluster}")
    resource = {"type": 2, "name": topic}
    described, _, altered, after, _, _ = calls(
        ["describeConfigs", {"resources": [resource]}],
        ["createPartitions", {"topicPartitions": [{"topic": topic, "count": 3}]}],
        ["alterConfigs", {"validateOnly": False, "resources": [
            {**resource, "configEntries": [{"name": "retention.ms", "value": "7200000"}]}]}],
        ["describeConfigs", {"resources": [{**resource, "configNames": ["retention.ms"]}]}],
        ["deleteTopicRecords", {"topic": topic, "partitions": [{"partition": 0, "offset": "4"}]}],
        ["fetchTopicMetadata", {"topics": [topic]}])
    entries = {row["configName"]: row["configValue"] for row in described["resources"][0]["configEntries"]}
    expect_equal(entries["retention.ms"], "3600000", "retention.ms")
    expect_equal(altered["resources"][0]["errorCode"], 0, "alterConfigs")
    (entry,) = after["resources"][0]["configEntries"]
    expect_equal(entry["configValue"], "7200000", "retention.ms after alterConfigs")
    offsets, _, names = calls(["fetchTopicOffsets", topic], ["deleteTopics", {"topics": [topic]}], ["listTopics"])
    first = next(row for row in offsets if row["partition"] == 0)
    expect_equal((first["low"], len(offsets)), ("4", 3), "low offset, partitions")
    expect(topic not in names, "the deleted topic is listed")


def _kcat_metadata(world):
    (topic,) = world.create("admin-kcat", partitions=3)
    everything = json.loads(kcat.run(world, "-L", "-J"))
    host_port = [row["name"] for row in everything["brokers"]]
    expect(world.bootstrap in host_port, f"brokers {host_port}")
    found = next(row for row in everything["topics"] if row["topic"] == topic)
    expect_equal([row["partition"] for row in found["partitions"]], [0, 1, 2], "partitions")
    one = json.loads(kcat.run(world, "-L", "-J", "-t", topic))
    expect_equal([row["topic"] for row in one["topics"]], [topic], "topics asked for by name")


def _names(world):
    admin = world.admin()
    _only(admin.create_topics([confluent_new_topic(world.topic("dot.one"))]))
    for name, error in [
        (world.topic("dot_one"), "TOPIC_EXCEPTION"),
        (world.topic("white space"), "TOPIC_EXCEPTION"),
        ("..", "TOPIC_EXCEPTION"),
        ("x" * 250, "TOPIC_EXCEPTION"),
    ]:
        expect_equal(error_name(_only, admin.create_topics([confluent_new_topic(name)])), error, repr(name[:30]))
    longest = world.topic("x" * 240)[:249]
    _only(admin.create_topics([confluent_new_topic(longest)]))
    confluent.produce(world, longest, small_set(1))
    expect_equal(len(confluent.consume(world, longest, "earliest", 1)), 1, "a name of 249 characters")
    _only(admin.delete_topics([longest]))
