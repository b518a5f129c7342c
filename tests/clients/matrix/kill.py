"""The big file while the broker is killed and restarted, every time with a produce unanswered.

The producers write through a proxy. For a kill, the proxy tells how many produce requests the broker
left unanswered as it died. For a graceful restart it swallows the answers of five requests in
flight, so that the client sends all five again to a broker that has them. A round without an
unanswered produce (a restart: without five) is not counted and is done again.

kcat writes through the kills. It counts messages, not requests, against `max.in.flight` when it is
idempotent, so one batch at a time is all it has in flight; the Java console producer, which has
five, writes through the restarts.
"""

import functools
import os
import random
import socket
import subprocess
import sys
import threading
import time

from .bigfile import SECONDS, SEGMENT_BYTES, Verdicts, check_files, compare_confluent, kcat_command, make_broker
from .bigfile import parser, prepare
from .broker import free_port, is_serving
from .jvm import CLASSES, java_command
from .proxy import Observer, Proxy
from .wire import receive_frame
from .world import expect

IN_FLIGHT = 5
# About as many requests as the file makes; the rounds are spread over them.
REQUESTS = 2000
ROUND_SECONDS = 60


class Watch(Observer):
    """Counts produce requests, swallows answers when armed, knows what was left unanswered."""

    def __init__(self):
        self.changed = threading.Condition()
        self.requests = 0
        self.is_armed = False
        self.left_unanswered = 0
        # Produce requests without an answer, as the client sees it, by open connection.
        self.unanswered = {}

    def on_request(self, connection, request, frame):
        if request.is_produce:
            with self.changed:
                self.unanswered[connection] = self.unanswered.get(connection, 0) + 1
                self.requests += 1
                self.changed.notify_all()

    def on_response(self, connection, request, frame):
        if not request.is_produce:
            return True
        with self.changed:
            if self.is_armed:
                return False
            self.unanswered[connection] -= 1
            return True

    def on_broker_gone(self, connection):
        with self.changed:
            self.left_unanswered += self.unanswered.pop(connection, 0)
            self.changed.notify_all()

    def wait_for(self, condition, seconds=ROUND_SECONDS):
        with self.changed:
            return self.changed.wait_for(condition, seconds)

    def arm(self, is_armed):
        """Whether answers are swallowed from now on."""
        with self.changed:
            self.is_armed = is_armed

    def wait_until_gone(self):
        """Waits for the broker's connections to end; returns what they left unanswered."""
        expect(self.wait_for(lambda: not self.unanswered), "the proxy does not see the broker go")
        with self.changed:
            left, self.left_unanswered = self.left_unanswered, 0
            return left


