"""A member of a group as a process of its own, and what it says.

Every member program takes `KIND --bootstrap B --group G --topic T [--set key=value]...` and writes
one JSON object a line to its standard output, each with "at", the wall clock in seconds:

    {"event": "start"}
    {"event": "assigned", "partitions": [..], "generation": G}   what was added
    {"event": "revoked", "partitions": [..]}                     written before the broker is told
    {"event": "lost", "partitions": [..]}                        the broker had taken them already
    {"event": "record", "partition": P, "offset": O, "value": ".."}
    {"event": "committed", "offsets": {"P": O}}                  written when the commit has succeeded
    {"event": "error", "text": ".."}                             it goes on
    {"event": "closed"}

SIGTERM makes it leave its group and end. It commits after every poll that gave it records.

The keys of `--set` are the names of the Java client for every kind (`session.timeout.ms`).
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

KINDS = (
    "java-eager",
    "java-cooperative",
    "java-consumer",
    "rdkafka-eager",
    "rdkafka-cooperative",
    "rdkafka-consumer",
    "kafka-python",
    "aiokafka",
    "kafkajs",
)
# Kinds that speak the protocol of KIP-848, where the broker sets session timeout and heartbeat interval.
CONSUMER_PROTOCOL = ("java-consumer", "rdkafka-consumer")
CLOSE_SECONDS = 30

_JAVA = ("java", "-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
         "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")


def command(kind, bootstrap, group, topic, settings=None):
    """The words that start a member program."""
    if kind.startswith("java-"):
        program = [*_JAVA, "-cp", os.environ["KAFKA_CLASSPATH"], "GroupMember"]
    elif kind == "kafkajs":
        program = ["node", os.path.join(os.environ["CLIENTS_DIR"], "node", "member.js")]
    else:
        program = [sys.executable, "-m", "matrix.group_runs.member"]
    words = [*program, kind, "--bootstrap", bootstrap, "--group", group, "--topic", topic]
    for key, value in (settings or {}).items():
        words += ["--set", f"{key}={value}"]
    return words


class Member:
    """Starts a member program; `events` are what it said so far, `owned` the partitions it has now.

    What it writes to its standard error goes to the file `errors_path`, if one is given.
    """

    def __init__(self, kind, bootstrap, group, topic, settings=None, name=None, errors_path=None):
        self.kind = kind
        self.name = name or kind
        self.events = []
        self.owned = set()
        self.started_at = time.time()
        # The time just before the signal of `kill` was sent.
        self.killed_at = None
        self._is_asked = False
        self._changed = threading.Condition()
        errors = open(errors_path, "ab") if errors_path else subprocess.DEVNULL
        try:
            self._process = subprocess.Popen(
                command(kind, bootstrap, group, topic, settings),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
            )
        finally:
            if errors_path:
                errors.close()
        self._thread = threading.Thread(target=self._read, daemon=True, name=self.name)
        self._thread.start()

    @property
    def pid(self):
        return self._process.pid

    def is_running(self):
        return self._process.poll() is None

    def count(self, event):
        """How many events of this name it has said."""
        return sum(said["event"] == event for said in list(self.events))

    def wait_for(self, condition, seconds):
        """Waits until `condition()` after some event; returns whether it came true."""
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def kill(self):
        """kill -9; returns when the process is gone and all it said is in `events`."""
        self.killed_at = time.time()
        self._process.kill()
        self._process.wait()
        self._thread.join(CLOSE_SECONDS)

    def ask_to_close(self):
        """SIGTERM, once: an interpreter that ends has its handlers no more. For closing several at once."""
        if self.is_running() and not self._is_asked:
            self._is_asked = True
            self._process.send_signal(signal.SIGTERM)

    def close(self, seconds=CLOSE_SECONDS):
        """Has it leave its group and end; raises, and kills it, if it does not."""
        self.ask_to_close()
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"{self.name} did not close within {seconds} s") from None
        self._thread.join(CLOSE_SECONDS)
        if code != 0:
            raise RuntimeError(f"{self.name} ended with {code}; it said last: {self.last_error()}")

    def last_error(self):
        """The text of the last error it said, or ''."""
        return next((said["text"] for said in reversed(self.events) if said["event"] == "error"), "")

    def _read(self):
        for line in self._process.stdout:
            if not line.endswith(b"\n"):
                break  # cut off by kill -9
            said = json.loads(line)
            with self._changed:
                self.events.append(said)
                if said["event"] == "assigned":
                    self.owned = self.owned | set(said["partitions"])
                elif said["event"] in ("revoked", "lost"):
                    self.owned = self.owned - set(said["partitions"])
                elif said["event"] == "closed":
                    self.owned = set()
                self._changed.notify_all()
        with self._changed:
            self.owned = set()
            self._changed.notify_all()
