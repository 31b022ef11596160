#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What a person does with the real programs: users, a PN GW that enrols with a
password, a PNE behind it with a code, who is who, an enrolment anew, revocation."""

import json
import os
import subprocess
import sys

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, network
from cpnstest.ktap import check, equal, wait_until
from cpnstest.network import PATIENCE_S, Node
from cpnstest.pair import load_module

SERVER = "srv@home.example"
PASSWORD = "correct horse battery"
UP, PAN = "10.70.0", "10.70.1"
FORWARD = f"{PAN}.1:4500"


class System:
    """server -- gw -- pne, with a registrar beside the Server."""

    def __init__(self):
        self.dir = network.directory()
        self.server = Node(self.dir, SERVER, SERVER)
        self.gw = Node(self.dir, "gw@home.example", SERVER)
        self.pne = Node(self.dir, "pne@home.example", SERVER)
        network.link(self.server.netns, self.gw.netns, "up0", "up0", UP)
        network.link(self.gw.netns, self.pne.netns, "pan0", "pan0", PAN)
        self.run = os.path.join(self.dir, "run")
        self.conf = os.path.join(self.dir, "registrar.conf")
        self.pin = None
        self.registrar = None

    def start_registrar(self):
        os.mkdir(self.run, 0o700)
        with open(self.conf, "w", encoding="utf-8") as conf:
            conf.write(f"""[registrar]
