# SPDX-License-Identifier: GPL-2.0
"""Helpers for tests of the module that need no daemon.

nl     the netlink family, through ynl's Python client
netns  namespaces, and code that runs in one
pair   two devices with a session, and the keys in the test's hand
ktap   results
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# The independent implementation of the protocol, which crafts what is sent.
sys.path.insert(0, os.path.join(ROOT, "selftests", "interop"))
