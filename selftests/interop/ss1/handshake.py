# SPDX-License-Identifier: GPL-2.0
"""The handshake of both roles (section 4): bytes and a time in, bytes out.

Neither class reads a clock or a socket. now is any clock of seconds that does
not jump; wall, where it appears, is seconds since 1970.
"""

import hmac
import os
import random
from collections import Counter, deque

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from . import wire
from .cookie import CookieJar, source_address
from .errors import Drop
from .keys import NO_DH, KeySchedule, x25519, x25519_private
from .session import Session
from .suites import SUITES, choose, offers_x25519

INIT_WAITS_S = (1, 2, 4, 8, 16)
INIT_JITTER = 0.25
REST_FIRST_S = 30
CONFIRM_EVERY_S = 1
CONFIRM_TRIES = 30
COOKIE_EVERY_S = 1

HALF_OPEN_S = 35
HALF_OPEN_PER_KEY = 8
HALF_OPEN_FREE = 64
INIT_RATE_FREE = 20
X25519_RATE_FREE = 100
REMEMBERED = 64


class SystemRandom:
    """Fresh randomness; a test puts fixed values in its place."""

    def sid(self, taken):
        while True:
            sid = os.urandom(4)
            if sid != wire.SID_NONE and sid not in taken:
                return sid

    def nonce(self):
        return os.urandom(32)

    def private(self):
        return x25519_private(os.urandom(32))


def public_bytes(private):
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


class Handshake:
    """What both roles hold of one handshake."""

    def __init__(self, record, initiator, now):
        self.record = record
        self.initiator = initiator
        ends = (record.local, record.remote)
        self.schedule = KeySchedule(record, *(ends if initiator else ends[::-1]))
        self.started = now
        self.suite = None
        self.sid_local = self.sid_remote = None
        self.lifetime = None
        self.confirm = None     # core and auth of the CONFIRM, hop limit 0
        self.private = None

    def session(self, now):
        keys = self.schedule.traffic(self.suite.protection)
        return Session(self, keys, now)

    def forget(self):
        self.private = None
        self.schedule.forget()


