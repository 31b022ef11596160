#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The netlink family, driven by ynl: each operation; each refusal, which has an
errno and a text and changes nothing; who may use it; what an answer never holds;
dumps that are long, or changed under way; the owner of a device."""

import contextlib
import ctypes
import errno
import itertools
import os
import socket
import struct
import sys
import threading

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, nl, rtnl
from cpnstest.ktap import Skip, check, equal
from cpnstest.netns import Netns
from cpnstest.pair import load_module, random_keys, random_sid
from ss1.identity import eid_of, overlay_prefix

E = errno
NOBODY = 65534
NLM_F_DUMP = 0x300
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_ADD_MEMBERSHIP = 270, 10, 1
ALL_ONES = (1 << 64) - 1
OVERLAY = overlay_prefix(b"home.example")
GB = nl.prefixes


def eid(name):
    return int.from_bytes(eid_of(name.encode()), "big")


OWN, FIRST, SECOND, NEW = (eid(n) for n in ("server@home.example", "gw-1@home.example",
                                            "pne-1@home.example", "pne-2@home.example"))


def v6(text):
    return socket.inet_pton(socket.AF_INET6, text)


def v4(text):
    return int.from_bytes(socket.inet_aton(text), "big")


class Keys:
    """The attributes of a key-new that would be taken."""

    def __init__(self, suite=1):
        self.tx, self.rx = random_keys(suite), random_keys(suite)
        self.attributes = {
            "slot": "current", "local-sid": random_sid(), "remote-sid": random_sid(),
            "suite": suite, "initiator": True, "key-id": os.urandom(16),
            "tx-key": self.tx.key, "tx-iv": self.tx.iv,
            "rx-key": self.rx.key, "rx-iv": self.rx.iv}
        if self.tx.mac_key:
            self.attributes |= {"tx-mac-key": self.tx.mac_key, "rx-mac-key": self.rx.mac_key}

    def secrets(self):
        for keys in (self.tx, self.rx):
            yield from (s for s in (keys.key, keys.iv, keys.mac_key) if s)


class World:
    """A device with two peers, keys, classes, and one that has nothing yet."""

    def __init__(self):
        self.ns = Netns("nl")
        self.nl = nl.Client(self.ns)
        self.dev = rtnl.add(self.ns, "cpns0", up=False)
        self.bare = rtnl.add(self.ns, "cpns1", up=False)
        self.do("dev-set", eid=OWN, overlay_prefix=OVERLAY, listen_port=7400)
        self.ns.ip("link set cpns0 up")
        self.do("peer-new", eid=FIRST, endpoint=nl.endpoint("127.0.0.1", 7401),
                inner_src=GB("10.1.0.0/16", "fd01::/32"), allowed_dst=GB("10.2.0.0/16"),
                flags={"multicast"})
        self.do("peer-new", eid=SECOND, inner_src=GB("10.3.0.0/16"))
        self.key, self.other = Keys(), Keys(3)
        for peer, keys in ((FIRST, self.key), (SECOND, self.other)):
            self.do("key-new", eid=peer, **keys.attributes)
        self.do("class-new", prio=5, mark=1, mode="auth")
        self.do("class-new", prio=7, mark=2, mode="encrypt", clear=3)

    def do(self, operation, **attributes):
        attributes.setdefault("ifindex", self.dev)
        return self.nl.do(operation, **attributes)

    def state(self):
        """All that the family tells, less what passes with time."""
        told = {op: self.nl.dump(op) for op in ("dev-get", "peer-get", "key-get", "class-get",
                                               "relay-get")}
        for entry in itertools.chain(*told.values()):
            for name in ("age", "last-rx", "last-tx", "remaining"):
                entry.pop(name, None)
            entry.get("stats", {}).pop("tx-multicast", None)
        return told

    def refused(self, what, number, operation, dump=False, **attributes):
        """It is, with this errno and some text, and nothing has changed."""
        before = self.state()
        attributes = {"ifindex": self.dev, **attributes}
        attributes = {k: v for k, v in attributes.items() if v is not None}
        try:
            (self.nl.dump if dump else self.nl.do)(operation, **attributes)
        except nl.Refused as err:
            equal(f"{what}: errno ({err.message})", E.errorcode[number],
                  E.errorcode[err.errno])
            check(err.message, f"{what}: no text says why")
        else:
            raise AssertionError(f"{what}: was not refused")
        equal(f"{what}: state", before, self.state())

    def all_refused(self, operation, *cases, **common):
        for what, number, attributes in cases:
            self.refused(what, number, operation, **{**common, **attributes})

    def delete(self):
        self.nl.close()
        self.ns.delete()


def in_world(function):
    """A test on a world of its own."""
    def test():
        world = World()
        function(world)
        world.delete()
    test.__name__ = function.__name__
    return test


# ---- what works ----

@in_world
def every_operation(w):
    dev = w.do("dev-get")
    equal("device", {"ifindex": w.dev, "ifname": "cpns0", "eid": OWN, "overlay-prefix": OVERLAY,
                     "listen-port": 7400, "local-addr4": "0.0.0.0", "local-addr6": "::",
                     "fwmark": 0, "bind-ifindex": 0, "peers": 2, "relay-pan": {}, "relays": 0},
          {k: v for k, v in dev.items() if k != "stats"})
    equal("devices", [w.dev, w.bare], [d["ifindex"] for d in w.nl.dump("dev-get")])
    peer = w.do("peer-get", eid=FIRST)
    for name, value in {"eid": FIRST, "flags": {"multicast"}, "keepalive-interval": 0,
                        "passive-keepalive": 10000, "timeout": 15000, "window": 8192,
                        "min-mode": "encrypt", "max-clear": 0, "queued": 0,
                        "inner-src": {"prefix": [{"addr4": "10.1.0.0", "len": 16},
                                                 {"addr6": "fd01::", "len": 32}]},
                        "allowed-dst": {"prefix": [{"addr4": "10.2.0.0", "len": 16}]}}.items():
        equal(name, value, peer[name])
    check("up" not in peer, "a peer that was never heard is up")
    w.do("peer-keepalive", eid=FIRST)
    w.do("peer-keepalive", eid=FIRST, sid=w.key.attributes["local-sid"])
    equal("keepalives", 2, w.do("peer-get", eid=FIRST)["stats"]["tx-keepalives"])
    w.do("peer-set", eid=FIRST, flags=set(), keepalive_interval=25000, passive_keepalive=100,
         timeout=86400000, window=64, min_mode="encrypt", max_clear=255,
         inner_src_add=GB("10.4.0.0/16"), inner_src_del=GB("fd01::/32"),
         allowed_dst=GB("::/0", "0.0.0.0/0"), endpoint=nl.endpoint("fe80::1", 9, scope=1))
    peer = w.do("peer-get", eid=FIRST)
    for name, value in {"flags": set(), "keepalive-interval": 25000, "passive-keepalive": 100,
                        "timeout": 86400000, "window": 64, "max-clear": 255,
                        "inner-src": {"prefix": [{"addr4": "10.1.0.0", "len": 16},
                                                 {"addr4": "10.4.0.0", "len": 16}]},
                        "allowed-dst": {"prefix": [{"addr6": "::", "len": 0},
                                                   {"addr4": "0.0.0.0", "len": 0}]},
                        "endpoint": {"addr6": "fe80::1", "port": 9, "scope": 1}}.items():
        equal(name, value, peer[name])

    key = w.do("key-get", local_sid=w.other.attributes["local-sid"])
    for name in ("slot", "local-sid", "remote-sid", "suite", "initiator", "key-id"):
        equal(name, w.other.attributes[name], key[name])
    equal("eid", SECOND, key["eid"])
    equal("limits", [1 << 34, 1 << 36, 1 << 35, 1 << 36, 0, 604800000],
          [key[f"{a}-{b}"] for b in ("packets", "failed", "time") for a in ("soft", "hard")])
    equal("key of the one peer", [FIRST],
          [k["eid"] for k in w.nl.dump("key-get", ifindex=w.dev, eid=FIRST)])
    equal("dump of the one peer", [SECOND],
          [p["eid"] for p in w.nl.dump("peer-get", ifindex=w.dev, eid=SECOND)])
    equal("all keys", {FIRST, SECOND}, {k["eid"] for k in w.nl.dump("key-get")})
    w.do("key-del", eid=SECOND, local_sid=w.other.attributes["local-sid"])
    w.do("key-del", eid=FIRST)
    equal("keys", [], w.nl.dump("key-get"))

    equal("class", {"ifindex": w.dev, "prio": 7, "mark": 2, "mask": 0xffffffff,
                    "mode": "encrypt", "clear": 3}, w.do("class-get", prio=7))
    w.do("class-del", prio=5)
    w.do("class-del")
    equal("classes", [], w.nl.dump("class-get"))
    w.do("peer-del", eid=FIRST)
    w.do("peer-del", eid=SECOND)
    equal("peers", [], w.nl.dump("peer-get"))
    w.do("dev-set", eid=NEW, overlay_prefix=b"\xfd" + bytes(7), fwmark=5, listen_port=7500,
         local_addr4=0x7f000001, local_addr6=socket.inet_pton(socket.AF_INET6, "::1"),
         bind_ifindex=1)
    dev = w.do("dev-get")
    for name, value in {"eid": NEW, "fwmark": 5, "listen-port": 7500, "bind-ifindex": 1,
                        "local-addr4": "127.0.0.1", "local-addr6": "::1", "peers": 0}.items():
        equal(name, value, dev[name])


@in_world
def listening_changes(w):
    """Mark and interface in place, an address together with the port; the device
    listens there, and nobody else can."""
    port = 7400
    for attributes in ({"fwmark": 3}, {"bind_ifindex": 1}, {"bind_ifindex": 0, "fwmark": 0},
                       {"local_addr4": v4("127.0.0.1"), "listen_port": 7501},
                       {"local_addr6": v6("::1"), "listen_port": 7502},
                       {"local_addr4": v4("127.0.0.2"), "bind_ifindex": 1, "listen_port": 7503},
                       {"local_addr4": 0, "local_addr6": bytes(16), "listen_port": 7504}):
        w.do("dev-set", **attributes)
        port = attributes.get("listen_port", port)
        dev = w.do("dev-get")
        equal("port", port, dev["listen-port"])
        for name in ("local-addr4", "local-addr6"):
            address = dev[name].replace("0.0.0.0", "127.0.0.1")
            address = "::1" if address == "::" else address
            family = socket.AF_INET if name == "local-addr4" else socket.AF_INET6
            before = w.do("dev-get")["stats"]["rx-malformed"]
            with w.ns.enter(), socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.sendto(b"x", (address, port))
                ktap.wait_until(
                    lambda n=before: w.do("dev-get")["stats"]["rx-malformed"] == n + 1,
                    f"a datagram received at {address} after {attributes}")
            with w.ns.enter(), socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    sock.bind((address, port))
                except OSError as err:
                    equal("errno", E.EADDRINUSE, err.errno)
                else:
                    raise AssertionError("another socket could bind the port")


# ---- refusals ----

OPERATIONS = {"dev-get": {}, "dev-set": {"fwmark": 1}, "peer-get": {"eid": FIRST},
              "peer-new": {"eid": NEW}, "peer-set": {"eid": FIRST}, "peer-del": {"eid": FIRST},
              "peer-keepalive": {"eid": FIRST}, "key-get": {"local-sid": 1},
              "key-new": {"eid": FIRST}, "key-del": {"eid": FIRST}, "class-get": {"prio": 5},
              "class-new": {"prio": 9, "mark": 9, "mode": "auth"}, "class-del": {"prio": 5},
              "msg-bind": {}, "msg-send": {}, "relay-get": {"eid": NEW, "sid": 1},
              "relay-new": {"eid": NEW, "sid": 1}, "relay-del": {"eid": NEW}}


@in_world
def wrong_device(w):
    for operation, attributes in OPERATIONS.items():
        for what, number, ifindex in (("no ifindex", E.EINVAL, None), ("0", E.ERANGE, 0),
                                      ("none such", E.ENODEV, 4711), ("lo", E.ENODEV, 1),
                                      ("huge", E.ENODEV, 0xffffffff)):
            w.refused(f"{operation}, {what}", number, operation, ifindex=ifindex, **attributes)
    for operation in ("peer-get", "key-get", "class-get", "relay-get"):
        w.refused(f"dump of {operation}, lo", E.ENODEV, operation, dump=True, ifindex=1)


@in_world
def wrong_peer(w):
    for operation in ("peer-get", "peer-set", "peer-del", "peer-keepalive", "key-new", "key-del"):
        attributes = w.key.attributes if operation == "key-new" else {}
        w.refused(f"{operation}, no eid", E.EINVAL, operation, **attributes)
        w.refused(f"{operation}, none such", E.ENOENT, operation, eid=NEW, **attributes)


@in_world
def dev_set(w):
    w.all_refused(
        "dev-set",
        ("eid 0", E.EINVAL, {"eid": 0}), ("eid all ones", E.EINVAL, {"eid": ALL_ONES}),
        ("eid while there are peers", E.EBUSY, {"eid": NEW}),
        ("another overlay", E.EBUSY, {"overlay-prefix": b"\xfd" + bytes(7)}),
        ("overlay of 7 bytes", E.ERANGE, {"overlay-prefix": bytes(7)}),
        ("overlay of 9 bytes", E.ERANGE, {"overlay-prefix": bytes(9)}),
        ("IPv4 multicast", E.EINVAL, {"local-addr4": v4("224.0.0.1")}),
        ("IPv4 broadcast", E.EINVAL, {"local-addr4": v4("255.255.255.255")}),
        ("IPv4 not of this host", E.EADDRNOTAVAIL,
         {"local-addr4": v4("10.99.0.1"), "listen-port": 7402}),
        ("another address on the same port", E.EADDRINUSE, {"local-addr4": v4("127.0.0.1")}),
        ("another IPv6 address on the same port", E.EADDRINUSE, {"local-addr6": v6("::1")}),
        ("IPv6 multicast", E.EINVAL, {"local-addr6": v6("ff02::1")}),
        ("IPv6 that is IPv4", E.EINVAL, {"local-addr6": v6("::ffff:10.0.0.1")}),
        ("IPv6 not of this host", E.EADDRNOTAVAIL,
         {"local-addr6": v6("fd99::1"), "listen-port": 7402}),
        ("IPv6 of 4 bytes", E.ERANGE, {"local-addr6": bytes(4)}),
        ("no such interface", E.ENODEV, {"bind-ifindex": 4711}),
        ("an impossible interface", E.ENODEV, {"bind-ifindex": 1 << 31}),
        ("bound to itself", E.ELOOP, {"bind-ifindex": w.dev}),
        ("one good, one bad", E.ELOOP, {"fwmark": 7, "bind-ifindex": w.dev}),
        ("good ones and a bad eid", E.EBUSY, {"fwmark": 7, "listen-port": 7402, "eid": NEW}))
    for what, prefix in (("zero", bytes(8)), ("multicast", b"\xff\x02" + bytes(6)),
                         ("link-local", b"\xfe\x80" + bytes(6))):
        w.refused(f"overlay {what}", E.EINVAL, "dev-set", ifindex=w.bare, overlay_prefix=prefix)
    for family in (socket.AF_INET, socket.AF_INET6):
        with w.ns.enter(), socket.socket(family, socket.SOCK_DGRAM) as sock:
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(("", 7555))
            w.refused(f"port in use, {family.name}", E.EADDRINUSE, "dev-set", listen_port=7555)


def endpoint(**attributes):
    return {"endpoint": {k: v for k, v in attributes.items() if v is not None}}


def bad_endpoints():
    four, six, link = v4("10.0.0.1"), v6("fd99::1"), v6("fe80::1")
    return (
        ("no address", E.EINVAL, endpoint(port=9)),
        ("two addresses", E.EINVAL, endpoint(addr4=four, addr6=six, port=9)),
        ("no port", E.EINVAL, endpoint(addr4=four)),
        ("port 0", E.ERANGE, endpoint(addr4=four, port=0)),
        ("0.0.0.0", E.EINVAL, endpoint(addr4=0, port=9)),
        ("multicast", E.EINVAL, endpoint(addr4=v4("239.1.1.1"), port=9)),
        ("broadcast", E.EINVAL, endpoint(addr4=v4("255.255.255.255"), port=9)),
        ("scope with IPv4", E.EINVAL, endpoint(addr4=four, port=9, scope=1)),
        ("local6 with IPv4", E.EINVAL, endpoint(addr4=four, port=9, local6=six)),
        ("local4 multicast", E.EINVAL, endpoint(addr4=four, port=9, local4=v4("224.0.0.1"))),
        ("::", E.EINVAL, endpoint(addr6=bytes(16), port=9)),
        ("IPv6 multicast", E.EINVAL, endpoint(addr6=v6("ff02::1"), port=9)),
        ("IPv4 as IPv6", E.EINVAL, endpoint(addr6=v6("::ffff:10.0.0.1"), port=9)),
        ("IPv6 of 15 bytes", E.ERANGE, endpoint(addr6=bytes(15), port=9)),
        ("link-local without scope", E.EINVAL, endpoint(addr6=link, port=9)),
        ("scope of a global address", E.EINVAL, endpoint(addr6=six, port=9, scope=1)),
        ("local4 with IPv6", E.EINVAL, endpoint(addr6=six, port=9, local4=four)),
        ("local6 multicast", E.EINVAL, endpoint(addr6=six, port=9, local6=v6("ff02::1"))),
        ("an impossible interface", E.EINVAL, endpoint(addr4=four, port=9, ifindex=1 << 31)))


def many(count, start=0):
    return {"prefix": [{"addr4": v4("172.16.0.0") + n, "len": 32}
                       for n in range(start, start + count)]}


def prefix(**attributes):
    return {"prefix": [attributes]}


def bad_prefixes():
    four, six = v4("10.77.0.0"), v6("fd77::")
    return (
        ("no address", E.EINVAL, prefix(len=8)),
        ("two addresses", E.EINVAL, prefix(addr4=four, addr6=six, len=16)),
        ("no len", E.EINVAL, prefix(addr4=four)),
        ("len 33", E.EINVAL, prefix(addr4=four, len=33)),
        ("len 129", E.ERANGE, prefix(addr6=six, len=129)),
        ("IPv6 of 3 bytes", E.ERANGE, prefix(addr6=bytes(3), len=0)),
        ("host bits", E.EINVAL, prefix(addr4=four, len=15)),
        ("host bits of IPv6", E.EINVAL, prefix(addr6=v6("fd77::1"), len=127)),
        ("twice", E.EINVAL, GB("10.77.0.0/16", "10.78.0.0/16", "10.77.0.0/16")),
        ("257", E.ENOSPC, many(257)))


@in_world
def peer_new_and_set(w):
    for operation, peer in (("peer-new", NEW), ("peer-set", FIRST)):
        w.all_refused(operation, *bad_endpoints(), eid=peer)
        for name in ("inner-src", "allowed-dst", "inner-src-add", "allowed-dst-add",
                     "inner-src-del", "allowed-dst-del"):
            for what, number, value in bad_prefixes():
                w.refused(f"{operation} {name}: {what}", number, operation, eid=peer,
                          **{name: value})
        w.all_refused(
            operation,
            ("window 63", E.ERANGE, {"window": 63}),
            ("window 65", E.EINVAL, {"window": 65}),
            ("window 32832", E.ERANGE, {"window": 32832}),
            ("min-mode 2", E.ERANGE, {"min-mode": 2}),
            ("max-clear with auth", E.EINVAL, {"min-mode": "auth", "max-clear": 1}),
            ("an unknown flag", E.EINVAL, {"flags": 2}),
            ("keepalive of over a day", E.ERANGE, {"keepalive-interval": 86400001}),
            ("passive keepalive 99", E.ERANGE, {"passive-keepalive": 99}),
            ("timeout 99", E.ERANGE, {"timeout": 99}),
            ("timeout of over a day", E.ERANGE, {"timeout": 86400001}),
            ("multicast inside", E.EINVAL, {"inner-src": GB("224.0.0.0/8")}),
            ("IPv6 multicast inside", E.EINVAL, {"inner-src": GB("ff02::1/128")}),
            ("link-local inside", E.EINVAL, {"inner-src": GB("fe80::/64")}),
            ("overlay inside", E.EINVAL,
             {"inner-src": {"prefix": [{"addr6": OVERLAY + bytes(8), "len": 64}]}}),
            ("an own address inside", E.EINVAL, {"inner-src": {"prefix": [
                {"addr6": OVERLAY + OWN.to_bytes(8, "big"), "len": 128}]}}),
            ("another peer's", E.EEXIST, {"inner-src": GB("10.99.0.0/16", "10.3.0.0/16")}),
            ("another peer's, added", E.EEXIST, {"inner-src-add": GB("10.3.0.0/16")}),
            ("whole and added", E.EINVAL,
             {"inner-src": GB("10.98.0.0/16"), "inner-src-add": GB("10.99.0.0/16")}),
            ("whole and deleted", E.EINVAL,
             {"allowed-dst": GB("10.98.0.0/16"), "allowed-dst-del": GB("10.2.0.0/16")}),
            ("not in the list", E.ENOENT, {"inner-src-del": GB("10.55.0.0/16")}),
            ("not in the list", E.ENOENT, {"allowed-dst-del": GB("10.55.0.0/16")}),
            ("a good change and a bad one", E.ENOENT,
             {"timeout": 200, "inner-src-add": GB("10.99.0.0/16"),
              "allowed-dst-del": GB("10.55.0.0/16")}),
            eid=peer)
    w.all_refused(
        "peer-set",
        ("in the list already", E.EEXIST, {"inner-src-add": GB("10.1.0.0/16")}),
        ("in the list already", E.EEXIST, {"allowed-dst-add": GB("10.2.0.0/16")}),
        ("more than 256 together", E.ENOSPC, {"allowed-dst-add": many(256)}), eid=FIRST)
    for peer in (SECOND, NEW):
        w.refused("a second one for multicast", E.EBUSY,
                  "peer-set" if peer == SECOND else "peer-new", eid=peer, flags={"multicast"})
    w.do("peer-set", eid=SECOND, min_mode="auth")
    w.refused("max-clear where auth is the least", E.EINVAL, "peer-set", eid=SECOND, max_clear=1)
    w.all_refused("peer-new", ("no eid", E.EINVAL, {}), ("eid 0", E.EINVAL, {"eid": 0}),
                  ("eid all ones", E.EINVAL, {"eid": ALL_ONES}),
                  ("the own eid", E.EINVAL, {"eid": OWN}),
                  ("a peer that is there", E.EEXIST, {"eid": FIRST}),
                  ("a device without eid", E.EINVAL, {"ifindex": w.bare, "eid": NEW}))


@in_world
def keepalive(w):
    w.do("key-del", eid=SECOND)
    w.all_refused("peer-keepalive", ("no session", E.ENOTCONN, {"eid": SECOND}),
                  ("no such sid", E.ENOENT, {"eid": FIRST, "sid": 1}),
                  ("another peer's sid", E.ENOENT,
                   {"eid": SECOND, "sid": w.key.attributes["local-sid"]}))


@in_world
def key_new(w):
    good, three = Keys().attributes, Keys(3).attributes
    for name in ("slot", "local-sid", "remote-sid", "suite", "key-id", "tx-key", "tx-iv",
                 "rx-key", "rx-iv"):
        w.refused(f"no {name}", E.EINVAL, "key-new", eid=FIRST, **{**good, name: None})
    for name in ("tx-mac-key", "rx-mac-key"):
        w.refused(f"no {name}", E.EINVAL, "key-new", eid=FIRST, **{**three, name: None})
        w.refused(f"{name} where none is due", E.EINVAL, "key-new", eid=FIRST,
                  **{**good, name: os.urandom(32)})
    used = w.key.attributes
    cases = [("slot 3", E.ERANGE, {"slot": 3}),
             ("local sid 0", E.ERANGE, {"local-sid": 0}),
             ("remote sid 0", E.ERANGE, {"remote-sid": 0}),
             ("sid in use", E.EEXIST, {"local-sid": used["local-sid"]}),
             ("another peer's sid", E.EEXIST, {"local-sid": w.other.attributes["local-sid"]}),
             ("one key for both ways", E.EINVAL, {"rx-key": good["tx-key"]}),
             ("tx key again", E.EEXIST, {"tx-key": used["tx-key"]}),
             ("rx key again", E.EEXIST, {"rx-key": used["rx-key"]}),
             ("the ways changed over", E.EEXIST, {"tx-key": used["rx-key"]}),
             ("another peer's key", E.EEXIST, {"rx-key": w.other.attributes["tx-key"]})]
    cases += [(f"suite {suite:#x}", E.EINVAL, {"suite": suite})
              for suite in (0, 4, 0x100, 0x104, 0x201, 0xffff)]
    for name, length in (("tx-key", 32), ("rx-key", 32), ("tx-iv", 12), ("rx-iv", 12),
                         ("key-id", 16)):
        cases += [(f"{name} of {n} bytes", E.ERANGE, {name: os.urandom(n)})
                  for n in (0, length - 1, length + 1)]
    hard = 1 << 36
    cases += [(f"{what} {value}", E.EINVAL, {name: value, **more})
              for what, name, value, more in (
                  ("hard packets", "hard-packets", 0, {}),
                  ("hard packets", "hard-packets", hard + 1, {}),
                  ("soft packets", "soft-packets", 0, {}),
                  ("soft packets", "soft-packets", (1 << 34) + 1, {}),
                  ("soft packets over hard", "soft-packets", 11, {"hard-packets": 10}),
                  ("hard failed", "hard-failed", 0, {}),
                  ("hard failed", "hard-failed", hard + 1, {}),
                  ("soft failed", "soft-failed", 0, {}),
                  ("soft failed over hard", "soft-failed", 3, {"hard-failed": 2}),
                  ("hard time", "hard-time", 0, {}),
                  ("hard time", "hard-time", 604800001, {}),
                  ("soft time over hard", "soft-time", 11, {"hard-time": 10}),
                  ("soft time", "soft-time", 604800001, {}))]
    w.all_refused("key-new", *cases, eid=FIRST, **good)
    # None of the refusals has used the key up.
    w.do("key-new", eid=FIRST, **good)
    w.refused("the same again", E.EEXIST, "key-new", eid=FIRST, **good)
    w.do("key-del", eid=FIRST)
    w.refused("a deleted key again", E.EEXIST, "key-new", eid=FIRST, **good)
    w.do("peer-del", eid=SECOND)
    w.refused("a deleted peer's key", E.EEXIST, "key-new", eid=FIRST,
              **{**good, "tx-key": w.other.attributes["rx-key"]})


@in_world
def key_get_and_del(w):
    sid = w.key.attributes["local-sid"]
    w.all_refused("key-get", ("no sid", E.EINVAL, {}), ("no such sid", E.ENOENT, {"local-sid": 1}),
                  ("another peer's", E.ENOENT, {"local-sid": sid, "eid": SECOND}),
                  ("sid 0", E.ERANGE, {"local-sid": 0}))
    w.refused("sid in a dump", E.EINVAL, "key-get", dump=True, local_sid=sid)
    w.all_refused("key-del", ("no such sid", E.ENOENT, {"eid": FIRST, "local-sid": 1}),
                  ("another peer's", E.ENOENT, {"eid": SECOND, "local-sid": sid}))


@in_world
def classes(w):
    w.all_refused("class-get", ("no prio", E.EINVAL, {}), ("no such prio", E.ENOENT, {"prio": 6}))
    w.refused("prio in a dump", E.EINVAL, "class-get", dump=True, prio=5)
    good = {"prio": 9, "mark": 9, "mode": "auth"}
    for name in good:
        w.refused(f"no {name}", E.EINVAL, "class-new", **{**good, name: None})
    w.all_refused("class-new", ("mode 2", E.ERANGE, {"mode": 2}),
                  ("clear with auth", E.EINVAL, {"clear": 1}), **good)
    w.refused("no such prio", E.ENOENT, "class-del", prio=6)
    for prio in range(100, 162):
        w.do("class-new", prio=prio, mark=prio, mode="auth")
    w.refused("a 65th", E.ENOSPC, "class-new", **good)


@in_world
def messages(w):
    to = nl.endpoint("127.0.0.1", 7401)
    hint = bytes([0x15, 0, 8, 0]) + bytes(20) + bytes(18)
    w.refused("not the owner", E.EPERM, "msg-send", endpoint=to, datagram=hint)
    w.do("msg-bind")
    w.do("msg-bind")
    w.all_refused(
        "msg-send", ("nothing", E.EINVAL, {}), ("no endpoint", E.EINVAL, {"datagram": hint}),
        ("no datagram", E.EINVAL, {"endpoint": to}),
        ("23 bytes", E.EINVAL, {"endpoint": to, "datagram": hint[:23]}),
        ("empty", E.EINVAL, {"endpoint": to, "datagram": b""}),
        ("65508 bytes", E.EINVAL, {"endpoint": to, "datagram": hint + bytes(65508 - len(hint))}),
        ("version 2", E.EINVAL, {"endpoint": to, "datagram": b"\x25" + hint[1:]}),
        ("DATA", E.EINVAL, {"endpoint": to, "datagram": b"\x18" + hint[1:]}),
        ("no route", E.ENETUNREACH, {"endpoint": nl.endpoint("10.99.0.1", 9), "datagram": hint}),
        *((what, number, {**attributes, "datagram": hint})
          for what, number, attributes in bad_endpoints()))
    with w.ns.enter(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 7401))
        sock.settimeout(5)
        w.do("msg-send", endpoint=to, datagram=hint)
        got, sender = sock.recvfrom(100)
        equal("datagram", hint, got)
        equal("its sender", ("127.0.0.1", 7400), sender)
    equal("counter", 1, w.do("dev-get")["stats"]["tx-control"])
    w.ns.ip("link set cpns0 down")
    w.refused("the device is down", E.ENOTCONN, "msg-send", endpoint=to, datagram=hint)


@in_world
def relay_attributes(w):
    w.all_refused("peer-set", ("to nobody", E.EINVAL, {"relay-to": ALL_ONES}),
                  ("to the device", E.EINVAL, {"relay-to": OWN}),
                  ("to itself", E.EINVAL, {"relay-to": FIRST}), eid=FIRST)
    w.refused("a new peer to itself", E.EINVAL, "peer-new", eid=NEW, relay_to=NEW)
    w.do("peer-set", eid=FIRST, relay_to=NEW)
    equal("relay-to", NEW, w.do("peer-get", eid=FIRST)["relay-to"])
    w.do("peer-set", eid=FIRST, timeout=200)
    equal("relay-to stays", NEW, w.do("peer-get", eid=FIRST)["relay-to"])
    w.do("dev-set", relay_pan={"ifindex": [1]})
    for what, number, indices in (("0", E.ERANGE, [0]), ("none such", E.ENODEV, [1, 4711]),
                                  ("huge", E.ENODEV, [0xffffffff]), ("twice", E.EINVAL, [1, 1]),
                                  ("itself", E.ELOOP, [1, w.dev])):
        w.refused(f"relay-pan {what}", number, "dev-set", relay_pan={"ifindex": indices})
    w.refused("a good list and a bad port", E.ELOOP, "dev-set", relay_pan={"ifindex": []},
              bind_ifindex=w.dev)
    w.ns.ip(*(f"link add dummy{i} type dummy" for i in range(16)))
    indices = [w.ns.ifindex(f"dummy{i}") for i in range(16)]
    w.refused("17 interfaces", E.ENOSPC, "dev-set", relay_pan={"ifindex": [1, *indices]})
    w.do("dev-set", relay_pan={"ifindex": indices})
    equal("relay-pan", indices, w.do("dev-get")["relay-pan"]["ifindex"])
    w.do("dev-set", relay_pan={"ifindex": []})
    equal("relay-pan", {}, w.do("dev-get")["relay-pan"])


@in_world
def relays(w):
    w.do("dev-set", relay_pan={"ifindex": [1]})
    there = {**nl.endpoint("127.0.0.9", 7409), "ifindex": 1}
    good = {"eid": NEW, "sid": 1, "server-eid": FIRST, "endpoint": there}
    for name in good:
        w.refused(f"no {name}", E.EINVAL, "relay-new", **{**good, name: None})
    w.all_refused(
        "relay-new", ("eid 0", E.EINVAL, {"eid": 0}), ("eid all ones", E.EINVAL, {"eid": ALL_ONES}),
        ("the own eid", E.EINVAL, {"eid": OWN}), ("sid 0", E.ERANGE, {"sid": 0}),
        ("no such Server", E.ENOENT, {"server-eid": 4711}),
        ("its own Server", E.EINVAL, {"eid": FIRST}),
        ("no interface", E.EINVAL, {"endpoint": nl.endpoint("127.0.0.9", 7409)}),
        ("an interface not named", E.EINVAL, {"endpoint": {**there, "ifindex": w.dev}}),
        ("where the Server is", E.EINVAL,
         {"endpoint": {**nl.endpoint("127.0.0.1", 7401), "ifindex": 1}}),
        *((what, number, {"endpoint": {**ep["endpoint"], "ifindex": 1 << 31 if "interface" in what
                                       else 1}}) for what, number, ep in bad_endpoints()), **good)
    w.do("relay-new", **good)
    w.do("relay-new", **good)
    entry = w.do("relay-get", eid=NEW, sid=1)
    equal("entry", {"ifindex": w.dev, "eid": NEW, "sid": 1, "server-eid": FIRST,
                    "endpoint": {"addr4": "127.0.0.9", "port": 7409, "ifindex": 1},
                    "up-packets": 0, "up-bytes": 0, "down-packets": 0, "down-bytes": 0,
                    "dropped": 0},
          {k: v for k, v in entry.items() if k not in ("age", "remaining")})
    w.do("relay-new", **{**good, "eid": SECOND})
    equal("dump", [NEW, SECOND], [e["eid"] for e in w.nl.dump("relay-get")])
    equal("dump of one", [SECOND], [e["eid"] for e in w.nl.dump("relay-get", ifindex=w.dev,
                                                               eid=SECOND)])
    equal("dump of another device", [], w.nl.dump("relay-get", ifindex=w.bare))
    equal("number", 2, w.do("dev-get")["relays"])
    w.refused("sid in a dump", E.EINVAL, "relay-get", dump=True, sid=1)
    w.all_refused("relay-get", ("no eid", E.EINVAL, {"sid": 1}), ("no sid", E.EINVAL, {"eid": NEW}),
                  ("no such sid", E.ENOENT, {"eid": NEW, "sid": 2}),
                  ("no such eid", E.ENOENT, {"eid": FIRST, "sid": 1}))
    w.all_refused("relay-del", ("no eid", E.EINVAL, {}), ("no such eid", E.ENOENT, {"eid": FIRST}),
                  ("no such sid", E.ENOENT, {"eid": NEW, "sid": 2}))
    w.do("relay-del", eid=NEW, sid=1)
    w.do("relay-del", eid=SECOND)
    equal("dump", [], w.nl.dump("relay-get"))


@in_world
def owner(w):
    hint = {"endpoint": nl.endpoint("127.0.0.1", 7401), "datagram": b"\x15" + bytes(41),
            "ifindex": w.dev}
    first, second = nl.Client(w.ns), nl.Client(w.ns)
    first.family.sock.bind((70001, 0))
    first.do("msg-bind", ifindex=w.dev)
    equal("owner", 70001, w.do("dev-get")["owner"])
    w.refused("a second owner", E.EBUSY, "msg-bind")
    with contextlib.suppress(nl.Refused):
        second.do("msg-send", **hint)
        raise AssertionError("another socket may send")
    first.do("msg-send", **hint)
    # The same port in another namespace is not the owner.
    elsewhere = Netns("else")
    stranger = nl.Client(elsewhere)
    stranger.family.sock.bind((70001, 0))
    with contextlib.suppress(nl.Refused):
        stranger.do("msg-send", **hint)
        raise AssertionError("a socket of another namespace may send")
    stranger.close()
    elsewhere.delete()
    equal("owner", 70001, w.do("dev-get").get("owner"))
    # Its port used again, by the same protocol and another one.
    other = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    other.bind((70001, 0))
    other.close()
    equal("owner", 70001, w.do("dev-get").get("owner"))
    first.close()
    check("owner" not in w.do("dev-get"), "the owner is gone, and still named")
    heir = nl.Client(w.ns)
    heir.family.sock.bind((70001, 0))
    with contextlib.suppress(nl.Refused):
        heir.do("msg-send", **hint)
        raise AssertionError("a port used again has inherited the device")
    second.do("msg-bind", ifindex=w.dev)
    check(w.do("dev-get")["owner"] not in (0, 70001), "the second is not the owner")
    second.do("msg-send", **hint)
    heir.close()
    second.close()
    check("owner" not in w.do("dev-get"), "the second owner is gone, and still named")


# ---- secrets ----

class Recorder:
    """A socket whose answers are kept as bytes."""

    def __init__(self, sock):
        self.sock, self.seen = sock, b""

    def recv(self, *args):
        data = self.sock.recv(*args)
        self.seen += data
        return data

    def __getattr__(self, name):
        return getattr(self.sock, name)


@in_world
def answers_hold_no_keys(w):
    client, events = nl.Client(w.ns), nl.Client(w.ns)
    events.subscribe()
    # The kernel returns the whole of a refused request to who doesn't say no.
    client.family.sock.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 0)
    for c in (client, events):
        c.family.sock = Recorder(c.family.sock)
    keys = [w.key, w.other]
    for suite in (1, 2, 3, 0x101, 0x102, 0x103):
        keys.append(Keys(suite))
        client.do("key-new", ifindex=w.dev, eid=FIRST, **keys[-1].attributes)
    for change in ({"rx-key": None}, {"local-sid": w.other.attributes["local-sid"]},
                   {"suite": 99}, {"hard-packets": 0}, {"suite": 3}):
        keys.append(Keys())
        attributes = {**keys[-1].attributes, **change}
        if change.get("rx-key", 1) is None:
            attributes["rx-key"] = attributes["tx-key"]
        try:
            client.do("key-new", ifindex=w.dev, eid=FIRST, **attributes)
        except nl.Refused:
            pass
        else:
            raise AssertionError(f"{change} was taken")
    client.dump("dev-get")
    client.dump("peer-get")
    dumped = client.dump("key-get")
    for key in dumped:
        client.do("key-get", ifindex=w.dev, local_sid=key["local-sid"])
    client.do("key-del", ifindex=w.dev, eid=FIRST)
    check(events.events(2), "no events")
    secret_names = {"tx-key", "rx-key", "tx-mac-key", "rx-mac-key", "tx-iv", "rx-iv"}
    check(dumped and not any(secret_names & set(key) for key in dumped), "a dump has keys")
    key_id = w.other.attributes["key-id"]
    check(key_id in client.family.sock.seen, "the search finds not even a key_id")
    for key in keys:
        for secret in key.secrets():
            for c in (client, events):
                check(secret not in c.family.sock.seen, "an answer holds the bytes of a key")
                check(secret[:8] not in c.family.sock.seen, "an answer holds a part of a key")
    client.close()
    events.close()


# ---- who may ----

class Here:
    """The namespace of this process."""

    @staticmethod
    @contextlib.contextmanager
    def enter():
        yield

    @staticmethod
    def ifindex(dev):
        return socket.if_nametoindex(dev)


def in_child(function):
    """Runs it in a process of its own; what it raises, the test does."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            function()
            status = 0
        except Skip as reason:
            os.write(write, f"SKIP {reason}".encode())
        except BaseException as err:    # pylint: disable=broad-except
            os.write(write, f"{type(err).__name__}: {err}".encode()[:4000])
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read) as stream:
        told = stream.read()
    status = os.waitpid(pid, 0)[1]
    if told.startswith("SKIP "):
        raise Skip(told[5:])
    check(not status, told)


