#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Malformed datagrams, those of the file of vectors and more: dropped, counted,
never answered; a session that lives is unharmed. What the kernel can see is wrong
does not reach the daemon; the rest reaches its owner, to the byte."""

import os
import sys

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, nl, vectors
from cpnstest.ktap import check, equal
from cpnstest.lone import Lone, Remote
from cpnstest.pair import Session, load_module
from ss1.identity import Entity, eid_of

INIT, RESP, CONFIRM, COOKIE, HINT, DATA = 1, 2, 3, 4, 5, 8
NOBODY = (bytes(8), b"\xff" * 8)


def kernel_takes(datagram):
    """Section 3 of the protocol, as far as it needs no look behind the header,
    for what is not DATA: all of it malformed DATA ends in the kernel."""
    if len(datagram) < 24 or datagram[0] >> 4 != 1:
        return False
    kind, flags, clear, sid = datagram[0] & 15, datagram[1], datagram[3], datagram[4:8]
    if kind not in (INIT, RESP, CONFIRM, COOKIE, HINT) or flags or clear:
        return False
    if datagram[8:16] in NOBODY or datagram[16:24] in NOBODY:
        return False
    if kind == INIT:
        return sid == bytes(4)
    return kind == HINT or sid != bytes(4)


class Target:
    """A device with the EID of some datagrams, a session that lives, and a
    daemon where one is wanted."""

    def __init__(self, entity_id):
        self.lone = Lone(session=False)
        lone = self.lone
        name = entity_id.encode()
        lone.local.nl.do("peer-del", ifindex=lone.local.ifindex, eid=lone.remote.eid)
        lone.local.nl.do("dev-set", ifindex=lone.local.ifindex,
                         eid=int.from_bytes(eid_of(name), "big"))
        lone.local.entity = Entity(name, 1)
        lone.local.eid = int.from_bytes(lone.local.entity.eid, "big")
        lone.remote = Remote(b"unharmed@home.example", 3)
        lone.local.nl.do("peer-new", ifindex=lone.local.ifindex, eid=lone.remote.eid,
                         endpoint=lone.endpoint(), passive_keepalive=86400000,
                         timeout=86400000)
        self.session = Session(lone.local, lone.remote)
        self.session.install_at(lone.local)
        lone.session = self.session
        lone.device.reset()
        self.stranger = lone.socket(7999)
        self.seq = 0
        self.owner = None

    def bind(self):
        self.owner = nl.Client(self.lone.ns)
        self.owner.do("msg-bind", ifindex=self.lone.local.ifindex)

    def unharmed(self):
        """The session sends and receives, and its endpoint has not moved."""
        lone = self.lone
        lone.give(self.seq, b"")
        lone.device.expect("the living session", rx_keepalives=1)
        lone.local.nl.do("peer-keepalive", ifindex=lone.local.ifindex, eid=lone.remote.eid)
        lone.device.expect("the living session", tx_keepalives=1)
        equal("opened", b"", lone.open(lone.receive()))
        self.seq += 1

    def give(self, datagram, what):
        lone = self.lone
        lone.send(datagram, self.stranger)
        if not kernel_takes(datagram):
            lone.device.expect(what, rx_malformed=1)
        elif not self.owner:
            lone.device.expect(what, rx_control_dropped=1)
        else:
            lone.device.expect(what, rx_control=1)
            self.told(datagram, what)
        self.stranger.setblocking(False)
        try:
            answer = self.stranger.recv(1 << 16)
        except BlockingIOError:
            answer = None
        check(answer is None, f"{what}: was answered with {answer!r}")
        check(lone.silent(), f"{what}: something was sent to the peer")

    def told(self, datagram, what):
        events = self.owner.events(5)
        equal(f"{what}: messages to the owner", ["msg-ntf"], [name for name, _ in events])
        message = events[0][1]
        equal(f"{what}: datagram", datagram.hex(), message["datagram"].hex())
        equal(f"{what}: ifindex", self.lone.local.ifindex, message["ifindex"])
        equal(f"{what}: endpoint",
              {"addr4": "127.0.0.1", "port": 7999, "local4": "127.0.0.1",
               "ifindex": self.lone.ns.ifindex("lo")}, message["endpoint"])

    def delete(self):
        self.stranger.close()
        if self.owner:
            self.owner.close()
        self.lone.delete()


def from_file(owned):
    given = vectors.load()
    first = given["handshakes"][0]
    names = [first["responder"]["entity_id"], first["initiator"]["entity_id"]]
    targets = {bytes.fromhex(first[end]["eid"]): Target(name)
               for end, name in zip(("responder", "initiator"), names)}
    default = next(iter(targets.values()))
    if owned:
        for target in targets.values():
            target.bind()
    for vector in given["malformed"]:
        datagram = bytes.fromhex(vector["hex"])
        target = targets.get(datagram[8:16], default)
        check(target is not default or datagram[8:16] in (*NOBODY, *targets) or
              len(datagram) < 16, f"{vector['why']}: a dst that is not known")
        target.give(datagram, f"{vector['message']}, {vector['why']}")
    for target in targets.values():
        target.unharmed()
        target.delete()


def without_owner():
    from_file(False)


def with_owner():
    from_file(True)


def every_header():
    """All values of each of the first four bytes, and lengths up to a header's."""
    target = Target("gw-9@home.example")
    lone = target.lone
    good = bytes([0x18, 1, 8, 0]) + b"\1\2\3\4" + lone.local.entity.eid + lone.remote.entity.eid
    body = bytes(24)
    wrong = []
    for kind in range(256):
        if kind >> 4 != 1 or kind & 15 not in (INIT, RESP, CONFIRM, COOKIE, HINT, DATA):
            wrong.append(bytes([kind]) + good[1:] + body)
    for flags in range(4, 256):
        wrong.append(good[:1] + bytes([flags]) + good[2:] + body)
    for kind in (0x11, 0x12, 0x13, 0x14, 0x15):
        sid = bytes(4) if kind == 0x11 else good[4:8]
        for flags, clear in ((1, 0), (2, 0), (128, 0), (0, 1), (0, 255)):
            wrong.append(bytes([kind, flags, 8, clear]) + sid + good[8:] + body)
    wrong += [good[:3] + bytes([clear]) + good[4:] + body for clear in range(1, 256)]
    wrong += [(good + body)[:length] for length in range(48)]
    wrong += [bytes([0x18, 0, 8, clear]) + good[4:] + bytes(1200) for clear in (1, 12, 255)]
    for at, eid in ((8, NOBODY[0]), (8, NOBODY[1]), (16, NOBODY[0]), (16, NOBODY[1])):
        wrong += [bytes([kind]) + bytes([kind == 0x18]) + good[2:at] + eid + good[at + 8:] + body
                  for kind in (0x12, 0x13, 0x14, 0x15, 0x18)]
    for datagram in wrong:
        lone.send(datagram, target.stranger)
    lone.device.expect("all", seconds=20, rx_malformed=len(wrong))
    check(lone.silent(), "something was sent to the peer")
    target.unharmed()
    target.delete()


