#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Server, PN GW and PNE with keys that the Server gives out over its control
streams: rotation, renewal, the time without it, revocation. The registrar is in
the test's hand."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, network, nl
from cpnstest.ktap import check, equal, wait_until
from cpnstest.network import PATIENCE_S, Node
from cpnstest.pair import load_module
from cpnstest.fake_registrar import Registrar

SERVER = "home.example"
USER = "anna@home.example"
NET = "10.70.{}"


class Network:
    """server -- gw -- pne1, pne2: each PNE has a link to the PN GW only. gw2 has
    links to the Server and to pne2."""

    def __init__(self):
        self.dir = network.directory()
        self.registrar = Registrar(os.path.join(self.dir, "keys.sock"), SERVER,
                                   ["10.70.0.1:4500"])
        self.server = Node(self.dir, SERVER, SERVER)
        self.gw = self._node("gw@home.example", "pn-gw")
        self.gw2 = self._node("gw2@home.example", "pn-gw")
        self.pnes = [self._node(f"pne{i}@home.example", "pne") for i in (1, 2)]
        network.link(self.server.netns, self.gw.netns, "up0", "up0", NET.format(0))
        self.server.write_conf(f"id = {SERVER}", "role = server", "[server]",
                               f"registrar = {self.registrar.path}")
        for i, pne in enumerate(self.pnes, 1):
            network.link(self.gw.netns, pne.netns, f"pan{i}", "pan0", NET.format(i))
            pne.write_conf(f"state = {pne.path('state')}", f"via = {NET.format(i)}.1:4500")
        self.gw.write_conf(f"state = {self.gw.path('state')}", "[relay]", "pan = pan1, pan2")
        network.link(self.server.netns, self.gw2.netns, "up1", "up0", NET.format(100))
        network.link(self.gw2.netns, self.pnes[1].netns, "pan1", "pan1", NET.format(102))
        self.gw2.write_conf(f"state = {self.gw2.path('state')}", '[peer "server"]',
                            f"id = {SERVER}", "role = server", "endpoint = 10.70.100.1:4500",
                            "[relay]", "pan = pan1")

    def _node(self, name, role):
        node = Node(self.dir, name, SERVER)
        record = self.registrar.enrol(name, role, USER)
        self.registrar.state_file(node.path("state"), name, record)
        return node

    @property
    def all(self):
        return (self.server, self.gw, *self.pnes)


S = None


def server_learns_keys_from_the_registrar():
    S.registrar.start()
    for node in S.all:
        node.start()
    for node in (S.gw, *S.pnes):
        node.wait_for_session(S.server)
        wait_until(lambda n=node: S.registrar.states[next(iter(n.key_ids("eukey")))] == "active",
                   f"the EUKey of {node.name} is confirmed", PATIENCE_S)
    S.gw.wait_until_reaches(S.server)


def local_keys_come_to_both_ends():
    for pne in S.pnes:
        wait_until(lambda p=pne: p.key_ids("localeukey"), f"{pne.name} has a LocalEUKey: "
                   + pne.log() + S.server.log(), PATIENCE_S)
        wait_until(lambda p=pne: p.local_key_ids(S.gw) == S.gw.local_key_ids(p) != set(),
                   "the PN GW has the same", PATIENCE_S)
    wait_until(lambda: all((n.name, k) in S.registrar.acked for n in (S.gw, *S.pnes)
                           for k in n.key_ids("localeukey")),
               "all are acknowledged", PATIENCE_S)


def pne_and_pn_gw_make_their_own_session():
    for pne in S.pnes:
        pne.wait_for_session(S.gw)
        pne.wait_until_reaches(S.gw)


def pne_reaches_the_server_through_the_relay():
    before = S.gw.stats().get("relay_packets", 0)
    for pne in S.pnes:
        check(pne.reaches(S.server, 5), f"{pne.name} reaches the Server")
    after = S.gw.stats()["relay_packets"]
    check(after - before >= 20, f"relayed: {before} before, {after} after 10 pings")


