#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The story of a personal network, from its first user to a device that is lost.
What is said is checked; the first thing that does not hold ends it with status 1.

story.py [PICTURE]      where the SVG of what was measured goes
"""

import os
import subprocess
import sys
import time

sys.dont_write_bytecode = not sys.pycache_prefix
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from cpnstest import network
from cpnstest.ktap import wait_until
from cpnstest.network import PATIENCE_S
from cpnstest.pair import load_module

import home
from home import PAGE, PHRASE, must, note, say, show
import topology


class Tcpdump:
    """tcpdump at an entity, from when it listens until read()."""

    def __init__(self, node, device):
        self.path = node.path(device + ".pcap")
        with open(node.path("tcpdump"), "w", encoding="utf-8") as log:
            self.process = node.netns.popen("tcpdump", "-n", "-p", "-s", "0", "-U",
                                            "--immediate-mode", "-i", device, "-w", self.path,
                                            stderr=log)

        def listens():
            with open(node.path("tcpdump"), encoding="utf-8") as log:
                return "listening on" in log.read()
        wait_until(listens, "tcpdump listens", PATIENCE_S)

    def read(self):
        # What was sent just now may still be on its way to the file.
        time.sleep(0.3)
        self.process.terminate()
        self.process.wait()
        with open(self.path, "rb") as file:
            return file.read()


class Story:
    def __init__(self, picture):
        self.home = home.Home(network.directory())
        self.picture = picture
        self.facts = []

    def page_through_the_gateway(self):
        h = self.home
        say("The watch fetches a page from the Server, through the PN GW")
        inner, outer = Tcpdump(h.watch, "cpns0"), Tcpdump(h.gw, "any")
        before = h.gw.stats()["relay_packets"]
        must(f"curl: {len(PAGE)} bytes, the page as the Server has it",
             h.fetch(h.watch) == PAGE)
        inner, wire, outer = inner.read(), outer.path, outer.read()
        relayed = h.gw.stats()["relay_packets"] - before
        note("what tcpdump shows at the PN GW, on all its interfaces:")
        show(subprocess.run([sys.executable, os.path.join(HERE, "wire.py"), wire, "longest"],
                            stdout=subprocess.PIPE, text=True, check=True).stdout)
        must(f"'{PHRASE}' is nowhere on it", PHRASE.encode() not in outer)
        must("on the watch's own cpns0 it can be read", PHRASE.encode() in inner)
        must(f"the PN GW has relayed {relayed} packets, and counted them",
             relayed >= 2 * len(PAGE) / 1500)
        self.facts.append(f"Page of {len(PAGE)} bytes through the PN GW: {relayed} packets "
                          "relayed, its text 0 times on the PN GW's wires")

    def local_talk(self):
        h = self.home
        say("The watch talks to the PN GW itself")
        must("the watch reaches the PN GW", h.watch.reaches(h.gw, count=3))
        must("the PN GW knows it by its LocalEUKey",
             h.gw.whois(address=str(h.watch.overlay)).get("key") == "localeukey")
        must("bob's phone does not get there", not h.phone.reaches(h.gw, wait=1))

    def server_is_off(self):
        h = self.home
        say("The Server goes off: daemon, registrar and all")
        h.server_off()
        must("the watch does not reach it any more", not h.watch.reaches(h.server, wait=1))
        for node in h.entities:
            node.reboot()
        note("PN GW and PNE were switched off and on: new daemons, new devices")
        for pne in (h.watch, h.meter):
            must(f"{pne.word} and PN GW have a session again, by their LocalEUKey",
                 lambda p=pne: p.has_session(h.gw) and h.gw.has_session(p))
            must(f"{pne.word} reaches the PN GW", lambda p=pne: p.reaches(h.gw))
        must("cpnsctl status says that the Server is away",
             all(node.ask("status")["server"]["away"] for node in h.entities))

    def server_is_back(self):
        h = self.home
        say("The Server is on again, and nobody touches anything else")
        begin = time.monotonic()
        h.server_on()
        for node in h.entities:
            must(f"{node.word} gets the page", lambda n=node: h.fetch(n) == PAGE)
        took = time.monotonic() - begin
        must("all see the Server", lambda: not any(node.ask("status")["server"]["away"]
                                                   for node in h.entities))
        note(f"all was whole again after {took:.1f} s")
        self.facts.append(f"Server off, all local ones restarted: they went on; Server back: "
                          f"whole again after {took:.1f} s")

    def watch_is_lost(self):
        h = self.home
        say("The watch is lost: cpnsctl entity revoke watch@home.example")
        must("Server and PN GW have it as a peer",
             h.server.kernel_has(h.watch) and h.gw.kernel_has(h.watch))
        h.domain.admin("entity", "revoke", h.watch.name)
        begin = time.monotonic()
        wait_until(lambda: not h.server.kernel_has(h.watch) and not h.gw.kernel_has(h.watch),
                   "it is out", PATIENCE_S)
        took = time.monotonic() - begin
        must(f"both have thrown it out {took:.2f} s after the registrar's answer", took < 1)
        must("it reaches neither",
             not h.watch.reaches(h.server, wait=1) and not h.watch.reaches(h.gw, wait=1))
        must("the others are not disturbed",
             h.meter.reaches(h.server) and h.meter.reaches(h.gw) and h.phone.reaches(h.server))
        self.facts.append(f"watch@home.example revoked: out at Server and PN GW {took:.2f} s "
                          "after the registrar's answer")

    def picture_of_it(self):
        h = self.home
        say("The network as it is now")
        note("cpnsctl show cpns0 state, at the PN GW:")
        show(h.gw.ctl("show", "cpns0", "state"))
        with open(self.picture, "w", encoding="utf-8") as file:
            file.write(topology.draw(topology.measure(h), self.facts))
        must("a picture of it is drawn", os.path.getsize(self.picture) > 0)

    def tell(self):
        home.run([self.home.come_up, self.page_through_the_gateway, self.local_talk,
                  self.server_is_off, self.server_is_back, self.watch_is_lost,
                  self.picture_of_it])


if __name__ == "__main__":
    load_module()
    Story(sys.argv[1] if len(sys.argv) > 1 else "/out/topology.svg").tell()
