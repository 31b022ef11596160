#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A PN GW relays between PNE and Server: everything, both ways, untouched but
for the hop limit; and nothing that the rules do not let pass. Each cause has its
counter, and no other one moves."""

import errno
import os
import socket
import sys
import time

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, nl
from cpnstest.chain import Chain
from cpnstest.gateway import (CONFIRM, COOKIE, DATA, HINT, INIT, PNE_PORT, RESP, SERVER_PORT,
                              STRANGER_PORT, Gateway, datagram, eid, one_hop_less)
from cpnstest.ktap import check, equal, wait_until
from cpnstest.lone import Remote
from cpnstest.netns import Netns
from cpnstest.pair import Session, load_module
from cpnstest.traffic import SLOW, Counters, Tap, TcpStream, drain, is_fragment
from observe import traced, wanted

SIDS = {INIT: 0, RESP: 5, CONFIRM: 6, COOKIE: 7, HINT: 0, DATA: 9}
U = 2
UDP_SEGMENT = 103
NEW = eid("pne-new@home.example")


# ---- between peers ----

def everything_passes_both_ways():
    for outer in (4, 6):
        g = Gateway(outer)
        for sender, receiver in ((g.pne, g.server), (g.server, g.pne)):
            for kind, sid in SIDS.items():
                g.passes(sender, receiver,
                         datagram(kind, receiver.eid, sender.eid, sid, flags=kind == DATA),
                         f"IPv{outer}, type {kind}", sender, count=3)
            # The hint that names a session, an authenticated DATA, an empty one.
            for data in (datagram(HINT, receiver.eid, sender.eid, 77),
                         datagram(DATA, receiver.eid, sender.eid, 9),
                         datagram(DATA, receiver.eid, sender.eid, 9, body=bytes(24))):
                g.passes(sender, receiver, data, f"IPv{outer}", sender)
        g.delete()


def hop_limit_is_used_up():
    g = Gateway()
    for sender, receiver in ((g.pne, g.server), (g.server, g.pne)):
        for hops in (0, 1):
            for kind in (DATA, INIT, HINT):
                g.dropped(sender, datagram(kind, receiver.eid, sender.eid, 9, hops),
                          "relay_hop_limit", peer=sender)
        for hops in (2, 3, 8, 255):
            g.passes(sender, receiver, datagram(DATA, receiver.eid, sender.eid, 9, hops),
                     f"hop limit {hops}", sender)
    g.delete()


def malformed_is_not_relayed():
    g = Gateway()
    good = datagram(DATA, g.server.eid, g.pne.eid, 9)
    for bad in (good[:47], b"\x28" + good[1:], b"\x19" + good[1:], good[:1] + b"\4" + good[2:],
                good[:4] + bytes(4) + good[8:], datagram(RESP, g.server.eid, g.pne.eid, 0)):
        g.dropped(g.pne, bad, "rx_malformed")
    g.delete()


def only_what_is_allowed_passes():
    for outer in (4, 6):
        g = Gateway(outer)
        other = Remote(b"pne-2@home.example", 3)
        g.sock[other] = g.socket(PNE_PORT + 1)
        g.add_peer(other, PNE_PORT + 1)
        for a, b in ((other, g.server), (g.server, other), (g.pne, other), (other, g.pne)):
            for kind in (DATA, INIT, RESP):
                g.dropped(a, datagram(kind, b.eid, a.eid, 9), "relay_not_allowed", peer=a)
        # It is said of one pair, in whatever peer of the two.
        g.set_peer(g.server, relay_to=other.eid)
        g.passes(other, g.server, datagram(DATA, g.server.eid, other.eid, 9), peer=other)
        g.passes(g.server, other, datagram(DATA, other.eid, g.server.eid, 9), peer=g.server)
        g.set_peer(g.server, relay_to=0)
        g.dropped(other, datagram(DATA, g.server.eid, other.eid, 9), "relay_not_allowed")
        g.set_peer(g.pne, relay_to=other.eid)
        g.passes(g.pne, other, datagram(DATA, other.eid, g.pne.eid, 9), peer=g.pne)
        g.passes(other, g.pne, datagram(DATA, g.pne.eid, other.eid, 9), peer=other)
        g.dropped(g.pne, datagram(DATA, g.server.eid, g.pne.eid, 9), "relay_not_allowed")
        g.set_peer(g.pne, relay_to=0)
        check("relay-to" not in g.local.peer(g.pne), "relay-to 0 is told")
        g.dropped(g.pne, datagram(DATA, other.eid, g.pne.eid, 9), "relay_not_allowed")
        g.delete()


def strangers_get_nothing():
    g = Gateway()
    stranger = g.socket(STRANGER_PORT)
    g.sock["stranger"] = stranger
    unknown = eid("nobody@home.example")
    for kind in (DATA, INIT, RESP, HINT):
        g.dropped(stranger, datagram(kind, g.server.eid, unknown, 9), "relay_unknown_source")
        g.dropped(stranger, datagram(kind, g.pne.eid, unknown, 9), "relay_unknown_source")
        g.dropped(stranger, datagram(kind, unknown, g.pne.eid, 9), "rx_not_ours")
        g.dropped(g.pne, datagram(kind, unknown, g.pne.eid, 9), "rx_not_ours")
        g.dropped(g.server, datagram(kind, unknown, g.server.eid, 9), "rx_not_ours")
    # Nor does who claims to be the device itself, or a peer.
    g.dropped(stranger, datagram(DATA, g.server.eid, g.local.eid, 9), "relay_unknown_source")
    g.dropped(stranger, datagram(DATA, g.server.eid, g.pne.eid, 9), "relay_wrong_endpoint",
              peer=g.pne)
    g.dropped(g.server, datagram(DATA, g.server.eid, g.pne.eid, 9), "relay_wrong_endpoint")
    g.dropped(g.pne, datagram(DATA, g.pne.eid, g.server.eid, 9), "relay_wrong_endpoint",
              peer=g.server)
    elsewhere = g.socket(PNE_PORT, "127.0.0.2")
    g.dropped(elsewhere, datagram(DATA, g.server.eid, g.pne.eid, 9), "relay_wrong_endpoint")
    g.delete()


def nothing_goes_back():
    g = Gateway()
    g.set_peer(g.pne, endpoint=nl.endpoint("127.0.0.1", SERVER_PORT))
    g.dropped(g.server, datagram(DATA, g.server.eid, g.pne.eid, 9), "relay_same_endpoint",
              peer=g.pne)
    g.dropped(g.server, datagram(DATA, g.pne.eid, g.server.eid, 9), "relay_same_endpoint")
    g.delete()


def unprotected_is_never_relayed():
    g = Gateway(pan=True)
    for sender, receiver in ((g.pne, g.server), (g.server, g.pne)):
        g.dropped(sender, datagram(DATA, receiver.eid, sender.eid, flags=U),
                  "relay_unprotected", peer=sender)
    g.dropped(g.pne, datagram(DATA, eid("nobody@home.example"), g.pne.eid, flags=U),
              "relay_unprotected")
    g.delete()


def no_endpoint_and_no_route():
    g = Gateway()
    late = Remote(b"pne-late@home.example", 3)
    g.add_peer(late, relay_to=g.server.eid)
    g.dropped(g.server, datagram(DATA, late.eid, g.server.eid, 9), "relay_no_endpoint",
              peer=g.server)
    g.dropped(g.pne, datagram(DATA, g.server.eid, late.eid, 9), "relay_wrong_endpoint")
    g.set_peer(late, endpoint=nl.endpoint("203.0.113.1", 7000))
    g.dropped(g.server, datagram(DATA, late.eid, g.server.eid, 9), "relay_no_route")
    g.ns.ip("route add 203.0.113.0/24 dev cpns0")
    g.dropped(g.server, datagram(DATA, late.eid, g.server.eid, 9), "relay_loop")
    g.delete()


def peers_come_and_go():
    g = Gateway()
    up = datagram(DATA, g.server.eid, g.pne.eid, 9)
    g.passes(g.pne, g.server, up)
    g.del_peer(g.server)
    equal("relay-to stays", g.server.eid, g.local.peer(g.pne)["relay-to"])
    g.dropped(g.pne, up, "rx_not_ours")
    g.add_peer(g.server, SERVER_PORT)
    g.passes(g.pne, g.server, up)
    g.del_peer(g.pne)
    g.dropped(g.pne, up, "relay_unknown_source")
    g.dropped(g.server, datagram(DATA, g.pne.eid, g.server.eid, 9), "rx_not_ours")
    # It may be said before the Server is a peer.
    g.del_peer(g.server)
    g.add_peer(g.pne, PNE_PORT, relay_to=g.server.eid)
    g.dropped(g.pne, up, "rx_not_ours")
    g.add_peer(g.server, SERVER_PORT)
    g.passes(g.pne, g.server, up)
    g.delete()


def pne_that_moves_is_followed():
    for outer in (4, 6):
        g = Gateway(outer)
        session = Session(g.local, g.pne)
        session.install_at(g.local)
        moved = g.socket(STRANGER_PORT)
        up = datagram(DATA, g.server.eid, g.pne.eid, 9)
        g.device.reset()
        g.dropped(moved, up, "relay_wrong_endpoint")
        g.send(moved, session.seal(g.pne, 3, b""))
        g.device.expect("moved", rx_keepalives=1)
        g.passes(moved, g.server, up, "from where it is now", g.pne)
        g.passes(g.server, moved, datagram(DATA, g.pne.eid, g.server.eid, 9), "to there")
        g.dropped(g.pne, up, "relay_wrong_endpoint", "from where it was")
        g.delete()


def congestion_mark_goes_on():
    """And nothing else of the traffic class."""
    for outer in (4, 6):
        g = Gateway(outer)
        tap = Tap(g.ns, "lo")
        sock, level, option = (g.sock[g.pne], *((socket.IPPROTO_IP, socket.IP_TOS)
                                                if outer == 4 else (41, 67)))
        for tos in (0, 1, 2, 3, 0xb8 | 3):
            sock.setsockopt(level, option, tos)
            tap.packets(0.1)
            g.passes(g.pne, g.server, datagram(DATA, g.server.eid, g.pne.eid, 9))
            seen = [p for p in tap.packets(0.1, outgoing=True)]
            last = seen[-1]
            got = last[1] if outer == 4 else (last[0] & 15) << 4 | last[1] >> 4
            equal(f"IPv{outer}, traffic class {tos:#x}", tos & 3, got)
            if outer == 4:
                equal("TTL", 64, last[8])
                equal("don't fragment", 0, last[6] & 0x40)
        tap.close()
        g.delete()


def trains_are_taken_apart():
    """One send of many datagrams, each with another dst: by the device, and by UDP
    where a packet socket has the train, too."""
    for outer, heard in ((4, False), (6, False), (4, True), (6, True)):
        g = Gateway(outer)
        tap = Tap(g.ns, "lo") if heard else None
        other = Remote(b"pne-2@home.example", 3)
        g.sock[other] = g.socket(PNE_PORT + 1)
        g.add_peer(other, PNE_PORT + 1)
        g.set_peer(other, relay_to=g.pne.eid)
        to = [g.server, other, None, g.server, other, g.local, g.server] * 4
        train = [datagram(DATA, r.eid if r else eid("nobody@home.example"), g.pne.eid, 9,
                          body=os.urandom(576)) for r in to]
        g.sock[g.pne].setsockopt(socket.SOL_UDP, UDP_SEGMENT, len(train[0]))
        g.send(g.pne, b"".join(train))
        relayed = to.count(g.server) + to.count(other)
        g.device.expect(f"IPv{outer}", relay_packets=relayed,
                        relay_bytes=relayed * len(train[0]), rx_not_ours=to.count(None),
                        rx_unknown_sid=to.count(g.local))
        for receiver in (g.server, other):
            equal("arrived", [one_hop_less(d) for r, d in zip(to, train) if r is receiver],
                  [d for d, _ in drain(g.sock[receiver])])
        if tap:
            tap.close()
        g.delete()


def trains_go_on_whole():
    """Datagrams of one session that came together leave together, each with a hop
    less; where one of them is not like the others they go one by one, and the same
    of them arrive."""
    sizes = [576] * 20 + [90]

    def train(dst, src, sid=9, **odd):
        """Of @sizes; odd is what is different in the one before the last."""
        return [datagram(DATA, dst, src, sid, body=os.urandom(size),
                         **(odd if i == len(sizes) - 2 else {}))
                for i, size in enumerate(sizes)]

    for outer in (4, 6):
        g = Gateway(outer)
        up, down = (g.server.eid, g.pne.eid), (g.pne.eid, g.server.eid)
        for what, sender, receiver, data, whole, lost in (
                ("to the Server", g.pne, g.server, train(*up), 1, None),
                ("to the PNE", g.server, g.pne, train(*down), 1, None),
                ("encrypted", g.pne, g.server,
                 [d[:1] + b"\1" + d[2:] for d in train(*up)], 1, None),
                ("low hop limits", g.pne, g.server, train(*up, hops=2), 1, None),
                ("one at its end", g.pne, g.server, train(*up, hops=1), 0, "relay_hop_limit"),
                ("one malformed", g.pne, g.server, train(*up, flags=0x80), 0, "rx_malformed"),
                ("one of another session", g.pne, g.server,
                 train(*up)[:-1] + train(*up, sid=10)[-1:], 0, None),
                ("one without", g.pne, g.server,
                 train(*up)[:-2] + train(*up, sid=0)[-2:-1] + train(*up)[-1:], 0,
                 "rx_malformed")):
            g.sock[sender].setsockopt(socket.SOL_UDP, UDP_SEGMENT, len(data[0]))
            g.send(sender, b"".join(data))
            arrive = data[:-2] + data[-1:] if lost else data
            expected = {"relay_packets": len(arrive), "relay_bytes": sum(map(len, arrive))}
            if whole:
                expected["relay_trains"] = 1
            if lost:
                expected[lost] = 1
            g.device.expect(f"IPv{outer}, {what}", **expected)
            equal(f"IPv{outer}, {what}", [one_hop_less(d).hex() for d in arrive],
                  [d.hex() for d, _ in drain(g.sock[receiver])])
            g.sock[sender].setsockopt(socket.SOL_UDP, UDP_SEGMENT, 0)

        # By one who is not where it was, nothing goes.
        stranger = g.socket(STRANGER_PORT)
        stranger.setsockopt(socket.SOL_UDP, UDP_SEGMENT, len(data[0]))
        g.send(stranger, b"".join(train(*up)))
        g.device.expect("stranger", relay_wrong_endpoint=len(sizes))
        g.silent()
        g.delete()


def relaying_is_traced():
    g = Gateway(pan=True)
    sock = g.socket(STRANGER_PORT)
    g.admit(NEW, 9, sock)
    data = datagram(DATA, g.server.eid, g.pne.eid, 0x1234)
    with traced() as lines:
        g.passes(g.pne, g.server, data)
        g.passes(sock, g.server, datagram(CONFIRM, g.server.eid, NEW, 5))
        g.dropped(g.pne, datagram(DATA, g.server.eid, g.pne.eid, 9, 1), "relay_hop_limit")
    server = f"{g.server.eid:016x}"
    equal("relayed", 1, len(wanted(lines, "cpns_relay", dst=server, src=f"{g.pne.eid:016x}",
                                   sid="00001234", type=8, len=len(data), provisional=0,
                                   err=0, ifindex=g.local.ifindex)))
    equal("by an entry", 1, len(wanted(lines, "cpns_relay", dst=server, src=f"{NEW:016x}",
                                       provisional=1, type=3, err=0)))
    equal("all", 2, len(wanted(lines, "cpns_relay")))
    equal("dropped", 1, len(wanted(lines, "cpns_drop", reason="relay-hop-limit",
                                   eid=f"{g.pne.eid:016x}")))
    g.delete()


# ---- strangers ----

def stranger_asks():
    """Its INIT to the Server goes to the daemon, where the interface is named."""
    for outer in (4, 6):
        g = Gateway(outer)
        owner = nl.Client(g.ns)
        owner.do("msg-bind", ifindex=g.local.ifindex)
        sock = g.socket(STRANGER_PORT)
        init = datagram(INIT, g.server.eid, NEW, 0xabcd)
        g.dropped(sock, init, "relay_unknown_source", "on no named interface")
        g.ns.ip("link add other0 type dummy")
        g.set(relay_pan={"ifindex": [g.ns.ifindex("other0")]})
        g.dropped(sock, init, "relay_unknown_source", "on another interface")
        g.owner = owner
        g.set(relay_pan={"ifindex": [g.ns.ifindex("other0"), g.lo]})
        ep = g.told(sock, init, "on a named one")
        equal("interface", g.lo, ep["ifindex"])
        equal("port", STRANGER_PORT, ep["port"])
        # What else a stranger sends is none of the daemon's.
        for kind in (DATA, RESP, CONFIRM, COOKIE, HINT):
            g.dropped(sock, datagram(kind, g.server.eid, NEW, 9), "relay_unknown_source")
        g.dropped(sock, datagram(INIT, g.server.eid, NEW, 9, hops=1), "relay_hop_limit")
        g.dropped(sock, datagram(INIT, eid("nobody@home.example"), NEW, 9), "rx_not_ours")
        # A peer that is not where it was may ask too; one without a way may not.
        g.told(sock, datagram(INIT, g.server.eid, g.pne.eid, 9), "a peer elsewhere")
        g.set_peer(g.pne, relay_to=0)
        g.dropped(sock, datagram(INIT, g.server.eid, g.pne.eid, 9), "relay_not_allowed")
        # Nor who is where the Server is, or asks for what is nowhere.
        g.dropped(g.server, datagram(INIT, g.server.eid, NEW, 9), "relay_same_endpoint")
        g.del_peer(g.server)
        g.add_peer(g.server)
        g.dropped(sock, init, "relay_no_endpoint")
        g.set(relay_pan={"ifindex": []})
        equal("list", {}, g.local.nl.do("dev-get", ifindex=g.local.ifindex)["relay-pan"])
        g.del_peer(g.server)
        g.add_peer(g.server, SERVER_PORT)
        g.dropped(sock, init, "relay_unknown_source", "on no interface again")
        owner.close()
        g.owner = None
        g.delete()


def flood_of_inits_is_limited():
    g = Gateway(pan=True)
    sock = g.socket(STRANGER_PORT)
    begin = time.monotonic()
    for i in range(100):
        g.send(sock, datagram(INIT, g.server.eid, NEW, 1000 + i))
    seconds = time.monotonic() - begin
    wait_until(lambda: sum(g.device.changes().values()) == 100, "100 counted", 5 * SLOW)
    changes = g.device.changes()
    equal("counters", {"rx-control", "relay-init-limit"}, set(changes))
    check(32 <= changes["rx-control"] <= 32 * (int(seconds + 1) + 1), f"counters: {changes}")
    g.silent()
    g.delete()


def entry_lets_both_ways():
    for outer in (4, 6):
        g = Gateway(outer, pan=True)
        sock = g.socket(STRANGER_PORT)
        sid = 0x01020304
        init = datagram(INIT, g.server.eid, NEW, sid)
        g.told(sock, init)
        g.admit(NEW, sid, sock)
        equal("number", 1, g.local.nl.do("dev-get", ifindex=g.local.ifindex)["relays"])
        up = [init, datagram(CONFIRM, g.server.eid, NEW, 7),
              datagram(DATA, g.server.eid, NEW, 7), datagram(HINT, g.server.eid, NEW, 7)]
        down = [datagram(RESP, NEW, g.server.eid, sid), datagram(COOKIE, NEW, g.server.eid, sid),
                datagram(DATA, NEW, g.server.eid, sid), datagram(HINT, NEW, g.server.eid, sid),
                datagram(HINT, NEW, g.server.eid, 0)]
        for data in up:
            g.passes(sock, g.server, data, "up")
        for data in down:
            g.passes(g.server, sock, data, "down", g.server)
        entry = g.entry(NEW, sid)
        equal("counters", (len(up), sum(map(len, up)), len(down), sum(map(len, down)), 0),
              tuple(entry[k] for k in ("up-packets", "up-bytes", "down-packets",
                                       "down-bytes", "dropped")))
        equal("names", (NEW, sid, g.server.eid, g.local.ifindex),
              tuple(entry[k] for k in ("eid", "sid", "server-eid", "ifindex")))
        check(50000 < entry["remaining"] <= 60000, f"remaining: {entry['remaining']}")
        check(entry["age"] < 10000 * SLOW, f"age: {entry['age']}")

        # Downwards by sid; an INIT of the Server has none of the stranger's.
        for data in (datagram(RESP, NEW, g.server.eid, sid + 1),
                     datagram(DATA, NEW, g.server.eid, sid ^ 0x80000000),
                     datagram(INIT, NEW, g.server.eid, sid)):
            g.dropped(g.server, data, "rx_not_ours", "another sid")
        # From nobody else, from nowhere else, to no other.
        other = g.socket(STRANGER_PORT + 1)
        g.dropped(other, up[2], "relay_unknown_source", "another port")
        g.dropped(sock, datagram(DATA, g.pne.eid, NEW, 7), "relay_unknown_source", "to a PNE")
        g.dropped(g.pne, datagram(RESP, NEW, g.pne.eid, sid), "rx_not_ours", "from a PNE")
        g.dropped(sock, datagram(RESP, NEW, g.server.eid, sid), "relay_wrong_endpoint",
                  "as the Server")
        g.dropped(other, datagram(RESP, NEW, g.server.eid, sid), "relay_wrong_endpoint",
                  "as the Server")
        g.silent(sock, other)
        # Another INIT from there is for the daemon again, with another sid.
        g.told(sock, datagram(INIT, g.server.eid, NEW, sid + 1), "another INIT")
        g.local.nl.do("relay-del", ifindex=g.local.ifindex, eid=NEW, sid=sid)
        equal("entries", [], g.entries())
        g.dropped(sock, up[2], "relay_unknown_source", "deleted")
        g.dropped(g.server, down[0], "rx_not_ours", "deleted")
        g.delete()


def entry_is_not_for_who_is_known():
    """A peer with a session, or an endpoint that holds, goes by that."""
    g = Gateway(pan=True)
    sock = g.socket(STRANGER_PORT)
    g.admit(g.pne.eid, 9, sock)
    down = datagram(DATA, g.pne.eid, g.server.eid, 9)
    up = datagram(DATA, g.server.eid, g.pne.eid, 5)
    # It may have moved, and asks from where it is.
    g.passes(sock, g.server, up, "up from the new place", g.pne)
    g.passes(g.pne, g.server, up, "up from the old one", g.pne)
    g.passes(g.server, sock, down, "down to the new place")
    g.passes(g.server, g.pne, datagram(DATA, g.pne.eid, g.server.eid, 10), "another session")
    # With a session it is where that says, and nobody takes its datagrams.
    session = Session(g.local, g.pne)
    session.install_at(g.local)
    g.passes(g.server, g.pne, down, "down to where its session is")
    g.silent(sock)
    g.delete()


def entries_are_renewed_and_end():
    """60 s after the last INIT. What ends is told by the counter."""
    g = Gateway(pan=True)
    sock, other = g.socket(STRANGER_PORT), g.socket(STRANGER_PORT + 1)
    g.admit(NEW, 1, sock)
    g.admit(NEW, 2, other)
    begin = time.monotonic()
    first, second = datagram(DATA, g.server.eid, NEW, 5), datagram(INIT, g.server.eid, NEW, 2)
    time.sleep(30)
    # DATA does not renew; an INIT does, and so does the daemon.
    g.passes(sock, g.server, first)
    g.passes(other, g.server, second)
    left = {e["sid"]: e["remaining"] for e in g.entries()}
    check(left[1] <= 31000 and 55000 < left[2] <= 60000, f"remaining: {left}")
    time.sleep(max(0, begin + 61 - time.monotonic()))
    equal("entries", [2], [e["sid"] for e in g.entries()])
    equal("number", 1, g.local.nl.do("dev-get", ifindex=g.local.ifindex)["relays"])
    g.dropped(sock, first, "relay_expired")
    g.dropped(g.server, datagram(RESP, NEW, g.server.eid, 1), "relay_expired", peer=g.server)
    g.passes(other, g.server, datagram(DATA, g.server.eid, NEW, 5), "the renewed one")
    g.told(sock, datagram(INIT, g.server.eid, NEW, 1), "an INIT asks anew")
    g.admit(NEW, 1, sock)
    g.passes(sock, g.server, first, "made anew")
    g.admit(NEW, 2, other)
    check(g.entry(NEW, 2)["remaining"] > 55000, "was not renewed by relay-new")
    equal("counters stay", 2, g.entry(NEW, 2)["up-packets"])
    g.delete()


def entries_are_few():
    """4 for an EID, 4 for an address, 64 in all."""
    g = Gateway(pan=True)
    new = dict(server_eid=g.server.eid)
    socks = [g.socket(STRANGER_PORT, f"127.0.0.{i}") for i in range(10, 30)]
    for i in range(4):
        g.admit(NEW, i + 1, socks[i])
    g.refused("5 of an EID", errno.ENOSPC, "EID", "relay-new", eid=NEW, sid=9,
              endpoint=g.endpoint_of(socks[9]), **new)
    for i in range(3):
        g.admit(5000 + i, 1, socks[0])
    g.refused("5 of an address", errno.ENOSPC, "address", "relay-new", eid=6000, sid=9,
              endpoint=g.endpoint_of(socks[0]), **new)
    g.refused("5 of an address, by another port", errno.ENOSPC, "address", "relay-new",
              eid=6000, sid=9, endpoint={**g.endpoint_of(socks[0]), "port": 99}, **new)
    # What is there is renewed, however many there are.
    g.admit(NEW, 1, socks[0])
    count = 7
    for sock in socks[4:]:
        for i in range(4):
            if count < 64:
                g.admit(7000 + count, 1, sock)
                count += 1
    equal("entries", 64, len(g.entries()))
    equal("of one EID", [1, 2, 3, 4], sorted(e["sid"] for e in g.entries(eid=NEW)))
    g.refused("65 in all", errno.ENOSPC, "device", "relay-new", eid=6000, sid=9,
              endpoint=g.endpoint_of(socks[-1]), **new)
    g.refused("one of another source", errno.EEXIST, "another", "relay-new", eid=NEW, sid=1,
              endpoint=g.endpoint_of(socks[5]), **new)
    g.add_peer(Remote(b"other-server@home.example", 1))
    g.refused("one of another Server", errno.EEXIST, "another", "relay-new", eid=NEW, sid=1,
              endpoint=g.endpoint_of(socks[0]), server_eid=eid("other-server@home.example"))
    g.local.nl.do("relay-del", ifindex=g.local.ifindex, eid=NEW)
    equal("entries", 60, len(g.entries()))
    g.admit(6000, 9, socks[1])
    g.delete()


def rate_of_each_is_limited():
    """64 kbit/s, of both ways together, and as much as comes in a second."""
    g = Gateway(pan=True)
    sock = g.socket(STRANGER_PORT)
    g.admit(NEW, 9, sock)
    up = datagram(DATA, g.server.eid, NEW, 5, body=os.urandom(976))
    down = datagram(DATA, NEW, g.server.eid, 9, body=os.urandom(976))
    begin = time.monotonic()
    for _ in range(20):
        g.send(sock, up)
        g.send(g.server, down)
    wait_until(lambda: g.device.changes().get("relay-packets", 0) +
               g.device.changes().get("relay-rate", 0) == 40, "40 counted", 5 * SLOW)
    seconds = time.monotonic() - begin
    changes = g.device.changes()
    equal("counters", {"relay-packets", "relay-bytes", "relay-rate"}, set(changes))
    check(8 <= changes["relay-packets"] <= 8 + int(seconds * 8) + 1,
          f"counters after {seconds} s: {changes}")
    entry = g.entry(NEW, 9)
    equal("packets", changes["relay-packets"], entry["up-packets"] + entry["down-packets"])
    equal("dropped", changes["relay-rate"], entry["dropped"])
    check(entry["up-packets"] and entry["down-packets"], "one way had it all")
    equal("arrived", changes["relay-packets"],
          len(drain(sock)) + len(drain(g.sock[g.server])))
    # More than a second of it never passes; after one, as much as in the first.
    time.sleep(1.1)
    g.device.reset()
    g.dropped(sock, datagram(DATA, g.server.eid, NEW, 5, body=bytes(8000)), "relay_rate")
    g.passes(sock, g.server, up, count=8)
    # The peers have no limit.
    g.passes(g.pne, g.server, datagram(DATA, g.server.eid, g.pne.eid, 5,
                                       body=os.urandom(976)), count=50)
    g.delete()


def rate_of_all_is_limited():
    """1 Mbit/s: 125 datagrams of 1000 bytes at once."""
    g = Gateway(pan=True)
    socks = [g.socket(STRANGER_PORT, f"127.0.0.{i}") for i in range(10, 35)]
    for i, sock in enumerate(socks):
        g.admit(1000 + i, 9, sock)
    ups = [datagram(DATA, g.server.eid, 1000 + i, 5, body=os.urandom(976))
           for i in range(len(socks))]
    begin = time.monotonic()
    for _ in range(8):
        for sock, up in zip(socks, ups):
            g.send(sock, up)
    wait_until(lambda: sum(v for k, v in g.device.changes().items() if k != "relay-bytes")
               == 200, "200 counted", 5 * SLOW)
    seconds = time.monotonic() - begin
    changes = g.device.changes()
    most = 125 + int(seconds * 125) + 1
    check(125 <= changes["relay-packets"] <= most, f"counters after {seconds} s: {changes}")
    if most < 200:
        equal("counters", {"relay-packets", "relay-bytes", "relay-total-rate"}, set(changes))
    equal("dropped", changes.get("relay-total-rate", 0), sum(e["dropped"] for e in g.entries()))
    equal("arrived", changes["relay-packets"], len(drain(g.sock[g.server])))
    g.delete()


def interface_that_goes_is_forgotten():
    g = Gateway(pan=True)
    g.ns.ip("link add other0 type dummy", "link set other0 up")
    other = g.ns.ifindex("other0")
    g.set(relay_pan={"ifindex": [other, g.lo]})

    def named():
        return g.local.nl.do("dev-get", ifindex=g.local.ifindex)["relay-pan"].get("ifindex", [])
    equal("named", [other, g.lo], named())
    g.ns.ip("link del other0")
    equal("named", [g.lo], named())
    g.ns.ip(f"link add other0 index {other} type dummy")
    equal("named", [g.lo], named())
    elsewhere = Netns("elsewhere")
    g.set(relay_pan={"ifindex": [other, g.lo]})
    g.ns.ip(f"link set other0 netns {elsewhere.name}")
    equal("named", [g.lo], named())
    elsewhere.delete()
    sock = g.socket(STRANGER_PORT)
    g.refused("not named", errno.EINVAL, "relay-pan", "relay-new", eid=NEW, sid=1,
              server_eid=g.server.eid, endpoint={**g.endpoint_of(sock), "ifindex": other})
    g.delete()


def device_goes_under_traffic():
    """With entries and datagrams on their way."""
    for _ in range(5):
        g = Gateway(pan=True)
        sock = g.socket(STRANGER_PORT)
        for sid in range(1, 5):
            g.admit(NEW, sid, sock)
        data = [datagram(DATA, g.server.eid, NEW, 5),
                datagram(DATA, g.server.eid, g.pne.eid, 5)]
        g.sock[g.pne].setblocking(False)
        for i in range(200):
            g.send(sock, data[0])
            g.send(g.pne, data[1])
            if i == 100:
                g.ns.ip("link del cpns0")
        g.delete()


# ---- whole entities ----

def session_goes_through():
    """The two ends notice nothing; the relay counts each datagram and holds no
    key."""
    for outer in (4, 6):
        c = Chain(outer)
        equal("keys at the PN GW", [], c.gw.keys())
        # The Server's first empty DATA came before the PNE had the key.
        counters = {end: Counters(end) for end in (c.gw, c.pne, c.server)}
        c.ping(count=20)
        each = 40 + 8 + 56
        for end in (c.pne, c.server):
            counters[end].expect(tx_packets=20, rx_packets=20, tx_bytes=20 * each,
                                 rx_bytes=20 * each)
        counters[c.gw].expect(relay_packets=40, relay_bytes=40 * (each + 48))
        for other, way in ((c.pne, 20), (c.server, 20)):
            stats = c.gw.stats(other)
            check(stats["relay-packets"] >= way, f"at the peer: {stats['relay-packets']}")
        c.delete()


def bulk_goes_through():
    for outer in (4, 6):
        c = Chain(outer)
        before = c.gw.stats()
        tcp = TcpStream((c.ns["pne"], c.pne.overlay), (c.ns["server"], c.server.overlay))
        time.sleep(2)
        received, _ = tcp.stop()
        check(received > 100000 / SLOW, f"TCP got only {received} bytes through")
        after = c.gw.stats()
        moved = after["relay-bytes"] - before["relay-bytes"]
        check(moved > received, f"relayed {moved} bytes for {received} of TCP")
        check(after["relay-trains"] > before["relay-trains"], "no trains")
        lost = {k: v for k, v in after.items() if k.startswith(("relay-", "rx-"))
                and v != before[k] and
                k not in ("relay-packets", "relay-bytes", "relay-trains")}
        equal("lost at the PN GW", {}, lost)
        c.delete()


def tampering_is_seen_at_the_end():
    """And not by the relay, which has no key."""
    c = Chain()
    with c.ns["pne"].enter():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    # The PNE's own port, from another address that the PN GW takes for its.
    c.ns["pne"].ip("addr add 10.71.0.3/24 dev veth0")
    sock.bind(("10.71.0.3", c.pne.port + 1))
    c.gw.set_peer(c.pne, endpoint=nl.endpoint("10.71.0.3", c.pne.port + 1))
    gw, server = Counters(c.gw), Counters(c.server)

    def send(data):
        sock.sendto(data, ("10.71.0.1", c.gw.port))
    good = c.session.seal(c.pne, 100, b"")
    bad = [good[:-1] + bytes([good[-1] ^ 1]), good[:24] + b"\xff" + good[25:],
           good[:1] + b"\0" + good[2:]]
    for data in bad:
        send(data)
    server.expect(rx_bad_tag=2, rx_seq_limit=1)
    send(good)
    send(good)
    server.expect(rx_bad_tag=2, rx_seq_limit=1, rx_keepalives=1, rx_duplicate=1)
    gw.expect(relay_packets=5, relay_bytes=5 * len(good))
    # Reordered and lost ones are a matter of the ends too.
    for seq in (110, 105, 107):
        send(c.session.seal(c.pne, seq, b""))
    server.expect(rx_bad_tag=2, rx_seq_limit=1, rx_keepalives=4, rx_duplicate=1)
    sock.close()
    c.delete()


def larger_than_the_link_goes_in_fragments():
    """The relay sends with DF clear, and takes in fragments that come."""
    for outer in (4, 6):
        c = Chain(outer)
        for end in ("gw", "server"):
            c.ns[end].sh("ip", "link", "set", "veth1", "mtu", 1300)
        tap = Tap(c.ns["server"], "veth1")
        gw = Counters(c.gw)
        check(" 1 received" in c.ping(1280 - 48), f"IPv{outer}: 1280 bytes do not pass")
        gw.expect(relay_packets=2, relay_bytes=2 * (1280 + 48))
        seen = [is_fragment(p) for p in tap.packets(0.3, outgoing=False)]
        equal(f"IPv{outer}: fragments", 2, sum(seen))
        tap.close()
        c.delete()


def narrow_path_beyond_the_relay():
    """A router far away tells the relay, which believes it of what it relays."""
    c = Chain(6, router=1300)
    wait_until(lambda: " 1 received" in c.ping(1280 - 48, check=False), "1280 bytes pass",
               20 * SLOW)
    route = c.ns["gw"].sh("ip", "-6", "route", "get", "fd73::2")
    check("mtu 1300" in route, f"the relay did not learn the MTU:\n{route}")
    c.delete()
    # Over IPv4 the router cuts.
    c = Chain(4, router=1300)
    check(" 1 received" in c.ping(1280 - 48), "IPv4: 1280 bytes do not pass")
    c.delete()


def big_datagram_comes_in_fragments():
    g = Gateway()
    for size in (2000, 20000, 60000):
        g.passes(g.pne, g.server, datagram(DATA, g.server.eid, g.pne.eid, 9,
                                           body=os.urandom(size)))
    g.delete()


if __name__ == "__main__":
    load_module()
    ktap.run([
        everything_passes_both_ways,
        hop_limit_is_used_up,
        malformed_is_not_relayed,
        only_what_is_allowed_passes,
        strangers_get_nothing,
        nothing_goes_back,
        unprotected_is_never_relayed,
        no_endpoint_and_no_route,
        peers_come_and_go,
        pne_that_moves_is_followed,
        congestion_mark_goes_on,
        trains_are_taken_apart,
        trains_go_on_whole,
        relaying_is_traced,
        stranger_asks,
        flood_of_inits_is_limited,
        entry_lets_both_ways,
        entry_is_not_for_who_is_known,
        entries_are_renewed_and_end,
        entries_are_few,
        rate_of_each_is_limited,
        rate_of_all_is_limited,
        interface_that_goes_is_forgotten,
        device_goes_under_traffic,
        session_goes_through,
        bulk_goes_through,
        tampering_is_seen_at_the_end,
        larger_than_the_link_goes_in_fragments,
        narrow_path_beyond_the_relay,
        big_datagram_comes_in_fragments,
    ])
