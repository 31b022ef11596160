#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Classes: the mark of a packet says how it is protected."""

import os
import socket
import struct
import sys

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap
from cpnstest.ktap import check, equal
from cpnstest.lone import Lone
from cpnstest.nl import Refused
from cpnstest.pair import load_module
from ss1.inner import read

FLAG_E = 1
ENCRYPT, AUTH = (FLAG_E, 0), (0, 0)


class Sender:
    """Sends inner packets with a mark, and looks at how they come out."""

    def __init__(self):
        self.lone = Lone()
        self.dev = self.lone.local.ifindex

    def new(self, prio, mark, mode, clear=None, mask=None):
        self.lone.local.nl.do("class-new", ifindex=self.dev, prio=prio, mark=mark, mode=mode,
                              clear=clear, mask=mask)

    def delete(self, prio=None):
        self.lone.local.nl.do("class-del", ifindex=self.dev, prio=prio)

    def all(self):
        return [(c["prio"], c["mark"], c["mask"], c["mode"], c["clear"])
                for c in self.lone.local.nl.dump("class-get", ifindex=self.dev)]

    def send(self, mark):
        """(flags, clear) of the datagram that carries a packet with this mark."""
        lone = self.lone
        with lone.ns.enter(), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, struct.pack("=I", mark))
            sock.bind((str(lone.local.overlay), 0))
            sock.sendto(b"some words", (str(lone.remote.overlay), 9))
        datagram = lone.receive()
        packet = lone.open(datagram)
        equal("data inside", b"some words", read(packet).data)
        flags, clear = datagram[1], datagram[3]
        if flags:
            equal("clear prefix", packet[:4 * clear], datagram[32:32 + 4 * clear])
            rest = packet[4 * clear:]
            # A rest of a few bytes may be in a ciphertext by chance.
            check(len(rest) < 8 or rest not in datagram, "the rest is readable")
        else:
            equal("payload", packet, datagram[32:-16])
        return flags, clear

    def expect(self, **modes):
        for mark, mode in modes.items():
            equal(f"mark {mark}", mode, self.send(int(mark[1:], 16)))


def default_is_encrypt():
    sender = Sender()
    equal("classes", [], sender.all())
    sender.expect(m0=ENCRYPT, m1=ENCRYPT, mffffffff=ENCRYPT)
    sender.lone.delete()


def marks_select():
    sender = Sender()
    sender.new(10, 1, "auth")
    sender.new(20, 2, "encrypt", 5)
    sender.new(30, 3, "encrypt")
    sender.expect(m0=ENCRYPT, m1=AUTH, m2=(FLAG_E, 5), m3=ENCRYPT, m4=ENCRYPT, m101=ENCRYPT)
    equal("classes", [(10, 1, 0xffffffff, "auth", 0), (20, 2, 0xffffffff, "encrypt", 5),
                      (30, 3, 0xffffffff, "encrypt", 0)], sender.all())
    sender.lone.delete()


def lowest_prio_wins():
    sender = Sender()
    # Not made in their order.
    sender.new(50, 7, "encrypt", 3)
    sender.new(5, 7, "auth")
    sender.new(500, 7, "encrypt", 9)
    sender.expect(m7=AUTH)
    sender.delete(5)
    sender.expect(m7=(FLAG_E, 3))
    sender.delete(50)
    sender.expect(m7=(FLAG_E, 9))
    sender.new(0, 0, "auth", mask=0)
    sender.new(4294967295, 7, "encrypt", 1)
    sender.expect(m7=AUTH, m0=AUTH)
    equal("order", [0, 500, 4294967295], [c[0] for c in sender.all()])
    sender.lone.delete()


def mask_counts():
    sender = Sender()
    sender.new(1, 0x100, "auth", mask=0xff00)
    # Bits of the mark that the mask leaves out do not matter.
    sender.new(2, 0xab2, "encrypt", 2, mask=0xf)
    sender.expect(m100=AUTH, m1ff=AUTH, mff0001ff=AUTH, m200=ENCRYPT, m2=(FLAG_E, 2),
                  m12=(FLAG_E, 2), m102=AUTH, m3=ENCRYPT)
    sender.new(3, 0, "encrypt", 4, mask=0)
    sender.expect(m3=(FLAG_E, 4), m0=(FLAG_E, 4), m2=(FLAG_E, 2))
    sender.lone.delete()


def replaced_and_deleted():
    sender = Sender()
    sender.new(1, 1, "auth")
    sender.new(1, 1, "encrypt", 6)
    equal("classes", [(1, 1, 0xffffffff, "encrypt", 6)], sender.all())
    sender.expect(m1=(FLAG_E, 6))
    sender.new(1, 2, "auth")
    sender.expect(m1=ENCRYPT, m2=AUTH)
    one = sender.lone.local.nl.do("class-get", ifindex=sender.dev, prio=1)
    equal("class-get", {"ifindex": sender.dev, "prio": 1, "mark": 2, "mask": 0xffffffff,
                        "mode": "auth", "clear": 0}, one)
    sender.delete(1)
    sender.expect(m2=ENCRYPT)
    for prio in range(3):
        sender.new(prio, prio, "auth")
    sender.delete()
    equal("classes", [], sender.all())
    sender.expect(m0=ENCRYPT, m1=ENCRYPT)
    sender.lone.delete()


def sixty_four():
    sender = Sender()
    for prio in range(64):
        sender.new(prio, 1000 + prio, "encrypt", prio)
    try:
        sender.new(64, 1, "auth")
    except Refused as err:
        check(err.message, "no word why")
    else:
        raise AssertionError("a 65th class was taken")
    equal("number", 64, len(sender.all()))
    sender.expect(m3e8=ENCRYPT, m427=(FLAG_E, 14))
    sender.new(63, 1, "auth")
    sender.expect(m427=ENCRYPT, m1=AUTH)
    sender.lone.delete()


load_module()
ktap.run([default_is_encrypt, marks_select, lowest_prio_wins, mask_counts,
          replaced_and_deleted, sixty_four])
