# SPDX-License-Identifier: GPL-2.0
"""Counters, compared exactly."""

import time

from .ktap import check

# Bytes go with packets; both are named where they are expected.
# Reports of IPv6 multicast membership come when they like.
UNSTEADY = {"tx-multicast"}


def changes(before, after, ignore=frozenset(UNSTEADY)):
    """What has changed between two sets of counters, by name."""
    return {name: after[name] - before[name] for name in after
            if after[name] != before[name] and name not in ignore}


class Watch:
    """Remembers the counters of a device, or of one of its peers, to compare
    them with what they become."""

    def __init__(self, end, peer=None, ignore=frozenset(UNSTEADY)):
        self.end, self.peer, self.ignore = end, peer, ignore
        self.reset()

    def reset(self):
        self.before = self.end.stats(self.peer)

    def changes(self):
        return changes(self.before, self.end.stats(self.peer), self.ignore)

    def expect(self, what="", seconds=5, **expected):
        """Waits until exactly these counters have risen by exactly this much,
        and begins anew. Names have _ for -."""
        expected = {k.replace("_", "-"): v for k, v in expected.items() if v}
        end = time.monotonic() + seconds
        while self.changes() != expected:
            got = self.changes()
            check(time.monotonic() < end and all(got[k] <= expected.get(k, 0) for k in got),
                  f"{what}: counters of {'the peer' if self.peer else 'the device'}: "
                  f"expected {expected}, got {got}")
            time.sleep(0.02)
        self.reset()
