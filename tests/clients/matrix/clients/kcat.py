"""kcat from Debian: librdkafka 2.0.2, old on purpose."""

import itertools
import subprocess

from ..records import Abilities, Record

NAME = "kcat"
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
WRITES = Abilities(timestamps=False, binary=False, null_header=False)
READS = Abilities()
SECONDS = 40


class KcatError(Exception):
    """What kcat said before it ended."""


def run(world, *args, stdin=b"", seconds=SECONDS):
    command = ["kcat", "-b", world.bootstrap, *[str(arg) for arg in args]]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=seconds)
    if done.returncode != 0:
        raise KcatError(f"{' '.join(command[3:])}: {done.stderr.decode(errors='replace').strip()[-400:]}")
    return done.stdout


def _runs(records):
    """Headers and the meaning of an empty field are per run of kcat, not per record."""

    def kind(record):
        return record.headers, None in (record.key, record.value)

    return itertools.groupby(records, kind)


def produce(
    world, topic, records, codec="none", acks="all", idempotent=False, partition=0, request_bytes_max=None
):
    common = ["-P", "-t", topic, "-p", partition, "-K", "\t", "-z", codec, "-X", f"acks={acks}",
              "-X", f"enable.idempotence={str(idempotent).lower()}"]
    if request_bytes_max:
        common += ["-X", f"message.max.bytes={request_bytes_max}"]
    for (headers, has_null), group in _runs(records):
        args = list(common)
        for name, value in headers:
            args += ["-H", f"{name}={value.decode()}"]
        if has_null:
            args.append("-Z")
        lines = [(record.key or b"") + b"\t" + (record.value or b"") for record in group]
        run(world, *args, stdin=b"\n".join(lines) + b"\n")
    return None


def _header(text):
    name, _, value = text.partition("=")
    return name, None if value == "NULL" else value.encode()


def consume(world, topic, start, count, partition=0, seconds=SECONDS):
    offset = "beginning" if start == "earliest" else start
    out = run(
        world, "-C", "-t", topic, "-p", partition, "-o", offset, "-c", count, "-q",
        "-f", "%o|%T|%K|%S|%h\n%k%s\n", "-X", "topic.auto.offset.reset=error", seconds=seconds,
    )
    records = []
    at = 0
    while at < len(out):
        end = out.index(b"\n", at)
        offset, timestamp, key_size, value_size, headers = out[at:end].split(b"|", 4)
        at = end + 1
        parts = []
        for size in (int(key_size), int(value_size)):
            parts.append(None if size < 0 else out[at : at + size])
            at += max(size, 0)
        at += 1
        headers = tuple(_header(item) for item in headers.decode().split(",") if item)
        records.append(Record(parts[0], parts[1], headers, int(timestamp), int(offset)))
    if len(records) != count:
        raise KcatError(f"{len(records)} of {count} records")
    return records
