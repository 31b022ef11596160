# SPDX-License-Identifier: GPL-2.0
"""Writes an initramfs (cpio, newc) without root and without cpio(1)."""

import os
import stat


class Archive:
    """Everything belongs to root; parent directories come by themselves."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.ino = 0
        self.seen = {""}

    def _entry(self, name, mode, data=b"", rdev=(0, 0), mtime=0):
        self.ino += 1
        fields = (self.ino, mode, 0, 0, 1, mtime, len(data), 0, 0,
                  rdev[0], rdev[1], len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % f for f in fields)
        head += name.encode() + b"\0"
        self.file.write(head + b"\0" * (-len(head) % 4))
        self.file.write(data + b"\0" * (-len(data) % 4))

    def directory(self, name, perm=0o755):
        name = name.strip("/")
        if name in self.seen:
            return
        self.directory(os.path.dirname(name))
        self.seen.add(name)
        self._entry(name, stat.S_IFDIR | perm)

    def _claim(self, name):
        """Is name new? Then its parents are made too."""
        if name in self.seen:
            return False
        self.directory(os.path.dirname(name))
        self.seen.add(name)
        return True

    def data(self, name, data, perm=0o644, mtime=0):
        name = name.strip("/")
        if self._claim(name):
            self._entry(name, stat.S_IFREG | perm, data, mtime=mtime)

    def symlink(self, name, target):
        name = name.strip("/")
        if self._claim(name):
            self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, major, minor):
        name = name.strip("/")
        if self._claim(name):
            self._entry(name, stat.S_IFCHR | 0o600, rdev=(major, minor))

    def copy(self, path, name, perm=None):
        """File or directory tree from the host."""
        if os.path.isdir(path):
            self.directory(name)
            for child in sorted(os.listdir(path)):
                child_path = os.path.join(path, child)
                child_name = os.path.join(name, child)
                if os.path.islink(child_path):
                    self.symlink(child_name, os.readlink(child_path))
                else:
                    self.copy(child_path, child_name)
            return
        info = os.stat(path)
        if perm is None:
            perm = stat.S_IMODE(info.st_mode)
        with open(path, "rb") as f:
            # Python compares the time of a source with its compiled form
            self.data(name, f.read(), perm, int(info.st_mtime))

    def close(self):
        self._entry("TRAILER!!!", 0)
        self.file.close()
