# SPDX-License-Identifier: GPL-2.0
"""Four figures that may not grow: each is held to what was recorded for its kernel
and compiler, and to what WireGuard costs in the same run."""

import json
import os

import targets

RECORDED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded.json")
# What the layout of code alone makes is 1.5 %.
TOLERANCE = 1.03
CASES = ("tcp", "tcp-gro", "udp-1372", "relay-udp")
CONTENDER = {"relay-udp": "cpns-relay"}
RIVAL = ("tcp", "udp-1372")


def of(figures, kernel):
    found = targets.Figures([f for f in figures if f["kernel"] == kernel])
    values = {case: found.cost(case, CONTENDER.get(case, "cpns-gcm")) for case in CASES}
    # What this project has no part in; another kernel or compiler changes it too.
    values["veth"] = found.cost("tcp", "veth")
    return {k: v for k, v in values.items() if v is not None}


def record(figures):
    with open(RECORDED, "w", encoding="ascii") as file:
        json.dump({k: of(figures, k) for k in sorted({f["kernel"] for f in figures})}, file,
                  indent=1)
        file.write("\n")


def compare(figures):
    """Says what was held and what was not; returns the numbers of both."""
    with open(RECORDED, encoding="ascii") as file:
        recorded = json.load(file)
    passed = failed = 0
    for kernel in sorted({f["kernel"] for f in figures}):
        now, then = of(figures, kernel), recorded[kernel]
        # Where the stack itself got dearer, so may we.
        drift = max(1, now.get("veth", 0) / then["veth"])
        for case in CASES:
            bound = then[case] * drift * TOLERANCE
            good = case in now and now[case] <= bound
            passed, failed = passed + good, failed + (not good)
            print(f"{'ok' if good else 'not ok'} - {kernel} {case}: {now.get(case)} instructions "
                  f"a packet, at most {bound:.0f}")
        found = targets.Figures([f for f in figures if f["kernel"] == kernel])
        for case in RIVAL:
            ours, theirs = found.cost(case, "cpns-gcm"), found.cost(case, "wireguard")
            good = ours is not None and theirs is not None and ours <= theirs
            passed, failed = passed + good, failed + (not good)
            print(f"{'ok' if good else 'not ok'} - {kernel} {case}: {ours} instructions a packet, "
                  f"WireGuard {theirs}")
    return passed, failed
