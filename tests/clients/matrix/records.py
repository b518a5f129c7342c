"""The records that every client writes and every other client must read back."""

import base64
import dataclasses
import random
import time

# The newest record time lies an hour back: older than the clock, younger than any retention.
BASE_TIME_MS = int(time.time()) * 1000 - 3_600_000
BIG_BYTES = 900_000
SMALL_COUNT = 40


@dataclasses.dataclass(frozen=True)
class Record:
    """One record; `timestamp` in ms, None where the client sets it; `offset` only once consumed."""

    key: bytes | None
    value: bytes | None
    headers: tuple = ()
    timestamp: int | None = None
    offset: int | None = None


@dataclasses.dataclass(frozen=True)
class Abilities:
    """What a client can express; the rest is left out of its records, or of the comparison."""

    timestamps: bool = True
    binary: bool = True  # any byte, newlines too; else text without newline or tab
    null_header: bool = True
    headers: bool = True


def _random_text(size, seed):
    source = random.Random(seed)
    return base64.b64encode(source.randbytes(size))[:size]


def full_set(abilities):
    """Keys, nulls, empties, headers, text, binary, 900 KB records, and enough small ones for batches."""
    nulls = (("n", None),) if abilities.null_header else ()
    headers = (("a", b"1"), ("a", b"2"), ("b", b"")) + nulls if abilities.headers else ()
    records = [
        Record(b"k0", b"hello"),
        Record(None, b"no key"),
        Record(b"tombstone", None),
        Record(b"", b""),
        Record(b"with headers", b"h", headers),
        Record("\u043a\u043b\u044e\u0447".encode(), "\u6c49\u5b57 \u2713".encode()),
        Record(b"big", _random_text(BIG_BYTES, 1)),
        Record(b"flat", b"x" * BIG_BYTES),
    ]
    if abilities.binary:
        records.append(Record(b"\x00\xff\n\t", bytes(range(256))))
    records += [Record(b"key-%d" % i, b"value-%d" % i) for i in range(SMALL_COUNT)]
    if not abilities.timestamps:
        return records
    # Every seventh record is out of order: the batch's maximum is not its last.
    return [
        dataclasses.replace(record, timestamp=BASE_TIME_MS + 1000 * (i if i % 7 else max(0, i - 3)))
        for i, record in enumerate(records)
    ]


def small_set(count, prefix="r"):
    return [
        Record(f"k{i}".encode(), f"{prefix}-{i}".encode(), (), BASE_TIME_MS + 1000 * i) for i in range(count)
    ]


def _shown(data):
    if data is None or isinstance(data, tuple) or len(data) <= 40:
        return repr(data)
    return f"{data[:30]!r}... ({len(data)} bytes)"


def first_difference(expected, got, reader, written_between=None, first_offset=0):
    """What differs between the records sent and those a client read, or None.

    `reader` says what that client can show; `written_between` (ms, ms) bounds timestamps the writer
    did not choose.
    """
    if len(got) != len(expected):
        return f"{len(got)} records instead of {len(expected)}"
    for i, (want, have) in enumerate(zip(expected, got)):
        if have.offset is not None and have.offset != first_offset + i:
            return f"record {i} has offset {have.offset}, not {first_offset + i}"
        for field in ("key", "value"):
            if getattr(want, field) != getattr(have, field):
                return (
                    f"record {i}: {field} is {_shown(getattr(have, field))}, "
                    f"not {_shown(getattr(want, field))}"
                )
        if reader.headers and tuple(want.headers) != tuple(have.headers):
            return f"record {i}: headers are {have.headers!r}, not {want.headers!r}"
        if want.timestamp is not None and have.timestamp != want.timestamp:
            return f"record {i}: timestamp is {have.timestamp}, not {want.timestamp}"
        if want.timestamp is None and written_between is not None:
            low, high = written_between
            if not low <= have.timestamp <= high:
                return f"record {i}: timestamp {have.timestamp} is not within [{low}, {high}]"
    return None
