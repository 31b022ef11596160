#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Trains: packets that are sealed, sent and opened together, compared byte by byte
with what they are one by one. Against the Python peer: what the device makes of a
large packet, what it counts of a train that is good in parts, and which segments
it puts together. Between two devices: TCP over paths of all kinds, its hash
compared."""

import errno
import os
import socket
import struct
import sys
import tempfile
from ipaddress import ip_address

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, nl
from cpnstest.counters import Watch
from cpnstest.ktap import check, equal, wait_until
from cpnstest.lone import LOOPBACK, Lone, Remote
from cpnstest.netns import Netns, join, sh
from cpnstest.pair import PORT, Pair, Session, load_module
from cpnstest.traffic import SLOW, Tap, drain, family_of, transfer, udp_socket
from ss1 import inner

UDP_SEGMENT, SOL_PACKET, PACKET_VNET_HDR = 103, 263, 15
VNET_NEEDS_CSUM, VNET_GSO_UDP_L4 = 1, 5
TCP, UDP = socket.IPPROTO_TCP, socket.IPPROTO_UDP
CWR, ECE, URG, ACK, PSH, RST, SYN, FIN = (1 << n for n in range(7, -1, -1))
OVERHEAD, HOP_LIMIT = 48, 8
INNER4 = ("10.9.0.1", "10.9.0.2")
OLD = os.uname().release.startswith("6.1.")
# Behind the peer: what it sends there comes back to it.
BEHIND = {4: ("10.99.0.0/16", "10.99.0.1"), 6: ("fd99::/64", "fd99::1")}
SECONDS = 20 * SLOW


def put(packet, at, value):
    struct.pack_into("!H", packet, at, value & 0xffff)


def headers(packet):
    """Length of the IP header, the protocol, length of all headers."""
    l3, proto = (40, packet[6]) if packet[0] >> 4 == 6 else (4 * (packet[0] & 15), packet[9])
    return l3, proto, l3 + (8 if proto == UDP else packet[l3 + 12] >> 4 << 2)


def cut(packet, mss=65535):
    """The packets that the stack makes of a large one; of a small one, the packet
    with its lengths and checksums right."""
    l3, proto, start = headers(packet)
    made = []
    for i, at in enumerate(range(start, len(packet), mss)):
        p = bytearray(packet[:start] + packet[at:at + mss])
        pseudo = struct.pack("!II", len(p) - l3, proto)
        if l3 == 40:
            put(p, 4, len(p) - 40)
            pseudo += p[8:40]
        else:
            put(p, 2, len(p))
            put(p, 4, int.from_bytes(p[4:6], "big") + i)
            put(p, 10, 0)
            put(p, 10, inner.checksum(bytes(p[:l3])))
            pseudo += p[12:20]
        if proto == UDP:
            put(p, l3 + 4, len(p) - l3)
        else:
            seq, = struct.unpack_from("!I", p, l3 + 4)
            struct.pack_into("!I", p, l3 + 4, (seq + at - start) & 0xffffffff)
            p[l3 + 13] &= ~((CWR if i else 0) | (PSH | FIN if at + mss < len(packet) else 0))
        field = l3 + (6 if proto == UDP else 16)
        put(p, field, 0)
        total = inner.checksum(pseudo + bytes(p[l3:]))
        put(p, field, total or (0xffff if proto == UDP else 0))
        made.append(bytes(p))
    return made


def segmented(sock, data, size, to=None):
    """Sends data in datagrams of a size, at once."""
    sock.sendmsg([data], [(UDP, UDP_SEGMENT, struct.pack("=H", size))], 0,
                 *([to] if to else []))


class Stand:
    """A device, the Python peer, and networks behind that. What the peer sends to
    them is routed back to it."""

    def __init__(self, outer=4, **attributes):
        self.lone = lone = Lone(outer=outer, peer={
            "inner_src": nl.prefixes(INNER4[1] + "/32", *(net for net, _ in BEHIND.values())),
            "allowed_dst": nl.prefixes(*(net for net, _ in BEHIND.values()))}, **attributes)
        dev = lone.local.dev
        lone.ns.ip(f"addr add {INNER4[0]}/32 dev {dev}",
                   f"route add {INNER4[1]}/32 dev {dev} src {INNER4[0]}",
                   *(f"route add {net} dev {dev}" for net, _ in BEHIND.values()))
        lone.ns.sh("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
                   "net.ipv4.conf.all.send_redirects=0", f"net.ipv4.conf.{dev}.send_redirects=0",
                   "net.ipv4.conf.all.rp_filter=0", f"net.ipv4.conf.{dev}.rp_filter=0")
        # Keepalives come when they like.
        self.watch = Watch(lone.local, ignore={"tx-multicast", "tx-keepalives"})

    def features(self, *words):
        self.lone.ns.sh("ethtool", "-K", self.lone.local.dev, *words)

    def together(self, datagrams):
        """Sent as one train; only the last may be shorter."""
        segmented(self.lone.sock, b"".join(datagrams), len(datagrams[0]),
                  (LOOPBACK[self.lone.outer], PORT))

    def opened(self, count):
        """The next packets that the device sent, without what the stack says itself."""
        packets = []
        while len(packets) < count:
            datagram = self.lone.receive()
            equal("hop limit", HOP_LIMIT, datagram[2])
            packet = self.lone.open(datagram)
            if headers(packet)[1] not in (socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6):
                packets.append(packet)
        return packets

    def delete(self):
        self.lone.delete()


# ---- what is sent ----

def trains_of(count, size):
    """How many trains a packet becomes that has so many datagrams of a size."""
    at_once = min(4096 // size * 17, 64, 65535 // size)
    return -(-count // at_once) if 1 < count <= 34 and at_once else 0


def sent_udp(outer, version):
    """Segments of one send, sealed in trains and one by one."""
    stand = Stand(outer)
    lone, dev = stand.lone, stand.lone.local.dev
    here, there = INNER4 if version == 4 else (str(lone.local.overlay), str(lone.remote.overlay))
    lone.ns.ip(f"link set {dev} mtu 8000")
    header = 28 if version == 4 else 48
    sock = udp_socket(lone.ns, here, 4000)
    cases = [(count, size, last) for count in (1, 2, 33, 34, 35, 64)
             for size, last in ((1000, 1000), (777, 1))]
    cases += [(34, 1, 1), (34, 150, 149), (21, 3000, 2999), (15, 4200, 7), (2, 7000, 6999)]
    cases += [(2, size, size) for size in range(4096 - OVERHEAD - header - 1,
                                                4096 - OVERHEAD - header + 2)]
    for apart in (False, True):
        stand.features("tx-udp-segmentation", "off" if apart else "on")
        stand.watch.reset()
        for count, size, last in cases:
            what = f"{count} segments of {size}, the last {last}, {'apart' if apart else ''}"
            data = os.urandom((count - 1) * size + last)
            segmented(sock, data, size, (there, 9))
            got = stand.opened(count)
            first = inner.read(got[0])
            equal(what, (here, there, 4000, 9),
                  (str(first.src), str(first.dst), first.sport, first.dport))
            whole = cut(got[0][:header] + data, size)
            equal(what, [p.hex() for p in whole], [p.hex() for p in got])
            trains = 0 if apart else trains_of(count, OVERHEAD + header + size)
            stand.watch.expect(what, tx_packets=count, tx_bytes=sum(map(len, got)),
                               tx_trains=trains)
    sock.close()
    stand.delete()


def sent_with_headers():
    """Options and extension headers are left to the stack, and come out right."""
    stand = Stand()
    lone = stand.lone
    v4 = (socket.IPPROTO_IP, socket.IP_OPTIONS, b"\x01\x01\x01\x00")
    v6 = (socket.IPPROTO_IPV6, socket.IPV6_HOPOPTS, bytes((0, 0, 1, 4, 0, 0, 0, 0)))
    sent, size = 10, 5 * (32 + 700) + 5 * (56 + 700)
    for here, there, start, option in ((*INNER4, 32, v4), (str(lone.local.overlay),
                                                           str(lone.remote.overlay), 56, v6)):
        sock = udp_socket(lone.ns, here, 4000)
        sock.setsockopt(*option)
        data = os.urandom(5 * 700)
        try:
            segmented(sock, data, 700, (there, 9))
        except OSError as err:
            # Linux 6.1 does not cut a datagram that has IP options.
            check(OLD and err.errno == errno.EIO, f"{option}: {err}")
            sent -= 5
            size -= 5 * (start + 700)
            sock.close()
            continue
        got = [lone.open(lone.receive()) for _ in range(5)]
        equal("data", [data[i:i + 700] for i in range(0, len(data), 700)],
              [p[start:] for p in got])
        sock.close()
    stand.watch.expect(tx_packets=sent, tx_bytes=size)
    stand.delete()


def hard_limit():
    """In the middle of a train, the key dies after as many packets as it may send."""
    for limit in (34, 50, 67, 68, 69):
        stand = Stand(hard_packets=limit, soft_packets=20)
        lone = stand.lone
        sock = udp_socket(lone.ns, str(lone.local.overlay), 4000)
        for _ in range(3):
            segmented(sock, bytes(34 * 100), 100, (str(lone.remote.overlay), 9))
        size = 148
        wait_until(lambda: not lone.local.keys(), "the key dies", SECONDS)
        changes = stand.watch.changes()
        equal("packets", (limit, limit * size, limit // 34),
              (changes["tx-packets"], changes["tx-bytes"], changes["tx-trains"]))
        # Those that come without a key wait for one.
        equal("refused", (68 if limit < 68 else 102) - limit, changes["tx-limit"])
        seqs = [struct.unpack_from("!Q", lone.receive(), 24)[0] for _ in range(limit)]
        equal("numbers", list(range(limit)), seqs)
        check(lone.silent(), "more was sent")
        sock.close()
        stand.delete()


# ---- what is received ----

class Mixer:
    """Datagrams of all kinds for one device, of one length but for those that can
    only be the last."""

    def __init__(self, stand):
        self.stand, self.lone = stand, stand.lone
        self.lone.local.nl.do("peer-set", ifindex=self.lone.local.ifindex,
                              eid=self.lone.remote.eid, min_mode="encrypt")
        self.second = Remote(b"pne-7@home.example", 3)
        self.lone.local.nl.do("peer-new", ifindex=self.lone.local.ifindex, eid=self.second.eid)
        self.seen = Tap(self.lone.ns, self.lone.local.dev)

    def begin(self):
        """New keys, and what was seen before is forgotten."""
        self.lone.rekey(hard_packets=1000)
        self.previous = self.lone.session
        self.lone.rekey(hard_packets=1000)
        self.other = Session(self.lone.local, self.second)
        self.other.install_at(self.lone.local)
        self.seq = 100
        self.seen.packets(0.01)
        self.stand.watch.reset()

    def make(self, kind):
        self.seq += 1
        payload = self.lone.packet(self.seq.to_bytes(4, "big") * 75)
        good = lambda p=payload, s=None, **o: bytearray(self.lone.seal(self.seq, p, s, **o))
        match kind:
            case "good":
                datagram = good()
                self.last = datagram[:]
            case "again":
                datagram = self.last
            case "old":
                datagram = bytearray(self.lone.seal(3, payload))
            case "tag" | "seq" | "body":
                datagram = good()
                datagram[{"tag": -1, "seq": 31, "body": 60}[kind]] ^= 128
            case "limit":
                datagram = bytearray(self.lone.seal(1000, payload))
            case "previous":
                datagram = good(s=self.previous)
            case "second":
                packet = self.lone.packet(bytes(300), source=self.second.overlay)
                datagram = bytearray(self.other.seal(self.second, self.seq, packet))
            case "source":
                datagram = good(self.lone.packet(bytes(300), source=ip_address("fd98::1")))
            case "destination":
                datagram = good(self.lone.packet(bytes(300), destination=ip_address("fd98::1")))
            case "version":
                datagram = good(b"\x55" + payload[1:])
            case "length":
                datagram = good(payload[:5] + b"\0" + payload[6:])
            case "auth":
                datagram = good(encrypt=False)
            case "clear":
                datagram = good()
                datagram[3] = 88
            case "sid" | "dst" | "src" | "type" | "flags":
                datagram = good()
                datagram[{"sid": 4, "dst": 8, "src": 16, "type": 0, "flags": 1}[kind]] ^= 128
            case "control":
                datagram = good()
                datagram[:8] = bytes((0x11, 0, 8, 0, 0, 0, 0, 0))
            case "unprotected":
                datagram = good()
                datagram[:8] = bytes((0x18, 2, 8, 0, 0, 0, 0, 0))
                datagram[24:32] = bytes(8)
            case "keepalive":
                datagram = good(b"")
            case "short":
                datagram = good(self.lone.packet(b"short"))
            case "tiny":
                datagram = good()[:47]
            case "byte":
                datagram = bytearray(b"\x18")
        return bytes(datagram)

    def outcome(self, kinds, together):
        """Counters, packets that came out, failed tags of the keys."""
        self.begin()
        datagrams = [self.make(kind) for kind in kinds]
        if together:
            self.stand.together(datagrams)
        else:
            for datagram in datagrams:
                self.lone.send(datagram)
        packets = [p.hex() for p in self.seen.packets(0.15 * SLOW, outgoing=False)]
        changes = self.stand.watch.changes()
        trains = changes.pop("rx-trains", 0)
        return (changes, packets, self.failed()), trains

    def failed(self):
        sids = {s.sid[self.lone.local]: n for n, s in
                enumerate((self.lone.session, self.previous, self.other))}
        return {sids[k["local-sid"]]: k["failed"] for k in self.lone.local.keys()
                if k["local-sid"] in sids}


# Those that a train is opened with in one go; one of the others has all of it
# received one by one.
IN_PLACE = ("good again old tag seq body limit previous second source destination version "
            "length auth clear flags keepalive short").split()
APART = "sid dst src type control unprotected tiny byte".split()
LAST = "keepalive short tiny byte".split()


def mixes():
    """Each kind first, in the middle and last; then all at once."""
    for kind in IN_PLACE + APART:
        rest = ["good"] * 3
        for at in (3,) if kind in LAST else (0, 2, 3):
            if kind != "again" or at:
                yield rest[:at] + [kind] + rest[at:]
        if kind not in LAST:
            yield ["good", kind, kind, kind]
    inside = [kind for kind in IN_PLACE if kind not in LAST]
    for last in LAST:
        yield ["good", *inside, *inside, last]
    yield ["second", "good", "second", "previous", "good", "previous", "second"]
    yield ["good"] * 64


def received_mixes(outer):
    stand = Stand(outer)
    mixer = Mixer(stand)
    wanted = taken = 0
    for kinds in mixes():
        alone, none = mixer.outcome(kinds, False)
        equal(f"{kinds}: trains of single datagrams", 0, none)
        check(sum(v for k, v in alone[0].items() if k != "rx-bytes" and k.startswith("rx-")) ==
              len(kinds), f"{kinds}: not one counter a datagram: {alone[0]}")
        train, trains = mixer.outcome(kinds, True)
        for what, a, b in zip(("counters", "packets", "failed tags"), alone, train):
            equal(f"{kinds}: {what}", a, b)
        in_place = not set(kinds) & set(APART)
        check(trains <= in_place, f"{kinds}: opened in place")
        wanted, taken = wanted + in_place, taken + trains
    # Where the sender's page ends in a datagram, that can't be opened in place.
    check(taken > wanted * 0.7, f"{taken} trains of {wanted} were opened in place")
    stand.delete()


# ---- what is put together ----

def set16(at, value):
    return lambda p: put(p, at, value)


def flip(at, bits):
    def change(p):
        p[at] ^= bits
    return change


def insert(at, words):
    """Something more in the headers, for so much less data."""
    def change(p):
        p[at:at] = words
        del p[-len(words):]
        if p[0] >> 4 == 4:
            p[0] += len(words) // 4
        else:
            p[at], p[6] = p[6], 0
    return change


def more_options(t):
    def change(p):
        p[t + 12] += 0x10
        p[t + 32:t + 32] = b"\1\1\1\1"
        del p[-4:]
    return change


def tcp_changes(version):
    """What may be different in one segment, by name."""
    t = 20 if version == 4 else 40
    changes = {"nothing": lambda p: None, "length": lambda p: p.__delitem__(slice(-100, None)),
               "sport": flip(t + 1, 1), "dport": flip(t + 3, 1), "seq": flip(t + 4, 1),
               "low seq": flip(t + 7, 1), "ack": flip(t + 11, 1), "window": flip(t + 15, 1),
               "reserved": flip(t + 12, 1),
               "timestamp": flip(t + 27, 1), "echo": flip(t + 31, 1),
               "options": more_options(t),
               "ACK": flip(t + 13, ACK)}
    for name, flag in (("CWR", CWR), ("ECE", ECE), ("URG", URG), ("PSH", PSH), ("RST", RST),
                       ("SYN", SYN), ("FIN", FIN), ("PSH FIN", PSH | FIN)):
        changes[name] = flip(t + 13, flag)
    if version == 4:
        changes |= {"tos": flip(1, 4), "ECN": flip(1, 2), "CE": flip(1, 3), "id": flip(4, 1),
                    "DF": flip(6, 0x40), "MF": flip(6, 0x20), "fragment": set16(6, 0x2001),
                    "ttl": flip(8, 1), "protocol": flip(9, 1), "destination": flip(19, 2),
                    "same network": flip(15, 2), "foreign": flip(13, 1),
                    "option": insert(20, b"\1\1\1\0")}
    else:
        changes |= {"traffic class": flip(0, 4), "ECN": flip(1, 0x20), "flow label": flip(3, 1),
                    "hop limit": flip(7, 1), "protocol": flip(6, 1), "destination": flip(39, 2),
                    "same network": flip(23, 2), "foreign": flip(9, 1),
                    "option": insert(40, bytes((TCP, 0, 1, 4, 0, 0, 0, 0)))}
    return changes


def tcp_packet(version, size, flags):
    """With timestamps; its numbers are about to overflow."""
    source, to = (socket.inet_pton(family_of(BEHIND[version][1]), address)
                  for address in (BEHIND[version][1], BEHIND[version][1][:-1] + "5"))
    body = struct.pack("!HHIIBBHHHBBBBII", 5000, 5001, 0xffffff00, 4711, 0x80, flags, 500, 0, 0,
                       1, 1, 8, 10, 0x1000, 0x2000) + os.urandom(size)
    if version == 4:
        return struct.pack("!BBHHHBBH", 0x45, 2, 0, 65534, 0x4000, 64, TCP, 0) + source + to + body
    return struct.pack("!IHBB", 6 << 28 | 2 << 20, 0, TCP, 64) + source + to + body


def forwarded(packet):
    p = bytearray(packet)
    if p[0] >> 4 == 6:
        p[7] -= 1
    else:
        p[8] -= 1
        put(p, 10, 0)
        put(p, 10, inner.checksum(bytes(p[:(p[0] & 15) * 4])))
    return bytes(p)


def comparable(packet):
    """GRO of Linux 6.1 takes the IPv4 IDs for constant where a packet with DF comes
    to it that is large already, so there they are left out."""
    if not OLD or packet[0] >> 4 == 6 or not packet[6] & 0x40:
        return packet
    return packet[:4] + bytes(2) + packet[6:10] + bytes(2) + packet[12:]


ONE_FLOW = "nothing length CWR ECE PSH FIN ack window".split()


def merged(version):
    """Four segments, of which one is different, come out of a router as they were,
    however they went through it."""
    stand = Stand()
    lone = stand.lone
    seq = trains = 0

    def reflect(segments, what, ordered, lost=0):
        nonlocal seq, trains
        stand.together([lone.seal(seq + i, p) for i, p in enumerate(segments)])
        seq += len(segments)
        expected = [comparable(forwarded(p)).hex() for p in segments]
        if lost:
            expected.pop(lost - 1)
        got = [comparable(p).hex() for p in stand.opened(len(expected))]
        equal(what, *((expected, got) if ordered else (sorted(expected), sorted(got))))
        wait_until(lambda: stand.watch.changes().get("tx-packets", 0) >= len(expected), "counters")
        changes = stand.watch.changes()
        stand.watch.reset()
        equal(f"{what}: wrong sources", int(lost > 0), changes.get("rx-inner-source", 0))
        trains += changes.get("rx-trains", 0)
        # As above, it may have come in pieces.
        return changes.get("tx-trains", 0) if "rx-trains" in changes else None

    for name, change in tcp_changes(version).items():
        for index in (3,) if name == "length" else (0, 2, 3):
            segments = [bytearray(p) for p in cut(tcp_packet(version, 1600, ACK), 400)]
            change(segments[index])
            segments = [cut(bytes(p))[0] for p in segments]
            out = reflect(segments, f"{name} in segment {index}", name in ONE_FLOW,
                          (index + 1) * (name == "foreign"))
            if name == "nothing":
                check(out in (1, None), f"{out} trains out of one")
    check(trains > 50, f"only {trains} trains")
    for size, mss in ((20000, 601), (34 * 400, 400), (65000, 1300), (300, 151)):
        for flags in (ACK, ACK | PSH, ACK | FIN, ACK | CWR, ACK | CWR | PSH | FIN):
            segments = cut(tcp_packet(version, size, flags), mss)
            for at in range(0, len(segments), 40):
                reflect(segments[at:at + 40], f"{size} bytes, flags {flags}", True)
    stand.features("gro", "off")
    for _ in range(4):
        out = reflect(cut(tcp_packet(version, 1600, ACK), 400), "without GRO", True)
        check(not out, "a train came out without GRO")
    stand.delete()


# ---- what does harm ----

def cut_short():
    """A packet that says that it is a train, but whose UDP header says that it has no
    data; as a guest's network card may have it sent."""
    stand = Stand()
    lone = stand.lone
    far = Netns("far")
    join(lone.ns, far, [("10.78.0.1/24", "10.78.0.2/24")])
    with far.enter():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.bind(("veth0", 0x0800))
    try:
        sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        for length in (8, 9, 56, 57, 108):
            udp = struct.pack("!HHHH", 4000, PORT, length, 0) + bytes(200)
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, UDP, 0,
                             socket.inet_aton("10.78.0.2"), socket.inet_aton("10.78.0.1"))
            ip = ip[:10] + struct.pack("!H", inner.checksum(ip)) + ip[12:]
            vnet = struct.pack("=BBHHHH", VNET_NEEDS_CSUM, VNET_GSO_UDP_L4, 42, 100, 34, 6)
            sock.send(vnet + b"\xff" * 6 + bytes(6) + b"\x08\x00" + ip + udp)
    except OSError as err:
        raise ktap.Skip(f"no such packets here: {err}") from None
    lone.give(0)
    wait_until(lambda: stand.watch.changes().get("rx-packets") == 1, "a good one arrives")
    stand.delete()
    far.delete()


