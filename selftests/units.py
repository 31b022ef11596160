#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""README.md's "Use it", word for word, on two machines that systemd runs: a
Server and a PN GW. Then what the units promise: sessions live while a unit is
restarted or killed, and no process may do more than it must."""

import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, network
from cpnstest.ktap import check, equal, wait_until
from cpnstest.netns import Netns, sh
from ss1.identity import domain_of, eid_of, overlay_address

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MACHINES = "/run/cpns-machines"
COMMANDS_MAX = 10
PASSWORD = "correct horse battery\n"
SERVER_ID, GW_ID = "srv@home.example", "gw@home.example"
UNITS = "cpnsd.service cpnsd@home.service cpns-registrar.service"
CAP_NET_ADMIN = 1 << 12
# systemd of an emulated machine, on a host that has other things to do.
PATIENCE_S = 200

# Runs as the first process of new namespaces. The machine has the host's files
# below a layer of its own, without what the host's administrator has enabled,
# and without the programs that the VM's runner has put there. sudo is not on
# each host, and all that it does here is to be root.
BEGIN = r"""
set -e
mount --make-rprivate /
mkdir $dir/layer $dir/work $dir/root
mount -t overlay -o lowerdir=/,upperdir=$dir/layer,workdir=$dir/work machine $dir/root
cd $dir/root
rm -rf etc/systemd/system/* etc/rc?.d/* etc/fstab etc/cpns
rm -f usr/sbin/cpnsd usr/sbin/cpns-registrar usr/bin/cpnsctl
sed -i '/^cpns/d' etc/passwd etc/group etc/shadow etc/gshadow
echo 10.80.0.1 srv.example.net >>etc/hosts
mkdir -p usr/local/bin
# Of the kernel's modules those that ours needs: the index is made quickly.
modules=lib/modules/$(uname -r)
needs=$(modprobe --show-depends cpns | sed -n 's/^insmod \(.*kernel.*\) *$/\1/p')
mkdir $dir/modules
cp --parents -a /$modules/build /$modules/modules.builtin* /$modules/modules.order \
	$needs $dir/modules
mount --bind $dir/modules/$modules $modules
printf '#!/bin/sh\nexec "$@"\n' >usr/local/bin/sudo
chmod 755 usr/local/bin/sudo
mount -t proc proc proc
mount -t sysfs -o ro sys sys
mount -t cgroup2 cgroup sys/fs/cgroup
mount -t tmpfs -o mode=755 dev dev
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 pts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o mode=755 run run
mount -t tmpfs -o mode=1777 tmp tmp
mount --bind $tree cpns
pivot_root . mnt
umount -l /mnt
exec env -i container=cpns-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	/lib/systemd/systemd --unit=multi-user.target --show-status=no
"""


def readme():
    """The commands of "Use it": for both, for the Server, for the PN GW."""
    with open(os.path.join(TREE, "README.md"), encoding="utf-8") as file:
        text = re.search(r"^## Use it\n(.*?)^## ", file.read(), re.M | re.S).group(1)
    blocks = re.findall(r"(?:^    .*\n)+", text, re.M)
    equal("blocks of commands", 3, len(blocks))
    # A command goes on after a backslash, and up to the end of a here-document.
    whole = re.compile(r"(?:.*\\\n)*.*<<\.\n(?:.*\n)*?\.\n|(?:.*\\\n)*.*\n")
    return [whole.findall(re.sub(r"^    ", "", block, flags=re.M)) for block in blocks]


class Machine:
    """systemd as the first process of a namespace of each kind."""

    def __init__(self, name, entity):
        self.name = name
        self.netns = Netns(name)
        self.overlay = overlay_address(domain_of(SERVER_ID.encode()), eid_of(entity.encode()))
        self.unshare = self.pid = None
        self.count = 0

    def begin(self):
        cgroup = f"/sys/fs/cgroup/{self.name}"
        where = os.path.join(MACHINES, self.name)
        os.mkdir(cgroup)
        os.makedirs(where)
        with open(where + ".log", "w", encoding="utf-8") as log:
            self.unshare = self.netns.popen(
                "bash", "-c", f"echo $$ >{cgroup}/cgroup.procs; "
                'exec unshare -f -p -m -u -i -C --kill-child bash -c "$0"', BEGIN,
                env={**os.environ, "dir": where, "tree": TREE}, stdout=log, stderr=log)

    def wait(self):
        first = self.unshare.pid

        def runs():
            check(self.unshare.poll() is None, self.log())
            with open(f"/proc/{first}/task/{first}/children", encoding="ascii") as file:
                self.pid = file.read().strip()
            return self.pid and self.run("systemctl is-system-running",
                                         fails=True).strip() in ("running", "degraded")
        wait_until(runs, f"{self.name} is up", PATIENCE_S)
        failed = self.run("systemctl --failed --plain --no-legend")
        check("cpns" not in failed, failed)

    def log(self):
        with open(os.path.join(MACHINES, self.name + ".log"), encoding="utf-8") as log:
            return log.read()

    def _words(self, command, root=True):
        user = [] if root else ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        return ["nsenter", "-t", self.pid, "-m", "-u", "-i", "-n", "-p", "-C", "-w",
                "env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                *user, "bash", "-c", "cd /cpns\n" + command]

    def run(self, command, typed="", root=True, fails=False):
        """A shell command on the machine; its output."""
        done = subprocess.run(self._words(command, root), input=typed, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        check(fails or not done.returncode,
              f"{self.name}: {command}: exit {done.returncode}\n{done.stdout}" +
              self.run("journalctl -q --no-pager -n 30", fails=True) if done.returncode and
              not fails else "")
        return done.stdout

    def popen(self, command):
        return subprocess.Popen(self._words(command), stdout=subprocess.PIPE, text=True)

    def type(self, command, pin):
        """A command of README.md, by the user where it doesn't say sudo."""
        self.count += 1
        # What is built is at hand, on a disk that can't be written.
        command = command.replace("make && ", "").replace("sha256//...", pin)
        return self.run(command, typed=PASSWORD, root="sudo" in command)

    def show(self, unit, name):
        return self.run(f"systemctl show -P {name} {unit}").strip()

    def status(self, unit):
        """/proc/PID/status of the main process."""
        with open(f"/proc/{self.main_pid(unit)}/status", encoding="ascii") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)

    def main_pid(self, unit):
        """As it is called outside of the machine."""
        inside = self.show(unit, "MainPID")
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/status", encoding="ascii") as file:
                    found = re.search(r"^NSpid:\t(\d+)\t(\d+)$", file.read(), re.M)
                if found and found.group(2) == inside and \
                   os.readlink(f"/proc/{pid}/ns/pid") == os.readlink(f"/proc/{self.pid}/ns/pid"):
                    return pid
            except OSError:
                pass        # it has ended meanwhile
        raise AssertionError(f"{unit} has no process {inside}")

    def session(self):
        """The sid of the session with the only peer."""
        return self.run("cpnsctl show cpns0 sid").split()[1]

    def reaches(self, other):
        return ", 0% packet loss" in self.run(f"ping -q -c 1 -W 2 {other.overlay}", fails=True)


SERVER = GW = None


def machines_start():
    os.makedirs("/sys/fs/cgroup", exist_ok=True)
    if not os.path.exists("/sys/fs/cgroup/cgroup.procs"):
        sh("mount", "-t", "cgroup2", "cgroup", "/sys/fs/cgroup")
    os.makedirs(MACHINES)
    # Layers can't be on the root, which is one of layers.
    sh("mount", "-t", "tmpfs", "machines", MACHINES)
    network.link(SERVER.netns, GW.netns, "eth0", "eth0", "10.80.0")
    for machine in (SERVER, GW):
        machine.begin()
    for machine in (SERVER, GW):
        machine.wait()


def a_new_user_follows_the_readme():
    both, server, gateway = readme()
    pin = ""
    for machine, commands in ((SERVER, both + server), (GW, both + gateway)):
        for command in commands:
            said = machine.type(command, pin)
            if "--pin" in command and not pin:
                pin = said.split()[-1]
        check(machine.count <= COMMANDS_MAX, f"{machine.count} commands on {machine.name}")
        print(f"# {machine.count} commands on {machine.name}")
    wait_until(lambda: "state: up" in said or "up" in GW.run("cpnsctl show cpns0 state").split(),
               said, PATIENCE_S)
    for machine, other in ((SERVER, GW), (GW, SERVER)):
        wait_until(lambda m=machine, o=other: m.reaches(o), "ping passes", PATIENCE_S)


def units_are_enabled_and_without_fault():
    for machine, units in ((SERVER, ("cpns-registrar", "cpnsd")), (GW, ("cpnsd",))):
        for unit in units:
            equal(unit, "enabled", machine.run(f"systemctl is-enabled {unit}").strip())
            equal(unit, "active", machine.show(unit, "ActiveState"))
            equal(f"restarts of {unit}", "0", machine.show(unit, "NRestarts"))
    said = SERVER.run(f"cd /usr/local/lib/systemd/system; systemd-analyze verify {UNITS}",
                      fails=True)
    equal("faults", [], [line for line in said.splitlines() if "cpns" in line])


def sessions_live_while_a_unit_is_restarted():
    for machine in (SERVER, GW):
        sid = machine.session()
        for action in ("stop", "start", "restart", "reload"):
            ping = GW.popen(f"ping -q -i 0.05 -c 30 -W 2 {SERVER.overlay}")
            machine.run(f"systemctl {action} cpnsd")
            check(" 0% packet loss" in ping.communicate()[0], f"{action} on {machine.name}")
            # A reload makes a new session with the Server, which may be elsewhere now.
            check(sid == machine.session() or action == "reload",
                  f"another session after {action} on {machine.name}")


def sessions_live_while_a_unit_is_killed():
    for machine in (SERVER, GW):
        sid, pid = machine.session(), machine.main_pid("cpnsd")
        ping = GW.popen(f"ping -q -i 0.02 -c 200 -W 2 {SERVER.overlay}")
        time.sleep(0.5)
        machine.run("systemctl kill -s KILL cpnsd")
        said = ping.communicate()[0]
        check(" 0% packet loss" in said, f"{machine.name}: {said}")
        wait_until(lambda m=machine: m.show("cpnsd", "SubState") == "running",
                   "it is started again", PATIENCE_S)
        check(machine.main_pid("cpnsd") != pid, "another process")
        equal("session", sid, machine.session())
    SERVER.run("systemctl kill -s KILL cpns-registrar")
    wait_until(lambda: SERVER.show("cpns-registrar", "SubState") == "running",
               "the registrar is started again", PATIENCE_S)
    wait_until(lambda: GW_ID in SERVER.run("cpnsctl entity list", fails=True),
               "the registrar knows whom it knew", PATIENCE_S)


def processes_may_do_what_they_must():
    for machine, unit, user, caps in ((SERVER, "cpnsd", "cpns", CAP_NET_ADMIN),
                                      (GW, "cpnsd", "cpns", CAP_NET_ADMIN),
                                      (SERVER, "cpns-registrar", "cpns-registrar", 0)):
        what = f"{unit} of {machine.name}: "
        status = machine.status(unit)
        uid = machine.run(f"id -u {user}").strip()
        equal(what + "user", [uid] * 4, status["Uid"].split())
        check(uid != "0", "not root")
        for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
            equal(what + name, caps, int(status[name], 16))
        equal(what + "no new privileges", "1", status["NoNewPrivs"])
        equal(what + "system calls are filtered", "2", status["Seccomp"])
        inside = f"nsenter -t {machine.show(unit, 'MainPID')} -m"
        for path in ("/usr/local/bin", "/etc/cpns", "/var/lib", "/boot"):
            said = machine.run(f"{inside} touch {path}/x", fails=True)
            check("Read-only file system" in said, f"{what}{path}: {said}")
        machine.run("touch /root/private")
        equal(what + "/root", "", machine.run(f"{inside} ls /root"))
        said = machine.run(f"{inside} ls /dev")
        check("null" in said and "tty" not in said.replace("tty\n", ""), what + said)


def machine_starts_again():
    """What a start needs is on the disk: keys, configuration, enabled units."""
    GW.run("systemctl stop cpnsd; ip link del cpns0")
    GW.run("systemctl isolate rescue.target", fails=True)
    equal("stopped", "inactive", GW.show("cpnsd", "ActiveState"))
    GW.run("systemctl isolate multi-user.target")
    wait_until(lambda: GW.reaches(SERVER), "ping passes", PATIENCE_S)


TESTS = [machines_start, a_new_user_follows_the_readme, units_are_enabled_and_without_fault,
         sessions_live_while_a_unit_is_restarted, sessions_live_while_a_unit_is_killed,
         processes_may_do_what_they_must, machine_starts_again]


def main():
    global SERVER, GW
    SERVER, GW = Machine("srv", SERVER_ID), Machine("gw", GW_ID)
    ktap.run(TESTS)


if __name__ == "__main__":
    main()
