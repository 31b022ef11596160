# SPDX-License-Identifier: GPL-2.0
"""Two entities with a session whose keys the test made itself, so that it can
seal and open their datagrams too."""

import os
import socket

from ss1 import data, wire
from ss1.identity import Entity, domain_of, link_local, overlay_address, overlay_prefix
from ss1.inner import Udp
from ss1.keys import TrafficKeys
from ss1.suites import CTR_HMAC, SUITES

from . import nl, rtnl
from .netns import Netns, join, sh

SERVER = b"server@home.example"
PORT = 7400
OUTER4 = ("10.77.0.1/24", "10.77.0.2/24")
OUTER6 = ("fd77::1/64", "fd77::2/64")


def random_keys(suite):
    """Fresh traffic keys of one direction."""
    protection = SUITES[suite].protection
    return TrafficKeys(protection, os.urandom(32), os.urandom(12),
                       os.urandom(32) if protection == CTR_HMAC else b"")


def random_sid():
    return int.from_bytes(os.urandom(4), "big") or 1


def key_attributes(way, keys):
    """Traffic keys as key-new wants them; way is tx or rx."""
    attributes = {f"{way}_key": keys.key, f"{way}_iv": keys.iv}
    if keys.mac_key:
        attributes[f"{way}_mac_key"] = keys.mac_key
    return attributes


class End:
    """One entity: its device cpns0 in a namespace, and its netlink client."""

    def __init__(self, netns, name, role, port=PORT, dev="cpns0", domain_of_server=SERVER):
        self.netns = netns
        self.entity = Entity(name, role)
        self.eid = int.from_bytes(self.entity.eid, "big")
        self.domain = domain_of(domain_of_server)
        self.dev = dev
        self.port = port
        self.overlay = overlay_address(self.domain, self.entity.eid)
        self.link_local = link_local(self.entity.eid)
        self.ifindex = rtnl.add(netns, dev, up=False)
        self.nl = nl.Client(netns)
        self.nl.do("dev-set", ifindex=self.ifindex, eid=self.eid, listen_port=port,
                   overlay_prefix=overlay_prefix(self.domain))
        rtnl.set_up(netns, self.ifindex)
        rtnl.add_address(netns, self.ifindex, f"{self.overlay}/128")
        rtnl.add_address(netns, self.ifindex, f"{self.link_local}/64")

    def add_peer(self, other, address=None, **attributes):
        """Makes the other end a peer and routes its overlay address."""
        if address:
            attributes["endpoint"] = nl.endpoint(address, other.port)
        self.nl.do("peer-new", ifindex=self.ifindex, eid=other.eid, **attributes)
        rtnl.add_route(self.netns, f"{other.overlay}/128", self.ifindex)

    def set_peer(self, other, **attributes):
        self.nl.do("peer-set", ifindex=self.ifindex, eid=other.eid, **attributes)

    def peer(self, other):
        return self.nl.do("peer-get", ifindex=self.ifindex, eid=other.eid)

    def stats(self, other=None):
        """All counters of the device, or of a peer, by name."""
        answer = self.peer(other) if other else self.nl.do("dev-get", ifindex=self.ifindex)
        return answer["stats"]

    def keys(self):
        return self.nl.dump("key-get", ifindex=self.ifindex)

    def close(self):
        self.nl.close()


class Session:
    """Keys and sids of one session between two ends; a is the initiator."""

    def __init__(self, a, b, suite=0x0001):
        self.a, self.b, self.suite = a, b, suite
        self.sid = {a: random_sid(), b: random_sid()}
        self.tx = {a: random_keys(suite), b: random_keys(suite)}
        self.key_id = os.urandom(16)

    def other(self, end):
        return self.b if end is self.a else self.a

    def install_at(self, end, slot="current", **attributes):
        """key-new at one end."""
        other = self.other(end)
        if end is self.a:
            attributes.setdefault("initiator", True)
        end.nl.do("key-new", ifindex=end.ifindex, eid=other.eid, slot=slot,
                  local_sid=self.sid[end], remote_sid=self.sid[other], suite=self.suite,
                  key_id=self.key_id, **key_attributes("tx", self.tx[end]),
                  **key_attributes("rx", self.tx[other]), **attributes)

    def install(self, **attributes):
        """The responder first, as in a handshake."""
        self.install_at(self.b, **attributes)
        self.install_at(self.a, **attributes)

    def seal(self, sender, seq, payload, **options):
        """A datagram as the sender would send it."""
        receiver = self.other(sender)
        return data.seal(self.tx[sender], self.sid[receiver].to_bytes(4, "big"),
                         receiver.entity.eid, sender.entity.eid, seq, payload, **options)

    def open(self, sender, datagram):
        """The payload of a datagram that the sender sent; raises Drop."""
        return data.unseal(self.tx[sender], wire.parse(datagram))


class Pair:
    """Two namespaces, a veth between them, an entity in each, one session."""

    def __init__(self, suite=0x0001, outer=4, mtu=1500, peer=None, session=True):
        self.ns = Netns("a"), Netns("b")
        join(*self.ns, (OUTER4, OUTER6), mtu=mtu)
        self.address = [pair[outer == 6] for pair in zip(
            (a.split("/")[0] for a in OUTER4), (a.split("/")[0] for a in OUTER6))]
        self.a = End(self.ns[0], b"server@home.example", 1)
        self.b = End(self.ns[1], b"gw-1@home.example", 2)
        self.a.add_peer(self.b, self.address[1], **(peer or {}))
        self.b.add_peer(self.a, self.address[0], **(peer or {}))
        self.session = None
        if session:
            self.rekey(suite)

    def rekey(self, suite=0x0001, **attributes):
        """Installs a new session at both ends."""
        self.session = Session(self.a, self.b, suite)
        self.session.install(**attributes)
        return self.session

    def ping(self, size=56, count=1, to=None, check=True):
        """Pings b from a through the session."""
        return self.ns[0].sh("ping", "-c", count, "-i", "0.05", "-W", 2, "-s", size,
                             to or self.b.overlay, check=check)

    def raw_socket(self, side, port=PORT + 1):
        """A UDP socket of a stranger at one side's address."""
        family = socket.AF_INET6 if ":" in self.address[side] else socket.AF_INET
        with self.ns[side].enter():
            sock = socket.socket(family, socket.SOCK_DGRAM)
            sock.bind((self.address[side], port))
        sock.settimeout(5)
        return sock

    def inject(self, sock, to, datagram):
        """Sends bytes to an end from a socket of raw_socket()."""
        sock.sendto(datagram, (self.address[0 if to is self.a else 1], to.port))

    def udp(self, sender, payload=b"hello", source=None, destination=None, port=7):
        """An inner UDP packet from one end to the other, as bytes."""
        receiver = self.b if sender is self.a else self.a
        return Udp(source or sender.overlay, destination or receiver.overlay,
                   4000, port, payload).pack()

    def delete(self):
        self.a.close()
        self.b.close()
        for ns in self.ns:
            ns.delete()


def load_module():
    sh("modprobe", "cpns")
    nl.forget_families()
