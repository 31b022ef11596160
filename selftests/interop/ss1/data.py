# SPDX-License-Identifier: GPL-2.0
"""DATA: seal, open, the replay window and the checks of a receiver (section 5)."""

import hmac
import ipaddress
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from .errors import Drop
from .keys import mac
from .suites import AES_GCM, CTR_HMAC, HARD_LIMIT
from .wire import (DATA, FLAG_E, FLAG_U, HOP_LIMIT, SEQ_LEN, TAG_LEN, Header)

WINDOW_DEFAULT = 8192


def nonce_of(iv, seq):
    """iv XOR (0^4 || seq)"""
    return (int.from_bytes(iv, "big") ^ seq).to_bytes(len(iv), "big")


def aad_and_text(header, seq, body):
    """Split a body into what is only authenticated and what is encrypted."""
    split = 4 * header.clear if header.flags & FLAG_E else len(body)
    aad = header.authenticated() + seq.to_bytes(SEQ_LEN, "big") + body[:split]
    return aad, body[split:]


def _ctr(key, nonce, text):
    counter_block = nonce + (1).to_bytes(4, "big")
    encryptor = Cipher(AES(key), CTR(counter_block)).encryptor()
    return encryptor.update(text) + encryptor.finalize()


def _ctr_hmac_tag(keys, aad, ciphertext):
    return mac(keys.mac_key, aad + ciphertext)[:TAG_LEN]


def _aead(keys):
    return (AESGCM if keys.protection == AES_GCM else ChaCha20Poly1305)(keys.key)


def _encrypt(keys, nonce, aad, text):
    """Returns (ciphertext, tag)."""
    if keys.protection == CTR_HMAC:
        ciphertext = _ctr(keys.key, nonce, text)
        return ciphertext, _ctr_hmac_tag(keys, aad, ciphertext)
    sealed = _aead(keys).encrypt(nonce, text, aad)
    return sealed[:-TAG_LEN], sealed[-TAG_LEN:]


def _decrypt(keys, nonce, aad, ciphertext, tag):
    if keys.protection == CTR_HMAC:
        if not hmac.compare_digest(tag, _ctr_hmac_tag(keys, aad, ciphertext)):
            raise Drop("tag")
        return _ctr(keys.key, nonce, ciphertext)
    try:
        return _aead(keys).decrypt(nonce, ciphertext + tag, aad)
    except InvalidTag as err:
        raise Drop("tag") from err


def seal(keys, sid, dst, src, seq, payload, encrypt=True, clear=0,
         hop_limit=HOP_LIMIT):
    """One protected datagram. clear counts units of 4 bytes."""
    header = Header(DATA, sid, dst, src, FLAG_E if encrypt else 0,
                    clear, hop_limit)
    aad, text = aad_and_text(header, seq, payload)
    ciphertext, tag = _encrypt(keys, nonce_of(keys.iv, seq), aad, text)
    visible = payload[:len(payload) - len(text)]
    return (header.pack() + seq.to_bytes(SEQ_LEN, "big") + visible + ciphertext +
            tag)


def unseal(keys, message):
    """The payload of a DATA message, or Drop."""
    aad, ciphertext = aad_and_text(message.header, message.seq, message.body)
    text = _decrypt(keys, nonce_of(keys.iv, message.seq), aad, ciphertext,
                    message.tag)
    return message.body[:len(message.body) - len(ciphertext)] + text


class Window:
    """Which seq may still be accepted."""

    def __init__(self, size=WINDOW_DEFAULT):
        if size % 64 or not 64 <= size <= 32768:
            raise ValueError("the window must be a multiple of 64 from 64 to 32768")
        self.size = size
        self.highest = -1
        self.seen = 0       # bit n: highest - n was accepted

    def check(self, seq):
        behind = self.highest - seq
        if behind < 0:
            return
        if behind >= self.size:
            raise Drop("old")
        if self.seen >> behind & 1:
            raise Drop("replay")

    def enter(self, seq):
        """Returns whether seq is the highest so far."""
        ahead = seq - self.highest
        if ahead <= 0:
            self.seen |= 1 << -ahead
            return False
        # A jump over the whole window leaves nothing worth shifting.
        self.seen = 1 if ahead >= self.size else self.seen << ahead | 1
        self.seen &= (1 << self.size) - 1
        self.highest = seq
        return True


@dataclass(frozen=True)
class Policy:
    """The least protection that a receiver accepts."""

    allow_mac_only: bool = False
    max_clear: int = 0

    def check(self, header):
        if self.allow_mac_only:
            return
        if not header.flags & FLAG_E or header.clear > self.max_clear:
            raise Drop("policy")


def inner_addresses(payload):
    """(source, destination) of a whole IP packet, or Drop."""
    version = payload[0] >> 4
    if version == 4 and len(payload) >= 20:
        header_len = (payload[0] & 0x0f) * 4
        if int.from_bytes(payload[2:4], "big") == len(payload) and \
           20 <= header_len <= len(payload):
            return (ipaddress.IPv4Address(payload[12:16]),
                    ipaddress.IPv4Address(payload[16:20]))
    if version == 6 and len(payload) >= 40:
        if int.from_bytes(payload[4:6], "big") + 40 == len(payload):
            return (ipaddress.IPv6Address(payload[8:24]),
                    ipaddress.IPv6Address(payload[24:40]))
    raise Drop("inner")


def _within(address, networks):
    return any(address.version == net.version and address in net
               for net in networks)


class Receiver:
    """The receiving side of one session.

    sources are the networks from which the peer may speak, destinations those
    that it may reach here (None: anywhere, for vectors that do not say).
    """

    def __init__(self, keys, sid, dst, src, sources, destinations=None,
                 policy=Policy(), window=WINDOW_DEFAULT):
        self.keys = keys
        self.sid = sid
        self.dst = dst
        self.src = src
        self.sources = sources
        self.destinations = destinations
        self.policy = policy
        self.window = Window(window)

    def accept(self, message):
        """Returns (payload, is the seq the highest yet), or raises Drop."""
        header = message.header
        if header.flags & FLAG_U:
            raise Drop("unprotected")
        if header.sid != self.sid:
            raise Drop("sid_unknown")
        if (header.dst, header.src) != (self.dst, self.src):
            raise Drop("src_dst")
        if message.seq >= HARD_LIMIT[self.keys.protection]:
            raise Drop("hard_limit")
        self.window.check(message.seq)
        payload = unseal(self.keys, message)
        newest = self.window.enter(message.seq)
        if payload:
            self.policy.check(header)
            source, destination = inner_addresses(payload)
            if not _within(source, self.sources):
                raise Drop("inner_src")
            if self.destinations is not None and \
               not _within(destination, self.destinations):
                raise Drop("inner_dst")
        return payload, newest
