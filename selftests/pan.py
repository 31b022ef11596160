#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A PAN that is secure itself: DATA with the U flag, taken from one neighbour on
one link, and from nobody else: not from behind a router, not from another
interface or station, not by a relay, and not at all where nothing was said."""

import errno
import os
import socket
import sys
import time
from ipaddress import ip_address

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, nl
from cpnstest.capture import Capture
from cpnstest.gateway import datagram, DATA
from cpnstest.ktap import check, equal
from cpnstest.lone import QUIET, Remote
from cpnstest.netns import Netns, join
from cpnstest.pair import PORT, End, Session, load_module
from cpnstest.traffic import SLOW, Counters, TcpStream, is_udp
from ss1.inner import Udp
from ss1.wire import unprotected_datagram

PAN = (("10.88.0.1/24", "10.88.0.2/24"), ("fd88::1/64", "fd88::2/64"))
U = 2
PACKET = 40 + 8 + 5     # of packet(), in bytes


class Pan:
    """A PN GW and a PNE on one link, each a device."""

    def __init__(self, outer=4, pan=True, mtu=1500):
        self.ns = Netns("gw"), Netns("pne")
        join(*self.ns, PAN, mtu, "pan0")
        self.address = [a.split("/")[0] for a in PAN[outer == 6]]
        self.gw = End(self.ns[0], b"gw-1@home.example", 2)
        self.pne = End(self.ns[1], b"pne-1@home.example", 3)
        self.gw.add_peer(self.pne, **QUIET)
        self.pne.add_peer(self.gw, **QUIET)
        if pan:
            self.turn_on(self.gw)
            self.turn_on(self.pne)

    def place(self, end):
        """Where the other end is."""
        return {"pan_ifindex": end.netns.ifindex("pan0"),
                "pan_addr": nl.endpoint(self.address[end is self.gw], PORT)}

    def turn_on(self, end):
        end.set_peer(self.pne if end is self.gw else self.gw, **self.place(end))

    def ping(self, count=1, size=56):
        return self.ns[1].sh("ping", "-c", count, "-i", "0.05", "-W", 2 * SLOW, "-M", "do",
                             "-s", size, self.gw.overlay, check=False)

    def delete(self):
        self.gw.close()
        self.pne.close()
        for ns in self.ns:
            ns.delete()


def packets_are_left_to_the_link():
    """Both ways, without a key: header with U, no tag, TTL 255, in the clear."""
    for outer in (4, 6):
        p = Pan(outer)
        seen = Capture(p.ns[0], "pan0")
        gw, pne = Counters(p.gw), Counters(p.pne)
        check(" 3 received" in p.ping(3), f"IPv{outer}: no ping")
        each = 3 * (40 + 8 + 56)
        for counters in (gw, pne):
            counters.expect(rx_packets=3, rx_bytes=each, tx_packets=3, tx_bytes=each,
                            rx_pan_packets=3, tx_pan_packets=3)
        found = [u for u in seen.udp(1) if u.dport == PORT]
        equal("datagrams", 6, len(found))
        for u in found:
            equal("header", b"\x18\x02\x08\x00" + bytes(4), u.payload[:8])
            equal("seq", bytes(8), u.payload[24:32])
            equal("length", 32 + 40 + 8 + 56, len(u.payload))
            equal("TTL", 255, u.ttl)
            check(u.df, "may be cut")
            equal("inside", 6, u.payload[32] >> 4)
        for end, other in ((p.gw, p.pne), (p.pne, p.gw)):
            peer = end.peer(other)
            check("up" not in peer, "up, without a session")
            check("last-rx" in peer and "last-tx" in peer, "not heard of")
            check("endpoint" not in peer, "U has moved the endpoint")
            equal("interface", end.netns.ifindex("pan0"), peer["pan-ifindex"])
            equal("port", PORT, peer["pan-addr"]["port"])
            equal("MTU", 1500 - (28 if outer == 4 else 48) - 32, peer["mtu"])
        equal("keys", [], p.gw.keys() + p.pne.keys())
        seen.close()
        p.delete()


def link_local_addresses():
    p = Pan(pan=False)
    p.ns[0].ip("addr add fe80::1/64 dev pan0 nodad")
    p.ns[1].ip("addr add fe80::2/64 dev pan0 nodad")
    for end, other, address in ((p.gw, p.pne, "fe80::2"), (p.pne, p.gw, "fe80::1")):
        link = end.netns.ifindex("pan0")
        end.set_peer(other, pan_ifindex=link,
                     pan_addr=nl.endpoint(address, PORT, scope=link,
                                          local="fe80::1" if end is p.gw else "fe80::2"))
    check(" 3 received" in p.ping(3), "no ping")
    p.delete()


def bulk_passes():
    p = Pan()
    tcp = TcpStream((p.ns[1], p.pne.overlay), (p.ns[0], p.gw.overlay))
    time.sleep(1)
    received, _ = tcp.stop()
    check(received > 100000 / SLOW, f"TCP got only {received} bytes through")
    stats = p.gw.stats()
    equal("packets by the PAN", stats["rx-packets"], stats["rx-pan-packets"])
    p.delete()


def interface_of_a_vrf():
    """It is the interface itself that is named."""
    for outer in (4, 6):
        p = Pan(outer)
        out = p.ns[0].sh("ip", "link", "add", "outside", "type", "vrf", "table", 10, check=False)
        if out:
            raise ktap.Skip(f"no VRF: {out.strip()}")
        p.ns[0].ip("link set outside up", "link set pan0 master outside",
                   # The move has taken the IPv6 addresses away.
                   "addr replace fd88::1/64 dev pan0 nodad")
        p.gw.nl.do("dev-set", ifindex=p.gw.ifindex, bind_ifindex=p.ns[0].ifindex("outside"))
        check(" 3 received" in p.ping(3), f"IPv{outer}: no ping")
        equal("packets", 3, p.gw.stats(p.pne)["rx-pan-packets"])
        p.delete()


def off_by_default():
    """And so it is again when it is turned off, or the other end has it on only."""
    p = Pan(pan=False)
    p.turn_on(p.pne)
    gw = Counters(p.gw)
    check(" 0 received" in p.ping(2), "was answered")
    gw.expect(rx_unprotected=2)
    equal("PAN of the peer", (None, None),
          tuple(p.gw.peer(p.pne).get(k) for k in ("pan-ifindex", "pan-addr")))
    p.turn_on(p.gw)
    check(" 2 received" in p.ping(2), "no ping")
    p.gw.set_peer(p.pne, pan_ifindex=0)
    gw = Counters(p.gw)
    check(" 0 received" in p.ping(2), "was answered")
    gw.expect(rx_unprotected=2)
    p.delete()


def session_gives_way_to_it():
    """What is sent goes by the PAN; with it off, by the session again."""
    p = Pan()
    session = Session(p.pne, p.gw)
    session.install()
    gw = Counters(p.gw, p.pne)
    check(" 2 received" in p.ping(2), "no ping")
    equal("by the PAN", 2, gw.grown()["rx-pan-packets"])
    for end, other in ((p.gw, p.pne), (p.pne, p.gw)):
        end.set_peer(other, pan_ifindex=0,
                     endpoint=nl.endpoint(p.address[end is p.gw], PORT))
    gw = Counters(p.gw, p.pne)
    check(" 2 received" in p.ping(2), "no ping by the session")
    check("rx-pan-packets" not in gw.grown() and gw.grown()["rx-packets"] == 2,
          f"counters: {gw.grown()}")
    p.delete()


class Played:
    """A PN GW, and the test in the place of the PNE, and of others."""

    def __init__(self, outer=4):
        self.outer = outer
        self.ns = Netns("gw"), Netns("pne")
        join(*self.ns, PAN, dev="pan0")
        self.address = [a.split("/")[0] for a in PAN[outer == 6]]
        self.gw = End(self.ns[0], b"gw-1@home.example", 2)
        self.pne = Remote(b"pne-1@home.example", 3)
        self.pan = {"pan_ifindex": self.ns[0].ifindex("pan0"),
                    "pan_addr": nl.endpoint(self.address[1], PORT)}
        self.gw.nl.do("peer-new", ifindex=self.gw.ifindex, eid=self.pne.eid,
                      **QUIET, **self.pan)
        # Takes what nobody else does, so that nothing is answered.
        with self.ns[0].enter():
            self.sink = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            self.sink.bind(("::", 7))
        self.counters()

    def counters(self):
        self.device = Counters(self.gw)
        self.peer = Counters(self.gw, self.pne)

    def socket(self, ns=None, address=None, port=PORT, ttl=255, foreign=False):
        v6 = self.outer == 6
        with (ns or self.ns[1]).enter():
            sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
        if foreign:
            # IP_TRANSPARENT: an address that is another's.
            sock.setsockopt(*((41, 75) if v6 else (0, 19)), 1)
        sock.setsockopt(*((41, 16) if v6 else (0, socket.IP_TTL)), ttl)
        sock.bind((address or self.address[1], port))
        return sock

    def packet(self, source=None, destination=None, payload=b"hello"):
        return Udp(source or self.pne.overlay, destination or self.gw.overlay, 4000, 7,
                   payload).pack()

    def unprotected(self, packet=None, src=None, dst=None):
        return unprotected_datagram(dst or self.gw.entity.eid, src or self.pne.entity.eid,
                                    self.packet() if packet is None else packet)

    def give(self, sock, data):
        sock.sendto(data, (self.address[0], PORT))

    def accepted(self, sock, what=""):
        self.counters()
        self.give(sock, self.unprotected())
        for counters in (self.device, self.peer):
            counters.expect(rx_packets=1, rx_bytes=PACKET, rx_pan_packets=1)
        equal(f"{what}: arrived", b"hello", self.sink.recv(100))

    def refused(self, sock, counter, data=None, at_peer=True, **more):
        """Dropped for this cause, at the peer too where that is meant."""
        self.counters()
        self.give(sock, self.unprotected() if data is None else data)
        self.device.expect(**{counter: 1}, **more)
        self.peer.expect(**({counter: 1, **more} if at_peer else {}))

    def delete(self):
        self.sink.close()
        self.gw.close()
        for ns in self.ns:
            ns.delete()


def only_a_ttl_of_255():
    for outer in (4, 6):
        p = Played(outer)
        with p.socket() as sock:
            p.accepted(sock, f"IPv{outer}")
        for ttl in (1, 2, 64, 128, 253, 254):
            with p.socket(ttl=ttl) as sock:
                p.refused(sock, "rx_pan_ttl")
        with p.socket() as sock:
            p.accepted(sock, f"IPv{outer}, again")
        p.delete()


def not_from_behind_a_router():
    """A host elsewhere, which gives the PNE's address for its own."""
    for outer in (4, 6):
        p = Played(outer)
        far = Netns("far")
        join(p.ns[1], far, (("10.89.0.1/24", "10.89.0.9/24"), ("fd89::1/64", "fd89::9/64")),
             dev="far0")
        for ns in (p.ns[0], p.ns[1], far):
            ns.sh("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
                  "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0")
        for dev, ns in (("far0", p.ns[1]), ("pan0", p.ns[1]), ("pan0", p.ns[0])):
            ns.sh("sysctl", "-qw", f"net.ipv4.conf.{dev}.rp_filter=0",
                  f"net.ipv4.conf.{dev}.accept_local=1")
        far.ip("route add 10.88.0.0/24 via 10.89.0.1", "route add fd88::/64 via fd89::1")
        # The router would take its own address for a forgery.
        p.ns[1].ip("addr del 10.88.0.2/24 dev pan0", "addr del fd88::2/64 dev pan0",
                   "addr add 10.88.0.7/24 dev pan0", "addr add fd88::7/64 dev pan0 nodad")
        with p.socket(far, foreign=True) as sock:
            p.refused(sock, "rx_pan_ttl")
        far.delete()
        p.delete()