def batching(pair, side):
    """What this side sends arrives in batches, for GRO to put together."""
    pair.ns[side].sh("ethtool", "-K", "veth0", "tso", "off", "tx-udp-segmentation", "off")
    pair.ns[1 - side].sh("ethtool", "-K", "veth0", "gro", "on")
    netem(pair, side, "slot", "50ms", "50ms")


def netem(pair, side, *words):
    try:
        pair.ns[side].sh("tc", "qdisc", "replace", "dev", "veth0", "root", "netem", "limit",
                         10000, *words)
    except AssertionError as err:
        raise ktap.Skip(f"no netem here: {err}") from None


def spliced_file():
    """Data that the sender's splice(2) left in the page cache is not opened there, and
    the file stays what it is."""
    pair = Pair()
    batching(pair, 0)
    size = 1000
    watch = Watch(pair.b)
    payload = bytes(size - OVERHEAD - 48)
    # One page of the file has them, so each lies in one piece.
    datagrams = [pair.session.seal(pair.a, 100 + i, pair.udp(pair.a, payload)) for i in range(5)]
    sock = pair.raw_socket(0)
    sock.connect((pair.address[1], PORT))
    with tempfile.TemporaryFile() as file:
        file.write(b"".join(datagrams[1:]))
        file.flush()
        sock.send(datagrams[0])
        for i in range(4):
            equal("sent", size, os.sendfile(sock.fileno(), file.fileno(), i * size, size))
        wait_until(lambda: watch.changes().get("rx-packets") == 5, "all are opened", SECONDS)
        file.seek(0)
        equal("file", b"".join(datagrams[1:]).hex(), file.read().hex())
    pair.delete()


