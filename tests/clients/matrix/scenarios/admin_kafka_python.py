"""kafka-python's admin client, which goes to the newest versions we advertise."""

import uuid

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, OffsetSpec
from kafka.errors import OffsetOutOfRangeError, TopicAlreadyExistsError
from kafka.errors import UnknownTopicOrPartitionError

from ..clients import confluent
from ..records import small_set
from ..world import expect, expect_equal


def run(world, report):
    report.run("admin: kafka-python topics", _with_client, world, _topics)
    report.run("admin: kafka-python configs", _with_client, world, _configs)
    report.run("admin: kafka-python records, offsets, log dirs", _with_client, world, _records)


def _with_client(world, body):
    admin = KafkaAdminClient(bootstrap_servers=world.bootstrap)
    try:
        body(world, admin)
    finally:
        admin.close()


def _fails(error, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error:
        return
    raise AssertionError(f"{call.__name__} did not raise {error.__name__}")


def _topics(world, admin):
    topic = world.topic("admin-kafka-python")
    admin.create_topics({topic: {"num_partitions": 2, "configs": {"retention.ms": "3600000"}}})
    admin.wait_for_topics([topic])
    expect(topic in admin.list_topics(), "list_topics")
    (found,) = admin.describe_topics([topic])
    expect_equal(len(found["partitions"]), 2, "partitions")
    (by_id,) = admin.describe_topics([uuid.UUID(str(found["topic_id"]))])
    expect_equal(by_id["name"], topic, "the topic asked for by id")
    _fails(TopicAlreadyExistsError, admin.create_topics, {topic: {}})
    admin.create_partitions({topic: 3})
    (found,) = admin.describe_topics([topic])
    expect_equal(len(found["partitions"]), 3, "partitions after growing")
    cluster = admin.describe_cluster()
    expect(cluster["cluster_id"] and cluster["brokers"], f"describe_cluster {cluster}")
    admin.delete_topics([topic])
    expect(topic not in admin.list_topics(), "the deleted topic is listed")
    _fails(UnknownTopicOrPartitionError, admin.delete_topics, [topic])


def _value(admin, topic, key):
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    configs = admin.describe_configs([resource], config_filter="all")["topic"][topic]
    return configs[key]["value"] if isinstance(configs[key], dict) else configs[key]


def _configs(world, admin):
    (topic,) = world.create("admin-kafka-python-configs", retention_ms="3600000")
    expect_equal(_value(admin, topic, "retention.ms"), "3600000", "retention.ms")
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "7200000"})])
    expect_equal(_value(admin, topic, "retention.ms"), "7200000", "retention.ms")
    admin.alter_configs(
        [ConfigResource(ConfigResourceType.TOPIC, topic, {"segment.ms": "60000"})], incremental=False
    )
    expect_equal(_value(admin, topic, "segment.ms"), "60000", "segment.ms")
    admin.reset_configs([ConfigResource(ConfigResourceType.TOPIC, topic, ["retention.ms"])])
    expect_equal(_value(admin, topic, "retention.ms"), "604800000", "retention.ms after reset")
    bad = ConfigResource(ConfigResourceType.TOPIC, topic, {"segment.ms": "often"})
    answer = str(admin.alter_configs([bad]))
    expect("InvalidConfig" in answer or "INVALID_CONFIG" in answer, f"a bad value is answered with {answer[:300]}")


def _records(world, admin):
    (topic,) = world.create("admin-kafka-python-records")
    confluent.produce(world, topic, small_set(10))
    at = TopicPartition(topic, 0)
    for spec, offset in [(OffsetSpec.EARLIEST, 0), (OffsetSpec.LATEST, 10), (OffsetSpec.MAX_TIMESTAMP, 9)]:
        expect_equal(admin.list_partition_offsets({at: spec})[at].offset, offset, f"{spec}")
    admin.delete_records({at: 4})
    expect_equal(admin.list_partition_offsets({at: OffsetSpec.EARLIEST})[at].offset, 4, "earliest after deletion")
    _fails(OffsetOutOfRangeError, admin.delete_records, {at: 99})
    (broker,) = admin.describe_log_dirs({topic: [0]})
    expect("log_dirs" in broker or "results" in broker, f"describe_log_dirs {broker}")
