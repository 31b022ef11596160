#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The path outside: its MTU, congestion marks, and packets in bulk."""

import ipaddress
import itertools
import os
import re
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, nl
from cpnstest.ktap import check, equal, wait_until
from cpnstest.netns import Netns, join
from cpnstest.pair import PORT, End, Pair, Session, load_module
from cpnstest.traffic import (SLOW, Counters, Tap, TcpStream, is_fragment, is_udp, tos_of,
                              udp_socket)
from ss1.inner import checksum

INNER_ALWAYS, OVERHEAD = 1280, 48
OUTER = {4: 20 + 8, 6: 40 + 8}
HEADER = {4: 20 + 8, 6: 40 + 8}         # of an echo or UDP packet inside
INNER4 = ("10.9.0.1", "10.9.0.2")
UDP_SEGMENT = 103
NOT_ECT, ECT1, ECT0, CE = 0, 1, 2, 3


def add_inner4(a, b):
    """Inner IPv4 addresses, each end's own, known to the other."""
    for end, other, own, its in ((a, b, *INNER4), (b, a, *reversed(INNER4))):
        end.set_peer(other, inner_src=nl.prefixes(f"{its}/32"))
        end.netns.ip(f"addr add {own}/32 dev {end.dev}",
                     f"route add {its}/32 dev {end.dev} src {own}")


def inner_address(p, end, inner):
    return end.overlay if inner == 6 else INNER4[0 if end is p.a else 1]


class Routed:
    """a and b with a router between them, whose link to b is narrower."""

    def __init__(self, outer, narrow):
        self.ns = Netns("a"), Netns("b")
        self.router = Netns("r")
        join(self.ns[0], self.router, (("10.78.0.1/24", "10.78.0.9/24"),
                                       ("fd78::1/64", "fd78::9/64")))
        join(self.ns[1], self.router, (("10.79.0.2/24", "10.79.0.9/24"),
                                       ("fd79::2/64", "fd79::9/64")), mtu=narrow, dev="veth1")
        self.router.sh("sysctl", "-qw", "net.ipv4.ip_forward=1",
                       "net.ipv6.conf.all.forwarding=1", "net.ipv4.icmp_ratelimit=0",
                       "net.ipv6.icmp.ratelimit=0")
        self.ns[0].ip("route add 10.79.0.0/24 via 10.78.0.9", "route add fd79::/64 via fd78::9")
        self.ns[1].ip("route add 10.78.0.0/24 via 10.79.0.9", "route add fd78::/64 via fd79::9")
        self.address = ("10.78.0.1", "10.79.0.2") if outer == 4 else ("fd78::1", "fd79::2")
        self.a = End(self.ns[0], b"server@home.example", 1)
        self.b = End(self.ns[1], b"gw-1@home.example", 2)
        self.a.add_peer(self.b, self.address[1])
        self.b.add_peer(self.a, self.address[0])
        self.session = Session(self.a, self.b)
        self.session.install()
        add_inner4(self.a, self.b)

    def delete(self):
        for end in (self.a, self.b):
            end.close()
        for ns in (*self.ns, self.router):
            ns.delete()


def narrow_pair(outer, mtu):
    p = Pair(outer=outer)
    add_inner4(p.a, p.b)
    for ns in p.ns:
        ns.ip(f"link set veth0 mtu {mtu}")
    return p


def ping(p, size, inner=6, df="do", count=1):
    """Pings b from a with an inner packet of so many bytes; returns the output."""
    return p.ns[0].sh("ping", "-c", count, "-i", "0.1", "-W", 2 * SLOW, "-M", df, "-s",
                      size - HEADER[inner], inner_address(p, p.b, inner), check=False)


def expect_pings(p, size, inner=6, df="do"):
    out = ping(p, size, inner, df)
    check(" 1 received" in out, f"{size} bytes of IPv{inner} do not pass:\n{out}")


def path_mtu(p):
    return p.a.peer(p.b).get("mtu")