# ---- between two devices ----

def prepare(pair):
    """Addresses of both families inside, at both ends."""
    for end, other, (here, there) in ((pair.a, pair.b, INNER4), (pair.b, pair.a, INNER4[::-1])):
        end.set_peer(other, inner_src=nl.prefixes(there + "/32"))
        end.netns.ip(f"addr add {here}/32 dev {end.dev}",
                     f"route add {there}/32 dev {end.dev} src {here}")


def short_behind_long():
    """A full segment and a short one in a train of GRO, that are not merged: each has
    the memory that it holds, or TCP's receive queue has the kernel complain."""
    pair = Pair()
    prepare(pair)
    batching(pair, 0)
    watch = Watch(pair.b)
    with pair.ns[1].enter():
        listener = socket.create_server((INNER4[1], 5001))
    with pair.ns[0].enter():
        tx = socket.create_connection((INNER4[1], 5001), SECONDS)
    rx, _ = listener.accept()
    rx.settimeout(SECONDS)
    tx.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    size = tx.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
    data = b""
    for _ in range(20):
        for part in (os.urandom(size), os.urandom(10)):
            tx.sendall(part)
            data += part
    tx.shutdown(socket.SHUT_WR)
    # Nobody reads before all is in the queue.
    wait_until(lambda: watch.changes().get("rx-bytes", 0) > len(data), "all are there", SECONDS)
    got = b""
    while chunk := rx.recv(1 << 16):
        got += chunk
    equal("data", data.hex(), got.hex())
    check("rx-trains" in watch.changes(), "no trains")
    for sock in (listener, tx, rx):
        sock.close()
    pair.delete()


