# SPDX-License-Identifier: GPL-2.0
"""Messages and bytes: sections 3 and 4, every check of form and none of state."""

import struct
from dataclasses import dataclass

from .errors import Malformed
from .identity import EID_LEN, EID_ONES, EID_ZERO, ROLES
from .keys import v8, v16
from .suites import LIFETIME_MAX, LIFETIME_MIN, SUITES, offers_x25519

HEADER_LEN = 24
HOP_LIMIT = 8
VERSION = 1

INIT, RESP, CONFIRM, COOKIE, HINT, DATA = 1, 2, 3, 4, 5, 8
NAMES = {INIT: "INIT", RESP: "RESP", CONFIRM: "CONFIRM", COOKIE: "COOKIE",
         HINT: "HINT", DATA: "DATA"}

FLAG_E = 0x01
FLAG_U = 0x02

SID_NONE = bytes(4)
NO_MAC1 = bytes(16)
INIT_MAX = 1232
SUITES_MAX = 8
SEQ_LEN = 8
TAG_LEN = 16
COOKIE_LEN = 17

HINT_KEY_UNKNOWN, HINT_NO_SUITE, HINT_NOT_VALID, HINT_BUSY, HINT_SID_UNKNOWN = range(1, 6)


@dataclass(frozen=True)
class Header:
    """The 24 bytes in front of every message."""

    type: int
    sid: bytes
    dst: bytes
    src: bytes
    flags: int = 0
    clear: int = 0
    hop_limit: int = HOP_LIMIT

    def pack(self, hop_limit=None):
        hops = self.hop_limit if hop_limit is None else hop_limit
        return (bytes([VERSION << 4 | self.type, self.flags, hops, self.clear]) +
                self.sid + self.dst + self.src)

    def authenticated(self):
        """The header as every hash, MAC and AAD sees it."""
        return self.pack(hop_limit=0)


@dataclass(frozen=True)
class Init:
    header: Header
    core: bytes
    sid_i: bytes
    nonce_i: bytes
    key_id: bytes
    role_i: int
    role_r: int
    lifetime: int
    suites: tuple
    e_i: bytes
    ext: bytes
    mac1: bytes
    cookie: bytes


@dataclass(frozen=True)
class Resp:
    header: Header
    core: bytes
    sid_r: bytes
    nonce_r: bytes
    suite: int
    e_r: bytes
    lifetime: int
    ext: bytes
    auth_r: bytes


@dataclass(frozen=True)
class Confirm:
    header: Header
    core: bytes
    ext: bytes
    auth_i: bytes


@dataclass(frozen=True)
class Cookie:
    header: Header
    mac1: bytes
    cookie: bytes


@dataclass(frozen=True)
class Hint:
    header: Header
    code: int
    mac1: bytes


@dataclass(frozen=True)
class Data:
    """body is what lies between seq and tag; tag is empty with U."""

    header: Header
    seq: int
    body: bytes
    tag: bytes


class Reader:
    """Takes fields off a datagram, and knows when there is too little."""

    def __init__(self, data, offset):
        self.data = data
        self.offset = offset

    def take(self, length):
        end = self.offset + length
        if end > len(self.data):
            raise Malformed("length")
        piece = self.data[self.offset:end]
        self.offset = end
        return piece

    def u8(self):
        return self.take(1)[0]

    def u16(self):
        return struct.unpack("!H", self.take(2))[0]

    def u32(self):
        return struct.unpack("!I", self.take(4))[0]

    def v8(self, lengths):
        """A counted field of one of the lengths that are allowed."""
        length = self.u8()
        if length not in lengths:
            raise Malformed("length")
        return self.take(length)

    def ext(self):
        data = self.take(self.u16())
        ext_items(data)
        return data

    def end(self):
        if self.offset != len(self.data):
            raise Malformed("length")


def ext_items(data):
    """Split an ext list into its (type, value) pairs."""
    items = []
    offset = 0
    while offset < len(data):
        if len(data) - offset < 3:
            raise Malformed("ext")
        kind, length = struct.unpack_from("!BH", data, offset)
        offset += 3
        if length > len(data) - offset:
            raise Malformed("ext")
        items.append((kind, data[offset:offset + length]))
        offset += length
    return items


def ext_pack(items):
    return b"".join(bytes([kind]) + v16(value) for kind, value in items)


def _nonzero_sid(sid):
    if sid == SID_NONE:
        raise Malformed("sid")
    return sid


def _lifetime(value):
    if not LIFETIME_MIN <= value <= LIFETIME_MAX:
        raise Malformed("lifetime")
    return value


def parse_header(datagram):
    """The header's own rules, the same for all messages."""
    if len(datagram) < HEADER_LEN:
        raise Malformed("short")
    first, flags, hops, clear = datagram[:4]
    if first >> 4 != VERSION:
        raise Malformed("version")
    kind = first & 0x0f
    if kind not in NAMES:
        raise Malformed("type")
    header = Header(kind, datagram[4:8], datagram[8:8 + EID_LEN],
                    datagram[16:16 + EID_LEN], flags, clear, hops)
    if kind != DATA and (flags or clear):
        raise Malformed("reserved")
    if kind == DATA and flags not in (0, FLAG_E, FLAG_U):
        raise Malformed("reserved")
    if clear and not flags & FLAG_E:
        raise Malformed("reserved")
    for eid in (header.dst, header.src):
        if eid in (EID_ZERO, EID_ONES):
            raise Malformed("eid")
    if kind == INIT or flags & FLAG_U:
        if header.sid != SID_NONE:
            raise Malformed("sid")
    elif kind != HINT:
        _nonzero_sid(header.sid)
    return header


