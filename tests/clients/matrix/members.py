"""Members of consumer groups, one class per client, all with the same face.

A member subscribes to one topic when it is made and reads in the background. `owned` are the
partitions that its client says it has, by its assign and revoke callbacks; `records` what it read,
as (partition, offset); `close()` commits and leaves. `kill()`, where there is one, is `kill -9`.
"""

import asyncio
import json
import os
import subprocess
import threading
import time

from aiokafka import AIOKafkaConsumer
from aiokafka import ConsumerRebalanceListener as AioListener
from confluent_kafka import Consumer, KafkaException
from kafka import KafkaConsumer
from kafka import ConsumerRebalanceListener as PyListener

from .group_runs import process

SCRIPT = os.path.join(os.environ["CLIENTS_DIR"], "node", "client.js")
CLOSE_SECONDS = 30


class _Member:
    """Runs `_body` in a thread until it is told to stop."""

    def __init__(self):
        self.owned = set()
        self.records = []
        self.error = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            self._body()
        except Exception as error:  # shown by whoever waits for this member
            self.error = error
        self.owned = set()

    def close(self):
        self._stop.set()
        self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            raise TimeoutError("the member did not close")
        if self.error:
            raise self.error


class Confluent(_Member):
    """librdkafka; `protocol` is `range`, `cooperative-sticky` or `consumer` (KIP-848)."""

    def __init__(self, world, group, topic, protocol="range", **settings):
        self._topic = topic
        config = {
            "bootstrap.servers": world.bootstrap,
            "group.id": group,
            "log_level": 0,
            "auto.offset.reset": "earliest",
            "auto.commit.interval.ms": 200,
        }
        if protocol == "consumer":
            config["group.protocol"] = "consumer"
        else:
            config["partition.assignment.strategy"] = protocol
            config["heartbeat.interval.ms"] = 500
        config.update({name.replace("_", "."): value for name, value in settings.items()})
        self._config = config
        self._is_incremental = protocol != "range"
        super().__init__()

    def _assigned(self, client, partitions):
        self.owned = self.owned | {partition.partition for partition in partitions}

    def _revoked(self, client, partitions):
        self.owned = self.owned - {partition.partition for partition in partitions}

    def _body(self):
        client = Consumer(self._config)
        client.subscribe([self._topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
        try:
            while not self._stop.is_set():
                message = client.poll(0.1)
                if message is not None:
                    if message.error():
                        raise KafkaException(message.error())
                    self.records.append((message.partition(), message.offset()))
        finally:
            client.close()


class Java:
    """The Java client, a process of its own; `kind` is one of `process.KINDS`."""

    def __init__(self, world, group, topic, kind):
        self._member = process.Member(kind, world.bootstrap, group, topic)

    @property
    def owned(self):
        return self._member.owned

    @property
    def records(self):
        said = [event for event in list(self._member.events) if event["event"] == "record"]
        return [(record["partition"], record["offset"]) for record in said]

    @property
    def error(self):
        return None if self._member.is_running() else RuntimeError(f"it ended: {self._member.last_error()}")

    def close(self):
        self._member.close()


class KafkaPython(_Member):
    def __init__(self, world, group, topic):
        self._topic = topic
        self._config = {
            "bootstrap_servers": world.bootstrap,
            "group_id": group,
            "auto_offset_reset": "earliest",
            "auto_commit_interval_ms": 200,
            "heartbeat_interval_ms": 500,
        }
        super().__init__()

    def _body(self):
        member = self

        class Listener(PyListener):
            def on_partitions_assigned(self, assigned):
                member.owned = member.owned | {at.partition for at in assigned}

            def on_partitions_revoked(self, revoked):
                member.owned = member.owned - {at.partition for at in revoked}

        client = KafkaConsumer(**self._config)
        client.subscribe([self._topic], listener=Listener())
        try:
            while not self._stop.is_set():
                for messages in client.poll(timeout_ms=100).values():
                    self.records += [(message.partition, message.offset) for message in messages]
        finally:
            client.close()


class Aio(_Member):
    def __init__(self, world, group, topic):
        self._topic = topic
        self._config = {
            "bootstrap_servers": world.bootstrap,
            "group_id": group,
            "auto_offset_reset": "earliest",
            "auto_commit_interval_ms": 200,
            "heartbeat_interval_ms": 500,
        }
        super().__init__()

    def _body(self):
        asyncio.run(self._read())

    async def _read(self):
        member = self

        class Listener(AioListener):
            async def on_partitions_assigned(self, assigned):
                member.owned = member.owned | {at.partition for at in assigned}

            async def on_partitions_revoked(self, revoked):
                member.owned = member.owned - {at.partition for at in revoked}

        client = AIOKafkaConsumer(**self._config)
        client.subscribe([self._topic], listener=Listener())
        await client.start()
        try:
            while not self._stop.is_set():
                for messages in (await client.getmany(timeout_ms=100)).values():
                    self.records += [(message.partition, message.offset) for message in messages]
        finally:
            await client.stop()


class KafkaJs(_Member):
    """A node process that says on its output what it is given and what it reads."""

    def __init__(self, world, group, topic):
        job = {"bootstrap": world.bootstrap, "do": "member", "group": group, "topic": topic}
        self._process = subprocess.Popen(
            ["node", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        self._process.stdin.flush()
        super().__init__()

    def _body(self):
        for line in self._process.stdout:
            said = json.loads(line)
            if "owned" in said:
                self.owned = set(said["owned"])
            else:
                self.records.append((said["partition"], int(said["offset"])))
        if self._process.wait() not in (0, -9):
            raise RuntimeError(self._process.stderr.read().decode(errors="replace").strip()[-400:])

    def close(self):
        # The end of its input is the word to leave.
        self._process.stdin.close()
        super().close()

    def kill(self):
        self._process.kill()
        self._thread.join(CLOSE_SECONDS)


def wait_until(condition, what, members=(), seconds=40):
    """Waits for `condition()`; says `what` was waited for, and how its members stand, if it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        for member in members:
            if member.error:
                raise member.error
        if time.monotonic() > deadline:
            state = [(sorted(member.owned), len(member.records)) for member in members]
            raise TimeoutError(f"{what} after {seconds} s; members (owned, records): {state}")
        time.sleep(0.02)
