#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The bench, in the VM: all contenders stand side by side in one boot and are
measured in one case after another. Each figure is a line 'BENCH' with JSON, as
selftests/bench/run wants it.

guest.py [CASE...]
"""

import json
import os
import struct
import sys
import threading
import time
import traceback

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from cpnstest.chain import Chain
from cpnstest.netns import sh
from cpnstest.nl import endpoint
from cpnstest.ktap import check
from cpnstest.pair import Pair, Session, key_attributes, load_module, random_keys
from contenders import (INNER_MTU, MODES, MSS, SUITES, Cpns, Esp, Macsec, Veth, WireGuard,
                        bare_aead, cpns_ipv4, wireguard_between)
from measure import UDP_SIZES, iperf, packets, request_response, tcp, tcp_for, udp

AEAD_COST = "/usr/lib/cpns-bench/cpns_aead_cost.ko"
UDP_COUNT = 6400
RR_COUNT = 3000
UDP_LEN = 1372
NLM_F_REQUEST = 1
PEERS = (1, 100, 10_000, 100_000)
# Of the handshakes; a session a second is what a gateway never does.
REKEY_S, REKEY_TIME_S = 1, 5


def say(case, contender, **values):
    print("BENCH", json.dumps({"case": case, "contender": contender, **values}), flush=True)


class Between:
    """Two ends as contenders know them."""

    def __init__(self, ns, a, b):
        self.ns, self.a, self.b = ns, a, b


def stranger(number):
    """The EID of a peer that says nothing."""
    return 0x5000_0000_0000_0000 + number


def add_strangers(end, first, last):
    """Makes many peers. One message is the pattern of all."""
    family = end.nl.family
    pattern = bytearray(family._encode_message(         # pylint: disable=protected-access
        family.ops["peer-new"], {"ifindex": end.ifindex, "eid": stranger(0)}, [], 0))
    at = pattern.index(struct.pack("=Q", stranger(0)))
    for number in range(first, last):
        struct.pack_into("=Q", pattern, at, stranger(number))
        # Only an error is answered.
        struct.pack_into("=H", pattern, 6, NLM_F_REQUEST)
        family.sock.send(pattern)
    found = end.nl.do("peer-get", ifindex=end.ifindex, eid=stranger(last - 1)) if (
        last > first) else None
    check(found is None or found["eid"] == stranger(last - 1), "the last peer is there")


def session_keys(end, count, window):
    """A session with each of the strangers."""
    suite = SUITES["gcm"]
    for number in range(1, count + 1):
        end.nl.do("peer-set", ifindex=end.ifindex, eid=stranger(number), window=window)
        end.nl.do("key-new", ifindex=end.ifindex, eid=stranger(number), slot="current",
                  local_sid=0x10000 + number, remote_sid=number, suite=suite,
                  key_id=os.urandom(16), **key_attributes("tx", random_keys(suite)),
                  **key_attributes("rx", random_keys(suite)))


def free_bytes():
    """Memory that nothing uses, caches apart."""
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("3\n")
    with open("/proc/meminfo", encoding="ascii") as file:
        lines = dict(line.split(":") for line in file)
    return int(lines["MemFree"].split()[0]) * 1024


class Bench:
    """All contenders, and what is measured of them."""

    def __init__(self, quick):
        self.quick = quick
        load_module()
        self.pair = Pair()
        cpns_ipv4(self.pair, Cpns.ADDRESS)
        self.gcm = Cpns(self.pair)
        self.plain = Veth(self.pair)
        self.wireguard = WireGuard(self.pair)
        self.rivals = [self.plain, self.wireguard]
        if not quick:
            self.rivals += [Macsec(self.pair), Esp(self.pair), Esp(self.pair, udp=True)]
        self.ours = [Cpns(self.pair, suite, mode) for suite in SUITES for mode in MODES]

    def each(self, case, contenders, measure):
        """Measures each, after a packet has made neighbours and caches known."""
        for contender in contenders:
            contender.begin()
            try:
                contender.ns[0].sh("ping", "-c", 2, "-i", "0.2", contender.address[1])
                say(case, contender.name, **measure(contender))
            finally:
                contender.end()

    # ---- the cases ----

    def floor(self):
        """What the AEADs alone take."""
        for suite in ("gcm",) if self.quick else SUITES:
            for mode in ("encrypt", "auth"):
                ways = bare_aead(AEAD_COST, suite, auth=mode == "auth")
                name = f"cpns-{suite}" + ("" if mode == "encrypt" else "-auth")
                say("aead", name, instructions=sum(ways), seal=ways[0], open=ways[1])
        for size in UDP_SIZES:
            ways = bare_aead(AEAD_COST, length=size + 28)
            say(f"aead-udp-{size}", "cpns-gcm", instructions=sum(ways), seal=ways[0],
                open=ways[1])

    def tcp(self):
        self.each("tcp", [*self.rivals, *([self.gcm] if self.quick else self.ours)],
                  lambda c: tcp(c.ns, c.address, 20 if self.quick else 100))

    def tcp8(self):
        self.each("tcp-8-flows", [*self.rivals, self.gcm],
                  lambda c: tcp(c.ns, c.address, 40, "-P", 8))

    def gro(self):
        """As from a network card: nothing on the way has offloads for sending, and
        NAPI's GRO puts together what arrives."""
        self._offloads("off", gro="on")
        self.each("tcp-gro", [self.gcm] if self.quick else [*self.rivals[:3], self.gcm],
                  lambda c: tcp(c.ns, c.address, 20 if self.quick else 40))
        self._offloads("on", gro="off")

    def _offloads(self, sending, gro):
        for ns in self.pair.ns:
            for dev in ("veth0", "plain0"):
                ns.sh("ethtool", "-K", dev, "tso", sending, "tx-udp-segmentation", sending,
                      "gro", gro)

    def udp(self):
        for size in UDP_SIZES[-1:] if self.quick else UDP_SIZES:
            self.each(f"udp-{size}", [*self.rivals, self.gcm],
                      lambda c, n=size: udp(c.ns, c.address, "one", n, UDP_COUNT))

    def udp_trains(self):
        for how in ("mmsg", "gso"):
            self.each(f"udp-{UDP_LEN}-{how}", [self.plain, self.wireguard, self.gcm],
                      lambda c, h=how: udp(c.ns, c.address, h, UDP_LEN, UDP_COUNT))

    def latency(self):
        self.each("rr", [*self.rivals, self.gcm],
                  lambda c: request_response(c.ns, c.address, RR_COUNT))

    def relay(self):
        """Through a host in the middle: an IP router, a relay, one that decrypts and
        encrypts again. What the middle costs is what is more than without it."""
        chain = Chain()
        ends = chain.ns["pne"], chain.ns["server"]
        inner = "10.99.1.1", "10.99.1.2"
        cpns_ipv4(Between(ends, chain.pne, chain.server), inner)
        chain.gw.netns.sh("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self._through("cpns-relay", ends, inner, self.gcm)
        if self.quick:
            chain.delete()
            return

        # The same datagrams, to the other end itself, and routed.
        ends[0].ip("route add 10.72.0.0/24 via 10.71.0.1")
        ends[1].ip("route add 10.71.0.0/24 via 10.72.0.1")
        for end, other, address in ((chain.pne, chain.server, "10.72.0.2"),
                                    (chain.server, chain.pne, "10.71.0.2")):
            end.set_peer(other, endpoint=endpoint(address, other.port))
        self._through("ip-router", ends, inner, self.gcm)

        inner = "10.84.1.1", "10.84.2.1"
        wireguard_between((ends[0], chain.gw.netns), "wg0",
                          [("10.84.1.1/24", "10.84.0.0/16"), ("10.84.1.2/24", "10.84.1.1/32")],
                          ("10.71.0.2", "10.71.0.1"), (7501, 7501))
        wireguard_between((chain.gw.netns, ends[1]), "wg1",
                          [("10.84.2.2/24", "10.84.2.1/32"), ("10.84.2.1/24", "10.84.0.0/16")],
                          ("10.72.0.1", "10.72.0.2"), (7502, 7502))
        ends[0].ip("route add 10.84.2.0/24 dev wg0")
        ends[1].ip("route add 10.84.1.0/24 dev wg1")
        self._through("wireguard-hop", ends, inner, self.wireguard)
        chain.delete()

    def _through(self, name, ends, inner, without):
        """And without the middle, in the same run."""
        ends[0].sh("ping", "-c", 2, "-i", "0.2", "-I", inner[0], inner[1])
        measures = (("tcp", lambda ns, a: tcp(ns, a, 40)),
                    ("udp", lambda ns, a: udp(ns, a, "one", UDP_LEN, UDP_COUNT)))
        without.begin()
        for case, measure in measures:
            whole = measure(ends, inner)
            less = measure(without.ns, without.address)
            say(f"relay-{case}", name, **whole,
                middle=round(whole["instructions"] - less["instructions"], 1))
        without.end()

    def peers(self):
        """The same traffic beside peers who say nothing."""
        made = 1
        for count in PEERS:
            for end in (self.pair.a, self.pair.b):
                add_strangers(end, made, count)
            made = count
            self.gcm.begin()
            say("peers", str(count), **udp(self.gcm.ns, self.gcm.address, "one", UDP_LEN,
                                           UDP_COUNT))

    def rekey(self):
        self.gcm.begin()
        say("rekey", "never", **tcp_for(self.gcm.ns, self.gcm.address, REKEY_TIME_S))
        before = [end.stats() for end in (self.pair.a, self.pair.b)]
        over = threading.Event()

        def often():
            while not over.wait(REKEY_S):
                session = Session(self.pair.a, self.pair.b)
                session.install_at(self.pair.b, "next")
                session.install_at(self.pair.a)
        thread = threading.Thread(target=often)
        thread.start()
        found = tcp_for(self.gcm.ns, self.gcm.address, REKEY_TIME_S)
        over.set()
        thread.join()
        say("rekey", "every-second", **found, lost={
            f"{end.netns.name[0]}-{name}": value - old[name]
            for end, old in zip((self.pair.a, self.pair.b), before)
            for name, value in end.stats().items() if value != old[name] and
            name in ("rx-unknown-sid", "rx-duplicate", "rx-too-old", "rx-bad-tag", "tx-no-key")})

    def bad_path(self):
        """Reported, without a bound: loss and reordering are the path's, and what
        TCP makes of them."""
        for case, how in (("loss-1%", "loss 1%"), ("reorder", "delay 100us reorder 2%")):
            for ns in self.pair.ns:
                ns.sh("tc", "qdisc", "add", "dev", "veth0", "root", "netem", "limit", 10000,
                      *how.split())
                ns.sh("tc", "qdisc", "add", "dev", "plain0", "root", "netem", "limit", 10000,
                      *how.split())
            self.each(case, [self.plain, self.wireguard, self.gcm],
                      lambda c: tcp(c.ns, c.address, 10))
            for ns in self.pair.ns:
                ns.sh("tc", "qdisc", "del", "dev", "veth0", "root")
                ns.sh("tc", "qdisc", "del", "dev", "plain0", "root")

    def memory(self):
        """What the sessions of many peers take, with windows of two sizes."""
        count = 1000
        for window in (8192, 64):
            pair = Pair(session=False)
            add_strangers(pair.a, 1, count + 1)
            before = free_bytes()
            session_keys(pair.a, count, window)
            say("memory", f"window-{window}", bytes=round((before - free_bytes()) / count))
            pair.delete()

    def run(self, names):
        """A case that fails is named, and the others go on."""
        failed = 0
        for name in names:
            try:
                getattr(self, name)()
            except Exception:       # pylint: disable=broad-except
                failed += 1
                for line in traceback.format_exc().splitlines():
                    print("#", line)
                say("failed", name)
        return failed


CASES = ("floor", "tcp", "tcp8", "gro", "udp", "udp_trains", "latency", "relay", "rekey",
         "memory", "bad_path", "peers")


QUICK = ("floor", "tcp", "gro", "udp", "relay")


def main():
    quick = sys.argv[1:] == ["quick"]
    names = QUICK if quick else sys.argv[1:] or CASES
    unknown = set(names) - set(CASES)
    if unknown:
        print(f"guest.py: no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
        return 2
    say("kernel", os.uname().release, inner_mtu=INNER_MTU, mss=MSS)
    return 1 if Bench(quick).run(names) else 0


if __name__ == "__main__":
    sys.exit(main())
