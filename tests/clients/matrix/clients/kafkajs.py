"""kafkajs: produces only; its consumer needs a group and is in `members`."""

import base64
import json
import os
import subprocess

from ..records import Abilities

NAME = "kafkajs"
CODECS = ["none", "gzip", "snappy"]
WRITES = Abilities(null_header=False)
SCRIPT = os.path.join(os.environ["CLIENTS_DIR"], "node", "client.js")


class KafkaJsError(Exception):
    """What the script said before it ended."""


def call(world, job, seconds=60):
    """Runs one job in the script; returns its answer."""
    job = json.dumps({"bootstrap": world.bootstrap, **job})
    done = subprocess.run(["node", SCRIPT], input=job.encode(), capture_output=True, timeout=seconds)
    if done.returncode != 0:
        raise KafkaJsError(done.stderr.decode(errors="replace").strip()[-500:])
    return json.loads(done.stdout)


def _text(data):
    return None if data is None else base64.b64encode(data).decode()


def _chunks(records):
    """One send is one batch, so a big record gets a send of its own."""
    chunk = []
    for record in records:
        if record.value is not None and len(record.value) > 100_000:
            yield chunk
            yield [record]
            chunk = []
        else:
            chunk.append(record)
    yield chunk


def produce(
    world, topic, records, codec="none", acks="all", idempotent=False, partition=0, request_bytes_max=None
):
    sends = [
        [
            {
                "key": _text(record.key),
                "value": _text(record.value),
                "headers": [[name, _text(value)] for name, value in record.headers],
                "timestamp": None if record.timestamp is None else str(record.timestamp),
            }
            for record in chunk
        ]
        for chunk in _chunks(records)
        if chunk
    ]
    job = {
        "do": "produce",
        "topic": topic,
        "codec": codec,
        "acks": {"all": -1}.get(acks) or int(acks),
        "idempotent": idempotent,
        "partition": partition,
        "sends": sends,
    }
    bases = call(world, job)
    if acks == "0":
        return None
    return [int(base) + i for base, chunk in zip(bases, sends) for i in range(len(chunk))]
