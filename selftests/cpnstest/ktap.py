# SPDX-License-Identifier: GPL-2.0
"""Results in KTAP form, with the closing line of counts."""

import sys
import time
import traceback

KSFT_PASS, KSFT_FAIL, KSFT_SKIP = 0, 1, 4


class Skip(Exception):
    """The test can't be run here; the text says why."""


def check(condition, text):
    """Fails the running test with a text that says what was expected."""
    if not condition:
        raise AssertionError(text)


def equal(what, expected, got):
    check(expected == got, f"{what}: expected {expected!r}, got {got!r}")


# A host that emulates several VMs on few CPUs is slower by so much now and then.
HASTE = 3


def wait_until(condition, text, seconds=5):
    """Polls until condition() holds, and returns what it gave. It is not for what
    must be fast: seconds are those of a quiet machine."""
    seconds *= HASTE
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        check(time.monotonic() < end, f"after {seconds} s still not: {text}")
        time.sleep(0.02)


def _note(text):
    for line in text.rstrip().splitlines():
        print("#", line)


def run(tests):
    """Runs functions, or (name, function) pairs, and exits."""
    tests = [t if isinstance(t, tuple) else (t.__name__, t) for t in tests]
    passed = failed = skipped = 0
    print("KTAP version 1")
    print(f"1..{len(tests)}")
    for number, (name, function) in enumerate(tests, 1):
        begin = time.monotonic()
        try:
            function()
        except Skip as reason:
            skipped += 1
            print(f"ok {number} {name} # SKIP {reason}")
        except Exception:   # a test may fail in any way, and the next one runs
            failed += 1
            _note(traceback.format_exc())
            print(f"not ok {number} {name}")
        else:
            passed += 1
            print(f"ok {number} {name}")
        print(f"# {time.monotonic() - begin:.1f} s")
        sys.stdout.flush()
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    if failed:
        sys.exit(KSFT_FAIL)
    sys.exit(KSFT_PASS if passed else KSFT_SKIP)
