# SPDX-License-Identifier: GPL-2.0
"""Builds the initramfs: busybox, boot modules, and the payload.

The payload is a tree that the guest lays over its root: the project's
programs and module, what --add names, the job. With --root host the root
below it is the host's; without, the payload is the whole root.
"""

import os
import re
import shutil
import subprocess

from . import modules
from .common import ROOT, VM_DIR, VmError, build_dir
from .cpio import Archive

GUEST_DIR = "/usr/lib/cpns-vm"

# Programs of the host that a guest without the host's root gets, as far as
# they are installed; busybox does for the rest.
SMALL_ROOT_PROGRAMS = (
    "bash", "dash", "date", "kmod", "ip", "tc", "bridge", "ss", "ping", "ethtool",
    "tcpdump", "nft", "socat", "iperf3", "timeout", "stdbuf")
KMOD_NAMES = ("modprobe", "insmod", "rmmod", "lsmod", "modinfo", "depmod")

# What a guest with the host's root uses most. Each open over 9p asks the host
# several times, which on a busy machine costs half a second for a program.
NEAR_PROGRAMS = SMALL_ROOT_PROGRAMS + (
    "awk", "basename", "cat", "chmod", "cp", "cut", "date", "dirname", "dmesg",
    "env", "false", "grep", "head", "id", "ls", "mkdir", "mkfifo", "mktemp",
    "mv", "od", "python3", "readlink", "rm", "sed", "seq", "sh", "sleep",
    "sort", "stat", "stty", "sysctl", "tail", "touch", "tr", "true", "uname",
    "uniq", "wc", "xargs")
NEAR_PYTHON = """
import sys
for name in ("argparse ast collections contextlib ctypes dataclasses errno "
             "functools hashlib hmac ipaddress itertools json os random re "
             "secrets select signal socket struct subprocess tempfile "
             "threading time traceback typing encodings.ascii encodings.idna "
             "encodings.latin_1 yaml cryptography "
             "cryptography.hazmat.primitives.ciphers.aead "
             "cryptography.hazmat.primitives.kdf.hkdf "
             "cryptography.hazmat.primitives.asymmetric.x25519").split():
    try:
        __import__(name)
    except ImportError:
        pass
for module in list(sys.modules.values()):
    for path in (getattr(module, "__file__", None),
                 getattr(module, "__cached__", None)):
        if path:
            print(path)
"""

PROGRAMS = {"cpnsd": "/usr/sbin/cpnsd", "cpnsctl": "/usr/bin/cpnsctl",
            "cpns-registrar": "/usr/sbin/cpns-registrar"}