def veth(pair, side, *words):
    pair.ns[side].sh("ethtool", "-K", "veth0", *words)


def watch_both(pair, dev):
    return [Tap(ns, dev) for ns in pair.ns]


def set_ecn(pair):
    for ns in pair.ns:
        ns.sh("sysctl", "-qw", "net.ipv4.tcp_ecn=1")


def set_mss(pair):
    for end, there in ((pair.a, INNER4[1]), (pair.b, INNER4[0])):
        end.netns.ip(f"route change {there}/32 dev {end.dev} advmss 1001")


# name: how the path is made, and whether there are trains on the way in
PATHS = {
    "plain": (lambda pair: None, True),
    "odd_mss": (set_mss, True),
    "loss_and_reordering": (lambda p: netem(p, 0, "delay", "3ms", "reorder", "20%", "loss", "5%"),
                            True),
    "ecn": (set_ecn, True),
    "gro": (lambda p: batching(p, 0), True),
    "no_offloads": (lambda p: veth(p, 0, "tx", "off", "sg", "off", "tso", "off", "gso", "off",
                                   "tx-udp-segmentation", "off"), False),
    "no_gro": (lambda p: p.b.netns.sh("ethtool", "-K", p.b.dev, "gro", "off"), True),
    "heard_outside": (lambda p: watch_both(p, "veth0"), None),
    "heard_inside": (lambda p: watch_both(p, "cpns0"), True),
}


