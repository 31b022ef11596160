#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Run a file of CPNS-SS1 test vectors through the Python peer.

  vectors.py [-v] [FILE]      FILE defaults to $VECTORS, then to
                              ../shared/vectors/ss1.json beside the project

Every vector is one test. The closing line counts them; the exit status is 0
only where none failed.
"""

import argparse
import ipaddress
import json
import os
import sys
from pathlib import Path

from ss1 import cookie, wire
from ss1.data import (Policy, Receiver, Window, aad_and_text, nonce_of, seal,
                      unseal)
from ss1.errors import Drop, Malformed
from ss1.handshake import Initiator, Responder, public_bytes
from ss1.identity import (Entity, check_name, domain_of, eid_of, link_local,
                          overlay_address, overlay_prefix)
from ss1.keys import (KeyRecord, KeySchedule, TrafficKeys, x25519, x25519_private,
                      xl, xl_info)
from ss1.node import Node
from ss1.suites import CTR_HMAC, SUITES

FORMAT = "CPNS-SS1 vectors 1"
NOW = 1000.0
WALL = 1700000000
SCHEDULE_VALUES = (
    "prologue", "h_prologue", "PSKx", "mac1_key", "core1", "mac1", "core2", "dh",
    "hs", "th2", "auth_r_key", "auth_r", "core3", "th3", "auth_i_key", "auth_i",
    "th4", "ms", "ts_i", "ts_r", "exporter")


class Wrong(Exception):
    """A vector that this implementation does not reproduce."""


def same(what, got, expected):
    if isinstance(got, (bytes, bytearray)):
        got = got.hex()
    if got != expected:
        raise Wrong(f"{what}: got {got!r}, the vector says {expected!r}")


def dropped(what, function, *args):
    """function must refuse args, as malformed or by state."""
    try:
        function(*args)
    except (Malformed, Drop):
        return
    raise Wrong(f"{what}: was accepted")


def unhex(text):
    return bytes.fromhex(text)


class FixedRandom:
    """Gives out what a vector says was drawn."""

    def __init__(self, sid, nonce, private):
        self._sid, self._nonce, self._private = map(unhex, (sid, nonce, private))

    def sid(self, _taken):
        return self._sid

    def nonce(self):
        return self._nonce

    def private(self):
        return x25519_private(self._private)


class Case:
    """A handshake vector in this implementation's own terms."""

    def __init__(self, vector):
        self.vector = vector
        self.initiator = self._entity(vector["initiator"])
        self.responder = self._entity(vector["responder"])
        self.offered = [int(code, 16) for code in vector["suites_offered"]]
        self.preference = [int(code, 16) for code in vector["responder_preference"]]
        self.ext = {name: wire.ext_pack([(item["type"], unhex(item["value"]))
                                         for item in vector[name]])
                    for name in ("ext_init", "ext_resp", "ext_confirm")}
        given = vector["cookie"]
        self.source = (str(ipaddress.ip_address(unhex(given["address"]))),
                       given["port"])

    @staticmethod
    def _entity(vector):
        entity = Entity(vector["entity_id"].encode(), vector["role"])
        same("entity_id_utf8", entity.name, vector["entity_id_utf8"])
        same("eid", entity.eid, vector["eid"])
        return entity

    def record(self, local, remote):
        given = self.vector["key_record"]
        same("user_id_utf8", given["user_id"].encode(), given["user_id_utf8"])
        return KeyRecord(
            key_id=unhex(given["key_id"]), key=unhex(given["key"]), local=local,
            remote=remote, kind=given["kind"], user_id=unhex(given["user_id_utf8"]),
            generation=given["generation"], pure_psk=given["pure_psk_permitted"],
            not_before=given["not_before"], not_after=given["not_after"])

    def random(self, end):
        given = self.vector
        return FixedRandom(given[f"sid_{end}"], given[f"nonce_{end}"],
                           given[f"e_{end}_private"])

    def start(self):
        return Initiator(
            self.record(self.initiator, self.responder), self.offered,
            self.vector["lifetime_i"], NOW, rng=self.random("i"),
            ext_init=self.ext["ext_init"], ext_confirm=self.ext["ext_confirm"])

    def answerer(self, demand_cookie=False):
        given = self.vector["cookie"]
        jar = cookie.CookieJar(NOW, unhex(given["K_gen"]), given["generation"])
        return Responder(
            self.responder, [self.record(self.responder, self.initiator)],
            self.preference, self.vector["lifetime_r"], NOW, rng=self.random("r"),
            ext_resp=self.ext["ext_resp"], jar=jar, demand_cookie=demand_cookie)

    def keys(self, direction):
        values = self.vector["values"]
        return TrafficKeys(
            SUITES[int(self.vector["suite"], 16)].protection,
            unhex(values[f"key_{direction}"]), unhex(values[f"iv_{direction}"]),
            unhex(values.get(f"mac_key_{direction}", "")))

    def node(self, end):
        """A Node at one end, in the state that it has before any message."""
        local, remote = self.initiator, self.responder
        if end == "responder":
            local, remote = remote, local
        node = Node(self.record(local, remote), self.preference,
                    self.vector["lifetime_r"], NOW, endpoint=self.source)
        node.responder = self.answerer()
        if end == "initiator":
            node.responder.local = local
            node.responder.records = {node.record.key_id: node.record}
        return node


