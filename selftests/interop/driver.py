# SPDX-License-Identifier: GPL-2.0
"""A Node on a Link: the event loop, the echo traffic and the book-keeping."""

import os
import sys
import time
from collections import Counter, defaultdict

from link import kind_of
from ss1 import inner, wire
from ss1.data import Policy
from ss1.errors import Drop, Malformed
from ss1.node import Node

STEP_S = 0.05
UDP_ECHO_PORT = 7
UDP_OWN_PORT = 40007
SIZES = (56, 0, 1, 512, 1200)
TRIES_WITH_LOSS = 20
WAIT_WITH_LOSS_S = 1.0
WAIT_S = 10.0


class Mode:
    """How a packet is protected: encrypt, clear:N or auth."""

    def __init__(self, text):
        name, _, number = text.partition(":")
        if name not in ("encrypt", "clear", "auth") or \
           (name == "clear") != bool(number) or \
           number and not (number.isdigit() and 1 <= int(number) <= 255):
            raise ValueError(f"{text!r} is none of encrypt, clear:1..255, auth")
        self.text = text
        self.encrypt = name != "auth"
        self.clear = int(number or 0)

    def policy(self):
        """A receiver that accepts this and everything better."""
        return Policy(allow_mac_only=not self.encrypt, max_clear=self.clear)

    def matches(self, header, length):
        return (bool(header.flags & wire.FLAG_E) == self.encrypt and
                header.clear == min(self.clear, length // 4))


class Driver:
    """One peer at work. checks collects what was expected and what happened."""

    def __init__(self, args, record, link):
        self.args = args
        self.record = record
        self.link = link
        self.began = time.monotonic()
        self.checks = []
        self.handshake_in = []      # (time, kind, datagram, was it lost)
        self.handshake_out = []
        self.count_in = Counter()
        self.count_out = Counter()
        self.seqs = defaultdict(list)   # own sid -> seq of each accepted DATA
        self.empties = []               # times at which keepalives came
        self.modes_in = Counter()
        self.served = 0
        self.asked = {}                 # token -> data expected back
        self.replies = Counter()
        self.errors = []
        self.next_seq = 0
        self.ident = int.from_bytes(os.urandom(2), "big")
        self.before_receive = None      # an exercise may look first
        self.last_authenticated = self.began    # when the last good DATA came
        self.wrong_hops = 0
        link.on_lost = self._observe_lost
        self.node = self.new_node()

    def now(self):
        return time.monotonic()

    def new_node(self):
        args = self.args
        return Node(
            self.record.key, args.suites, args.lifetime, self.now(),
            may_initiate=args.role == "initiator", endpoint=args.remote,
            sources=inner.networks(self.record.remote_addresses()),
            destinations=inner.networks(self.record.local_addresses()),
            policy=args.accept.policy(), window=args.window,
            demand_cookie=args.demand_cookie)

    # --- checks

    def check(self, name, good, detail=""):
        self.checks.append({"name": name, "ok": bool(good), "detail": detail})
        self.log(f"{'ok' if good else 'NOT OK'}: {name} {detail}")
        return good

    def log(self, text):
        if self.args.verbose:
            print(f"[{self.now() - self.began:8.3f}] {text}", file=sys.stderr)

    # --- the loop

    def step(self, timeout=STEP_S):
        for datagram, address in self.link.receive(timeout):
            self._take(datagram, address)
        self.node.tick(self.now())
        self.flush()

    def flush(self):
        while self.node.outbox:
            self.transmit(*self.node.outbox.popleft())

    def transmit(self, datagram, address):
        """Send bytes of a Node or of an exercise."""
        kind = kind_of(datagram)
        self.count_out[kind] += 1
        if kind != "DATA":
            self.handshake_out.append((self.now(), kind, datagram, False))
        self.log(f"send {kind} {len(datagram)} bytes to {address[0]}:{address[1]}")
        self.link.send(datagram, address)

    def wait(self, condition, timeout):
        """Run until condition() holds; returns whether it did."""
        end = self.now() + timeout
        while not condition():
            if self.now() >= end:
                return False
            self.step(min(STEP_S, max(0.001, end - self.now())))
        return True

    def pause(self, seconds):
        self.wait(lambda: False, seconds)

    def _observe_lost(self, datagram):
        kind = kind_of(datagram)
        if kind != "DATA":
            self.handshake_in.append((self.now(), kind, datagram, True))

    def _take(self, datagram, address):
        kind = kind_of(datagram)
        self.count_in[kind] += 1
        if kind != "DATA":
            self.handshake_in.append((self.now(), kind, datagram, False))
        if len(datagram) > 2 and datagram[2] != wire.HOP_LIMIT:
            self.wrong_hops += 1
        if self.before_receive:
            self.before_receive(datagram, address)
        before = self._received()
        reason = self.node.receive(datagram, address, self.now())
        self.log(f"receive {kind} {len(datagram)} bytes: {reason or 'taken'}")
        if self._received() != before:
            self._book_data(datagram)
        while self.node.inbox:
            self._deliver(*self.node.inbox.popleft())
        self.flush()

    def _received(self):
        return sum(session.received for session in self.node.sessions.values())

    def _book_data(self, datagram):
        """A DATA was authenticated: note its seq and protection."""
        message = wire.parse(datagram)
        self.last_authenticated = self.now()
        self.seqs[message.header.sid].append(message.seq)
        if not message.body:
            self.empties.append(self.now())
            if not message.header.flags & wire.FLAG_E:
                self.errors.append("a keepalive came without E")
            return
        expected = self.args.expect_mode
        good = expected is None or expected.matches(message.header,
                                                    len(message.body))
        self.modes_in["as expected" if good else "otherwise"] += 1

    # --- inner traffic

    def _deliver(self, payload, session):
        try:
            packet = inner.read(payload)
        except inner.BadChecksum as err:
            self.errors.append(f"bad inner checksum: {err}")
            return
        if packet is None:
            return
        if isinstance(packet, inner.Udp):
            self._deliver_udp(packet)
        elif packet.request:
            self._serve(packet)
        else:
            self._reply(("echo", packet.ident, packet.seq), packet.data)

    def _deliver_udp(self, packet):
        if packet.dport == UDP_ECHO_PORT:
            self._serve(packet)
        elif packet.dport == UDP_OWN_PORT and len(packet.data) >= 4:
            self._reply(("udp", self.ident, int.from_bytes(packet.data[:4], "big")),
                        packet.data)

    def _serve(self, packet):
        self.served += 1
        mode = self.args.reply_mode
        self.node.send(packet.answer().pack(), self.now(), mode.encrypt, mode.clear)

    def _reply(self, token, data):
        if token not in self.asked:
            return
        self.replies[token] += 1
        if data != self.asked[token]:
            self.errors.append(f"the reply to {token} carries other bytes")

    def request(self, kind="icmp6", size=56, mode=Mode("encrypt")):
        """Send one request; returns (token, datagram), None without session."""
        self.next_seq += 1
        token = ("udp" if kind == "udp" else "echo", self.ident, self.next_seq)
        data = self.next_seq.to_bytes(4, "big") + bytes(
            (7 * byte + self.next_seq) & 0xff for byte in range(size))
        if kind == "udp":
            packet = inner.Udp(self.record.local_address, self.record.remote_address,
                               UDP_OWN_PORT, self.args.udp, data)
        else:
            ends = (self.record.local_address, self.record.remote_address)
            if kind == "icmp4":
                ends = (self.record.local4, self.record.remote4)
            elif kind == "link":
                ends = (self.record.local_link, self.record.remote_link)
            packet = inner.Echo(*ends, True, self.ident, self.next_seq, data)
        self.asked[token] = data
        datagram = self.node.send(packet.pack(), self.now(), mode.encrypt, mode.clear)
        self.flush()
        return token, datagram

    def ask(self, kind="icmp6", size=56, mode=Mode("encrypt")):
        """Request and wait for the reply; only a lossy link gets more tries."""
        lossy = self.link.faults.lossy or self.args.lossy_path
        for _ in range(TRIES_WITH_LOSS if lossy else 1):
            token, datagram = self.request(kind, size, mode)
            if datagram and self.wait(lambda: self.replies[token],
                                      WAIT_WITH_LOSS_S if lossy else WAIT_S):
                return True
            if not datagram:
                self.wait(lambda: self.node.current, WAIT_S)
        return False

    def kinds(self):
        kinds = ["icmp6", "link"]
        if self.record.local4 and self.record.remote4:
            kinds.append("icmp4")
        if self.args.udp:
            kinds.append("udp")
        return kinds

    def rounds(self):
        """The ordinary traffic, in every mode that was asked for."""
        for mode in self.args.modes:
            for kind in self.kinds():
                good = sum(self.ask(kind, SIZES[number % len(SIZES)], mode)
                           for number in range(self.args.rounds))
                self.check(f"echo {kind} {mode.text}", good == self.args.rounds,
                           f"{good} of {self.args.rounds} answered")
        for mode in self.args.refused:
            token, _ = self.request("icmp6", 56, mode)
            self.pause(1.5)
            self.check(f"refused {mode.text}", not self.replies[token],
                       "the peer must drop what is protected less than it demands")

    # --- what is looked at in the end

    def closing_checks(self):
        doubled = [token for token, count in self.replies.items() if count > 1]
        self.check("no request answered twice", not doubled, str(doubled[:3]))
        self.check("inner packets whole", not self.errors, "; ".join(self.errors[:3]))
        if self.args.expect_mode:
            self.check(f"protection as expected: {self.args.expect_mode.text}",
                       self.modes_in["as expected"] and not self.modes_in["otherwise"],
                       str(dict(self.modes_in)))
        self._check_lengths()
        if self.args.tolerant:
            return
        self.check("hop limit 8", not self.wrong_hops, f"{self.wrong_hops} otherwise")
        self._check_repeats()
        if not self.link.faults.any:
            self._check_seqs()

    def _check_seqs(self):
        """Each number once, none left out. Two CPUs of the other end may put two
        packets on the wire in the other order."""
        gaps = [f"{sid.hex()} {seqs}" for sid, seqs in self.seqs.items()
                if sorted(seqs) != list(range(len(seqs)))]
        self.check("seq from 0, one step a packet", not gaps, " ".join(gaps))

    def _check_repeats(self):
        """What is sent again is the same to the byte."""
        confirms = defaultdict(set)
        for _, kind, datagram, _ in self.handshake_in:
            if kind == "CONFIRM":
                confirms[datagram[4:8]].add(datagram)
        self.check("repeated CONFIRM is the same",
                   all(len(sent) == 1 for sent in confirms.values()))
        cores = {message.core for message in self.inits_in()}
        if cores and self.args.role == "responder" and self.args.expect_one_init:
            self.check("repeated INIT is the same", len(cores) == 1,
                       f"{len(cores)} different ones")

    def inits_in(self):
        """INITs that reached the socket, lost ones too."""
        for _, kind, datagram, _ in self.handshake_in:
            if kind == "INIT":
                try:
                    yield wire.parse(datagram)
                except (Malformed, Drop):
                    continue

    def _check_lengths(self):
        longest = max((len(datagram) for _, kind, datagram, _ in self.handshake_out
                       if kind == "INIT"), default=None)
        if longest is None:
            return
        answers = [len(datagram) for _, kind, datagram, _ in self.handshake_in
                   if kind in ("RESP", "COOKIE")]
        self.check("no answer longer than an INIT",
                   all(length <= longest for length in answers))

    def summary(self):
        current = self.node.current
        return {
            "ok": all(check["ok"] for check in self.checks),
            "role": self.args.role,
            "suite": f"{current.suite.code:04x}" if current else None,
            "handshakes": self.node.handshakes,
            "lifetime": current.lifetime if current else None,
            "served": self.served,
            "sent": dict(self.count_out), "received": dict(self.count_in),
            "drops": dict(self.node.drops), "hints": self.node.hints,
            "lost": dict(self.link.lost),
            "seconds": round(self.now() - self.began, 2),
            "checks": self.checks,
        }
