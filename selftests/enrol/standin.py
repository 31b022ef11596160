# SPDX-License-Identifier: GPL-2.0
"""Stands in for the registrar: HTTPS with answers that a test chooses, and the
socket for administration. It writes down all that it was asked."""

import base64
import contextlib
import hashlib
import http.server
import json
import os
import secrets
import socket
import ssl
import subprocess
import threading

SERVER = "srv@home.example"


def certificate(folder, name, san="IP:127.0.0.1"):
    """A key with a self-signed certificate; returns both paths and the pin."""
    cert, key = f"{folder}/{name}.crt", f"{folder}/{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
         f"/CN={name}", "-addext", f"subjectAltName={san}", "-keyout", key,
         "-out", cert], check=True, stderr=subprocess.DEVNULL)
    der = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform",
                          "DER"], check=True, stdout=subprocess.PIPE).stdout
    pin = base64.b64encode(hashlib.sha256(der).digest()).decode()
    return cert, key, "sha256//" + pin


def record(entity="pne@home.example", role="pne", user="alice", generation=1,
           **fields):
    made = {"key_id": secrets.token_hex(16),
            "key": base64.b64encode(secrets.token_bytes(32)).decode(),
            "kind": "eukey", "generation": generation, "not_before": 1000,
            "not_after": 4102444800, "pure_psk": False, "user": user,
            "entities": [{"id": SERVER, "role": "server"},
                         {"id": entity, "role": role}]}
    made.update(fields)
    return made


def server(**fields):
    made = {"id": SERVER, "endpoints": ["127.0.0.1:4500"]}
    made.update(fields)
    return made


class Registrar:
    """HTTPS on a port of its own. `answers` maps a path to (status, body,
    headers), or to a function of the request that returns that; a body that
    is no str or bytes is sent as JSON."""

    def __init__(self, cert, key, versions=(ssl.TLSVersion.TLSv1_3,) * 2):
        self.asked = []
        self.answers = {"/v1/server": (200, {"server": server()}, {}),
                        "/v1/enrol": (200, {"record": record(),
                                            "server": server()}, {})}
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        context.minimum_version, context.maximum_version = versions
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                self.request = context.wrap_socket(self.request, server_side=True)
                super().setup()

            def do_GET(self):
                outer.answer(self, None)

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                outer.answer(self, self.rfile.read(length))

            def log_message(self, *words):
                pass

        class Http(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass    # a client that hangs up is what some tests want

        self.http = Http(("127.0.0.1", 0), Handler)
        self.port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, args=(0.05,),
                         daemon=True).start()

    def answer(self, handler, body):
        request = (handler.command, handler.path,
                   json.loads(body) if body else None)
        self.asked.append(request)
        chosen = self.answers.get(handler.path, (404, {}, {}))
        if callable(chosen):
            chosen = chosen(request)
        status, body, headers = chosen
        if not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        handler.send_response(status)
        for name, value in {"Content-Length": len(body), **headers}.items():
            handler.send_header(name, str(value))
        handler.end_headers()
        handler.wfile.write(body)

    def posted(self):
        return [body for method, path, body in self.asked if method == "POST"]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.http.shutdown()
        self.http.server_close()


@contextlib.contextmanager
def admin_socket(path, answer):
    """One connection after the other: answer(request) gives what goes back,
    bytes as they are; None ends the connection without a word."""
    asked = []
    listener = socket.socket(socket.AF_UNIX)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    listener.bind(path)
    listener.listen(8)

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as stream:
                line = stream.readline()
                asked.append(json.loads(line))
                reply = answer(asked[-1])
                if isinstance(reply, dict):
                    reply = json.dumps(reply).encode() + b"\n"
                if reply is not None:
                    stream.write(reply)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
