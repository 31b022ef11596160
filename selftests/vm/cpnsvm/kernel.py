# SPDX-License-Identifier: GPL-2.0
"""Which kernel is meant by --kernel, and where its modules are."""

import glob
import os
import re
import struct
import subprocess

from .common import VM_DIR, VmError


class Kernel:
    """One bootable kernel.

    name:    as the user wrote it
    image:   path of the bzImage
    release: uname -r
    modules: its directory under /lib/modules, or None (all built in)
    lists:   directory with modules.builtin and modules.order, or None
    debug:   our debug kernel: lockdep, KASAN, kmemleak, gcov are there
    """

    def __init__(self, name, image, lists=None):
        self.name = name
        self.image = image
        self.debug = lists is not None
        self.release = read_release(image)
        modules = os.path.join("/lib/modules", self.release)
        self.modules = modules if os.path.isdir(modules) else None
        self.lists = lists or self.modules


def read_release(image):
    """Release in a bzImage's header (Documentation/arch/x86/boot.rst)."""
    try:
        with open(image, "rb") as f:
            head = f.read(65536)
    except OSError as e:
        raise VmError("can't read the kernel %s: %s" % (image, e.strerror))
    if head[0x202:0x206] != b"HdrS":
        raise VmError("%s is not an x86 bzImage" % image)
    offset = struct.unpack_from("<H", head, 0x20e)[0] + 0x200
    return head[offset:head.index(b"\0", offset)].split()[0].decode()


def natural_key(text):
    return [int(x) if x.isdigit() else x for x in re.split(r"(\d+)", text)]


def find_debian(version):
    """Newest stock image of Debian with that version, or None."""
    images = [p for p in glob.glob("/boot/vmlinuz-%s.*-amd64" % version)
              if not re.search(r"-(cloud|rt)-amd64$", p)]
    return max(images, key=natural_key, default=None)


def find(name):
    """The kernel called name: 6.1, 6.12 (Debian's), debug, or a path."""
    if name == "debug":
        r = subprocess.run([os.path.join(VM_DIR, "debug-kernel"), "--path"],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True)
        if r.returncode:
            raise VmError("no debug kernel: %s" % r.stderr.strip())
        top = r.stdout.strip()
        return Kernel(name, os.path.join(top, "bzImage"),
                      os.path.join(top, "out"))
    if re.fullmatch(r"\d+\.\d+", name):
        image = find_debian(name)
        if not image:
            raise VmError("no /boot/vmlinuz-%s.*-amd64 here; "
                          "'make deps' installs it" % name)
        return Kernel(name, image)
    if not os.path.exists(name):
        raise VmError("no kernel %s; use 6.1, 6.12, debug or the path of a "
                      "bzImage" % name)
    return Kernel(name, os.path.abspath(name))
