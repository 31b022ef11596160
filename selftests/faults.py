#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Each allocation fails once: nothing is lost, half done, or left behind."""

import os
import socket
import sys
import time
from contextlib import contextmanager

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, nl, rtnl
from cpnstest.ktap import check, equal
from cpnstest.netns import Netns, sh
from cpnstest.pair import PORT, Pair, Session, load_module
from cpnstest.traffic import SLOW, Counters, Stream, TcpStream, udp_socket

FAILSLAB = "/sys/kernel/debug/failslab"
FAIL_NTH = "/proc/thread-self/fail-nth"
MOST = 200      # allocations of one request; more is no end of them


def write(path, value):
    with open(path, "w", encoding="ascii") as f:
        f.write(str(value))


def text_of_module():
    """First and last address of the module's code."""
    with open("/proc/kallsyms", encoding="ascii") as f:
        addresses = [int(line.split()[0], 16) for line in f
                     if line.endswith("[cpns]\n") and line.split()[1] in "tT"]
    return min(addresses), max(addresses) + 4096


def arm_filter(depth=10):
    """Only what is allocated on behalf of the module's code may fail, so many
    calls deep: what the stack does below is its own affair."""
    if not os.path.isdir(FAILSLAB):
        raise ktap.Skip("this kernel has no failslab: that is for the debug kernel")
    first, last = text_of_module()
    for name, value in (("verbose", 0), ("ignore-gfp-wait", "N"), ("task-filter", "N"),
                        ("probability", 0), ("interval", 1), ("times", -1), ("space", 0),
                        ("stacktrace-depth", depth),
                        ("require-start", hex(first)), ("require-end", hex(last))):
        write(f"{FAILSLAB}/{name}", value)


class Fault:
    """The nth allocation of this thread fails; .hit says if there were so many."""

    def __init__(self, nth):
        self.nth, self.hit = nth, False

    def __enter__(self):
        self.file = os.open(FAIL_NTH, os.O_RDWR)
        os.write(self.file, str(self.nth).encode())
        return self

    def __exit__(self, *exception):
        left = int(os.pread(self.file, 32, 0))
        os.pwrite(self.file, b"0", 0)
        os.close(self.file)
        self.hit = left == 0


def each_allocation(what, operate, after_failure, undo):
    """Runs operate() with its first, second ... allocation failing, until there
    are no more of them. It either fails, and after_failure() looks at what is
    left, or it manages without, and undo() takes it back."""
    failed = 0
    for nth in range(1, MOST):
        refused = None
        with Fault(nth) as fault:
            try:
                operate()
            except (OSError, nl.Refused) as err:
                refused = err
        if refused:
            check(fault.hit, f"{what} fails by itself: {refused}")
            failed += 1
            after_failure()
        else:
            undo()
        if not fault.hit:
            print(f"# {what}: {nth - 1} allocations, {failed} failures", flush=True)
            check(failed, f"no allocation of {what} failed")
            return
    check(False, f"{what} does not come to an end")


def new_device():
    arm_filter()
    ns = Netns("f")

    def index():
        """0 where there is no device."""
        try:
            return ns.ifindex("cpns0")
        except OSError:
            return 0

    def clean_up():
        if index():
            rtnl.delete(ns, index())
    each_allocation("newlink", lambda: rtnl.add(ns, "cpns0", up=False),
                    lambda: equal("index of half a device", 0, index()), clean_up)
    # Where only the second step fails there is a device, which is down.
    each_allocation("newlink and up", lambda: rtnl.add(ns, "cpns0"), clean_up, clean_up)
    ns.delete()


def set_device():
    arm_filter()
    p = Pair()
    ports = iter(range(PORT + 1000, PORT + 2000))
    good = [PORT]

    def operate():
        port = next(ports)
        p.b.nl.do("dev-set", ifindex=p.b.ifindex, listen_port=port)
        good[0] = port

    def unchanged():
        equal("port", good[0], p.b.nl.do("dev-get", ifindex=p.b.ifindex)["listen-port"])
        p.ns[1].sh("ping", "-c", 1, "-W", 8, p.a.overlay)
    each_allocation("dev-set", operate, unchanged, unchanged)
    p.delete()


