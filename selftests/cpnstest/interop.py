# SPDX-License-Identifier: GPL-2.0
"""cpnsd and the module in one namespace, peers of selftests/interop in another.

One cpnsd serves all cases of a test. Each case has a partner of its own: an
Entity ID, a key, an outer address, and a [peer] section that suits the case.
"""

import atexit
import dataclasses
import ipaddress
import itertools
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading

import link
import peer
from driver import Driver
from record import PeerRecord
from ss1.identity import Entity, domain_of, link_local, overlay_address
from ss1.keys import KeyRecord

from .ktap import check, wait_until
from .netns import Netns, join

SERVER, PN_GW, PNE = 1, 2, 3
ROLE_NAMES = {SERVER: "server", PN_GW: "pn-gw", PNE: "pne"}

OUTER = "10.8.0.{}", "fd08::{}"
INNER = "10.9.0.{}"
PORT = 4500             # of cpnsd
PARTNER_PORT = 4501
ECHO_PORT = 7007
# firewall mark -> class of packets
MARK_AUTH, MARK_CLEAR = 1, 2
CLASSES = f"""
[class "authenticated"]
prio = 1
mark = {MARK_AUTH}
mode = auth
[class "clear-prefix"]
prio = 2
mark = {MARK_CLEAR}
clear = 40
"""

# What a case waits for at most; a debug kernel on a busy machine needs it.
PATIENCE_S = 60 * (4 if os.environ.get("CPNS_DEBUG") == "1" else 1)


class Subject:
    """The cpnsd that is tried."""

    def __init__(self, name="home.example", role=SERVER):
        self.entity = Entity(name.encode(), role)
        self.domain = domain_of(name.encode())
        self.netns, self.others = Netns("cpnsd"), Netns("peer")
        self.directory = tempfile.mkdtemp(prefix="cpns-interop-")
        atexit.register(shutil.rmtree, self.directory, True)
        self.partners = []
        self.process = None
        join(self.netns, self.others, [(f"{OUTER[0].format(1)}/24", f"{OUTER[0].format(2)}/24"),
                                       (f"{OUTER[1].format(1)}/64", f"{OUTER[1].format(2)}/64")])

    def path(self, name):
        return os.path.join(self.directory, name)

    def _config(self):
        return "\n".join((
            "[entity]", f"id = {self.entity.name.decode()}",
            f"role = {ROLE_NAMES[self.entity.role]}", f"listen-port = {PORT}",
            f"address = {INNER.format(1)}/24", "hosts-file = none", "log-level = debug",
            f"control = {self.path('control')}", f"state-dir = {self.directory}",
            CLASSES, *(partner.section() for partner in self.partners)))

    def start(self):
        """Once all partners are there."""
        self.others.ip(*(f"addr add {pattern.format(p.number)}/{length} dev veth0 nodad"
                         for p in self.partners
                         for pattern, length in zip(OUTER, (24, 64))))
        with open(self.path("conf"), "w", encoding="utf-8") as conf:
            conf.write(self._config())
        with open(self.path("log"), "w", encoding="utf-8") as log:
            self.process = self.netns.popen("cpnsd", "-f", "-c", self.path("conf"),
                                            stdout=log, stderr=log)
        atexit.register(self._stop)
        wait_until(self._ready, "cpnsd answers: " + self.log(), PATIENCE_S)
        self._serve_echo()

    def _ready(self):
        check(self.process.poll() is None, "cpnsd has ended: " + self.log())
        return self._cpnsctl("status").returncode == 0

    def _stop(self):
        self.process.terminate()
        self.process.wait()

    def log(self, word=""):
        with open(self.path("log"), encoding="utf-8") as log:
            return "".join(line for line in log if word in line)

    def _cpnsctl(self, *words):
        with self.netns.enter():
            return subprocess.run(["cpnsctl", "-s", self.path("control"), *words],
                                  capture_output=True, text=True, check=False)

    def ctl(self, *words):
        done = self._cpnsctl(*words)
        check(not done.returncode, f"cpnsctl {' '.join(words)}: {done.stderr}")
        return done.stdout

    def json(self, *words):
        return json.loads(self.ctl("-j", *words))

    def _serve_echo(self):
        """UDP that comes through a session goes back."""
        with self.netns.enter():
            echo = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        echo.bind(("::", ECHO_PORT))

        def serve():
            while True:
                data, source = echo.recvfrom(65535)
                try:
                    echo.sendto(data, source)
                except OSError:
                    pass        # as lost as anywhere
        threading.Thread(target=serve, daemon=True).start()


