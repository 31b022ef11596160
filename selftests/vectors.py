#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The file of test vectors in the kernel: what it says of DATA, of windows, of
malformed datagrams and of DATA that is refused. Each DATA is sealed and opened
by the module's crypto.c (selftests/module), compared in each field, and then
received by a device."""

import errno
import ipaddress
import os
import socket
import struct
import sys

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, nl, rtnl, vectors
from cpnstest.capture import Capture
from cpnstest.counters import Watch
from cpnstest.ktap import Skip, check, equal, wait_until
from cpnstest.lone import LOOPBACK, Lone
from cpnstest.netns import Netns, sh
from cpnstest.pair import key_attributes, load_module
from ss1.identity import overlay_prefix
from ss1.inner import networks

HELPER = "/selftests/cpns_vectors.ko"
DEBUGFS = "/sys/kernel/debug/cpns-vectors"
DOMAIN = b"home.example"
FLAG_E = 1
EVERYWHERE = nl.prefixes("0.0.0.0/0", "::/0")

# The module's counter for each reason that the file names.
COUNTERS = {"tag": "rx_bad_tag", "policy": "rx_level", "inner_src": "rx_inner_source",
            "inner": "rx_inner_malformed", "src_dst": "rx_wrong_peer",
            "replay": "rx_duplicate", "old": "rx_too_old", "sid_unknown": "rx_unknown_sid",
            "hard_limit": "rx_seq_limit"}
NO_PEER = ("rx_wrong_peer", "rx_unknown_sid", "rx_not_ours", "rx_malformed")


class Crypto:
    """The module's crypto.c, by way of debugfs."""

    def __init__(self):
        if not os.path.exists(DEBUGFS):
            if not os.path.exists(HELPER):
                raise Skip("no cpns_vectors.ko: 'make modules CPNS_SELFTESTS=1' builds it")
            sh("insmod", HELPER)
        self.file = os.open(DEBUGFS, os.O_RDWR)

    def _run(self, opening, suite, keys, fields, data):
        """(error, nonce, AAD, result)"""
        flags, clear, hops, sid, dst, src, seq = fields
        request = struct.pack("!BBBBH32s32s12s4s8s8sQ", opening, flags, clear, hops, suite,
                              keys.key, keys.mac_key, keys.iv, sid, dst, src, seq)
        os.write(self.file, request + data)
        answer = os.read(self.file, 1 << 18)
        error, nonce, length = struct.unpack_from("!i12sI", answer)
        return -error, nonce, answer[20:20 + length], answer[20 + length:]

    def seal(self, suite, keys, fields, payload):
        return self._run(0, suite, keys, fields, payload)

    def open(self, suite, keys, datagram):
        return self._run(1, suite, keys, (0, 0, 0, bytes(4), bytes(8), bytes(8), 0), datagram)

    def close(self):
        os.close(self.file)


def unhex(text):
    return bytes.fromhex(text)


def crypto_of(crypto, vector, handshake):
    """Each byte that the vector names, from what it was made of."""
    keys = handshake.keys(vector["direction"])
    receiver = vectors.other(vector["direction"])
    payload = unhex(vector["payload"])
    equal("suite", f"{handshake.suite:04x}", vector["suite"])
    sid, dst, src = (handshake.sid[receiver], handshake.eid[receiver],
                     handshake.eid[vector["direction"]])
    for name, value in (("sid", sid), ("dst", dst), ("src", src)):
        equal(name, value.hex(), vector[name])
    error, nonce, aad, datagram = crypto.seal(
        handshake.suite, keys, (FLAG_E if vector["encrypt"] else 0, vector["clear"],
                                vector["hop_limit"], sid, dst, src, vector["seq"]), payload)
    equal("error of seal", 0, error)
    equal("nonce", vector["nonce"], nonce.hex())
    equal("AAD", vector["aad"], aad.hex())
    equal("datagram", vector["datagram"], datagram.hex())
    equal("tag", vector["tag"], datagram[-16:].hex())

    datagram = unhex(vector["datagram"])
    error, nonce, aad, opened = crypto.open(handshake.suite, keys, datagram)
    equal("error of open", 0, error)
    equal("nonce of open", vector["nonce"], nonce.hex())
    equal("AAD of open", vector["aad"], aad.hex())
    equal("opened", vector["payload"], opened.hex())
    for at in (2, 31, len(datagram) - 1):
        bad = bytearray(datagram)
        bad[at] ^= 1
        error = crypto.open(handshake.suite, keys, bad)[0]
        equal(f"error with byte {at} changed", errno.EBADMSG if at != 2 else 0, error)