def new_peer():
    arm_filter()
    p = Pair()
    eid = 4711

    def operate():
        p.a.nl.do("peer-new", ifindex=p.a.ifindex, eid=eid,
                  endpoint=nl.endpoint("10.77.0.9", PORT),
                  inner_src=nl.prefixes("10.1.0.0/16", "10.2.0.0/16", "2001:db8::/48"),
                  allowed_dst=nl.prefixes("10.3.0.0/16"))

    def gone():
        equal("peers", 1, p.a.nl.do("dev-get", ifindex=p.a.ifindex)["peers"])
        # None of its prefixes has stayed behind.
        p.a.nl.do("peer-new", ifindex=p.a.ifindex, eid=eid + 1,
                  inner_src=nl.prefixes("10.1.0.0/16", "10.2.0.0/16", "2001:db8::/48"))
        p.a.nl.do("peer-del", ifindex=p.a.ifindex, eid=eid + 1)
    each_allocation("peer-new", operate, gone,
                    lambda: p.a.nl.do("peer-del", ifindex=p.a.ifindex, eid=eid))
    p.ping()
    p.delete()


def set_peer():
    arm_filter()
    p = Pair()
    lists = (["10.1.0.0/16", "10.2.0.0/16"], ["10.2.0.0/16", "10.4.0.0/16", "10.5.0.0/16"])
    p.a.set_peer(p.b, inner_src=nl.prefixes(*lists[0]))

    def operate():
        p.a.set_peer(p.b, inner_src=nl.prefixes(*lists[1]), allowed_dst=nl.prefixes("10.3.0.0/16"),
                     endpoint=nl.endpoint(p.address[1], PORT), timeout=20000)

    def unchanged():
        peer = p.a.peer(p.b)
        equal("prefixes", nl.prefixes(*lists[0])["prefix"], [
            {**prefix, "addr4": int(prefix["addr4"]) if isinstance(prefix["addr4"], int)
             else int.from_bytes(socket.inet_aton(prefix["addr4"]), "big")}
            for prefix in peer["inner-src"]["prefix"]])
        equal("timeout", 15000, peer["timeout"])
        check("allowed-dst" not in peer, "allowed-dst was set")

    def undo():
        p.a.set_peer(p.b, inner_src=nl.prefixes(*lists[0]), allowed_dst=nl.prefixes(),
                     timeout=15000)
    each_allocation("peer-set", operate, unchanged, undo)
    p.ping()
    p.delete()


def new_class():
    arm_filter()
    p = Pair()
    each_allocation("class-new",
                    lambda: p.a.nl.do("class-new", ifindex=p.a.ifindex, prio=1, mark=1, mode="auth"),
                    lambda: equal("classes", [],
                                  p.a.nl.dump("class-get", ifindex=p.a.ifindex)),
                    lambda: p.a.nl.do("class-del", ifindex=p.a.ifindex, prio=1))
    p.delete()


def new_key():
    arm_filter()
    for suite in (1, 2, 3):
        p = Pair(suite=suite)
        made = []

        def operate(p=p, made=made, suite=suite):
            made.append(Session(p.a, p.b, suite))
            made[-1].install_at(p.a, slot="previous")

        def gone(p=p, made=made):
            sids = {k["local-sid"] for k in p.a.keys()}
            equal("keys", {p.session.sid[p.a]}, sids)
            # A key that was refused was not used: it may be installed.
            made[-1].install_at(p.a, slot="previous")
            p.a.nl.do("key-del", ifindex=p.a.ifindex, eid=p.b.eid, local_sid=made[-1].sid[p.a])

        def undo(p=p, made=made):
            p.a.nl.do("key-del", ifindex=p.a.ifindex, eid=p.b.eid, local_sid=made[-1].sid[p.a])
        each_allocation(f"key-new of suite {suite}", operate, gone, undo)
        p.ping()
        p.delete()


def other_requests():
    arm_filter()
    p = Pair()
    a = p.a
    for what, operate in (
            ("dev-get", lambda: a.nl.do("dev-get", ifindex=a.ifindex)),
            ("peer-get", lambda: a.peer(p.b)),
            ("key-get", lambda: a.nl.do("key-get", ifindex=a.ifindex,
                                        local_sid=p.session.sid[a])),
            ("msg-send", lambda: a.nl.do("msg-send", ifindex=a.ifindex,
                                         endpoint=nl.endpoint(p.address[1], PORT),
                                         datagram=b"\x11" + bytes(23)))):
        if what == "msg-send":
            a.nl.do("msg-bind", ifindex=a.ifindex)
        each_allocation(what, operate, lambda: None, lambda: None)
    p.ping()
    p.delete()


