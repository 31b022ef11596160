# SPDX-License-Identifier: GPL-2.0
"""One entity that talks to one other: dispatch, sessions and timers.

Pure like the handshake: receive() and tick() take bytes and times, what is to
be sent is left in outbox as (datagram, address), what arrived in inbox.
"""

import time
from collections import Counter, deque

from . import wire
from .data import Policy, WINDOW_DEFAULT
from .errors import Drop, Malformed
from .handshake import REST_FIRST_S, Initiator, Responder, SystemRandom

REST_MAX_S = 600
PREVIOUS_S = 60
HINT_EVERY_S = 1
HINT_ACTED_S = 30
EMPTY_EVERY_S = 1
REPEAT_EVERY_S = 1
HOLD_S = 2
HALF_OPEN_HOLD_S = 5


class Node:
    """Own entity, one key record, one peer."""

    def __init__(self, record, suites, lifetime, now, *, may_initiate=False,
                 endpoint=None, sources=(), destinations=None, policy=Policy(),
                 window=WINDOW_DEFAULT, demand_cookie=False, rng=SystemRandom()):
        self.record = record
        self.suites = tuple(suites)
        self.lifetime = lifetime
        self.may_initiate = may_initiate
        self.endpoint = endpoint
        self.filter = (sources, destinations, policy, window)
        self.rng = rng
        self.responder = Responder(record.local, [record], suites, lifetime, now,
                                   rng=rng, demand_cookie=demand_cookie)
        self.initiator = None
        self.sessions = {}      # own sid -> Session
        self.current = None
        self.next = None        # ours, not proved by a DATA of the peer
        self.outbox = deque()
        self.inbox = deque()
        self.drops = Counter()
        self.hints = []
        self.handshakes = 0
        self.last_drop = None
        self.rest = REST_FIRST_S
        self.repeated_own = None
        self.held = False
        self.hint_sent = None
        self.hint_acted = None
        self.answered_init_at = None

    # --- who goes first

    def preferred(self):
        """Are we the preferred initiator of this pair?"""
        local, remote = self.record.local, self.record.remote
        return (local.role, local.eid) > (remote.role, remote.eid)

    def _half_open(self, now):
        self.responder.expire(now)
        return (self.responder.half and self.answered_init_at is not None and
                now - self.answered_init_at < HALF_OPEN_HOLD_S)

    def start(self, now):
        """Begin a handshake, unless one is under way or must not begin."""
        if self.initiator and not self.initiator.failed and not self.initiator.proved:
            return False
        if self._half_open(now):
            return False
        self.initiator = Initiator(
            self.record, self.suites, self.lifetime, now, rng=self.rng,
            taken=(*self.sessions, *self.responder.half), rest=self.rest)
        self.held = False
        self._run_initiator(now)
        return True

    # --- what arrives

    def receive(self, datagram, source, now, wall=None):
        """Take one datagram. Returns the reason for which it was dropped."""
        wall = time.time() if wall is None else wall
        self.last_drop = None
        message = None
        try:
            message = wire.parse(datagram)
            self._handlers[message.header.type](self, message, source, now, wall)
        except Malformed as err:
            self.last_drop = f"malformed_{err.reason}"
        except Drop as err:
            self.last_drop = err.reason
            if err.hint:
                self._send_hint(message, err.hint, source, now)
        if self.last_drop:
            self.drops[self.last_drop] += 1
        return self.last_drop

    def _on_init(self, message, source, now, wall):
        own = self.initiator if self.initiator and self.initiator.waiting else None
        if own and self.preferred():
            self._refuse_init(own, message, source, now, wall)
        answer = self.responder.on_init(message, source, now, wall,
                                        taken=tuple(self.sessions))
        self.outbox.append((answer, source))
        if answer[0] & 0x0f == wire.RESP:
            self.answered_init_at = now
            if own and not self.held:
                self.held = True
                own.hold(now + HOLD_S)

    def _refuse_init(self, own, message, source, now, wall):
        """Both ends started and ours goes on: say so again, if that INIT is genuine."""
        record = self.responder.record_of(message, wall)
        self.responder.check_mac1(record, message)
        if self.repeated_own is None or now - self.repeated_own >= REPEAT_EVERY_S:
            self.repeated_own = now
            self.outbox.append((own.init_datagram(), source))
        raise Drop("not_preferred")

    def _on_resp(self, message, source, now, _wall):
        if self.initiator is None:
            raise Drop("sid_unknown")
        confirm, session = self.initiator.on_resp(message, now)
        if session is None:
            self.outbox.append((confirm, self.endpoint))
            return
        self.endpoint = source
        self._install(session)
        self.next = session
        if self.current is None:
            self.current = session
        self.outbox.append((confirm, source))

    def _on_cookie(self, message, _source, now, _wall):
        if self.initiator is None:
            raise Drop("sid_unknown")
        datagram = self.initiator.on_cookie(message, now)
        if datagram:
            self.outbox.append((datagram, self.endpoint))

    def _on_confirm(self, message, source, now, _wall):
        known = self.sessions.get(message.header.sid)
        if known:
            self._repeated_confirm(known, message, now)
            return
        session = self.responder.on_confirm(message, now)
        self._install(session)
        self.endpoint = source
        self.handshakes += 1
        if self.initiator and self.initiator.waiting:
            self.initiator = None
        self._make_current(session, now)
        self._send_data(session, b"", now)
        session.confirm_answered = now

    def _repeated_confirm(self, session, message, now):
        if session.initiator:
            raise Drop("sid_unknown")
        if (message.core, message.auth_i) != session.confirm:
            raise Drop("auth_i")
        if now - session.confirm_answered >= EMPTY_EVERY_S:
            session.confirm_answered = now
            self._send_data(session, b"", now)

    def _on_hint(self, message, _source, now, _wall):
        header = message.header
        if (header.dst, header.src) != (self.record.local.eid, self.record.remote.eid):
            raise Drop("src_dst")
        own = self.initiator if self.initiator and self.initiator.waiting else None
        about_init = own is not None and message.mac1 == own.mac1
        about_sid = (message.code == wire.HINT_SID_UNKNOWN and self.current and
                     header.sid == self.current.sid_remote)
        if not about_init and not about_sid:
            raise Drop("hint_unasked")
        self.hints.append(message.code)
        if not about_sid or not self.may_initiate:
            return
        if self.hint_acted is None or now - self.hint_acted >= HINT_ACTED_S:
            self.hint_acted = now
            self.start(now)

    def _on_data(self, message, source, now, _wall):
        sid = message.header.sid
        session = self.sessions.get(sid)
        if session is None:
            if sid in self.responder.half:
                raise Drop("before_confirm")
            if message.header.flags & wire.FLAG_U:
                raise Drop("unprotected")
            raise Drop("sid_unknown", wire.HINT_SID_UNKNOWN)
        payload, newest = session.accept(message, now)
        if newest:
            self.endpoint = source
        if session is self.next:
            self._promote(session, now)
        if payload:
            self.inbox.append((payload, session))

    _handlers = {wire.INIT: _on_init, wire.RESP: _on_resp,
                 wire.CONFIRM: _on_confirm, wire.COOKIE: _on_cookie,
                 wire.HINT: _on_hint, wire.DATA: _on_data}

    def _send_hint(self, message, code, source, now):
        if self.hint_sent is not None and now - self.hint_sent < HINT_EVERY_S:
            return
        self.hint_sent = now
        header = message.header
        mac1 = message.mac1 if header.type == wire.INIT else wire.NO_MAC1
        self.outbox.append((wire.hint_datagram(header.sid, header.src, header.dst,
                                               code, mac1), source))

    # --- sessions

    def _install(self, session):
        session.listen(*self.filter)
        self.sessions[session.sid_local] = session

    def _promote(self, session, now):
        """The peer has shown that it holds our new key."""
        self.next = None
        self.initiator.proved = True
        self.handshakes += 1
        self.rest = REST_FIRST_S
        self._make_current(session, now)

    def _make_current(self, session, now):
        """session takes over, unless an overlapping one has precedence."""
        old = self.current
        if old is session:
            return
        if old and old.initiator != session.initiator and \
           session.started < old.installed and \
           old.initiator == self.preferred():
            session.replaced_at = now
            return
        if old:
            old.replaced_at = now
        self.current = session

    def _send_data(self, session, payload, now, encrypt=True, clear=0):
        datagram = session.seal(payload, now, encrypt, clear)
        self.outbox.append((datagram, self.endpoint))
        return datagram

    def send(self, payload, now, encrypt=True, clear=0):
        """Protect one inner packet; returns the datagram, None without session."""
        if self.current is None:
            return None
        return self._send_data(self.current, payload, now, encrypt, clear)

    @property
    def up(self):
        return self.current is not None and self.current.up

    # --- time

    def tick(self, now):
        """Do what is due; call it several times a second."""
        self._run_initiator(now)
        for session in list(self.sessions.values()):
            if session.keepalive_due(now):
                self._send_data(self.current or session, b"", now)
                session.owe_answer_since = None
            if session.expired(now) or (session.replaced_at is not None and
                                        now - session.replaced_at >= PREVIOUS_S):
                self._remove(session)
        if self.may_initiate and (self.current is None or self.current.rekey_due(now) or
                                  self.current.dead(now)):
            self.start(now)

    def _remove(self, session):
        self.sessions.pop(session.sid_local, None)
        if session is self.current:
            self.current = None
        if session is self.next:
            self.next = None

    def _run_initiator(self, now):
        if self.initiator is None:
            return
        datagram = self.initiator.due(now)
        if datagram:
            self.outbox.append((datagram, self.endpoint))
        if not self.initiator.failed:
            return
        self.initiator = None
        if self.next:
            # No DATA has proved our CONFIRM: start anew at once.
            self._remove(self.next)
            return
        self.rest = min(2 * self.rest, REST_MAX_S)
