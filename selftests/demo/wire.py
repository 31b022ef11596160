#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Looks at a capture of CPNS datagrams, and sends one of them again.

    wire.py FILE has TEXT           does a datagram hold the text (ip6:ADDRESS for
                                    the bytes of an address)? exit 0 or 1
    wire.py FILE all-data ID ID     is each DATA from one entity to the other?
    wire.py FILE longest            a datagram of the most bytes, as hex
    wire.py FILE forge FROM TO PORT     sends the last one of FROM to TO, its number changed
    wire.py FILE replay FROM TO PORT    sends it as it was
"""

import hashlib
import ipaddress
import os
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
HEADER = 24         # bytes, then 8 of seq
DATA = 0x18         # version 1, type 8
SHOWN = 96


def payloads(path):
    """(source, payload) of each UDP datagram of a capture."""
    out = subprocess.run([sys.executable, os.path.join(HERE, "..", "udp-payloads.py"), path],
                         check=True, text=True, stdout=subprocess.PIPE).stdout
    for line in out.splitlines():
        source, _, _, _, data = line.split()
        yield source, bytes.fromhex(data)


def eid(name):
    return hashlib.sha256(b"CPNS EID v1\0" + name.encode()).digest()[:8]


def is_data_between(datagram, ids):
    ends = datagram[8:16], datagram[16:24]
    return datagram[0] == DATA and set(ends) == {eid(i) for i in ids}


def needle(text):
    if text.startswith("ip6:"):
        return ipaddress.IPv6Address(text[4:]).packed
    return text.encode()


def printable(data):
    return "".join(chr(b) if 32 <= b < 127 else "." for b in data)


def hexdump(data):
    for at in range(0, min(len(data), SHOWN), 16):
        row = data[at:at + 16]
        print(f"{at:4}  {row.hex(' '):47}  {printable(row)}")
    print(f"      ... {len(data)} bytes in all")


def send(datagram, source, to, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sock.sendto(datagram, (to, int(port)))


def main():
    path, verb, *rest = sys.argv[1:]
    seen = list(payloads(path))
    if not seen:
        sys.exit("the capture is empty")
    datagrams = [d for _, d in seen]
    if verb == "has":
        return not any(needle(rest[0]) in d for d in datagrams)
    if verb == "all-data":
        return not all(is_data_between(d, rest) for d in datagrams)
    if verb == "longest":
        hexdump(max(datagrams, key=len))
        return 0
    source, to, port = rest
    # The last one: its number is within the window, and surely seen.
    datagram = next(d for s, d in reversed(seen) if s == source)
    if verb == "forge":
        # As new as can be, so that the tag alone stands against it.
        seq = int.from_bytes(datagram[HEADER:HEADER + 8], "big") + 1000
        datagram = datagram[:HEADER] + seq.to_bytes(8, "big") + datagram[HEADER + 8:]
    elif verb != "replay":
        sys.exit(__doc__)
    send(datagram, source, to, port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
