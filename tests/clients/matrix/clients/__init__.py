"""One module per client, all with the same face.

`NAME`; `CODECS`; `WRITES` and `READS`, what it can express (`Abilities`); `produce(world, topic,
records, codec, acks, idempotent, partition, request_bytes_max)`, which returns the offsets it was
told, or None where the client does not tell; `consume(world, topic, start, count, partition)`,
which reads `count` records of an explicitly assigned partition from `start` (an offset or
"earliest").
"""

from . import aio, confluent, console, kafka_python, kafkajs, kcat

WRITERS = [confluent, kafka_python, aio, kafkajs, kcat, console]
READERS = [confluent, kafka_python, aio, kcat, console]
