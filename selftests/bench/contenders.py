# SPDX-License-Identifier: GPL-2.0
"""The tunnels that are compared, all between the same two namespaces, with the
same inner MTU. Each has a name, the inner addresses of both ends, and begin() and
end() around what is measured of it."""

import os
import secrets
import socket

from cpnstest import nl
from cpnstest.netns import join, sh

# What fits 1500 bytes outside with UDP over IPv4 and the 48 bytes of CPNS.
INNER_MTU = 1424
MSS = INNER_MTU - 20 - 32       # IP; TCP with timestamps

# The first of the suites with each protection.
SUITES = {"gcm": 0x0001, "chacha": 0x0002, "ctr-hmac": 0x0003}
# Classes for all packets: mode, and units of 4 bytes in clear.
MODES = {"encrypt": None, "prefix": ("encrypt", 10), "auth": ("auth", 0)}

UDP_ENCAP, UDP_ENCAP_ESPINUDP = 100, 2
SOL_UDP = socket.IPPROTO_UDP


class Contender:
    """Between pair.ns[0] and pair.ns[1]; the address of each end is its own."""

    def __init__(self, name, pair, address):
        self.name = name
        self.pair = pair
        self.address = address

    @property
    def ns(self):
        return self.pair.ns

    def begin(self):
        """Before it is measured."""

    def end(self):
        """What would cost the others anything goes."""


class Veth(Contender):
    """No tunnel at all."""

    def __init__(self, pair):
        super().__init__("veth", pair, ("10.90.0.1", "10.90.0.2"))
        join(*self.ns, [tuple(a + "/24" for a in self.address)], mtu=INNER_MTU, dev="plain0")


def wireguard_between(ends, dev, inner, outer, ports):
    """A tunnel between two namespaces: inner addresses with their prefix lengths,
    what else each takes, outer addresses."""
    keys = []
    for _ in range(2):
        private = sh("wg", "genkey").strip()
        keys.append((private, sh("wg", "pubkey", input=private).strip()))
    for side, (ns, (address, allowed)) in enumerate(zip(ends, inner)):
        ns.sh("ip", "link", "add", dev, "mtu", INNER_MTU, "type", "wireguard")
        ns.sh("ip", "addr", "add", address, "dev", dev)
        ns.sh("wg", "set", dev, "listen-port", ports[side], "private-key", "/proc/self/fd/0",
              "peer", keys[1 - side][1], "allowed-ips", allowed,
              "endpoint", f"{outer[1 - side]}:{ports[1 - side]}", input=keys[side][0])
        ns.sh("ip", "link", "set", dev, "up")


class WireGuard(Contender):
    def __init__(self, pair):
        super().__init__("wireguard", pair, ("10.88.0.1", "10.88.0.2"))
        sh("modprobe", "wireguard")
        wireguard_between(self.ns, "wg0", [(a + "/24", b + "/32") for a, b in
                                           (self.address, self.address[::-1])],
                          pair.address, (7500, 7500))


class Macsec(Contender):
    """With the cipher that our first suite has; it has no IP and UDP header."""

    def __init__(self, pair):
        super().__init__("macsec", pair, ("10.87.0.1", "10.87.0.2"))
        sh("modprobe", "macsec")
        mac = [ns.sh("ip", "-br", "link", "show", "dev", "veth0").split()[2] for ns in self.ns]
        key = [secrets.token_hex(32) for _ in range(2)]
        for side, ns in enumerate(self.ns):
            other = 1 - side
            ns.ip("link add link veth0 macsec0 type macsec port 1 cipher gcm-aes-256 encrypt on",
                  f"link set macsec0 mtu {INNER_MTU} up",
                  f"addr add {self.address[side]}/24 dev macsec0")
            for words in (f"tx sa 0 pn 1 on key 00 {key[side]}",
                          f"rx port 1 address {mac[other]}",
                          f"rx port 1 address {mac[other]} sa 0 pn 1 on key 01 {key[other]}"):
                ns.sh("ip", "macsec", "add", "macsec0", *words.split())


