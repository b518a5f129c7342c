"""The matrix: starts the broker (or takes one), runs every scenario, stops it, says the sum."""

import argparse
import logging
import os
import shutil
import sys
import tempfile

from .broker import Broker, Oracle
from .jvm import Jvm
from .report import Report
from .scenarios import ALL
from .world import World


def arguments():
    parser = argparse.ArgumentParser(prog="tests/clients/run", description=__doc__)
    parser.add_argument("--binary", help="the highwater command; a broker is started from it")
    parser.add_argument("--bootstrap", metavar="HOST:PORT", help="run against this broker instead")
    parser.add_argument("--oracle", metavar="DIR", help="the Apache Kafka that DIR/start and DIR/stop control")
    parser.add_argument("--only", metavar="TEXT", help="only scenarios with TEXT in their name")
    parser.add_argument("--verbose", action="store_true", help="print the trace of each failure")
    return parser.parse_args()


def main():
    args = arguments()
    # Lines appear as they happen, in a pipe too.
    sys.stdout.reconfigure(line_buffering=True)
    # The Python clients log what the scenarios report anyway.
    logging.getLogger().addHandler(logging.NullHandler())
    report = Report(args.only, args.verbose)
    directory = tempfile.mkdtemp(prefix="highwater-matrix-")
    broker = None if args.bootstrap or args.oracle else Broker(args.binary)
    oracle = Oracle(args.oracle) if args.oracle else None
    jvm = Jvm()
    try:
        if broker is not None:
            broker.start()
            print(f"broker on {broker.bootstrap}, pid {broker.process.pid}")
        mine = broker or oracle
        world = World(args.bootstrap or mine.bootstrap, jvm, directory, mine, oracle is not None)
        for module in ALL:
            module.run(world, report)
        if broker is not None and report.failed:
            print(f"\nThe broker's last lines:\n{broker.tail(30)}")
    finally:
        jvm.close()
        if broker is not None:
            broker.close()
        shutil.rmtree(directory, ignore_errors=True)
    # A client that hangs leaves threads behind; they must not keep the process.
    code = report.close()
    sys.stdout.flush()
    os._exit(code)


main()
