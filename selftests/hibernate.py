#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""No key lives on in an image of the machine; all do through suspend."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap
from cpnstest.ktap import check, equal
from cpnstest.pair import Pair, load_module
from cpnstest.traffic import Events, udp_socket

POWER = "/sys/power"


def power(name, value):
    with open(f"{POWER}/{name}", "w", encoding="ascii") as f:
        f.write(value)


def sleep_as_a_test(state):
    """Goes as far as to freeze all processes, and comes back by itself."""
    if not os.path.exists(f"{POWER}/pm_test"):
        raise ktap.Skip("this kernel has no pm_test")
    with open(f"{POWER}/state", encoding="ascii") as f:
        states = f.read().split()
    if state not in states:
        raise ktap.Skip(f"this machine knows no {state}, only {' '.join(states)}")
    power("pm_test", "freezer")
    try:
        power("state", state)
    except OSError as err:
        raise ktap.Skip(f"this machine can't do {state}: {err}") from None
    finally:
        power("pm_test", "none")


def keys_die_when_the_machine_hibernates():
    p = Pair()
    p.ping()
    second = p.rekey()
    events = {end: Events(end) for end in (p.a, p.b)}
    sids = {end: {k["local-sid"] for k in end.keys()} for end in (p.a, p.b)}
    equal("keys before", [2, 2], [len(s) for s in sids.values()])
    sleep_as_a_test("disk")
    for end in (p.a, p.b):
        dead = events[end].take("key-dead-ntf")
        equal("dead", {(sid, "snapshot") for sid in sids[end]},
              {(e["sid"], e["cause"]) for e in dead})
        equal("keys", [], end.keys())
    # Peers stay, and what is sent asks for a new session.
    tx = udp_socket(p.ns[0], p.a.overlay)
    tx.sendto(b"x", (str(p.b.overlay), 5060))
    equal("acquire", p.b.eid, events[p.a].wait("acquire-ntf")["eid"])
    try:
        second.install_at(p.a)
        check(False, "the same keys were taken once more")
    except Exception as err:        # refused by the module
        check("installed before" in str(err), f"refused with {err}")
    p.rekey()
    p.ping()
    p.delete()


def keys_live_through_suspend():
    p = Pair(session=False)
    p.rekey()
    p.ping()
    events = Events(p.a)
    begin = time.clock_gettime(time.CLOCK_BOOTTIME)
    age = p.a.keys()[0]["age"]
    state = "mem"
    with open(f"{POWER}/state", encoding="ascii") as f:
        if "mem" not in f.read().split():
            state = "freeze"
    sleep_as_a_test(state)
    equal("dead", [], events.take("key-dead-ntf"))
    p.ping()
    # The age is that of the clock that runs on.
    took = 1000 * (time.clock_gettime(time.CLOCK_BOOTTIME) - begin)
    grown = p.a.keys()[0]["age"] - age
    check(grown >= took - 100, f"the age grew by {grown} ms in {took} ms")
    p.delete()


def clone_of_the_machine_has_no_keys():
    raise ktap.Skip("a clone needs a hypervisor that changes the guest's generation id")


if __name__ == "__main__":
    load_module()
    ktap.run([
        keys_die_when_the_machine_hibernates,
        keys_live_through_suspend,
        clone_of_the_machine_has_no_keys,
    ])
