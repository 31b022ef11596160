# SPDX-License-Identifier: GPL-2.0
"""The suites and the limits of their protections."""

from dataclasses import dataclass

AES_GCM = "AES-256-GCM"
CHACHA = "ChaCha20-Poly1305"
CTR_HMAC = "AES-256-CTR+HMAC-SHA-256-128"

# Packets after which a key dies: a seq at or over it is never accepted.
HARD_LIMIT = {AES_GCM: 1 << 36, CHACHA: 1 << 60, CTR_HMAC: 1 << 36}

LIFETIME_MIN = 60
LIFETIME_MAX = 604800
LIFETIME_X25519 = 3600
LIFETIME_PURE_PSK = 86400


@dataclass(frozen=True)
class Suite:
    """What a suite code stands for."""

    code: int
    x25519: bool
    protection: str

    @property
    def hard_limit(self):
        return HARD_LIMIT[self.protection]


SUITES = {
    code: Suite(code, code < 0x0100, protection)
    for code, protection in (
        (0x0001, AES_GCM), (0x0002, CHACHA), (0x0003, CTR_HMAC),
        (0x0101, AES_GCM), (0x0102, CHACHA), (0x0103, CTR_HMAC),
    )
}


def offers_x25519(codes):
    return any(code in SUITES and SUITES[code].x25519 for code in codes)


def default_lifetime(codes):
    """Seconds that a session lives when nothing else was asked for."""
    return LIFETIME_X25519 if offers_x25519(codes) else LIFETIME_PURE_PSK


def choose(preference, offered, pure_psk):
    """The responder's choice, or None.

    Its own order decides, but forward secrecy comes first: a pure-PSK suite
    is taken only where no X25519 suite is both offered and permitted.
    """
    common = [SUITES[code] for code in preference
              if code in SUITES and code in offered]
    for suite in common:
        if suite.x25519:
            return suite
    if pure_psk and common:
        return common[0]
    return None