def is_permission(what, call):
    try:
        call()
    except nl.Refused as err:
        equal(what, E.EPERM, err.errno)
    except PermissionError:
        pass
    else:
        raise AssertionError(f"{what}: was allowed")


@in_world
def unprivileged(w):
    before = w.state()
    # Loaded before the rights are gone; a user has no right to read them.
    client = nl.Client(w.ns)
    group = client.family.nlproto.get_mcast_id("events", client.family.mcast_groups)
    client.close()

    def child():
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        user = nl.Client(w.ns_entered)
        more = {"key-new": w.key.attributes,
                "msg-send": {"endpoint": nl.endpoint("127.0.0.1", 9), "datagram": bytes(24)}}
        for operation, attributes in OPERATIONS.items():
            is_permission(operation, lambda o=operation, a=attributes: user.do(
                o, ifindex=w.dev, **a, **{k: v for k, v in more.get(o, {}).items()
                                          if k not in a}))
        for operation in ("dev-get", "peer-get", "key-get", "class-get"):
            is_permission(f"dump of {operation}", lambda o=operation: user.dump(o))
        is_permission("the group", lambda: user.family.sock.setsockopt(
            SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group))
    w.ns_entered = Here()
    with w.ns.enter():
        in_child(child)
    equal("state", before, w.state())