def not_from_another_interface():
    """The same address is on two links; one is named."""
    for outer in (4, 6):
        p = Played(outer)
        other = Netns("other")
        join(p.ns[0], other, (), dev="other0")
        p.ns[0].sh("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0",
                   "net.ipv4.conf.other0.rp_filter=0")
        other.ip(*(f"addr add {a[1]} dev other0 {'nodad' if ':' in a[1] else ''}" for a in PAN))
        words = p.ns[0].sh("ip", "-o", "link", "show", "other0").split()
        mac = words[words.index("link/ether") + 1]
        other.ip(f"neigh add {p.address[0]} lladdr {mac} dev other0")
        with p.socket(other) as sock:
            p.refused(sock, "rx_pan_interface")
        with p.socket() as sock:
            p.accepted(sock, "from the named one")
        other.delete()
        p.delete()


def not_from_another_station():
    for outer in (4, 6):
        p = Played(outer)
        p.ns[1].ip("addr add 10.88.0.3/24 dev pan0", "addr add fd88::3/64 dev pan0 nodad")
        with p.socket(address="10.88.0.3" if outer == 4 else "fd88::3") as sock:
            p.refused(sock, "rx_pan_address")
        with p.socket(port=PORT + 1) as sock:
            p.refused(sock, "rx_pan_address")
        with p.socket() as sock:
            # Another entity at the address of the one that is meant.
            p.refused(sock, "rx_unprotected", p.unprotected(
                src=Remote(b"pne-2@home.example", 3).entity.eid), at_peer=False)
            other = Remote(b"pne-3@home.example", 3)
            p.gw.nl.do("peer-new", ifindex=p.gw.ifindex, eid=other.eid)
            p.refused(sock, "rx_unprotected", p.unprotected(src=other.entity.eid),
                      at_peer=False)
        p.delete()