class Esp(Contender):
    """An ESP tunnel, in UDP or not. Its policies slow everybody's packets, so they
    are there only while it is measured."""

    def __init__(self, pair, udp=False):
        super().__init__("esp-udp" if udp else "esp", pair,
                         ("10.86.0.1", "10.86.0.2") if udp else ("10.85.0.1", "10.85.0.2"))
        for module in ("esp4", "xfrm_user", "seqiv"):
            sh("modprobe", module)
        self.udp = udp
        self.sockets = []
        for side, ns in enumerate(self.ns):
            ns.ip(f"addr add {self.address[side]}/32 dev lo",
                  f"route add {self.address[1 - side]}/32 via {pair.address[1 - side]} dev veth0 "
                  f"src {self.address[side]} mtu {INNER_MTU}")

    def _states(self, ns, side, keys):
        encap = "encap espinudp 4500 4500 0.0.0.0 " if self.udp else ""
        outer = self.pair.address
        for way in range(2):
            ends = f"src {outer[way]} dst {outer[1 - way]}"
            ns.ip(f"xfrm state add {ends} proto esp spi {0x1000 + way} mode tunnel {encap}"
                  f"replay-window 32 aead rfc4106(gcm(aes)) 0x{keys[way]} 128")
            selector = f"src {self.address[way]}/32 dst {self.address[1 - way]}/32"
            ns.ip(f"xfrm policy add {selector} dir {'out' if way == side else 'in'} "
                  f"tmpl {ends} proto esp mode tunnel")

    def begin(self):
        keys = [secrets.token_hex(36) for _ in range(2)]
        for side, ns in enumerate(self.ns):
            self._states(ns, side, keys)
            if self.udp:
                with ns.enter():
                    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sock.bind((self.pair.address[side], 4500))
                sock.setsockopt(SOL_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP)
                self.sockets.append(sock)

    def end(self):
        for ns in self.ns:
            ns.ip("xfrm policy flush", "xfrm state flush")
        for sock in self.sockets:
            sock.close()
        self.sockets = []


def cpns_ipv4(pair, address):
    """Inner IPv4 addresses for the pair, as the others have them."""
    for side, (ns, end, other) in enumerate(((pair.ns[0], pair.a, pair.b),
                                             (pair.ns[1], pair.b, pair.a))):
        ns.ip(f"link set cpns0 mtu {INNER_MTU}", f"addr add {address[side]}/24 dev cpns0")
        end.set_peer(other, inner_src=nl.prefixes(f"{address[1 - side]}/32"))


class Cpns(Contender):
    """One suite in one mode. All share the pair's devices, which cpns_ipv4() gave
    their addresses."""

    ADDRESS = ("10.99.0.1", "10.99.0.2")

    def __init__(self, pair, suite="gcm", mode="encrypt"):
        super().__init__(f"cpns-{suite}" + ("" if mode == "encrypt" else f"-{mode}"), pair,
                         self.ADDRESS)
        self.suite, self.mode = suite, mode

    def begin(self):
        self.pair.rekey(SUITES[self.suite])
        chosen = MODES[self.mode]
        for end, other in ((self.pair.a, self.pair.b), (self.pair.b, self.pair.a)):
            end.nl.do("class-del", ifindex=end.ifindex)
            end.set_peer(other, min_mode="encrypt" if chosen is None else chosen[0],
                         max_clear=chosen[1] if chosen else 0)
            if chosen:
                end.nl.do("class-new", ifindex=end.ifindex, prio=1, mark=0, mask=0,
                          mode=chosen[0], clear=chosen[1] or None)


def bare_aead(module, suite="gcm", length=INNER_MTU, auth=False):
    """Instructions that the AEAD alone takes to seal and to open a packet."""
    sh("insmod", module, f"suite={SUITES[suite]}", f"len={length}", f"auth={int(auth)}")
    try:
        where = "/sys/module/cpns_aead_cost/parameters"
        return [int(open(os.path.join(where, way), encoding="ascii").read())
                for way in ("seal_ns", "open_ns")]
    finally:
        sh("rmmod", "cpns_aead_cost")
