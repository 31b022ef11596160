# SPDX-License-Identifier: GPL-2.0
"""The responder's stateless proof that an INIT's source can receive."""

import hmac
import ipaddress
import os

from .keys import mac

ROTATE_S = 120
TAG_LEN = 16


def source_address(source):
    """A socket's (host, port, ...) as packed address; IPv4-mapped is IPv4."""
    address = ipaddress.ip_address(source[0].partition("%")[0])
    if address.version == 6 and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.packed


def compute(secret, generation, source, nonce_i, key_id):
    port = source[1].to_bytes(2, "big")
    text = source_address(source) + port + nonce_i + key_id
    return bytes([generation]) + mac(secret, text)[:TAG_LEN]


class CookieJar:
    """The current secret and the one before it."""

    def __init__(self, now, secret=None, generation=0):
        self.generation = generation
        self.secrets = {generation: secret or os.urandom(32)}
        self.born = now

    def _rotate(self, now):
        if now - self.born < ROTATE_S:
            return
        if now - self.born >= 2 * ROTATE_S:
            self.secrets.clear()
        previous = self.generation
        self.generation = (self.generation + 1) % 256
        self.secrets = {number: secret for number, secret in self.secrets.items()
                        if number == previous}
        self.secrets[self.generation] = os.urandom(32)
        self.born = now

    def make(self, init, source, now):
        self._rotate(now)
        return compute(self.secrets[self.generation], self.generation, source,
                       init.nonce_i, init.key_id)

    def good(self, init, source, now):
        self._rotate(now)
        if not init.cookie or init.cookie[0] not in self.secrets:
            return False
        generation = init.cookie[0]
        wanted = compute(self.secrets[generation], generation, source,
                         init.nonce_i, init.key_id)
        return hmac.compare_digest(wanted, init.cookie)
