# SPDX-License-Identifier: GPL-2.0
"""Reads what a test prints."""

import re

COUNTS = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)
RESULT = re.compile(r"^(not ok|ok) \d+(.*)$", re.M)
SKIP = re.compile(r"#\s*SKIP\b", re.I)


def closing_counts(text):
    """The last line of counts as [passed, failed, skipped], or None."""
    found = COUNTS.findall(text)
    return [int(n) for n in found[-1]] if found else None


def result_counts(text):
    """Counts of the result lines themselves."""
    counts = [0, 0, 0]
    for result, rest in RESULT.findall(text):
        if result == "not ok":
            counts[1] += 1
        elif SKIP.search(rest):
            counts[2] += 1
        else:
            counts[0] += 1
    return counts


def judge(text, status):
    """([passed, failed, skipped], [reasons for more failures]) of a test.

    status: its exit status. A test that says less than it should has failed.
    """
    counts = closing_counts(text)
    if counts is None:
        counts = result_counts(text)
        reasons = ["no closing line of counts"]
        if status == 124:
            reasons = ["not finished within its time limit"]
        counts[1] += 1
        return counts, reasons
    reasons = []
    listed = result_counts(text)
    if any(listed) and listed != counts:
        reasons.append("%d passed, %d failed, %d skipped are listed, "
                       "the closing line differs" % tuple(listed))
    if not any(counts):
        reasons.append("it tested nothing")
    if status not in (0, 4) and counts[1] == 0:
        reasons.append("no failure reported, but exit status %d" % status)
    if status in (0, 4) and counts[1] != 0:
        reasons.append("failures reported, but exit status %d" % status)
    counts[1] += bool(reasons)
    return counts, reasons


def format_counts(counts):
    return "%d passed, %d failed, %d skipped" % tuple(counts)
