#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What a receiver refuses: replayed, old and forged datagrams, those of the
wrong session, level, source or destination. Each cause has its counter, and no
other one moves. Then the limits of a key, and what is told of them."""

import ipaddress
import os
import struct
import sys
import time

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, nl
from cpnstest.ktap import check, equal, wait_until
from cpnstest.lone import Lone, Remote
from cpnstest.pair import Session, load_module
from ss1.inner import Udp
from ss1.wire import unprotected_datagram

SUITES = (1, 2, 3)
PACKET = 40 + 8 + 5     # of Lone.packet(b"hello"), in bytes
NO_PEER = ("rx-unknown-sid", "rx-wrong-peer", "rx-not-ours", "rx-malformed",
           "rx-unprotected")


def accepted(lone, count, what="", **more):
    lone.expect(what, rx_packets=count, rx_bytes=count * PACKET, **more)


def refused(lone, counter, what="", count=1):
    """The device counts this cause, and so does the peer where it is known."""
    name = counter.replace("_", "-")
    lone.expect(what, device_only=(counter,) if name in NO_PEER else (), **{counter: count})


def replayed():
    for suite in SUITES:
        lone = Lone(suite)
        first = lone.seal(0)
        lone.send(first)
        accepted(lone, 1, "the first")
        for _ in range(3):
            lone.send(first)
        refused(lone, "rx_duplicate", "replayed", 3)
        other_hops = first[:2] + b"\x03" + first[3:]
        lone.send(other_hops)
        refused(lone, "rx_duplicate", "replayed with another hop limit")
        lone.give(0, lone.packet(b"other"))
        refused(lone, "rx_duplicate", "another packet with a seq that was used")
        lone.delete()


def reordered():
    lone = Lone(peer={"window": 64})
    for seq in (63, 0, 32, 1, 62, 31):
        lone.give(seq)
    accepted(lone, 6, "within the window")
    lone.give(64)
    lone.give(0)
    accepted(lone, 1, "64 moves the window", rx_too_old=1)
    lone.give(2)
    lone.give(2)
    accepted(lone, 1, "63 behind", rx_duplicate=1)
    lone.give(1000000)
    lone.give(1000000 - 63)
    lone.give(1000000 - 64)
    lone.give(64)
    accepted(lone, 2, "a jump", rx_too_old=2)
    lone.delete()


def sequence(lone, steps):
    """Sends numbers in an order; each packet that is accepted says which step
    it was."""
    lone.rekey()
    lone.device.reset()
    lone.peer.reset()
    with lone.inner_socket() as sock:
        for step, (seq, _) in enumerate(steps):
            lone.give(seq, lone.packet(struct.pack("!I", step)))
        expected = [step for step, (_, verdict) in enumerate(steps) if verdict == "accept"]
        got = [struct.unpack("!I", sock.recv(100))[0] for _ in expected]
        equal("steps that were accepted", expected, got)
        wait_until(lambda: (sum(lone.device.changes().get(name, 0) for name in
                                ("rx-packets", "rx-too-old", "rx-duplicate")) == len(steps)),
                   f"{len(steps)} datagrams counted")
        changes = lone.device.changes()
        equal("counters", {"rx-packets", "rx-bytes", "rx-too-old", "rx-duplicate"},
              set(changes) | {"rx-too-old", "rx-duplicate"})
        equal("packets", len(expected), changes["rx-packets"])
        equal("at the peer", changes, lone.peer.changes())


def windows():
    """All kinds of sizes: the edges, with jumps over the ring."""
    lone = Lone(session=False)
    for size in (64, 128, 192, 4160, 32704, 32768):
        lone.set_peer(window=size)
        sequence(lone, [
            (size - 1, "accept"), (0, "accept"), (0, "reject"), (size, "accept"),
            (0, "reject"), (1, "accept"), (2 * size, "accept"), (size, "reject"),
            (size + 1, "accept"), (size + 1, "reject"), (5 * size + 63, "accept"),
            (4 * size + 63, "reject"), (4 * size + 64, "accept"), (2 * size, "reject"),
            (4 * size + 65, "accept"), (4 * size + 65, "reject")])
    lone.delete()


def seq_limit():
    for suite, hard in ((1, 1 << 36), (2, 1 << 60), (3, 1 << 36)):
        lone = Lone(suite)
        for seq in (hard, hard + 1, (1 << 64) - 1):
            lone.give(seq)
            refused(lone, "rx_seq_limit", f"seq {seq}")
        # It would fail the tag too, but is not tried.
        lone.send(lone.seal(hard)[:-1] + b"\0")
        refused(lone, "rx_seq_limit", "a forged one")
        lone.give(hard - 1)
        accepted(lone, 1, "the last number")
        lone.delete()
    lone = Lone(hard_packets=10)
    lone.give(9)
    accepted(lone, 1, "the last number of a lower limit")
    lone.give(10)
    refused(lone, "rx_seq_limit", "a lower limit")
    lone.delete()


def forged():
    for suite in SUITES:
        lone = Lone(suite, peer={"min_mode": "auth"})
        count = 0
        for options in ({}, {"clear": 3}, {"encrypt": False}):
            datagram = lone.seal(7, **options)
            places = list(range(25, 32)) + [32, 43, 44, len(datagram) - 17] + \
                list(range(len(datagram) - 16, len(datagram)))
            for at in places:
                bad = bytearray(datagram)
                bad[at] ^= 0x40 if at > 31 else 1
                if struct.unpack_from("!Q", bad, 24)[0] >= 1 << 36 and suite != 2:
                    continue
                lone.send(bad)
                count += 1
            lone.send(datagram[:-1])
            lone.send(datagram + b"\0")
            count += 2
        refused(lone, "rx_bad_tag", f"suite {suite}", count)
        equal("failed tags of the key", count, lone.local.keys()[0]["failed"])
        lone.give(7)
        accepted(lone, 1, "the window has not moved")
        lone.delete()


def wrong_eid_or_sid():
    lone = Lone()
    good = lone.seal(0)
    lone.send(good[:8] + bytes([good[8] ^ 1]) + good[9:])
    refused(lone, "rx_not_ours", "another dst")
    lone.send(good[:16] + bytes([good[16] ^ 1]) + good[17:])
    refused(lone, "rx_wrong_peer", "another src")
    lone.send(good[:4] + bytes([good[4] ^ 1]) + good[5:])
    refused(lone, "rx_unknown_sid", "another sid")
    # A second peer's session is not this peer's.
    second = Remote(b"pne-7@home.example", 3)
    lone.local.nl.do("peer-new", ifindex=lone.local.ifindex, eid=second.eid)
    session = Session(lone.local, second)
    session.install_at(lone.local)
    mixed = bytearray(session.seal(second, 0, lone.packet()))
    mixed[16:24] = lone.remote.entity.eid
    lone.send(mixed)
    refused(lone, "rx_wrong_peer", "sid of one peer, src of another")
    lone.send(good)
    accepted(lone, 1, "the good one")
    lone.delete()


def level():
    cases = {
        "encrypt": (("encrypt", 0), [({}, True), ({"clear": 1}, False),
                                     ({"encrypt": False}, False)]),
        "clear": (("encrypt", 5), [({}, True), ({"clear": 5}, True), ({"clear": 6}, False),
                                   ({"encrypt": False}, False)]),
        "auth": (("auth", None), [({}, True), ({"clear": 13}, True), ({"encrypt": False}, True)]),
    }
    for suite in SUITES:
        lone = Lone(suite)
        seq = 0
        for name, ((mode, clear), datagrams) in cases.items():
            lone.set_peer(min_mode=mode, max_clear=clear)
            for options, good in datagrams:
                lone.give(seq, **options)
                what = f"{name}, suite {suite}: {options}"
                if good:
                    accepted(lone, 1, what)
                else:
                    refused(lone, "rx_level", what)
                # Its tag was good: the number is used up.
                lone.give(seq, **options)
                refused(lone, "rx_duplicate", what)
                seq += 1
            # A keepalive passes any level.
            lone.give(seq, b"")
            lone.expect(f"{name}: keepalive", rx_keepalives=1)
            lone.give(seq + 1, b"", encrypt=False)
            lone.expect(f"{name}: keepalive without E", rx_keepalives=1)
            seq += 2
        lone.delete()


def malformed_shapes(lone):
    """Payloads that are not one whole IP packet."""
    six = lone.packet()
    four = Udp(ipaddress.ip_address("10.9.0.1"), ipaddress.ip_address("10.9.0.2"), 1, 7,
               b"hello").pack()
    yield from ((f"IP version {v}", bytes([v << 4 | p[0] & 15]) + p[1:])
                for p in (six, four) for v in (0, 1, 3, 5, 7, 15))
    yield "IPv4 as IPv6", b"\x60" + four[1:]
    yield "IPv6 as IPv4", b"\x45" + six[1:]
    for packet, name in ((six, "IPv6"), (four, "IPv4")):
        yield f"{name}, a byte more", packet + b"\0"
        yield f"{name}, a byte less", packet[:-1]
        for length in (1, 2, 4, 8, 12, 19, 20, 21, 39, 40):
            if length < len(packet):
                yield f"{name}, {length} bytes of it", packet[:length]
    yield "IPv6 that says 0", six[:4] + b"\0\0" + six[6:]
    yield "IPv6 that says 65535", six[:4] + b"\xff\xff" + six[6:]
    yield "IPv4 that says 0", four[:2] + b"\0\0" + four[4:]
    yield "IPv4 that says 19", four[:2] + b"\0\x13" + four[4:]
    yield "IPv4 that says 65535", four[:2] + b"\xff\xff" + four[4:]
    yield "IPv4 with a header of 0", b"\x40" + four[1:]
    yield "IPv4 with a header of 16", b"\x44" + four[1:]
    yield "IPv4 with a header of 60", b"\x4f" + four[1:]
    yield "IPv4 of 20 with a header of 24", b"\x46" + four[1:2] + b"\0\x14" + four[4:20]
    yield "zeros", bytes(60)


def inner_malformed():
    lone = Lone(peer={"inner_src": nl.prefixes("0.0.0.0/0", "::/0"),
                      "allowed_dst": nl.prefixes("0.0.0.0/0", "::/0")})
    seq = 0
    for name, payload in malformed_shapes(lone):
        lone.give(seq, payload)
        refused(lone, "rx_inner_malformed", name)
        seq += 1
    lone.give(seq)
    accepted(lone, 1, "the good one")
    lone.delete()


def ip(text):
    return ipaddress.ip_address(text)


def inner_source():
    lone = Lone(peer={"inner_src": nl.prefixes("10.9.0.0/16", "fd99::/32", "10.8.0.1/32")})
    second = Remote(b"pne-7@home.example", 3)
    lone.local.nl.do("peer-new", ifindex=lone.local.ifindex, eid=second.eid,
                     inner_src=nl.prefixes("10.9.1.0/24", "fd99:0:1::/48"))
    lone.ns.ip("addr add 10.8.0.9/32 dev cpns0")
    seq = 0
    for source, good in (
            (lone.remote.overlay, True), (lone.remote.link_local, True),
            (lone.local.overlay, False), (lone.local.link_local, False),
            (second.overlay, False), (second.link_local, False),
            ("::", False), ("::1", False), ("fd98::1", False),
            ("fd99::1", True), ("fd99:0:1::1", False), ("fd99:0:2::1", True),
            ("10.9.0.1", True), ("10.9.1.1", False), ("10.9.2.1", True), ("10.10.0.1", False),
            ("10.8.0.1", True), ("10.8.0.2", False), ("0.0.0.0", False), ("10.8.0.9", False)):
        source = ip(str(source))
        destination = lone.local.overlay if source.version == 6 else ip("10.8.0.9")
        if source in (lone.remote.link_local, lone.local.link_local, second.link_local):
            destination = lone.local.link_local
        packet = lone.packet(source=source, destination=destination)
        lone.give(seq, packet)
        seq += 1
        if good:
            lone.expect(f"from {source}", rx_packets=1, rx_bytes=len(packet))
        else:
            refused(lone, "rx_inner_source", f"from {source}")
    # What was taken from the one is the other's.
    lone.local.nl.do("peer-del", ifindex=lone.local.ifindex, eid=second.eid)
    packet = lone.packet(source=ip("10.9.1.1"), destination=ip("10.8.0.9"))
    lone.give(seq, packet)
    lone.expect("after the other peer is gone", rx_packets=1, rx_bytes=len(packet))
    lone.set_peer(inner_src=nl.prefixes())
    lone.give(seq + 1, packet)
    refused(lone, "rx_inner_source", "after its list was emptied")
    lone.delete()


def inner_destination():
    lone = Lone(peer={"inner_src": nl.prefixes("10.9.0.1/32")})
    lone.ns.ip("addr add 10.8.0.9/32 dev cpns0", "addr add 10.8.0.10/32 dev lo",
               "addr add fd55::1/128 dev lo nodad")
    seq = 0

    def reach(destination, good, what):
        nonlocal seq
        destination = ip(str(destination))
        packet = lone.packet(source=lone.remote.overlay if destination.version == 6
                             else ip("10.9.0.1"), destination=destination)
        lone.give(seq, packet)
        seq += 1
        if good:
            lone.expect(f"to {destination}, {what}", rx_packets=1, rx_bytes=len(packet))
        else:
            refused(lone, "rx_inner_destination", f"to {destination}, {what}")

    for destination, good in ((lone.local.overlay, True), ("10.8.0.9", True),
                              ("10.8.0.10", False), ("fd55::1", False), ("10.0.0.1", False),
                              (lone.remote.overlay, False), ("127.0.0.1", False),
                              ("::1", False), ("224.0.0.1", False), ("ff02::1", False),
                              ("255.255.255.255", False)):
        reach(destination, good, "nothing granted")
    lone.set_peer(allowed_dst=nl.prefixes("10.8.0.10/32", "fd55::/64", "ff02::1/128"))
    for destination, good in (("10.8.0.10", True), ("fd55::1", True), ("ff02::1", True),
                              ("10.8.0.11", False), ("fd55:0:0:1::1", False),
                              ("ff02::2", False), ("10.8.0.9", True)):
        reach(destination, good, "granted")
    lone.set_peer(allowed_dst_del=nl.prefixes("10.8.0.10/32"))
    reach("10.8.0.10", False, "withdrawn")
    lone.ns.ip("addr del 10.8.0.9/32 dev cpns0")
    reach("10.8.0.9", False, "no own address any more")
    lone.delete()


def unprotected():
    """The U flag: no peer may send it, and it moves no endpoint."""
    lone = Lone()
    stranger = lone.socket(7999)
    lone.send(unprotected_datagram(lone.local.entity.eid, lone.remote.entity.eid, lone.packet()),
              stranger)
    refused(lone, "rx_unprotected", "U")
    equal("endpoint's port", 7401, lone.local.peer(lone.remote)["endpoint"]["port"])
    stranger.close()
    lone.delete()


class Events:
    """The events of a namespace, from here on."""

    def __init__(self, lone):
        self.client = nl.Client(lone.ns)
        self.client.subscribe()
        self.lone = lone

    def expect(self, name, seconds=5, sid=None, **fields):
        """The next event is this one."""
        events = wait_until(lambda: self.client.events(0.2), f"event {name}", seconds)
        equal("events", [name], [e[0] for e in events])
        expected = {"ifindex": self.lone.local.ifindex, "eid": self.lone.remote.eid,
                    "sid": sid or self.lone.session.sid[self.lone.local], **fields}
        equal(f"event {name}", expected, events[0][1])

    def none(self):
        equal("events", [], self.client.events(0))

    def close(self):
        self.client.close()


def key_count(lone, count):
    equal("keys", count, len(lone.local.keys()))


def failed_limits():
    lone = Lone(soft_failed=3, hard_failed=6)
    events = Events(lone)
    bad = lone.seal(0)[:-1] + b"\0"
    if bad == lone.seal(0):
        bad = bad[:-1] + b"\1"
    for count in range(1, 7):
        lone.send(bad)
        refused(lone, "rx_bad_tag", f"forgery {count}")
        if count == 3:
            events.expect("key-soft-ntf", cause="failed")
            check(lone.local.keys()[0].get("soft"), "the key is not marked")
        elif count < 6:
            events.none()
    events.expect("key-dead-ntf", cause="failed")
    key_count(lone, 0)
    lone.give(0)
    lone.expect("the key is dead", device_only=("rx_unknown_sid",), rx_unknown_sid=1)
    events.close()
    lone.delete()


def keepalives(lone, count):
    for _ in range(count):
        lone.local.nl.do("peer-keepalive", ifindex=lone.local.ifindex, eid=lone.remote.eid)


def packets_limits_tx():
    lone = Lone(soft_packets=3, hard_packets=5)
    events = Events(lone)
    keepalives(lone, 3)
    lone.expect("below the soft limit", tx_keepalives=3)
    events.none()
    keepalives(lone, 1)
    events.expect("key-soft-ntf", cause="packets")
    keepalives(lone, 1)
    lone.expect("below the hard limit", tx_keepalives=2)
    events.none()
    keepalives(lone, 1)
    lone.expect("at the hard limit", tx_limit=1)
    events.expect("key-dead-ntf", cause="packets")
    key_count(lone, 0)
    seqs = [struct.unpack_from("!Q", lone.receive(), 24)[0] for _ in range(5)]
    equal("numbers sent", [0, 1, 2, 3, 4], seqs)
    check(lone.silent(), "more was sent")
    events.close()
    lone.delete()


def packets_limits_rx():
    lone = Lone(soft_packets=3, hard_packets=5)
    events = Events(lone)
    lone.give(2)
    accepted(lone, 1)
    events.none()
    lone.give(3)
    accepted(lone, 1)
    events.expect("key-soft-ntf", cause="packets")
    lone.give(4)
    accepted(lone, 1)
    lone.give(5)
    refused(lone, "rx_seq_limit")
    events.none()
    key_count(lone, 1)
    events.close()
    lone.delete()


def time_limits():
    lone = Lone(session=False)
    events = Events(lone)
    begin = time.monotonic()
    lone.rekey(soft_time=700, hard_time=1500)
    events.expect("key-soft-ntf", 5, cause="time")
    age = time.monotonic() - begin
    check(0.6 < age < 1.45, f"the soft limit came after {age} s instead of 0.7")
    events.expect("key-dead-ntf", 5, cause="time")
    age = time.monotonic() - begin
    check(age > 1.4, f"the hard limit came after {age} s instead of 1.5")
    key_count(lone, 0)
    # Without a soft limit there is no such event.
    lone.rekey(hard_time=300)
    events.expect("key-dead-ntf", 5, cause="time")
    events.close()
    lone.delete()


def death_has_causes():
    """Replaced and deleted; the event is the last that is heard of a key."""
    lone = Lone()
    events = Events(lone)
    first = lone.session.sid[lone.local]
    for slot in ("next", "next"):
        before = lone.session.sid[lone.local]
        lone.rekey(slot=slot)
    events.expect("key-dead-ntf", cause="replaced", sid=before)
    second = lone.session
    lone.give(0)
    accepted(lone, 1, "on the next key")
    events.expect("key-promoted-ntf")
    lone.local.nl.do("key-del", ifindex=lone.local.ifindex, eid=lone.remote.eid,
                     local_sid=first)
    events.expect("key-dead-ntf", cause="deleted", sid=first)
    lone.local.nl.do("key-del", ifindex=lone.local.ifindex, eid=lone.remote.eid)
    events.expect("key-dead-ntf", cause="deleted", sid=second.sid[lone.local])
    lone.rekey()
    lone.local.nl.do("peer-del", ifindex=lone.local.ifindex, eid=lone.remote.eid)
    events.expect("key-dead-ntf", cause="deleted")
    events.close()
    lone.delete()


def unknown_sid_is_told():
    lone = Lone()
    events = Events(lone)
    sid = lone.session.sid[lone.local] ^ 1
    good = lone.seal(0)
    lone.send(good[:4] + struct.pack("!I", sid) + good[8:])
    ifindex = lone.ns.ifindex("lo")
    events.expect("unknown-sid-ntf", sid=sid,
                  endpoint={"addr4": "127.0.0.1", "port": 7401, "local4": "127.0.0.1",
                            "ifindex": ifindex})
    refused(lone, "rx_unknown_sid")
    # A flood is told of at most ten times a second.
    for _ in range(200):
        lone.send(good[:4] + struct.pack("!I", sid) + good[8:])
    refused(lone, "rx_unknown_sid", count=200)
    told = len(events.client.events(0.5))
    check(1 <= told <= 40, f"{told} events of 200 datagrams")
    events.close()
    lone.delete()


load_module()
ktap.run([replayed, reordered, windows, seq_limit, forged,
          wrong_eid_or_sid, level, inner_malformed, inner_source, inner_destination,
          unprotected, failed_limits, packets_limits_tx, packets_limits_rx, time_limits,
          death_has_causes, unknown_sid_is_told])