def find_busybox():
    for path in ("/bin/busybox", "/usr/bin/busybox"):
        if os.path.exists(path):
            r = subprocess.run([path, "insmod"], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
            if b"applet not found" not in r.stdout:
                return path
    raise VmError("no busybox with insmod; install busybox-static (make deps)")


def find_program(name):
    return shutil.which(name, path=modules.SBIN)


def shared_objects(path):
    """Dynamic loader and libraries that a program of the host needs."""
    r = subprocess.run(["ldd", path], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True)
    if r.returncode:
        return []
    if "not found" in r.stdout:
        raise VmError("%s lacks a library:\n%s" % (path, r.stdout))
    return re.findall(r"(/\S+)(?= \(0x)", r.stdout)


class Payload:
    """The payload part of an archive, with names as the guest will see."""

    def __init__(self, archive, host_root):
        self.archive = archive
        self.host_root = host_root
        if not host_root:
            for name in ("bin", "sbin", "lib", "lib64"):
                archive.directory("payload/usr/" + name)
                archive.symlink("payload/" + name, "usr/" + name)
            for name in ("dev", "etc", "mnt", "proc", "root", "run", "sys",
                         "tmp", "var"):
                archive.directory("payload/" + name)
            archive.symlink("payload/var/run", "/run")
            archive.data("payload/etc/passwd",
                         b"root:x:0:0:root:/root:/bin/bash\n"
                         b"nobody:x:65534:65534:nobody:/:/bin/false\n")
            archive.data("payload/etc/group", b"root:x:0:\nnogroup:x:65534:\n")
            archive.data("payload/etc/hosts", b"127.0.0.1 localhost\n")

    def place(self, name):
        """Name in the archive. Links such as /lib must not be shadowed."""
        name = os.path.normpath("/" + name.lstrip("/"))
        parent, base = os.path.split(name)
        if self.host_root:
            parent = os.path.realpath(parent)
        else:
            parent = re.sub(r"^/(bin|sbin|lib|lib64)(?=/|$)", r"/usr/\1", parent)
        return "payload" + os.path.join(parent, base)

    def add(self, path, name, perm=None):
        if not os.path.exists(path):
            raise VmError("can't put %s into the VM: no such file" % path)
        self.archive.copy(path, self.place(name), perm)
        if not self.host_root and os.path.isfile(path):
            self.add_libraries(path)

    def add_libraries(self, path):
        for library in shared_objects(path):
            self.archive.copy(os.path.realpath(library), self.place(library),
                              0o755)

    def add_near(self, path):
        """A file of the host at its own place, with the links on the way."""
        for _ in range(10):
            place = self.place(path)
            if not os.path.islink(path):
                self.archive.copy(path, place)
                return
            target = os.readlink(path)
            self.archive.symlink(place, target)
            path = os.path.join(os.path.dirname(path), target)

    def add_near_programs(self):
        """Copies of what is used most, above the host's root."""
        for name in NEAR_PROGRAMS:
            path = find_program(name)
            if not path:
                continue
            self.add_near(path)
            for library in shared_objects(path):
                self.add_near(library)
        files = subprocess.run(["/usr/bin/python3", "-c", NEAR_PYTHON],
                               stdout=subprocess.PIPE, text=True,
                               check=True).stdout.split()
        for path in files:
            if os.path.exists(path):
                self.add_near(path)
            if path.endswith(".so"):
                for library in shared_objects(path):
                    self.add_near(library)

    def add_small_root(self, busybox):
        for name in SMALL_ROOT_PROGRAMS:
            path = find_program(name)
            if path:
                self.add(os.path.realpath(path), "/usr/bin/" + name)
        for name in KMOD_NAMES:
            self.archive.symlink("payload/usr/sbin/" + name, "../bin/kmod")
        self.archive.symlink("payload/usr/bin/sh", "dash")
        applets = subprocess.run([busybox, "--list"], stdout=subprocess.PIPE,
                                 text=True, check=True).stdout.split()
        for applet in applets:
            # the archive keeps what is there already
            self.archive.symlink("payload/usr/bin/" + applet,
                                 GUEST_DIR + "/busybox")


def find_built(name):
    """A program of ours among the build output, or None."""
    for place in (name, "bin", ""):
        path = os.path.join(build_dir(), place, name)
        if os.path.isfile(path):
            return path
    return None


def add_project(payload, kernel, ko, say):
    """Install what is built of the project."""
    if ko is None:
        ko = os.path.join(build_dir(), "modules", kernel.release, "cpns.ko")
        if not os.path.exists(ko):
            say("no cpns.ko for %s; 'make modules KVER=%s' builds it"
                % (kernel.release, kernel.name))
            ko = None
    elif not os.path.exists(ko):
        raise VmError("no module %s" % ko)
    target = "/usr/lib/modules/" + kernel.release
    if ko:
        payload.add(ko, target + "/updates/cpns.ko", 0o644)
    # a kernel with modules of its own brings its index too
    if ko or not kernel.modules:
        index = modules.index_for(kernel, ko)
        for name in os.listdir(index):
            payload.add(os.path.join(index, name), target + "/" + name, 0o644)
    for name, target in PROGRAMS.items():
        path = find_built(name)
        if path:
            payload.add(path, target, 0o755)
        else:
            say("no %s built; 'make userspace' builds it" % name)


def build(path, kernel, settings, *, host_root, add, job, ko, say):
    """Write the initramfs.

    settings: {name: value} of shell variables for the guest's scripts
    add:      [(host path, guest path)]
    job:      host path of the job, or None
    ko:       a module to take instead of the built one, or None
    say:      takes remarks for the user
    """
    busybox = find_busybox()
    archive = Archive(path)
    for name in ("dev", "proc", "sys", "lower", "rw", "newroot", "payload"):
        archive.directory(name)
    archive.device("dev/console", 5, 1)
    archive.copy(busybox, "bin/busybox", 0o755)
    archive.symlink("bin/sh", "busybox")
    archive.copy(os.path.join(VM_DIR, "guest/init"), "init", 0o755)

    names = []
    for name, data in modules.boot_files(kernel):
        names.append(name)
        archive.data("modules/" + name, data)
    archive.data("modules/list", "".join(n + "\n" for n in names).encode())

    shell = "".join("%s='%s'\n" % (k, str(v).replace("'", "'\\''"))
                    for k, v in settings.items()).encode()
    archive.data("env", shell)

    payload = Payload(archive, host_root)
    archive.data(payload.place(GUEST_DIR + "/env"), shell)
    archive.copy(os.path.join(VM_DIR, "guest/stage2"),
                 payload.place(GUEST_DIR + "/stage2"), 0o755)
    archive.copy(busybox, payload.place(GUEST_DIR + "/busybox"), 0o755)
    if job:
        payload.add(job, GUEST_DIR + "/job", 0o755)
    for source, target in add:
        payload.add(source, target)
    add_project(payload, kernel, ko, say)
    if host_root:
        payload.add_near_programs()
    else:
        payload.add_small_root(busybox)
    archive.close()
