#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Each protection in each mode, IPv4 and IPv6 outside and inside: echo small and
large, UDP, TCP compared by hash. What the device says of it, to ip, ethtool and
netlink, and what the peer says, are the same to the packet and to the byte."""

import os
import re
import socket
import struct
import sys

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, nl
from cpnstest.counters import Watch
from cpnstest.ktap import check, equal
from cpnstest.pair import Pair, Session, load_module
from cpnstest.traffic import family_of, transfer
from ss1.inner import ECHO, checksum

INNER4 = ("10.9.0.1", "10.9.0.2")
MODES = {"encrypt": {"mode": "encrypt"}, "clear": {"mode": "encrypt", "clear": 5},
         "auth": {"mode": "auth"}}
SMALL, LARGE, UDP_SIZE, TCP_SIZE = 56, 4000, 500, 192 * 1024
TRAINS = {"tx-trains", "rx-trains"}
SECONDS = 20


class Road:
    """A pair whose ends have inner addresses of both families."""

    def __init__(self, outer):
        self.pair = pair = Pair(outer=outer, session=False)
        self.ends = (pair.a, pair.b)
        for end, other, address in ((pair.a, pair.b, INNER4), (pair.b, pair.a, INNER4[::-1])):
            end.nl.do("peer-set", ifindex=end.ifindex, eid=other.eid, min_mode="auth",
                      passive_keepalive=86400000,
                      inner_src=nl.prefixes(address[1] + "/32"))
            end.netns.ip(f"addr add {address[0]}/32 dev {end.dev}",
                         f"route add {address[1]}/32 dev {end.dev} src {address[0]}",
                         f"route change {other.overlay}/128 dev {end.dev} src {end.overlay}")

    def addresses(self, inner):
        """Of a and of b."""
        return INNER4 if inner == 4 else tuple(str(end.overlay) for end in self.ends)

    def watch(self):
        return [(Watch(self.ends[i]), Watch(self.ends[i], self.ends[1 - i])) for i in (0, 1)]


def echo(road, inner, size):
    """One echo from a to b and back, with its data compared."""
    here, there = road.addresses(inner)
    proto = socket.IPPROTO_ICMPV6 if inner == 6 else socket.IPPROTO_ICMP
    request, reply = ECHO[inner]
    data = os.urandom(size)
    body = struct.pack("!BBHHH", request, 0, 0, 4711, size) + data
    if inner == 4:
        body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
    with road.ends[0].netns.enter(), \
         socket.socket(family_of(here), socket.SOCK_RAW, proto) as sock:
        sock.settimeout(SECONDS)
        sock.bind((here, 0))
        sock.sendto(body, (there, 0))
        while True:
            packet = sock.recv(65536)[20 if inner == 4 else 0:]
            if packet[0] == reply:
                break
    equal("echo", data, packet[8:])


def udp(road, inner, size):
    """A datagram from a to b, and another one back."""
    here, there = road.addresses(inner)
    socks = []
    for end, address in zip(road.ends, (here, there)):
        with end.netns.enter():
            sock = socket.socket(family_of(address), socket.SOCK_DGRAM)
        sock.settimeout(SECONDS)
        sock.bind((address, 4000))
        socks.append(sock)
    for tx, rx, to in ((socks[0], socks[1], there), (socks[1], socks[0], here)):
        data = os.urandom(size)
        tx.sendto(data, (to, 4000))
        equal("UDP", data, rx.recv(65536))
    for sock in socks:
        sock.close()


def length(inner, size):
    """Of a packet with so much behind its IP header, fragments included."""
    header = 20 if inner == 4 else 40
    return header + size


def fragments(inner, size, mtu):
    """Lengths of the packets that carry so much behind the IP header."""
    if length(inner, size) <= mtu:
        return [length(inner, size)]
    header = 20 if inner == 4 else 48
    step = (mtu - header) // 8 * 8
    return [header + min(step, size - at) for at in range(0, size, step)]


def counters(packets):
    return {"packets": len(packets), "bytes": sum(packets)}


def both(packets):
    """Each end sent these packets and received them."""
    return {f"{way}_{name}": value for way in ("rx", "tx")
            for name, value in counters(packets).items()}


def of_ip(end):
    """rx and tx packets and bytes as ip -s link says them."""
    text = end.netns.sh("ip", "-s", "link", "show", end.dev)
    values = {}
    for way in ("RX", "TX"):
        bytes_, packets = re.search(way + r":.*\n\s*(\d+)\s+(\d+)", text).groups()
        values[way.lower() + "-bytes"] = int(bytes_)
        values[way.lower() + "-packets"] = int(packets)
    return values


def of_ethtool(end):
    text = end.netns.sh("ethtool", "-S", end.dev)
    return {name: int(value) for name, value in re.findall(r"(\S+): (\d+)", text)}


def agree(road):
    """All who count say the same."""
    for i, end in enumerate(road.ends):
        device = end.stats()
        peer = end.stats(road.ends[1 - i])
        for name, value in of_ip(end).items():
            equal(f"{name} of ip and of the device", device[name], value)
        ethtool = of_ethtool(end)
        equal("names of ethtool", set(device), set(ethtool))
        for name, value in device.items():
            # What comes when it likes may have come in between.
            if name != "tx-multicast":
                equal(f"{name} of ethtool and of the device", value, ethtool[name])
                equal(f"{name} of the peer and of the device", value, peer[name])


def traffic(road, suite, mode, inner):
    for end in road.ends:
        end.nl.do("class-new", ifindex=end.ifindex, prio=0, mark=0, mask=0, **MODES[mode])
    session = Session(*road.ends, suite)
    # The initiator first, as in a handshake: it hears that the responder is there.
    for end in road.ends:
        session.install_at(end)
    ktap.wait_until(lambda: next(k for k in road.pair.a.keys() if k["slot"] == "current")
                    .get("confirmed"), "confirmation")
    watches = road.watch()

    def expect(what, **counts):
        for device, peer in watches:
            device.expect(what, **counts)
            peer.expect(what, **counts)

    mtu = int(road.pair.a.netns.sh("cat", f"/proc/sys/net/ipv6/conf/{road.pair.a.dev}/mtu"))
    echo(road, inner, SMALL)
    expect("small echo", **both([length(inner, 8 + SMALL)]))
    echo(road, inner, LARGE)
    expect("large echo", **both(fragments(inner, 8 + LARGE, mtu)))
    udp(road, inner, UDP_SIZE)
    expect("UDP", **both([length(inner, 8 + UDP_SIZE)]))

    transfer(*zip((end.netns for end in road.ends), road.addresses(inner)), TCP_SIZE)
    ktap.wait_until(lambda: mirrored(watches), "what one end sent and the other received")
    sent = watches[0][0].changes()
    received = watches[1][0].changes()
    check(sent["tx-trains"] and received["rx-trains"], f"no trains: {sent}, {received}")
    check(sent["tx-bytes"] > TCP_SIZE and sent["tx-packets"] > TCP_SIZE // mtu,
          f"TCP was not sent through the device: {sent}")


def mirrored(watches):
    """What one end sent the other has received, and no other counter has moved."""
    (a, a_peer), (b, b_peer) = watches
    sent, received = a.changes(), b.changes()
    names = {"rx-packets", "rx-bytes", "tx-packets", "tx-bytes"}
    return (set(sent) - TRAINS == set(received) - TRAINS == names and
            all(sent[f"{x}-{n}"] == received[f"{y}-{n}"]
                for n in ("packets", "bytes") for x, y in (("rx", "tx"), ("tx", "rx"))) and
            a_peer.changes() == sent and b_peer.changes() == received)


def main():
    load_module()
    tests = []
    for outer in (4, 6):
        road = []

        def get(road=road, outer=outer):
            if not road:
                road.append(Road(outer))
            return road[0]

        suites = {1: (4, 6), 2: (4, 6), 3: (4, 6)}
        # The pure-PSK suites have the same protections: each once.
        if outer == 4:
            suites |= {0x101: (6,), 0x103: (4,)}
        else:
            suites |= {0x102: (6,)}
        for suite, inners in suites.items():
            for mode in MODES if suite < 0x100 else ("encrypt",):
                for inner in inners:
                    tests.append((f"suite_{suite:04x}_{mode}_outer_ipv{outer}_inner_ipv{inner}",
                                  lambda g=get, s=suite, m=mode, i=inner: traffic(g(), s, m, i)))
        tests.append((f"all_agree_outer_ipv{outer}", lambda g=get: agree(g())))
        tests.append((f"end_outer_ipv{outer}", lambda g=get: g().pair.delete()))
    ktap.run(tests)


main()