def become_admin():
    """Root of a user namespace and a network of its own, as any user may be."""
    libc = ctypes.CDLL(None, use_errno=True)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    # What was root's to read and write is the user's again.
    libc.prctl(4, 1, 0, 0, 0)
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET):
        raise Skip(f"no user namespaces: {os.strerror(ctypes.get_errno())}")
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {NOBODY} 1"),
                       ("gid_map", f"0 {NOBODY} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as stream:
            stream.write(text)


def admin_of_a_user_namespace():
    nl.Client(Here()).close()

    def child():
        become_admin()
        here = Here()
        dev = rtnl.add(here, "cpns0", up=False)
        client, events = nl.Client(here), nl.Client(here)
        events.subscribe()
        client.do("dev-set", ifindex=dev, eid=OWN, overlay_prefix=OVERLAY, listen_port=7400,
                  fwmark=1)
        client.do("peer-new", ifindex=dev, eid=FIRST)
        keys = Keys()
        client.do("key-new", ifindex=dev, eid=FIRST, **keys.attributes)
        client.do("class-new", ifindex=dev, prio=1, mark=1, mode="auth")
        client.do("msg-bind", ifindex=dev)
        equal("keys", [keys.attributes["local-sid"]],
              [k["local-sid"] for k in client.dump("key-get")])
        equal("peers", [FIRST], [p["eid"] for p in client.dump("peer-get")])
        client.do("peer-del", ifindex=dev, eid=FIRST)
        equal("events", ["key-dead-ntf"], [name for name, _ in events.events(5)])
        rtnl.delete(here, dev)
    in_child(child)


def device_of_another_namespace():
    """Who gets a device moved in may use it, but not what is outside of it."""
    host = Netns("host")
    nl.Client(host).close()
    to_child, to_parent = os.pipe(), os.pipe()

    def child():
        become_admin()
        os.write(to_parent[1], struct.pack("=I", os.getpid()))
        os.read(to_child[0], 1)
        here = Here()
        dev = here.ifindex("cpns0")
        client = nl.Client(here)
        client.do("dev-set", ifindex=dev, eid=OWN)
        client.do("peer-new", ifindex=dev, eid=FIRST)
        for what, attributes in (("a port", {"listen_port": 7500}), ("a mark", {"fwmark": 1}),
                                 ("an address", {"local_addr4": v4("127.0.0.1")}),
                                 ("an interface", {"bind_ifindex": 1})):
            is_permission(what, lambda a=attributes: client.do("dev-set", ifindex=dev, **a))
        is_permission("msg-bind", lambda: client.do("msg-bind", ifindex=dev))
        equal("device", (0, 0), tuple(client.do("dev-get", ifindex=dev)[n]
                                      for n in ("listen-port", "fwmark")))

    def both():
        rtnl.add(host, "cpns0", up=False)
        pid, = struct.unpack("=I", os.read(to_parent[0], 4))
        host.ip(f"link set cpns0 netns {pid}")
        os.write(to_child[1], b"x")
    mover = threading.Thread(target=both, daemon=True)
    mover.start()
    in_child(child)
    mover.join(10)
    host.delete()


def namespace_of_the_device_gone():
    made, lives = Netns("made"), Netns("lives")
    rtnl.add(made, "cpns0", up=False)
    made.ip(f"link set cpns0 netns {lives.name}")
    client = nl.Client(lives)
    dev = lives.ifindex("cpns0")
    client.do("dev-set", ifindex=dev, eid=OWN, listen_port=7400)
    made.delete()

    def refused():
        try:
            # The namespace goes in the background: until then this changes nothing.
            client.do("dev-set", ifindex=dev, listen_port=7400)
        except nl.Refused as err:
            check(err.message, "no text says why")
            return err.errno == E.ENOTCONN
        return False
    ktap.wait_until(refused, "ENOTCONN", 10)
    try:
        client.do("msg-bind", ifindex=dev)
    except nl.Refused as err:
        equal("msg-bind", E.ENOTCONN, err.errno)
    else:
        raise AssertionError("msg-bind was taken")
    client.do("peer-new", ifindex=dev, eid=FIRST)
    equal("port", 7400, client.do("dev-get", ifindex=dev)["listen-port"])
    client.close()
    lives.delete()


# ---- dumps ----

class Steps:
    """A dump that can be held between two of its buffers."""

    def __init__(self, client, operation, **attributes):
        self.family = family = client.family
        self.messages = sys.modules["lib.ynl"].NlMsgs
        self.operation = family.ops[operation]
        family.sock.send(family._encode_message(self.operation, attributes, [NLM_F_DUMP], 4711))

    def next(self):
        """Entries of the next buffer, or None at the end."""
        family, entries = self.family, []
        for message in self.messages(family.sock.recv(1 << 17)):
            if message.done:
                check(not message.error, f"the dump failed: {message.error}")
                return entries or None
            decoded = family.nlproto.decode(family, message, self.operation)
            entries.append(family._decode(decoded.raw_attrs, self.operation.attr_set.name))
        return entries


def many_peers(w, count):
    eids = [0x1000 + n for n in range(count)]
    for peer in eids:
        w.nl.do("peer-new", ifindex=w.bare, eid=peer)
    return eids


@in_world
def thousand_peers(w):
    w.do("dev-set", ifindex=w.bare, eid=OWN)
    eids = many_peers(w, 1000)
    equal("peers", 1000, w.do("dev-get", ifindex=w.bare)["peers"])
    equal("EIDs", eids, [p["eid"] for p in w.nl.dump("peer-get", ifindex=w.bare)])
    equal("all EIDs", [FIRST, SECOND] + eids, [p["eid"] for p in w.nl.dump("peer-get")])
    for n in range(0, 1000, 100):
        w.nl.do("key-new", ifindex=w.bare, eid=eids[n], **Keys().attributes)
    equal("keys", eids[::100], [k["eid"] for k in w.nl.dump("key-get", ifindex=w.bare)])

    # Each third is deleted while the dump is held, some before it comes to them.
    for operation in ("peer-get", "key-get"):
        before = [p["eid"] for p in w.nl.dump(operation, ifindex=w.bare)]
        steps = Steps(w.nl, operation, ifindex=w.bare)
        left = [e for e in before if operation == "key-get" or e % 3]
        doomed = [e for e in before if e not in left]
        seen = []
        second = nl.Client(w.ns)
        while (entries := steps.next()) is not None:
            seen += [e["eid"] for e in entries]
            for _ in range(4):
                if doomed:
                    second.do("peer-del", ifindex=w.bare, eid=doomed.pop())
        second.close()
        equal("each once", len(set(seen)), len(seen))
        equal("those that stayed", left, [e for e in seen if e in set(left)])
    for peer in doomed:
        w.nl.do("peer-del", ifindex=w.bare, eid=peer)
    # All that is left goes while a dump is held: it ends.
    steps = Steps(w.nl, "peer-get", ifindex=w.bare)
    check(steps.next(), "nothing came")
    second = nl.Client(w.ns)
    rtnl.delete(w.ns, w.bare)
    second.close()
    try:
        while steps.next() is not None:
            pass
    except AssertionError as err:
        check("failed" in str(err), str(err))


@in_world
def long_lists(w):
    lists = {"inner-src": many(256), "allowed-dst": {"prefix": [
        {"addr6": v6(f"fd44:{n:x}::"), "len": 32} for n in range(256)]}}
    w.do("peer-set", eid=FIRST, **lists)
    w.do("peer-set", eid=SECOND, inner_src={"prefix": [
        {"addr6": v6(f"fd45:{n:x}::"), "len": 32} for n in range(256)]})
    got = w.do("peer-get", eid=FIRST)
    four = [{"addr4": f"172.16.{n >> 8}.{n & 255}", "len": 32} for n in range(256)]
    six = [{"addr6": str(socket.inet_ntop(socket.AF_INET6, v6(f"fd44:{n:x}::"))), "len": 32}
           for n in range(256)]
    equal("inner-src", four, got["inner-src"]["prefix"])
    equal("allowed-dst", six, got["allowed-dst"]["prefix"])
    # In a dump they may come in several messages.
    whole = {}
    for message in w.nl.dump("peer-get", ifindex=w.dev):
        peer = whole.setdefault(message["eid"], {"inner-src": [], "allowed-dst": [], "first": 0})
        peer["first"] += "stats" in message
        for name in ("inner-src", "allowed-dst"):
            peer[name] += message.get(name, {}).get("prefix", [])
    equal("peers", [FIRST, SECOND], list(whole))
    equal("messages with the rest", [1, 1], [p["first"] for p in whole.values()])
    equal("inner-src", four, whole[FIRST]["inner-src"])
    equal("allowed-dst", six, whole[FIRST]["allowed-dst"])
    equal("prefixes of the second", 256, len(whole[SECOND]["inner-src"]))
    w.do("peer-set", eid=FIRST, inner_src_del=many(200), inner_src_add=many(100, 1000))
    equal("after a change", four[200:], w.do("peer-get", eid=FIRST)["inner-src"]["prefix"][:56])


load_module()
ktap.run([every_operation, listening_changes, wrong_device, wrong_peer, dev_set, peer_new_and_set, keepalive,
          key_new, key_get_and_del, classes, messages, relay_attributes, relays, owner,
          answers_hold_no_keys, unprivileged,
          admin_of_a_user_namespace, device_of_another_namespace, namespace_of_the_device_gone,
          thousand_peers, long_lists])