def expect_tcp(p, inner, seconds=1):
    """TCP gets on, whatever it has to learn on the way."""
    tcp = TcpStream((p.ns[0], inner_address(p, p.a, inner)),
                    (p.ns[1], inner_address(p, p.b, inner)))
    time.sleep(seconds)
    received, _ = tcp.stop()
    check(received > 50000 * seconds / SLOW, f"TCP got only {received} bytes through")


def default_mtu_is_that_of_ethernet():
    p = Pair()
    equal("MTU", "1404", re.search(r"mtu (\d+)", p.ns[0].sh("ip", "link", "show", "cpns0"))[1])
    for bad in (67, 65507 - OVERHEAD + 1):
        out = p.ns[0].sh("ip", "link", "set", "cpns0", "mtu", bad, check=False)
        check("Error" in out, f"an MTU of {bad} was taken: {out}")
    p.ns[0].ip(f"link set cpns0 mtu {65507 - OVERHEAD}")
    p.delete()


def small_packet_always_passes():
    """Fragmented at the source where the path is narrower."""
    for outer, mtu in ((4, 600), (4, 1300), (6, 1300)):
        p = narrow_pair(outer, mtu)
        equal("mtu of the peer", INNER_ALWAYS, path_mtu(p))
        counters, tap = Counters(p.a, p.b), Tap(p.ns[1], "veth0")
        for inner in (4, 6):
            expect_pings(p, INNER_ALWAYS, inner)
        counters.expect(tx_packets=2, tx_bytes=2 * INNER_ALWAYS,
                        rx_packets=2, rx_bytes=2 * INNER_ALWAYS)
        arrived = [x for x in tap.packets(outgoing=False) if is_udp(x)]
        check(arrived and all(map(is_fragment, arrived)), f"no fragments on IPv{outer}")
        tap.close()
        p.delete()


def larger_packet_is_refused_with_the_mtu():
    for outer in (4, 6):
        p = narrow_pair(outer, 1400)
        mtu = 1400 - OUTER[outer] - OVERHEAD
        equal("mtu of the peer", mtu, path_mtu(p))
        for inner in (4, 6):
            counters = Counters(p.a, p.b)
            out = ping(p, mtu + 1, inner)
            check(re.search(rf"mtu ?= ?{mtu}\b", out), f"the sender was not told:\n{out}")
            counters.expect(tx_too_big=1)
            expect_pings(p, mtu, inner)
            expect_tcp(p, inner)
        p.delete()


def packet_without_df_goes_in_fragments():
    for outer in (4, 6):
        p = narrow_pair(outer, 1400)
        counters, tap = Counters(p.a, p.b), Tap(p.ns[1], "veth0")
        expect_pings(p, 1404, 4, "dont")
        counters.expect(tx_packets=1, tx_bytes=1404, rx_packets=1, rx_bytes=1404)
        arrived = [x for x in tap.packets(outgoing=False) if is_udp(x)]
        equal("fragments", [True, True], [is_fragment(x) for x in arrived])
        tap.close()
        p.delete()


def datagram_that_fits_is_not_fragmented():
    """DF is set outside, so that a router in between tells."""
    p = Pair()
    tap = Tap(p.ns[1], "veth0")
    expect_pings(p, 1404)
    arrived = [x for x in tap.packets(outgoing=False) if is_udp(x)]
    equal("length", [1404 + OUTER[4] + OVERHEAD], [len(x) for x in arrived])
    equal("DF alone", 0x4000, int.from_bytes(arrived[0][6:8], "big"))
    tap.close()
    p.delete()


def router_tells_its_mtu():
    for outer in (4, 6):
        p = Routed(outer, 1400)
        mtu = 1400 - OUTER[outer] - OVERHEAD
        equal("mtu before", 1500 - OUTER[outer] - OVERHEAD, path_mtu(p))
        # Lost at the router, which tells a, which tells the sender of the next.
        ping(p, 1404)
        wait_until(lambda p=p, mtu=mtu: path_mtu(p) == mtu, f"a has learned {mtu}")
        counters = Counters(p.a, p.b)
        out = ping(p, 1404)
        check(re.search(rf"mtu ?= ?{mtu}\b", out), f"the sender was not told:\n{out}")
        counters.expect(tx_too_big=1)
        expect_pings(p, mtu)
        for inner in (4, 6):
            expect_tcp(p, inner)
        p.delete()