class Initiator(Handshake):
    """INIT, COOKIE, RESP, CONFIRM seen from the end that starts."""

    def __init__(self, record, suites, lifetime, now, rng=SystemRandom(),
                 taken=(), ext_init=b"", ext_confirm=b"", rest=REST_FIRST_S):
        super().__init__(record, True, now)
        self.offered = tuple(suites)
        self.ext_confirm = ext_confirm
        self.sid_local = rng.sid(taken)
        self.nonce_i = rng.nonce()
        e_i = b""
        if offers_x25519(suites):
            self.private = rng.private()
            e_i = public_bytes(self.private)
        self.offered_lifetime = lifetime
        self.core = wire.init_core(
            record.remote.eid, record.local.eid, self.sid_local, self.nonce_i,
            record.key_id, record.local.role, record.remote.role, lifetime,
            self.offered, e_i, ext_init)
        self.mac1 = self.schedule.sign_init(self.core)
        self.cookie = b""
        self.cookie_obeyed = None
        self.resp = None
        self.tries = 0
        self.due_at = now
        self.rest = rest
        self.proved = False
        self.failed = False

    @property
    def waiting(self):
        """Is the INIT outstanding, no RESP taken yet?"""
        return self.resp is None and not self.failed

    def init_datagram(self):
        return wire.init_datagram(self.core, self.mac1, self.cookie)

    def confirm_datagram(self):
        core, auth = self.confirm
        return wire.signed(core, auth)

    def hold(self, until):
        self.due_at = max(self.due_at, until)

    def due(self, now):
        """The datagram that the timer calls for now, or None.

        failed is set when the rest after the last INIT, or the second after
        the last CONFIRM, is over; the next handshake has a new nonce.
        """
        if self.failed or self.proved or now < self.due_at:
            return None
        if self.waiting:
            if self.tries > len(INIT_WAITS_S):
                return self._give_up()
            self.due_at = now + self._init_wait()
            self.tries += 1
            return self.init_datagram()
        if self.tries >= CONFIRM_TRIES:
            return self._give_up()
        self.tries += 1
        self.due_at = now + CONFIRM_EVERY_S
        return self.confirm_datagram()

    def _init_wait(self):
        """Seconds from this INIT to the next, or to the end of the rest."""
        if self.tries == len(INIT_WAITS_S):
            return self.rest
        jitter = random.uniform(1 - INIT_JITTER, 1 + INIT_JITTER)
        return INIT_WAITS_S[self.tries] * jitter

    def _give_up(self):
        self.failed = True
        self.forget()

    def _check_addresses(self, header):
        if header.sid != self.sid_local:
            raise Drop("sid_unknown")
        if (header.dst, header.src) != (self.record.local.eid,
                                        self.record.remote.eid):
            raise Drop("src_dst")

    def on_cookie(self, message, now):
        """Returns the INIT with its cookie, or None while one was just sent."""
        self._check_addresses(message.header)
        if not self.waiting:
            raise Drop("repeat")
        if message.mac1 != self.mac1:
            raise Drop("cookie_mismatch")
        self.cookie = message.cookie
        if self.cookie_obeyed is not None and \
           now - self.cookie_obeyed < COOKIE_EVERY_S:
            return None
        self.cookie_obeyed = now
        return self.init_datagram()

    def on_resp(self, message, now):
        """Returns (CONFIRM datagram, session); the session only once."""
        self._check_addresses(message.header)
        received = message.core + message.auth_r
        if self.resp is not None:
            if received != self.resp or self.failed:
                raise Drop("repeat")
            return self.confirm_datagram(), None
        if self.failed:
            raise Drop("sid_unknown")
        suite = SUITES[message.suite]
        if message.suite not in self.offered:
            raise Drop("suite_not_offered")
        if not suite.x25519 and not self.record.pure_psk:
            raise Drop("suite_not_permitted")
        dh = x25519(self.private, message.e_r) if suite.x25519 else NO_DH
        if not hmac.compare_digest(self.schedule.sign_resp(message.core, dh),
                                   message.auth_r):
            raise Drop("auth_r")
        self.resp = received
        self.suite = suite
        self.sid_remote = message.sid_r
        self.lifetime = min(self.offered_lifetime, message.lifetime)
        core = wire.confirm_core(message.sid_r, self.record.remote.eid,
                                 self.record.local.eid, self.ext_confirm)
        self.confirm = (core, self.schedule.sign_confirm(core))
        session = self.session(now)
        self.forget()
        self.tries = 1
        self.due_at = now + CONFIRM_EVERY_S
        return self.confirm_datagram(), session


class HalfOpen(Handshake):
    """A handshake that was answered and waits for its CONFIRM."""

    def __init__(self, record, init, source, now):
        super().__init__(record, False, now)
        self.init = init
        self.source = source_address(source)
        self.resp_datagram = None
        self.until = now + HALF_OPEN_S