def bulk(name, outer, inside):
    make, trains_in = PATHS[name]
    pair = Pair(outer=outer)
    prepare(pair)
    kept = make(pair)
    watches = Watch(pair.a), Watch(pair.b)
    ends = INNER4 if inside == 4 else (pair.a.overlay, pair.b.overlay)
    transfer((pair.ns[0], ends[0]), (pair.ns[1], ends[1]), 1 << 20,
             # Later, since a lost SYN does without ECN.
             lambda: name == "ecn" and netem(pair, 0, "loss", "30%", "ecn"))
    sent, received = (w.changes() for w in watches)
    check(sent["tx-trains"] > 0, f"no trains were sent: {sent}")
    if trains_in is not None:
        equal("trains on the way in", trains_in, "rx-trains" in received)
    bad = [k for k in received if k.startswith("rx-") and
           k not in ("rx-packets", "rx-bytes", "rx-trains", "rx-keepalives")]
    equal("dropped", [], bad)
    if name == "ecn":
        out = pair.ns[1].sh("nstat", "-asz", "*Pkts")
        check(any(int(line.split()[1]) for line in out.splitlines() if "CE" in line),
              f"no mark has come through: {out}")
    for tap in kept or ():
        tap.close()
    pair.delete()


def smaller_path():
    """The path MTU falls in mid flow."""
    pair = Pair()
    prepare(pair)

    def fall():
        for ns in pair.ns:
            ns.ip("link set veth0 mtu 1400")
    transfer((pair.ns[0], INNER4[0]), (pair.ns[1], INNER4[1]), 1 << 20, fall)
    pair.delete()