def whois_knows_the_entities():
    pne = S.pnes[0]
    for at, kind in ((S.server, "eukey"), (S.gw, "localeukey")):
        for question in ({"address": str(pne.overlay)}, {"address": str(pne.link_local)},
                         {"eid": pne.eid.hex()}, {"entity": pne.name}):
            answer = at.whois(**question)
            equal(f"{at.name}: {question}", (True, pne.name, pne.eid.hex(), "pne", USER, kind),
                  tuple(answer.get(name) for name in ("ok", "entity", "eid", "role", "user",
                                                      "key")))
            check(abs(answer["since"] - time.time()) < 300, f"since {answer['since']}")
    equal("a stranger", "unknown", S.server.whois(entity="nobody@home.example")["code"])
    equal("no question", "request", S.server.whois()["code"])
    equal("another request", "request", S.server.whois(op="status")["code"])


def downgrade_is_reported():
    """A PNE that leaves encryption out, which the PN GW has not been told to take."""
    pne = S.pnes[0]
    before = pne.lines
    pne.write_conf(*before, '[class "plain"]', "prio = 1", "mark = 1", "mode = auth")
    pne.ctl("reload")
    with pne.netns.enter():
        done = subprocess.run(["ping", "-q", "-c", "3", "-i", "0.2", "-W", "1", "-m", "1",
                               str(S.gw.overlay)], stdout=subprocess.DEVNULL, check=False)
    check(done.returncode, "they are dropped")
    # It may look while they are coming, and says then what was until then.
    wait_until(lambda: f"{pne.name} 3" in S.gw.log("less protection than is demanded"),
               "the log says so", PATIENCE_S)
    equal("downgrades in the status", 3, S.gw.ask("status")["downgrades"]["packets"])
    pne.write_conf(*before)
    pne.ctl("reload")
    check(pne.reaches(S.gw), "else it is as before")


def enrolled_pne_gets_a_code():
    answer = S.pnes[0].ask("code-new", role="pne")
    equal("code", (True, "ABCD-EFGH"), (answer["ok"], answer.get("enrolment_code")))
    equal("at the Server itself", False, S.server.ask("code-new")["ok"])


def stranger_gets_no_session():
    """Enrolled nowhere: its INIT is relayed, looked up, and not answered."""
    pne = S.pnes[0]
    pne.stop()
    known = pne.path("state")
    os.rename(known, known + ".known")
    S.registrar.entities["stranger@home.example"] = {"id": "stranger@home.example",
                                                     "role": "pne", "user": USER}
    record = S.registrar.enrol("stranger@home.example", "pne", USER)
    S.registrar.state_file(known, "stranger@home.example", record)
    with S.registrar.lock:
        del S.registrar.keys[record["key_id"]], S.registrar.states[record["key_id"]]
        del S.registrar.entities["stranger@home.example"]
    pne.reboot()
    wait_until(lambda: any(r.get("key_id") == record["key_id"] for r in S.registrar.asked),
               "it was looked up", PATIENCE_S)
    time.sleep(2)
    check(not pne.has_session(S.server), "no session")
    check(not S.server.ask("status")["registrar"]["held"], "nor is anything held for it")
    pne.stop()
    os.rename(known + ".known", known)
    pne.reboot()
    pne.wait_for_session(S.server)
    pne.wait_for_session(S.gw)


def registrar_may_restart():
    S.registrar.stop()
    wait_until(lambda: S.server.ask("status")["registrar"]["registrar_away"],
               "the Server sees it away", PATIENCE_S)
    S.pnes[0].reboot()
    S.pnes[0].wait_for_session(S.server)
    S.registrar.start()
    wait_until(lambda: not S.server.ask("status")["registrar"]["registrar_away"],
               "the Server sees it again", PATIENCE_S)
    check(S.pnes[0].reaches(S.server), "nobody is thrown out")


