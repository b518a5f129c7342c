"""Apache Kafka's console producer and consumer, without a group."""

from ..records import Abilities, Record

NAME = "java-console"
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
WRITES = Abilities(timestamps=False, binary=False, null_header=False)
READS = Abilities()
SECONDS = 60
NULL = "@@NULL@@"
FIELD = "@@F@@"
END = "@@END@@\n"


def produce(
    world, topic, records, codec="none", acks="all", idempotent=False, partition=0, request_bytes_max=None,
    **settings,
):
    # The console producer cannot choose a partition: its topics have one.
    assert partition == 0
    null = NULL.encode()
    lines = []
    for record in records:
        headers = b",".join(name.encode() + b":" + value for name, value in record.headers)
        key = null if record.key is None else record.key
        value = null if record.value is None else record.value
        lines.append(b"\t".join([headers or null, key, value]))
    args = ["--bootstrap-server", world.bootstrap, "--topic", topic, "--compression-codec", codec,
            "--command-property", f"acks={acks}",
            "--command-property", f"enable.idempotence={str(idempotent).lower()}",
            "--reader-property", "parse.key=true", "--reader-property", "parse.headers=true",
            "--reader-property", f"null.marker={NULL}"]
    if request_bytes_max:
        args += ["--command-property", f"max.request.size={request_bytes_max}"]
    code, _, err = world.jvm.call("console-producer", *args, stdin=b"\n".join(lines) + b"\n", timeout=SECONDS)
    # It logs a failed send and ends with 0 all the same.
    if code != 0 or b"Error when sending message" in err:
        raise RuntimeError(err.decode(errors="replace").strip()[:600])
    return None


def _header(text):
    name, _, value = text.partition(b":")
    return name.decode(), None if value == NULL.encode() else value


def _record(line):
    timestamp, offset, headers, key, value = line.split(FIELD.encode(), 4)
    null = NULL.encode()
    headers = () if headers == b"NO_HEADERS" else tuple(_header(item) for item in headers.split(b","))
    return Record(
        None if key == null else key,
        None if value == null else value,
        headers,
        int(timestamp.split(b":")[1]),
        int(offset.split(b":")[1]),
    )


def consume(world, topic, start, count, partition=0, seconds=SECONDS, **settings):
    args = ["--bootstrap-server", world.bootstrap, "--topic", topic, "--partition", partition,
            "--offset", start, "--max-messages", count, "--timeout-ms", int(seconds * 1000) // 2]
    properties = {"print.timestamp": "true", "print.offset": "true", "print.headers": "true",
                  "print.key": "true", "key.separator": FIELD, "line.separator": END,
                  "headers.separator": ",", "null.literal": NULL}
    for name, value in properties.items():
        args += ["--formatter-property", f"{name}={value}"]
    for name, value in settings.items():
        args += ["--command-property", f"{name.replace('_', '.')}={value}"]
    code, out, err = world.jvm.call("console-consumer", *args, timeout=seconds)
    if code != 0:
        raise RuntimeError(err.decode(errors="replace").strip()[:600])
    lines = out.split(END.encode())
    records = [_record(line) for line in lines if line]
    if len(records) != count:
        raise RuntimeError(f"{len(records)} of {count} records: {err.decode(errors='replace').strip()[:600]}")
    return records