def quoted(p, outer, sid=None, dst=None, version_type=0x18, to=None, port=PORT):
    """The start of a datagram of a, as an ICMP error quotes it."""
    sid = sid or p.session.sid[p.b]
    header = bytes([version_type, 1, 8, 0]) + struct.pack("!I", sid) + \
        (dst or p.b.entity.eid) + p.a.entity.eid
    udp = struct.pack("!HHHH", port, port, 8 + 1450, 0) + header + bytes(400)
    addresses = [socket.inet_pton(socket.AF_INET if outer == 4 else socket.AF_INET6, x)
                 for x in (p.address[0], to or p.address[1])]
    if outer == 4:
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + 8 + 1450, 0, 0x4000, 64, 17, 0)
        ip += addresses[0] + addresses[1]
        return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + udp
    return struct.pack("!IHBB", 6 << 28, 8 + 1450, 17, 64) + b"".join(addresses) + udp


def send_too_big(p, outer, mtu, packet):
    """An ICMP error that says so, to a, from the router's namespace or b's."""
    with p.ns[1].enter():
        if outer == 4:
            sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
            message = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + packet
            message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
        else:
            sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
            message = struct.pack("!BBHI", 2, 0, 0, mtu) + packet
    sock.sendto(message, (p.address[0], 0))
    sock.close()


def stack_believes_all(p, outer):
    """Newer kernels take any ICMP error that quotes UDP for a route's MTU, with
    or without a socket, before they ask who sent what it quotes."""
    other = "10.77.0.200" if outer == 4 else "fd77::200"
    send_too_big(p, outer, 1440, quoted(p, outer, to=other, port=1234))
    time.sleep(0.05)
    return "mtu 1440" in p.ns[0].sh("ip", "route", "get", other)


def icmp_that_quotes_the_session_counts():
    for outer in (4, 6):
        p = Pair(outer=outer)
        send_too_big(p, outer, 1440, quoted(p, outer))
        wait_until(lambda p=p, outer=outer: path_mtu(p) == 1440 - OUTER[outer] - OVERHEAD,
                   "the mtu has been learned")
        # Never below what is always sent.
        send_too_big(p, outer, 1280, quoted(p, outer))
        wait_until(lambda p=p: path_mtu(p) == INNER_ALWAYS, "the least mtu")
        expect_pings(p, INNER_ALWAYS)
        p.delete()


def forged_icmp_is_ignored():
    believed = []
    for outer in (4, 6):
        p = Pair(outer=outer)
        before = path_mtu(p)
        if stack_believes_all(p, outer):
            believed.append(f"IPv{outer}")
            p.delete()
            continue
        for what, packet in (
                ("a sid that is not known", quoted(p, outer, sid=p.session.sid[p.b] ^ 1)),
                ("our own sid", quoted(p, outer, sid=p.session.sid[p.a])),
                ("another EID", quoted(p, outer, dst=os.urandom(8))),
                ("another type", quoted(p, outer, version_type=0x11)),
                ("another version", quoted(p, outer, version_type=0x28)),
                ("no header", quoted(p, outer)[:OUTER[outer] + 8])):
            send_too_big(p, outer, 1440, packet)
            time.sleep(0.05)
            equal(f"mtu after ICMP that quotes {what}", before, path_mtu(p))
        p.delete()
    if believed:
        raise ktap.Skip("this kernel takes any ICMP error about UDP for the MTU of a route, "
                        "sockets or not: " + ", ".join(believed))


def route_tells_its_mtu():
    p = Pair()
    for mtu in (1450, 1400, 1500):
        p.ns[0].ip(f"route replace 10.77.0.0/24 dev veth0 mtu {mtu}")
        equal("mtu of the peer", mtu - OUTER[4] - OVERHEAD, path_mtu(p))
    p.ns[0].ip("link set veth0 mtu 1420", "route replace 10.77.0.0/24 dev veth0")
    equal("mtu of the peer", 1420 - OUTER[4] - OVERHEAD, path_mtu(p))
    p.delete()


