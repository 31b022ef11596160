#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What is on the wire: each byte of the datagrams between two devices, opened
with an implementation that shares nothing with the module."""

import os
import socket
import struct
import sys

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap
from cpnstest.capture import Capture
from cpnstest.ktap import check, equal
from cpnstest.lone import Lone
from cpnstest.pair import PORT, Pair, load_module
from ss1 import inner

HEADER, TAG = 32, 16
SECRET = b"A secret that nobody on the way may read. "
FLAG_E = 1


def header(sender, receiver, sid, seq, flags, clear):
    """The 32 bytes in front of a payload, by the protocol's table."""
    return struct.pack("!BBBBIQQQ", 0x18, flags, 8, clear, sid, receiver.eid, sender.eid, seq)


class Line:
    """A pair, with an ear on the wire and one on each device."""

    def __init__(self, outer):
        self.pair = pair = Pair(outer=outer, session=False, peer={"min_mode": "auth"})
        self.outer = outer
        self.wire = Capture(pair.ns[1], "veth0")
        self.inside = {end: Capture(end.netns, end.dev, link=0) for end in (pair.a, pair.b)}
        self.socks = {end: self.socket(end) for end in (pair.a, pair.b)}
        self.seq = {}

    @staticmethod
    def socket(end):
        with end.netns.enter():
            sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            sock.bind((str(end.overlay), 4000))
        return sock

    def rekey(self, suite):
        self.wire.packets()
        self.seq = {self.pair.a: 0, self.pair.b: 0}
        self.pair.rekey(suite)

    def send(self, sender, payload):
        """One inner UDP datagram; returns the datagram outside and the packet
        that came out of the other device."""
        receiver = self.pair.session.other(sender)
        self.inside[receiver].packets()
        self.socks[sender].sendto(payload, (str(receiver.overlay), 4000))
        datagram = self.next(sender)
        arrived = [p for p in self.inside[receiver].packets(5) if p[6] == socket.IPPROTO_UDP]
        equal("packets out of the device", 1, len(arrived))
        equal("data inside", payload, inner.read(arrived[0]).data)
        return datagram, arrived[0]

    def next(self, sender):
        """The one datagram that a sender has put on the wire."""
        found = ktap.wait_until(lambda: [u for u in self.wire.udp(0.2) if u.dport == PORT],
                                "a datagram on the wire")
        equal("datagrams on the wire", 1, len(found))
        outer = found[0]
        equal("source address", self.address(sender), outer.source)
        equal("source port", PORT, outer.sport)
        check(outer.checksum, "the UDP checksum is 0")
        equal("TTL", 64, outer.ttl)
        equal("TOS", 0, outer.tos)
        return outer.payload

    def address(self, end):
        family = socket.AF_INET6 if self.outer == 6 else socket.AF_INET
        return socket.inet_pton(family, self.pair.address[0 if end is self.pair.a else 1])

    def check(self, sender, datagram, flags, clear, packet):
        """Header, sequence number and length to the byte, and what it opens to."""
        session = self.pair.session
        receiver = session.other(sender)
        expected = header(sender, receiver, session.sid[receiver], self.seq[sender], flags, clear)
        equal("header and seq", expected.hex(), datagram[:HEADER].hex())
        equal("length", HEADER + len(packet) + TAG, len(datagram))
        equal("opened", packet.hex(), session.open(sender, datagram).hex())
        self.seq[sender] += 1

    def set_class(self, end, mode, clear=None):
        """How all packets of a device are sent from here on."""
        end.nl.do("class-new", ifindex=end.ifindex, prio=0, mark=0, mask=0, mode=mode,
                  clear=clear)

    def delete(self):
        for thing in (self.wire, *self.inside.values(), *self.socks.values()):
            thing.close()
        self.pair.delete()


def hidden(packet, datagram, start):
    """No 8 bytes of the packet from start on are readable outside."""
    body = datagram[HEADER:-TAG]
    for at in range(start, len(packet) - 7):
        check(packet[at:at + 8] not in body, f"bytes {at} to {at + 8} are readable")