def _parse_init(header, datagram):
    if len(datagram) > INIT_MAX:
        raise Malformed("length")
    reader = Reader(datagram, HEADER_LEN)
    sid_i = _nonzero_sid(reader.take(4))
    nonce_i = reader.take(32)
    key_id = reader.take(16)
    roles = (reader.u8(), reader.u8())
    if any(role not in ROLES for role in roles):
        raise Malformed("role")
    lifetime = _lifetime(reader.u32())
    count = reader.u8()
    if not 1 <= count <= SUITES_MAX:
        raise Malformed("suites")
    suites = tuple(reader.u16() for _ in range(count))
    e_i = reader.v8((0, 32))
    # Beside an unknown code nobody can tell whether e_i is due, so only the
    # known ones decide.
    known_only = all(code in SUITES for code in suites)
    if offers_x25519(suites) and not e_i or known_only and e_i and not offers_x25519(suites):
        raise Malformed("e_presence")
    ext = reader.ext()
    core = header.authenticated() + datagram[HEADER_LEN:reader.offset]
    mac1 = reader.take(16)
    cookie = reader.v8((0, COOKIE_LEN))
    reader.end()
    return Init(header, core, sid_i, nonce_i, key_id, *roles, lifetime, suites,
                e_i, ext, mac1, cookie)


def _parse_resp(header, datagram):
    reader = Reader(datagram, HEADER_LEN)
    sid_r = _nonzero_sid(reader.take(4))
    nonce_r = reader.take(32)
    suite = reader.u16()
    if suite not in SUITES:
        raise Malformed("suites")
    e_r = reader.v8((0, 32))
    if bool(e_r) != SUITES[suite].x25519:
        raise Malformed("e_presence")
    lifetime = _lifetime(reader.u32())
    ext = reader.ext()
    core = header.authenticated() + datagram[HEADER_LEN:reader.offset]
    auth_r = reader.take(32)
    reader.end()
    return Resp(header, core, sid_r, nonce_r, suite, e_r, lifetime, ext, auth_r)


def _parse_confirm(header, datagram):
    reader = Reader(datagram, HEADER_LEN)
    ext = reader.ext()
    core = header.authenticated() + datagram[HEADER_LEN:reader.offset]
    auth_i = reader.take(32)
    reader.end()
    return Confirm(header, core, ext, auth_i)


def _parse_cookie(header, datagram):
    reader = Reader(datagram, HEADER_LEN)
    message = Cookie(header, reader.take(16), reader.take(COOKIE_LEN))
    reader.end()
    return message


def _parse_hint(header, datagram):
    reader = Reader(datagram, HEADER_LEN)
    code = reader.u16()
    mac1 = reader.take(16)
    reader.end()
    if not HINT_KEY_UNKNOWN <= code <= HINT_SID_UNKNOWN:
        raise Malformed("hint_code")
    return Hint(header, code, mac1)


def _parse_data(header, datagram):
    reader = Reader(datagram, HEADER_LEN)
    seq = int.from_bytes(reader.take(SEQ_LEN), "big")
    if header.flags & FLAG_U:
        if seq:
            raise Malformed("seq")
        return Data(header, seq, datagram[reader.offset:], b"")
    length = len(datagram) - reader.offset - TAG_LEN
    if length < 0 or 4 * header.clear > length:
        raise Malformed("length")
    return Data(header, seq, reader.take(length), reader.take(TAG_LEN))


_PARSERS = {INIT: _parse_init, RESP: _parse_resp, CONFIRM: _parse_confirm,
            COOKIE: _parse_cookie, HINT: _parse_hint, DATA: _parse_data}


def parse(datagram):
    """A message, or Malformed. Nothing of the datagram is believed before."""
    header = parse_header(datagram)
    return _PARSERS[header.type](header, datagram)


def _sent(core):
    """A core has the hop limit as 0; this is how it leaves."""
    return core[:2] + bytes([HOP_LIMIT]) + core[3:]


def init_core(dst, src, sid_i, nonce_i, key_id, role_i, role_r, lifetime,
              suites, e_i, ext):
    header = Header(INIT, SID_NONE, dst, src)
    return (header.authenticated() + sid_i + nonce_i + key_id +
            struct.pack("!BBIB", role_i, role_r, lifetime, len(suites)) +
            b"".join(struct.pack("!H", code) for code in suites) +
            v8(e_i) + v16(ext))


def init_datagram(core, mac1, cookie=b""):
    return _sent(core) + mac1 + v8(cookie)


def resp_core(sid_i, dst, src, sid_r, nonce_r, suite, e_r, lifetime, ext):
    header = Header(RESP, sid_i, dst, src)
    return (header.authenticated() + sid_r + nonce_r + struct.pack("!H", suite) +
            v8(e_r) + struct.pack("!I", lifetime) + v16(ext))


def confirm_core(sid_r, dst, src, ext):
    return Header(CONFIRM, sid_r, dst, src).authenticated() + v16(ext)


def signed(core, auth):
    """RESP or CONFIRM, complete."""
    return _sent(core) + auth


def cookie_datagram(sid_i, dst, src, mac1, cookie):
    return Header(COOKIE, sid_i, dst, src).pack() + mac1 + cookie


def hint_datagram(sid, dst, src, code, mac1=NO_MAC1):
    return Header(HINT, sid, dst, src).pack() + struct.pack("!H", code) + mac1


def unprotected_datagram(dst, src, payload):
    """DATA with U: what a link that is secure itself carries (section 8)."""
    return (Header(DATA, SID_NONE, dst, src, FLAG_U).pack() + bytes(SEQ_LEN) +
            payload)