# RFC 6040, by outer and inner; None is dropped.
DECAPSULATED = {
    NOT_ECT: {NOT_ECT: NOT_ECT, ECT0: ECT0, ECT1: ECT1, CE: CE},
    ECT0: {NOT_ECT: NOT_ECT, ECT0: ECT0, ECT1: ECT1, CE: CE},
    ECT1: {NOT_ECT: NOT_ECT, ECT0: ECT1, ECT1: ECT1, CE: CE},
    CE: {NOT_ECT: None, ECT0: CE, ECT1: CE, CE: CE},
}
DSCP_INSIDE, DSCP_OUTSIDE = 0x28, 0xb8


def with_tos(packet, tos):
    """The same packet with another traffic class."""
    if packet[0] >> 4 == 6:
        word = int.from_bytes(packet[:4], "big") & ~(0xff << 20) | tos << 20
        return word.to_bytes(4, "big") + packet[4:]
    head = packet[:1] + bytes([tos]) + packet[2:10] + b"\0\0" + packet[12:20]
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + packet[20:]


def set_tos(sock, tos):
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, tos)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)


def congestion_is_taken_in():
    for outer, inner in ((4, 6), (4, 4), (6, 6), (6, 4)):
        p = Pair(outer=outer)
        add_inner4(p.a, p.b)
        rx = udp_socket(p.ns[0], inner_address(p, p.a, inner), 5020)
        sock, tap = p.raw_socket(1), Tap(p.ns[0], "cpns0")
        for seq, (out_ecn, in_ecn) in enumerate(itertools.product(range(4), repeat=2), 1000):
            text = f"{outer} {inner} {out_ecn} {in_ecn}".encode()
            packet = p.udp(p.b, text, port=5020) if inner == 6 else p.udp(
                p.b, text, *map(ipaddress.ip_address, reversed(INNER4)), port=5020)
            packet = with_tos(packet, DSCP_INSIDE | in_ecn)
            set_tos(sock, DSCP_OUTSIDE | out_ecn)
            counters = Counters(p.a, p.b)
            p.inject(sock, p.a, p.session.seal(p.b, seq, packet))
            wanted = DECAPSULATED[out_ecn][in_ecn]
            if wanted is None:
                counters.expect(rx_ecn=1)
                continue
            equal("datagram", text, rx.recv(100))
            counters.expect(rx_packets=1, rx_bytes=len(packet))
            seen = [x for x in tap.packets(0.02) if text in x]
            equal(f"traffic class of {text}", [DSCP_INSIDE | wanted], list(map(tos_of, seen)))
            if inner == 4:
                equal("checksum of the header", 0, checksum(seen[0][:20]))
        for thing in (rx, sock, tap):
            thing.close()
        p.delete()


def congestion_is_shown_outside():
    """The two bits of it, and not the rest of the traffic class."""
    for outer, inner in ((4, 6), (4, 4), (6, 6), (6, 4)):
        p = Pair(outer=outer)
        add_inner4(p.a, p.b)
        tx, tap = udp_socket(p.ns[0], inner_address(p, p.a, inner)), Tap(p.ns[1], "veth0")
        for ecn in range(4):
            set_tos(tx, DSCP_OUTSIDE | ecn)
            tx.sendto(b"x", (str(inner_address(p, p.b, inner)), 5021))
            seen = [x for x in tap.packets(0.1, outgoing=False) if is_udp(x)]
            equal(f"traffic class outside, {ecn} inside", [ecn], list(map(tos_of, seen))[:1])
        tx.close()
        tap.close()
        p.delete()


def bulk_udp_is_cut_into_datagrams():
    for inner in (4, 6):
        p = Pair()
        add_inner4(p.a, p.b)
        rx = udp_socket(p.ns[1], inner_address(p, p.b, inner), 5022)
        tx = udp_socket(p.ns[0], inner_address(p, p.a, inner))
        tx.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000)
        counters, tap = Counters(p.a, p.b), Tap(p.ns[0], "cpns0")
        data = os.urandom(10 * 1000 + 500)
        tx.sendto(data, (str(inner_address(p, p.b, inner)), 5022))
        got = [rx.recv(2000) for _ in range(11)]
        check(b"".join(got) == data, "the bytes are not the same")
        equal("lengths", [1000] * 10 + [500], list(map(len, got)))
        counters.expect(tx_packets=11, tx_bytes=len(data) + 11 * HEADER[inner], tx_trains=1)
        equal("packets that the device got", 1, len(tap.packets(outgoing=True)))
        for thing in (rx, tx, tap):
            thing.close()
        p.delete()


