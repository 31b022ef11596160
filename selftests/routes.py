#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Where packets go: routes outside, marks, multicast, and what goes nowhere."""

import json
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, nl
from cpnstest.ktap import check, equal, wait_until
from cpnstest.netns import Netns, join
from cpnstest.pair import PORT, End, Pair, Session, load_module
from cpnstest.traffic import (SLOW, Counters, Events, Tap, drain, is_udp, udp_socket)

SO_MARK, SO_BINDTODEVICE = 36, 25
FWMARK = 0x77
ALL = ("0.0.0.0/0", "::/0")
FAR4, FAR6 = "192.0.2.9", "2001:db8::9"


def send(netns, source, to, payload=b"x", port=5030, mark=0):
    sock = udp_socket(netns, source)
    if mark:
        sock.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
    sock.sendto(payload, (str(to), port))
    sock.close()


def ping(p, to, count=1):
    out = p.ns[0].sh("ping", "-c", count, "-i", "0.1", "-W", 2 * SLOW, to, check=False)
    check(f" {count} received" in out, f"no answer of {to}:\n{out}")


def default_route_pair(outer):
    """All that a sends goes to b, which has far addresses."""
    p = Pair(outer=outer)
    p.a.set_peer(p.b, inner_src=nl.prefixes(*ALL))
    p.b.set_peer(p.a, inner_src=nl.prefixes("10.9.0.1/32"))
    p.ns[0].ip("addr add 10.9.0.1/32 dev cpns0")
    p.ns[1].ip(f"addr add {FAR4}/32 dev cpns0", f"addr add {FAR6}/128 dev cpns0 nodad",
               "route add 10.9.0.1/32 dev cpns0")
    for family, source in (("-4", "10.9.0.1"), ("-6", p.a.overlay)):
        p.ns[0].sh("ip", family, "route", "add", "default", "dev", "cpns0", "src", source,
                   "table", "100")
        p.ns[0].sh("ip", family, "rule", "add", "not", "fwmark", FWMARK, "table", "100",
                   "priority", "100")
    return p


def default_route_with_mark_does_not_loop():
    for outer in (4, 6):
        p = default_route_pair(outer)
        p.a.nl.do("dev-set", ifindex=p.a.ifindex, fwmark=FWMARK)
        counters = Counters(p.a, p.b)
        for far in (FAR4, FAR6):
            ping(p, far, 3)
        equal("drops", {}, counters.drops())
        equal("sent", 6, counters.grown()["tx-packets"])
        p.delete()


def default_route_without_mark_is_noticed():
    for outer in (4, 6):
        p = default_route_pair(outer)
        counters = Counters(p.a, p.b)
        for _ in range(3):
            send(p.ns[0], p.a.overlay, FAR6)
        counters.expect(tx_loop=3)
        # And it works at once when the mark comes.
        p.a.nl.do("dev-set", ifindex=p.a.ifindex, fwmark=FWMARK)
        ping(p, FAR4)
        p.delete()


def bound_interface_is_used():
    p = Pair()
    join(*p.ns, (("10.80.0.1/24", "10.80.0.2/24"),), dev="veth1")
    # Both lead to b, the first one is the better one.
    for dev, metric in (("veth0", 10), ("veth1", 20)):
        p.ns[0].ip(f"route add 10.81.0.0/24 dev {dev} metric {metric}")
        p.ns[1].ip(f"route add 10.77.0.1 dev {dev} metric {metric}")
        p.ns[1].sh("sysctl", "-qw", f"net.ipv4.conf.{dev}.rp_filter=0",
                   "net.ipv4.conf.all.rp_filter=0")
    p.ns[1].ip("addr add 10.81.0.2/32 dev lo")
    p.a.set_peer(p.b, endpoint=nl.endpoint("10.81.0.2", PORT))
    taps = {dev: Tap(p.ns[1], dev) for dev in ("veth0", "veth1")}

    def seen():
        return {dev: sum(map(is_udp, tap.packets(outgoing=False)))
                for dev, tap in taps.items()}

    def keepalive():
        p.a.nl.do("peer-keepalive", ifindex=p.a.ifindex, eid=p.b.eid)
    keepalive()
    equal("unbound", {"veth0": 1, "veth1": 0}, seen())
    p.a.nl.do("dev-set", ifindex=p.a.ifindex, bind_ifindex=p.ns[0].ifindex("veth1"))
    keepalive()
    equal("bound", {"veth0": 0, "veth1": 1}, seen())

    # What comes in elsewhere is not heard.
    counters, sock = Counters(p.a), p.raw_socket(1)
    sock.sendto(b"x" * 50, ("10.77.0.1", PORT))
    check(not drain(sock), "an answer")
    counters.expect()
    p.a.nl.do("dev-set", ifindex=p.a.ifindex, bind_ifindex=0)
    sock.sendto(b"x" * 50, ("10.77.0.1", PORT))
    counters.expect(rx_malformed=1)
    p.delete()


