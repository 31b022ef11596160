# SPDX-License-Identifier: GPL-2.0
"""The personal network of the demo and of 'make shell': a Server, the PN GW of a
house, three PNE of two users behind it. And how the demo says what it checks."""

import os
import subprocess
import sys
import time

from cpnstest import network
from cpnstest.domain import ENROL_PORT, Domain
from cpnstest.ktap import check, wait_until
from cpnstest.netns import Netns
from cpnstest.network import PATIENCE_S, Node

SERVER = "srv@home.example"
PASSWORDS = {"alice": "correct horse", "bob": "battery staple"}
ALICE, BOB = PASSWORDS
UP = "10.70.0"
PHRASE = "the spare key is under the third flowerpot"
PAGE = "".join(("<html><body>\n", *(f"<p>{i}: {PHRASE}</p>\n" for i in range(1, 61)),
                "</body></html>\n"))

BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() or os.environ.get("CPNS_COLOUR") \
    else ("", "")


def say(text):
    print(f"\n{BOLD}== {text}{PLAIN}", flush=True)


def note(text):
    print(f"   {text}", flush=True)


def show(text):
    for line in text.rstrip().splitlines():
        print(f"   | {line}".rstrip(), flush=True)


def must(text, holds):
    """Says the text where it holds: now, or soon where it is a function that tells.
    Returns after how many seconds."""
    begin = time.monotonic()
    if callable(holds):
        wait_until(holds, text, PATIENCE_S)
    else:
        check(holds, f"{text}: it is not so")
    took = time.monotonic() - begin
    print(f"   [ok] {text}", flush=True)
    return took