def encrypt(line, sender):
    line.set_class(sender, "encrypt")
    datagram, packet = line.send(sender, SECRET * 4)
    line.check(sender, datagram, FLAG_E, 0, packet)
    hidden(packet, datagram, 0)


def clear_prefix(line, sender):
    for policy in (1, 10, 12):
        line.set_class(sender, "encrypt", policy)
        datagram, packet = line.send(sender, SECRET * 4)
        line.check(sender, datagram, FLAG_E, policy, packet)
        equal("clear prefix", packet[:4 * policy].hex(),
              datagram[HEADER:HEADER + 4 * policy].hex())
        hidden(packet, datagram, 4 * policy)
        check(packet[4 * policy:4 * policy + 4] !=
              datagram[HEADER + 4 * policy:HEADER + 4 * policy + 4],
              "the four bytes behind the clear prefix are readable")


def clear_prefix_longer_than_packet(line, sender):
    line.set_class(sender, "encrypt", 255)
    for length in (1, 2, 3, 4):
        datagram, packet = line.send(sender, SECRET[:length])
        equal("length inside", 48 + length, len(packet))
        units = (48 + length) // 4
        line.check(sender, datagram, FLAG_E, units, packet)
        equal("clear prefix", packet[:4 * units].hex(),
              datagram[HEADER:HEADER + 4 * units].hex())


def auth(line, sender):
    line.set_class(sender, "auth")
    datagram, packet = line.send(sender, SECRET * 4)
    line.check(sender, datagram, 0, 0, packet)
    equal("payload", packet.hex(), datagram[HEADER:-TAG].hex())
    check(SECRET * 4 in datagram, "the text is not readable in auth mode")


def keepalive(line, sender):
    """Whatever the class says, it is sent with E and clear 0."""
    for mode, clear in (("auth", None), ("encrypt", 9)):
        line.set_class(sender, mode, clear)
        sender.nl.do("peer-keepalive", ifindex=sender.ifindex,
                     eid=line.pair.session.other(sender).eid)
        datagram = line.next(sender)
        equal("length", HEADER + TAG, len(datagram))
        line.check(sender, datagram, FLAG_E, 0, b"")


def confirmation(line, sender):
    """The responder sends an empty DATA as soon as it has the key."""
    if sender is line.pair.b:
        line.check(sender, line.next(sender), FLAG_E, 0, b"")


def hop_limit_is_outside():
    """What a relay has counted down is taken."""
    for suite in (1, 2, 3):
        lone = Lone(suite)
        with lone.inner_socket() as sock:
            for seq, hops in enumerate((8, 7, 1, 0, 255)):
                datagram = bytearray(lone.seal(seq, lone.packet(bytes([hops]))))
                equal("hop limit as sealed", 8, datagram[2])
                datagram[2] = hops
                lone.send(datagram)
                equal("arrived", bytes([hops]), sock.recv(100))
        lone.device.expect(rx_packets=5, rx_bytes=5 * 49)
        lone.delete()


FUNCTIONS = (confirmation, encrypt, clear_prefix, clear_prefix_longer_than_packet, auth,
             keepalive)


class Cases:
    """The tests of one address family outside, on one pair."""

    def __init__(self, outer, suites):
        self.outer, self.suites = outer, suites
        self.line = None

    def begin(self, suite):
        if not self.line:
            self.line = Line(self.outer)
        self.line.rekey(suite)

    def run(self, suite, function):
        if function is FUNCTIONS[0]:
            self.begin(suite)
        for sender in (self.line.pair.a, self.line.pair.b):
            function(self.line, sender)
        if (suite, function) == (self.suites[-1], FUNCTIONS[-1]):
            self.line.delete()

    def tests(self):
        return [(f"suite_{suite}_outer_ipv{self.outer}_{function.__name__}",
                 lambda s=suite, f=function: self.run(s, f))
                for suite in self.suites for function in FUNCTIONS]


load_module()
ktap.run(Cases(4, (1, 3)).tests() + Cases(6, (1, 2)).tests() + [hop_limit_is_outside])