server = {SERVER}
endpoint = {UP}.1:4500
listen = {UP}.1:4790
certificate = {self.dir}/tls.crt
certificate-key = {self.dir}/tls.key
store = {self.dir}/registrar.db
wrapping-key = {self.dir}/wrapping.key
run-directory = {self.run}
password-memory = 8
""")
        self.pin = self.server.netns.sh("cpns-registrar", "--pin", "-c",
                                        self.conf).split()[-1]
        with open(os.path.join(self.dir, "registrar.log"), "w", encoding="utf-8") as log:
            self.registrar = self.server.netns.popen("cpns-registrar", "-f", "-c", self.conf,
                                                     stdout=log, stderr=log)
        wait_until(lambda: os.path.exists(self.run + "/admin.sock") and
                   os.path.exists(self.run + "/keys.sock"), "the registrar serves", PATIENCE_S)

    def admin(self, *words, typed=""):
        done = subprocess.run(["cpnsctl", "-j", "-s", self.run + "/admin.sock", *words],
                              input=typed, capture_output=True, text=True, check=False)
        check(not done.returncode, f"cpnsctl {' '.join(words)}: {done.stderr}")
        return json.loads(done.stdout)

    def enrol(self, node, role, *words, secret=PASSWORD):
        """Typed in by a person at the device."""
        with node.netns.enter():
            done = subprocess.run(
                ["cpnsctl", "-j", "-s", node.path("sock"), "enrol", "cpns0", "--server",
                 f"https://{UP}.1", "--pin", self.pin, "--entity", node.name, "--role", role,
                 "--state", node.path("state"), "--conf", node.path("first-conf"), *words],
                input=secret + "\n", capture_output=True, text=True, check=False)
        check(not done.returncode, done.stderr)
        return json.loads(done.stdout)


S = None


def server_is_set_up():
    S.start_registrar()
    S.admin("user", "add", "alice", typed=PASSWORD + "\n")
    S.server.write_conf(f"id = {SERVER}", "role = server", "[server]",
                        f"registrar = {S.run}/keys.sock")
    S.server.start()


def gateway_enrols_with_a_password():
    said = S.enrol(S.gw, "pn-gw", "--user", "alice")
    equal("configuration", True, said["configuration_ready"])
    with S.gw.netns.enter():
        done = subprocess.run(["cpnsd", "--check", "-c", S.gw.path("first-conf")],
                              capture_output=True, text=True, check=False)
    equal("what cpnsd says of the first configuration: " + done.stderr, 0, done.returncode)
    S.gw.write_conf(f"state = {S.gw.path('state')}", "[relay]", "pan = pan0",
                    f"enrol-forward = {FORWARD} -> {UP}.1:4790")
    S.gw.start()
    S.gw.wait_for_session(S.server)
    S.gw.wait_until_reaches(S.server)
    shown = S.admin("entity", "show", S.gw.name)
    equal("EUKey", ["active"], [key["state"] for key in shown["eukeys"]])


def pne_enrols_through_it_with_a_code():
    check(not S.pne.reaches(S.server, wait=1), "it reaches the Server before")
    with S.gw.netns.enter():
        code = subprocess.run(["cpnsctl", "-s", S.gw.path("sock"), "code", "cpns0"],
                              stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    said = S.enrol(S.pne, "pne", "--via", FORWARD, "--code", secret=code)
    equal("user", "alice", said["user"])
    S.pne.write_conf(f"state = {S.pne.path('state')}", f"via = {FORWARD}")
    S.pne.start()
    S.pne.wait_for_session(S.server)
    S.pne.wait_for_session(S.gw)
    S.pne.wait_until_reaches(S.server)
    S.pne.wait_until_reaches(S.gw)
    check(S.gw.stats().get("relay_packets", 0) > 0, "nothing was relayed")


def whois_says_who_it_is():
    for at, kind in ((S.server, "eukey"), (S.gw, "localeukey")):
        for word in (str(S.pne.overlay), S.pne.eid.hex(), S.pne.name):
            said = json.loads(at.ctl("-j", "whois", word))
            equal(f"{at.name}: {word}", (S.pne.name, "pne", "alice", kind),
                  tuple(said[name] for name in ("entity", "role", "user", "key")))
        text = at.ctl("whois", S.pne.name)
        check("entity: pne@home.example" in text and "UTC" in text, text)
    done = subprocess.run(["ip", "netns", "exec", S.server.netns.name, "cpnsctl", "-s",
                           S.server.path("sock"), "whois", "nobody@home.example"],
                          capture_output=True, text=True, check=False)
    equal("exit code for a stranger: " + done.stderr, 3, done.returncode)


def status_shows_server_and_keys():
    text = S.pne.ctl("status")
    for part in (f"id: {SERVER}", "state: there", "there_since:",
                 f"eukey with {SERVER}", f"localeukey with {S.gw.name}", "validity: "):
        check(part in text, f"{part!r} is not in {text}")
    text = S.pne.ctl("show")
    check("state: there" in text, text)
    check("registrar_away: no" in S.server.ctl("status"), S.server.ctl("status"))


def running_daemon_takes_a_new_key():
    """Enrolled anew under a daemon that runs: it uses the new key, and keeps it."""
    said = S.enrol(S.pne, "pne", "--via", FORWARD, "--user", "alice")
    check(said["daemon_has_key"], f"{said} {S.pne.log()[-2000:]}")
    wait_until(lambda: S.pne.key_ids("eukey") == {said["key_id"]},
               "the former key is given up: " + S.pne.log()[-2000:], PATIENCE_S)
    check(S.pne.key_ids("localeukey"), "the LocalEUKey is gone")
    states = {key["key_id"]: key["state"]
              for key in S.admin("entity", "show", S.pne.name)["eukeys"]}
    equal("new EUKey", "active", states[said["key_id"]])
    S.pne.wait_until_reaches(S.server)


def server_away_is_shown():
    S.server.kill()
    S.server.netns.sh("ip", "link", "del", "cpns0")
    wait_until(lambda: S.gw.ask("status")["server"]["away"], "it is away", PATIENCE_S + 60)
    text = S.gw.ctl("status")
    check("state: away" in text and "away_since:" in text, text)
    check("state: away" in S.gw.ctl("show"), S.gw.ctl("show"))
    with S.gw.netns.enter():
        done = subprocess.run(["cpnsctl", "-s", S.gw.path("sock"), "code"],
                              capture_output=True, text=True, check=False)
    equal("exit code: " + done.stderr, 7, done.returncode)
    S.server.start()
    wait_until(lambda: "state: there" in S.gw.ctl("show"), "it is there again", PATIENCE_S + 60)
    S.pne.wait_until_reaches(S.server)


def revoked_pne_is_out():
    S.pne.wait_until_reaches(S.gw)
    S.admin("entity", "revoke", S.pne.name)
    wait_until(lambda: not S.server.kernel_has(S.pne) and not S.gw.kernel_has(S.pne),
               "it is no peer any more", 5)
    check(not S.pne.reaches(S.server, wait=1) and not S.pne.reaches(S.gw, wait=1), "it is in")
    check("revoke" in [line["what"] for line in S.admin("audit")["audit"]], "not in the log")


TESTS = [server_is_set_up, gateway_enrols_with_a_password, pne_enrols_through_it_with_a_code,
         whois_says_who_it_is, status_shows_server_and_keys, running_daemon_takes_a_new_key,
         server_away_is_shown, revoked_pne_is_out]


def main():
    global S
    load_module()
    S = System()
    try:
        ktap.run(TESTS)
    finally:
        if S.registrar:
            S.registrar.terminate()


if __name__ == "__main__":
    main()
