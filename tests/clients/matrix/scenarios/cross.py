"""What one client writes, in every codec it has, every other client reads."""

import time

from .. import wire
from ..clients import READERS, WRITERS
from ..records import full_set, first_difference
from ..world import expect, expect_equal

# The broker stamps nothing here, but the writers' clocks are ours to within a moment.
CLOCK_SLACK_MS = 5_000


def run(world, report):
    pairs = [(writer, codec) for writer in WRITERS for codec in writer.CODECS]
    names = [f"cross-{writer.NAME}-{codec}" for writer, codec in pairs]
    # Small segments: the files that dump-log reads afterwards include rolled ones.
    topics = report.run(
        "cross: create topics", lambda: world.create(*names, segment_bytes="1048576"), always=True
    )
    if topics is None:
        return
    for (writer, codec), topic in zip(pairs, topics):
        written = report.run(f"cross: {writer.NAME} {codec} produces", _write, world, writer, codec, topic)
        if written is None:
            continue
        for reader in READERS:
            if reader is not writer:
                report.run(
                    f"cross: {writer.NAME} {codec} read by {reader.NAME}", _read, world, reader, topic, written
                )


def _write(world, writer, codec, topic):
    records = full_set(writer.WRITES)
    started = int(time.time() * 1000) - CLOCK_SLACK_MS
    offsets = writer.produce(world, topic, records, codec=codec)
    if offsets is not None:
        expect_equal(offsets, list(range(len(records))), "offsets told to the producer")
    codecs = {batch.codec for batch in wire.all_batches(world.bootstrap, topic, len(records))}
    # librdkafka leaves a batch as it is where the codec does not make it smaller.
    expect(codec in codecs and codecs <= {codec, "none"}, f"stored codecs are {codecs}")
    return records, (started, int(time.time() * 1000) + CLOCK_SLACK_MS)


def _read(world, reader, topic, written):
    records, between = written
    got = reader.consume(world, topic, "earliest", len(records))
    difference = first_difference(records, got, reader.READS, between)
    if difference:
        raise AssertionError(difference)
