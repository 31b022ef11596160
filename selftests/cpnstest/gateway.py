# SPDX-License-Identifier: GPL-2.0
"""A PN GW that relays, over loopback: the test plays the Server, PNE and
strangers, and reads what goes between them byte by byte."""

import os
import socket

from ss1.identity import eid_of
from ss1.wire import FLAG_U, HOP_LIMIT

from . import nl
from .counters import Watch
from .ktap import check, equal
from .lone import LOOPBACK, QUIET, SO_RCVBUFFORCE, Local, Remote
from .netns import Netns

INIT, RESP, CONFIRM, COOKIE, HINT, DATA = 1, 2, 3, 4, 5, 8
SERVER_PORT, PNE_PORT, STRANGER_PORT = 7500, 7501, 7600


def datagram(kind, dst, src, sid=0, hops=HOP_LIMIT, flags=0, body=None):
    """What a relay sees: a header that is right, and a body of no meaning. The
    sid of an INIT is the one that it chose."""
    if body is None:
        body = os.urandom(100)
    if kind == INIT:
        body, sid = sid.to_bytes(4, "big") + body, 0
    if flags & FLAG_U:
        body = bytes(8) + body
    return (bytes([0x10 | kind, flags, hops, 0]) + sid.to_bytes(4, "big") +
            dst.to_bytes(8, "big") + src.to_bytes(8, "big") + body)


def one_hop_less(data):
    return data[:2] + bytes([data[2] - 1]) + data[3:]


def eid(name):
    return int.from_bytes(eid_of(name.encode()), "big")


class Gateway:
    """A device, the Server and a PNE with a way to it, each a socket of the
    test; who is no peer is made with stranger()."""

    def __init__(self, outer=4, pan=False):
        self.ns = Netns("gw")
        self.outer = outer
        self.lo = self.ns.ifindex("lo")
        self.local = Local(self.ns, b"gw-1@home.example", 2)
        self.server = Remote(b"server@home.example", 1)
        self.pne = Remote(b"pne-1@home.example", 3)
        self.sock = {self.server: self.socket(SERVER_PORT), self.pne: self.socket(PNE_PORT)}
        self.add_peer(self.server, SERVER_PORT)
        self.add_peer(self.pne, PNE_PORT, relay_to=self.server.eid)
        self.device = Watch(self.local)
        self.owner = None
        if pan:
            self.set(relay_pan={"ifindex": [self.lo]})
            self.owner = nl.Client(self.ns)
            self.owner.do("msg-bind", ifindex=self.local.ifindex)

    def set(self, **attributes):
        self.local.nl.do("dev-set", ifindex=self.local.ifindex, **attributes)

    def add_peer(self, remote, port=None, **attributes):
        if port:
            attributes["endpoint"] = nl.endpoint(LOOPBACK[self.outer], port)
        self.local.nl.do("peer-new", ifindex=self.local.ifindex, eid=remote.eid,
                         **{**QUIET, **attributes})

    def set_peer(self, remote, **attributes):
        self.local.nl.do("peer-set", ifindex=self.local.ifindex, eid=remote.eid, **attributes)

    def del_peer(self, remote):
        self.local.nl.do("peer-del", ifindex=self.local.ifindex, eid=remote.eid)

    def socket(self, port, address=None):
        family = socket.AF_INET6 if self.outer == 6 else socket.AF_INET
        with self.ns.enter():
            sock = socket.socket(family, socket.SOCK_DGRAM)
            sock.bind((address or LOOPBACK[self.outer], port))
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        sock.settimeout(5)
        return sock

    def send(self, sock, data):
        """From a socket, or from the place of an entity."""
        sock = self.sock.get(sock, sock)
        sock.sendto(data, (LOOPBACK[self.outer], self.local.port))

    def silent(self, *socks):
        """Nothing has come to any of these, or to anybody."""
        for sock in socks or self.sock.values():
            sock = self.sock.get(sock, sock)
            sock.setblocking(False)
            try:
                got = sock.recv(1 << 16)
                raise AssertionError(f"came to {sock.getsockname()}: {got.hex()}")
            except BlockingIOError:
                pass
            finally:
                sock.settimeout(5)

    def passes(self, sender, receiver, data, what="", peer=None, count=1):
        """A datagram arrives with one hop less, from the device's port, and is
        counted at the device and at the peer that it came from."""
        watch = Watch(self.local, peer) if peer else None
        sock = self.sock.get(receiver, receiver)
        for _ in range(count):
            self.send(sender, data)
            got, source = sock.recvfrom(1 << 16)
            equal(f"{what}: relayed", one_hop_less(data).hex(), got.hex())
            equal(f"{what}: comes from", self.local.port, source[1])
        counters = {"relay_packets": count, "relay_bytes": count * len(data)}
        self.device.expect(what, **counters)
        if watch:
            watch.expect(what, **counters)

    def dropped(self, sender, data, counter, what="", peer=None):
        """A datagram is dropped for this cause, and nobody gets anything."""
        watch = Watch(self.local, peer) if peer else None
        self.send(sender, data)
        self.device.expect(what or counter, **{counter: 1})
        if watch:
            watch.expect(what or counter, **{counter: 1})
        self.silent()

    # ---- provisional entries ----

    def told(self, sock, data, what=""):
        """An INIT that the daemon is told of, as its own are: returns where it
        came from."""
        self.send(sock, data)
        self.device.expect(what, rx_control=1)
        events = self.owner.events(5)
        equal(f"{what}: messages", ["msg-ntf"], [name for name, _ in events])
        message = events[0][1]
        equal(f"{what}: datagram", data.hex(), message["datagram"].hex())
        self.silent()
        return message["endpoint"]

    def endpoint_of(self, sock):
        address, port = sock.getsockname()[:2]
        return {**nl.endpoint(address, port), "ifindex": self.lo}

    def admit(self, who, sid, sock, server=None, **attributes):
        """relay-new, as the daemon does when it was told."""
        self.local.nl.do("relay-new", ifindex=self.local.ifindex, eid=who, sid=sid,
                         server_eid=(server or self.server).eid,
                         **{"endpoint": self.endpoint_of(sock), **attributes})

    def entries(self, **attributes):
        return self.local.nl.dump("relay-get", ifindex=self.local.ifindex, **attributes)

    def entry(self, who, sid):
        return self.local.nl.do("relay-get", ifindex=self.local.ifindex, eid=who, sid=sid)

    def refused(self, what, number, word, operation, **attributes):
        try:
            self.local.nl.do(operation, ifindex=self.local.ifindex, **attributes)
        except nl.Refused as err:
            equal(f"{what}: errno ({err.message})", number, err.errno)
            check(word in err.message, f"{what}: says {err.message!r}, not {word!r}")
        else:
            raise AssertionError(f"{what}: was not refused")

    def delete(self):
        for sock in self.sock.values():
            sock.close()
        if self.owner:
            self.owner.close()
        self.local.nl.close()
        self.ns.delete()
