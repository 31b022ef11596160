# SPDX-License-Identifier: GPL-2.0
"""Finds what must not be in a kernel log."""

import re

# Everything before the message itself: time, context (printk caller).
PREFIX = r"^(?:<\d+>)?\s*(?:\[\s*\d+\.\d+\])?\s*(?:\[\s*[CT]\d+\])?\s*"

# "WARNING:" and "INFO:" only at the beginning of the message: the texts on
# CPU weaknesses in a stock kernel's boot hold a "WARNING:" further on.
SPLATS = [re.compile(p) for p in (
    PREFIX + r"WARNING:",
    PREFIX + r"INFO: (?!lockdep is turned off)",
    r"\brcu: INFO: .*stall",
    r"\bINFO: task .* blocked for more than",
    r"\bBUG:",
    r"\bkernel BUG at\b",
    r"\bKASAN:",
    r"\bUBSAN:",
    r"\bODEBUG:",
    r"\bOops:",
    r"\bgeneral protection fault\b",
    r"\bUnable to handle kernel\b",
    r"\bKernel panic\b",
    r"\bsuspicious RCU usage\b",
    r"\brefcount_t:",
    r"\bref_tracker:",
    r"\bunregister_netdevice: waiting\b",
    r"\blist_(?:add|del)\S* corruption\b",
    r"\bkmemleak: \d+ new suspected memory leaks\b",
    r"\bkmemleak: Kernel memory leak detector disabled\b",
)]

# A CPU came upon a breakpoint that nobody has set. Linux puts one where it
# changes code that runs, and takes it away when all CPUs know; of QEMU's
# emulated ones, each with translations of its own, one may come too late.
INT3 = re.compile(r"\bOops: int3:|Kernel panic - not syncing: Fatal exception")
EMULATED = "QEMU TCG CPU"

LOCKS_OFF = re.compile(r"^\s*debug_locks:\s+0\s*$", re.M)


def in_log(text):
    """The lines of a kernel log that fail a run."""
    return [line.strip() for line in text.splitlines()
            if any(s.search(line) for s in SPLATS)]


def by_emulator(text):
    """Is all that a console complains of such a breakpoint, on emulated CPUs?"""
    found = in_log(text)
    return (EMULATED in text and any("int3" in line for line in found) and
            all(INT3.search(line) for line in found))


def locks_off(lockdep_stats):
    """Did lockdep switch itself off, by the text of /proc/lockdep_stats?"""
    return bool(LOCKS_OFF.search(lockdep_stats))
