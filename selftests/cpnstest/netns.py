# SPDX-License-Identifier: GPL-2.0
"""Network namespaces, and code that runs in one."""

import atexit
import ctypes
import itertools
import os
import socket
import subprocess
from contextlib import contextmanager

from . import rtnl

_CLONE_NEWNET = 0x40000000
_MS_BIND, _MNT_DETACH = 0x1000, 2
_DIR = "/run/netns"
_libc = ctypes.CDLL(None, use_errno=True)
_count = itertools.count()


def _libc_call(name, *args):
    if getattr(_libc, name)(*args):
        raise OSError(ctypes.get_errno(), name)


def sh(*words, check=True, **kwargs):
    """Runs a program and returns its output."""
    done = subprocess.run([str(w) for w in words], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kwargs)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(map(str, words))}: exit {done.returncode}\n"
                             f"{done.stdout}")
    return done.stdout


class Netns:
    """A namespace of this test's own, with loopback up, named for ip netns: as no
    other one is, unless the name is given."""

    def __init__(self, word="ns", name=None):
        self.name = name or f"{word}-{os.getpid()}-{next(_count)}"
        self.path = f"{_DIR}/{self.name}"
        self._make()
        self.open = True
        atexit.register(self.delete)
        rtnl.set_up(self, 1)

    def _make(self):
        os.makedirs(_DIR, exist_ok=True)
        with open(self.path, "xb"):
            pass
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _libc_call("unshare", _CLONE_NEWNET)
            _libc_call("mount", b"/proc/thread-self/ns/net", self.path.encode(), b"none",
                       _MS_BIND, None)
        finally:
            _libc_call("setns", here, _CLONE_NEWNET)
            os.close(here)

    def delete(self):
        if self.open:
            self.open = False
            _libc_call("umount2", self.path.encode(), _MNT_DETACH)
            os.unlink(self.path)

    def sh(self, *words, **kwargs):
        """Runs a program in it. /sys stays that of the first namespace."""
        with self.enter():
            return sh(*words, **kwargs)

    def popen(self, *words, **kwargs):
        """Starts a program in it. /sys stays that of the first namespace."""
        with self.enter():
            return subprocess.Popen([str(w) for w in words], **kwargs)

    def ip(self, *commands):
        """Runs ip(8) once for several commands, each a line."""
        return self.sh("ip", "-batch", "-", input="".join(c + "\n" for c in commands))

    def ifindex(self, dev):
        with self.enter():
            return socket.if_nametoindex(dev)

    @contextmanager
    def enter(self):
        """What is opened inside, sockets above all, belongs to it."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(self.path, os.O_RDONLY)
        try:
            _libc_call("setns", there, _CLONE_NEWNET)
            yield self
        finally:
            _libc_call("setns", here, _CLONE_NEWNET)
            os.close(here)
            os.close(there)


def join(a, b, addresses=(), mtu=1500, dev="veth0"):
    """A veth pair between two namespaces; addresses are (for a, for b)."""
    rtnl.veth(a, b, dev, mtu)
    for ns, side in ((a, 0), (b, 1)):
        index = ns.ifindex(dev)
        for pair in addresses:
            rtnl.add_address(ns, index, pair[side])
        rtnl.set_up(ns, index)
