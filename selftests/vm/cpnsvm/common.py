# SPDX-License-Identifier: GPL-2.0
"""Places that several parts need, and the error that the user sees."""

import os

VM_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(os.path.dirname(VM_DIR))


class VmError(Exception):
    """Something that the user has to put right; the text says how."""


def cache_dir():
    """Directory for what outlives a build tree; made if it isn't there."""
    path = os.environ.get("CPNS_CACHE") or os.path.expanduser("~/.cache/cpns")
    os.makedirs(path, exist_ok=True)
    return path


def build_dir():
    """Where make puts its output."""
    return os.path.abspath(os.environ.get("O") or os.path.join(ROOT, "build"))
