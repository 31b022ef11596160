# SPDX-License-Identifier: GPL-2.0
"""The QEMU process: its arguments, its life, and whether KVM works."""

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile

from . import kernel as kernels
from .cpio import Archive
from .common import VmError, cache_dir
from .initramfs import find_busybox

PROBE_SECONDS = 10
PROBE_MARK = "cpns-kvm-probe-ok"


def program():
    path = shutil.which("qemu-system-x86_64")
    if not path:
        raise VmError("no qemu-system-x86_64; install qemu-system-x86 "
                      "(make deps)")
    return path


def quote(text):
    """A value inside a QEMU option: commas are doubled."""
    return str(text).replace(",", ",,")


def die_with_parent():
    """Between fork and exec: QEMU must not outlive the runner."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def kvm_boots():
    """Boot a stock kernel under KVM that only prints a line."""
    images = [i for i in map(kernels.find_debian, ("6.12", "6.1")) if i]
    if not images:
        return False
    with tempfile.TemporaryDirectory(prefix="cpns-kvm-") as tmp:
        initrd = os.path.join(tmp, "initrd")
        archive = Archive(initrd)
        archive.directory("dev")
        archive.device("dev/console", 5, 1)
        archive.copy(find_busybox(), "bin/busybox", 0o755)
        archive.data("init", ("#!/bin/busybox sh\necho %s\n"
                              "poweroff -f\n" % PROBE_MARK).encode(), 0o755)
        archive.close()
        try:
            r = subprocess.run(
                [program(), "-nodefaults", "-no-reboot", "-display", "none",
                 "-accel", "kvm", "-cpu", "host", "-m", "512",
                 "-kernel", images[0], "-initrd", initrd,
                 "-append", "console=ttyS0 panic=-1 quiet",
                 "-serial", "stdio"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, timeout=PROBE_SECONDS,
                preexec_fn=die_with_parent)
        except subprocess.TimeoutExpired:
            return False
    return PROBE_MARK.encode() in r.stdout


def kvm_works():
    """kvm_boots(), asked once for each boot of this machine."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    with open("/proc/sys/kernel/random/boot_id") as f:
        boot = f.read().strip()
    note = os.path.join(cache_dir(), "kvm")
    with open(note, "a+") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        f.seek(0)
        words = f.read().split()
        if len(words) == 2 and words[0] == boot:
            return words[1] == "yes"
        works = kvm_boots()
        f.truncate(0)
        f.write("%s %s\n" % (boot, "yes" if works else "no"))
    return works


def accel_args(icount):
    """Arguments that choose KVM or TCG, and what to call it."""
    if icount:
        return ["-accel", "tcg,thread=single", "-cpu", "max,la57=off",
                "-icount", "shift=0,sleep=off"], "tcg icount"
    want = os.environ.get("CPNS_ACCEL", "")
    if want not in ("", "kvm", "tcg"):
        raise VmError("CPNS_ACCEL=%s: use kvm or tcg" % want)
    if want == "kvm" or (want == "" and kvm_works()):
        return ["-accel", "kvm", "-cpu", "host"], "kvm"
    return ["-accel", "tcg,thread=multi", "-cpu", "max,la57=off"], "tcg"


def share_args(tag, path, readonly):
    """A 9p share of a directory of the host."""
    dev = "local,id=%s,path=%s,security_model=none,multidevs=remap" % (
        tag, quote(path))
    if readonly:
        dev += ",readonly=on"
    return ["-fsdev", dev,
            "-device", "virtio-9p-pci,fsdev=%s,mount_tag=%s" % (tag, tag)]


def command(kernel, initrd, append, accel, cpus, mem, shares, console,
            interactive, extra):
    """The whole command line.

    shares:  [(tag, path, readonly)]
    console: file for the kernel's messages
    """
    job = "stdio,id=job,signal=off" if interactive else "stdio,id=job"
    args = [program(), "-nodefaults", "-no-user-config", "-no-reboot",
            "-display", "none", "-nic", "none"] + accel
    args += ["-smp", str(cpus), "-m", str(mem),
             "-kernel", kernel.image, "-initrd", initrd, "-append", append,
             "-chardev", "file,id=con,path=%s" % quote(console),
             "-serial", "chardev:con",
             "-chardev", job, "-serial", "chardev:job",
             "-device", "virtio-rng-pci"]
    for share in shares:
        args += share_args(*share)
    return args + extra
