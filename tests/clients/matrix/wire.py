"""A few requests written by hand, to see what the clients hide: batch headers as they are stored."""

import dataclasses
import socket
import struct

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
HEADER_BYTES = 61


@dataclasses.dataclass(frozen=True)
class Batch:
    base_offset: int
    leader_epoch: int
    codec: str
    is_log_append_time: bool
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int


def _text(value):
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def frame(api_key, version, correlation_id, body):
    """A request with a header of version 1, its size in front."""
    message = struct.pack(">hhi", api_key, version, correlation_id) + _text("wire") + body
    return struct.pack(">i", len(message)) + message


def receive_frame(connection):
    size = struct.unpack(">i", _exactly(connection, 4))[0]
    return _exactly(connection, size)


def _exactly(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError(f"closed after {len(data)} of {size} bytes")
        data += part
    return data


def fetch(bootstrap, topic, offset, partition=0, max_bytes=50_000_000):
    """Fetch v4; returns the record data of the partition as it came."""
    host, port = bootstrap.rsplit(":", 1)
    body = struct.pack(">iiiib", -1, 500, 1, max_bytes, 0) + struct.pack(">i", 1) + _text(topic)
    body += struct.pack(">iiqi", 1, partition, offset, max_bytes)
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(frame(1, 4, 1, body))
        answer = receive_frame(connection)
    # correlation id, throttle time, topic count, topic, partition count; then the one partition
    at = 4 + 4 + 4 + 2 + len(topic.encode()) + 4
    _, error, _, _, aborted = struct.unpack_from(">ihqqi", answer, at)
    if error != 0:
        raise RuntimeError(f"fetch of {topic}-{partition} at {offset}: error {error}")
    at += 4 + 2 + 8 + 8 + 4 + 16 * max(aborted, 0)
    (size,) = struct.unpack_from(">i", answer, at)
    return answer[at + 4 : at + 4 + size]


def batches(data):
    """The headers of the whole batches in `data`."""
    found = []
    at = 0
    while at + HEADER_BYTES <= len(data):
        base_offset, length, leader_epoch, magic, _, attributes = struct.unpack_from(">qiibIh", data, at)
        if at + 12 + length > len(data):
            break
        if magic != 2:
            raise RuntimeError(f"magic {magic} at offset {base_offset}")
        _, _, max_timestamp, producer_id, producer_epoch, base_sequence, count = struct.unpack_from(
            ">iqqqhii", data, at + 23
        )
        found.append(
            Batch(
                base_offset, leader_epoch, CODECS[attributes & 7], bool(attributes & 8), max_timestamp,
                producer_id, producer_epoch, base_sequence, count,
            )
        )
        at += 12 + length
    return found


def all_batches(bootstrap, topic, end_offset, partition=0):
    """The headers of all batches from the first offset to `end_offset`."""
    found = []
    offset = 0
    while offset < end_offset:
        more = batches(fetch(bootstrap, topic, offset, partition))
        if not more:
            raise RuntimeError(f"no batch at offset {offset} of {topic}-{partition}")
        found += more
        offset = more[-1].base_offset + more[-1].record_count
    return found
