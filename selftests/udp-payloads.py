#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Prints the UDP datagrams of a capture, one a line:

	source sport destination dport payload

with the payload in hex. Fragments are left out."""

import ipaddress
import struct
import sys

LINK_HEADER = {1: 14, 101: 0, 12: 0, 113: 16, 276: 20}


def packets(data):
    """The link-level packets of a pcap file, cut where the file is cut."""
    if len(data) < 24:
        return
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link = struct.unpack(order + "I", data[20:24])[0] & 0xffff
    if link not in LINK_HEADER:
        sys.exit("udp-payloads: link type %d is not known" % link)
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack(order + "I", data[at + 8:at + 12])[0]
        yield data[at + 16 + LINK_HEADER[link]:at + 16 + length]
        at += 16 + length


def datagram(ip):
    """(source, destination, UDP header and payload), or None."""
    if len(ip) >= 28 and ip[0] >> 4 == 4 and ip[9] == 17:
        if struct.unpack("!H", ip[6:8])[0] & 0x1fff:
            return None
        total = struct.unpack("!H", ip[2:4])[0]
        return ip[12:16], ip[16:20], ip[(ip[0] & 15) * 4:total]
    if len(ip) >= 48 and ip[0] >> 4 == 6 and ip[6] == 17:
        total = 40 + struct.unpack("!H", ip[4:6])[0]
        return ip[8:24], ip[24:40], ip[40:total]
    return None


def main(path):
    with open(path, "rb") as f:
        data = f.read()
    for packet in packets(data):
        found = datagram(packet)
        if not found:
            continue
        source, destination, udp = found
        sport, dport = struct.unpack("!HH", udp[:4])
        print(ipaddress.ip_address(source), sport,
              ipaddress.ip_address(destination), dport, udp[8:].hex())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: udp-payloads.py FILE")
    main(sys.argv[1])