class Responder:
    """Answers INIT and takes CONFIRM, for all the key records of one entity."""

    def __init__(self, local, records, preference, lifetime, now,
                 rng=SystemRandom(), ext_resp=b"", jar=None, demand_cookie=False):
        self.local = local
        self.records = {record.key_id: record for record in records}
        self.preference = tuple(preference)
        self.lifetime = lifetime
        self.rng = rng
        self.ext_resp = ext_resp
        self.jar = jar or CookieJar(now)
        self.demand_cookie = demand_cookie
        self.half = {}          # sid_r -> HalfOpen
        self.answers = {}       # core and mac1 of an INIT -> its HalfOpen
        self.remembered = {}    # key_id -> the last mac1 that ended
        self.init_times = {}    # network of a source -> times of its INIT
        self.x25519_times = deque()

    def record_of(self, init, wall):
        """The key record of an INIT that is meant for us, or Drop."""
        if init.header.dst != self.local.eid:
            raise Drop("not_for_us")
        record = self.records.get(init.key_id)
        if record is None:
            raise Drop("key_unknown", wire.HINT_KEY_UNKNOWN)
        if not record.valid_at(wall):
            raise Drop("key_not_valid", wire.HINT_NOT_VALID)
        if init.header.src != record.remote.eid:
            raise Drop("src")
        if (init.role_i, init.role_r) != (record.remote.role, record.local.role):
            raise Drop("role")
        return record

    def check_mac1(self, record, init):
        """Returns the schedule of a handshake whose INIT is genuine."""
        schedule = KeySchedule(record, record.remote, record.local)
        if not hmac.compare_digest(schedule.sign_init(init.core), init.mac1):
            raise Drop("mac1")
        return schedule

    def on_init(self, init, source, now, wall, taken=()):
        """Returns the datagram to answer with, or raises Drop."""
        self.expire(now)
        record = self.record_of(init, wall)
        loaded = self._loaded(init, source, now)
        known = self.answers.get((init.core, init.mac1))
        if known:
            return known.resp_datagram
        if init.mac1 in self.remembered.get(init.key_id, ()):
            raise Drop("repeat")
        if loaded and not self.jar.good(init, source, now):
            return wire.cookie_datagram(
                init.sid_i, init.header.src, init.header.dst, init.mac1,
                self.jar.make(init, source, now))
        half = HalfOpen(record, init, source, now)
        half.schedule = self.check_mac1(record, init)
        half.suite = choose(self.preference, init.suites, record.pure_psk)
        if half.suite is None:
            raise Drop("no_suite", wire.HINT_NO_SUITE)
        self._answer(half, now, taken)
        self._make_room(half)
        self.half[half.sid_local] = half
        self.answers[init.core, init.mac1] = half
        return half.resp_datagram

    def _answer(self, half, now, taken):
        """Fill in our half of the handshake and its RESP."""
        init = half.init
        e_r, dh = b"", NO_DH
        if half.suite.x25519:
            self.x25519_times.append(now)
            private = self.rng.private()
            dh = x25519(private, init.e_i)
            e_r = public_bytes(private)
        half.sid_local = self.rng.sid((*self.half, *taken))
        half.sid_remote = init.sid_i
        half.lifetime = min(init.lifetime, self.lifetime)
        nonce_r = self.rng.nonce()
        # No answer is longer than what it answers: without ext it never is.
        longest = len(init.core) + len(init.mac1) + 1 + len(init.cookie)
        for ext in (self.ext_resp, b""):
            core = wire.resp_core(
                init.sid_i, init.header.src, init.header.dst, half.sid_local,
                nonce_r, half.suite.code, e_r, self.lifetime, ext)
            if len(core) + 32 <= longest:
                break
        half.resp_datagram = wire.signed(core, half.schedule.sign_resp(core, dh))

    def on_confirm(self, message, now):
        """Returns the new session, or raises Drop."""
        self.expire(now)
        half = self.half.get(message.header.sid)
        if half is None:
            raise Drop("sid_unknown")
        if (message.header.dst, message.header.src) != (
                half.record.local.eid, half.record.remote.eid):
            raise Drop("src_dst")
        auth_i = half.schedule.sign_confirm(message.core)
        if not hmac.compare_digest(auth_i, message.auth_i):
            raise Drop("auth_i")
        half.confirm = (message.core, message.auth_i)
        session = half.session(now)
        self._end(half)
        return session

    def _end(self, half):
        """Confirmed, expired or replaced: only the RESP's bytes stay."""
        del self.half[half.sid_local]
        ended = self.remembered.setdefault(half.init.key_id,
                                           deque(maxlen=REMEMBERED))
        ended.append(half.init.mac1)
        half.forget()

    def expire(self, now):
        for half in [half for half in self.answers.values() if now >= half.until]:
            if half.sid_local in self.half:
                self._end(half)
            del self.answers[half.init.core, half.init.mac1]

    def _make_room(self, new):
        """At most HALF_OPEN_PER_KEY handshakes of a key stay half open."""
        same_key = [half for half in self.half.values()
                    if half.init.key_id == new.init.key_id]
        if len(same_key) < HALF_OPEN_PER_KEY:
            return
        own = [half for half in same_key if half.source == new.source]
        victim = min(own, key=lambda half: half.started) if own \
            else random.choice(same_key)
        self._end(victim)
        del self.answers[victim.init.core, victim.init.mac1]

    def _loaded(self, init, source, now):
        """Must this INIT carry a cookie? Counts it as well."""
        address = source_address(source)
        network = address if len(address) == 4 else address[:8]
        times = self.init_times.setdefault(network, deque())
        times.append(now)
        for queue in (times, self.x25519_times):
            while queue and now - queue[0] > 1:
                queue.popleft()
        half_of_key = Counter(half.init.key_id for half in self.half.values())
        return (self.demand_cookie or len(self.half) > HALF_OPEN_FREE or
                len(times) > INIT_RATE_FREE or
                len(self.x25519_times) > X25519_RATE_FREE or
                half_of_key[init.key_id] > 0)
