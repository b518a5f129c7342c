"""A real file of 200 MB and more through kcat line by line, and back byte for byte."""

import argparse
import os
import subprocess
import sys
import time

from confluent_kafka import KafkaException, TopicPartition

from .broker import Broker, Oracle
from .clients import confluent
from .jvm import CLASSES, Jvm, java_command
from .scenarios.files import dump_all, partition_directories, verify
from .world import World, expect

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
FILE_BYTES = 210_000_000
# A line must fit a record. kcat drops blank ones; the Java console producer takes a carriage return
# for the end of a line and reads UTF-8 only.
LINE_BYTES_MAX = 500_000
SEGMENT_BYTES = 64 << 20
SECONDS = 900


def sources():
    """Directories of real text that a machine with Rust has, the largest first."""
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True).stdout.strip()
    home = os.path.expanduser("~")
    return [
        os.path.join(sysroot, "share", "doc"),
        os.path.join(sysroot, "lib", "rustlib", "src"),
        os.path.join(os.environ.get("CARGO_HOME", os.path.join(home, ".cargo")), "registry", "src"),
        "/usr/lib/python3",
        "/usr/include",
        "/usr/share/doc",
    ]


def make_file(path, size=FILE_BYTES):
    """Writes texts one after another until `size`, without blank lines; returns how many lines."""
    count = written = 0
    with open(path, "wb") as out:
        for directory in sources():
            for folder, folders, names in os.walk(directory):
                folders.sort()
                for name in sorted(names):
                    lines = text_lines(os.path.join(folder, name))
                    out.writelines(line + b"\n" for line in lines)
                    count += len(lines)
                    written += sum(map(len, lines)) + len(lines)
                    if written >= size:
                        return count
    raise RuntimeError(f"only {written} bytes of text found: give --file")


def text_lines(path):
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return []
    if b"\0" in data or b"\r" in data:
        return []
    try:
        data.decode()
    except UnicodeDecodeError:
        return []
    return [line for line in data.split(b"\n") if line and len(line) <= LINE_BYTES_MAX]


def count_lines(path):
    with open(path, "rb") as file:
        return sum(1 for _ in file)


def kcat_command(bootstrap, topic, codec, path, *more):
    return ["kcat", "-P", "-b", bootstrap, "-t", topic, "-p", "0", "-z", codec,
            "-X", "enable.idempotence=true", *more, "-l", path]


def compare_confluent(world, topic, path, count):
    """Reads `count` records and compares each with its line of the file."""
    client = confluent.consumer(world)
    seen = 0
    try:
        client.assign([TopicPartition(topic, 0, 0)])
        deadline = time.monotonic() + SECONDS
        with open(path, "rb") as lines:
            while seen < count:
                expect(time.monotonic() < deadline, f"{seen} of {count} records after {SECONDS} s")
                for message in client.consume(20_000, 5.0):
                    if message.error():
                        raise KafkaException(message.error())
                    line = lines.readline()
                    expect(message.value() + b"\n" == line,
                           f"record {seen} is {message.value()[:80]!r}, the line {line[:80]!r}")
                    expect(message.offset() == seen, f"record {seen} has offset {message.offset()}")
                    seen += 1
        low, high = client.get_watermark_offsets(TopicPartition(topic, 0), timeout=20)
        expect((low, high) == (0, count), f"offsets {low} to {high}, {count} lines")
    finally:
        client.close()


def compare_console(world, topic, path, count):
    """The Java console consumer's output is the file."""
    out = world.path("console.out")
    with open(out, "wb") as file:
        done = subprocess.run(
            java_command(CLASSES["console-consumer"], "--bootstrap-server", world.bootstrap, "--topic", topic,
                         "--partition", "0", "--offset", "earliest", "--max-messages", str(count),
                         "--timeout-ms", "60000"),
            stdout=file, stderr=subprocess.PIPE, timeout=SECONDS,
        )
    try:
        expect(done.returncode == 0, f"it ended with {done.returncode}: {done.stderr[-400:]!r}")
        same = subprocess.run(["cmp", path, out], capture_output=True, text=True)
        expect(same.returncode == 0, f"cmp: {same.stdout.strip()} {same.stderr.strip()}")
    finally:
        os.remove(out)


def check_files(broker, jvm):
    """Stops the broker and reads its files."""
    code = broker.stop()
    expect(code in (0, None), f"the broker ended with {code}: {broker.tail()}")
    count = dump_all(jvm, partition_directories(broker.data))
    if isinstance(broker, Broker):
        verify(broker.binary, broker.data)
    return count


class Verdicts:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, function, *args):
        started = time.monotonic()
        try:
            value = function(*args)
        except Exception as error:  # the verdict is the line printed
            self.failed += 1
            print(f"FAILED  {name} ({time.monotonic() - started:.1f} s): {type(error).__name__}: {error}")
            return None
        self.passed += 1
        print(f"ok      {name} ({time.monotonic() - started:.1f} s)")
        return True if value is None else value

    def close(self):
        print(f"\n{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0


def parser(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("codecs", nargs="*", default=None, metavar="CODEC", help=f"of {CODECS}; all by default")
    parser.add_argument("--binary", help="the highwater command")
    parser.add_argument("--oracle", metavar="DIR", help="the Apache Kafka that DIR/start and DIR/stop control")
    parser.add_argument("--file", help="use this file without blank lines instead of making one")
    parser.add_argument("--directory", help="where the file and the broker's data go")
    parser.add_argument("--size", type=int, default=FILE_BYTES, help="bytes of the file to make")
    return parser


def prepare(args, broker):
    """The file, how many lines it has, and the world."""
    world = World(broker.bootstrap, Jvm(), broker.directory, broker, bool(args.oracle))
    path = args.file or world.path("lines.txt")
    count = count_lines(path) if args.file else make_file(path, args.size)
    print(f"{os.path.getsize(path)} bytes in {count} lines")
    return world, path, count


def make_broker(args):
    if not args.oracle:
        return Broker(args.binary, directory=args.directory)
    broker = Oracle(args.oracle)
    broker.directory = args.directory or "/tmp"
    return broker


def _produce(world, topic, codec, path):
    command = kcat_command(world.bootstrap, topic, codec, path)
    done = subprocess.run(command, capture_output=True, timeout=SECONDS)
    expect(done.returncode == 0, f"kcat ended with {done.returncode}: {done.stderr[-400:]!r}")


def main():
    sys.stdout.reconfigure(line_buffering=True)
    args = parser(__doc__).parse_args()
    broker = make_broker(args)
    verdicts = Verdicts()
    try:
        broker.start()
        world, path, count = prepare(args, broker)
        for codec in args.codecs or CODECS:
            (topic,) = world.create(f"bigfile-{codec}", segment_bytes=str(SEGMENT_BYTES))
            if verdicts.check(f"{codec}: kcat produces", _produce, world, topic, codec, path):
                verdicts.check(f"{codec}: Java console consumer", compare_console, world, topic, path, count)
                verdicts.check(f"{codec}: confluent-kafka", compare_confluent, world, topic, path, count)
        verdicts.check("kafka-dump-log and highwater log verify", check_files, broker, world.jvm)
        world.jvm.close()
        if not args.file:
            os.remove(path)
    finally:
        broker.close()
    sys.exit(verdicts.close())


if __name__ == "__main__":
    main()
