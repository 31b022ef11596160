#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What a packet costs, in guest instructions, against WireGuard.

Runs in the VM with --icount: one CPU, one instruction is one nanosecond, so a
rate is a count. Both tunnels stand side by side between the same two
namespaces, with the same inner MTU. Prints a table and one line of JSON, and
fails where a packet of ours costs more than one of WireGuard's."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from cpnstest import ktap, nl                                # noqa: E402
from cpnstest.netns import sh                               # noqa: E402
from cpnstest.pair import Pair, load_module                 # noqa: E402

INNER_MTU = 1404
TCP_BYTES = 20_000_000
UDP_PACKETS = 12_000
UDP_LEN = 1372
WG4 = ("10.88.0.1", "10.88.0.2")
CPNS4 = ("10.99.0.1", "10.99.0.2")


def wireguard(pair):
    """A WireGuard tunnel between the pair's namespaces."""
    keys = []
    for _ in range(2):
        private = sh("wg", "genkey").strip()
        keys.append((private, sh("wg", "pubkey", input=private).strip()))
    for side, ns in enumerate(pair.ns):
        private, peer = keys[side][0], keys[1 - side][1]
        ns.sh("ip", "link", "add", "wg0", "mtu", INNER_MTU, "type", "wireguard")
        ns.sh("ip", "addr", "add", f"{WG4[side]}/24", "dev", "wg0")
        ns.sh("wg", "set", "wg0", "listen-port", 7500, "private-key", "/proc/self/fd/0",
              "peer", peer, "allowed-ips", f"{WG4[1 - side]}/32",
              "endpoint", f"{pair.address[1 - side]}:7500", input=private)
        ns.sh("ip", "link", "set", "wg0", "up")


def cpns_ipv4(pair):
    """Inner IPv4 addresses for the pair, as WireGuard has them."""
    for side, (ns, end, other) in enumerate(((pair.ns[0], pair.a, pair.b),
                                             (pair.ns[1], pair.b, pair.a))):
        ns.sh("ip", "link", "set", "cpns0", "mtu", INNER_MTU)
        ns.sh("ip", "addr", "add", f"{CPNS4[side]}/24", "dev", "cpns0")
        end.set_peer(other, inner_src=nl.prefixes(f"{CPNS4[1 - side]}/32"))


def iperf(pair, address, *words):
    """One run from a to b; returns iperf3's end report."""
    server = pair.ns[1].popen("iperf3", "-s", "-1", "-B", address,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ktap.wait_until(lambda: address in pair.ns[1].sh("ss", "-Hltn"), "iperf3 listens", 20)
    out = pair.ns[0].sh("iperf3", "-c", address, "-J", *words)
    server.wait(timeout=60)
    # A warning may stand in front.
    return json.loads(out[out.index("{"):])["end"]


def tcp(pair, address):
    """Instructions a segment, and Mbit/s, of one flow."""
    end = iperf(pair, address, "-n", TCP_BYTES)
    rate = end["sum_received"]["bits_per_second"]
    segment = INNER_MTU - 20 - 32       # IP, TCP with timestamps
    return segment * 8e9 / rate, rate / 1e6


def udp(pair, address):
    """Instructions a datagram that arrived, and Mbit/s."""
    end = iperf(pair, address, "-u", "-b", "0", "-l", UDP_LEN, "-k", UDP_PACKETS)
    got = end["sum"]["packets"] - end["sum"]["lost_packets"]
    seconds = end["sum"]["seconds"]
    return seconds * 1e9 / got, got * UDP_LEN * 8 / seconds / 1e6


def main():
    load_module()
    sh("modprobe", "wireguard")
    pair = Pair()
    wireguard(pair)
    cpns_ipv4(pair)
    contenders = (("veth", pair.address[1]), ("wireguard", WG4[1]), ("cpns", CPNS4[1]))
    report = {"kernel": os.uname().release, "inner_mtu": INNER_MTU, "cases": {}}
    for case, measure in (("tcp", tcp), ("udp", udp)):
        for name, address in contenders:
            pair.ns[0].sh("ping", "-c", 2, "-i", "0.2", address)
            cost, rate = measure(pair, address)
            report["cases"].setdefault(case, {})[name] = {
                "instructions_a_packet": round(cost), "mbit_s": round(rate, 1)}
            print(f"# {case:4} {name:10} {cost:9.0f} instructions a packet, "
                  f"{rate:7.1f} Mbit/s", flush=True)
    print("COST", json.dumps(report))

    def at_most_wireguard(case):
        costs = report["cases"][case]
        ours, theirs = (costs[n]["instructions_a_packet"] for n in ("cpns", "wireguard"))
        ktap.check(ours <= theirs, f"{case}: {ours} instructions, WireGuard {theirs}")

    ktap.run([("tcp_costs_at_most_wireguard", lambda: at_most_wireguard("tcp")),
              ("udp_costs_at_most_wireguard", lambda: at_most_wireguard("udp"))])


if __name__ == "__main__":
    main()
