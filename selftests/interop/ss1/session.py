# SPDX-License-Identifier: GPL-2.0
"""One session: keys, counters and clocks of both directions."""

from .data import Receiver, seal

KEEPALIVE_S = 10
DEAD_S = 15
REKEY_INITIATOR = 0.8
REKEY_RESPONDER = 0.9


class Session:
    """What a finished handshake leaves behind.

    started is when its INIT was made or first answered, installed when its
    keys came in; two handshakes overlap where one began before the other was
    installed.
    """

    def __init__(self, handshake, keys, now):
        self.initiator = handshake.initiator
        self.suite = handshake.suite
        self.sid_local = handshake.sid_local
        self.sid_remote = handshake.sid_remote
        self.local_eid = handshake.record.local.eid
        self.remote_eid = handshake.record.remote.eid
        self.lifetime = handshake.lifetime
        self.confirm = handshake.confirm
        self.started = handshake.started
        self.installed = now
        keys_i, keys_r = keys
        self.send_keys = keys_i if self.initiator else keys_r
        self.recv_keys = keys_r if self.initiator else keys_i
        self.receiver = None
        self.tx_seq = 0
        self.up = False
        self.received = 0
        self.last_sent = now
        self.owe_answer_since = None
        self.unanswered_since = None
        self.replaced_at = None
        self.confirm_answered = None

    def listen(self, sources, destinations, policy, window):
        """Set what this session lets in."""
        self.receiver = Receiver(self.recv_keys, self.sid_local, self.local_eid,
                                 self.remote_eid, sources, destinations, policy,
                                 window)

    def seal(self, payload, now, encrypt=True, clear=0):
        """The next datagram; an empty payload is always sent as a keepalive."""
        if self.tx_seq >= self.suite.hard_limit:
            raise RuntimeError("the session's hard limit is reached")
        if not payload:
            encrypt, clear = True, 0
        clear = min(clear, len(payload) // 4)
        datagram = seal(self.send_keys, self.sid_remote, self.remote_eid,
                        self.local_eid, self.tx_seq, payload, encrypt, clear)
        self.tx_seq += 1
        self.last_sent = now
        self.owe_answer_since = None
        if payload and self.unanswered_since is None:
            self.unanswered_since = now
        return datagram

    def accept(self, message, now):
        """Returns (payload, newest), or raises Drop."""
        payload, newest = self.receiver.accept(message)
        self.received += 1
        self.up = True
        self.unanswered_since = None
        if payload and self.owe_answer_since is None:
            self.owe_answer_since = now
        return payload, newest

    def keepalive_due(self, now):
        return (self.owe_answer_since is not None and
                now - max(self.owe_answer_since, self.last_sent) >= KEEPALIVE_S)

    def dead(self, now):
        return (self.unanswered_since is not None and
                now - self.unanswered_since >= DEAD_S)

    def rekey_due(self, now):
        share = REKEY_INITIATOR if self.initiator else REKEY_RESPONDER
        return now - self.installed >= share * self.lifetime

    def expired(self, now):
        return now - self.installed >= self.lifetime
