#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Devices that move, go and come back, and the module too, under traffic."""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cpnstest import ktap, nl, rtnl
from cpnstest.ktap import check, equal, wait_until
from cpnstest.netns import Netns, sh
from cpnstest.pair import PORT, Pair, Session, load_module
from cpnstest.traffic import SLOW, Counters, Events, Stream

CYCLES, NAMESPACES = 100, 20


def is_loaded():
    return os.path.isdir("/sys/module/cpns")


def unload():
    sh("rmmod", "cpns")
    check(not is_loaded(), "the module is still there after rmmod")


def both_ways(p, **options):
    """Traffic there and back, which may come to nothing."""
    return [Stream((p.ns[i], (p.a, p.b)[i].overlay), (p.ns[1 - i], (p.b, p.a)[i].overlay),
                   rate=500, tolerant=True, **options) for i in (0, 1)]


def stop(streams):
    for stream in streams:
        stream.stop()
    return [len(stream.received) for stream in streams]


def move(p, to):
    """Moves a's device to another namespace and sets it up there again."""
    p.ns[0].ip(f"link set cpns0 netns {to.name}")
    to.ip("link set cpns0 up", f"addr add {p.a.overlay}/128 dev cpns0 nodad",
          f"route add {p.b.overlay}/128 dev cpns0")
    return nl.Client(to), to.ifindex("cpns0")


def socket_stays_where_it_was_made():
    p, inner = Pair(), Netns("inner")
    client, ifindex = move(p, inner)
    out = inner.sh("ping", "-c", 3, "-i", "0.1", "-W", 2 * SLOW, p.b.overlay)
    check(" 3 received" in out, f"no traffic after the move:\n{out}")
    check(f":{PORT}" in p.ns[0].sh("ss", "-uln"), "the socket is not where it was made")
    check(f":{PORT}" not in inner.sh("ss", "-uln"), "the socket has moved")
    # The device is found where it is, and not where it was.
    equal("peers", 1, client.do("dev-get", ifindex=ifindex)["peers"])
    try:
        p.a.nl.do("dev-get", ifindex=ifindex)
        check(False, "the device is still found where it was")
    except nl.Refused as refused:
        check("namespace" in refused.message, f"message {refused.message!r}")
    # A new port is opened there too.
    client.do("dev-set", ifindex=ifindex, listen_port=PORT + 1)
    check(f":{PORT + 1}" in p.ns[0].sh("ss", "-uln"), "the new socket is elsewhere")
    inner.sh("ping", "-c", 1, "-W", 2 * SLOW, p.b.overlay)
    client.close()
    inner.delete()
    wait_until(lambda: f":{PORT + 1}" not in p.ns[0].sh("ss", "-uln"),
               "the socket goes with the device", 5 * SLOW)
    p.delete()


def device_outlives_the_namespace_of_its_socket():
    p, inner = Pair(), Netns("inner")
    client, ifindex = move(p, inner)
    streams = [Stream((inner, p.a.overlay), (p.ns[1], p.b.overlay), tolerant=True)]
    time.sleep(0.3)
    p.a.close()
    p.ns[0].delete()
    wait_until(lambda: "state DOWN" in inner.sh("ip", "link", "show", "cpns0"),
               "the device is down", 5 * SLOW)
    check(stop(streams)[0] > 0, "there was no traffic before")
    out = inner.sh("ip", "link", "set", "cpns0", "up", check=False)
    check("not connected" in out, f"link up gave {out!r}")
    for attributes in ({"listen_port": 0}, {"fwmark": 1}):
        try:
            client.do("dev-set", ifindex=ifindex, **attributes)
            check(False, "a socket without a namespace")
        except nl.Refused as refused:
            check("make a new device" in refused.message, f"message {refused.message!r}")
    equal("peers", 1, client.do("dev-get", ifindex=ifindex)["peers"])
    client.close()
    inner.ip("link del cpns0")
    inner.delete()
    p.b.close()
    p.ns[1].delete()


def namespace_goes_under_traffic():
    """Packets come in all the time while it goes, and a device in it sends."""
    p = Pair()
    # Only what comes from outside: a process of its own would keep it.
    stream = Stream((p.ns[1], p.b.overlay), (p.ns[0], p.a.overlay), tolerant=True)
    time.sleep(0.3)
    check(stream.received, "there is no traffic")
    p.a.set_peer(p.b, keepalive_interval=10)
    stream.rx.close()
    p.a.close()
    begin = time.monotonic()
    p.ns[0].delete()
    # The other end of the wire goes when the namespace is taken apart.
    wait_until(lambda: "veth0" not in p.ns[1].sh("ip", "link"), "the namespace has gone", 5 * SLOW)
    print(f"# gone after {time.monotonic() - begin:.1f} s")
    stream.ending = True
    for thread in stream.threads:
        thread.join()
    stream.tx.close()
    p.b.close()
    p.ns[1].delete()


def slab_objects(name):
    """How many objects of a kernel cache are in use."""
    with open("/proc/slabinfo", encoding="ascii") as f:
        for line in f:
            if line.startswith(name + " "):
                return int(line.split()[1])
    raise ktap.Skip(f"no cache {name} in /proc/slabinfo")


def one_namespace():
    """One with a device, a peer, keys and a packet on its way, and its end."""
    ns = Netns("many")
    ifindex = rtnl.add(ns, "cpns0")
    client = nl.Client(ns)
    client.do("dev-set", ifindex=ifindex, eid=1)
    client.do("peer-new", ifindex=ifindex, eid=2, keepalive_interval=10,
              endpoint=nl.endpoint("127.0.0.1", 9))
    client.do("key-new", ifindex=ifindex, eid=2, slot="current", local_sid=1, remote_sid=2,
              suite=1, key_id=os.urandom(16), tx_key=os.urandom(32), tx_iv=os.urandom(12),
              rx_key=os.urandom(32), rx_iv=os.urandom(12))
    client.close()
    ns.delete()


