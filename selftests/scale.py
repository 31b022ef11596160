#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Many PNE with live sessions on one PN GW: a device with its cpnsd, and the PNE
in this process, each with an outer address of its own. The remarks say how long
handshakes took and what a session costs.

scale.py [NUMBER]
"""

import atexit
import ipaddress
import json
import os
import resource
import secrets
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, nl
from cpnstest.interop import PATIENCE_S, PN_GW, PNE, PORT
from cpnstest.ktap import check, equal, wait_until
from cpnstest.netns import Netns, join
from cpnstest.pair import load_module
from ss1 import inner
from ss1.identity import Entity, domain_of, overlay_address
from ss1.keys import KeyRecord
from ss1.node import Node

NUMBER = 40
SERVER = b"home.example"
# The PNE's addresses are all behind the second one.
GATEWAY, ROUTER, PNE_NET = "10.8.0.1", "10.8.0.2", ipaddress.ip_network("10.9.0.0/16")
AT_ONCE = 16        # handshakes, as many as a gateway with a rate limit gets
TICK_S = 0.25
PROGRESS_S = PATIENCE_S


class Pne:
    """One that has a key in common with the PN GW."""

    def __init__(self, number, gateway):
        self.label = f"pne{number}"
        entity = Entity(f"{self.label}@home.example".encode(), PNE)
        self.key = KeyRecord(secrets.token_bytes(16), secrets.token_bytes(32), entity, gateway)
        self.ends = [overlay_address(domain_of(SERVER), e.eid) for e in (entity, gateway)]
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((str(PNE_NET[number + 1]), PORT))
        self.socket.setblocking(False)
        self.node = Node(self.key, [1], 3600, time.monotonic(), endpoint=(GATEWAY, PORT),
                         sources=inner.networks(self.ends[1:]),
                         destinations=inner.networks(self.ends[:1]))
        self.echoed = 0

    def section(self, directory):
        path = os.path.join(directory, self.label)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w",
                  encoding="ascii") as file:
            file.write(self.key.key.hex() + "\n")
        return (f'[peer "{self.label}"]\nid = {self.label}@home.example\nrole = pne\n'
                f"connect = on-demand\nkey-file = {path}\nkey-id = {self.key.key_id.hex()}\n")

    def begin(self):
        self.node.start(time.monotonic())
        self.flush()

    def ask(self):
        packet = inner.Echo(*self.ends, True, 1, self.echoed + 1, b"scale")
        self.node.send(packet.pack(), time.monotonic())
        self.flush()

    def receive(self):
        while True:
            try:
                datagram, address = self.socket.recvfrom(2048)
            except BlockingIOError:
                break
            self.node.receive(datagram, address, time.monotonic())
        while self.node.inbox:
            packet = inner.read(self.node.inbox.popleft()[0])
            if isinstance(packet, inner.Echo) and packet.seq == self.echoed + 1:
                self.echoed += 1
        self.flush()

    def tick(self):
        self.node.tick(time.monotonic())
        self.flush()

    def flush(self):
        while self.node.outbox:
            self.socket.sendto(*self.node.outbox.popleft())


class Scale:
    """The PN GW, and all PNE."""

    def __init__(self, number):
        self.entity = Entity(b"gw@home.example", PN_GW)
        self.netns, self.others = Netns("gw"), Netns("pne")
        join(self.netns, self.others, [(GATEWAY + "/24", ROUTER + "/24")])
        self.netns.ip(f"route add {PNE_NET} via {ROUTER}")
        self.others.ip(f"route add local {PNE_NET} dev lo")
        self.dir = tempfile.mkdtemp(prefix="cpns-scale-")
        atexit.register(shutil.rmtree, self.dir, True)
        self.selector = selectors.DefaultSelector()
        with self.others.enter():
            self.pnes = [Pne(i, self.entity) for i in range(number)]
        for pne in self.pnes:
            self.selector.register(pne.socket, selectors.EVENT_READ, pne)
        self.ticked = time.monotonic()
        self.process = None

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self):
        with open(self.path("conf"), "w", encoding="utf-8") as conf:
            conf.write("\n".join((
                "[entity]", "id = gw@home.example", "role = pn-gw",
                f"server = {SERVER.decode()}", f"listen-port = {PORT}", "hosts-file = none",
                f"control = {self.path('sock')}", f"state-dir = {self.dir}",
                *(pne.section(self.dir) for pne in self.pnes))))
        with open(self.path("log"), "w", encoding="utf-8") as log:
            self.process = self.netns.popen("cpnsd", "-f", "-c", self.path("conf"),
                                            stdout=log, stderr=log)
        atexit.register(self.stop)
        wait_until(self._ready, "cpnsd answers", PATIENCE_S)

    def _ready(self):
        with open(self.path("log"), encoding="utf-8") as log:
            check(self.process.poll() is None, log.read())
        return not self._ctl("status").returncode

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def _ctl(self, *words):
        with self.netns.enter():
            return subprocess.run(["cpnsctl", "-s", self.path("sock"), *words],
                                  capture_output=True, text=True, check=False)

    def ctl(self, *words):
        """The output, and how long it took."""
        begin = time.monotonic()
        done = self._ctl(*words)
        check(not done.returncode, done.stderr)
        return done.stdout, time.monotonic() - begin

    def cpu(self):
        """Seconds that cpnsd has used."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self):
        """KiB of cpnsd."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def pump(self):
        """Takes what has come, and does what is due."""
        for item, _ in self.selector.select(TICK_S):
            item.data.receive()
        if time.monotonic() - self.ticked >= TICK_S:
            self.ticked = time.monotonic()
            for pne in self.pnes:
                pne.tick()

    def each(self, begin, done, at_once=AT_ONCE):
        """begin(pne) of each, so many at a time, until done(pne) holds."""
        todo, under_way = list(self.pnes), []
        last = time.monotonic()
        while todo or under_way:
            while todo and len(under_way) < at_once:
                under_way.append(todo.pop(0))
                begin(under_way[-1])
            self.pump()
            left = [pne for pne in under_way if not done(pne)]
            if len(left) < len(under_way):
                last = time.monotonic()
            check(time.monotonic() - last < PROGRESS_S,
                  f"{len(todo)} to do, {[(p.label, dict(p.node.drops)) for p in left]}")
            under_way = left

    def handshakes(self, number):
        """All do their handshake of this number; remarks how fast."""
        begin, cpu = time.monotonic(), self.cpu()
        self.each(Pne.begin, lambda pne: pne.node.handshakes >= number and
                  pne.node.current.installed >= begin)
        took, used = time.monotonic() - begin, self.cpu() - cpu
        n = len(self.pnes)
        print(f"# {n} handshakes in {took:.1f} s, {n / took:.1f} a second, with the PNE in "
              f"Python; cpnsd used {1000 * used / n:.1f} ms for each")

    def echoes(self):
        """A packet there and back through each session."""
        before = {pne: pne.echoed for pne in self.pnes}
        self.each(Pne.ask, lambda pne: pne.echoed > before[pne])

    def keys(self, slot):
        client = nl.Client(self.netns)
        keys = client.dump("key-get", ifindex=self.netns.ifindex("cpns0"))
        client.close()
        return {key["eid"]: key for key in keys if str(key["slot"]) == slot}


def kernel_kib():
    """Memory of the kernel's own, with what waits to be freed freed."""
    time.sleep(1)
    with open("/proc/meminfo", encoding="ascii") as file:
        info = {line.split(":")[0]: int(line.split()[1]) for line in file}
    return info["Slab"] + info["Percpu"] + info["VmallocUsed"]