def vrf_carries_the_outside():
    for outer in (4, 6):
        p = Pair(outer=outer)
        out = p.ns[0].sh("ip", "link", "add", "outside", "type", "vrf", "table", 10, check=False)
        if out:
            raise ktap.Skip(f"no VRF: {out.strip()}")
        p.ns[0].ip("link set outside up", "link set veth0 master outside")
        # The move has taken the IPv6 addresses away.
        p.ns[0].ip("addr replace fd77::1/64 dev veth0 nodad")
        counters = Counters(p.a, p.b)
        send(p.ns[0], p.a.overlay, p.b.overlay)
        counters.expect(tx_no_route=1)
        p.a.nl.do("dev-set", ifindex=p.a.ifindex, bind_ifindex=p.ns[0].ifindex("outside"))
        counters = Counters(p.a, p.b)
        ping(p, p.b.overlay, 2)
        p.ns[1].sh("ping", "-c", 1, "-W", 2 * SLOW, p.a.overlay)
        equal("drops", {}, counters.drops())
        p.delete()


NFT = """
table inet t {
	counter inner { }
	counter outer { }
	counter outer_marked { }
	counter outer_tracked { }
	counter in_outer { }
	counter in_inner { }
	counter in_inner_marked { }
	counter in_inner_tracked { }
	chain out {
		type filter hook output priority 0;
		oifname "cpns0" meta mark 0x55 ct mark set 0x5 counter name inner
		udp dport 7400 counter name outer
		udp dport 7400 meta mark & 0x55 == 0x55 counter name outer_marked
		udp dport 7400 ct mark 0x5 counter name outer_tracked
	}
	chain in {
		type filter hook input priority 0;
		udp dport 7400 meta mark set 0x99 ct mark set 0x9 counter name in_outer
		iifname "cpns0" counter name in_inner
		iifname "cpns0" meta mark 0x99 counter name in_inner_marked
		iifname "cpns0" ct mark 0x9 counter name in_inner_tracked
	}
}
"""


def nft_counters(netns):
    listed = json.loads(netns.sh("nft", "-j", "list", "counters"))
    return {c["counter"]["name"]: c["counter"]["packets"]
            for c in listed["nftables"] if "counter" in c}


def marks_and_tracks_stay_on_their_side():
    p = Pair()
    for ns in p.ns:
        out = ns.sh("nft", "-f", "-", input=NFT, check=False)
        if out:
            raise ktap.Skip(f"nft can't do it: {out.splitlines()[0]}")
    rx = udp_socket(p.ns[1], p.b.overlay, 5030)
    for fwmark in (0, 0x22):
        p.a.nl.do("dev-set", ifindex=p.a.ifindex, fwmark=fwmark)
        for payload in (b"x", bytes(20000)):    # the second one in fragments inside
            send(p.ns[0], p.a.overlay, p.b.overlay, payload, mark=0x55)
            equal("datagram", payload, rx.recv(65535))
    got = nft_counters(p.ns[0])
    check(got["inner"] >= 4, f"the packets inside had no mark: {got}")
    check(got["outer"] >= got["inner"], f"no datagrams outside: {got}")
    equal("marked, tracked outside", (0, 0), (got["outer_marked"], got["outer_tracked"]))
    got = nft_counters(p.ns[1])
    check(got["in_outer"] and got["in_inner"] >= 4, f"nothing came in: {got}")
    equal("marked, tracked inside", (0, 0), (got["in_inner_marked"], got["in_inner_tracked"]))
    p.delete()


def own_mark_is_on_the_outside():
    p = Pair()
    out = p.ns[0].sh("nft", "-f", "-", check=False, input=f"""
table inet t {{
	counter marked {{ }}
	chain out {{
		type filter hook output priority 0;
		udp dport {PORT} meta mark {FWMARK} counter name marked
	}}
}}""")
    if out:
        raise ktap.Skip(f"nft can't do it: {out.splitlines()[0]}")
    p.a.nl.do("dev-set", ifindex=p.a.ifindex, fwmark=FWMARK)
    p.ping(count=2)
    equal("marked datagrams", {"marked": 2}, nft_counters(p.ns[0]))
    p.delete()