class Ends:
    """Devices that receive what a handshake's keys protect, one after another:
    a key is taken only once."""

    def __init__(self):
        self.ns = Netns("vectors")
        self.nl = nl.Client(self.ns)
        self.count = 0
        # Nothing is forwarded or answered; what arrived is counted before.
        self.sock = self._socket()

    def _socket(self):
        with self.ns.enter():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((LOOPBACK[4], 7300))
        return sock

    def receiver(self, handshake, direction, **peer):
        self.count += 1
        return Receiver(self, handshake, direction, f"v{self.count}", peer)

    def delete(self):
        self.sock.close()
        self.nl.close()
        self.ns.delete()


class Peer:
    """As much of an end as counters want."""

    def __init__(self, eid):
        self.eid = eid


class Receiver:
    """A device with one key, that of a handshake's receiving end."""

    def __init__(self, ends, handshake, direction, dev, peer):
        self.ends, self.dev = ends, dev
        to = vectors.other(direction)
        self.eid, self.peer_eid = (int.from_bytes(handshake.eid[end], "big")
                                   for end in (to, direction))
        self.ifindex = rtnl.add(ends.ns, dev, up=False)
        ends.nl.do("dev-set", ifindex=self.ifindex, eid=self.eid,
                   overlay_prefix=overlay_prefix(DOMAIN))
        ends.ns.sh("ip", "link", "set", dev, "up")
        self.port = ends.nl.do("dev-get", ifindex=self.ifindex)["listen-port"]
        ends.nl.do("peer-new", ifindex=self.ifindex, eid=self.peer_eid,
                   passive_keepalive=86400000, timeout=86400000, allowed_dst=EVERYWHERE, **peer)
        ends.nl.do("key-new", ifindex=self.ifindex, eid=self.peer_eid, slot="current",
                   initiator=True, suite=handshake.suite, key_id=handshake.key_id,
                   local_sid=int.from_bytes(handshake.sid[to], "big"),
                   remote_sid=int.from_bytes(handshake.sid[direction], "big"),
                   **key_attributes("rx", handshake.keys(direction)),
                   **key_attributes("tx", handshake.keys(to)))
        self.device = Watch(self)
        self.peer = Watch(self, Peer(self.peer_eid))

    def stats(self, peer=None):
        if peer is None:
            return self.ends.nl.do("dev-get", ifindex=self.ifindex)["stats"]
        return self.ends.nl.do("peer-get", ifindex=self.ifindex, eid=peer.eid)["stats"]

    def send(self, datagram):
        self.ends.sock.sendto(datagram, (LOOPBACK[4], self.port))

    def expect(self, what="", **counters):
        self.device.expect(what, **counters)
        self.peer.expect(what, **{k: v for k, v in counters.items() if k not in NO_PEER})


def inner_sources(addresses, handshake, direction):
    """inner-src for the addresses of a vector, less what follows from the EID."""
    own = {overlay_prefix(DOMAIN) + handshake.eid[direction],
           b"\xfe\x80" + bytes(6) + handshake.eid[direction]}
    return nl.prefixes(*(str(net) for net in networks(
        ipaddress.ip_address(unhex(a)) for a in addresses if unhex(a) not in own)))


class Data:
    """Vectors that open, received by devices. One serves many vectors of a
    session: each in a window far from the others', but for numbers that repeat."""

    def __init__(self, ends, hands):
        self.ends, self.hands = ends, hands
        self.receivers = {}

    def _receiver(self, vector):
        name, direction, seq = vector["handshake"], vector["direction"], vector["seq"]
        nth = 0
        while True:
            receiver, seen, ear = self.receivers.setdefault(
                (name, direction, nth), (None, set(), None))
            if not receiver:
                receiver = self.ends.receiver(
                    self.hands[name], direction, min_mode="auth", window=32768,
                    inner_src=nl.prefixes("10.9.0.1/32"))
                ear = Capture(self.ends.ns, receiver.dev, link=0)
                self.receivers[name, direction, nth] = receiver, seen, ear
            if seq not in seen and (not seen or seq > max(seen) - 32768):
                seen.add(seq)
                return receiver, ear
            nth += 1

    def run(self, vector):
        receiver, ear = self._receiver(vector)
        payload = unhex(vector["payload"])
        ear.packets()
        receiver.send(unhex(vector["datagram"]))
        if vector["ip"]:
            receiver.expect(rx_packets=1, rx_bytes=len(payload))
            packets = [p for p in ear.packets(5) if p == payload]
            equal("packets out of the device", 1, len(packets))
        elif payload:
            receiver.expect(rx_inner_malformed=1)
        else:
            receiver.expect(rx_keepalives=1)