class Partner:
    """The Python peer of one case, and what cpnsd knows of it."""

    def __init__(self, subject, *lines, role=PNE, ipv6=False, pure_psk=True, user_id=b"",
                 newer_key=False, larger_eid=None):
        """lines go into the [peer] section, newer_key gives cpnsd a key of a
        higher generation that the partner lacks, larger_eid wants an EID above
        or below that of cpnsd."""
        subject.partners.append(self)
        self.subject = subject
        # Low numbers are those of the namespaces.
        self.number = 9 + len(subject.partners)
        self.label = f"p{self.number}"
        self.lines = lines
        self.newer_key = newer_key
        self.outer = OUTER[int(ipv6)]
        self.key = KeyRecord(secrets.token_bytes(16), secrets.token_bytes(32),
                             self._entity(role, larger_eid), subject.entity,
                             user_id=user_id, pure_psk=pure_psk)
        own, other = self.key.local.eid, subject.entity.eid
        self.record = PeerRecord(
            self.key, overlay_address(subject.domain, own),
            overlay_address(subject.domain, other), link_local(own), link_local(other),
            ipaddress.IPv4Address(INNER.format(self.number)),
            ipaddress.IPv4Address(INNER.format(1)))

    def _entity(self, role, larger_eid):
        for number in itertools.count():
            name = f"{self.label}-{number}@home.example"
            entity = Entity(name.encode(), role)
            if larger_eid in (None, entity.eid > self.subject.entity.eid):
                return entity

    def wrong_record(self):
        """The record with another key in it."""
        key = dataclasses.replace(self.key, key=secrets.token_bytes(32))
        return dataclasses.replace(self.record, key=key)

    # --- cpnsd's side

    def _key_lines(self, generation, key_id, key):
        path = self.subject.path(f"{self.label}-{generation}")
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w") as stream:
            stream.write(key.hex() + "\n")
        return (f"key-file = {path}", f"key-id = {key_id.hex()}",
                f"generation = {generation}",
                f"pure-psk = {'yes' if self.key.pure_psk else 'no'}")

    def section(self):
        lines = [f'[peer "{self.label}"]', f"id = {self.key.local.name.decode()}",
                 f"role = {ROLE_NAMES[self.key.local.role]}", "connect = on-demand",
                 f"endpoint = {self.place()}", f"address = {INNER.format(self.number)}"]
        if self.newer_key:
            lines += self._key_lines(2, secrets.token_bytes(16), secrets.token_bytes(32))
        return "\n".join((*lines, *self._key_lines(1, self.key.key_id, self.key.key),
                          *self.lines, ""))

    def place(self, number=None, port=PARTNER_PORT):
        host = self.outer.format(number or self.number)
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def connect(self):
        """Has cpnsd begin a handshake."""
        self.subject.ctl("peer", "connect", self.label)

    def shown(self):
        """What cpnsctl shows of this peer."""
        for device in self.subject.json("show")["devices"]:
            for shown in device["peers"]:
                if shown["name"] == self.label:
                    return shown
        raise AssertionError(f"cpnsctl show has no peer {self.label}")

    def stats(self):
        """The peer's counters in the module that are not 0."""
        return {name: value for name, value in self.shown()["stats"].items() if value}

    def current(self):
        """The session that the module sends with."""
        keys = [key for key in self.shown()["keys"] if key["slot"] == "current"]
        check(len(keys) == 1, f"{len(keys)} current keys")
        return keys[0]

    def attempts(self):
        """What cpnsctl why says, the newest first."""
        return self.subject.json("why", self.label)["attempts"]

    def ping(self, count, *options, address=None):
        """Starts ping from cpnsd's side; a packet without a session makes one."""
        return self.subject.netns.popen(
            "ping", "-n", "-q", "-c", count, "-i", "0.2", "-W", PATIENCE_S, *options,
            address or self.record.local_address, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    # --- the Python side; only in the namespace of the partners

    def open(self, options, record=None):
        """A Driver with the command line options of peer.py, ready to run."""
        args = peer.parse_args(
            ["--record", "-", "--listen", self.place(), "--remote", self.place(1, PORT),
             "--linger", "0.3", "--timeout", str(PATIENCE_S), *options.split()])
        faults = link.Faults(args.drop_first, args.loss, args.dup, args.reorder, args.seed)
        return Driver(args, record or self.record, link.Link(args.listen, faults))

    def initiate(self, options=""):
        """peer.py as initiator, from beginning to end."""
        driver = self.open("--role initiator " + options)
        peer.run(driver)
        return judge(driver)

    def respond(self, options="", begin=None):
        """peer.py as responder; begin() has cpnsd start, and send something:
        a responder is up from the first DATA."""
        driver = self.open("--role responder " + options)
        ping = (begin or self._begin)()
        try:
            peer.run(driver)
        finally:
            stop(ping)
        return judge(driver)

    def _begin(self):
        self.connect()
        return self.ping(100, "-i", "0.5")

    def up(self, options):
        """A Driver with a session, for cases that go on by themselves."""
        driver = self.open(options)
        initiator = driver.args.role == "initiator"
        if initiator:
            driver.node.start(driver.now())
        else:
            self.connect()
        # DATA before the responder's would overtake CONFIRM, and be lost.
        check(driver.wait(lambda: driver.node.up if initiator else driver.node.current,
                          PATIENCE_S), "no session")
        return driver


def stop(process):
    """Ends it, if it has not ended; its exit status."""
    process.kill()
    return process.wait()


def judge(driver):
    """Fails where one of the driver's checks has failed."""
    bad = [f"{done['name']} ({done['detail']})" for done in driver.checks if not done["ok"]]
    check(not bad, f"{'; '.join(bad)}; in {dict(driver.count_in)}, out "
                   f"{dict(driver.count_out)}, drops {dict(driver.node.drops)}, "
                   f"HINTs {driver.node.hints}")
    check(driver.checks, "nothing was checked")
    return driver
