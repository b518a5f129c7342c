"""Produces as fast as confluent-kafka can and prints the rate: produce.py SERVERS TOPIC RECORDS RECORD_BYTES."""

import json
import sys
import time

from confluent_kafka import Producer


def main(servers, topic, records, record_bytes):
    failed = []

    def delivered(error, _message):
        if error is not None:
            failed.append(error)

    producer = Producer({"bootstrap.servers": servers, "linger.ms": 5, "batch.size": 65536})
    producer.list_topics(topic, timeout=30)
    value = b"x" * record_bytes
    begun = time.monotonic()
    for _ in range(records):
        while True:
            try:
                producer.produce(topic, value, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.01)
        producer.poll(0)
    left = producer.flush(120)
    seconds = time.monotonic() - begun
    if failed or left:
        sys.exit(f"{len(failed) + left} records were not delivered: {failed[:1]}")
    print(json.dumps({"records_per_s": records / seconds}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
