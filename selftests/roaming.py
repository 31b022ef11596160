#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Where a peer is: authenticated DATA moves its endpoint, and nothing else."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, nl
from cpnstest.ktap import check, equal, wait_until
from cpnstest.pair import PORT, Pair, load_module
from cpnstest.traffic import Counters, Events, drain, udp_socket
from ss1 import wire

OTHER4, OTHER6 = "10.77.0.3", "fd77::3"     # a second address of b
SECOND4, SECOND6 = "10.77.0.11", "fd77::11"  # a second address of a
HOME4, HOME6 = "10.77.0.2", "fd77::2"       # b's first


class Field:
    """One pair for all tests, and datagrams of b from wherever a test likes."""

    def __init__(self):
        self.p = Pair()
        self.a, self.b = self.p.a, self.p.b
        for side, v4, v6 in ((0, SECOND4, SECOND6), (1, OTHER4, OTHER6)):
            ns = self.p.ns[side]
            ns.ip(f"addr add {v4}/24 dev veth0", f"addr add {v6}/64 dev veth0 nodad")
        self.seq = 1000
        self.events = Events(self.a)

    def fresh(self):
        """A new session and the endpoint at home."""
        self.p.rekey()
        self.seq = 1000
        self.home()
        self.events.take("peer-endpoint-ntf")

    def home(self):
        self.a.set_peer(self.b, endpoint=nl.endpoint(HOME4, PORT))

    def keepalive(self, seq=None):
        """An empty DATA of b, with the next number if none is given."""
        if seq is None:
            self.seq += 1
            seq = self.seq
        return self.p.session.seal(self.b, seq, b"")

    def endpoint(self):
        return self.a.peer(self.b)["endpoint"]

    def place(self):
        """Address and port where a believes b to be."""
        ep = self.endpoint()
        return ep.get("addr4") or ep.get("addr6"), ep["port"]

    def expect_moved(self, address, port):
        wait_until(lambda: self.place() == (address, port),
                   f"endpoint at {address} {port}, it is at {self.endpoint()}")
        event = self.events.wait("peer-endpoint-ntf")
        equal("event", (self.b.eid, self.a.ifindex, port),
              (event["eid"], event["ifindex"], event["endpoint"]["port"]))
        equal("address in the event", address,
              event["endpoint"].get("addr4") or event["endpoint"].get("addr6"))

    def expect_not_moved(self):
        time.sleep(0.2)
        equal("endpoint", (HOME4, PORT), self.place())
        equal("events", [], self.events.take("peer-endpoint-ntf"))

    def expect_answer_at(self, sock, sender=None):
        """a's next DATA comes to this socket."""
        drain(sock)
        self.a.nl.do("peer-keepalive", ifindex=self.a.ifindex, eid=self.b.eid)
        datagram, source = sock.recvfrom(65535)
        equal("payload", b"", self.p.session.open(self.a, datagram))
        if sender:
            equal("source", (sender, PORT), source[:2])


FIELD = None


def field():
    global FIELD
    FIELD = FIELD or Field()
    FIELD.fresh()
    return FIELD


def follows_address_and_port():
    f = field()
    for address, port in ((HOME4, 7500), (OTHER4, 7500), (OTHER4, 7501), (HOME4, 7501)):
        sock = udp_socket(f.p.ns[1], address, port)
        sock.sendto(f.keepalive(), (f.p.address[0], PORT))
        f.expect_moved(address, port)
        f.expect_answer_at(sock)
        sock.close()


def follows_from_family_to_family():
    f = field()
    for address, to in ((OTHER6, "fd77::1"), (OTHER4, "10.77.0.1"), (HOME6, "fd77::1")):
        sock = udp_socket(f.p.ns[1], address, 7502)
        sock.sendto(f.keepalive(), (to, PORT))
        f.expect_moved(address, 7502)
        f.expect_answer_at(sock, to)
        sock.close()


def same_place_is_no_event():
    f = field()
    sock = udp_socket(f.p.ns[1], OTHER4, 7503)
    for _ in range(3):
        sock.sendto(f.keepalive(), (f.p.address[0], PORT))
    f.expect_moved(OTHER4, 7503)
    time.sleep(0.1)
    equal("events", [], f.events.take("peer-endpoint-ntf"))
    sock.close()


def old_packet_moves_nothing():
    f = field()
    f.p.ping()
    high = udp_socket(f.p.ns[1], OTHER4, 7504)
    high.sendto(f.keepalive(2000), (f.p.address[0], PORT))
    f.expect_moved(OTHER4, 7504)
    f.home()
    counters = Counters(f.a, f.b)
    high.sendto(f.keepalive(1999), (f.p.address[0], PORT))
    counters.expect(rx_keepalives=1)
    f.expect_not_moved()
    high.close()


