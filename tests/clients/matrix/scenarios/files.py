"""Stops the broker and reads its files with kafka-dump-log and `highwater log verify`."""

import os
import re
import subprocess

from ..report import Skipped
from ..world import expect

# What kafka-dump-log prints about a file that is not right; its exit code stays 0. With
# --skip-record-metadata it also says "-1 is followed by N" of every log that begins at N > 0.
BAD_WORDS = re.compile(
    r"Found timestamp mismatch|Found out of order timestamp|Mismatches in|^\s+\d+ is followed by|"
    r"Couldn't find|Exception|isvalid: false|corrupt|invalid",
    re.IGNORECASE,
)


def run(world, report):
    if report.run("files: the broker stops", _stop, world, always=True) is None:
        return
    partitions = partition_directories(world.data)
    report.run("files: kafka-dump-log reads every file", dump_all, world.jvm, partitions, seconds=240)
    report.run("files: highwater log verify", _verify, world)


def _stop(world):
    if world.broker is None:
        raise Skipped("the broker is not ours to stop")
    code = world.broker.stop()
    expect(code == 0 or world.is_oracle, f"the broker ended with {code}: {world.broker.tail()}")
    return True


def partition_directories(data):
    """The directories of partitions below a data directory, however deep; deleted topics are left out."""
    found = []
    for directory, _, files in os.walk(data):
        if "partition.metadata" in files and re.search(r"-\d+$", directory):
            found.append(directory)
    return sorted(found)


def dump_all(jvm, directories):
    """Runs kafka-dump-log over every segment, index and snapshot; returns how many files it read."""
    expect(directories, "there is no partition directory")
    by_kind = {".log": [], ".index": [], ".timeindex": [], ".snapshot": [], ".txnindex": []}
    for directory in directories:
        for name in sorted(os.listdir(directory)):
            kind = os.path.splitext(name)[1]
            # An index without entries is an empty file, which the tool cannot map.
            if kind in by_kind and os.path.getsize(os.path.join(directory, name)):
                by_kind[kind].append(os.path.join(directory, name))
    for kind in (".log", ".snapshot"):
        expect(by_kind[kind], f"there is no {kind} file")
    problems = []
    for kind, files in by_kind.items():
        extra = ["--deep-iteration", "--skip-record-metadata"] if kind == ".log" else []
        for at in range(0, len(files), 20):
            problems += _dump(jvm, files[at : at + 20], extra)
    expect(not problems, f"{len(problems)} findings: " + " | ".join(problems[:5]))
    return sum(map(len, by_kind.values()))


def _dump(jvm, files, extra):
    code, out, err = jvm.call("dump-log", "--files", ",".join(files), *extra, timeout=120)
    problems = []
    file = ""
    for line in (out + b"\n" + err).decode(errors="replace").splitlines():
        if line.startswith("Dumping "):
            file = line
        elif BAD_WORDS.search(line):
            problems.append(f"{file}: {line}")
    if code != 0:
        problems.append(f"exit code {code} on {files}: {err.decode(errors='replace')[-300:]}")
    return problems


def _verify(world):
    if world.broker is None or world.is_oracle:
        raise Skipped("not our broker")
    verify(world.broker.binary, world.data)


def verify(binary, data):
    command = [binary, "log", "verify", data]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
    said = (done.stdout + done.stderr).decode(errors="replace").strip()
    expect(done.returncode == 0, f"exit code {done.returncode}: {said[-600:]}")
