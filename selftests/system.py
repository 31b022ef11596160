#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The whole system with its own registrar: enrolment through the PN GW, what is
permitted and what is not, two domains on one gateway, kill -9, revocation."""

import json
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, network, nl
from cpnstest.domain import ENROL_PORT, Domain
from cpnstest.ktap import check, equal, wait_until
from cpnstest.netns import Netns
from cpnstest.network import PATIENCE_S, Node
from cpnstest.pair import load_module

PASSWORDS = {"anna@home.example": "correct horse", "bob@home.example": "battery staple"}
ANNA, BOB = PASSWORDS
LAN = "fd80::{}"


class System:
    """home, work -- gw -- pne1 (anna), pne2 (bob), and a LAN behind gw. gw is a
    PN GW of both domains, pne2 a PNE of both."""

    def __init__(self):
        self.dir = network.directory()
        self.home = Domain(self.dir, "home.example", "10.70.0")
        self.work = Domain(self.dir, "work.example", "10.71.0")
        self.gw = Node(self.dir, "gw@home.example", "home.example")
        self.gw_work = Node(self.dir, "gw-w@work.example", "work.example", port=4501,
                            netns=self.gw.netns, device="cpns1")
        self.pne1 = Node(self.dir, "pne1@home.example", "home.example")
        self.pne2 = Node(self.dir, "pne2@home.example", "home.example")
        self.pne2_work = Node(self.dir, "pne2-w@work.example", "work.example", port=4501,
                              netns=self.pne2.netns, device="cpns1")
        self.lan = Netns("lan")
        for number, domain in enumerate((self.home, self.work)):
            network.link(domain.server.netns, self.gw.netns, "up0", f"up{number}", domain.net)
        for i, pne in enumerate((self.pne1, self.pne2), 1):
            network.link(self.gw.netns, pne.netns, f"pan{i}", "pan0", f"10.70.{i}")
            pne.write_conf(f"state = {pne.path('state')}", f"via = 10.70.{i}.1:4500")
        self.pne2_work.write_conf(f"state = {self.pne2_work.path('state')}",
                                  "via = 10.70.2.1:4501")
        self.gw.write_conf(
            f"state = {self.gw.path('state')}", "[relay]", "pan = pan1, pan2",
            f"enrol-forward = 0.0.0.0:{ENROL_PORT} -> 10.70.0.1:{ENROL_PORT}")
        self.gw_work.write_conf(f"state = {self.gw_work.path('state')}", "[relay]",
                                "pan = pan2")
        network.link(self.gw.netns, self.lan, "lan0", "lan0", "10.70.9")
        self.gw.netns.ip(f"addr add {LAN.format(1)}/64 dev lan0 nodad")
        self.lan.ip(f"addr add {LAN.format(2)}/64 dev lan0 nodad",
                    f"route add ::/0 via {LAN.format(1)}")
        self.gw.netns.sh("sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=1")

    def curl(self, node, host, **body):
        """Status and answer of an enrolment by plain curl."""
        out = node.netns.sh("curl", "-s", "-k", "--pinnedpubkey", self.home.pin, "--max-time",
                            "20", "-w", "\n%{http_code}", "-d", json.dumps(body),
                            f"https://{host}:{ENROL_PORT}/v1/enrol", check=False)
        text, _, status = out.rpartition("\n")
        return int(status), text


S = None


def users_and_the_pn_gw_enrol():
    S.home.configure()
    S.home.start_registrar()
    for user, password in PASSWORDS.items():
        S.home.add_user(user, password)
    S.home.server.start()
    S.home.enrol(S.gw, "pn-gw", ANNA, "10.70.0.1")
    S.gw.start()
    S.gw.wait_for_session(S.home.server)


def pne_enrol_through_the_pn_gw():
    """They have no other way to the registrar; TLS is theirs, as the pin says."""
    status, text = S.curl(S.pne1, "10.70.1.1", user=ANNA, password="wrong",
                          entity=S.pne1.name, role="pne", device="watch")
    equal("wrong password", 401, status)
    status, unknown = S.curl(S.pne1, "10.70.1.1", user="eve@home.example", password="wrong",
                             entity=S.pne1.name, role="pne", device="watch")
    equal("unknown user", (401, text), (status, unknown))
    S.home.enrol(S.pne1, "pne", ANNA, "10.70.1.1")
    S.home.enrol(S.pne2, "pne", BOB, "10.70.2.1")
    check(S.gw.ask("status")["enrol_forward"]["passed"] >= 4, "passed on")
    equal("not from elsewhere than the PAN", 0,
          S.curl(S.home.server, "10.70.0.2", user=ANNA, password="x", entity="x@home.example",
                 role="pne", device="x")[0])


def sessions_come_up_in_order():
    for pne in (S.pne1, S.pne2):
        pne.start()
        pne.wait_for_session(S.home.server)
        pne.wait_until_reaches(S.home.server)
    S.pne1.wait_for_session(S.gw)
    S.pne1.wait_until_reaches(S.gw)
    equal("user of pne1", ANNA, S.home.server.whois(address=str(S.pne1.overlay))["user"])
    equal("user of pne2", BOB, S.home.server.whois(address=str(S.pne2.overlay))["user"])


def pne_of_another_user_needs_a_grant():
    equal("keys of pne2", set(), S.pne2.key_ids("localeukey"))
    check(not S.gw.kernel_has(S.pne2), "no peer of the PN GW")
    check(not S.pne2.reaches(S.gw, wait=1), "nor does it get there")
    S.home.grant(S.pne2.name, "talk", S.gw.name)
    S.pne2.wait_for_session(S.gw)
    S.pne2.wait_until_reaches(S.gw)
    equal("user of pne2 at the PN GW", BOB, S.gw.whois(address=str(S.pne2.overlay))["user"])


def denied(node):
    return node.stats().get("rx_inner_destination", 0)


def pne_reach_each_other_by_grant():
    check(not S.pne1.reaches(S.pne2, wait=1), "not yet")
    number = S.home.grant(S.pne1.name, "route", S.pne2.name, "--via", S.gw.name)
    S.pne1.wait_until_reaches(S.pne2)
    S.pne2.wait_until_reaches(S.pne1)
    S.home.admin("grant", "del", str(number))
    wait_until(lambda: not S.pne1.reaches(S.pne2, wait=1), "no longer", PATIENCE_S)


def reaches_lan(pne):
    with pne.netns.enter():
        return subprocess.run(["ping", "-q", "-c", "1", "-W", "1", "-I", str(pne.overlay),
                               LAN.format(2)], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0


def prefix_behind_the_pn_gw_by_grant():
    pne = S.pne1
    pne.netns.ip(f"route add fd80::/64 dev cpns0 src {pne.overlay} metric 4096")
    check(not reaches_lan(pne), "not yet")
    number = S.home.grant(pne.name, "prefix", S.gw.name, "--prefixes", "fd80::/64")
    wait_until(lambda: reaches_lan(pne), "it reaches the LAN", PATIENCE_S)
    # What a PNE may not reach is dropped and counted at the PN GW, whatever it thinks.
    before = denied(S.gw)
    S.home.admin("grant", "del", str(number))
    wait_until(lambda: not reaches_lan(pne), "no longer", PATIENCE_S)
    check(not reaches_lan(S.pne2), "nor pne2")
    S.pne1.stop()
    nl.Client(pne.netns).do("peer-set", ifindex=pne.netns.ifindex("cpns0"),
                            eid=int.from_bytes(S.gw.eid, "big"),
                            inner_src=nl.prefixes("fd80::/64"))
    check(not reaches_lan(pne), "it reaches what it may not")
    check(denied(S.gw) > before, f"counted: {before}, {S.gw.stats()}")
    S.pne1.start()


def registrar_may_be_killed():
    S.home.kill_registrar()
    S.pne1.reboot()
    S.pne1.wait_for_session(S.home.server)
    S.pne1.wait_until_reaches(S.gw)
    S.home.start_registrar()
    wait_until(lambda: not S.home.server.ask("status")["registrar"]["registrar_away"],
               "the Server sees it again", PATIENCE_S)
    check(S.pne1.reaches(S.home.server) and S.pne2.reaches(S.home.server), "nobody is out")


def rotation_changes_the_key():
    old = S.pne1.key_ids("eukey")
    S.home.admin("entity", "rotate", S.pne1.name)
    wait_until(lambda: S.pne1.key_ids("eukey") and not S.pne1.key_ids("eukey") & old,
               "the old EUKey is given up", PATIENCE_S)
    S.pne1.reboot()
    S.pne1.wait_for_session(S.home.server)
    S.pne1.wait_for_session(S.gw)


def daemons_may_be_killed():
    """All of them at once, and the network is whole again by itself."""
    nodes = (S.home.server, S.gw, S.pne1, S.pne2)
    for node in nodes:
        node.kill()
    for node in nodes:
        node.start()
    begin = time.monotonic()
    for pne in (S.pne1, S.pne2):
        pne.wait_until_reaches(S.home.server)
        pne.wait_until_reaches(S.gw)
    check(time.monotonic() - begin < PATIENCE_S, "within half a minute")
    for node in (S.gw, S.pne1, S.pne2):
        wait_until(lambda n=node: not n.ask("status")["server"]["away"], "all are back",
                   PATIENCE_S)


def two_domains_on_one_gateway():
    S.work.configure()
    S.work.start_registrar()
    S.work.add_user(ANNA, PASSWORDS[ANNA])
    S.work.server.start()
    S.work.enrol(S.gw_work, "pn-gw", ANNA, "10.71.0.1")
    S.gw_work.start()
    S.gw_work.wait_for_session(S.work.server)
    # Where it enrolled does not matter afterwards.
    network.link(S.work.server.netns, S.pne2.netns, "first", "first", "10.72.0")
    S.pne2.netns.ip("route add 10.71.0.0/24 via 10.72.0.1")
    S.work.enrol(S.pne2_work, "pne", ANNA, "10.71.0.1")
    S.pne2.netns.ip("link del first")
    S.pne2_work.start()
    S.pne2_work.wait_for_session(S.work.server)
    S.pne2_work.wait_until_reaches(S.gw_work)
    home = {p["id"] for p in S.gw.ask("status")["peers"]}
    work = {p["id"] for p in S.gw_work.ask("status")["peers"]}
    equal("peers in both domains", set(), home & work)
    check(not any(name.endswith("work.example") for name in home), f"{home}")
    S.work.admin("entity", "revoke", S.gw_work.name)
    wait_until(lambda: not S.work.server.kernel_has(S.gw_work), "out of one domain", PATIENCE_S)
    for pne in (S.pne1, S.pne2):
        check(pne.reaches(S.home.server) and pne.reaches(S.gw), "and not of the other")


def revoked_entity_is_out_within_a_second():
    pne = S.pne1
    S.home.admin("entity", "revoke", pne.name)
    begin = time.monotonic()
    wait_until(lambda: not S.home.server.kernel_has(pne) and not S.gw.kernel_has(pne),
               "out", 10)
    took = time.monotonic() - begin
    check(took < 1, f"it took {took:.2f} s")
    check(not pne.reaches(S.home.server, wait=1) and not pne.reaches(S.gw, wait=1), "really")
    equal("whois", "unknown", S.gw.whois(address=str(pne.overlay))["code"])
    check(S.pne2.reaches(S.home.server) and S.pne2.reaches(S.gw), "the other one is not")


def disabled_user_is_out():
    S.home.admin("user", "disable", BOB)
    wait_until(lambda: not S.home.server.kernel_has(S.pne2) and not S.gw.kernel_has(S.pne2),
               "out with all entities", PATIENCE_S)


TESTS = [users_and_the_pn_gw_enrol, pne_enrol_through_the_pn_gw, sessions_come_up_in_order,
         pne_of_another_user_needs_a_grant, pne_reach_each_other_by_grant,
         prefix_behind_the_pn_gw_by_grant, registrar_may_be_killed, rotation_changes_the_key,
         daemons_may_be_killed, two_domains_on_one_gateway,
         revoked_entity_is_out_within_a_second, disabled_user_is_out]


def main():
    global S
    load_module()
    S = System()
    ktap.run(TESTS)


if __name__ == "__main__":
    main()