def replay_moves_nothing():
    f = field()
    sock = udp_socket(f.p.ns[1], OTHER4, 7505)
    datagram = f.keepalive()
    sock.sendto(datagram, (f.p.address[0], PORT))
    f.expect_moved(OTHER4, 7505)
    f.home()
    counters = Counters(f.a, f.b)
    sock.sendto(datagram, (f.p.address[0], PORT))
    counters.expect(rx_duplicate=1)
    f.expect_not_moved()
    sock.close()


def forgery_moves_nothing():
    f = field()
    sock = udp_socket(f.p.ns[1], OTHER4, 7506)
    counters = Counters(f.a, f.b)
    datagram = bytearray(f.keepalive())
    datagram[-1] ^= 1
    sock.sendto(datagram, (f.p.address[0], PORT))
    counters.expect(rx_bad_tag=1)
    f.expect_not_moved()
    sock.close()


def other_messages_move_nothing():
    f = field()
    sock = udp_socket(f.p.ns[1], OTHER4, 7507)
    counters = Counters(f.a)
    for kind in (wire.INIT, wire.RESP, wire.CONFIRM, wire.COOKIE, wire.HINT):
        sid = wire.SID_NONE if kind == wire.INIT else b"\0\0\0\1"
        header = wire.Header(kind, sid, f.a.entity.eid, f.b.entity.eid)
        sock.sendto(header.pack() + bytes(40), (f.p.address[0], PORT))
    counters.expect(rx_control_dropped=5)
    f.expect_not_moved()
    sock.close()


def source_sticks_to_where_it_was_heard():
    f = field()
    for peer, first, second in ((OTHER4, "10.77.0.1", SECOND4), (OTHER6, "fd77::1", SECOND6)):
        sock = udp_socket(f.p.ns[1], peer, 7508)
        for to in (second, first, second):
            sock.sendto(f.keepalive(), (to, PORT))
            wait_until(lambda to=to: to in (f.endpoint().get("local4"),
                                            f.endpoint().get("local6")),
                       f"local address {to}, it is {f.endpoint()}")
            f.expect_answer_at(sock, to)
        sock.close()
    f.events.take("peer-endpoint-ntf")


def lost_source_is_replaced():
    f = field()
    ns = f.p.ns[0]
    for peer, second, length in ((OTHER4, SECOND4, 24), (OTHER6, SECOND6, 64)):
        sock = udp_socket(f.p.ns[1], peer, 7509)
        sock.sendto(f.keepalive(), (second, PORT))
        wait_until(lambda peer=peer: f.place() == (peer, 7509), "endpoint moved")
        f.expect_answer_at(sock, second)
        ns.ip(f"addr del {second}/{length} dev veth0")
        f.expect_answer_at(sock, "10.77.0.1" if length == 24 else "fd77::1")
        ns.ip(f"addr add {second}/{length} dev veth0" + (" nodad" if length == 64 else ""))
        sock.close()


def request_sets_it():
    f = field()
    sock = udp_socket(f.p.ns[1], OTHER4, 7510)
    f.a.set_peer(f.b, endpoint=nl.endpoint(OTHER4, 7510, local=SECOND4))
    equal("endpoint", (OTHER4, 7510), f.place())
    f.expect_answer_at(sock, SECOND4)
    equal("events", [], f.events.take("peer-endpoint-ntf"))
    sock.close()


def peer_changes_its_port():
    f = field()
    f.b.nl.do("dev-set", ifindex=f.b.ifindex, listen_port=PORT + 100)
    f.p.ns[1].sh("ping", "-c", 1, "-W", 5, f.a.overlay)
    f.expect_moved(HOME4, PORT + 100)
    f.p.ping(count=2)
    f.b.nl.do("dev-set", ifindex=f.b.ifindex, listen_port=PORT)
    f.p.ns[1].sh("ping", "-c", 1, "-W", 5, f.a.overlay)
    f.expect_moved(HOME4, PORT)


def peer_changes_its_address():
    f = field()
    ns = f.p.ns[1]
    f.p.ping()
    ns.sh("ip", "-4", "addr", "flush", "dev", "veth0")
    ns.ip("addr add 10.77.0.9/24 dev veth0")
    ns.sh("ping", "-c", 1, "-W", 5, f.a.overlay)
    f.expect_moved("10.77.0.9", PORT)
    check("3 received" in f.p.ping(count=3), "a does not reach b at its new place")


if __name__ == "__main__":
    load_module()
    ktap.run([
        follows_address_and_port,
        follows_from_family_to_family,
        same_place_is_no_event,
        old_packet_moves_nothing,
        replay_moves_nothing,
        forgery_moves_nothing,
        other_messages_move_nothing,
        source_sticks_to_where_it_was_heard,
        lost_source_is_replaced,
        request_sets_it,
        peer_changes_its_port,
        peer_changes_its_address,
    ])
