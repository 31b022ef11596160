# SPDX-License-Identifier: GPL-2.0
"""Traffic through and around a session, and what is seen of it."""

import hashlib
import os
import socket
import struct
import threading
import time

from . import nl
from .ktap import check, equal, wait_until

# The debug kernel is several times as slow.
SLOW = 4 if os.environ.get("CPNS_DEBUG") == "1" else 1

SO_RCVBUFFORCE = 33
ETH_P_ALL = 3


def family_of(address):
    return socket.AF_INET6 if ":" in str(address) else socket.AF_INET


def udp_socket(netns, address, port=0, timeout=5):
    """A UDP socket of a namespace, with room for all that a test sends."""
    with netns.enter():
        sock = socket.socket(family_of(address), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    sock.bind((str(address), port))
    sock.settimeout(timeout)
    return sock


def drain(sock):
    """All datagrams that have come, with their senders."""
    sock.setblocking(False)
    got = []
    while True:
        try:
            got.append(sock.recvfrom(65535))
        except BlockingIOError:
            sock.settimeout(5)
            return got


def transfer(source, sink, size, halfway=lambda: None, seconds=20 * SLOW):
    """A TCP stream from one (namespace, address) to another, which answers with its
    hash. Nothing is under way any more when it returns."""
    with sink[0].enter():
        listener = socket.create_server((str(sink[1]), 5001), family=family_of(sink[1]))
    listener.settimeout(seconds)

    def serve():
        sock, _ = listener.accept()
        sock.settimeout(seconds)
        digest = hashlib.sha256()
        with sock:
            while chunk := sock.recv(1 << 16):
                digest.update(chunk)
            sock.sendall(digest.digest())
    server = threading.Thread(target=serve, daemon=True)
    server.start()
    data = os.urandom(size)
    with source[0].enter():
        sock = socket.socket(family_of(source[1]), socket.SOCK_STREAM)
    with sock:
        sock.settimeout(seconds)
        sock.bind((str(source[1]), 0))
        sock.connect((str(sink[1]), 5001))
        sock.sendall(data[:size // 2])
        halfway()
        sock.sendall(data[size // 2:])
        sock.shutdown(socket.SHUT_WR)
        equal("hash", hashlib.sha256(data).hexdigest(), sock.recv(32).hex())
        # It ends when the other end has closed.
        equal("after the hash", b"", sock.recv(1))
    server.join(seconds)
    listener.close()


class Tap:
    """Sees the packets of a device from the IP header on, as tcpdump does."""

    def __init__(self, netns, dev):
        with netns.enter():
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                      socket.htons(ETH_P_ALL))
            self.sock.bind((dev, ETH_P_ALL))
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)

    def packets(self, seconds=0.2, outgoing=None):
        """What was seen until it was quiet for so long; of one direction."""
        got = []
        self.sock.settimeout(seconds)
        while True:
            try:
                packet, sender = self.sock.recvfrom(70000)
            except TimeoutError:
                return got
            if outgoing is None or outgoing == (sender[2] == socket.PACKET_OUTGOING):
                got.append(packet)

    def close(self):
        self.sock.close()


def is_udp(packet):
    """Is an IP packet, or the first fragment of one, UDP?"""
    if packet[0] >> 4 == 4:
        return packet[9] == 17
    return packet[6] == 17 or (packet[6] == 44 and packet[40] == 17)


def is_fragment(packet):
    if packet[0] >> 4 == 4:
        return bool(int.from_bytes(packet[6:8], "big") & 0x3fff)
    return packet[6] == 44


def tos_of(packet):
    if packet[0] >> 4 == 4:
        return packet[1]
    return int.from_bytes(packet[:2], "big") >> 4 & 0xff


class Counters:
    """By how much the counters of an end have grown."""

    # What the stack sends by itself, at times of its own.
    NOISE = ("tx-multicast",)

    def __init__(self, end, other=None, ignore=()):
        self.end, self.other = end, other
        self.ignore = self.NOISE + tuple(ignore)
        self.before = end.stats(other)

    def grown(self):
        now = self.end.stats(self.other)
        return {k: now[k] - self.before[k] for k in now
                if now[k] != self.before[k] and k not in self.ignore}

    def expect(self, **counters):
        """These have grown so much, and no other; names with _ for -."""
        wanted = {k.replace("_", "-"): v for k, v in counters.items() if v}
        try:
            wait_until(lambda: self.grown() == wanted, "counters", 2 * SLOW)
        except AssertionError:
            raise AssertionError(f"counters: expected {wanted}, "
                                 f"got {self.grown()}") from None

    def drops(self):
        """Of those that grew the ones that say that something was lost."""
        fine = ("packets", "bytes", "keepalives", "control", "trains")
        return {k: v for k, v in self.grown().items() if k.split("-", 1)[1] not in fine}


class Events:
    """The events of an end from here on."""

    def __init__(self, end):
        self.client = nl.Client(end.netns)
        self.client.subscribe()
        self.seen = []

    def take(self, name):
        """Those of one name that have come."""
        self.seen += self.client.events(0)
        found = [msg for n, msg in self.seen if n == name]
        self.seen = [(n, msg) for n, msg in self.seen if n != name]
        return found

    def wait(self, name, seconds=5):
        """The first of one name, which is then taken."""
        end = time.monotonic() + seconds * SLOW
        while True:
            for i, (n, msg) in enumerate(self.seen):
                if n == name:
                    del self.seen[i]
                    return msg
            left = end - time.monotonic()
            check(left > 0, f"no event {name} within {seconds} s, only {self.seen}")
            self.seen += self.client.events(left)

    def close(self):
        self.client.close()


class Stream:
    """Numbered UDP datagrams from one namespace to another, until stop()."""

    def __init__(self, source, sink, rate=2000, size=100, port=5001, tolerant=False):
        """source and sink are (namespace, inner address)."""
        self.tx = udp_socket(*source)
        self.rx = udp_socket(*sink, port, timeout=0.2)
        self.rate, self.pad, self.tolerant = rate, bytes(size - 8), tolerant
        self.to = (str(sink[1]), port)
        self.sent, self.received, self.error = 0, [], None
        self.ending = self.sent_all = False
        self.threads = [threading.Thread(target=self._guard, args=(f,), daemon=True)
                        for f in (self._receive, self._send)]
        for thread in self.threads:
            thread.start()

    def _guard(self, function):
        try:
            function()
        except Exception as err:    # told by stop(), in the test's own thread
            self.error = err

    def _send(self):
        # A sender that changes its CPU may overtake itself: each has queues of its own.
        os.sched_setaffinity(threading.get_native_id(), {max(os.sched_getaffinity(0))})
        begin = time.monotonic()
        try:
            while not self.ending:
                due = int((time.monotonic() - begin) * self.rate)
                while self.sent < due and not self.ending:
                    self._send_one()
                time.sleep(0.005)
        finally:
            self.sent_all = True

    def _send_one(self):
        try:
            self.tx.sendto(struct.pack("!Q", self.sent) + self.pad, self.to)
        except OSError:
            if not self.tolerant:
                raise
            time.sleep(0.01)
        self.sent += 1

    def _receive(self):
        quiet = 0
        while not self.sent_all or (len(self.received) < self.sent and quiet < 5 * SLOW):
            try:
                datagram = self.rx.recv(65535)
            except TimeoutError:
                quiet += 1
                continue
            quiet = 0
            self.received.append(struct.unpack("!Q", datagram[:8])[0])

    def stop(self):
        """Ends it, when what is on its way has arrived."""
        self.ending = True
        for thread in self.threads:
            thread.join(60 * SLOW)
        self.tx.close()
        self.rx.close()
        if self.error:
            raise self.error

    def expect_complete(self, ordered=True):
        """All has arrived, in order; returns how many that were."""
        sent, received = self.sent, self.received
        check(sent > 0, "nothing was sent")
        lost = set(range(sent)) - set(received)
        check(not lost, f"{len(lost)} of {sent} lost, such as {sorted(lost)[:10]}")
        check(len(received) == sent, f"{len(received) - sent} came twice")
        if ordered:
            wrong = [i for i in range(1, sent) if received[i] < received[i - 1]]
            check(not wrong, f"{len(wrong)} of {sent} out of order, at {wrong[:10]}")
        return sent


class TcpStream:
    """TCP from one namespace to another, as fast as it goes, until stop()."""

    def __init__(self, source, sink, port=5002):
        with sink[0].enter():
            listener = socket.create_server((str(sink[1]), port),
                                            family=family_of(sink[1]))
        with source[0].enter():
            self.tx = socket.socket(family_of(source[1]))
        self.tx.bind((str(source[1]), 0))
        self.tx.settimeout(30 * SLOW)
        self.tx.connect((str(sink[1]), port))
        self.rx, _ = listener.accept()
        self.rx.settimeout(30 * SLOW)
        listener.close()
        self.sent = self.received = 0
        self.gap, self.error, self.ending = 0, None, False
        self.threads = [threading.Thread(target=self._guard, args=(f,), daemon=True)
                        for f in (self._receive, self._send)]
        for thread in self.threads:
            thread.start()

    def _guard(self, function):
        try:
            function()
        except Exception as err:    # told by stop(), in the test's own thread
            self.error = err

    def _send(self):
        block = bytes(65536)
        while not self.ending:
            self.sent += self.tx.send(block)
        self.tx.shutdown(socket.SHUT_WR)

    def _receive(self):
        last = time.monotonic()
        while True:
            data = self.rx.recv(1 << 20)
            now = time.monotonic()
            self.gap = max(self.gap, now - last)
            last = now
            if not data:
                return
            self.received += len(data)

    def stop(self):
        """Ends it; all has arrived. Returns the bytes and the longest pause."""
        self.ending = True
        for thread in self.threads:
            thread.join(60 * SLOW)
        self.tx.close()
        self.rx.close()
        if self.error:
            raise self.error
        check(self.sent == self.received, f"sent {self.sent}, received {self.received}")
        return self.received, self.gap
