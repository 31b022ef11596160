# SPDX-License-Identifier: GPL-2.0
"""Inner packets for a test: echo and UDP over IPv6 and IPv4, built and read."""

import ipaddress
import struct
from dataclasses import dataclass

from .data import inner_addresses
from .errors import Drop

PROTO_ICMP = 1
PROTO_UDP = 17
PROTO_ICMPV6 = 58
ECHO = {4: (8, 0), 6: (128, 129)}       # IP version: (request, reply)
ICMP_PROTO = {4: PROTO_ICMP, 6: PROTO_ICMPV6}


def checksum(data):
    """The Internet checksum."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def _pseudo(src, dst, proto, length):
    if src.version == 6:
        return src.packed + dst.packed + struct.pack("!II", length, proto)
    return src.packed + dst.packed + struct.pack("!HH", proto, length)


def _ip(src, dst, proto, body, hops=64):
    if src.version == 6:
        return (struct.pack("!IHBB", 6 << 28, len(body), proto, hops) +
                src.packed + dst.packed + body)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0x4000, hops,
                         proto, 0) + src.packed + dst.packed
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + body


def _covered(src, dst, proto, body):
    """What a transport checksum covers; ICMP over IPv4 has no pseudo header."""
    if proto == PROTO_ICMP:
        return body
    return _pseudo(src, dst, proto, len(body)) + body


@dataclass(frozen=True)
class Echo:
    """An echo request or reply."""

    src: object
    dst: object
    request: bool
    ident: int
    seq: int
    data: bytes

    def pack(self):
        kind = ECHO[self.src.version][0 if self.request else 1]
        proto = ICMP_PROTO[self.src.version]
        body = struct.pack("!BBHHH", kind, 0, 0, self.ident, self.seq) + self.data
        total = checksum(_covered(self.src, self.dst, proto, body))
        return _ip(self.src, self.dst, proto,
                   body[:2] + struct.pack("!H", total) + body[4:])

    def answer(self):
        return Echo(self.dst, self.src, False, self.ident, self.seq, self.data)


@dataclass(frozen=True)
class Udp:
    """A UDP datagram."""

    src: object
    dst: object
    sport: int
    dport: int
    data: bytes

    def pack(self):
        body = struct.pack("!HHHH", self.sport, self.dport, 8 + len(self.data),
                           0) + self.data
        total = checksum(_covered(self.src, self.dst, PROTO_UDP, body)) or 0xffff
        return _ip(self.src, self.dst, PROTO_UDP,
                   body[:6] + struct.pack("!H", total) + body[8:])

    def answer(self):
        return Udp(self.dst, self.src, self.dport, self.sport, self.data)


class BadChecksum(Exception):
    """The packet arrived changed, or its sender cannot count."""


def read(packet):
    """An Echo or Udp, or None for anything else; raises BadChecksum."""
    try:
        src, dst = inner_addresses(packet)
    except Drop:
        return None
    if src.version == 6:
        proto, body = packet[6], packet[40:]
    else:
        header_len = (packet[0] & 0x0f) * 4
        proto, body = packet[9], packet[header_len:]
        if checksum(packet[:header_len]):
            raise BadChecksum("IPv4 header")
    if proto not in (PROTO_UDP, ICMP_PROTO[src.version]) or len(body) < 8:
        return None
    no_checksum = proto == PROTO_UDP and src.version == 4 and body[6:8] == b"\0\0"
    if not no_checksum and checksum(_covered(src, dst, proto, body)):
        raise BadChecksum("UDP" if proto == PROTO_UDP else "ICMP")
    if proto == PROTO_UDP:
        sport, dport = struct.unpack("!HH", body[:4])
        return Udp(src, dst, sport, dport, body[8:])
    kind, code, _, ident, seq = struct.unpack("!BBHHH", body[:8])
    if code or kind not in ECHO[src.version]:
        return None
    return Echo(src, dst, kind == ECHO[src.version][0], ident, seq, body[8:])


def networks(addresses):
    """Single addresses as networks of one."""
    return [ipaddress.ip_network(str(address)) for address in addresses]
