# SPDX-License-Identifier: GPL-2.0
"""A UDP socket that can be made to lose, double and reorder datagrams."""

import random
import select
import socket
import time
from collections import Counter

from ss1 import wire

HELD_S = 0.05


def kind_of(datagram):
    """A name for counters; what is no message of ours is junk."""
    if not datagram:
        return "junk"
    return wire.NAMES.get(datagram[0] & 0x0f, "junk")


def parse_address(text):
    """ADDR:PORT or [ADDR]:PORT as (host, port)."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"{text!r} is not ADDR:PORT ([ADDR]:PORT for IPv6)")
    return host.strip("[]"), int(port)


class Faults:
    """What a link does to datagrams, both ways, from one seed."""

    def __init__(self, drop_first=0, loss=0.0, dup=0.0, reorder=0.0, seed=1):
        self.drop_first = drop_first
        self.loss = loss
        self.dup = dup
        self.reorder = reorder
        self.random = random.Random(seed)
        self.passed_by = Counter()

    @property
    def any(self):
        return bool(self.drop_first or self.loss or self.dup or self.reorder)

    @property
    def lossy(self):
        return bool(self.drop_first or self.loss)

    def lost(self, way, datagram):
        key = way, kind_of(datagram)
        self.passed_by[key] += 1
        return (self.passed_by[key] <= self.drop_first or
                self.random.random() < self.loss)

    def doubled(self):
        return self.random.random() < self.dup

    def overtaken(self):
        return self.random.random() < self.reorder


class Link:
    """The socket; count holds what really left and arrived, by kind."""

    def __init__(self, listen, faults):
        family = socket.AF_INET6 if ":" in listen[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(listen)
        self.socket.setblocking(False)
        self.faults = faults
        self.held = None        # (release time, datagram, address)
        self.lost = Counter()
        self.on_lost = None     # told what was lost on its way in

    def send(self, datagram, address):
        if self.faults.lost("out", datagram):
            self.lost["out"] += 1
            return
        if self.held is None and self.faults.overtaken():
            self.held = time.monotonic() + HELD_S, datagram, address
            return
        self._out(datagram, address)
        if self.faults.doubled():
            self._out(datagram, address)
        self._release()

    def _out(self, datagram, address):
        try:
            self.socket.sendto(datagram, address)
        except OSError:
            # No route, a closed port: as lost as on any other network.
            self.lost["refused"] += 1

    def _release(self):
        if self.held:
            _, datagram, address = self.held
            self.held = None
            self._out(datagram, address)

    def receive(self, timeout):
        """Datagrams that arrive within timeout seconds, as (bytes, address)."""
        if self.held and time.monotonic() >= self.held[0]:
            self._release()
        select.select([self.socket], [], [], timeout)
        arrived = []
        while len(arrived) < 64:
            try:
                datagram, address = self.socket.recvfrom(65535)
            except BlockingIOError:
                break
            except OSError:
                continue        # an ICMP error of an earlier send
            if self.faults.lost("in", datagram):
                self.lost["in"] += 1
                if self.on_lost:
                    self.on_lost(datagram)
                continue
            arrived.append((datagram, address))
            if self.faults.doubled():
                arrived.append((datagram, address))
        return arrived