def not_by_a_relay():
    """A PN GW on the way drops it; and what it had passed on would not be taken."""
    p = Played()
    server = Remote(b"server@home.example", 1)
    p.gw.nl.do("peer-new", ifindex=p.gw.ifindex, eid=server.eid,
               endpoint=nl.endpoint("10.88.0.9", PORT), **QUIET)
    p.gw.nl.do("peer-set", ifindex=p.gw.ifindex, eid=p.pne.eid, relay_to=server.eid,
               endpoint=nl.endpoint(p.address[1], PORT))
    with p.socket() as sock:
        p.refused(sock, "relay_unprotected", p.unprotected(dst=server.entity.eid))
        p.counters()
        p.give(sock, datagram(DATA, server.eid, p.pne.eid, 9))
        p.device.expect(relay_packets=1, relay_bytes=124)
    with p.socket(ttl=64) as sock:      # as a relay would send it
        p.refused(sock, "rx_pan_ttl")
    p.delete()


def not_in_fragments():
    """The TTL of each is not known afterwards."""
    for outer in (4, 6):
        p = Played(outer)
        with p.socket() as sock:
            if outer == 4:
                sock.setsockopt(0, 10, 0)       # IP_MTU_DISCOVER: may be cut
            p.refused(sock, "rx_pan_fragment", p.unprotected(p.packet(payload=bytes(3000))))
            p.accepted(sock)
        p.delete()


