"""`groups RUN [options]`: each run is a module of this package with `main(arguments)`."""

import importlib
import sys

RUNS = ("kills", "dead", "upgrade", "lag", "describe")


def main():
    sys.stdout.reconfigure(line_buffering=True)
    if len(sys.argv) < 2 or sys.argv[1] not in RUNS:
        sys.exit(f"usage: groups {'|'.join(RUNS)} [options]")
    sys.exit(importlib.import_module(f".{sys.argv[1]}", __package__).main(sys.argv[2:]))


if __name__ == "__main__":
    main()
