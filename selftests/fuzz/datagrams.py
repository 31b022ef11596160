# SPDX-License-Identifier: GPL-2.0
"""Datagrams that are random or broken in some way, and for each of them the one
counter of the device that must rise. What a receiver makes of a datagram is
said here once more, from the page of the protocol and not from the module, so
that a datagram which takes another way than it should is noticed, and not only
one that makes the kernel fall over."""

from collections import Counter

from ss1 import data
from ss1.errors import Drop
from ss1.identity import EID_ONES, EID_ZERO
from ss1.keys import TrafficKeys
from ss1.suites import CTR_HMAC, HARD_LIMIT, SUITES
from ss1.wire import DATA, FLAG_E, FLAG_U, HEADER_LEN, INIT, TAG_LEN

HEAD = HEADER_LEN + data.SEQ_LEN
OVERHEAD = HEAD + TAG_LEN
UDP_MAX = 65507
# More than this is cut up on the way, which the spoofed ones can't be.
WHOLE = 1400

# The sockets that a datagram goes out by: of strangers, those whose packets
# bear a congestion mark, and one that pretends to be the living peer.
CE = ("v4-ce", "v6-ce")
SPOOF = "peer"
VIA = ("v4", "v6", SPOOF) * 4 + CE
# Several of one size, which leave as one packet and are cut up on arrival.
TRAIN = "train"
TRAIN_MAX = 20

# Datagrams of a session that may be replayed.
REMEMBERED = 500

# Forged seqs of living sessions are far above those that are in use.
LIVING_SEQ = 1 << 20

ALLOWED6 = bytes.fromhex("fd99000000000000")
ALLOWED4 = bytes((10, 99))


class Window(data.Window):
    """What the peer's window has seen, as ss1 keeps it."""

    def verdict(self, seq):
        try:
            self.check(seq)
        except Drop as drop:
            return "rx-too-old" if drop.reason == "old" else "rx-duplicate"
        return None


def random_keys(rng, suite):
    protection = SUITES[suite].protection
    return TrafficKeys(protection, rng.randbytes(32), rng.randbytes(12),
                       rng.randbytes(32) if protection == CTR_HMAC else b"")


class Session:
    """One direction of a session: what a peer sends to the device.

    A living one is attacked and must not notice: nothing that verifies is made
    for it, and of its window no more is known than that it begins at 0.
    """

    def __init__(self, rng, eid, sid, keys, living=False):
        self.eid, self.sid, self.keys, self.living = eid, sid, keys, living
        self.hard = HARD_LIMIT[keys.protection]
        self.window = Window()
        self.next = rng.choice((0, 0, 1, 1 << 31, (1 << 32) - 100, self.hard - (1 << 20)))
        self.sent = []

    def take_seq(self, rng):
        """An unused one; some come out of order."""
        self.next += 1 if rng.random() < 0.9 else rng.randrange(1, 50)
        return self.next

    def seal(self, own, seq, payload, **options):
        return data.seal(self.keys, self.sid, own, self.eid, seq, payload, **options)


class Peer:
    """A peer that the test plays, which knows its keys and misuses them."""

    def __init__(self, eid, overlay, link_local, inner4, min_mode, max_clear):
        self.eid = eid
        self.addresses = (overlay.packed, link_local.packed, inner4.packed)
        self.min_mode, self.max_clear = min_mode, max_clear

    def accepts(self, flags, clear):
        return self.min_mode == "auth" or (flags & FLAG_E and clear <= self.max_clear)


