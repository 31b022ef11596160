# SPDX-License-Identifier: GPL-2.0
"""What passes a device, seen by a packet socket."""

import select
import socket
import struct
from dataclasses import dataclass

ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
ETHERNET = 14


@dataclass(frozen=True)
class Outer:
    """A UDP datagram with the fields of its IP header that tests look at."""

    source: bytes
    destination: bytes
    sport: int
    dport: int
    checksum: int
    ttl: int
    tos: int
    df: bool
    payload: bytes


def parse_udp(packet):
    """An Outer, or None where the IP packet is no whole UDP datagram."""
    if packet[0] >> 4 == 4:
        header = (packet[0] & 15) * 4
        flags, = struct.unpack_from("!H", packet, 6)
        if packet[9] != socket.IPPROTO_UDP or flags & 0x3fff:
            return None
        total, = struct.unpack_from("!H", packet, 2)
        source, destination = packet[12:16], packet[16:20]
        ttl, tos, df = packet[8], packet[1], bool(flags & 0x4000)
    else:
        if packet[6] != socket.IPPROTO_UDP:
            return None
        header = 40
        total = 40 + struct.unpack_from("!H", packet, 4)[0]
        source, destination = packet[8:24], packet[24:40]
        ttl, df = packet[7], True
        tos = (packet[0] & 15) << 4 | packet[1] >> 4
    sport, dport, length, checksum = struct.unpack_from("!HHHH", packet, header)
    if length != total - header:
        raise AssertionError(f"UDP length {length}, IP says {total - header}")
    return Outer(source, destination, sport, dport, checksum, ttl, tos, df,
                 packet[header + 8:total])


class Capture:
    """All packets of a device from here on, both ways."""

    def __init__(self, netns, dev, link=ETHERNET):
        with netns.enter():
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                      socket.htons(ETH_P_ALL))
            self.sock.bind((dev, ETH_P_ALL))
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.link = link

    def packets(self, seconds=0):
        """IP packets that have come, waiting for the first."""
        found = []
        while select.select([self.sock], [], [], 0 if found else seconds)[0]:
            found.append(self.sock.recv(1 << 17)[self.link:])
        return found

    def udp(self, seconds=0):
        """UDP datagrams that have come."""
        return [u for u in map(parse_udp, filter(None, self.packets(seconds))) if u]

    def close(self):
        self.sock.close()
