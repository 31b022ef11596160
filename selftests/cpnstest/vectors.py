# SPDX-License-Identifier: GPL-2.0
"""The file of test vectors."""

import json
import os

from ss1.keys import TrafficKeys
from ss1.suites import SUITES

from . import ROOT
from .ktap import Skip

DEFAULT = os.path.join(os.path.dirname(ROOT), "shared", "vectors", "ss1.json")
FORMAT = "CPNS-SS1 vectors 1"


def load(path=None):
    """The file named, or by VECTORS, or that beside the project."""
    path = path or os.environ.get("VECTORS") or DEFAULT
    try:
        with open(path, encoding="utf-8") as stream:
            vectors = json.load(stream)
    except FileNotFoundError:
        raise Skip(f"no vectors at {path}: name the file with VECTORS=FILE") from None
    if vectors.get("format") != FORMAT:
        raise AssertionError(f"{path}: the format is not {FORMAT!r}")
    return vectors


class Handshake:
    """Ends and traffic keys of a handshake in the file."""

    def __init__(self, vector):
        self.name = vector["name"]
        self.suite = int(vector["suite"], 16)
        self.eid = {"i": bytes.fromhex(vector["initiator"]["eid"]),
                    "r": bytes.fromhex(vector["responder"]["eid"])}
        self.sid = {end: bytes.fromhex(vector[f"sid_{end}"]) for end in "ir"}
        self.key_id = bytes.fromhex(vector["key_record"]["key_id"])
        self.values = vector["values"]

    def keys(self, direction):
        """What protects the datagrams of one direction."""
        protection = SUITES[self.suite].protection
        return TrafficKeys(protection, *(bytes.fromhex(self.values.get(f"{name}_{direction}", ""))
                                         for name in ("key", "iv", "mac_key")))


def handshakes(vectors):
    return {v["name"]: Handshake(v) for v in vectors["handshakes"]}


def other(direction):
    return "r" if direction == "i" else "i"