def what_is_inside_is_checked():
    p = Played()
    with p.socket() as sock:
        p.refused(sock, "rx_inner_source", p.unprotected(p.packet(source=ip_address("fd00::1"))),
                  rx_pan_packets=1)
        p.refused(sock, "rx_inner_destination", p.unprotected(
            p.packet(destination=ip_address("fd00::1"))), rx_pan_packets=1)
        p.refused(sock, "rx_inner_malformed", p.unprotected(p.packet()[:-1]),
                  rx_pan_packets=1)
        p.refused(sock, "rx_inner_malformed", p.unprotected(b"\xff" * 50), rx_pan_packets=1)
        p.refused(sock, "rx_keepalives", p.unprotected(b""))
        good = p.unprotected()
        for bad in (good[:1] + b"\3" + good[2:], good[:3] + b"\1" + good[4:],
                    good[:4] + bytes(3) + b"\1" + good[8:], good[:31] + b"\1" + good[32:],
                    good[:31]):
            p.refused(sock, "rx_malformed", bad, at_peer=False)
        p.accepted(sock)
    p.delete()


def interface_that_goes_turns_it_off():
    """The next interface with that number is not the one that was named."""
    p = Played()
    p.ns[0].ip("link add other0 type dummy", "link set other0 up")
    other = p.ns[0].ifindex("other0")
    p.gw.nl.do("peer-set", ifindex=p.gw.ifindex, eid=p.pne.eid, pan_ifindex=other,
               pan_addr=p.pan["pan_addr"])
    p.ns[0].ip("link del other0")
    equal("PAN", (None, None), tuple(p.gw.peer(p.pne).get(k)
                                     for k in ("pan-ifindex", "pan-addr")))
    p.ns[0].ip(f"link add other0 index {other} type dummy")
    check("pan-ifindex" not in p.gw.peer(p.pne), "another interface has taken its place")
    with p.socket() as sock:
        p.refused(sock, "rx_unprotected", at_peer=False)
    p.delete()


def nothing_leaves_the_link():
    """Not by a router, in no fragments; the sender is told."""
    p = Pan()
    p.ns[1].ip("link set pan0 mtu 1380")
    out = p.ping(size=1400 - 48)
    check("1320" in out or "Message too long" in out or "too big" in out, f"was not told:\n{out}")
    check(" 1 received" in p.ping(size=1380 - 60 - 48), "what fits does not pass")
    p.ns[1].ip("link set pan0 mtu 1500", "addr add 10.90.0.2/24 dev pan0")
    p.ns[1].ip("route add 10.91.0.0/24 via 10.90.0.1 dev pan0")
    p.pne.set_peer(p.gw, pan_ifindex=p.ns[1].ifindex("pan0"),
                   pan_addr=nl.endpoint("10.91.0.1", PORT))
    pne, tap = Counters(p.pne), Capture(p.ns[1], "pan0")
    p.ping()
    pne.expect(tx_no_route=1)
    equal("sent", [], [x for x in tap.packets(0.3) if x and is_udp(x)])
    tap.close()
    p.delete()