class Home:
    """srv -- gw -- watch, meter (alice), phone (bob): namespaces of these names. A
    PNE has a link to the PN GW only."""

    def __init__(self, directory):
        self.dir = directory
        self.domain = Domain(directory, SERVER, UP, Netns(name="srv"))
        self.server = self.domain.server
        self.gw = self._node("gw@home.example")
        self.watch = self._node("watch@home.example")
        self.meter = self._node("meter@home.example")
        self.phone = self._node("phone@home.example")
        self.pnes = (self.watch, self.meter, self.phone)
        self.entities = (self.gw, *self.pnes)
        self.web = None
        network.link(self.server.netns, self.gw.netns, "up0", "up0", UP)
        for i, pne in enumerate(self.pnes, 1):
            network.link(self.gw.netns, pne.netns, f"pan{i}", "pan0", f"10.70.{i}")
            pne.write_conf(f"state = {pne.path('state')}", f"via = {self.forward(pne)}:4500")
        self.gw.write_conf(f"state = {self.gw.path('state')}", "[relay]",
                           "pan = pan1, pan2, pan3",
                           f"enrol-forward = 0.0.0.0:{ENROL_PORT} -> {UP}.1:{ENROL_PORT}")

    def _node(self, name):
        return Node(self.dir, name, SERVER, netns=Netns(name=name.partition("@")[0]))

    def forward(self, pne):
        """Where a PNE has the PN GW."""
        return f"10.70.{self.pnes.index(pne) + 1}.1"

    # ---- the Server's host ----

    def server_on(self):
        self.domain.start_registrar()
        self.server.start()
        self.web = self.server.netns.popen("busybox", "httpd", "-f", "-p",
                                           f"[{self.server.overlay}]:80", "-h",
                                           os.path.join(self.dir, "www"))
        wait_until(lambda: self.fetch(self.server) == PAGE, "the web server serves", PATIENCE_S)

    def server_off(self):
        """All that it does ends, and what is in its kernel is gone."""
        for process in (self.web, self.domain.process, self.server.process):
            process.kill()
            process.wait()
        self.server.netns.sh("ip", "link", "del", "cpns0")

    def fetch(self, node):
        """The Server's page, or what curl says."""
        return node.netns.sh("curl", "-sS", "--connect-timeout", "2",
                             "--max-time", "20", f"http://[{self.server.overlay}]/",
                             check=False)

    # ---- the chapters that bring it up ----

    def begin(self):
        say("A Server, its registrar, and two users")
        os.mkdir(os.path.join(self.dir, "www"))
        with open(os.path.join(self.dir, "www", "index.html"), "w", encoding="utf-8") as page:
            page.write(PAGE)
        self.domain.configure()
        self.server_on()
        for user, password in PASSWORDS.items():
            self.domain.add_user(user, password)
        users = {user["user"] for user in self.domain.admin("user", "list")["users"]}
        must("cpnsctl user add: " + ", ".join(PASSWORDS), users == set(PASSWORDS))

    def enrol_gateway(self):
        say("The PN GW enrols, with alice's password")
        done = self.domain.try_enrol(self.gw, "pn-gw", f"{UP}.1", "--user", ALICE,
                                     secret="wrong horse")
        must("a wrong password is refused", done.returncode)
        self.domain.enrol(self.gw, "pn-gw", ALICE, f"{UP}.1")
        must("cpnsctl enrol has brought its EUKey", self.gw.key_ids("eukey"))
        self.gw.start()
        must("first session: PN GW and Server, by that EUKey",
             lambda: self.gw.has_session(self.server) and
             self.known_by(self.server, self.gw) == (ALICE, "eukey"))
        must("they reach each other", lambda: self.gw.reaches(self.server))

    def enrol_watch(self):
        say("A PNE, alice's watch: it sees the PN GW only, and enrols through it")
        route = self.watch.netns.sh("ip", "route", "get", f"{UP}.1", check=False)
        must("it has no way of its own to the Server", "unreachable" in route)
        self.domain.enrol(self.watch, "pne", ALICE, self.forward(self.watch))
        must("cpnsctl enrol: TLS to the registrar, passed on by the PN GW",
             self.gw.ask("status")["enrol_forward"]["passed"] > 0)
        must("it has an EUKey, and no key for the PN GW",
             self.watch.key_ids("eukey") and not self.watch.key_ids("localeukey"))
        self.pne_comes_up(self.watch, ALICE)

    def pne_comes_up(self, pne, user):
        before = self.gw.stats().get("relay_packets", 0)
        pne.start()
        must("second session: PNE and Server, by its EUKey",
             lambda: pne.has_session(self.server) and
             self.known_by(self.server, pne) == (user, "eukey"))
        relayed = self.gw.stats()["relay_packets"] - before
        must(f"the PN GW has relayed what they said: {relayed} packets", relayed > 0)
        if user != ALICE:
            return
        must("the Server gives both ends a LocalEUKey", lambda: self.have_local_key(pne))
        must("third session: PNE and PN GW, by that LocalEUKey",
             lambda: pne.has_session(self.gw) and
             self.known_by(self.gw, pne) == (ALICE, "localeukey"))
        begun = pne.log(": session with ")
        must("it came after the second", -1 < begun.find(f"peer {SERVER}:") <
             begun.find(f"peer {self.gw.name}:"))

    @staticmethod
    def known_by(node, other):
        """User and kind of key that a node knows another by."""
        known = node.whois(address=str(other.overlay))
        return known.get("user"), known.get("key")

    def have_local_key(self, pne):
        return pne.local_key_ids(self.gw) == self.gw.local_key_ids(pne) != set()

    def enrol_meter(self):
        say("A meter has no keyboard: a one-time code from the watch")
        code = self.watch.ctl("code", "cpns0").strip()
        note(f"watch: cpnsctl code -> {code}")
        host = self.forward(self.meter)
        done = self.domain.try_enrol(self.meter, "pne", host, "--code", secret=code)
        must("the meter enrols with it", not done.returncode)
        done = self.domain.try_enrol(self.phone, "pne", self.forward(self.phone), "--code",
                                     secret=code)
        must("it is good once: with it nobody else enrols", done.returncode)
        self.pne_comes_up(self.meter, ALICE)

    def enrol_phone(self):
        say("A guest, bob's phone: his password, and alice's PN GW")
        self.domain.enrol(self.phone, "pne", BOB, self.forward(self.phone))
        self.pne_comes_up(self.phone, BOB)
        must("it reaches the Server", lambda: self.phone.reaches(self.server))
        must("alice's PN GW only relays for it: no LocalEUKey",
             not self.phone.key_ids("localeukey") and not self.gw.kernel_has(self.phone))

    def come_up(self):
        self.begin()
        self.enrol_gateway()
        self.enrol_watch()
        self.enrol_meter()
        self.enrol_phone()


def run(chapters):
    """Runs functions; the first thing that does not hold ends it with status 1."""
    try:
        for chapter in chapters:
            chapter()
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        sys.exit(f"\nDEMO FAILED: {error}")