def routed():
    """From behind one end to behind the other: what was merged is cut again."""
    pair = Pair()
    hosts = Netns("left"), Netns("right")
    nets = [(f"10.10.{i}.1/24", f"10.10.{i}.2/24") for i in (0, 1)]
    for i, end in enumerate((pair.a, pair.b)):
        join(end.netns, hosts[i], [nets[i]], dev="lan0")
        end.set_peer((pair.b, pair.a)[i], inner_src=nl.prefixes(f"10.10.{1 - i}.0/24"),
                     allowed_dst=nl.prefixes(f"10.10.{i}.0/24"))
        end.netns.sh("sysctl", "-qw", "net.ipv4.ip_forward=1")
        end.netns.ip(f"route add 10.10.{1 - i}.0/24 dev {end.dev}")
        hosts[i].ip(f"route add default via 10.10.{i}.1")
    watches = Watch(pair.a), Watch(pair.b)
    for offload in ("on", "off"):
        # Without it what comes out is cut by the stack, not by the host that it is for.
        pair.ns[1].sh("ethtool", "-K", "lan0", "tso", offload)
        transfer((hosts[0], "10.10.0.2"), (hosts[1], "10.10.1.2"), 1 << 20)
        for watch, counter in zip(watches, ("tx-trains", "rx-trains")):
            check(watch.changes().get(counter), f"no {counter}")
            watch.reset()
    pair.delete()
    for host in hosts:
        host.delete()


