# SPDX-License-Identifier: GPL-2.0
"""A registrar in the test's hand: it answers on the keys socket as the real one
does, without a store, and can be told what it would not do by itself."""

import base64
import json
import os
import secrets
import socket
import threading
import time

VALIDITY_S = 30 * 86400


class Refusal(Exception):
    """The error word of an answer."""


class Registrar:
    """Entities, their keys and who may talk to whom; one lock over all."""

    def __init__(self, path, server, endpoints):
        self.path, self.server, self.endpoints = path, server, endpoints
        self.entities = {}      # name -> {"id", "role", "user"}
        self.keys = {}          # key_id -> record
        self.states = {}        # key_id of an EUKey -> pending, active, old, revoked
        self.pairs = {}         # (pn-gw, pne) -> key_ids, the newest last
        self.revoked = {}       # name -> key_ids that it is to forget
        self.acked = set()      # (name, key_id)
        self.asked = []         # all requests
        self.lock = threading.RLock()
        self.sock = None
        self.connections = set()
        self.watchers = set()

    # --- what a person does

    def _record(self, kind, user, ends, generation):
        record = {"key_id": secrets.token_hex(16),
                  "key": base64.b64encode(secrets.token_bytes(32)).decode(),
                  "kind": kind, "generation": generation, "not_before": 0,
                  "not_after": int(time.time()) + VALIDITY_S, "pure_psk": False,
                  "user": user, "entities": ends}
        self.keys[record["key_id"]] = record
        return record

    def _end(self, name):
        return {"id": name, "role": self.entities[name]["role"]}

    def enrol(self, name, role, user):
        """A new EUKey, pending; what the enrolment would have answered."""
        with self.lock:
            self.entities.setdefault(name, {"id": name, "role": role, "user": user})
            old = [r["generation"] for r in self.keys.values()
                   if r["kind"] == "eukey" and r["entities"][1]["id"] == name]
            record = self._record("eukey", user, [
                {"id": self.server, "role": "server"}, self._end(name)],
                max(old, default=0) + 1)
            self.states[record["key_id"]] = "pending"
            return record

    def rotate(self, name):
        self.enrol(name, None, self.entities[name]["user"])
        self.tell("changed", name)

    def renew(self, gateway, pne):
        """Another generation of a LocalEUKey."""
        with self.lock:
            self._new_pair_key((gateway, pne))
        self.tell("changed", gateway)
        self.tell("changed", pne)

    def revoke(self, name):
        """An entity is out, with all its keys."""
        with self.lock:
            key_ids = [k for k, r in self.keys.items()
                       if name in (e["id"] for e in r["entities"])]
            for key_id in key_ids:
                for end in self.keys[key_id]["entities"]:
                    if end["id"] not in (name, self.server):
                        self.revoked.setdefault(end["id"], []).append(key_id)
                del self.keys[key_id]
                self.states[key_id] = "revoked"
            for pair in [p for p in self.pairs if name in p]:
                del self.pairs[pair]
            del self.entities[name]
        self.tell("revoked", name, key_ids=key_ids)

    def state_file(self, path, name, record=None):
        """What cpnsctl enrol leaves behind."""
        entity = self.entities[name]
        state = {"v": 1, "entity": entity,
                 "server": {"id": self.server, "endpoints": self.endpoints},
                 "keys": [record or self.enrol(name, entity["role"], entity["user"])],
                 "revoked": [], "permits": [], "time": int(time.time())}
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                  encoding="utf-8") as out:
            json.dump(state, out)

    # --- what it answers

    def _partners(self, name):
        own = self.entities[name]
        return [e for e in self.entities.values() if e["user"] == own["user"] and
                {e["role"], own["role"]} == {"pn-gw", "pne"}]

    def _pair(self, a, b):
        return (a, b) if self.entities[a]["role"] == "pn-gw" else (b, a)

    def _new_pair_key(self, pair):
        ids = self.pairs.setdefault(pair, [])
        ids.append(self._record("localeukey", self.entities[pair[1]]["user"],
                                [self._end(e) for e in pair], len(ids) + 1)["key_id"])

    def op_server(self, _):
        return {"entity": self.server, "endpoints": self.endpoints}

    def op_lookup(self, request):
        key_id = request["key_id"]
        if self.states.get(key_id) == "revoked":
            raise Refusal("revoked")
        if key_id not in self.states:
            raise Refusal("unknown")
        return {"record": self.keys[key_id], "state": self.states[key_id]}

    def op_confirmed(self, request):
        key_id = request["key_id"]
        if key_id not in self.keys:
            raise Refusal("unknown")
        name = self.keys[key_id]["entities"][1]["id"]
        for other, record in list(self.keys.items()):
            if record["kind"] == "eukey" and record["entities"][1]["id"] == name and \
                    record["generation"] < self.keys[key_id]["generation"]:
                del self.keys[other], self.states[other]
        self.states[key_id] = "active"
        return {}

    def op_localkeys(self, request):
        name = request["entity"]
        for partner in self._partners(name):
            pair = self._pair(name, partner["id"])
            if pair not in self.pairs:
                self._new_pair_key(pair)
                self.tell("changed", partner["id"])
        return {"keys": [self.keys[k] for pair, ids in self.pairs.items() if name in pair
                         for k in ids[-2:]], "revoked": self.revoked.get(name, [])}

    def op_permits(self, request):
        own = self.entities[request["entity"]]
        return {"permits": [{"entity": e, "relay": own["role"] == "pn-gw", "inner_src": [],
                             "allowed_dst": [], "via": False}
                            for e in self._partners(own["id"])]}

    def op_eukey(self, request):
        return {"record": max((r for r in self.keys.values() if r["kind"] == "eukey" and
                               r["entities"][1]["id"] == request["entity"]),
                              key=lambda r: r["generation"])}

    def op_acked(self, request):
        self.acked.add((request["entity"], request["key_id"]))
        return {}

    def op_code_new(self, request):
        return {"code": "ABCD-EFGH", "expires": int(time.time()) + 600}

    # --- the socket

    def start(self):
        self.sock = socket.socket(socket.AF_UNIX)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.sock.bind(self.path)
        self.sock.listen()
        threading.Thread(target=self._accept, args=(self.sock,), daemon=True).start()

    def stop(self):
        """As a restart would: the socket is gone, what is known stays."""
        with self.lock:
            self.sock.shutdown(socket.SHUT_RDWR)
            self.sock.close()
            for connection in self.connections:
                connection.shutdown(socket.SHUT_RDWR)
            self.connections.clear()
            self.watchers.clear()

    def _accept(self, sock):
        while True:
            try:
                connection, _ = sock.accept()
            except OSError:
                return
            with self.lock:
                self.connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _answer(self, request):
        name = request["op"].replace("-", "_")
        try:
            if request.get("entity", self.server) not in (self.server, *self.entities):
                raise Refusal("unknown")
            return {"ok": True, **getattr(self, "op_" + name)(request)}
        except Refusal as refusal:
            return {"ok": False, "error": str(refusal), "text": "refused"}

    def _serve(self, connection):
        with connection, connection.makefile(encoding="utf-8") as lines:
            try:
                for line in lines:
                    request = json.loads(line)
                    with self.lock:
                        self.asked.append(request)
                        if request["op"] == "watch":
                            self.watchers.add(connection)
                            answer = {"ok": True}
                        else:
                            answer = self._answer(request)
                        self._send(connection, {"v": 1, "id": request["id"], **answer})
            except OSError:
                pass
            with self.lock:
                self.connections.discard(connection)
                self.watchers.discard(connection)

    @staticmethod
    def _send(connection, message):
        connection.sendall(json.dumps(message).encode() + b"\n")

    def tell(self, event, name, **more):
        with self.lock:
            for watcher in self.watchers:
                self._send(watcher, {"v": 1, "event": event, "entity": name, **more})
