# SPDX-License-Identifier: GPL-2.0
"""CPNS Secure Session 1, written a second time from the protocol page alone.

Nothing here is shared with libcpns or the kernel module: two implementations
that agree on every byte are the proof that the page says enough.
"""
