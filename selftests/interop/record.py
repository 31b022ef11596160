#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Key record files of the Python peer: read one, or make a mirrored pair.

  record.py --out A.json,B.json --a ID:ROLE --b ID:ROLE [--server ID] ...

A record file holds a secret. It is made with mode 0600, and one that others
can read is refused.
"""

import argparse
import ipaddress
import json
import os
import secrets
import stat
import sys
from dataclasses import dataclass

from ss1.identity import (Entity, check_name, domain_of, link_local,
                          overlay_address)
from ss1.keys import KeyRecord


class RecordError(Exception):
    """A file that cannot be used, with what to do about it."""


@dataclass(frozen=True)
class PeerRecord:
    """A key record and the inner addresses that go with it."""

    key: KeyRecord
    local_address: object
    remote_address: object
    local_link: object
    remote_link: object
    local4: object = None
    remote4: object = None

    def local_addresses(self):
        return [address for address in
                (self.local_address, self.local_link, self.local4) if address]

    def remote_addresses(self):
        return [address for address in
                (self.remote_address, self.remote_link, self.remote4) if address]


def _read_private(path):
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(fd, encoding="utf-8") as stream:
        mode = stat.S_IMODE(os.fstat(fd).st_mode)
        if mode & 0o077:
            raise RecordError(f"{path}: mode {mode:04o} lets others read the key; "
                              "chmod 0600 it")
        return json.load(stream)


def load(path, wrong_key=False):
    """Read a record file. wrong_key changes the key, to see it refused."""
    try:
        given = _read_private(path)
        local, remote = (Entity(given[end]["entity_id"].encode(), given[end]["role"])
                         for end in ("local", "remote"))
        key = bytes.fromhex(given["key"])
        if wrong_key:
            key = bytes([key[0] ^ 1]) + key[1:]
        record = KeyRecord(
            key_id=bytes.fromhex(given["key_id"]), key=key, local=local,
            remote=remote, user_id=given.get("user_id", "").encode(),
            generation=given.get("generation", 1),
            pure_psk=given.get("pure_psk", False),
            not_before=given.get("not_before", 0),
            not_after=given.get("not_after", 0))
        domain = domain_of(check_name(given["server"].encode()))
        inner4 = [ipaddress.IPv4Address(given[name]) if given.get(name) else None
                  for name in ("local4", "remote4")]
    except OSError as err:
        raise RecordError(f"{path}: {err.strerror}") from err
    except KeyError as err:
        raise RecordError(f"{path}: the field {err} is missing") from err
    except (ValueError, TypeError, AttributeError) as err:
        # A parser's message may quote the file, and the file is a secret.
        raise RecordError(f"{path}: is no key record ({type(err).__name__}); make "
                          "one with record.py") from None
    return PeerRecord(record, overlay_address(domain, local.eid),
                      overlay_address(domain, remote.eid), link_local(local.eid),
                      link_local(remote.eid), *inner4)


def write(path, record):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as stream:
        json.dump(record, stream, indent=1)
        stream.write("\n")


def _entity(text):
    name, _, role = text.rpartition(":")
    return {"entity_id": name, "role": int(role)}


def main():
    parser = argparse.ArgumentParser(
        description="Make the two record files of a new key.")
    parser.add_argument("--out", required=True, metavar="A,B",
                        help="the two files to make")
    for end in "ab":
        parser.add_argument(f"--{end}", required=True, type=_entity,
                            metavar="ID:ROLE", help=f"entity {end} and its role number")
        parser.add_argument(f"--{end}4", metavar="ADDR",
                            help=f"inner IPv4 address of {end}")
    parser.add_argument("--server", help="Entity ID whose domain is used (default: a)")
    parser.add_argument("--user", default="", help="User ID")
    parser.add_argument("--pure-psk", action="store_true",
                        help="permit the pure-PSK suites")
    args = parser.parse_args()
    paths = args.out.split(",")
    if len(paths) != 2:
        parser.error("--out wants two file names with a comma between")
    common = {"key_id": secrets.token_hex(16), "key": secrets.token_hex(32),
              "user_id": args.user, "generation": 1, "pure_psk": args.pure_psk,
              "server": args.server or args.a["entity_id"]}
    try:
        write(paths[0], {**common, "local": args.a, "remote": args.b,
                         "local4": args.a4, "remote4": args.b4})
        write(paths[1], {**common, "local": args.b, "remote": args.a,
                         "local4": args.b4, "remote4": args.a4})
        for path in paths:
            load(path)
    except (OSError, RecordError) as err:
        sys.exit(f"record.py: {err}")


if __name__ == "__main__":
    main()