@contextmanager
def failing(percent):
    """So many of the module's allocations fail, in interrupts too."""
    write(f"{FAILSLAB}/probability", percent)
    try:
        yield
    finally:
        write(f"{FAILSLAB}/probability", 0)


def onlooker_at(netns):
    """It has a share of each packet's data, so that this must be copied."""
    with netns.enter():
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))


def packet_on_its_way_out():
    """A packet that could not be sent is counted, and the next one passes."""
    arm_filter()
    p = Pair()
    onlooker = onlooker_at(p.ns[0])
    rx, tx = udp_socket(p.ns[1], p.b.overlay, 5040), udp_socket(p.ns[0], p.a.overlay)
    to = (str(p.b.overlay), 5040)
    for size in (10, 20000):        # the second one in fragments
        lost = 0
        for nth in range(1, MOST):
            counters = Counters(p.a, p.b)
            with Fault(nth) as fault:
                try:
                    tx.sendto(bytes(size), to)
                except OSError:
                    pass
            lost += counters.grown().get("tx-no-memory", 0)
            tx.sendto(b"next", to)
            while rx.recv(65535) != b"next":
                pass
            if not fault.hit:
                break
        check(nth < MOST - 1, "it does not come to an end")
        print(f"# {size} bytes: {nth - 1} allocations, {lost} counted as tx-no-memory")
        check(lost, "no loss was counted")
    for sock in (rx, tx, onlooker):
        sock.close()
    p.delete()


def packet_on_its_way_in():
    """A packet that could not be opened is counted, and is good when it comes again."""
    arm_filter()
    p = Pair()
    sock, rx = p.raw_socket(1), udp_socket(p.ns[0], p.a.overlay, 5041)
    onlooker = onlooker_at(p.ns[0])
    packet = p.udp(p.b, b"again", port=5041)
    datagram = p.session.seal(p.b, 1000, packet)
    counters = Counters(p.a, p.b)
    with failing(100):
        p.inject(sock, p.a, datagram)
        time.sleep(0.1 * SLOW)
    counters.expect(rx_no_memory=1)
    p.inject(sock, p.a, datagram)
    equal("datagram", b"again", rx.recv(100))
    counters.expect(rx_no_memory=1, rx_packets=1, rx_bytes=len(packet))
    for s in (sock, rx, onlooker):
        s.close()
    p.delete()


def traffic_and_rekey():
    arm_filter()
    p = Pair()
    udp = [Stream((p.ns[i], (p.a, p.b)[i].overlay), (p.ns[1 - i], (p.b, p.a)[i].overlay),
                  rate=300, tolerant=True, size=1000) for i in (0, 1)]
    tcp = TcpStream((p.ns[0], p.a.overlay), (p.ns[1], p.b.overlay))
    refused = 0
    with failing(10):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            time.sleep(0.2)
            session = Session(p.a, p.b)
            try:
                session.install_at(p.a, slot="next")
                session.install_at(p.b, slot="current")
            except (OSError, nl.Refused):
                refused += 1
    print(f"# {refused} requests refused")
    tcp.stop()
    for stream in udp:
        stream.stop()
    p.rekey()
    p.ping(count=3)
    p.delete()


def nothing_is_left_behind():
    if not os.path.isdir(FAILSLAB):
        raise ktap.Skip("this kernel has no failslab: that is for the debug kernel")
    sh("rmmod", "cpns")
    check(not os.path.isdir("/sys/module/cpns"), "the module is still there")
    load_module()
    p = Pair()
    p.ping()
    p.delete()


if __name__ == "__main__":
    load_module()
    ktap.run([
        new_device,
        set_device,
        new_peer,
        set_peer,
        new_class,
        new_key,
        other_requests,
        packet_on_its_way_out,
        packet_on_its_way_in,
        traffic_and_rekey,
        nothing_is_left_behind,
    ])
