#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A cipher that answers later: all is the same, and nothing is lost.

cryptd hands each request to a worker. The test leaves gcm(aes) behind in this
form, without AES-NI, so that it wants a VM of its own.
"""

import os
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, nl
from cpnstest.ktap import check, equal, wait_until
from cpnstest.netns import sh
from cpnstest.pair import PORT, Pair, Session, load_module
from cpnstest.traffic import SLOW, Counters, Stream, TcpStream, drain, udp_socket

GENERIC = "gcm_base(ctr(aes-generic),ghash-generic)"


def ciphers(name):
    """(priority, driver, asynchronous) of what goes by a name, best first."""
    found = []
    with open("/proc/crypto", encoding="ascii") as f:
        for block in f.read().split("\n\n"):
            fields = dict((x.strip() for x in line.split(":", 1))
                          for line in block.splitlines() if ":" in line)
            if fields.get("name") == name and fields.get("internal") != "yes":
                found.append((int(fields["priority"]), fields["driver"],
                              fields.get("async") == "yes"))
    return sorted(found, reverse=True)


def instantiate(name):
    """Has the kernel make a cipher of this name, or of this driver's."""
    with socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET) as sock:
        try:
            sock.bind(("aead", name))
        except OSError as err:
            raise ktap.Skip(f"this kernel makes no {name}: {err}") from None


def make_asynchronous():
    """From here on the best gcm(aes) is one that answers later."""
    if any(driver.startswith("cryptd(") for _, driver, _ in ciphers("gcm(aes)")[:1]):
        return
    # cryptd goes around ciphers that are synchronous, and is better than those.
    for faster in ("aesni_intel", "ghash_clmulni_intel"):
        sh("rmmod", faster, check=False)
    instantiate(GENERIC)
    instantiate(f"cryptd({GENERIC})")
    best = ciphers("gcm(aes)")[0]
    check(best[1] == f"cryptd({GENERIC})" and best[2], f"the best gcm(aes) is {best}")


def datagrams_are_the_same():
    make_asynchronous()
    p = Pair()
    # The first one of the test that answers later is opened by the test itself.
    sock = p.raw_socket(1)
    # What comes from the peer moves its endpoint: nothing may still be under way.
    p.ping()
    p.a.set_peer(p.b, endpoint=nl.endpoint(p.address[1], PORT + 1))
    tx = udp_socket(p.ns[0], p.a.overlay)
    tx.sendto(b"later", (str(p.b.overlay), 5050))
    packet = p.session.open(p.a, sock.recv(2000))
    check(packet.endswith(b"later"), f"the packet inside is {packet!r}")
    rx = udp_socket(p.ns[0], p.a.overlay, 5050)
    counters = Counters(p.a, p.b)
    packet = p.udp(p.b, b"sooner", port=5050)
    good = p.session.seal(p.b, 1000, packet)
    p.inject(sock, p.a, good[:-1] + bytes([good[-1] ^ 1]))
    counters.expect(rx_bad_tag=1)
    p.inject(sock, p.a, good)
    equal("datagram", b"sooner", rx.recv(100))
    p.inject(sock, p.a, good)
    counters.expect(rx_bad_tag=1, rx_duplicate=1, rx_packets=1, rx_bytes=len(packet))
    p.delete()


def copies_race_and_one_wins():
    """All are checked before any has been opened; only one may be delivered."""
    make_asynchronous()
    p = Pair()
    rx, sock = udp_socket(p.ns[0], p.a.overlay, 5051), p.raw_socket(1)
    counters = Counters(p.a, p.b)
    count, copies = 50, 20
    for seq in range(1000, 1000 + count):
        datagram = p.session.seal(p.b, seq, p.udp(p.b, port=5051))
        for _ in range(copies):
            p.inject(sock, p.a, datagram)
    wait_until(lambda: counters.grown().get("rx-packets", 0) +
               counters.grown().get("rx-duplicate", 0) == count * copies, "all came", 5 * SLOW)
    equal("delivered", count, counters.grown()["rx-packets"])
    equal("received", count, len(drain(rx)))
    p.delete()


def both_ways(p, **options):
    return [Stream((p.ns[i], (p.a, p.b)[i].overlay), (p.ns[1 - i], (p.b, p.a)[i].overlay),
                   rate=500, **options) for i in (0, 1)]


def rekey_under_load_loses_nothing():
    make_asynchronous()
    p = Pair()
    before = [Counters(p.a, p.b), Counters(p.b, p.a)]
    streams = both_ways(p)
    for i in range(12):
        ends = (p.a, p.b) if i % 2 else (p.b, p.a)
        session = Session(*ends)
        session.install_at(ends[0], slot="next")
        session.install_at(ends[1], slot="current")
        time.sleep(0.25)
    for stream in streams:
        stream.stop()
    for counters in before:
        equal("drops", {}, counters.drops())
    for stream in streams:
        # Two CPUs have a worker each, so that the order is not ours.
        stream.expect_complete(ordered=False)
    p.delete()


def bulk_gets_through():
    make_asynchronous()
    p = Pair()
    tcp = TcpStream((p.ns[0], p.a.overlay), (p.ns[1], p.b.overlay))
    time.sleep(3)
    received, _ = tcp.stop()
    check(received > 1000000 / SLOW, f"only {received} bytes got through")
    p.delete()


if __name__ == "__main__":
    load_module()
    ktap.run([
        datagrams_are_the_same,
        copies_race_and_one_wins,
        rekey_under_load_loses_nothing,
        bulk_gets_through,
    ])
