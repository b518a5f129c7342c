"""The matrix: starts the broker (or takes one), runs every scenario, stops it, says the sum."""

import argparse
import logging
import os
import shutil
import sys
import tempfile

from .broker import Broker, Oracle, free_port
from .jvm import Jvm
from .proxy import Proxy, Recorder, api_names
from .report import Report
from .scenarios import ALL
from .world import World


def arguments():
    parser = argparse.ArgumentParser(prog="tests/clients/run", description=__doc__)
    parser.add_argument("--binary", help="the highwater command; a broker is started from it")
    parser.add_argument("--bootstrap", metavar="HOST:PORT", help="run against this broker instead")
    parser.add_argument("--oracle", metavar="DIR", help="the Apache Kafka that DIR/start and DIR/stop control")
    parser.add_argument("--capture", metavar="DIR", help="record request and response frames below DIR")
    parser.add_argument("--only", metavar="TEXT", help="only scenarios with TEXT in their name")
    parser.add_argument("--verbose", action="store_true", help="print the trace of each failure")
    return parser.parse_args()


def start_capture(args, broker):
    """A recording proxy that the clients go through instead of to the broker."""
    recorder = Recorder(args.capture, api_names(os.path.join(os.environ["CLIENTS_DIR"], "expected", "api-versions.txt")))
    proxy = Proxy(free_port(), int(broker.bootstrap.split(":")[1]), recorder)
    broker.advertise = proxy.address
    return proxy, recorder


def main():
    args = arguments()
    # Lines appear as they happen, in a pipe too.
    sys.stdout.reconfigure(line_buffering=True)
    # The Python clients log what the scenarios report anyway.
    logging.getLogger().addHandler(logging.NullHandler())
    report = Report(args.only, args.verbose)
    directory = tempfile.mkdtemp(prefix="highwater-matrix-")
    broker = None if args.bootstrap else Oracle(args.oracle) if args.oracle else Broker(args.binary)
    jvm = Jvm()
    proxy = None
    try:
        bootstrap = args.bootstrap or broker.bootstrap
        if args.capture:
            proxy, recorder = start_capture(args, broker)
            bootstrap = proxy.address
        if broker is not None:
            broker.start()
            print(f"broker on {broker.bootstrap}")
        world = World(bootstrap, jvm, directory, broker, bool(args.oracle))
        for module in ALL:
            module.run(world, report)
        if broker is not None and report.failed:
            print(f"\nThe broker's last lines:\n{broker.tail(30)}")
        if proxy is not None:
            recorder.write()
            print(f"{len(recorder.kept)} frames recorded, {proxy.out_of_order} answers out of order")
    finally:
        jvm.close()
        if broker is not None:
            broker.close()
        shutil.rmtree(directory, ignore_errors=True)
    code = report.close()
    sys.stdout.flush()
    # A client that hangs leaves threads behind; they must not keep the process.
    os._exit(code)


main()