def registrar_may_move():
    """SIGHUP reads where it is; the old one still listens."""
    old, S.registrar.path = S.registrar.sock, S.registrar.path + "2"
    S.registrar.start()
    S.server.write_conf(f"id = {SERVER}", "role = server", "[server]",
                        f"registrar = {S.registrar.path}")
    S.server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "another one is configured" in S.server.log(), "it is read", PATIENCE_S)
    old.shutdown(socket.SHUT_RDWR)
    old.close()
    wait_until(lambda: not S.server.ask("status")["registrar"]["registrar_away"],
               "the Server sees it there", PATIENCE_S)
    check(S.pnes[0].reaches(S.server), "nobody is thrown out")
    S.pnes[0].reboot()
    S.pnes[0].wait_for_session(S.server)


def server_daemon_may_restart():
    """Sessions of entities that no file names go on with the new daemon."""
    with S.pnes[0].netns.enter():
        ping = S.pnes[0].netns.popen("ping", "-q", "-c", "100", "-i", "0.05", "-W", "5",
                                     str(S.server.overlay), stdout=subprocess.PIPE, text=True)
    S.server.stop()
    S.server.start()
    out, _ = ping.communicate()
    check(" 0% packet loss" in out, out)
    for node in (S.gw, *S.pnes):
        wait_until(lambda n=node: S.server.has_session(n), f"session of {node.name} goes on",
                   PATIENCE_S)


def rotated_eukey_is_taken():
    pne = S.pnes[0]
    old = pne.key_ids("eukey")
    S.registrar.rotate(pne.name)
    wait_until(lambda: pne.key_ids("eukey") and not pne.key_ids("eukey") & old,
               "the old one is given up: " + pne.log(), PATIENCE_S)
    new, = pne.key_ids("eukey")
    wait_until(lambda: S.registrar.states.get(new) == "active", "the new one is active",
               PATIENCE_S)
    wait_until(lambda: S.server.peer(pne)["keys"] == 1, "the Server has dropped the old one",
               PATIENCE_S)
    check(pne.reaches(S.server), "it works")


def renewed_local_key_is_taken():
    pne = S.pnes[0]
    old = pne.local_key_ids(S.gw)
    S.registrar.renew(S.gw.name, pne.name)
    wait_until(lambda: len(pne.local_key_ids(S.gw) - old) == 1 and
               pne.local_key_ids(S.gw) == S.gw.local_key_ids(pne),
               "both have two generations", PATIENCE_S)
    pne.ctl("peer", "connect", "gw@home.example")
    new, = pne.local_key_ids(S.gw) - old
    wait_until(lambda: pne.peer(S.gw)["last_attempt"]["key_id"] == new,
               "the newer one is used", PATIENCE_S)
    pne.wait_until_reaches(S.gw)


def server_away_what_is_local_goes_on():
    S.server.kill()
    S.server.netns.sh("ip", "link", "del", "cpns0")
    S.server.netns.sh("ip", "link", "set", "up0", "down")
    for node in (S.gw, *S.pnes):
        wait_until(lambda n=node: n.ask("status")["server"]["away"],
                   f"{node.name} sees the Server away", PATIENCE_S + 30)
    for node in (S.gw, *S.pnes):
        node.reboot()
    for pne in S.pnes:
        pne.wait_for_session(S.gw)
        pne.wait_until_reaches(S.gw)
        pne.ctl("peer", "connect", "gw@home.example")
        wait_until(lambda p=pne: p.peer(S.gw)["last_attempt"]["why"] == "command" and
                   p.peer(S.gw)["last_attempt"]["step"] == "done", "rekeyed", PATIENCE_S)
        pne.wait_until_reaches(S.gw)
        status = pne.ask("status")["server"]
        check(status["away"] and status["away_since"] <= time.time(), str(status))
    equal("a code", "server-away", S.pnes[0].ask("code-new")["code"])


def server_back_all_recovers():
    S.server.netns.sh("ip", "link", "set", "up0", "up")
    S.server.start()
    for node in (S.gw, *S.pnes):
        wait_until(lambda n=node: not n.ask("status")["server"]["away"],
                   f"{node.name} sees the Server: {node.log()[-2000:]}", PATIENCE_S + 60)
    for pne in S.pnes:
        pne.wait_until_reaches(S.server)


