"""A member of a group: librdkafka, kafka-python or aiokafka. What it says is in process.py."""

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
import time

POLL_SECONDS = 0.1
# As many as one poll gives; librdkafka gives them one by one.
POLL_RECORDS = 200
ERROR_SECONDS = 0.1


def say(event, **what):
    """One line in one write, so that kill -9 loses none that was written."""
    line = json.dumps({"at": time.time(), "event": event, **what}) + "\n"
    os.write(1, line.encode())


class Member:
    """What the clients have in common: what is read and not committed, and when to stop."""

    def __init__(self, args):
        self.args = args
        self.stop = threading.Event()
        # Partition -> the offset to commit.
        self.pending = {}
        self.owned = set()

    def assigned(self, partitions, generation):
        self.owned |= set(partitions)
        say("assigned", partitions=sorted(partitions), generation=generation)

    def ended(self, event, partitions):
        """`event` is `revoked` or `lost`."""
        for partition in partitions:
            self.pending.pop(partition, None)
        self.owned -= set(partitions)
        say(event, partitions=sorted(partitions))

    def record(self, partition, offset, value):
        say("record", partition=partition, offset=offset, value=(value or b"").decode(errors="replace"))
        self.pending[partition] = offset + 1

    def committed(self, offsets):
        say("committed", offsets={str(partition): offset for partition, offset in offsets.items()})
        for partition, offset in offsets.items():
            if self.pending.get(partition) == offset:
                del self.pending[partition]

    def error(self, error):
        say("error", text=f"{type(error).__name__}: {error}")


def run_rdkafka(member):
    from confluent_kafka import Consumer, KafkaException, TopicPartition

    args = member.args
    config = {"bootstrap.servers": args.bootstrap, "group.id": args.group, "enable.auto.commit": False,
              "auto.offset.reset": "earliest", "error_cb": member.error}
    if args.kind == "rdkafka-consumer":
        config["group.protocol"] = "consumer"
    elif args.kind == "rdkafka-cooperative":
        config["partition.assignment.strategy"] = "cooperative-sticky"
    config.update(args.settings)
    client = Consumer(config)
    # The client does not tell its generation.
    started, assignments = time.time(), 0

    def on_assign(_, partitions):
        nonlocal assignments
        assignments += 1
        member.assigned([at.partition for at in partitions], f"{started:.3f}/{assignments}")

    def ending(event):
        return lambda _, partitions: member.ended(event, [at.partition for at in partitions])

    client.subscribe([args.topic], on_assign=on_assign, on_revoke=ending("revoked"), on_lost=ending("lost"))
    while not member.stop.is_set():
        for at in range(POLL_RECORDS):
            message = client.poll(0 if at else POLL_SECONDS)
            if message is None:
                break
            if message.error():
                member.error(KafkaException(message.error()))
            else:
                member.record(message.partition(), message.offset(), message.value())
        if member.pending:
            offsets = dict(member.pending)
            wanted = [TopicPartition(args.topic, at, offset) for at, offset in offsets.items()]
            try:
                answers = client.commit(offsets=wanted, asynchronous=False)
                for answer in answers:
                    if answer.error:
                        raise KafkaException(answer.error)
                member.committed(offsets)
            except KafkaException as error:
                member.error(error)
    client.close()


def run_kafka_python(member):
    from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
    from kafka.errors import KafkaError
    from kafka.structs import OffsetAndMetadata

    args = member.args
    client = None
    while client is None:
        try:
            client = KafkaConsumer(**{
                "bootstrap_servers": args.bootstrap, "group_id": args.group, "enable_auto_commit": False,
                "auto_offset_reset": "earliest", **python_settings(args.settings),
            })
        except KafkaError as error:  # no broker yet
            member.error(error)
            if member.stop.wait(ERROR_SECONDS):
                return

    class Listener(ConsumerRebalanceListener):
        def on_partitions_assigned(self, assigned):
            generation = client._coordinator.generation_if_stable()
            member.assigned([at.partition for at in assigned], generation and generation.generation_id)

        def on_partitions_revoked(self, revoked):
            member.ended("revoked", [at.partition for at in revoked])

        def on_partitions_lost(self, lost):
            member.ended("lost", [at.partition for at in lost])

    client.subscribe([args.topic], listener=Listener())
    while not member.stop.is_set():
        try:
            for messages in client.poll(timeout_ms=int(POLL_SECONDS * 1000), max_records=POLL_RECORDS).values():
                for message in messages:
                    member.record(message.partition, message.offset, message.value)
            if member.pending:
                offsets = dict(member.pending)
                client.commit({TopicPartition(args.topic, at): OffsetAndMetadata(offset, "", -1)
                               for at, offset in offsets.items()})
                member.committed(offsets)
        except KafkaError as error:
            member.error(error)
            member.stop.wait(ERROR_SECONDS)
    client.close()


async def run_aiokafka(member):
    from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
    from aiokafka.errors import KafkaError

    args = member.args

    class Listener(ConsumerRebalanceListener):
        async def on_partitions_assigned(self, assigned):
            member.assigned([at.partition for at in assigned], client._coordinator.generation)

        async def on_partitions_revoked(self, revoked):
            member.ended("revoked", [at.partition for at in revoked])

    while True:
        client = AIOKafkaConsumer(**{
            "bootstrap_servers": args.bootstrap, "group_id": args.group, "enable_auto_commit": False,
            "auto_offset_reset": "earliest", **python_settings(args.settings),
        })
        client.subscribe([args.topic], listener=Listener())
        try:
            await client.start()
            break
        except KafkaError as error:  # no broker yet
            member.error(error)
            await client.stop()
            if member.stop.is_set():
                return
            await asyncio.sleep(ERROR_SECONDS)
    while not member.stop.is_set():
        try:
            answer = await client.getmany(timeout_ms=int(POLL_SECONDS * 1000), max_records=POLL_RECORDS)
            for messages in answer.values():
                for message in messages:
                    member.record(message.partition, message.offset, message.value)
            if member.pending:
                offsets = dict(member.pending)
                await client.commit({TopicPartition(args.topic, at): offset for at, offset in offsets.items()})
                member.committed(offsets)
        except KafkaError as error:
            member.error(error)
            await asyncio.sleep(ERROR_SECONDS)
    # It calls no listener when it stops.
    member.ended("revoked", list(member.owned))
    await client.stop()


def python_settings(settings):
    """Java's names and texts as kafka-python's and aiokafka's: session_timeout_ms=6000."""
    def value(text):
        return int(text) if text.lstrip("-").isdigit() else {"true": True, "false": False}.get(text, text)
    return {key.replace(".", "_"): value(text) for key, text in settings.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind")
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--group", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    args = parser.parse_args()
    args.settings = dict(setting.split("=", 1) for setting in args.set)
    member = Member(args)
    signal.signal(signal.SIGTERM, lambda *_: member.stop.set())
    say("start")
    if args.kind.startswith("rdkafka-"):
        run_rdkafka(member)
    elif args.kind == "kafka-python":
        run_kafka_python(member)
    elif args.kind == "aiokafka":
        asyncio.run(run_aiokafka(member))
    else:
        sys.exit(f"no kind {args.kind}")
    say("closed")


if __name__ == "__main__":
    main()
