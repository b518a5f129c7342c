"""The broker under test: one we start on a free port and a temporary directory, or somebody's."""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

READY_SECONDS = 30
STOP_SECONDS = 30


def free_port():
    """A port below the ephemeral range, so that no outgoing connection takes it between restarts."""
    for _ in range(200):
        port = random.randrange(20000, 30000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port between 20000 and 30000")


def is_serving(host, port):
    """Whether the port answers an ApiVersions request."""
    request = bytes.fromhex("0012 0000 00000001 0005 70726f6265".replace(" ", ""))
    try:
        with socket.create_connection((host, port), 1) as connection:
            connection.settimeout(5)
            connection.sendall(len(request).to_bytes(4, "big") + request)
            return len(connection.recv(4)) == 4
    except OSError:
        return False


class Broker:
    """`highwater serve` in a temporary directory; `advertise` where clients should come instead."""

    def __init__(self, binary, advertise=None, overrides=(), port=None, directory=None):
        self.binary = os.path.abspath(binary)
        self.port = port or free_port()
        self.advertise = advertise
        self.overrides = list(overrides)
        self.directory = tempfile.mkdtemp(prefix="highwater-clients-", dir=directory)
        self.data = os.path.join(self.directory, "data")
        self.log_path = os.path.join(self.directory, "broker.log")
        self.process = None

    @property
    def bootstrap(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        command = [self.binary, "serve", "--data-dir", self.data, "--listen", self.bootstrap]
        if self.advertise:
            command += ["--advertise", self.advertise]
        for override in self.overrides:
            command += ["--override", override]
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + READY_SECONDS
        while not is_serving("127.0.0.1", self.port):
            if self.process.poll() is not None:
                raise RuntimeError(f"the broker ended with {self.process.returncode}: {self.tail()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"the broker does not answer after {READY_SECONDS} s: {self.tail()}")
            time.sleep(0.02)

    def stop(self):
        """Graceful stop; returns the exit code, or kills the broker and raises."""
        if self.process is None or self.process.poll() is not None:
            return None if self.process is None else self.process.returncode
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"the broker did not stop within {STOP_SECONDS} s") from None

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def tail(self, lines=15):
        with open(self.log_path, errors="replace") as log:
            return "".join(log.readlines()[-lines:]).strip()

    def close(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


class Oracle:
    """Apache Kafka in a directory with `start` and `stop` scripts, a `kafka.pid` and its `data`."""

    bootstrap = "127.0.0.1:19092"

    def __init__(self, home):
        self.home = home
        self.data = os.path.join(home, "data")
        self.advertise = None

    def start(self):
        self.stop()
        environment = dict(os.environ)
        if self.advertise:
            environment["PROXY_PORT"] = self.advertise.split(":")[1]
        start = [os.path.join(self.home, "start")]
        subprocess.run(start, check=True, stdout=subprocess.DEVNULL, env=environment)

    def close(self):
        self.stop()

    def stop(self):
        subprocess.run([os.path.join(self.home, "stop")], check=True)

    def kill(self):
        with open(os.path.join(self.home, "kafka.pid")) as file:
            pid = int(file.read())
        os.kill(pid, signal.SIGKILL)
        while os.path.exists(f"/proc/{pid}"):
            time.sleep(0.05)

    def tail(self, _lines=15):
        return "see kafka.log"