def pne_changes_its_pn_gw():
    pne = S.pnes[1]
    S.gw2.start()
    S.gw2.wait_for_session(S.server)
    wait_until(lambda: pne.local_key_ids(S.gw2), "there is a LocalEUKey with gw2", PATIENCE_S)
    pne.netns.sh("ip", "link", "set", "pan0", "down")
    pne.write_conf(f"state = {pne.path('state')}", f"via = {NET.format(102)}.1:4500")
    pne.ctl("reload")
    pne.wait_for_session(S.gw2)
    pne.wait_until_reaches(S.gw2)
    pne.wait_until_reaches(S.server)
    check(S.gw2.stats()["relay_packets"] > 0, "relayed by gw2")


def provisional_entries_have_names():
    """A PNE that is known, one that was, and one that never was."""
    gw, index = S.gw, S.gw.netns.ifindex("cpns0")
    known, revoked = S.pnes[1], S.registrar.enrol("lost@home.example", "pne", USER)
    lost = Node(S.dir, "lost@home.example", SERVER)
    S.registrar.state_file(lost.path("state"), lost.name, revoked)
    S.registrar.tell("changed", gw.name)
    wait_until(lambda: gw.local_key_ids(lost), "the PN GW knows it", PATIENCE_S)
    S.registrar.revoke(lost.name)
    wait_until(lambda: not gw.local_key_ids(lost), "and no longer", PATIENCE_S)
    client = nl.Client(gw.netns)
    for number, eid in enumerate((int.from_bytes(known.eid, "big"),
                                  int.from_bytes(lost.eid, "big"), 0x1234), 1):
        client.do("relay-new", ifindex=index, eid=eid, sid=number,
                  server_eid=int.from_bytes(S.server.eid, "big"),
                  endpoint={**nl.endpoint(NET.format(1) + f".{10 + number}", 4500),
                            "ifindex": gw.netns.ifindex("pan1")})
    shown = json.loads(gw.ctl("-j", "show"))["devices"][0]["relays"]
    equal("entries", [("provisional", known.name), ("revoked", lost.name), ("stranger", None)],
          [(entry["state"], entry["id"]) for entry in sorted(shown, key=lambda e: e["sid"])
           if int(entry["sid"], 16) < 4])
    text = gw.ctl("show")
    for words in (f"provisional {known.name}:", f"revoked {lost.name}:", f"stranger {0x1234:016x}:"):
        check(words in text, f"{words} in {text}")
    client.close()


def revoked_pne_is_out_within_a_second():
    pne = S.pnes[0]
    pne.wait_until_reaches(S.gw)
    revoked = pne.local_key_ids(S.gw)
    S.registrar.revoke(pne.name)
    begin = time.monotonic()
    wait_until(lambda: not S.server.kernel_has(pne) and not S.gw.kernel_has(pne),
               "it is no peer of Server and PN GW: " + S.gw.log()[-2000:], 5)
    took = time.monotonic() - begin
    check(took < 1, f"{took:.2f} s")
    check(not pne.reaches(S.server, wait=1) and not pne.reaches(S.gw, wait=1), "it is out")
    wait_until(lambda: all((S.gw.name, k) in S.registrar.acked for k in revoked),
               "the PN GW has said so", PATIENCE_S)
    check(not S.gw.local_key_ids(pne), "nor is its key in the state file")
    S.gw.reboot()
    S.gw.wait_for_session(S.server)
    check(not S.gw.kernel_has(pne), "nor after a reboot")
    check(not pne.reaches(S.gw, wait=1), "still out")


TESTS = [server_learns_keys_from_the_registrar, local_keys_come_to_both_ends,
         pne_and_pn_gw_make_their_own_session, pne_reaches_the_server_through_the_relay,
         whois_knows_the_entities, downgrade_is_reported, enrolled_pne_gets_a_code,
         stranger_gets_no_session, registrar_may_restart, registrar_may_move,
         server_daemon_may_restart,
         rotated_eukey_is_taken, renewed_local_key_is_taken,
         server_away_what_is_local_goes_on,
         server_back_all_recovers, pne_changes_its_pn_gw,
         provisional_entries_have_names, revoked_pne_is_out_within_a_second]


def main():
    global S
    load_module()
    S = Network()
    ktap.run(TESTS)


if __name__ == "__main__":
    main()