class Runner:
    """Walks through a file part by part."""

    def __init__(self, vectors, verbose):
        self.vectors = vectors
        self.verbose = verbose
        self.passed = self.failed = 0
        self.cases = {}

    def test(self, name, function, *args):
        try:
            function(*args)
        except Exception as err:    # a broken vector must fail, not stop the run
            self.failed += 1
            print(f"not ok - {name}: {type(err).__name__}: {err}")
            return
        self.passed += 1
        if self.verbose:
            print(f"ok - {name}")

    def run(self):
        if self.vectors.get("format") != FORMAT:
            raise SystemExit(f"vectors.py: the file's format is not {FORMAT!r}")
        for vector in self.vectors["handshakes"]:
            try:
                self.cases[vector["name"]] = Case(vector)
            except (Wrong, ValueError, KeyError) as err:
                print(f"# handshake {vector.get('name')} cannot be read: {err}")
        for part in ("entities", "invalid_entity_ids", "xl", "handshakes", "hints",
                     "unprotected", "data", "windows", "malformed",
                     "handshake_rejects", "data_rejects"):
            before = self.passed + self.failed, self.failed
            for number, vector in enumerate(self.vectors[part]):
                name = vector.get("name") or vector.get("why") or \
                    vector.get("entity_id") or vector.get("reason") or str(number)
                if part.endswith("rejects"):
                    name = f"{vector['handshake']}: {name}"
                self.test(f"{part}: {name}", getattr(self, part), vector)
            count = self.passed + self.failed - before[0]
            if not count:
                self.failed += 1
                print(f"not ok - {part}: the file has none")
            print(f"# {part}: {count} run, {self.failed - before[1]} failed")
        return self.failed

    # --- one method a part

    def entities(self, vector):
        name = vector["entity_id"].encode()
        check_name(name)
        same("entity_id_utf8", name, vector["entity_id_utf8"])
        eid = eid_of(name)
        same("eid", eid, vector["eid"])
        domain = domain_of(check_name(vector["server_entity_id"].encode()))
        same("domain", domain.decode(), vector["domain"])
        same("overlay_prefix", overlay_prefix(domain), vector["overlay_prefix"])
        for field, address in (("overlay_address", overlay_address(domain, eid)),
                               ("link_local", link_local(eid))):
            same(field, address.packed, vector[field])
            same(f"{field}_text", str(address), vector[f"{field}_text"])

    def invalid_entity_ids(self, vector):
        try:
            check_name(unhex(vector["hex"]))
        except ValueError:
            return
        raise Wrong("was taken as an Entity ID")

    def xl(self, vector):
        secret, context = unhex(vector["secret"]), unhex(vector["context"])
        same("info", xl_info(vector["label"], context, vector["L"]), vector["info"])
        same("out", xl(secret, vector["label"], context, vector["L"]), vector["out"])

    def handshakes(self, vector):
        case = Case(vector)
        self._public_keys(vector)
        initiator = case.start()
        same("init", initiator.init_datagram(), vector["init"])
        init = wire.parse(unhex(vector["init"]))
        responder = case.answerer()
        resp = responder.on_init(init, case.source, NOW, WALL)
        same("resp", resp, vector["resp"])
        suite = responder.half[unhex(vector["sid_r"])].suite
        same("suite", f"{suite.code:04x}", vector["suite"])
        self._protection(suite, vector["protection"])
        self._cookie(case, init)
        confirm, session_i = initiator.on_resp(wire.parse(resp), NOW)
        same("confirm", confirm, vector["confirm"])
        session_r = responder.on_confirm(wire.parse(confirm), NOW)
        for session in (session_i, session_r):
            same("session_lifetime", session.lifetime, vector["session_lifetime"])
        self._values(case, session_i, session_r)

    @staticmethod
    def _public_keys(vector):
        for end in "ir":
            private = unhex(vector[f"e_{end}_private"])
            public = public_bytes(x25519_private(private)) if private else b""
            same(f"e_{end}", public, vector[f"e_{end}"])

    @staticmethod
    def _protection(suite, name):
        if suite.protection == CTR_HMAC:
            if "CTR" not in name or "HMAC" not in name:
                raise Wrong(f"protection: {name!r} for suite {suite.code:04x}")
        elif name != suite.protection:
            raise Wrong(f"protection: {name!r} for suite {suite.code:04x}")

    @staticmethod
    def _cookie(case, init):
        vector = case.vector
        responder = case.answerer(demand_cookie=True)
        message = responder.on_init(init, case.source, NOW, WALL)
        same("cookie_message", message, vector["cookie_message"])
        same("cookie", wire.parse(message).cookie, vector["cookie"]["cookie"])
        again = case.start().on_cookie(wire.parse(message), NOW)
        same("init_with_cookie", again, vector["init_with_cookie"])
        same("resp after the cookie",
             responder.on_init(wire.parse(again), case.source, NOW, WALL),
             vector["resp"])

    @staticmethod
    def _values(case, session_i, session_r):
        values = case.vector["values"]
        record = case.record(case.initiator, case.responder)
        schedule = KeySchedule(record, case.initiator, case.responder)
        schedule.sign_init(wire.parse(unhex(case.vector["init"])).core)
        private, public = case.vector["e_i_private"], case.vector["e_r"]
        dh = bytes(32)
        if public:
            dh = x25519(x25519_private(unhex(private)), unhex(public))
        schedule.sign_resp(wire.parse(unhex(case.vector["resp"])).core, dh)
        schedule.sign_confirm(wire.parse(unhex(case.vector["confirm"])).core)
        checked = set()
        for name in SCHEDULE_VALUES:
            same(name, getattr(schedule, name), values[name])
            checked.add(name)
        for direction, sent, received in (
                ("i", session_i.send_keys, session_r.recv_keys),
                ("r", session_r.send_keys, session_i.recv_keys)):
            for keys in (sent, received):
                same(f"key_{direction}", keys.key, values[f"key_{direction}"])
                same(f"iv_{direction}", keys.iv, values[f"iv_{direction}"])
                same(f"mac_key_{direction}", keys.mac_key,
                     values.get(f"mac_key_{direction}", ""))
            checked |= {f"key_{direction}", f"iv_{direction}", f"mac_key_{direction}"}
        unknown = set(values) - checked
        if unknown:
            raise Wrong(f"values that nobody checks: {sorted(unknown)}")

    def hints(self, vector):
        message = wire.parse(unhex(vector["hex"]))
        case, sid, mac1 = self._hint_cause(vector, message)
        same("code", message.code, vector["code"])
        same("hex", wire.hint_datagram(sid, case.initiator.eid, case.responder.eid,
                                       vector["code"], mac1), vector["hex"])

    def _hint_cause(self, vector, message):
        """(case, sid, mac1) that a HINT must carry."""
        name, _, kind = vector["answers"].partition("/")
        if kind == "init":
            case = self.cases[name]
            return case, wire.SID_NONE, wire.parse(unhex(case.vector["init"])).mac1
        for case in self.cases.values():
            if unhex(case.vector["sid_r"]) == message.header.sid:
                return case, message.header.sid, wire.NO_MAC1
        raise Wrong("its sid belongs to no handshake of the file")

    def unprotected(self, vector):
        payload = unhex(vector["payload"])
        src, dst = payload[16:24], payload[32:40]
        same("datagram", wire.unprotected_datagram(dst, src, payload),
             vector["datagram"])
        message = wire.parse(unhex(vector["datagram"]))
        same("payload", message.body, vector["payload"])

    def data(self, vector):
        case = self.cases[vector["handshake"]]
        keys = case.keys(vector["direction"])
        same("suite", vector["suite"], case.vector["suite"])
        payload = unhex(vector["payload"])
        datagram = seal(keys, unhex(vector["sid"]), unhex(vector["dst"]),
                        unhex(vector["src"]), vector["seq"], payload,
                        vector["encrypt"], vector["clear"], vector["hop_limit"])
        same("datagram", datagram, vector["datagram"])
        same("nonce", nonce_of(keys.iv, vector["seq"]), vector["nonce"])
        message = wire.parse(unhex(vector["datagram"]))
        aad, _ = aad_and_text(message.header, message.seq, message.body)
        same("aad", aad, vector["aad"])
        same("tag", message.tag, vector["tag"])
        same("opened payload", unseal(keys, message), vector["payload"])
        self._data_ends(case, vector, message)

    def _data_ends(self, case, vector, message):
        """A whole receiver takes it, or refuses what is no IP packet."""
        sender, _ = self._ends(case, vector["direction"])
        policy = Policy(allow_mac_only=True, max_clear=255)
        prefix = overlay_prefix(b"home.example")
        sources = [ipaddress.ip_network(prefix + sender.eid),
                   ipaddress.ip_network("10.9.0.1")]
        receiver = self._receiver(case, vector["direction"], sources, policy, 64)
        if vector["ip"] or not vector["payload"]:
            payload, _ = receiver.accept(message)
            same("received payload", payload, vector["payload"])
        else:
            dropped("a payload that is no IP packet", receiver.accept, message)

    @staticmethod
    def _ends(case, direction):
        ends = (case.initiator, case.responder)
        return ends if direction == "i" else ends[::-1]

    def _receiver(self, case, direction, sources, policy, window):
        sender, receiver = self._ends(case, direction)
        sid = case.vector["sid_r" if direction == "i" else "sid_i"]
        return Receiver(case.keys(direction), unhex(sid), receiver.eid, sender.eid,
                        sources, policy=policy, window=window)

    def windows(self, vector):
        window = Window(vector["window"])
        for number, (seq, expected) in enumerate(vector["steps"]):
            try:
                window.check(seq)
            except Drop:
                got = "reject"
            else:
                window.enter(seq)
                got = "accept"
            same(f"step {number}, seq {seq}", got, expected)

    def malformed(self, vector):
        datagram = unhex(vector["hex"])
        dropped("parse", wire.parse, datagram)
        case = next(iter(self.cases.values()))
        for node in (case.node("responder"), case.node("initiator")):
            if node.receive(datagram, case.source, NOW, WALL) is None:
                raise Wrong("was accepted")
            if node.outbox:
                raise Wrong("was answered")

    def handshake_rejects(self, vector):
        case = self.cases[vector["handshake"]]
        node = case.node(vector["at"])
        given = case.vector
        if vector["state"] == "half":
            node.receive(unhex(given["init"]), case.source, NOW, WALL)
            same("resp", node.outbox.popleft()[0], given["resp"])
        elif vector["state"] == "waiting":
            node.initiator = case.start()
        elif vector["state"] != "fresh":
            raise Wrong(f"unknown state {vector['state']!r}")
        reason = node.receive(unhex(vector["hex"]), case.source, NOW, WALL)
        if reason is None:
            raise Wrong("was accepted")
        if reason.startswith("malformed"):
            raise Wrong(f"was taken as {reason}, but it is well-formed")
        self._only_hint(node, vector)
        self._still_works(node, vector["state"], case)

    @staticmethod
    def _only_hint(node, vector):
        hint = {"key_unknown": 1, "no_suite": 2}.get(vector["reason"])
        for datagram, _ in node.outbox:
            message = wire.parse(datagram)
            if message.header.type == wire.HINT and message.code == hint:
                continue
            raise Wrong(f"was answered with {datagram.hex()}")
        node.outbox.clear()

    @staticmethod
    def _still_works(node, state, case):
        """The refused message must not have spoilt the genuine handshake."""
        genuine = {"fresh": "init", "half": "confirm", "waiting": "resp"}[state]
        node.receive(unhex(case.vector[genuine]), case.source, NOW, WALL)
        if node.last_drop:
            raise Wrong(f"after it the genuine {genuine} is dropped: {node.last_drop}")

    def data_rejects(self, vector):
        case = self.cases[vector["handshake"]]
        same("suite", vector["suite"], case.vector["suite"])
        sources = [ipaddress.ip_network(unhex(text))
                   for text in vector["inner_sources"]]
        receiver = self._receiver(case, vector["direction"], sources,
                                  Policy(**vector["policy"]), vector["window"])
        for text in vector["first"]:
            receiver.accept(wire.parse(unhex(text)))
        dropped(vector["why"],
                lambda: receiver.accept(wire.parse(unhex(vector["hex"]))))


def default_file():
    project = Path(__file__).resolve().parents[2]
    return os.environ.get("VECTORS") or project.parent / "shared/vectors/ss1.json"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("-v", "--verbose", action="store_true",
                        help="name each vector that passes")
    parser.add_argument("file", nargs="?", default=None,
                        help="the vectors (default: $VECTORS, then ../shared)")
    args = parser.parse_args()
    path = args.file or default_file()
    try:
        with open(path, encoding="utf-8") as stream:
            vectors = json.load(stream)
    except (OSError, ValueError) as err:
        sys.exit(f"vectors.py: cannot read {path}: {err}; name a file of vectors")
    runner = Runner(vectors, args.verbose)
    runner.run()
    print(f"{runner.passed} passed, {runner.failed} failed, 0 skipped")
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
