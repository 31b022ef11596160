#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What an administrator sees: tracepoints, ethtool, ip link."""

import json
import os
import re
import sys
from contextlib import contextmanager

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap
from cpnstest.ktap import check, equal
from cpnstest.pair import Pair, load_module

TRACING = "/sys/kernel/tracing"


def write(name, value):
    with open(f"{TRACING}/{name}", "w", encoding="ascii") as f:
        f.write(value)


@contextmanager
def traced():
    """Lines of the module's tracepoints, in a list that is full at the end."""
    if not os.path.isdir(f"{TRACING}/events/cpns"):
        raise ktap.Skip("no tracefs, or no tracepoints in this kernel")
    lines = []
    write("trace", "")
    write("events/cpns/enable", "1")
    try:
        yield lines
    finally:
        write("events/cpns/enable", "0")
        with open(f"{TRACING}/trace", encoding="ascii") as f:
            for line in f:
                found = re.search(r" (cpns_\w+): (.*)", line)
                if found:
                    fields = dict(x.split("=", 1) for x in found[2].split())
                    lines.append((found[1], fields))


def wanted(lines, name, **fields):
    """The lines of a tracepoint with these fields."""
    return [f for n, f in lines if n == name and
            all(f.get(k) == str(v) for k, v in fields.items())]


def packets_are_traced():
    p = Pair()
    seq = p.a.keys()[0]["tx-packets"]
    with traced() as lines:
        p.ping()
    eids = {end: f"{end.eid:016x}" for end in (p.a, p.b)}
    sids = {end: f"{p.session.sid[end]:08x}" for end in (p.a, p.b)}
    length = 40 + 8 + 56 + 48
    equal("seal at a", 1, len(wanted(lines, "cpns_seal", eid=eids[p.b], sid=sids[p.b], seq=seq,
                                     ifindex=p.a.ifindex, len=length, flags="0x1", clear=0,
                                     err=0)))
    equal("open at b", 1, len(wanted(lines, "cpns_open", eid=eids[p.a], sid=sids[p.b], seq=seq,
                                     ifindex=p.b.ifindex, len=length, flags="0x1", clear=0,
                                     err=0)))
    equal("seal at b", 1, len(wanted(lines, "cpns_seal", eid=eids[p.a], sid=sids[p.a],
                                     len=length)))
    equal("drops", [], [f for f in wanted(lines, "cpns_drop")
                        if f["reason"] != "tx-multicast"])
    p.delete()


def drops_are_traced_with_their_reason():
    p = Pair()
    sock = p.raw_socket(1)
    good = p.session.seal(p.b, 1000, b"")
    eid = f"{p.b.eid:016x}"
    with traced() as lines:
        p.inject(sock, p.a, good[:-1] + bytes([good[-1] ^ 1]))
        p.inject(sock, p.a, good)
        p.inject(sock, p.a, good)
        p.inject(sock, p.a, b"short")
        p.ns[0].ip("route add 2001:db8::/32 dev cpns0")
        p.ns[0].sh("ping", "-c", 1, "-W", 1, "2001:db8::1", check=False)
    equal("failed open", 1, len(wanted(lines, "cpns_open", eid=eid, seq=1000, err=-74)))
    for reason, who in (("rx-bad-tag", eid), ("rx-duplicate", eid),
                        ("rx-malformed", "0" * 16), ("tx-no-peer", "0" * 16)):
        equal(reason, 1, len(wanted(lines, "cpns_drop", reason=reason, eid=who,
                                    ifindex=p.a.ifindex)))
    p.delete()


def ethtool_names_the_driver():
    p = Pair()
    out = p.ns[0].sh("ethtool", "-i", "cpns0")
    check(re.search(r"^driver: cpns$", out, re.M), f"ethtool -i says:\n{out}")
    with open("/sys/module/cpns/version", encoding="ascii") as f:
        version = f.read().strip()
    check(f"version: {version}\n" in out, f"not version {version}:\n{out}")
    p.delete()


def ethtool_shows_all_counters():
    p = Pair()
    p.ping(count=3)
    out = p.ns[0].sh("ethtool", "-S", "cpns0")
    shown = {name: int(value) for name, value in
             re.findall(r"^\s+([\w-]+): (\d+)$", out, re.M)}
    stats = p.a.stats()
    for steady in (shown, stats):
        steady.pop("tx-multicast")
    equal("counters", stats, shown)
    check(shown["tx-packets"] == 3, f"tx-packets is {shown['tx-packets']}")
    p.delete()


def ip_link_counts_to_the_byte():
    p = Pair()
    sock = p.raw_socket(1)
    p.ping(count=3)
    good = p.session.seal(p.b, 1000, b"\xff" * 40)
    p.inject(sock, p.a, good[:-1] + bytes([good[-1] ^ 1]))
    p.inject(sock, p.a, good)
    p.inject(sock, p.a, b"short")
    p.inject(sock, p.a, p.session.seal(p.b, 1000, b""))
    link, = json.loads(p.ns[0].sh("ip", "-j", "-s", "-s", "-d", "link", "show", "cpns0"))
    equal("kind", "cpns", link["linkinfo"]["info_kind"])
    equal("type", "none", link["link_type"])
    for way in ("rx", "tx"):
        shown = link["stats64"][way]
        equal(f"{way} packets", 3, shown["packets"])
        equal(f"{way} bytes", 3 * (40 + 8 + 56), shown["bytes"])
    rx = link["stats64"]["rx"]
    equal("rx errors", (3, 1, 1, 1), (rx["errors"], rx["length_errors"], rx["crc_errors"],
                                      rx["frame_errors"]))
    # One more is b's first DATA, which came before a had the key.
    equal("rx dropped", 5, rx["dropped"])
    drops = {k: v for k, v in p.a.stats().items()
             if k.startswith("rx-") and v and k not in ("rx-packets", "rx-bytes")}
    equal("drops", {"rx-unknown-sid": 1, "rx-malformed": 1, "rx-bad-tag": 1,
                    "rx-inner-malformed": 1, "rx-duplicate": 1}, drops)
    p.delete()


if __name__ == "__main__":
    load_module()
    ktap.run([
        packets_are_traced,
        drops_are_traced_with_their_reason,
        ethtool_names_the_driver,
        ethtool_shows_all_counters,
        ip_link_counts_to_the_byte,
    ])
