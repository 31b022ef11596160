# SPDX-License-Identifier: GPL-2.0
"""One device and the test itself at the other end, over loopback: the test
seals, forges and reads every datagram."""

import socket

from ss1.identity import Entity, domain_of, link_local, overlay_address, overlay_prefix
from ss1.inner import Udp

from . import nl, rtnl
from .counters import Watch
from .netns import Netns
from .pair import PORT, SERVER, Session

LOOPBACK = {4: "127.0.0.1", 6: "::1"}
SO_RCVBUFFORCE = 33
# Nothing is to be sent that the test did not cause.
QUIET = {"passive_keepalive": 86400000, "timeout": 86400000}


class Remote:
    """The entity that the test plays."""

    def __init__(self, name=b"gw-1@home.example", role=2, domain=domain_of(SERVER)):
        self.entity = Entity(name, role)
        self.eid = int.from_bytes(self.entity.eid, "big")
        self.overlay = overlay_address(domain, self.entity.eid)
        self.link_local = link_local(self.entity.eid)


class Local:
    """The device; may stand in for pair.End in a Session."""

    def __init__(self, netns, name=b"server@home.example", role=1, port=PORT,
                 dev="cpns0", client=None, addresses=True):
        self.netns, self.dev, self.port = netns, dev, port
        self.entity = Entity(name, role)
        self.eid = int.from_bytes(self.entity.eid, "big")
        domain = domain_of(SERVER)
        self.overlay = overlay_address(domain, self.entity.eid)
        self.link_local = link_local(self.entity.eid)
        self.ifindex = rtnl.add(netns, dev, up=False)
        self.nl = client or nl.Client(netns)
        self.nl.do("dev-set", ifindex=self.ifindex, eid=self.eid, listen_port=port,
                   overlay_prefix=overlay_prefix(domain))
        commands = [f"link set {dev} up"]
        if addresses:
            commands += [f"addr add {self.overlay}/128 dev {dev} nodad",
                         f"addr add {self.link_local}/64 dev {dev} nodad"]
        netns.ip(*commands)

    def stats(self, remote=None):
        if remote is None:
            return self.nl.do("dev-get", ifindex=self.ifindex)["stats"]
        return self.peer(remote)["stats"]

    def peer(self, remote):
        return self.nl.do("peer-get", ifindex=self.ifindex, eid=remote.eid)

    def keys(self):
        return self.nl.dump("key-get", ifindex=self.ifindex)


class Lone:
    """A device, one peer played by the test, and a session."""

    def __init__(self, suite=0x0001, outer=4, initiator=True, peer=None, session=True,
                 **key):
        self.ns = Netns("lone")
        self.outer = outer
        self.local = Local(self.ns)
        self.remote = Remote()
        self.sock = self.socket()
        # Takes what nobody else does, so that nothing is answered.
        self.sink = self.inner_socket(address="::")
        self.local.nl.do("peer-new", ifindex=self.local.ifindex, eid=self.remote.eid,
                         endpoint=self.endpoint(), **{**QUIET, **(peer or {})})
        self.ns.ip(f"route add {self.remote.overlay}/128 dev {self.local.dev}")
        self.device = Watch(self.local)
        self.peer = Watch(self.local, self.remote)
        self.initiator = initiator
        self.session = None
        if session:
            self.rekey(suite, **key)

    def socket(self, port=PORT + 1):
        """A UDP socket at the remote end, or of a stranger."""
        family = socket.AF_INET6 if self.outer == 6 else socket.AF_INET
        with self.ns.enter():
            sock = socket.socket(family, socket.SOCK_DGRAM)
            sock.bind((LOOPBACK[self.outer], port))
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        sock.settimeout(5)
        return sock

    def endpoint(self, port=PORT + 1):
        return nl.endpoint(LOOPBACK[self.outer], port)

    def set_peer(self, **attributes):
        self.local.nl.do("peer-set", ifindex=self.local.ifindex, eid=self.remote.eid,
                         **attributes)

    def rekey(self, suite=0x0001, slot="current", **attributes):
        """A new session, installed at the device."""
        ends = (self.local, self.remote) if self.initiator else (self.remote, self.local)
        self.session = Session(*ends, suite)
        self.session.install_at(self.local, slot=slot, **attributes)
        return self.session

    def packet(self, payload=b"hello", source=None, destination=None, port=7):
        """An inner UDP packet from the remote entity."""
        return Udp(source or self.remote.overlay, destination or self.local.overlay,
                   4000, port, payload).pack()

    def seal(self, seq, payload=None, session=None, **options):
        """A datagram as the remote entity would send it."""
        if payload is None:
            payload = self.packet()
        return (session or self.session).seal(self.remote, seq, payload, **options)

    def send(self, datagram, sock=None):
        (sock or self.sock).sendto(datagram, (LOOPBACK[self.outer], self.local.port))

    def give(self, seq, payload=None, session=None, **options):
        """Seals and sends."""
        self.send(self.seal(seq, payload, session, **options))

    def expect(self, what="", device_only=(), **expected):
        """The counters that have risen since the last time, at the device and
        at the peer; device_only names those that no peer is known for."""
        self.device.expect(what, **expected)
        self.peer.expect(what, **{k: v for k, v in expected.items()
                                  if k not in device_only})

    def receive(self):
        """The next datagram from the device."""
        return self.sock.recv(1 << 16)

    def open(self, datagram, session=None):
        return (session or self.session).open(self.local, datagram)

    def silent(self):
        """Nothing waits to be read at the remote end."""
        self.sock.setblocking(False)
        try:
            return not self.sock.recv(1 << 16)
        except BlockingIOError:
            return True
        finally:
            self.sock.settimeout(5)

    def inner_socket(self, port=7, address=None):
        """A UDP socket of this host, for what arrives inside."""
        address = str(address or self.local.overlay)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.ns.enter():
            sock = socket.socket(family, socket.SOCK_DGRAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        sock.settimeout(5)
        return sock

    def delete(self):
        self.local.nl.close()
        self.ns.delete()