def group_socket(p, end, group, port):
    """A socket of a namespace that hears a group on the device."""
    family = socket.AF_INET6 if ":" in group else socket.AF_INET
    with end.netns.enter():
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.bind(("", port))
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                            socket.inet_pton(family, group) + struct.pack("@i", end.ifindex))
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                            socket.inet_aton(group) + bytes(4) +
                            struct.pack("@i", end.ifindex))
    sock.settimeout(2 * SLOW)
    return sock


GROUPS = (("239.1.2.3", 5031), ("ff15::123", 5032), ("255.255.255.255", 5033))


def send_groups(p):
    """One packet to each group, and to everybody."""
    for group, port in GROUPS:
        family = socket.AF_INET6 if ":" in group else socket.AF_INET
        with p.ns[0].enter():
            sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, b"cpns0")
        sock.sendto(group.encode(), (group, port))
        sock.close()


def multicast_goes_to_the_one_named():
    p = Pair()
    for end, address in ((p.a, "10.9.0.1"), (p.b, "10.9.0.2")):
        end.netns.ip(f"addr add {address}/32 dev cpns0")
    p.b.set_peer(p.a, inner_src=nl.prefixes("10.9.0.1/32"))

    counters = Counters(p.a)
    counters.ignore = ()
    before = p.a.stats()["tx-multicast"]
    send_groups(p)
    wait_until(lambda: p.a.stats()["tx-multicast"] >= before + 3, "3 packets are dropped")
    equal("sent", None, counters.grown().get("tx-packets"))

    p.a.set_peer(p.b, flags=["multicast"])
    counters = Counters(p.b, p.a)
    send_groups(p)
    # Where b does not allow it, it goes no further.
    wait_until(lambda: counters.grown().get("rx-inner-destination", 0) >= 3, "3 at b")
    p.b.set_peer(p.a, allowed_dst=nl.prefixes("224.0.0.0/4", "ff00::/8", "255.255.255.255/32"))
    socks = [group_socket(p, p.b, group, port) for group, port in GROUPS[:2]]
    socks.append(udp_socket(p.ns[1], "0.0.0.0", GROUPS[2][1], timeout=2 * SLOW))
    send_groups(p)
    for (group, _), sock in zip(GROUPS, socks):
        equal("datagram", group.encode(), sock.recv(100))

    p.a.set_peer(p.b, flags=[])
    before = p.a.stats()["tx-multicast"]
    send_groups(p)
    wait_until(lambda: p.a.stats()["tx-multicast"] >= before + 3, "3 packets are dropped")
    p.delete()


def multicast_is_counted_exactly():
    """With IPv6 off on the device the stack sends none of its own."""
    p = Pair()
    p.ns[0].sh("sysctl", "-qw", "net.ipv6.conf.cpns0.disable_ipv6=1")
    p.ns[0].ip("addr add 10.9.0.1/32 dev cpns0")
    before = p.a.stats()["tx-multicast"]
    sock = udp_socket(p.ns[0], "10.9.0.1")
    sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, b"cpns0")
    for _ in range(7):
        sock.sendto(b"x", ("239.1.2.3", 5031))
    equal("tx-multicast", before + 7, p.a.stats()["tx-multicast"])
    p.delete()


def second_multicast_peer_is_refused():
    p = Pair()
    p.a.set_peer(p.b, flags=["multicast"])
    try:
        p.a.nl.do("peer-new", ifindex=p.a.ifindex, eid=12345, flags=["multicast"])
        check(False, "a second peer for multicast was taken")
    except nl.Refused as refused:
        check("multicast" in refused.message, f"message {refused.message!r}")
    equal("peers", 1, p.a.nl.do("dev-get", ifindex=p.a.ifindex)["peers"])
    # A peer that goes gives the place free.
    p.a.nl.do("peer-del", ifindex=p.a.ifindex, eid=p.b.eid)
    p.a.nl.do("peer-new", ifindex=p.a.ifindex, eid=12345, flags=["multicast"])
    p.delete()


def what_is_not_ip_is_dropped():
    p = Pair()
    counters = Counters(p.a)
    with p.ns[0].enter():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    for packet in (b"\x55" * 60, b"\x60" * 20, b"\x45" * 10, b"\x00"):
        sock.sendto(packet, ("cpns0", 0x88b5))
    sock.close()
    counters.expect(tx_malformed=4)
    p.delete()


