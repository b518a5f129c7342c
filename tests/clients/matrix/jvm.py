"""The Java tools: each tool's own main class, called in one JVM that stays up."""

import os
import struct
import subprocess
import threading

TOOLS = "org.apache.kafka.tools."
CLASSES = {
    "topics": TOOLS + "TopicCommand",
    "configs": "kafka.admin.ConfigCommand",
    "get-offsets": TOOLS + "GetOffsetShell",
    "delete-records": TOOLS + "DeleteRecordsCommand",
    "log-dirs": TOOLS + "LogDirsCommand",
    "producer-perf-test": TOOLS + "ProducerPerformance",
    "verifiable-producer": TOOLS + "VerifiableProducer",
    "console-producer": TOOLS + "ConsoleProducer",
    "console-consumer": TOOLS + "consumer.ConsoleConsumer",
    "consumer-groups": TOOLS + "consumer.group.ConsumerGroupCommand",
    "groups": TOOLS + "GroupsCommand",
    "verifiable-consumer": TOOLS + "VerifiableConsumer",
    "consumer-perf-test": TOOLS + "ConsumerPerformance",
    "dump-log": TOOLS + "DumpLogSegments",
    "broker-api-versions": TOOLS + "BrokerApiVersionsCommand",
    "cluster": TOOLS + "ClusterTool",
}


def java_command(*words):
    return ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp", os.environ["KAFKA_CLASSPATH"], *words]


class ToolError(Exception):
    """A tool ended with another exit code than 0."""


class Jvm:
    def __init__(self):
        self._process = None
        self._lock = threading.Lock()

    def call(self, tool, *args, stdin=b"", timeout=60):
        """Runs one tool; returns (exit code, standard output, standard error)."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    java_command("Tools"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
            process = self._process
            watchdog = threading.Timer(timeout, process.kill)
            watchdog.start()
            try:
                words = [CLASSES[tool], *[str(arg) for arg in args]]
                message = struct.pack(">i", len(words))
                for word in words:
                    word = word.encode()
                    message += struct.pack(">i", len(word)) + word
                process.stdin.write(message + struct.pack(">i", len(stdin)) + stdin)
                process.stdin.flush()
                code, out_size = struct.unpack(">ii", self._exactly(8))
                out = self._exactly(out_size)
                (err_size,) = struct.unpack(">i", self._exactly(4))
                return code, out, self._exactly(err_size)
            except (OSError, EOFError) as error:
                raise ToolError(f"kafka-{tool} gave no answer within {timeout} s") from error
            finally:
                watchdog.cancel()

    def ok(self, tool, *args, stdin=b"", timeout=60):
        """Runs one tool that must succeed; returns its standard output as text."""
        code, out, err = self.call(tool, *args, stdin=stdin, timeout=timeout)
        if code != 0:
            said = (err + out).decode(errors="replace").strip()
            raise ToolError(f"kafka-{tool} ended with {code}: {said[-500:]}")
        return out.decode(errors="replace")

    def alone(self, tool, *args, timeout=60):
        """Runs one tool in a JVM of its own: for those that do their work while the JVM stops."""
        command = java_command(CLASSES[tool], *[str(arg) for arg in args])
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
        if done.returncode != 0:
            said = (done.stderr + done.stdout).decode(errors="replace").strip()
            raise ToolError(f"kafka-{tool} ended with {done.returncode}: {said[-500:]}")
        return done.stdout.decode(errors="replace")

    def close(self):
        if self._process is not None and self._process.poll() is None:
            self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _exactly(self, size):
        data = self._process.stdout.read(size)
        if len(data) != size:
            self._process.wait()
            raise EOFError
        return data