def namespaces_are_freed():
    one_namespace()
    time.sleep(1)
    before = slab_objects("net_namespace")
    for _ in range(NAMESPACES):
        one_namespace()
    # Free objects that a CPU keeps for itself count as in use.
    wait_until(lambda: slab_objects("net_namespace") < before + NAMESPACES / 2,
               "namespaces are freed", 10 * SLOW)
    print(f"# {before} before, {slab_objects('net_namespace')} after")
    unload()
    load_module()


def module_goes_under_traffic():
    p = Pair()
    streams = both_ways(p)
    time.sleep(0.5)
    unload()
    time.sleep(0.2)
    check(all(stop(streams)), "there was no traffic before")
    check("cpns0" not in p.ns[0].sh("ip", "link"), "the device is still there")
    p.delete()
    load_module()
    p = Pair()
    p.ping()
    p.delete()


def peer_goes_under_traffic():
    p = Pair()
    streams = both_ways(p)
    for _ in range(10):
        time.sleep(0.1)
        p.a.nl.do("peer-del", ifindex=p.a.ifindex, eid=p.b.eid)
        time.sleep(0.05)
        p.a.nl.do("peer-new", ifindex=p.a.ifindex, eid=p.b.eid,
                  endpoint=nl.endpoint(p.address[1], PORT))
        p.rekey()
    time.sleep(0.3)
    check(all(stop(streams)), "there was no traffic")
    p.ping()
    p.delete()


def device_goes_under_traffic():
    p = Pair()
    streams = both_ways(p)
    time.sleep(0.3)
    p.a.nl.close()
    p.ns[0].ip("link del cpns0")
    time.sleep(0.2)
    check(all(stop(streams)), "there was no traffic before")
    p.b.close()
    for ns in p.ns:
        ns.delete()


def link_goes_down_and_up_under_traffic():
    p = Pair()
    for ns in p.ns:
        ns.sh("sysctl", "-qw", "net.ipv6.conf.cpns0.keep_addr_on_down=1")
    streams = both_ways(p)
    for _ in range(5):
        time.sleep(0.1)
        p.ns[0].ip("link set cpns0 down")
        time.sleep(0.05)
        p.ns[0].ip("link set cpns0 up", f"route replace {p.b.overlay}/128 dev cpns0")
    time.sleep(0.3)
    check(all(stop(streams)), "there was no traffic")
    # Peers and sessions have stayed.
    p.ping(count=2)
    p.delete()


def port_changes_under_traffic():
    p = Pair()
    streams = both_ways(p)
    time.sleep(0.2)
    before = Counters(p.b, p.a)
    for i in range(1, 6):
        p.b.nl.do("dev-set", ifindex=p.b.ifindex, listen_port=PORT + 100 + i)
        time.sleep(0.2)
    stop(streams)
    equal("drops", {}, before.drops())
    # What b sends has a socket at every moment.
    streams[1].expect_complete()
    wait_until(lambda: p.a.peer(p.b)["endpoint"]["port"] == PORT + 105, "a has followed")
    p.ping(count=2)
    p.delete()


def hundred_devices_come_and_go():
    ns = Netns("cycles")
    for i in range(CYCLES):
        ifindex = rtnl.add(ns, "cpns0")
        if i % 10 == 0:
            client = nl.Client(ns)
            client.do("dev-set", ifindex=ifindex, eid=1)
            client.do("peer-new", ifindex=ifindex, eid=2)
            client.close()
        rtnl.delete(ns, ifindex)
    ns.delete()
    unload()
    load_module()


def loads_by_itself():
    """By the kind of link, and by the name of the family."""
    if is_loaded():
        unload()
    ns = Netns("auto")
    ns.ip("link add cpns0 type cpns")
    check(is_loaded(), "not loaded by link kind")
    ns.ip("link del cpns0")
    unload()
    out = subprocess.run(["genl", "ctrl", "get", "name", "cpns"], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, check=False).stdout
    check(is_loaded(), f"not loaded by family name: {out}")
    ns.delete()
    load_module()


def unload_waits_for_nobody():
    """A peer with a queue, a key with a timer, an owner, a subscriber."""
    p = Pair()
    p.a.set_peer(p.b, keepalive_interval=60000)
    p.a.nl.do("msg-bind", ifindex=p.a.ifindex)
    p.b.nl.do("key-del", ifindex=p.b.ifindex, eid=p.a.eid)
    events = Events(p.b)
    p.ns[1].sh("ping", "-c", 1, "-W", 1, p.a.overlay, check=False)
    Session(p.a, p.b).install_at(p.a, slot="next", hard_time=60000)
    begin = time.monotonic()
    unload()
    took = time.monotonic() - begin
    check(took < 5 * SLOW, f"rmmod took {took} s")
    events.close()
    p.delete()
    load_module()


if __name__ == "__main__":
    load_module()
    ktap.run([
        socket_stays_where_it_was_made,
        device_outlives_the_namespace_of_its_socket,
        namespace_goes_under_traffic,
        namespaces_are_freed,
        module_goes_under_traffic,
        peer_goes_under_traffic,
        device_goes_under_traffic,
        link_goes_down_and_up_under_traffic,
        port_changes_under_traffic,
        hundred_devices_come_and_go,
        unload_waits_for_nobody,
        loads_by_itself,
    ])
