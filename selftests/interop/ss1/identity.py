# SPDX-License-Identifier: GPL-2.0
"""Entity IDs, EIDs and the addresses that follow from them (section 1)."""

import hashlib
import ipaddress
from dataclasses import dataclass

ROLE_SERVER = 1
ROLE_PNGW = 2
ROLE_PNE = 3
ROLES = (ROLE_SERVER, ROLE_PNGW, ROLE_PNE)

EID_LEN = 8
EID_ZERO = bytes(EID_LEN)
EID_ONES = b"\xff" * EID_LEN
NAME_MAX = 255

# Controls, white space, invisible characters and direction marks.
FORBIDDEN = (
    (0x0000, 0x0020), (0x007f, 0x00a0), (0x1680, 0x1680), (0x2000, 0x200f),
    (0x2028, 0x202f), (0x205f, 0x2069), (0x3000, 0x3000), (0xfeff, 0xfeff),
)


def check_name(name, empty_ok=False):
    """Refuse bytes that are no Entity ID (or, with empty_ok, no User ID)."""
    if not name and not empty_ok:
        raise ValueError("is empty")
    if len(name) > NAME_MAX:
        raise ValueError(f"has {len(name)} bytes, at most {NAME_MAX} are allowed")
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError as err:
        raise ValueError("is not well-formed UTF-8") from err
    for char in text:
        if any(low <= ord(char) <= high for low, high in FORBIDDEN):
            raise ValueError(f"contains the forbidden character U+{ord(char):04X}")
    return name


def eid_of(name):
    """The 8 bytes by which the wire knows an entity."""
    eid = hashlib.sha256(b"CPNS EID v1\0" + name).digest()[:EID_LEN]
    if eid in (EID_ZERO, EID_ONES):
        raise ValueError("has an invalid EID, choose another Entity ID")
    return eid


def domain_of(server_name):
    """What follows the last @ of the Server's Entity ID, or all of it."""
    if server_name.endswith(b"@"):
        raise ValueError("a Server's Entity ID must not end in @")
    return server_name.rpartition(b"@")[2]


def overlay_prefix(domain):
    """The first 8 bytes of every overlay address of a domain."""
    digest = hashlib.sha256(b"CPNS domain v1\0" + domain).digest()
    return b"\xfd" + digest[:5] + b"\x00\x01"


def overlay_address(domain, eid):
    return ipaddress.IPv6Address(overlay_prefix(domain) + eid)


def link_local(eid):
    return ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + eid)


@dataclass(frozen=True)
class Entity:
    """One end of a key record: a name that holds one role."""

    name: bytes
    role: int

    def __post_init__(self):
        check_name(self.name)
        if self.role not in ROLES:
            raise ValueError(f"role {self.role} is none of {ROLES}")

    @property
    def eid(self):
        return eid_of(self.name)
