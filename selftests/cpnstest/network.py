# SPDX-License-Identifier: GPL-2.0
"""A Server, PN GWs and PNE, each a cpnsd in a namespace of its own."""

import atexit
import json
import os
import shutil
import socket
import subprocess
import tempfile

from ss1.identity import domain_of, eid_of, link_local, overlay_address

from . import nl
from .ktap import check, wait_until
from .netns import Netns

# What is waited for at most; a debug kernel on a busy machine needs it.
PATIENCE_S = 30 * (4 if os.environ.get("CPNS_DEBUG") == "1" else 1)


class Node:
    """An entity: its namespace, its configuration, its daemon."""

    def __init__(self, directory, name, server, port=4500, netns=None, device="cpns0"):
        self.name, self.port, self.device = name, port, device
        self.word = name.partition("@")[0]
        self.directory = directory
        self.netns = netns or Netns(self.word)
        self.eid = eid_of(name.encode())
        self.overlay = overlay_address(domain_of(server.encode()), self.eid)
        self.link_local = link_local(self.eid)
        self.lines = []
        self.process = None
        self.client = None

    def path(self, suffix):
        return os.path.join(self.directory, f"{self.word}.{suffix}")

    def write_conf(self, *lines):
        """lines begin in [entity] and may go on with other sections."""
        self.lines = list(lines)
        with open(self.path("conf"), "w", encoding="utf-8") as conf:
            conf.write("\n".join((
                "[entity]", f"device = {self.device}", f"listen-port = {self.port}",
                "hosts-file = none", "log-level = debug", f"control = {self.path('sock')}",
                f"state-dir = {self.directory}", *lines, "")))

    def start(self):
        with open(self.path("log"), "a", encoding="utf-8") as log:
            self.process = self.netns.popen("cpnsd", "-f", "-c", self.path("conf"),
                                            stdout=log, stderr=log)
        atexit.register(self.kill)
        wait_until(self._ready, f"{self.name} is there: {self.log()}", PATIENCE_S)

    def _ready(self):
        check(self.process.poll() is None, f"cpnsd of {self.name} has ended: {self.log()}")
        return self._cpnsctl("status").returncode == 0

    def stop(self):
        """An orderly end; what is in the kernel stays."""
        self.process.terminate()
        check(self.process.wait() == 0, f"cpnsd of {self.name} ends: {self.log()}")

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def reboot(self):
        """All that is not on the disk is gone."""
        self.kill()
        self.netns.sh("ip", "link", "del", self.device)
        self.start()

    def log(self, word=""):
        with open(self.path("log"), encoding="utf-8") as log:
            return "".join(line for line in log if word in line)

    def _cpnsctl(self, *words):
        with self.netns.enter():
            return subprocess.run(["cpnsctl", "-s", self.path("sock"), *words],
                                  capture_output=True, text=True, check=False)

    def ctl(self, *words):
        done = self._cpnsctl(*words)
        check(not done.returncode, f"cpnsctl {' '.join(words)}: {done.stderr}")
        return done.stdout

    @staticmethod
    def _ask(path, op, arguments):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(path)
            sock.sendall(json.dumps({"v": 1, "op": op, **arguments}).encode() + b"\n")
            with sock.makefile(encoding="utf-8") as lines:
                return json.loads(lines.readline())

    def ask(self, op, **arguments):
        """A request to the control socket, and its answer."""
        return self._ask(self.path("sock"), op, arguments)

    def state(self):
        with open(self.path("state"), encoding="utf-8") as file:
            return json.load(file)

    def key_ids(self, kind):
        return {k["key_id"] for k in self.state()["keys"] if k["kind"] == kind}

    def local_key_ids(self, other):
        """key_ids of the LocalEUKeys with another entity."""
        return {k["key_id"] for k in self.state()["keys"] if k["kind"] == "localeukey" and
                other.name in (e["id"] for e in k["entities"])}

    def whois(self, op="whois", **question):
        """Asked as any application may."""
        return self._ask(self.path("sock") + ".whois", op, question)

    def stats(self):
        """The device's counters that are not 0."""
        devices = json.loads(self.ctl("-j", "stats", self.device))["devices"]
        return {name: value for name, value in devices[0]["stats"].items() if value}

    def kernel_has(self, other):
        """Is another entity a peer in the kernel."""
        if not self.client:
            self.client = nl.Client(self.netns)
        return any(peer["eid"] == int.from_bytes(other.eid, "big") for peer in
                   self.client.dump("peer-get", ifindex=self.netns.ifindex(self.device)))

    def peer(self, other):
        """What the daemon says of a peer, or None."""
        for peer in self.ask("status")["peers"]:
            if peer["id"] == other.name:
                return peer
        return None

    def has_session(self, other):
        peer = self.peer(other)
        return peer and peer["sessions"] > 0

    def reaches(self, other, count=1, wait=2):
        """Does a ping of the other's overlay address come back."""
        with self.netns.enter():
            return subprocess.run(["ping", "-q", "-c", str(count), "-W", str(wait),
                                   str(other.overlay)], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, check=False).returncode == 0

    def wait_for_session(self, other):
        wait_until(lambda: self.has_session(other),
                   f"{self.name} has a session with {other.name}: {self.log()}", PATIENCE_S)

    def wait_until_reaches(self, other):
        wait_until(lambda: self.reaches(other), f"{self.name} reaches {other.name}", PATIENCE_S)


def directory():
    """A directory for the test, removed at its end."""
    path = tempfile.mkdtemp(prefix="cpns-system-")
    atexit.register(shutil.rmtree, path, True)
    return path


def link(a, b, dev_a, dev_b, net):
    """A veth pair between two namespaces: a is .1, b is .2."""
    subprocess.run(["ip", "link", "add", dev_a, "netns", a.name, "type", "veth",
                    "peer", "name", dev_b, "netns", b.name], check=True)
    a.ip(f"addr add {net}.1/24 dev {dev_a}", f"link set {dev_a} up")
    b.ip(f"addr add {net}.2/24 dev {dev_b}", f"link set {dev_b} up")
