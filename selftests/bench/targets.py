# SPDX-License-Identifier: GPL-2.0
"""What the figures of a run are held against: what is to be reached, line by line."""

REACHED, SHORT, ABSENT = "reached", "short", "not measured"


class Figures:
    """The figures of one kernel, by case and contender."""

    def __init__(self, figures):
        self.by = {(f["case"], f["contender"]): f for f in figures}

    def get(self, case, contender, value):
        return self.by.get((case, contender), {}).get(value)

    def cost(self, case, contender="cpns-gcm"):
        return self.get(case, contender, "instructions")

    def rate(self, case, contender="cpns-gcm"):
        return self.get(case, contender, "mbit_s")

    def floor(self, case, contender="cpns-gcm"):
        """Instructions of a packet without tunnel, and of the bare AEAD on it."""
        base = contender.removesuffix("-prefix")
        aead = self.cost(f"aead-{case}" if case.startswith("udp-") else "aead", base)
        if case.startswith("udp-") and base != "cpns-gcm":
            return None
        plain = self.cost(case, "veth")
        return plain + aead if plain and aead else None

    def share(self, case, contender="cpns-gcm"):
        floor, cost = self.floor(case, contender), self.cost(case, contender)
        return floor / cost if floor and cost else None

    def faster(self, case, rival, ours="cpns-gcm"):
        """How many times as fast as another."""
        mine, theirs = self.cost(case, ours), self.cost(case, rival)
        return theirs / mine if mine and theirs else None


def add_floor(figures):
    """To each figure of ours, its share of the floor."""
    for kernel in {f["kernel"] for f in figures}:
        found = Figures([f for f in figures if f["kernel"] == kernel])
        for (case, contender), figure in found.by.items():
            if contender.startswith("cpns-") and "mbit_s" in figure:
                share = found.share(case, contender)
                if share:
                    figure["floor_share"] = round(share, 3)


def ratio(a, b):
    return a / b if a and b else None


def lines(f, kernel):
    """(case, what it is, figure, at least, aim). More is better in each."""
    new = kernel != "6.1"
    yield ("one TCP flow, 100 MB", "Mbit/s", f.rate("tcp"), 650 if new else 620, None)
    yield ("", "x WireGuard", f.faster("tcp", "wireguard"), None if new else 3.0, None)
    yield ("", "x MACsec", f.faster("tcp", "macsec"), 1.4 if new else 1.6, None)
    yield ("", "of the floor", f.share("tcp"), 0.84 if new else 0.83, 0.90)
    yield ("the same through GRO", "Mbit/s", f.rate("tcp-gro"), 500, 600)
    yield ("UDP 1372 B, one at a time", "Mbit/s", f.rate("udp-1372"), None, 300)
    yield ("", "x WireGuard", f.faster("udp-1372", "wireguard"), 1.75, None)
    yield ("", "x MACsec", f.faster("udp-1372", "macsec"), 1.0, None)
    yield ("UDP 64 B, one at a time", "x WireGuard", f.faster("udp-64", "wireguard"), 1.7, None)
    yield ("", "x MACsec", f.faster("udp-64", "macsec"), 1.0, None)
    yield ("", "of the floor", f.share("udp-64"), None, 0.85)
    one, train = f.cost("udp-1372"), f.cost("udp-1372-gso")
    yield ("UDP with UDP_SEGMENT", "x one at a time", ratio(one, train), 1.6, 2.0)
    yield ("ChaCha20-Poly1305, TCP", "of its floor", f.share("tcp", "cpns-chacha"), 0.80, 0.85)
    yield ("", "x WireGuard", f.faster("tcp", "wireguard", "cpns-chacha"), 1.3, None)
    yield ("MAC only, TCP", "x encrypt", ratio(f.cost("tcp"), f.cost("tcp", "cpns-gcm-auth")),
           1.0, None)
    for kind in ("tcp", "udp"):
        middle = [f.get(f"relay-{kind}", n, "middle") for n in
                  ("cpns-relay", "ip-router", "wireguard-hop")]
        whole = [f.cost(f"relay-{kind}", n) for n in ("cpns-relay", "ip-router", "wireguard-hop")]
        yield (f"relay, {kind.upper()} inside: the hop", "x IP forwarding",
               ratio(middle[1], middle[0]), 0.9, 1.0)
        yield ("", "x a WireGuard hop", ratio(middle[2], middle[0]), 6, None)
        yield ("and all of the way", "x IP forwarding", ratio(whole[1], whole[0]), None, None)
        yield ("", "x by WireGuard", ratio(whole[2], whole[0]), None, None)
    yield ("100,000 peers against 1", "x", ratio(f.cost("peers", "1"), f.cost("peers", "100000")),
           1 / 1.03, 1 / 1.01)
    size = f.get("memory", "window-8192", "bytes")
    yield ("memory of a session", "x 6 KiB less", ratio(6144, size), 1.0, 1.5)
    yield ("rekey every second", "x without", ratio(f.rate("rekey", "every-second"),
                                                    f.rate("rekey", "never")), 0.99, 1.0)
    yield ("request and response", "x WireGuard's speed", f.faster("rr", "wireguard"), 1 / 0.6,
           1 / 0.4)


def verdict(value, least, aim):
    if value is None:
        return ABSENT
    if least is None:
        return ("aim reached" if value >= aim else "aim not reached") if aim else "-"
    if value < least:
        return SHORT
    return REACHED + (", aim too" if aim and value >= aim else "")


def table(figures, kernel, whole):
    """The lines as text; where it is not whole, those with a figure."""
    text = [f"\nLinux {kernel}: what is to be reached",
            f"{'case':28} {'':20} {'figure':>8} {'at least':>9} {'aim':>6}"]

    def number(value):
        return "" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.2f}"

    for case, what, value, least, aim in lines(Figures(figures), kernel):
        if value is None and not whole:
            continue
        text.append(f"{case:28} {what:20} {number(value):>8} {number(least):>9} "
                    f"{number(aim):>6}  {verdict(value, least, aim)}")
    return "\n".join(text)
