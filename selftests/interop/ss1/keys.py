# SPDX-License-Identifier: GPL-2.0
"""Key records and the key schedule (sections 2 and 4).

Python cannot wipe an immutable bytes object; forget() drops the references,
which is all that a test peer can do and less than the project's own code does.
"""

import hashlib
import hmac
import struct
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey, X25519PublicKey)
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from .errors import Drop
from .identity import Entity, check_name
from .suites import CTR_HMAC

KEY_ID_LEN = 16
KEY_LEN = 32
MAC1_LEN = 16
IV_LEN = 12
NO_DH = bytes(32)

KIND_EUKEY = 1
KIND_LOCALEUKEY = 2
KIND_STATIC = 3


@dataclass(frozen=True)
class KeyRecord:
    """A pre-shared key and the two entities that it binds, seen from local."""

    key_id: bytes
    key: bytes = field(repr=False)
    local: Entity
    remote: Entity
    kind: int = KIND_STATIC
    user_id: bytes = b""
    generation: int = 1
    pure_psk: bool = False
    not_before: int = 0
    not_after: int = 0

    def __post_init__(self):
        if len(self.key_id) != KEY_ID_LEN:
            raise ValueError(f"key_id must be {KEY_ID_LEN} bytes")
        if len(self.key) != KEY_LEN:
            raise ValueError(f"key must be {KEY_LEN} bytes")
        check_name(self.user_id, empty_ok=True)
        if self.local.name == self.remote.name:
            raise ValueError("the two Entity IDs of a key record must differ")
        if self.local.role == self.remote.role and self.kind != KIND_STATIC:
            raise ValueError("equal roles are possible with static keys only")

    def valid_at(self, wall):
        """Is wall (seconds since 1970) within the record's validity?"""
        return (wall >= self.not_before and
                (not self.not_after or wall < self.not_after))


def sha256(data):
    return hashlib.sha256(data).digest()


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def v8(data):
    return struct.pack("!B", len(data)) + data


def v16(data):
    return struct.pack("!H", len(data)) + data


def extract(salt, secret):
    """HKDF-Extract."""
    return mac(salt, secret)


def xl_info(label, context, length):
    return (struct.pack("!H", length) + v8(b"CPNS-SS1 " + label.encode()) +
            v8(context))


def xl(secret, label, context, length):
    """The page's XL: labelled HKDF-Expand."""
    expand = HKDFExpand(hashes.SHA256(), length, xl_info(label, context, length))
    return expand.derive(secret)


def x25519(private, public):
    """The shared secret of both; a result of zero is refused."""
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as err:
        raise Drop("x25519_zero") from err


def x25519_private(data):
    return X25519PrivateKey.from_private_bytes(data)


@dataclass(frozen=True)
class TrafficKeys:
    """What protects one direction of a session."""

    protection: str
    key: bytes = field(repr=False)
    iv: bytes = field(repr=False)
    mac_key: bytes = field(repr=False, default=b"")


class KeySchedule:
    """One handshake's secrets, in the order in which the page derives them.

    The attributes carry the page's names, so that a test can compare each.
    """

    def __init__(self, record, initiator, responder):
        self.prologue = (
            b"CPNS-SS1" + bytes([initiator.role]) + v8(initiator.name) +
            bytes([responder.role]) + v8(responder.name) +
            v8(record.user_id) + record.key_id)
        self.h_prologue = sha256(self.prologue)
        self.PSKx = xl(extract(bytes(32), record.key), "import",
                       self.h_prologue, 32)
        self.mac1_key = xl(self.PSKx, "m1 mac", b"", 32)
        self.core1 = self.mac1 = None
        self.dh = self.hs = None
        self.core2 = self.th2 = self.auth_r_key = self.auth_r = None
        self.core3 = self.th3 = self.auth_i_key = self.auth_i = None
        self.th4 = self.ms = self.ts_i = self.ts_r = self.exporter = None

    def sign_init(self, core1):
        """Take the INIT into the transcript; returns its mac1."""
        self.core1 = core1
        self.mac1 = mac(self.mac1_key, core1)[:MAC1_LEN]
        return self.mac1

    def sign_resp(self, core2, dh):
        """Take the RESP and the X25519 result (or NO_DH); returns auth_r."""
        self.core2 = core2
        self.dh = dh
        self.hs = extract(self.PSKx, dh)
        self.th2 = sha256(self.h_prologue + self.core1 + self.mac1 + core2)
        self.auth_r_key = xl(self.hs, "auth r", self.th2, 32)
        self.auth_r = mac(self.auth_r_key, self.th2)
        return self.auth_r

    def sign_confirm(self, core3):
        """Take the CONFIRM; returns auth_i and derives the session's keys."""
        self.core3 = core3
        self.th3 = sha256(self.th2 + self.auth_r + core3)
        self.auth_i_key = xl(self.hs, "auth i", self.th3, 32)
        self.auth_i = mac(self.auth_i_key, self.th3)
        self.th4 = sha256(self.th3 + self.auth_i)
        self.ms = xl(self.hs, "master", self.th4, 32)
        self.ts_i = xl(self.ms, "i data", self.th4, 32)
        self.ts_r = xl(self.ms, "r data", self.th4, 32)
        self.exporter = xl(self.ms, "exporter", self.th4, 32)
        return self.auth_i

    def traffic(self, protection):
        """The keys of both directions: (initiator sends, responder sends)."""
        return tuple(self._direction(secret, protection)
                     for secret in (self.ts_i, self.ts_r))

    @staticmethod
    def _direction(secret, protection):
        with_mac = protection == CTR_HMAC
        return TrafficKeys(
            protection, xl(secret, "key", b"", 32), xl(secret, "iv", b"", IV_LEN),
            xl(secret, "mac", b"", 32) if with_mac else b"")

    def forget(self):
        """The keys are installed: nothing of the handshake is kept."""
        self.PSKx = self.mac1_key = self.dh = self.hs = self.ms = None
        self.auth_r_key = self.auth_i_key = None
        self.ts_i = self.ts_r = self.exporter = None
