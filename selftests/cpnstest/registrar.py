# SPDX-License-Identifier: GPL-2.0
"""A registrar in a directory of its own, on loopback, and those who ask it."""

import glob
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(os.environ.get("O", os.path.join(ROOT, "build")), "bin/cpns-registrar")
SERVER = "srv@home.example"
ENDPOINT = "192.0.2.7:4700"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Lines:
    """A connection to one of the local sockets."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.file = self.socket.makefile("r")
        self.number = 0

    def send(self, op, **fields):
        self.number += 1
        request = dict(fields, v=1, id=self.number, op=op)
        self.socket.sendall((json.dumps(request) + "\n").encode())
        return self.number

    def read(self):
        line = self.file.readline()
        if not line:
            raise EOFError("the registrar has closed the connection")
        return json.loads(line)

    def ask(self, op, **fields):
        """The answer, whatever it is."""
        number = self.send(op, **fields)
        while True:
            answer = self.read()
            if answer.get("id") == number:
                return answer

    def close(self):
        self.file.close()
        self.socket.close()


class Registrar:
    """One that can be started, ended and killed; its files stay until close()."""

    def __init__(self, **values):
        self.dir = tempfile.mkdtemp(prefix="cpns-registrar.")
        self.port = free_port()
        self.process = None
        self.log = os.path.join(self.dir, "log")
        self.store = os.path.join(self.dir, "registrar.db")
        self.wrapping_key = os.path.join(self.dir, "wrapping.key")
        self.values = {
            "server": SERVER,
            "endpoint": ENDPOINT,
            "listen": f"127.0.0.1:{self.port}",
            "certificate": os.path.join(self.dir, "tls.crt"),
            "certificate-key": os.path.join(self.dir, "tls.key"),
            "store": self.store,
            "wrapping-key": self.wrapping_key,
            "run-directory": self.dir,
            "password-memory": 8,
            "password-passes": 1,
        }
        self.values.update({k.replace("_", "-"): v for k, v in values.items()})
        self.conf = os.path.join(self.dir, "registrar.conf")
        self.write_conf()

    def write_conf(self):
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write("[registrar]\n")
            for name, value in self.values.items():
                f.write(f"{name} = {value}\n")

    def spawn(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([PROGRAM, "-f", "-c", self.conf], stderr=log)

    def start(self, seconds=20):
        """Starts it and waits until it answers."""
        self.spawn()
        end = time.monotonic() + seconds
        while True:
            if self.process.poll() is not None:
                raise AssertionError("it ended: " + self.log_text())
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def fails(self):
        """Starts it and returns what it says when it ends."""
        result = subprocess.run([PROGRAM, "-f", "-c", self.conf], stderr=subprocess.PIPE,
                                timeout=30, check=False)
        if result.returncode == 0:
            raise AssertionError("it has started")
        return result.stderr.decode()

    def stop(self):
        self.process.terminate()
        return self.process.wait(20)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.dir)

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.close()

    def log_text(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read()

    def cpu(self):
        """Seconds of CPU that all its threads have used."""
        total = 0
        for path in glob.glob(f"/proc/{self.process.pid}/task/*/schedstat"):
            with open(path, encoding="ascii") as f:
                total += int(f.read().split()[0])
        return total / 1e9

    def pin(self):
        return subprocess.run([PROGRAM, "--pin", "-c", self.conf], check=True,
                              stdout=subprocess.PIPE).stdout.decode().strip()

    # ---- asking ----

    def lines(self, name):
        return Lines(os.path.join(self.dir, name + ".sock"))

    def ask(self, name, op, **fields):
        """One request to "admin" or "keys"; any answer."""
        lines = self.lines(name)
        try:
            return lines.ask(op, **fields)
        finally:
            lines.close()

    def good(self, name, op, **fields):
        """One request that must be granted."""
        answer = self.ask(name, op, **fields)
        if not answer["ok"]:
            raise AssertionError(f"{op}: {answer}")
        return answer

    def add_user(self, user, password="correct horse"):
        self.good("admin", "user-add", user=user, password=password)

    def post(self, body, source="127.0.0.1", path="/v1/enrol", method="POST"):
        """Status, headers and body of an answer over HTTPS, not checking who it is."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30,
                                                 context=context, source_address=(source, 0))
        try:
            if isinstance(body, dict):
                body = json.dumps(body)
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def enrol(self, entity, user="alice", password="correct horse", role="pne", **rest):
        """A record, or AssertionError."""
        status, _, body = self.post({"user": user, "password": password, "entity": entity,
                                     "role": role}, **rest)
        if status != 200:
            raise AssertionError(f"{status} {body}")
        return json.loads(body)["record"]
