"""A TCP proxy that understands Kafka frames: it knows what is unanswered, can swallow answers, can record."""

import asyncio
import collections
import dataclasses
import os
import re
import struct
import threading

PRODUCE, API_VERSIONS = 0, 18
FIRST_FLEXIBLE_PRODUCE = 9
CHUNK_BYTES = 1 << 20


@dataclasses.dataclass
class Request:
    api_key: int
    version: int
    correlation_id: int
    client_id: str
    body_at: int  # where the body begins in the frame, the header's tag section not skipped

    @property
    def is_produce(self):
        return self.api_key == PRODUCE


def read_request(frame):
    api_key, version, correlation_id, size = struct.unpack_from(">hhih", frame)
    client_id = frame[10 : 10 + max(size, 0)].decode(errors="replace")
    return Request(api_key, version, correlation_id, client_id, 10 + max(size, 0))


def produce_acks(request, frame):
    """The acks of a produce request: with 0 no answer comes."""
    at = request.body_at
    if request.version >= FIRST_FLEXIBLE_PRODUCE:
        size = frame[at + 1] - 1  # one byte of empty tag section, then a compact nullable string
        at += 2 + max(size, 0)
    else:
        (size,) = struct.unpack_from(">h", frame, at)
        at += 2 + max(size, 0)
    return struct.unpack_from(">h", frame, at)[0]


class Connection:
    def __init__(self):
        self.unanswered = collections.deque()
        self.software = None
        self.is_broker_gone = False

    def unanswered_produces(self):
        return sum(request.is_produce for request in self.unanswered)


class Observer:
    """What a proxy tells; all calls come from the proxy's own thread."""

    def on_request(self, connection, request, frame):
        """A request is about to be sent on."""

    def on_response(self, connection, request, frame):
        """An answer came; False swallows it."""
        return True

    def on_broker_gone(self, connection):
        """The broker's side ended; `connection.unanswered` is what it left unanswered."""


class Proxy:
    """Listens on `port` and sends on to `upstream`, both on 127.0.0.1, until closed."""

    def __init__(self, port, upstream, observer):
        self.port = port
        self.upstream = upstream
        self.observer = observer
        self.out_of_order = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="proxy")
        self._thread.start()
        self._ready.wait()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=CHUNK_BYTES)
        )
        self._ready.set()
        try:
            self._loop.run_forever()
        finally:
            server.close()

    async def _serve(self, client_reader, client_writer):
        connection = Connection()
        upstream_writer = None
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection(
                "127.0.0.1", self.upstream, limit=CHUNK_BYTES
            )
            await asyncio.gather(
                self._requests(connection, client_reader, upstream_writer),
                self._responses(connection, upstream_reader, client_writer),
            )
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            client_writer.close()
            if upstream_writer is not None:
                upstream_writer.close()

    async def _requests(self, connection, reader, writer):
        try:
            while True:
                size = await reader.readexactly(4)
                frame = await reader.readexactly(int.from_bytes(size, "big"))
                if connection.is_broker_gone:
                    return  # what the client sent before it learned of it
                request = read_request(frame)
                if not request.is_produce or produce_acks(request, frame) != 0:
                    connection.unanswered.append(request)
                self.observer.on_request(connection, request, frame)
                writer.write(size + frame)
                await writer.drain()
        finally:
            writer.close()

    async def _responses(self, connection, reader, writer):
        try:
            while True:
                size = await reader.readexactly(4)
                frame = await reader.readexactly(int.from_bytes(size, "big"))
                request = connection.unanswered.popleft()
                if request.correlation_id != int.from_bytes(frame[:4], "big", signed=True):
                    self.out_of_order += 1
                if self.observer.on_response(connection, request, frame):
                    writer.write(size + frame)
                    await writer.drain()
        finally:
            connection.is_broker_gone = True
            self.observer.on_broker_gone(connection)
            writer.close()


def _client_name(connection, request):
    software = connection.software or ("", "")
    if software[0] == "apache-kafka-java":
        return "java"
    if "librdkafka" in software[0] or software[0].startswith("confluent"):
        return "kcat" if software[1].startswith("2.0.") else "confluent"
    for name in ("kafka-python", "aiokafka", "kafkajs", "rdkafka"):
        if name in software[0] or name in request.client_id:
            return name
    return None


def _software(request, frame):
    """The two compact strings of ApiVersions 3 and later."""
    at = request.body_at + 1
    words = []
    for _ in range(2):
        size = frame[at] - 1
        words.append(frame[at + 1 : at + 1 + size].decode())
        at += 1 + size
    return tuple(words)


class Recorder(Observer):
    """Keeps one frame per API, version, direction and client, the smallest that says something.

    Written as `<directory>/<api>/v<version>/{request,response}-<client>.bin`, without the size in front.
    """

    # Below this a frame names no topic or holds no records, and shows little.
    TELLING_BYTES = {
        ("fetch", "request"): 80,
        ("fetch", "response"): 130,
        ("produce", "response"): 40,
        ("metadata", "request"): 36,
        ("metadata", "response"): 130,
    }
    BYTES_MAX = 2048

    def __init__(self, directory, api_names):
        self.directory = directory
        self.api_names = api_names
        self.kept = {}

    def on_request(self, connection, request, frame):
        if request.api_key == API_VERSIONS and request.version >= 3:
            connection.software = _software(request, frame)
        self._keep(connection, request, "request", frame)

    def on_response(self, connection, request, frame):
        self._keep(connection, request, "response", frame)
        return True

    def write(self):
        for (api, version, direction, client), frame in sorted(self.kept.items()):
            folder = os.path.join(self.directory, api, f"v{version}")
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, f"{direction}-{client}.bin"), "wb") as file:
                file.write(frame)

    def _keep(self, connection, request, direction, frame):
        client = _client_name(connection, request)
        api = self.api_names.get(request.api_key)
        if client is None or api is None or len(frame) > self.BYTES_MAX:
            return
        if len(frame) < self.TELLING_BYTES.get((api, direction), 0):
            return
        key = (api, request.version, direction, client)
        if key not in self.kept or len(frame) < len(self.kept[key]):
            self.kept[key] = bytes(frame)


def snake_case(name):
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def api_names(path):
    """API keys and snake_case names from the list of what we serve."""
    names = {}
    with open(path) as lines:
        for line in lines:
            if not line.startswith("#"):
                key, name = line.split()[:2]
                names[int(key)] = snake_case(name)
    return names
