# SPDX-License-Identifier: GPL-2.0
"""Netlink messages to the family: random ones, requests that are right, and
requests that were right before they were changed."""

import struct

NLM_F_REQUEST, NLM_F_MULTI, NLM_F_ACK, NLM_F_ECHO = 1, 2, 4, 8
NLM_F_DUMP = 0x300
NLA_F_NESTED, NLA_F_NET_BYTEORDER = 0x8000, 0x4000
NLMSG_MIN_TYPE = 0x10
HDRLEN, GENL_HDRLEN = 16, 4

INTERESTING = (0, 1, 2, 63, 64, 127, 128, 255, 256, 0x7fff, 0xffff, 0x7fffffff,
               0xffffffff, (1 << 63) - 1, (1 << 64) - 1)
SCALARS = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q"}
SUITES = (1, 2, 3, 0x101, 0x102, 0x103)
SIDS = tuple(range(1, 25))
PEER_EIDS = tuple(range(0x1000, 0x1008))
PRIOS = tuple(range(70))
# The largest message that the socket of the test can send.
HUGE = 50000


class Device:
    """One that may be fuzzed, and the one at its other end."""

    def __init__(self, ifindex, eid, address4, address6, port):
        self.ifindex, self.eid = ifindex, eid
        self.address4, self.address6, self.port = address4, address6, port
        self.other = None


class Message:
    """Bytes for the socket of a namespace. @answered: exactly one
    acknowledgement is due."""

    def __init__(self, ns, op, seq, data, answered):
        self.ns, self.op, self.seq = ns, op, seq
        self.data, self.answered = data, answered


def attribute(number, payload):
    return struct.pack("=HH", 4 + len(payload), number) + payload + bytes(-len(payload) % 4)


