# SPDX-License-Identifier: GPL-2.0
"""Kernel modules: those that the boot needs, and the index with ours."""

import hashlib
import lzma
import os
import shutil
import subprocess
import tempfile

from .common import VmError, cache_dir

# What stage 1 of the guest's start needs before it sees the host's files.
BOOT_MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay", "virtio_net",
                "virtio-rng")

# What the index of the guest covers. Leaving out graphics, sound and real
# network cards makes depmod three times as fast.
INDEXED = ("arch", "block", "crypto", "fs", "lib", "mm", "net", "security",
           "drivers/block", "drivers/char", "drivers/crypto",
           "drivers/net", "drivers/virt", "drivers/virtio")
NOT_INDEXED = ("ethernet", "wireless", "usb", "can", "phy", "dsa", "fddi",
               "arcnet", "hamradio", "ieee802154", "wwan", "pcs", "mdio")

SBIN = "/usr/sbin:/sbin:/usr/bin:/bin"


def tool(args, **kwargs):
    env = dict(os.environ, PATH=SBIN + ":" + os.environ.get("PATH", ""))
    try:
        return subprocess.run(args, env=env, check=True, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              **kwargs).stdout
    except FileNotFoundError:
        raise VmError("%s is missing; 'make deps' installs it" % args[0])
    except subprocess.CalledProcessError as e:
        raise VmError("%s: %s" % (" ".join(args), e.stderr.strip()))


def boot_files(kernel):
    """[(name, bytes)] of the modules for the boot, in loading order."""
    if not kernel.modules:
        return []
    paths = []
    for module in BOOT_MODULES:
        out = tool(["modprobe", "-S", kernel.release, "--show-depends", module])
        for line in out.splitlines():
            word = line.split()
            if word[0] == "insmod" and word[1] not in paths:
                paths.append(word[1])
    files = []
    for path in paths:
        with open(path, "rb") as f:
            data = f.read()
        name = os.path.basename(path)
        # busybox's insmod doesn't unpack
        if name.endswith(".xz"):
            data = lzma.decompress(data)
            name = name[:-3]
        files.append((name, data))
    return files


def stage_kernel_dirs(kernel, target):
    """Symbolic links in target to the host's directories with modules."""
    for part in INDEXED:
        source = os.path.join(kernel.modules, "kernel", part)
        if not os.path.isdir(source):
            continue
        place = os.path.join(target, "kernel", part)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if part != "drivers/net":
            os.symlink(source, place)
            continue
        os.makedirs(place)
        for child in os.listdir(source):
            if child not in NOT_INDEXED:
                os.symlink(os.path.join(source, child),
                           os.path.join(place, child))


def index_for(kernel, ko):
    """Directory with the modules.* index of kernel plus our module, if any.

    It depends on what the module needs and is called, not on its code, so
    it is kept in the cache and most rebuilds use it again.
    """
    facts = [kernel.release]
    if ko:
        for field in ("depends", "alias", "softdep"):
            facts.append(tool(["modinfo", "-F", field, ko]))
    key = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
    done = os.path.join(cache_dir(), "index-%s-%s" % (kernel.release, key))
    if os.path.isdir(done):
        return done
    with tempfile.TemporaryDirectory(dir=cache_dir()) as tmp:
        tree = os.path.join(tmp, "lib/modules", kernel.release)
        os.makedirs(os.path.join(tree, "updates"))
        if ko:
            shutil.copy(ko, os.path.join(tree, "updates/cpns.ko"))
        if kernel.modules:
            stage_kernel_dirs(kernel, tree)
        for name in ("order", "builtin", "builtin.modinfo"):
            source = os.path.join(kernel.lists or "", "modules." + name)
            target = os.path.join(tree, "modules." + name)
            if kernel.lists and os.path.exists(source):
                shutil.copy(source, target)
            else:
                open(target, "w").close()
        tool(["depmod", "-b", tmp, kernel.release])
        out = os.path.join(tmp, "out")
        os.mkdir(out)
        for name in os.listdir(tree):
            if name.startswith("modules."):
                shutil.move(os.path.join(tree, name), out)
        try:
            os.rename(out, done)
        except OSError:
            # another run was faster; its index is the same
            if not os.path.isdir(done):
                raise
    return done
