#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""kill -9 of the registrar and of each cpnsd while keys are made, delivered,
rotated and revoked: nothing is lost, and the network converges by itself.

crash.py [ROUNDS [SEED]]
"""

import os
import random
import sys
import time

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap
from cpnstest.ktap import check
from cpnstest.network import PATIENCE_S
from cpnstest.pair import load_module

import system
from system import ANNA, BOB, PASSWORDS, System

ROUNDS = 12
CONVERGED_S = PATIENCE_S


class Crashes:
    """The network, what it is to come to, and who is killed next."""

    def __init__(self, rounds, seed):
        self.rounds = rounds
        self.random = random.Random(seed)
        self.s = system.S = System()
        self.nodes = (self.s.home.server, self.s.gw, self.s.pne1, self.s.pne2)
        self.kills = 0
        self.granted = None     # number of the grant that pne2 talks to gw
        print(f"# seed {seed}")

    def begin(self):
        s = self.s
        s.home.configure()
        s.home.start_registrar()
        for user, password in PASSWORDS.items():
            s.home.add_user(user, password)
        s.home.server.start()
        s.home.enrol(s.gw, "pn-gw", ANNA, "10.70.0.1")
        s.gw.start()
        s.home.enrol(s.pne1, "pne", ANNA, "10.70.1.1")
        s.home.enrol(s.pne2, "pne", BOB, "10.70.2.1")
        s.pne1.start()
        s.pne2.start()
        self.converge("the start")

    def change(self):
        """Something that hands keys out, or takes them back."""
        s = self.s
        if self.granted:
            s.home.admin("grant", "del", str(self.granted))
            self.granted = None
        else:
            self.granted = s.home.grant(s.pne2.name, "talk", s.gw.name)
        s.home.admin("entity", "rotate", self.random.choice((s.pne1, s.gw)).name)

    def crash(self):
        """Some of them, each at a random instant after the change."""
        registrar = None
        victims = self.random.sample((registrar, *self.nodes), self.random.randint(1, 3))
        for victim in victims:
            time.sleep(self.random.expovariate(4))
            if victim:
                victim.kill()
            else:
                self.s.home.kill_registrar()
        self.kills += len(victims)
        for victim in victims:
            if victim:
                victim.start()
            else:
                self.s.home.start_registrar()
        return ", ".join(v.word if v else "registrar" for v in victims)

    def fault(self):
        """The first thing that is not as it is to be, or None."""
        s, granted = self.s, bool(self.granted)
        keys = {node.word: len(node.key_ids("eukey")) for node in self.nodes[1:]}
        return next((text for text, good in (
            (f"EUKeys {keys}", lambda: set(keys.values()) == {1}),
            ("LocalEUKeys of pne1", lambda: s.pne1.local_key_ids(s.gw) ==
             s.gw.local_key_ids(s.pne1) != set()),
            ("LocalEUKeys of pne2", lambda: s.pne2.local_key_ids(s.gw) ==
             s.gw.local_key_ids(s.pne2)),
            ("the grant of pne2", lambda: bool(s.pne2.local_key_ids(s.gw)) == granted and
             s.gw.kernel_has(s.pne2) == granted),
            ("pne1 to gw", lambda: s.pne1.reaches(s.gw)),
            ("pne1 to the Server", lambda: s.pne1.reaches(s.home.server)),
            ("pne2 to the Server", lambda: s.pne2.reaches(s.home.server)),
            ("pne2 to gw", lambda: not granted or s.pne2.reaches(s.gw))) if not good()), None)

    def converge(self, what):
        begin = time.monotonic()
        while True:
            fault = self.fault()
            took = time.monotonic() - begin
            if not fault:
                return took
            check(took < CONVERGED_S, f"after {what} not whole: {fault}\n" + "".join(
                f"{n.name}: {n.log()[-3000:]}\n" for n in self.nodes))
            time.sleep(0.02)

    def run(self):
        took = []
        for number in range(self.rounds):
            self.change()
            who = self.crash()
            took.append(self.converge(f"round {number}: {who}"))
            print(f"# round {number}: {who}: {took[-1]:.1f} s", flush=True)
        print(f"# {self.rounds} rounds, {self.kills} times killed, whole again after "
              f"{max(took):.1f} s at most")


def main():
    load_module()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
    crashes = Crashes(rounds, seed)
    ktap.run([("the_network_comes_up", crashes.begin),
              ("killed_at_any_instant", crashes.run)])


if __name__ == "__main__":
    main()