class Generator:
    """spec: the family's, parsed; devices: for each namespace a list."""

    def __init__(self, rng, family, spec, devices):
        self.rng = rng
        self.family = family
        self.devices = devices
        # Where a length lies, the kernel takes what follows for a message, and
        # answers that too: with a number that is none of ours.
        self.seq = 0x5eed0000
        self.queue = []
        self.sets = {s["name"]: {a["name"]: (number, a) for number, a in
                                 enumerate(s["attributes"], 1)}
                     for s in spec["attribute-sets"]}
        self.ops = [(number, op) for number, op in enumerate(spec["operations"]["list"], 1)
                    if "do" in op]
        self.numbers = {op["name"]: number for number, op in self.ops}
        self.device = devices[0][0]
        self.ns = 0

    def next(self):
        """One message; some belong together and come in order."""
        if not self.queue:
            self.ns = self.rng.randrange(len(self.devices))
            self.device = self.rng.choice(self.devices[self.ns])
            if self.rng.random() < 0.03:
                self.queue = self._session()
            else:
                self.queue = [self._one()]
        return self.queue.pop(0)

    def _one(self):
        dice = self.rng.random()
        number, op = self.rng.choice(self.ops)
        if dice < 0.15:
            return self._finish(op["name"], number, self._random_attributes())
        attributes = self._request(op)
        if dice < 0.45:
            return self._finish(op["name"], number, attributes)
        for _ in range(self.rng.choice((1, 1, 1, 2, 4))):
            self._mutate(attributes)
        return self._finish(op["name"], number, attributes, mutate=True)

    # ---- what is right ----

    def _request(self, op):
        """Attributes of a request that may well be accepted."""
        rng = self.rng
        space = op["attribute-set"]
        names = op["do"].get("request", {}).get("attributes", [])
        if op["name"] == "key-new":
            return self._key_new()
        if len(names) > 8:
            names = names[:2] + rng.sample(names[2:], rng.randrange(0, 5))
        elif rng.random() < 0.2:
            names = names[:-1]
        return [self._attribute(space, name) for name in names]

    def _attribute(self, space, name, value=None):
        number, spec = self.sets[space][name]
        return number, self._payload(space, spec) if value is None else value

    def _key_new(self):
        rng = self.rng
        suite = rng.choice(SUITES)
        names = ["ifindex", "eid", "slot", "local-sid", "remote-sid", "key-id", "tx-key",
                 "tx-iv", "rx-key", "rx-iv"]
        if suite & 3 == 3:
            names += ["tx-mac-key", "rx-mac-key"]
        names += [n for n in ("initiator", "demote-next", "soft-packets", "hard-packets",
                              "soft-failed", "hard-failed", "soft-time", "hard-time")
                  if rng.random() < 0.2]
        attributes = [self._attribute("key", name) for name in names]
        return attributes + [self._attribute("key", "suite", struct.pack("=H", suite))]

    def _session(self):
        """A peer at each end, and one session, so that packets flow."""
        rng = self.rng
        suite = rng.choice(SUITES)
        sids = [struct.pack("=I", sid) for sid in rng.sample(SIDS, 2)]
        keys = [[rng.randbytes(32), rng.randbytes(32), rng.randbytes(12)] for _ in range(2)]
        here, messages = self.device, []
        for side, device in enumerate((here, here.other)):
            self.device = device
            ns = self.ns if side == 0 else 1 - self.ns
            ends = [struct.pack("=I", device.ifindex), struct.pack("=Q", device.other.eid)]
            peer = [self._attribute("peer", "ifindex", ends[0]),
                    self._attribute("peer", "eid", ends[1]),
                    self._attribute("peer", "endpoint", self._endpoint_of(device.other))]
            key = [self._attribute("key", "ifindex", ends[0]),
                   self._attribute("key", "eid", ends[1]),
                   self._attribute("key", "slot", b"\0"),
                   self._attribute("key", "local-sid", sids[side]),
                   self._attribute("key", "remote-sid", sids[1 - side]),
                   self._attribute("key", "suite", struct.pack("=H", suite)),
                   self._attribute("key", "key-id")]
            for way, which in (("tx", keys[side]), ("rx", keys[1 - side])):
                key += [self._attribute("key", way + "-key", which[0]),
                        self._attribute("key", way + "-iv", which[2])]
                if suite & 3 == 3:
                    key.append(self._attribute("key", way + "-mac-key", which[1]))
            for name, attributes in (("peer-new", peer), ("peer-set", peer), ("key-new", key)):
                messages.append(self._finish(name, self.numbers[name], attributes, ns=ns))
        self.device = here
        return messages

    def _endpoint_of(self, device):
        if self.rng.random() < 0.5:
            address = self._attribute("endpoint", "addr4", device.address4)
        else:
            address = self._attribute("endpoint", "addr6", device.address6)
        return self._encode([address, self._attribute("endpoint", "port",
                                                      struct.pack("!H", device.port))])

    def _payload(self, space, spec):
        """A value of an attribute that makes sense."""
        rng, name, kind = self.rng, spec["name"], spec["type"]
        if kind == "nest":
            return self._nest(spec["nested-attributes"])
        choice = self._choice(space, name)
        if kind in SCALARS:
            value = self._scalar(spec) if choice is None else choice
            order = "!" if spec.get("byte-order") == "big-endian" else "="
            size = struct.calcsize(SCALARS[kind])
            return struct.pack(order + SCALARS[kind], value & ((1 << 8 * size) - 1))
        if kind in ("flag", "pad"):
            return b""
        if kind == "string":
            return b"fz0\0"
        if choice is not None:
            return choice
        length = spec.get("checks", {}).get("exact-len")
        return rng.randbytes(rng.randrange(2000) if length is None else length)

    def _scalar(self, spec):
        checks = spec.get("checks", {})
        low, high = checks.get("min", 0), checks.get("max", 1000)
        if self.rng.random() < 0.9 and isinstance(high, int) and isinstance(low, int):
            return self.rng.choice((low, high, self.rng.randrange(low, max(high, low + 1))))
        return self.rng.choice(INTERESTING)

    def _choice(self, space, name):
        """Values that hit upon something, by name; None for any value."""
        rng = self.rng
        if name == "ifindex":
            return self.device.ifindex if space != "endpoint" else rng.choice((0, 1, 2))
        if name == "eid":
            own = self.device.eid
            return own if space == "dev" else rng.choice(PEER_EIDS + (self.device.other.eid,))
        if name in ("server-eid", "relay-to"):
            return rng.choice(PEER_EIDS + (0, self.device.other.eid))
        if name == "pan-ifindex":
            return rng.choice((0, 0, 1, 2, 3))
        if name in ("sid", "local-sid", "remote-sid"):
            return rng.choice(SIDS)
        if name == "overlay-prefix":
            return b"\xfd" + rng.randbytes(7)
        if name == "bind-ifindex":
            return rng.choice((0, 0, 1, 2, 3, self.device.ifindex, rng.choice(
                self.devices[self.ns]).ifindex))
        if name == "listen-port":
            return rng.choice((0, 0, self.device.port, rng.randrange(20000, 60000)))
        if name in ("local-addr4", "local-addr6", "local4", "local6"):
            return self._address(name[-1], self.device)
        if name in ("addr4", "addr6") and space == "endpoint":
            return self._address(name[-1], self.device.other)
        if name == "window":
            return 64 * rng.randrange(1, 513)
        if name == "prio":
            return rng.choice(PRIOS)
        if name == "mask":
            return rng.choice((0, 1, 0xff, 0xffffffff))
        if name == "mark":
            return rng.randrange(4)
        if name.endswith(("-packets", "-failed", "-time")):
            return rng.choice((1, 3, 100, 5000) if name.startswith("soft") else
                              (5, 100, 5000, 1 << 35))
        if name == "flags":
            return rng.randrange(2)
        if name == "datagram":
            return bytes((0x10 | rng.randrange(1, 6), 0, 8, 0)) + \
                rng.randbytes(rng.choice((0, 19, 20, 21, 100, 1200, rng.randrange(20000))))
        return None

    def _address(self, version, device):
        if self.rng.random() < 0.2:
            return 0 if version == "4" else bytes(16)
        if version == "4":
            return int.from_bytes(device.address4, "big")
        return device.address6

    def _nest(self, space):
        rng = self.rng
        if space == "endpoint":
            if rng.random() < 0.7:
                return self._endpoint_of(self.device.other)
            names = rng.sample(list(self.sets[space]), rng.randrange(1, 5))
            return self._encode([self._attribute(space, name) for name in names])
        if space == "prefixes":
            count = rng.choice((0, 1, 1, 2, 5, 20, 255, 256, 257, 600)
                               if rng.random() < 0.2 else (0, 1, 1, 2, 3))
            return b"".join(attribute(1, self._prefix()) for _ in range(count))
        if space == "interfaces":
            return b"".join(attribute(1, struct.pack("=I", rng.choice((1, 2, 3, 4711))))
                            for _ in range(rng.choice((0, 1, 1, 2, 16, 17))))
        return rng.randbytes(rng.randrange(40))

    def _prefix(self):
        """In ranges that packets are sent to."""
        rng = self.rng
        if rng.random() < 0.5:
            length = rng.randrange(16, 33)
            value = (10 << 24 | 50 << 16 | rng.getrandbits(16)) >> 32 - length << 32 - length
            address = self._attribute("prefix", "addr4", value.to_bytes(4, "big"))
        else:
            length = rng.randrange(16, 129)
            value = 0xfd50 << 112 | rng.getrandbits(112)
            value = value >> 128 - length << 128 - length
            address = self._attribute("prefix", "addr6", value.to_bytes(16, "big"))
        return self._encode([address, self._attribute("prefix", "len", bytes((length,)))])

    @staticmethod
    def _encode(attributes):
        return b"".join(attribute(*a) for a in attributes)

    # ---- what is not ----

    def _number(self):
        return self.rng.choice((self.rng.randrange(45), self.rng.getrandbits(14))) | \
            self.rng.choice((0, 0, NLA_F_NESTED, NLA_F_NET_BYTEORDER, 0xc000))

    def _random_attributes(self):
        rng = self.rng
        attributes = []
        if rng.random() < 0.7:
            attributes.append((1, struct.pack("=I", self.device.ifindex)))
        for _ in range(rng.choice((0, 1, 2, 5, 20))):
            size = rng.choice((0, 1, 2, 4, 8, 12, 16, 32, rng.randrange(100)))
            attributes.append((self._number(), rng.randbytes(size)))
        return attributes

    def _mutate(self, attributes):
        """Spoils one thing of a list of attributes."""
        rng = self.rng
        if not attributes:
            attributes += self._random_attributes()
            return
        at = rng.randrange(len(attributes))
        number, payload = attributes[at]
        how = rng.randrange(9)
        if how == 0:
            del attributes[at]
        elif how == 1:
            for _ in range(rng.choice((1, 1, 5, 200))):
                attributes.insert(rng.randrange(len(attributes) + 1), (number, payload))
        elif how == 2:
            attributes[at] = self._number(), payload
        elif how == 3:
            attributes[at] = number, payload[:rng.randrange(len(payload) + 1)]
        elif how == 4:
            attributes[at] = number, payload + rng.randbytes(rng.randrange(1, 40))
        elif how == 5 and payload:
            spoilt = bytearray(payload)
            for _ in range(rng.randrange(1, 4)):
                spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
            # Not the living devices, whose indices are small.
            if number & 0x3fff != 1 or len(payload) != 4:
                attributes[at] = number, bytes(spoilt)
        elif how == 6:
            value = rng.choice(INTERESTING).to_bytes(8, "little")[:len(payload)]
            attributes[at] = number, value + payload[8:]
        elif how == 7:
            for _ in range(rng.choice((1, 2, 10, 500))):
                payload = attribute(rng.choice((1, number & 0x3fff)) | NLA_F_NESTED, payload)
            attributes[at] = number, payload[:HUGE]
        else:
            attributes[at] = number, rng.randbytes(rng.choice((300, 4096, HUGE)))

    def _flags(self, mutate):
        rng = self.rng
        flags = NLM_F_REQUEST | rng.choice((NLM_F_ACK, NLM_F_ACK, NLM_F_ACK, 0, NLM_F_ECHO))
        if rng.random() < 0.15:
            flags |= NLM_F_DUMP
        if mutate and rng.random() < 0.1:
            flags = rng.getrandbits(16)
        return flags

    def _finish(self, op, command, attributes, mutate=False, ns=None):
        """Puts the headers in front. What is mutated may get wrong ones."""
        rng = self.rng
        flags = self._flags(mutate)
        kind, version, reserved, body = self.family, 1, 0, self._encode(attributes)[:HUGE]
        honest = True
        if mutate and rng.random() < 0.2:
            how = rng.randrange(7)
            if how == 0:
                command = rng.randrange(256)
            elif how == 1:
                version = rng.randrange(256)
            elif how == 2:
                reserved = rng.getrandbits(16)
            elif how == 3 and body:
                body = body[:rng.randrange(len(body))]
            elif how == 4:
                body += rng.randbytes(rng.randrange(1, 16))
            elif how == 5 and len(body) > 4:
                body = struct.pack("=H", rng.choice((0, 3, 5, 0xffff,
                                                     rng.getrandbits(16)))) + body[2:]
            else:
                honest = False
        self.seq += 1
        length = HDRLEN + GENL_HDRLEN + len(body)
        if not honest:
            length = rng.choice((0, 15, 16, 17, 19, length - 1, length + 1, 0xffffffff))
        data = struct.pack("=IHHII", length, kind, flags, self.seq, 0) + \
            struct.pack("=BBH", command, version, reserved) + body
        answered = honest and bool(flags & NLM_F_ACK) and flags & NLM_F_DUMP != NLM_F_DUMP
        return Message(self.ns if ns is None else ns, op, self.seq, data, answered)
