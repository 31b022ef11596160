#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Random and spoilt netlink messages, from two processes at once, at devices
that carry traffic and come and go. Each message that asks for it is
acknowledged once, and each refusal says why. A session of other devices of the
same namespaces must not notice. fuzz-netlink.py [--count N] [--seed S]; so do
COUNT and SEED in the environment."""

import argparse
import errno
import os
import random
import socket
import struct
import sys
import time
from collections import Counter

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, rtnl
from cpnstest.ktap import check, equal, wait_until
from cpnstest.netns import sh
from cpnstest.pair import OUTER4, OUTER6, SERVER, Pair, load_module
from cpnstest.traffic import SLOW, Stream
from fuzz.child import Child
from fuzz.messages import PEER_EIDS, Device, Generator
from ss1.identity import domain_of, overlay_prefix

WORKERS = 2
# Messages until the sessions that must not notice are looked at.
ROUND = 2500
# Pairs of devices, and the indices of the devices: out of reach of a bit that
# is flipped in another one.
PAIRS = 2
FIRST_INDEX = 0x12340000
FIRST_PORT = 21000
# Seconds between two of the devices' ends.
RECREATE = 1.0
LIVING_RATE = 20

NETLINK_GENERIC, SOL_NETLINK = 16, 270
NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_ADD_MEMBERSHIP = 10, 11, 1
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x100, 0x200
NLMSGERR_ATTR_MSG = 1
SO_BINDTODEVICE = 25

# What the core refuses without a word: unknown commands, a dump while one is
# under way, and a message too short for its header.
WORDLESS = {errno.EOPNOTSUPP, errno.EBUSY}
TOO_SHORT = 16 + 4


class Answers:
    """What the kernel said to the messages of one socket."""

    def __init__(self):
        self.acks = Counter()
        self.errors = Counter()
        self.wordless = []

    def read(self, data):
        """All messages of a buffer."""
        offset = 0
        while offset + 16 <= len(data):
            length, kind, flags, seq, _ = struct.unpack_from("=IHHII", data, offset)
            if kind in (NLMSG_ERROR, NLMSG_DONE) and length >= 20:
                self._result(kind, flags, seq, data[offset + 16:offset + length])
            offset += max(16, length + 3 & ~3)

    def _result(self, kind, flags, seq, body):
        error = -struct.unpack_from("=i", body)[0]
        if kind == NLMSG_ERROR:
            self.acks[seq] += 1
        if error <= 0:
            return
        self.errors[errno.errorcode.get(error, str(error))] += 1
        offset = 4 if kind == NLMSG_DONE else 20
        if not (flags & NLM_F_ACK_TLVS and self._has_text(body[offset:])):
            self.wordless.append((seq, error))

    @staticmethod
    def _has_text(body):
        offset = 0
        while offset + 4 <= len(body):
            length, kind = struct.unpack_from("=HH", body, offset)
            if kind == NLMSGERR_ATTR_MSG and length > 5:
                return True
            offset += max(4, length + 3 & ~3)
        return False


class Worker:
    """Sends messages on a socket of each namespace, now and then on new ones."""

    def __init__(self, rng, netns, generator, events):
        self.rng, self.netns, self.generator, self.events = rng, netns, generator, events
        self.answers = Answers()
        self.sockets = [None, None]
        self.kinds = Counter()

    def _socket(self, ns):
        if self.sockets[ns] is None or self.rng.random() < 0.005:
            if self.sockets[ns]:
                self.sockets[ns].close()
            with self.netns[ns].enter():
                sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                     NETLINK_GENERIC)
            for option in (NETLINK_CAP_ACK, NETLINK_EXT_ACK):
                sock.setsockopt(SOL_NETLINK, option, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)
            sock.bind((0, 0))
            # Events overflow the buffer of who doesn't read: an error like others.
            if self.rng.random() < 0.2:
                sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, self.events)
            sock.setblocking(False)
            self.sockets[ns] = sock
        return self.sockets[ns]

    def _drain(self, sock):
        while True:
            try:
                self.answers.read(sock.recv(1 << 17))
            except BlockingIOError:
                return
            except OSError as err:
                if err.errno != errno.ENOBUFS:
                    raise

    def run(self, count):
        sent = {}
        for _ in range(count):
            message = self.generator.next()
            sock = self._socket(message.ns)
            sent[message.seq] = message
            self.kinds[message.op] += 1
            sock.send(message.data)
            # A dump that is not read goes on later, or never.
            if message.answered or self.rng.random() < 0.95:
                self._drain(sock)
            if message.answered and self.answers.acks[message.seq] != 1:
                raise AssertionError(
                    f"{message.op} was acknowledged {self.answers.acks[message.seq]} "
                    f"times: {message.data[:200].hex()}")
        for seq, error in self.answers.wordless:
            if seq not in sent:
                continue            # what followed a length that lied
            data = sent[seq].data
            if error not in WORDLESS and struct.unpack_from("=I", data)[0] >= TOO_SHORT:
                raise AssertionError(f"{sent[seq].op} was refused without a reason, with "
                                     f"{errno.errorcode[error]}: {data[:200].hex()}")
        accepted = sum(1 for message in sent.values() if message.answered)
        return self.answers.errors, self.kinds, accepted


class Field:
    """A pair with a living session, and pairs of devices to be fuzzed."""

    def __init__(self, seed):
        self.seed = seed
        load_module()
        self.living = Pair()
        self.ns = self.living.ns
        self.rng = random.Random(f"{seed}/field")
        self.devices = [[Device(FIRST_INDEX + 0x100 * pair + side, 0x2000 + 2 * pair + side,
                                socket.inet_aton(OUTER4[side].split("/")[0]),
                                socket.inet_pton(socket.AF_INET6, OUTER6[side].split("/")[0]),
                                FIRST_PORT + pair)
                         for pair in range(PAIRS)] for side in range(2)]
        for side in range(2):
            for pair in range(PAIRS):
                self.devices[side][pair].other = self.devices[1 - side][pair]
                self._create(side, pair)
        family = self.living.a.nl.family
        self.family, self.spec = family.nlproto.family_id, family.yaml
        self.events = family.nlproto.get_mcast_id("events", family.mcast_groups)
        self.commands = {op["name"] for op in self.spec["operations"]["list"] if "do" in op}
        self.errors, self.kinds, self.answered = Counter(), Counter(), 0

    def _create(self, side, pair):
        device, netns = self.devices[side][pair], self.ns[side]
        name = f"fz{pair}"
        rtnl.add(netns, name, up=False, index=device.ifindex)
        client = (self.living.a, self.living.b)[side].nl
        prefix = overlay_prefix(domain_of(SERVER))
        client.do("dev-set", ifindex=device.ifindex, eid=device.eid, overlay_prefix=prefix,
                  listen_port=device.port)
        address = socket.inet_ntop(socket.AF_INET6, prefix + struct.pack("!Q", device.eid))
        up = f"link set {name} up"
        commands = (f"addr add {address}/128 dev {name} nodad",
                    f"route add fd50::/16 dev {name} metric {100 + pair}",
                    f"route add 10.50.0.0/16 dev {name} metric {100 + pair}",
                    f"route add {address}/64 dev {name} metric {100 + pair}")
        try:
            netns.ip(up)
        except AssertionError:
            # Another of them was given its port.
            client.do("dev-set", ifindex=device.ifindex, listen_port=0)
            netns.ip(up)
        netns.ip(*(c for c in commands if "/64" not in c))
        netns.sh("ip", "-6", "route", "add", socket.inet_ntop(
            socket.AF_INET6, prefix + bytes(8)) + "/64", "dev", name, "metric", 100 + pair)

    def _recreate(self):
        side, pair = self.rng.randrange(2), self.rng.randrange(PAIRS)
        rtnl.delete(self.ns[side], self.devices[side][pair].ifindex)
        self._create(side, pair)

    def _traffic(self):
        """Packets into the devices, for as long as it lives."""
        rng = random.Random()
        prefix = overlay_prefix(domain_of(SERVER))
        eids = PEER_EIDS + tuple(d.eid for side in self.devices for d in side)
        sockets = []
        for netns in self.ns:
            for pair in range(PAIRS):
                with netns.enter():
                    for family in (socket.AF_INET, socket.AF_INET6):
                        sock = socket.socket(family, socket.SOCK_DGRAM)
                        sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, b"fz%d" % pair)
                        sock.setblocking(False)
                        sockets.append(sock)
        while True:
            time.sleep(0.02)
            for sock in sockets:
                if sock.family == socket.AF_INET:
                    to = f"10.50.{rng.randrange(256)}.{rng.randrange(256)}"
                elif rng.random() < 0.2:
                    to = socket.inet_ntop(sock.family, b"\xfd\x50" + rng.randbytes(14))
                else:
                    to = socket.inet_ntop(sock.family,
                                          prefix + struct.pack("!Q", rng.choice(eids)))
                try:
                    sock.sendto(bytes(rng.choice((1, 100, 1400, 5000))), (to, 9))
                except OSError:
                    pass                # the device is gone, down or full

    def round(self, number, count):
        """Messages of two processes, while devices go and traffic flows."""
        stream = Stream((self.ns[0], self.living.a.overlay),
                        (self.ns[1], self.living.b.overlay), rate=LIVING_RATE)
        traffic = Child(self._traffic)
        children = []
        for worker in range(WORKERS):
            rng = random.Random(f"{self.seed}/{number}/{worker}")
            share = count * (worker + 1) // WORKERS - count * worker // WORKERS
            generator = Generator(rng, self.family, self.spec, self.devices)
            children.append(Child(lambda r=rng, g=generator, n=share: Worker(
                r, self.ns, g, self.events).run(n)))
        try:
            while not all(child.ended(RECREATE / WORKERS) for child in children):
                self._recreate()
            for child in children:
                errors, kinds, answered = child.result()
                self.errors += errors
                self.kinds += kinds
                self.answered += answered
        finally:
            traffic.kill()
        stream.stop()
        stream.expect_complete()
        self.living.ping(count=3)

    def delete(self):
        for side in range(2):
            for device in self.devices[side]:
                rtnl.delete(self.ns[side], device.ifindex)
        self.living.delete()


def parse_args():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--count", type=int, default=int(os.environ.get("COUNT", 5000)),
                   help="messages, default 5000")
    p.add_argument("--seed", default=os.environ.get("SEED") or str(random.getrandbits(48)),
                   help="default random")
    return p.parse_args()


def main():
    args = parse_args()
    print(f"# {args.count} messages, seed {args.seed}", flush=True)
    field = Field(args.seed)

    def survived():
        began = time.monotonic()
        done = number = 0
        while done < args.count:
            count = min(ROUND, args.count - done)
            try:
                field.round(number, count)
            except Exception:
                print(f"# seed {args.seed}, round {number} of {count}")
                raise
            done, number = done + count, number + 1
            print(f"# {done} of {args.count} messages, "
                  f"{done / (time.monotonic() - began):.0f} a second", flush=True)

    def reached():
        """Each command was tried, and enough was accepted to be of use."""
        refused = sum(field.errors.values())
        print("#", ", ".join(f"{k} {v}" for k, v in sorted(field.kinds.items())))
        print("#", ", ".join(f"{k} {v}" for k, v in sorted(field.errors.items())))
        equal("messages", args.count, sum(field.kinds.values()))
        check(refused < 0.93 * args.count, f"{refused} of {args.count} messages were refused")
        equal("commands that were tried", field.commands, set(field.kinds))

    def living_session():
        living = field.living
        living.ping(count=5)
        equal("keys of the living device", [living.session.sid[living.a]],
              [key["local-sid"] for key in living.a.keys()])
        equal("drops of the living device", {}, {
            k: v for k, v in living.a.stats(living.b).items() if v and
            k.split("-", 1)[1] not in ("packets", "bytes", "keepalives", "trains")})

    def fresh_device():
        field.delete()
        pair = Pair(3, outer=6)
        pair.ping(count=3)
        pair.delete()

    def unloaded():
        wait_until(lambda: "cpns" not in sh("rmmod", "cpns", check=False),
                   "rmmod", 10 * SLOW)

    ktap.run([survived, reached, living_session, fresh_device, unloaded])


if __name__ == "__main__":
    main()