def tunnelled():
    """A tunnel inside is no train; its packets come through."""
    pair = Pair()
    prepare(pair)
    for i, ns in enumerate(pair.ns):
        try:
            ns.ip(f"link add gre1 type gre local {INNER4[i]} remote {INNER4[1 - i]}",
                  f"addr add 10.11.0.{i + 1}/24 dev gre1", "link set gre1 up")
        except AssertionError as err:
            raise ktap.Skip(f"no GRE here: {err}") from None
    transfer((pair.ns[0], "10.11.0.1"), (pair.ns[1], "10.11.0.2"), 1 << 19)
    pair.delete()


def udp_between(outer):
    """UDP in trains of all lengths, whole and taken apart on the way."""
    pair = Pair(outer=outer)
    tx, rx = (udp_socket(ns, end.overlay, 4000) for ns, end in
              zip(pair.ns, (pair.a, pair.b)))
    watches = Watch(pair.a), Watch(pair.b)
    for whole in (True, False):
        if not whole:
            veth(pair, 0, "tx", "off", "tx-udp-segmentation", "off")
        for count in (1, 2, 33, 34, 35, 64):
            data = os.urandom(count * 901 - 1)
            segmented(tx, data, 901, (str(pair.b.overlay), 4000))
            got = []
            wait_until(lambda g=got, n=count: g.extend(d for d, _ in drain(rx)) or len(g) >= n,
                       "all have come", SECONDS)
            equal("data", [data[i:i + 901] for i in range(0, len(data), 901)], got)
            size, trains = len(data) + count * 48, int(1 < count <= 34)
            watches[0].expect(f"{count} sent", tx_packets=count, tx_bytes=size, tx_trains=trains)
            watches[1].expect(f"{count} received", rx_packets=count, rx_bytes=size,
                              rx_trains=trains if whole else 0)
    pair.delete()


def main():
    load_module()
    sh("modprobe", "sch_netem", check=False)
    tests = [(f"sent_udp_outer_ipv{o}_inner_ipv{i}", lambda o=o, i=i: sent_udp(o, i))
             for o in (4, 6) for i in (4, 6)]
    tests += [sent_with_headers, hard_limit]
    tests += [(f"received_mixes_outer_ipv{o}", lambda o=o: received_mixes(o)) for o in (4, 6)]
    tests += [(f"merged_ipv{v}", lambda v=v: merged(v)) for v in (4, 6)]
    tests += [(f"udp_between_outer_ipv{o}", lambda o=o: udp_between(o)) for o in (4, 6)]
    tests += [(f"bulk_{name}_outer_ipv{o}_inner_ipv{i}",
               lambda n=name, o=o, i=i: bulk(n, o, i)) for name in PATHS
              for o, i in ((4, 4), (6, 6)) if name != "odd_mss" or i == 4]
    tests += [smaller_path, routed, tunnelled, short_behind_long, spliced_file, cut_short]
    ktap.run(tests)


main()
