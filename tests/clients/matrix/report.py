"""Runs scenarios one after another and prints one line for each."""

import threading
import time
import traceback

SCENARIO_SECONDS = 90


class Skipped(Exception):
    """Raised by a scenario that does not apply to this broker."""


class Report:
    def __init__(self, only=None, verbose=False, deadline_seconds=1200):
        self.passed = self.failed = self.skipped = 0
        self.failures = []
        self._only = only
        self._verbose = verbose
        self._deadline = time.monotonic() + deadline_seconds

    def run(self, name, function, *args, seconds=SCENARIO_SECONDS, always=False):
        """Runs one scenario in a thread of its own, so that a client that hangs fails only itself.

        `always`: others build on it, so it runs whatever was asked for.
        """
        if self._only and self._only not in name and not always:
            return None
        seconds = min(seconds, self._deadline - time.monotonic())
        if seconds <= 0:
            return self._fail(name, "not run: the whole run is out of time", 0.0)
        outcome = {}
        started = time.monotonic()

        def body():
            try:
                outcome["value"] = function(*args)
            except Skipped as why:
                outcome["skipped"] = str(why)
            except BaseException as error:  # a client may raise anything, SystemExit included
                outcome["error"] = error
                outcome["trace"] = traceback.format_exc()

        thread = threading.Thread(target=body, daemon=True, name=name)
        thread.start()
        thread.join(seconds)
        took = time.monotonic() - started
        if thread.is_alive():
            return self._fail(name, f"no end after {seconds:.0f} s", took)
        if "skipped" in outcome:
            self.skipped += 1
            print(f"skipped {name}: {outcome['skipped']}")
            return None
        if "error" in outcome:
            if self._verbose:
                print(outcome["trace"])
            error = outcome["error"]
            return self._fail(name, f"{type(error).__name__}: {error}", took)
        self.passed += 1
        print(f"ok      {name} ({took:.1f} s)")
        return outcome["value"]

    def _fail(self, name, reason, took):
        self.failed += 1
        reason = " ".join(str(reason).split())[:600]
        self.failures.append((name, reason))
        print(f"FAILED  {name} ({took:.1f} s): {reason}")
        return None

    def close(self):
        """Prints the closing line; the exit code is its meaning."""
        if self.failures:
            print("\nFailed:")
            for name, reason in self.failures:
                print(f"  {name}: {reason}")
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"\n{self.passed} passed, {self.failed} failed{skipped}", flush=True)
        return 1 if self.failed or not self.passed else 0