def data_reject(ends, hands, vector):
    handshake, direction = hands[vector["handshake"]], vector["direction"]
    equal("suite", f"{handshake.suite:04x}", vector["suite"])
    policy = vector["policy"]
    peer = {"min_mode": "auth"}
    if not policy["allow_mac_only"]:
        peer = {"min_mode": "encrypt", "max_clear": policy["max_clear"]}
    receiver = ends.receiver(handshake, direction, window=vector["window"],
                             inner_src=inner_sources(vector["inner_sources"], handshake,
                                                     direction), **peer)
    for text in vector["first"]:
        receiver.send(unhex(text))
        before = receiver.device.before
        wait_until(lambda b=before: receiver.stats()["rx-packets"] > b["rx-packets"],
                   "the first datagrams accepted")
        receiver.device.reset()
    receiver.peer.reset()
    datagram = unhex(vector["hex"])
    counter = COUNTERS[vector["reason"]]
    if counter == "rx_wrong_peer" and \
       datagram[8:16] != handshake.eid[vectors.other(direction)]:
        counter = "rx_not_ours"
    receiver.send(datagram)
    receiver.expect(vector["why"], **{counter: 1})


def window(lone, vector):
    """A sequence of numbers, each accepted or not by the module's window."""
    lone.set_peer(window=vector["window"])
    lone.rekey()
    lone.device.reset()
    with lone.inner_socket() as sock:
        for step, (seq, _) in enumerate(vector["steps"]):
            lone.give(seq, lone.packet(struct.pack("!I", step)))
        verdicts = [verdict for _, verdict in vector["steps"]]
        check(set(verdicts) <= {"accept", "reject"}, f"verdicts {set(verdicts)}")
        wait_until(lambda: sum(lone.device.changes().get(name, 0) for name in
                               ("rx-packets", "rx-too-old", "rx-duplicate")) == len(verdicts),
                   f"{len(verdicts)} datagrams counted")
        got = ["reject"] * len(verdicts)
        for _ in range(lone.device.changes().get("rx-packets", 0)):
            got[struct.unpack("!I", sock.recv(100))[0]] = "accept"
        equal("verdicts", verdicts, got)


def malformed(lone, vector):
    """Nothing of it is answered. What the kernel can't see, the daemon would."""
    lone.send(unhex(vector["hex"]))
    changes = wait_until(lone.device.changes, "a counter that moves")
    check(changes in ({"rx-malformed": 1}, {"rx-control-dropped": 1}),
          f"counters: {changes}")
    if vector["message"] == "DATA" or vector["reason"] in ("version", "type", "short"):
        equal("counter", {"rx-malformed": 1}, changes)
    lone.device.reset()
    check(lone.silent(), "it was answered")


def lone_for(lones, vector):
    """A device whose EID is the datagram's dst, as far as that can be one."""
    dst = unhex(vector["hex"])[8:16]
    if len(dst) < 8 or dst in (bytes(8), b"\xff" * 8):
        dst = next(iter(lones), b"\x01" * 8)
    if dst not in lones:
        lone = lones[dst] = Lone(session=False)
        lone.local.nl.do("peer-del", ifindex=lone.local.ifindex, eid=lone.remote.eid)
        lone.local.nl.do("dev-set", ifindex=lone.local.ifindex,
                         eid=int.from_bytes(dst, "big"))
        lone.device.reset()
    return lones[dst]


def main():
    load_module()
    path = sys.argv[1] if len(sys.argv) > 1 else None
    try:
        given = vectors.load(path)
    except Skip as reason:
        ktap.run([("file", lambda why=reason: (_ for _ in ()).throw(why))])
    hands = vectors.handshakes(given)
    ends = Ends()
    crypto = []
    data = Data(ends, hands)
    lones, window_lone = {}, []

    def with_crypto(vector):
        if not crypto:
            crypto.append(Crypto())
        crypto_of(crypto[0], vector, hands[vector["handshake"]])

    def with_window(vector):
        if not window_lone:
            window_lone.append(Lone(session=False))
        window(window_lone[0], vector)

    tests = []
    for part, name, function in (
            ("data", "name", with_crypto), ("data", "name", data.run),
            ("data_rejects", "why", lambda v: data_reject(ends, hands, v)),
            ("windows", "name", with_window),
            ("malformed", "why", lambda v: malformed(lone_for(lones, v), v))):
        check(given[part], f"the file has no {part}")
        word = {with_crypto: "crypto", data.run: "device"}.get(function, part)
        for number, vector in enumerate(given[part]):
            title = f"{word} {number} {vector.get('handshake', '')} {vector[name]}"
            tests.append((title.replace("#", "no."), lambda f=function, v=vector: f(v)))
    ktap.run(tests)


if __name__ == "__main__":
    main()