def bulk_tcp_is_cut_and_merged():
    for inner in (4, 6):
        p = Pair()
        add_inner4(p.a, p.b)
        # The train is taken apart where it leaves, so each datagram is seen.
        p.ns[0].sh("ethtool", "-K", "veth0", "tx-udp-segmentation", "off")
        outside, into = Tap(p.ns[1], "veth0"), Tap(p.ns[0], "cpns0")
        merged = Tap(p.ns[1], "cpns0")
        counters = Counters(p.b, p.a)
        tcp = TcpStream((p.ns[0], inner_address(p, p.a, inner)),
                        (p.ns[1], inner_address(p, p.b, inner)))
        # On a slow machine the window takes long to grow.
        wait_until(lambda: counters.grown().get("rx-packets", 0) > 1200, "TCP is at speed",
                   20 * SLOW)
        received, _ = tcp.stop()
        datagrams = [x for x in outside.packets(outgoing=False) if is_udp(x)]
        check(datagrams and max(map(len, datagrams)) <= 1500, "a datagram is too long")
        sent = into.packets(outgoing=True)
        check(max(map(len, sent)) > 10000, "the device got no large packets")
        delivered = merged.packets(outgoing=False)
        arrived = counters.grown()["rx-packets"]
        print(f"# IPv{inner}: {received} bytes, {len(sent)} packets sent in "
              f"{len(datagrams)} datagrams, delivered in {len(delivered)}")
        equal("packets received", len(datagrams), arrived)
        check(max(map(len, delivered)) > 2 * 1404, "nothing was merged")
        check(len(delivered) < arrived, "nothing was merged")
        for tap in (outside, into, merged):
            tap.close()
        p.delete()


def checksum_of_zero_is_written_as_ones():
    """0 would mean that there is none; one packet of 65536 comes to it."""
    for inner in (4, 6):
        p = Pair()
        add_inner4(p.a, p.b)
        source, to = inner_address(p, p.a, inner), inner_address(p, p.b, inner)
        sock, tx = p.raw_socket(1), udp_socket(p.ns[0], source, 5023)
        p.a.set_peer(p.b, endpoint=nl.endpoint(p.address[1], PORT + 1))
        addresses = [ipaddress.ip_address(str(x)).packed for x in (source, to)]
        payload = struct.pack("!H", checksum(
            b"".join(addresses) + struct.pack("!HH", 17, 10) +      # pseudo header
            struct.pack("!HHHHH", 5023, 5024, 10, 0, 0)))
        for tapped in (False, True):        # in place, and in a copy
            tap = Tap(p.ns[0], "cpns0") if tapped else None
            tx.sendto(payload, (str(to), 5024))
            packet = p.session.open(p.a, sock.recv(2000))
            equal("payload", payload, packet[-2:])
            equal(f"checksum, {'a copy' if tapped else 'in place'}", b"\xff\xff", packet[-4:-2])
            if tap:
                tap.close()
        p.delete()


if __name__ == "__main__":
    load_module()
    ktap.run([
        default_mtu_is_that_of_ethernet,
        small_packet_always_passes,
        larger_packet_is_refused_with_the_mtu,
        packet_without_df_goes_in_fragments,
        datagram_that_fits_is_not_fragmented,
        router_tells_its_mtu,
        icmp_that_quotes_the_session_counts,
        forged_icmp_is_ignored,
        route_tells_its_mtu,
        congestion_is_taken_in,
        congestion_is_shown_outside,
        checksum_of_zero_is_written_as_ones,
        bulk_udp_is_cut_into_datagrams,
        bulk_tcp_is_cut_and_merged,
    ])