S = None
FREE = [0]


def peers_are_configured():
    before = kernel_kib()
    begin = time.monotonic()
    S.start()
    FREE[0] = kernel_kib()
    print(f"# cpnsd with {len(S.pnes)} peers answers after {time.monotonic() - begin - 1:.1f} s; "
          f"kernel: {(FREE[0] - before) / len(S.pnes):.1f} KiB a peer; cpnsd: "
          f"{S.resident()} KiB")


def all_have_sessions():
    S.handshakes(1)
    cost = kernel_kib() - FREE[0]
    print(f"# kernel: {cost / len(S.pnes):.1f} KiB a session; cpnsd: {S.resident()} KiB")


def all_are_live_at_once():
    S.echoes()
    equal("current sessions", {int.from_bytes(p.key.local.eid, "big") for p in S.pnes},
          set(S.keys("current")))


def all_are_shown():
    text, plain = S.ctl("show")
    shown, as_json = S.ctl("-j", "show")
    equal("up", len(S.pnes), text.count("state: up"))
    equal("peers", len(S.pnes), len(json.loads(shown)["devices"][0]["peers"]))
    print(f"# cpnsctl show takes {plain:.2f} s, -j {as_json:.2f} s, status "
          f"{S.ctl('status')[1]:.2f} s")


def all_are_rekeyed():
    old = {eid: key["local-sid"] for eid, key in S.keys("current").items()}
    S.handshakes(2)
    new = S.keys("current")
    equal("current sessions", set(old), set(new))
    equal("of before", [], [eid for eid in old if old[eid] == new[eid]["local-sid"]])
    S.echoes()


def nothing_was_lost():
    device = json.loads(S.ctl("-j", "show")[0])["devices"][0]
    equal("dropped of what came in", 0, device["rx_dropped"])


TESTS = [peers_are_configured, all_have_sessions, all_are_live_at_once, all_are_shown,
         all_are_rekeyed, nothing_was_lost]


def main():
    global S
    load_module()
    number = int(sys.argv[1]) if len(sys.argv) > 1 else NUMBER
    resource.setrlimit(resource.RLIMIT_NOFILE, [number + 256] * 2)
    S = Scale(number)
    ktap.run(TESTS)


if __name__ == "__main__":
    main()