class SteadyAddress:
    """A second bootstrap address, whose connections outlive the broker's.

    kcat gives up as soon as no broker it knows is connected. Metadata and producer ids may be asked
    for here; each request goes to the broker once it is up. Records never come this way.
    """

    def __init__(self, upstream):
        self._upstream = upstream
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True, name="steady").start()

    def close(self):
        self._socket.close()

    def _accept(self):
        try:
            while True:
                client, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True, name="steady").start()
        except OSError:
            pass  # closed

    def _serve(self, client):
        try:
            with client:
                while True:
                    frame = receive_frame(client)
                    answer = self._ask(len(frame).to_bytes(4, "big") + frame)
                    client.sendall(len(answer).to_bytes(4, "big") + answer)
        except (OSError, EOFError):
            pass  # the client went away

    def _ask(self, request):
        deadline = time.monotonic() + ROUND_SECONDS
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self._upstream), 5) as broker:
                    broker.sendall(request)
                    return receive_frame(broker)
            except (OSError, EOFError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def kill_round(broker, watch, _is_running):
    """Returns how many produce requests the killed broker left unanswered."""
    time.sleep(random.uniform(0, 0.01))
    broker.kill()
    left = watch.wait_until_gone()
    broker.start()
    return left


def restart_round(broker, watch, is_running, in_flight=IN_FLIGHT):
    """Returns how many answers the client did not get, if it is all that it may have in flight."""
    watch.arm(True)
    try:
        watch.wait_for(lambda: sum(watch.unanswered.values()) >= in_flight or not is_running(), 20)
        code = broker.stop()
        expect(code in (0, None), f"the broker ended with {code}: {broker.tail()}")
        left = watch.wait_until_gone()
    finally:
        watch.arm(False)
    broker.start()
    return left if left >= in_flight else 0


def disturb(broker, watch, producer, rounds, do):
    """`rounds` rounds at random requests; says what each left unanswered."""
    counted = []
    attempts = 0
    while len(counted) < rounds:
        gap = max(5, (REQUESTS - watch.requests) // (2 * (rounds - len(counted) + 1)))
        until = watch.requests + random.randint(2, gap)
        watch.wait_for(lambda: watch.requests >= until or producer.poll() is not None, 10 * ROUND_SECONDS)
        expect(producer.poll() is None, f"the producer ended with {len(counted)} of {rounds} rounds done")
        unanswered = do(broker, watch, lambda: producer.poll() is None)
        attempts += 1
        expect(attempts <= 10 * rounds, f"too few rounds with a produce unanswered: {counted}")
        if unanswered:
            counted.append(unanswered)
    return counted, attempts


def kcat_producer(addresses, topic, codec, path, count):
    settings = [f"batch.num.messages={max(1, count // REQUESTS)}", "message.timeout.ms=600000",
                "reconnect.backoff.ms=20", "reconnect.backoff.max.ms=200", "retry.backoff.ms=20",
                "queue.buffering.max.ms=5"]
    more = [word for setting in settings for word in ("-X", setting)]
    return kcat_command(",".join(addresses), topic, codec, path, *more)


def java_producer(addresses, topic, codec, path, count, in_flight=IN_FLIGHT):
    settings = ["acks=all", "enable.idempotence=true", f"max.in.flight.requests.per.connection={in_flight}",
                "delivery.timeout.ms=600000", "max.block.ms=600000", "reconnect.backoff.ms=20",
                "reconnect.backoff.max.ms=200", "retry.backoff.ms=20"]
    # A compressed batch holds more lines.
    batch_bytes = 65536 if codec == "none" else 16384
    return java_command(
        CLASSES["console-producer"], "--bootstrap-server", addresses[0], "--topic", topic,
        "--compression-codec", codec, "--batch-size", str(batch_bytes), "--timeout", "5",
        "--message-send-max-retries", "1000000000", "--request-timeout-ms", "30000",
        "--max-memory-bytes", str(32 << 20),
        *[word for setting in settings for word in ("--command-property", setting)],
    )


def _run(world, proxy, watch, command, rounds, do, topic, codec, path, count):
    """Produces the whole file through all rounds."""
    steady = SteadyAddress(int(world.broker.bootstrap.split(":")[1]))
    watch.requests = 0
    counted = None
    with open(world.path("producer.err"), "w+b") as errors, open(path, "rb") as lines:
        words = command([proxy.address, steady.address], topic, codec, path, count)
        producer = subprocess.Popen(words, stdin=lines, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            counted, attempts = disturb(world.broker, watch, producer, rounds, do)
            code = producer.wait(SECONDS)
        finally:
            if producer.poll() is None:
                producer.kill()
            code = producer.wait()
            steady.close()
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()
            if counted is None:
                print(f"        {watch.requests} produce requests; the producer ended with {code}: {said[-600:]}")
    expect(code == 0, f"the producer ended with {code}: {said[-600:]}")
    # The console producer logs a failed send and ends with 0 all the same.
    expect("Error when sending message" not in said, f"a send failed: {said[:600]}")
    print(f"        {attempts} rounds, unanswered in those counted: {counted}; {watch.requests} produce requests")


def main():
    sys.stdout.reconfigure(line_buffering=True)
    arguments = parser(__doc__)
    arguments.add_argument("--kills", type=int, default=10)
    arguments.add_argument("--restarts", type=int, default=10)
    arguments.add_argument("--in-flight", type=int, default=IN_FLIGHT,
                           help="answers swallowed per restart; Apache Kafka keeps only one batch over a restart")
    arguments.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    args = arguments.parse_args()
    random.seed(args.seed)
    print(f"seed {args.seed}")
    broker = make_broker(args)
    watch = Watch()
    proxy = Proxy(free_port(), int(broker.bootstrap.split(":")[1]), watch)
    broker.advertise = proxy.address
    verdicts = Verdicts()
    try:
        broker.start()
        world, path, count = prepare(args, broker)
        world.bootstrap = proxy.address
        java = functools.partial(java_producer, in_flight=args.in_flight)
        restart = functools.partial(restart_round, in_flight=args.in_flight)
        phases = [("kills", "kcat", kcat_producer, args.kills, kill_round),
                  ("restarts", "Java console producer", java, args.restarts, restart)]
        for codec in args.codecs or ["none"]:
            for name, client, command, rounds, do in phases:
                if not rounds:
                    continue
                # A round that failed leaves it down.
                if not is_serving("127.0.0.1", proxy.upstream):
                    broker.start()
                (topic,) = world.create(f"{name}-{codec}", segment_bytes=str(SEGMENT_BYTES))
                verdict = f"{codec}: {client} through {rounds} {name}"
                how = (command, rounds, do, topic, codec, path, count)
                if verdicts.check(verdict, _run, world, proxy, watch, *how):
                    verdicts.check(f"{verdict}: every record once, in order",
                                   compare_confluent, world, topic, path, count)
        verdicts.check("kafka-dump-log and highwater log verify", check_files, broker, world.jvm)
        if proxy.out_of_order:
            verdicts.check("answers in order", expect, False, f"{proxy.out_of_order} answers out of order")
        world.jvm.close()
        if not args.file:
            os.remove(path)
    finally:
        broker.close()
    code = verdicts.close()
    proxy.close()
    sys.exit(code)


if __name__ == "__main__":
    main()
