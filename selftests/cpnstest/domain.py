# SPDX-License-Identifier: GPL-2.0
"""A Server with its registrar, and how users and entities come to it."""

import json
import os
import subprocess

from .ktap import check, wait_until
from .network import PATIENCE_S, Node

ENROL_PORT = 4790


class Domain:
    """A Server and its registrar in one namespace, .1 of a net of their own."""

    def __init__(self, directory, server, net, netns=None):
        self.server = Node(directory, server, server, netns=netns)
        self.net = net
        self.dir = os.path.join(directory, server + ".registrar")
        self.conf = os.path.join(self.dir, "registrar.conf")
        self.passwords = {}
        self.pin = None
        self.process = None
        self.server.write_conf(f"id = {server}", "role = server", "[server]",
                               f"registrar = {self.dir}/keys.sock")

    def configure(self):
        os.mkdir(self.dir, 0o700)
        values = {"server": self.server.name, "endpoint": f"{self.net}.1:4500",
                  "listen": f"{self.net}.1:{ENROL_PORT}", "run-directory": self.dir,
                  "password-memory": 8, "password-passes": 1}
        for name, file in (("certificate", "tls.crt"), ("certificate-key", "tls.key"),
                           ("store", "registrar.db"), ("wrapping-key", "wrapping.key")):
            values[name] = os.path.join(self.dir, file)
        with open(self.conf, "w", encoding="utf-8") as conf:
            conf.write("[registrar]\n" + "".join(f"{n} = {v}\n" for n, v in values.items()))
        self.pin = self.server.netns.sh("cpns-registrar", "--pin", "-c", self.conf).split()[-1]

    def start_registrar(self):
        with open(os.path.join(self.dir, "log"), "a", encoding="utf-8") as log:
            self.process = self.server.netns.popen("cpns-registrar", "-f", "-c", self.conf,
                                                   stdout=log, stderr=log)

        def serves():
            check(self.process.poll() is None, "the registrar has ended")
            return self._admin("registrar").returncode == 0
        wait_until(serves, "the registrar serves", PATIENCE_S)

    def kill_registrar(self):
        self.process.kill()
        self.process.wait()

    def _admin(self, *words, typed=""):
        return subprocess.run(["cpnsctl", "-j", "-s", self.dir + "/admin.sock", *words],
                              input=typed, capture_output=True, text=True, check=False)

    def admin(self, *words, typed=""):
        done = self._admin(*words, typed=typed)
        check(not done.returncode, f"cpnsctl {' '.join(words)}: {done.stderr}{done.stdout}")
        return json.loads(done.stdout)

    def add_user(self, user, password):
        self.passwords[user] = password
        self.admin("user", "add", user, typed=password + "\n")

    def grant(self, *words):
        """Gives a grant and returns its number."""
        self.admin("grant", "add", *words)
        return max((grant["grant"] for grant in self.admin("grant", "list")["grants"]), key=int)

    def try_enrol(self, node, role, host, *words, secret):
        """Typed in at the device: a password with --user, or a code with --code."""
        with node.netns.enter():
            return subprocess.run(
                ["cpnsctl", "-j", "-s", node.path("sock"), "enrol", node.device, "--server",
                 f"https://{host}:{ENROL_PORT}", "--pin", self.pin, "--entity", node.name,
                 "--role", role, "--state", node.path("state"), "--conf",
                 node.path("first-conf"), *words],
                input=secret + "\n", capture_output=True, text=True, check=False)

    def enrol(self, node, role, user, host):
        """Typed in by the user at the device."""
        done = self.try_enrol(node, role, host, "--user", user, secret=self.passwords[user])
        check(not done.returncode, done.stdout + done.stderr)