def owner_is_full():
    """More than its socket takes is dropped and counted; then it goes on."""
    target = Target("gw-9@home.example")
    lone = target.lone
    target.bind()
    target.owner.family.sock.setsockopt(1, 8, 4096)     # SOL_SOCKET, SO_RCVBUF
    hint = bytes([0x15, 0, 8, 0]) + bytes(4) + lone.local.entity.eid + \
        lone.remote.entity.eid + bytes(18)
    for _ in range(300):
        lone.send(hint, target.stranger)

    def counted():
        changes = lone.device.changes()
        return changes if sum(changes.values()) == 300 else None
    changes = ktap.wait_until(counted, "300 datagrams counted")
    equal("counters", {"rx-control", "rx-control-dropped"}, set(changes))
    target.owner.family.sock.setsockopt(1, 8, 1 << 20)
    check(1 <= changes["rx-control"] < 300, f"counters: {changes}")
    taken = 0
    while taken < changes["rx-control"]:
        try:
            taken += len(target.owner.events(5))
        except OSError:             # it is told once that it was full
            pass
    equal("messages", changes["rx-control"], taken)
    lone.device.reset()
    target.give(hint, "after the flood")
    target.unharmed()
    target.delete()


load_module()
ktap.run([without_owner, with_owner, every_header, owner_is_full])