class Generator:
    """own: EID and addresses of the device; sessions: those of @peers, by EID,
    and the living ones."""

    def __init__(self, rng, own, addresses, peers, sessions):
        self.rng = rng
        self.own = own
        self.addresses = addresses
        self.peers = {peer.eid: peer for peer in peers}
        self.sessions = {s.sid: s for s in sessions}
        self.hostile = [s for s in sessions if not s.living]
        self.all = list(sessions)
        self.known = {s.eid for s in sessions}
        self.expected = Counter()
        self.made = Counter()
        kinds = ((self._random, 5), (self._header, 11), (self._handshake, 8),
                 (self._resized, 8), (self._flipped, 23), (self._garbage, 10),
                 (self._inner, 26), (self._replayed, 5), (self._sids, 3),
                 (self._seqs, 4))
        self.kinds = [kind for kind, _ in kinds]
        self.weights = [weight for _, weight in kinds]

    def make(self, count):
        """That many, as (via, bytes, size of each in it)."""
        made, left = [], count
        while left:
            if self.rng.random() < 0.04:
                cars = self._train(min(left, self.rng.randrange(2, TRAIN_MAX)))
                made.append((TRAIN, b"".join(cars), len(cars[0])))
                left -= len(cars)
            else:
                made.append(self._single())
                left -= 1
        return made

    def _single(self):
        kind, = self.rng.choices(self.kinds, self.weights)
        while True:
            via = self.rng.choice(VIA)
            datagram, payload = kind()
            if via == SPOOF and len(datagram) > WHOLE:
                via = "v4"
            if self._account(kind.__name__[1:], datagram, payload, via in CE):
                return via, datagram, len(datagram)

    def _account(self, kind, datagram, payload, ce):
        """Expects what it will do; returns whether that can be told."""
        verdict, size = self.verdict(datagram, payload, ce)
        if not verdict:
            return False
        self.made[kind] += 1
        self.expected[verdict] += 1
        if size:
            self.expected["rx-bytes"] += size
        return True

    # ---- what a receiver does ----

    def verdict(self, d, payload, ce):
        """The counter that must rise, and the bytes that are delivered; None
        where it can't be told. @payload is what was sealed, or None where the
        tag is wrong."""
        if not self._well_formed(d):
            return "rx-malformed", 0
        if d[8:16] != self.own:
            return self._relay_verdict(d), 0
        if d[0] & 15 != DATA:
            return "control", 0
        if d[1] & FLAG_U:
            return "rx-unprotected", 0
        session = self.sessions.get(d[4:8])
        if not session:
            return "rx-unknown-sid", 0
        if d[16:24] != session.eid:
            return "rx-wrong-peer", 0
        seq = int.from_bytes(d[24:32], "big")
        if seq >= session.hard:
            return "rx-seq-limit", 0
        if session.living and seq < LIVING_SEQ // 2:
            return None, 0
        stale = session.window.verdict(seq)
        if stale:
            return stale, 0
        if payload is None:
            return "rx-bad-tag", 0
        session.window.enter(seq)
        if len(session.sent) < REMEMBERED:
            session.sent.append(d)
        else:
            session.sent[self.rng.randrange(REMEMBERED)] = d
        return self._inner_verdict(session, d, payload, ce)

    def _relay_verdict(self, d):
        """Of what is for somebody else, where nobody is relayed to anybody."""
        if d[1] & FLAG_U:
            return "relay-unprotected"
        if d[2] <= 1:
            return "relay-hop-limit"
        if d[8:16] not in self.known:
            return "rx-not-ours"
        if d[16:24] in self.known:
            return "relay-not-allowed"
        # It may come from where the one is that it is for.
        return "relay-unknown-source" if d[0] & 15 != INIT else None

    @staticmethod
    def _well_formed(d):
        size = len(d)
        if size < HEADER_LEN or d[0] >> 4 != 1:
            return False
        if {d[8:16], d[16:24]} & {EID_ZERO, EID_ONES}:
            return False
        kind, flags, clear, no_sid = d[0] & 15, d[1], d[3], d[4:8] == bytes(4)
        if kind != DATA:
            return 1 <= kind <= 5 and not flags and not clear and \
                (kind == 5 or (kind == INIT) == no_sid)
        if size < HEAD or flags & ~(FLAG_E | FLAG_U):
            return False
        if flags & FLAG_U:
            return flags == FLAG_U and not clear and no_sid and d[24:32] == bytes(8)
        if size < OVERHEAD or no_sid:
            return False
        return 4 * clear <= size - OVERHEAD if flags & FLAG_E else not clear

    def _inner_verdict(self, session, d, p, ce):
        peer = self.peers[session.eid]
        if not p:
            return "rx-keepalives", 0
        if not peer.accepts(d[1], d[3]):
            return "rx-level", 0
        version = p[0] >> 4
        if version == 4 and len(p) >= 20 and 20 <= 4 * (p[0] & 15) <= len(p) and \
           int.from_bytes(p[2:4], "big") == len(p):
            source, destination, tos, allowed = p[12:16], p[16:20], p[1], ALLOWED4
        elif version == 6 and len(p) >= 40 and int.from_bytes(p[4:6], "big") + 40 == len(p):
            source, destination, allowed = p[8:24], p[24:40], ALLOWED6
            tos = p[1] >> 4
        else:
            return "rx-inner-malformed", 0
        if source not in peer.addresses:
            return "rx-inner-source", 0
        if destination not in self.addresses and not destination.startswith(allowed):
            return "rx-inner-destination", 0
        if ce and not tos & 3:
            return "rx-ecn", 0
        return "rx-packets", len(p)

    # ---- kinds of datagrams: bytes, and the payload where the tag is right ----

    def _size(self):
        """Mostly small, some of a full packet, a few enormous."""
        dice = self.rng.random()
        if dice < 0.8:
            return self.rng.randrange(0, 200)
        if dice < 0.985:
            return self.rng.randrange(200, 1500)
        return self.rng.randrange(1500, 9000 if dice < 0.998 else UDP_MAX - OVERHEAD)

    def _random(self):
        return self.rng.randbytes(self.rng.randrange(1, 24) if self.rng.random() < 0.2
                                  else self._size() or 1), None

    def _eid(self):
        return self.rng.choice((self.own, self.own, self.own, EID_ZERO, EID_ONES,
                                self.rng.randbytes(8), self.rng.choice(self.all).eid))

    def _header(self):
        rng = self.rng
        session = rng.choice(self.all)
        if rng.random() < 0.05:
            return bytes((0x18, FLAG_U, rng.randrange(256), 0)) + bytes(4) + self._eid() + \
                session.eid + bytes(8) + rng.randbytes(self._size()), None
        first = rng.choice((0x18, 0x18, 0x18, 0x10 | rng.randrange(16), rng.randrange(256)))
        head = bytes((first, rng.choice((0, 0, 1, 1, 2, 3, rng.randrange(256))),
                      rng.randrange(256), rng.choice((0, 0, rng.randrange(256)))))
        head += rng.choice((bytes(4), rng.randbytes(4), session.sid)) + self._eid() + \
            rng.choice((session.eid, self._eid()))
        return head + rng.choice((b"", bytes(8))) + rng.randbytes(self._size()), None

    def _handshake(self):
        rng = self.rng
        kind = rng.randrange(1, 6)
        sid = bytes(4) if kind == INIT else rng.randbytes(4)
        body = rng.randbytes(rng.choice((0, 34, 58, 89, 140, self._size())))
        return bytes((0x10 | kind, 0, rng.randrange(256), 0)) + sid + self.own + \
            rng.choice((rng.randbytes(8), rng.choice(self.all).eid)) + body, None

    def _sealed(self):
        """A good one that is not sent as it is, of any session."""
        rng = self.rng
        session = rng.choice(self.all)
        if session.living:
            seq = LIVING_SEQ + rng.randrange(1 << 34)
        else:
            seq = session.next + rng.randrange(1, 100)
        return session.seal(self.own, seq, rng.randbytes(self._size()),
                            encrypt=rng.random() < 0.8)

    def _resized(self):
        good = self._sealed()
        if self.rng.random() < 0.5:
            return good[:self.rng.randrange(1, len(good))], None
        return (good + self.rng.randbytes(self.rng.randrange(1, 64)))[:UDP_MAX], None

    def _flipped(self):
        """Bits of the whole, or of the header alone; but not of the hop limit
        alone, which nothing protects."""
        rng = self.rng
        good = self._sealed()
        bad = bytearray(good)
        reach = HEAD if rng.random() < 0.3 else len(good)
        while True:
            for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
                bad[rng.randrange(reach)] ^= 1 << rng.randrange(8)
            if bad[:2] != good[:2] or bad[3:] != good[3:]:
                return bytes(bad), None

    def _garbage(self):
        """A good header and nothing good behind it."""
        rng = self.rng
        session = rng.choice(self.all)
        seq = LIVING_SEQ + rng.randrange(1 << 34) if session.living else session.next + 1
        return bytes((0x18, FLAG_E, 8, 0)) + session.sid + self.own + session.eid + \
            seq.to_bytes(8, "big") + rng.randbytes(TAG_LEN + self._size()), None

    def _replayed(self):
        """The same, or other bytes with a seq that was used."""
        rng = self.rng
        session = rng.choice(self.hostile)
        if not session.sent:
            return self._inner()
        old = bytearray(rng.choice(session.sent))
        if rng.random() < 0.5:
            old[2] = rng.randrange(256)
        elif rng.random() < 0.5:
            old[-1] ^= 1
        return bytes(old), None

    def _sids(self):
        """The sid of nobody, or of another session."""
        good = self._sealed()
        other = self.rng.choice([s.sid for s in self.all if s.sid != good[4:8]])
        return good[:4] + self.rng.choice((self.rng.randbytes(4), other)) + good[8:], None

    def _seqs(self):
        """At the ends of what a seq may be."""
        rng = self.rng
        session = rng.choice(self.all)
        seq = rng.choice((session.hard - 1, session.hard, session.hard + 1, (1 << 64) - 1,
                          1 << 63, (1 << 32) + LIVING_SEQ, rng.getrandbits(64),
                          session.next + data.WINDOW_DEFAULT,
                          max(0, session.next - 2 * data.WINDOW_DEFAULT)))
        good = bytearray(session.seal(self.own, seq, rng.randbytes(40)))
        good[-1] ^= 1
        return bytes(good), None

    def _train(self, count):
        """Right tags and wrong ones, around junk."""
        rng = self.rng
        session = rng.choice(self.hostile)
        size = rng.randrange(1, WHOLE - OVERHEAD)
        cars = []
        for _ in range(count):
            payload = rng.randbytes(size)
            good = session.seal(self.own, session.take_seq(rng), payload)
            if rng.random() < 0.5:
                good, payload = good[:-1] + bytes((good[-1] ^ 1,)), None
            self._account(TRAIN, good, payload, False)
            cars.append(good)
        return cars

    # ---- a right tag around ----

    def _inner(self):
        rng = self.rng
        session = rng.choice(self.hostile)
        if rng.random() < 0.03:
            payload = b""
        else:
            payload = self._packet(self.peers[session.eid])
        encrypt = rng.random() < 0.95
        clear = rng.choice((0,) * 15 + (1, 5, 10, 11, 255)) if encrypt else 0
        datagram = session.seal(self.own, session.take_seq(rng), payload, encrypt=encrypt,
                                clear=min(clear, len(payload) // 4),
                                hop_limit=rng.randrange(256))
        return datagram, payload

    def _packet(self, peer):
        """A packet that is sound, or is spoilt in one of many ways."""
        rng = self.rng
        build = rng.choice((self._ip4, self._ip6, self._ip6))
        dice = rng.random()
        if dice < 0.14:
            return rng.randbytes(self._size() or 1)
        if dice < 0.26:
            first = rng.choice((0x40, 0x45, 0x4f, 0x60, 0x46)) | rng.randrange(2)
            return bytes((first,)) + rng.randbytes(self._size())
        packet = build(peer)
        if dice < 0.44:
            return packet[:rng.randrange(1, len(packet))]
        if dice < 0.52:
            return packet + rng.randbytes(rng.randrange(1, 40))
        if dice < 0.6:
            spoilt = bytearray(packet)
            spoilt[rng.choice((0, 2, 3, 4, 5))] ^= 1 << rng.randrange(8)
            return bytes(spoilt)
        return packet

    def _transport(self):
        """Next header and what follows: TCP, UDP, ICMP, fragments' insides and
        others, with junk in them."""
        rng = self.rng
        return (rng.choice((6, 17, 1, 58, 58, 0, 43, 44, 50, 51, 59, 60, 132, 255,
                            rng.randrange(256))), rng.randbytes(min(self._size(), 1 << 14)))

    def _ip4(self, peer):
        rng = self.rng
        proto, body = self._transport()
        options = rng.randbytes(4 * rng.choice((0, 0, 0, 1, 5, 10)))
        fragment = rng.choice((0, 0, 0x4000, 0x2000, rng.getrandbits(16)))
        source = rng.choice((peer.addresses[2],) * 5 +
                            (bytes(4), bytes((127, 0, 0, 1)), rng.randbytes(4)))
        destination = rng.choice((self.addresses[2],) * 4 + (
            ALLOWED4 + rng.randbytes(2), bytes((255,) * 4), bytes((224, 0, 0, 1)),
            rng.randbytes(4)))
        size = 20 + len(options) + len(body)
        header = bytes((0x45 + len(options) // 4, rng.randrange(256))) + \
            size.to_bytes(2, "big") + rng.randbytes(2) + fragment.to_bytes(2, "big") + \
            bytes((rng.choice((0, 1, 64, 255)), proto)) + rng.randbytes(2) + source + \
            destination + options
        if rng.random() < 0.8:
            header = header[:10] + bytes(2) + header[12:]
            header = header[:10] + _checksum(header) + header[12:]
        return header + body

    def _extensions(self, proto, body):
        """A chain of extension headers, some with lengths that lie; one of
        them may be the option of a jumbogram."""
        rng = self.rng
        for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 8))):
            kind = rng.choice((0, 43, 44, 60, 51, 135))
            units = rng.choice((0, 0, 1, 3))
            content = rng.randbytes(6 + 8 * units)
            if kind == 0 and rng.random() < 0.5:
                content = b"\xc2\x04" + rng.randbytes(4) + content[6:]
            length = units if rng.random() < 0.8 else rng.randrange(256)
            body = bytes((proto, length)) + content + body
            proto = kind
        return proto, body

    def _ip6(self, peer):
        rng = self.rng
        proto, body = self._extensions(*self._transport())
        source = rng.choice((peer.addresses[0],) * 6 + (peer.addresses[1],) * 2 + (
            bytes(16), bytes(15) + b"\x01", b"\xff\x02" + rng.randbytes(14),
            bytes(10) + b"\xff\xff" + peer.addresses[2], self.addresses[0],
            peer.addresses[0][:8] + rng.choice(self.all).eid, rng.randbytes(16)))
        destination = rng.choice(self.addresses[:2] * 4 + (
            ALLOWED6 + rng.randbytes(8), b"\xff\x02" + bytes(13) + b"\x01",
            bytes(15) + b"\x01", peer.addresses[0], rng.randbytes(16)))
        return bytes((0x60 | rng.randrange(16),)) + rng.randbytes(3) + \
            len(body).to_bytes(2, "big") + bytes((proto, rng.choice((0, 1, 64, 255)))) + \
            source + destination + body


def _checksum(header):
    total = sum(int.from_bytes(header[i:i + 2], "big") for i in range(0, len(header), 2))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return (~total & 0xffff).to_bytes(2, "big")