def strange_destination_has_no_peer():
    p = Pair()
    counters = Counters(p.a)
    p.ns[0].ip("addr add 10.9.0.1/32 dev cpns0", "route add 2001:db8::/32 dev cpns0",
               "route add 192.0.2.0/24 dev cpns0")
    send(p.ns[0], p.a.overlay, "2001:db8::1")
    send(p.ns[0], "10.9.0.1", "192.0.2.1")
    # An EID that is nobody's, in the overlay.
    stranger = p.b.overlay + 1
    p.ns[0].ip(f"route add {stranger}/128 dev cpns0")
    send(p.ns[0], p.a.overlay, stranger)
    counters.expect(tx_no_peer=3)
    p.delete()


def peer_without_endpoint():
    p = Pair()
    p.a.nl.do("peer-del", ifindex=p.a.ifindex, eid=p.b.eid)
    p.a.nl.do("peer-new", ifindex=p.a.ifindex, eid=p.b.eid)
    p.session = Session(p.a, p.b)
    p.session.install_at(p.a)
    counters = Counters(p.a, p.b)
    for _ in range(3):
        send(p.ns[0], p.a.overlay, p.b.overlay)
    counters.expect(tx_no_endpoint=3)
    # It is learned from the first DATA.
    p.session.install_at(p.b)
    ping(p, p.b.overlay)
    p.delete()


def endpoint_without_route():
    p = Pair()
    for address in ("203.0.113.1", "2001:db8:f::1"):
        p.a.set_peer(p.b, endpoint=nl.endpoint(address, PORT))
        counters = Counters(p.a, p.b)
        for _ in range(3):
            send(p.ns[0], p.a.overlay, p.b.overlay)
        counters.expect(tx_no_route=3)
    p.delete()


def key_at_its_limit_sends_no_more():
    p = Pair(session=False)
    events = Events(p.a)
    p.session = Session(p.a, p.b)
    p.session.install_at(p.b)
    p.session.install_at(p.a, hard_packets=5, soft_packets=3)
    counters = Counters(p.a, p.b)
    for _ in range(6):
        send(p.ns[0], p.a.overlay, p.b.overlay)
    equal("tx-limit", {"tx-packets": 5, "tx-limit": 1},
          {k: v for k, v in counters.grown().items() if k in ("tx-packets", "tx-limit")})
    for name in ("key-soft-ntf", "key-dead-ntf"):
        event = events.wait(name)
        equal(name, (p.session.sid[p.a], "packets"), (event["sid"], event["cause"]))
    send(p.ns[0], p.a.overlay, p.b.overlay)
    equal("queued", 1, p.a.peer(p.b)["queued"])
    p.delete()


def tunnels_through_each_other_end():
    """Two devices, each of whose outer routes leads into the other one."""
    ns = Netns("loop")
    ends = [End(ns, b"gw-%d@home.example" % i, 2, port=PORT + i, dev=f"cpns{i}")
            for i in (0, 1)]
    far = [Netns("far"), Netns("far")]
    others = [End(far[i], b"pne-%d@home.example" % i, 3) for i in (0, 1)]
    for i, (end, other) in enumerate(zip(ends, others)):
        end.add_peer(other, f"10.50.{1 - i}.1", inner_src=nl.prefixes(f"10.50.{i}.0/24"))
        other.add_peer(end)
        Session(end, other).install_at(end, initiator=True)
        ns.ip(f"addr add 10.51.{i}.1/32 dev {end.dev}", f"route add 10.50.{i}.0/24 dev {end.dev}")
    for size in (10, 1000):
        for _ in range(5):
            send(ns, "10.51.0.1", "10.50.0.9", bytes(size))
    # The machine is well, and so are the devices.
    for end, other in zip(ends, others):
        check(end.peer(other)["stats"]["tx-packets"] > 0, "nothing was sent at all")
        end.close()
        other.close()
    ns.delete()
    for other in far:
        other.delete()


if __name__ == "__main__":
    load_module()
    ktap.run([
        default_route_with_mark_does_not_loop,
        default_route_without_mark_is_noticed,
        bound_interface_is_used,
        vrf_carries_the_outside,
        marks_and_tracks_stay_on_their_side,
        own_mark_is_on_the_outside,
        multicast_goes_to_the_one_named,
        multicast_is_counted_exactly,
        second_multicast_peer_is_refused,
        what_is_not_ip_is_dropped,
        strange_destination_has_no_peer,
        peer_without_endpoint,
        endpoint_without_route,
        key_at_its_limit_sends_no_more,
        tunnels_through_each_other_end,
    ])
