# SPDX-License-Identifier: GPL-2.0
"""The two ways in which a datagram ends without effect."""


class Malformed(Exception):
    """The bytes are no message: dropped in every state, never answered."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class Drop(Exception):
    """A well-formed message that state, key or policy refuses.

    hint is the HINT code that may be sent back, or None for silence.
    """

    def __init__(self, reason, hint=None):
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
