"""What every scenario is given: the broker's address, the JVM, names of its own."""

import os
import random

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic


class World:
    """`broker` is None where the broker is somebody's; `is_oracle` where that is Apache Kafka."""

    def __init__(self, bootstrap, jvm, directory, broker=None, is_oracle=False):
        self.bootstrap = bootstrap
        self.jvm = jvm
        self.directory = directory
        self.broker = broker
        self.is_oracle = is_oracle
        self.data = None if broker is None else broker.data
        self._prefix = f"m{random.randrange(10**6):06d}"

    def topic(self, name):
        """A topic name that no other run against the same broker uses."""
        return f"{self._prefix}-{name}"

    @property
    def every_topic(self):
        """A regular expression for the topics of this run."""
        return f"{self._prefix}-.*"

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        path = self.path(name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def admin(self):
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})

    def create(self, *names, partitions=1, **config):
        """Creates topics of this run and returns their whole names; none may exist."""
        config = {key.replace("_", "."): value for key, value in config.items()}
        topics = [self.topic(name) for name in names]
        wanted = [
            NewTopic(topic, num_partitions=partitions, replication_factor=1, config=config) for topic in topics
        ]
        client = self.admin()
        for future in client.create_topics(wanted, request_timeout=30).values():
            future.result(30)
        return topics


def error_name(call, *args, **kwargs):
    """The name of the Kafka error with which a confluent-kafka call fails."""
    try:
        call(*args, **kwargs)
    except KafkaException as error:
        return error.args[0].name()
    return KafkaError(KafkaError.NO_ERROR).name()


def expect(condition, message):
    """`assert` that also counts under -O and says what was seen."""
    if not condition:
        raise AssertionError(message)


def expect_equal(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")