def refusals():
    """Each says why."""
    p = Played()
    link, address = p.pan["pan_ifindex"], p.pan["pan_addr"]
    p.gw.nl.do("peer-new", ifindex=p.gw.ifindex, eid=77)
    p.ns[0].ip("link add narrow0 mtu 1339 type dummy", "link add narrow1 mtu 1340 type dummy")
    narrow = [p.ns[0].ifindex(f"narrow{i}") for i in range(2)]

    def refused(what, number, word, **attributes):
        before = p.gw.nl.dump("peer-get", ifindex=p.gw.ifindex)
        try:
            p.gw.nl.do("peer-set", ifindex=p.gw.ifindex, eid=77, **attributes)
        except nl.Refused as err:
            equal(f"{what}: errno ({err.message})", number, err.errno)
            check(word in err.message, f"{what}: says {err.message!r}")
        else:
            raise AssertionError(f"{what}: was not refused")
        equal(f"{what}: state", [x.get("pan-addr") for x in before],
              [x.get("pan-addr") for x in p.gw.nl.dump("peer-get", ifindex=p.gw.ifindex)])
    refused("an address that is another's", errno.EEXIST, "another peer", pan_ifindex=link,
            pan_addr=address)
    refused("on another interface", errno.EEXIST, "another peer", pan_ifindex=narrow[1],
            pan_addr=address)
    refused("by another port", errno.EEXIST, "another peer", pan_ifindex=link,
            pan_addr=nl.endpoint(p.address[1], 9))
    mine = nl.endpoint("10.88.0.5", PORT)
    refused("no address", errno.EINVAL, "together", pan_ifindex=link)
    refused("no interface", errno.EINVAL, "together", pan_addr=mine)
    refused("none, with an address", errno.EINVAL, "together", pan_ifindex=0, pan_addr=mine)
    refused("no such interface", errno.ENODEV, "no such", pan_ifindex=9999, pan_addr=mine)
    refused("no number", errno.ENODEV, "no such", pan_ifindex=0xffffffff, pan_addr=mine)
    refused("the device", errno.ELOOP, "outside", pan_ifindex=p.gw.ifindex, pan_addr=mine)
    refused("too narrow", errno.EINVAL, "1340", pan_ifindex=narrow[0], pan_addr=mine)
    refused("too narrow for IPv6", errno.EINVAL, "1360", pan_ifindex=narrow[1],
            pan_addr=nl.endpoint("fd88::5", PORT))
    refused("a scope that is another", errno.EINVAL, "scope", pan_ifindex=link,
            pan_addr=nl.endpoint("fe80::5", PORT, scope=narrow[0]))
    refused("no host", errno.EINVAL, "one host", pan_ifindex=link,
            pan_addr=nl.endpoint("224.0.0.1", PORT))
    p.gw.nl.do("peer-set", ifindex=p.gw.ifindex, eid=77, pan_ifindex=narrow[1], pan_addr=mine)
    # Its own may be set again, and given up for another.
    p.gw.nl.do("peer-set", ifindex=p.gw.ifindex, eid=77, pan_ifindex=link, pan_addr=mine)
    p.gw.nl.do("peer-del", ifindex=p.gw.ifindex, eid=p.pne.eid)
    p.gw.nl.do("peer-set", ifindex=p.gw.ifindex, eid=77, pan_ifindex=link, pan_addr=address)
    p.delete()


if __name__ == "__main__":
    load_module()
    ktap.run([
        packets_are_left_to_the_link,
        link_local_addresses,
        bulk_passes,
        interface_of_a_vrf,
        off_by_default,
        session_gives_way_to_it,
        only_a_ttl_of_255,
        not_from_behind_a_router,
        not_from_another_interface,
        not_from_another_station,
        not_by_a_relay,
        not_in_fragments,
        what_is_inside_is_checked,
        interface_that_goes_turns_it_off,
        nothing_leaves_the_link,
        refusals,
    ])
