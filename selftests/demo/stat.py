#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Prints one counter of a device, from the JSON of 'cpnsctl -j stats' on stdin."""

import json
import sys


def find(tree, name):
    """The first value of a name, in what order they come."""
    if isinstance(tree, list):
        tree = dict(enumerate(tree))
    if not isinstance(tree, dict):
        return None
    if name in tree:
        return tree[name]
    return next((v for v in (find(t, name) for t in tree.values()) if v is not None), None)


value = find(json.load(sys.stdin), sys.argv[1].replace("-", "_"))
if value is None:
    sys.exit(f"no counter {sys.argv[1]} in what cpnsctl says")
print(value)
