#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Random, broken and malicious datagrams against a device whose living sessions
must not notice. Every datagram is accounted for by the one counter that it
should raise. fuzz-datagrams.py [--count N] [--seed S]; so do COUNT and SEED in
the environment. Two processes send, one on each CPU."""

import argparse
import os
import random
import socket
import struct
import sys
import time
from collections import Counter
from ipaddress import IPv4Address

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, nl
from cpnstest.ktap import check, equal, wait_until
from cpnstest.lone import QUIET, Remote
from cpnstest.netns import Netns, join, sh
from cpnstest.pair import (OUTER4, OUTER6, PORT, End, Session as LivingSession,
                           key_attributes, load_module)
from cpnstest.traffic import SLOW, TcpStream, drain, udp_socket
from fuzz.child import Child
from fuzz.datagrams import CE, SPOOF, TRAIN, Generator, Peer, Session, random_keys

WORKERS = 2
SUITES = (1, 2, 3)
# Datagrams until the counters are compared and the bad peers get new keys.
ROUND = 10000
# Datagrams of a worker between two packets of the living sessions.
TICK = 100
LIVING_PORT = 4321
LIVING_BYTES = 40 + 8 + 8
UDP_SEGMENT = 103
INNER4 = IPv4Address("10.9.0.1")
BAD_PEER4 = "10.9.1.{}"
# What a peer's policy accepts at least: min-mode and max-clear.
POLICIES = (("encrypt", 0), ("encrypt", 10), ("auth", 0))

# Those that say that a datagram has come to the check of its tag.
AT_TAG = ("rx-bad-tag", "rx-level", "rx-inner-malformed", "rx-inner-source",
          "rx-inner-destination", "rx-ecn", "rx-packets", "rx-keepalives")
IN_SUM = AT_TAG + ("rx-malformed", "rx-not-ours", "control", "rx-unprotected",
                   "rx-unknown-sid", "rx-wrong-peer", "rx-seq-limit", "rx-too-old",
                   "rx-duplicate", "relay-hop-limit", "relay-unprotected",
                   "relay-unknown-source", "relay-not-allowed")


class Living:
    """A peer of the device at the other end, with packets in both directions."""

    def __init__(self, device, far, suite, session):
        self.device, self.far, self.suite, self.session = device, far, suite, session
        self.sockets = {
            end: udp_socket(end.netns, end.overlay, LIVING_PORT + (suite if end is device
                                                                   else 0))
            for end in (device, far)}
        self.sent = self.arrived = 0

    def ping(self, count=1):
        self.far.netns.sh("ping", "-c", count, "-i", 0.1, "-W", 10, "-I", self.far.overlay,
                          self.device.overlay)

    def send(self):
        """One packet each way."""
        for end, other in ((self.device, self.far), (self.far, self.device)):
            to = self.sockets[other].getsockname()
            self.sockets[end].sendto(struct.pack("!Q", self.sent), to)
        self.sent += 1

    def expect(self, count):
        """So many have arrived since the last time, both ways and in order."""
        wanted = [struct.pack("!Q", n) for n in range(count)]
        for end, sock in self.sockets.items():
            got = []
            wait_until(lambda: got.extend(d for d, _ in drain(sock)) or
                       len(got) >= count, f"packets of suite {self.suite}", 10 * SLOW)
            equal(f"suite {self.suite}: packets of {count} that reached "
                  f"{end.entity.name}", wanted, got)


class Field:
    """The device under fire in one namespace; in the other its living peers,
    strangers, and the bad peers that the test plays."""

    def __init__(self, seed):
        self.seed = seed
        load_module()
        self.ns = Netns("a"), Netns("b")
        join(*self.ns, (OUTER4, OUTER6))
        sh("sysctl", "-qw", "net.core.netdev_max_backlog=100000")
        self.address = {4: [a.split("/")[0] for a in OUTER4],
                        6: [a.split("/")[0] for a in OUTER6]}
        self.device = End(self.ns[0], b"server@home.example", 1)
        self.ns[0].ip(f"addr add {INNER4}/32 dev {self.device.dev}")
        self.living = [self._living(suite) for suite in SUITES]
        self.bad = [[self._bad_peer(worker, i) for i in range(len(SUITES))]
                    for worker in range(WORKERS)]
        self.owner = nl.Client(self.ns[0])
        self.owner.do("msg-bind", ifindex=self.device.ifindex)
        self.sockets = self._sockets()
        self.total = Counter()
        self.made = Counter()
        for living in self.living:
            living.ping()
        self.endpoints = self._endpoints()

    def _living(self, suite):
        port = PORT + 10 + suite
        far = End(self.ns[1], b"gw-%d@home.example" % suite, 2, port, f"cpns{suite}")
        self.device.add_peer(far, self.address[4][1], **QUIET)
        far.add_peer(self.device, self.address[4][0], **QUIET)
        # All far ends have a route to the device: each takes its own.
        self.ns[1].ip(f"route del {self.device.overlay}/128 dev {far.dev}",
                      f"route add {self.device.overlay}/128 dev {far.dev} table {suite}")
        self.ns[1].sh("ip", "-6", "rule", "add", "from", far.overlay, "table", suite)
        session = LivingSession(self.device, far, suite)
        session.install()
        return Living(self.device, far, suite, session)

    def _bad_peer(self, worker, number):
        me = Remote(b"bad-%d-%d@home.example" % (worker, number))
        min_mode, max_clear = POLICIES[number]
        inner4 = IPv4Address(BAD_PEER4.format(10 * worker + number + 1))
        self.device.nl.do(
            "peer-new", ifindex=self.device.ifindex, eid=me.eid, **QUIET,
            endpoint=nl.endpoint(self.address[4][1], 9), min_mode=min_mode,
            max_clear=max_clear or None, inner_src=nl.prefixes(f"{inner4}/32"),
            allowed_dst=nl.prefixes("fd99::/64", "10.99.0.0/16"))
        self.ns[0].ip(f"route add {me.overlay}/128 dev {self.device.dev}",
                      f"route add {inner4}/32 dev {self.device.dev}")
        return Peer(me.entity.eid, me.overlay, me.link_local, inner4, min_mode, max_clear)

    def _sockets(self):
        """By the names that the generator has for them, all connected."""
        sockets = {}
        for via, version in (("v4", 4), ("v6", 6), ("v4-ce", 4), ("v6-ce", 6)):
            sock = udp_socket(self.ns[1], self.address[version][1])
            # What the device sends to a bad peer comes here; nobody reads it.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            if via in CE:
                level, name = ((socket.IPPROTO_IP, socket.IP_TOS) if version == 4 else
                               (socket.IPPROTO_IPV6, socket.IPV6_TCLASS))
                sock.setsockopt(level, name, 3)
            sock.connect((self.address[version][0], PORT))
            sockets[via] = sock
        with self.ns[1].enter():
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        raw.connect((self.address[4][0], 0))
        sockets[SPOOF] = raw
        return sockets

    def _endpoints(self):
        return [self.device.peer(living.far)["endpoint"] for living in self.living]

    def send(self, via, datagram, size):
        if via == TRAIN:
            self.sockets["v4"].sendmsg([datagram], [(
                socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=H", size))])
            return
        if via != SPOOF:
            self.sockets[via].send(datagram)
            return
        source, to = (socket.inet_aton(a) for a in reversed(self.address[4]))
        # The kernel fills in identification, length and checksum; that of UDP may be 0.
        self.sockets[via].send(
            struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, 17, 0) + source + to +
            struct.pack("!HHHH", self.living[0].far.port, PORT, 8 + len(datagram), 0) +
            datagram)

    # ---- rounds ----

    def _sessions(self, rng, worker):
        """New keys for the bad peers of a worker, and the living sessions."""
        sessions = []
        for peer, suite in zip(self.bad[worker], SUITES):
            keys, sid = random_keys(rng, suite), rng.randbytes(3) + bytes((worker + 1,))
            self.device.nl.do(
                "key-new", ifindex=self.device.ifindex, slot="current", initiator=True,
                eid=int.from_bytes(peer.eid, "big"), local_sid=int.from_bytes(sid, "big"),
                remote_sid=1 + rng.getrandbits(31), suite=suite, key_id=rng.randbytes(16),
                **key_attributes("rx", keys), **key_attributes("tx", random_keys(rng, suite)))
            sessions.append(Session(rng, peer.eid, sid, keys))
        for living in self.living:
            sid = living.session.sid[self.device].to_bytes(4, "big")
            sessions.append(Session(rng, living.far.entity.eid, sid,
                                    living.session.tx[living.far], living=True))
        return sessions

    def _work(self, worker, rng, sessions, count):
        """Sends what is made; returns what it should have done."""
        os.sched_setaffinity(0, {worker % os.cpu_count()})
        addresses = (self.device.overlay.packed, self.device.link_local.packed,
                     INNER4.packed)
        generator = Generator(rng, self.device.entity.eid, addresses, self.bad[worker],
                              sessions)
        ticks = 0
        for done in range(0, count, TICK):
            for item in generator.make(min(TICK, count - done)):
                self.send(*item)
            if worker == 0:
                ticks += 1
                for living in self.living:
                    living.send()
        return generator.expected, generator.made, ticks

    def _drain_owner(self):
        """Room for the next datagrams that are for the daemon."""
        sock = self.owner.family.sock
        sock.setblocking(False)
        try:
            while True:
                sock.recv(1 << 17)
        except (BlockingIOError, OSError):
            pass
        sock.setblocking(True)

    def round(self, number, count):
        """One round; every datagram must raise its counter, and no other."""
        before = self._counters()
        children = []
        for worker in range(WORKERS):
            rng = random.Random(f"{self.seed}/{number}/{worker}")
            sessions = self._sessions(rng, worker)
            share = count * (worker + 1) // WORKERS - count * worker // WORKERS
            children.append(Child(
                lambda w=worker, r=rng, s=sessions, n=share: self._work(w, r, s, n)))
        expected, ticks = Counter(), 0
        for child in children:
            counters, made, ticked = child.result()
            expected += counters
            self.made += made
            ticks += ticked
        for living in self.living:
            living.expect(ticks)
        own = Counter({"rx-packets": ticks * len(self.living),
                       "rx-bytes": ticks * len(self.living) * LIVING_BYTES})
        wanted = expected + own
        try:
            wait_until(lambda: self._counters() - before == wanted, "", 10 * SLOW)
        except AssertionError:
            got = self._counters() - before
            lines = [f"{name}: expected {wanted[name]}, got {got[name]}"
                     for name in sorted(wanted | got) if wanted[name] != got[name]]
            raise AssertionError(f"seed {self.seed}, round {number} of {count}: " +
                                 "; ".join(lines)) from None
        self.total += expected
        self._drain_owner()

    def _counters(self):
        """What the device has received, where control is one thing, and however
        the datagrams came."""
        stats = Counter({k: v for k, v in self.device.stats().items() if
                         k.startswith(("rx-", "relay-")) and not k.endswith("-trains")})
        stats["control"] = stats.pop("rx-control") + stats.pop("rx-control-dropped")
        return stats


def parse_args():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--count", type=int, default=int(os.environ.get("COUNT", 50000)),
                   help="datagrams, default 50000")
    p.add_argument("--seed", default=os.environ.get("SEED") or str(random.getrandbits(48)),
                   help="default random")
    return p.parse_args()


def main():
    args = parse_args()
    print(f"# {args.count} datagrams, seed {args.seed}", flush=True)
    field = Field(args.seed)

    def accounted():
        began = time.monotonic()
        done = number = 0
        while done < args.count:
            count = min(ROUND, args.count - done)
            field.round(number, count)
            done, number = done + count, number + 1
            print(f"# {done} of {args.count} datagrams, "
                  f"{done / (time.monotonic() - began):.0f} a second", flush=True)

    def shares():
        total = sum(field.total[name] for name in IN_SUM)
        print("#", ", ".join(f"{k} {v}" for k, v in sorted(field.made.items())))
        print("#", ", ".join(f"{k} {field.total[k]}" for k in IN_SUM))
        equal("datagrams counted", args.count, total)
        at_tag = sum(field.total[name] for name in AT_TAG)
        malformed = field.total["rx-inner-malformed"]
        print(f"# {100 * at_tag / total:.1f} % came to the check of the tag, "
              f"{100 * malformed / total:.1f} % with a right tag around no packet")
        check(at_tag >= 0.3 * total, "under 30 % came to the check of the tag")
        check(malformed >= 0.1 * total, "under 10 % had a right tag around no packet")
        # Some are rare.
        for name in IN_SUM if total >= ROUND else ():
            check(field.total[name], f"nothing has raised {name}")

    def tags_by_key():
        failed = sum(living.session.sid[field.device] == key["local-sid"] and key["failed"]
                     for key in field.device.keys() for living in field.living)
        check(failed > 0, "no living session was attacked")

    def empty():
        before = field._counters()
        for via in ("v4", "v6", SPOOF):
            field.send(via, b"", 0)
        wait_until(lambda: field._counters() - before == Counter({"rx-malformed": 3}),
                   "empty datagrams counted", 2 * SLOW)

    def endpoints_kept():
        equal("endpoints of the living peers", field.endpoints, field._endpoints())

    def living_sessions():
        for living in field.living:
            living.ping(5)
            stream = TcpStream((field.ns[0], field.device.overlay),
                               (field.ns[1], living.far.overlay))
            wait_until(lambda: stream.received >= 1 << 20, "a MB over TCP", 60 * SLOW)
            stream.stop()
            check("up" in field.device.peer(living.far), "a living peer is not up")

    def unloaded():
        for ns in field.ns:
            ns.delete()
        wait_until(lambda: "cpns" not in sh("rmmod", "cpns", check=False),
                   "rmmod", 10 * SLOW)

    ktap.run([accounted, shares, tags_by_key, empty, endpoints_kept, living_sessions, unloaded])


if __name__ == "__main__":
    main()
