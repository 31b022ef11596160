# SPDX-License-Identifier: GPL-2.0
"""How one contender is measured in one case: traffic between two namespaces, and
the nanoseconds that a packet took. With -icount these are instructions."""

import json
import subprocess

from cpnstest import ktap

from contenders import MSS

PACKETS = "/usr/lib/cpns-bench/packets"
# Sizes of UDP datagrams inside
UDP_SIZES = (64, 512, 1372)


def iperf(ns, address, *words):
    """One run from ns[0] to ns[1]; returns iperf3's end report."""
    server = ns[1].popen("iperf3", "-s", "-1", "-B", address[1],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ktap.wait_until(lambda: address[1] in ns[1].sh("ss", "-Hltn"), "iperf3 listens", 20)
    out = ns[0].sh("iperf3", "-c", address[1], "-B", address[0], "-J", *words)
    server.wait(timeout=60)
    # A warning may stand in front.
    return json.loads(out[out.index("{"):])["end"]


def figure(cost, size):
    """Of a packet of so many bytes that took so many nanoseconds."""
    return {"instructions": round(cost, 1), "mbit_s": round(size * 8e3 / cost, 1)}


def tcp(ns, address, megabytes, *words):
    """Bulk, by what arrived."""
    rate = iperf(ns, address, "-n", int(megabytes * 1e6), *words)["sum_received"][
        "bits_per_second"]
    return figure(MSS * 8e9 / rate, MSS)


def tcp_for(ns, address, seconds):
    rate = iperf(ns, address, "-t", seconds)["sum_received"]["bits_per_second"]
    return figure(MSS * 8e9 / rate, MSS)


def packets(ns, address, how, size, count):
    out = ns[0].sh(PACKETS, how, ns[0].name, address[0], ns[1].name, address[1], size, count)
    came, nanoseconds = map(int, out.split())
    return came, nanoseconds


def udp(ns, address, how, size, count):
    """Datagrams; not one may be lost."""
    came, nanoseconds = packets(ns, address, how, size, count)
    ktap.check(came >= count, f"{came} of {count} datagrams arrived")
    return figure(nanoseconds / came, size)


def request_response(ns, address, count):
    """A byte there and a byte back."""
    came, nanoseconds = packets(ns, address, "rr", 1, count)
    return figure(nanoseconds / came, 1)
