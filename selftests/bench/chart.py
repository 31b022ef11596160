# SPDX-License-Identifier: GPL-2.0
"""Draws the figures of a run: for each kernel and some cases, how fast each
contender is on one core."""

from xml.sax.saxutils import escape

CASES = (("tcp", "One TCP flow"), ("tcp-gro", "One TCP flow, arriving as from a network card"),
         ("udp-1372", "UDP, 1372 bytes, one at a time"))
NAMES = (("veth", "no tunnel"), ("cpns-gcm", "CPNS, AES-256-GCM"),
         ("cpns-chacha", "CPNS, ChaCha20-Poly1305"), ("cpns-gcm-auth", "CPNS, MAC only"),
         ("macsec", "MACsec"), ("wireguard", "WireGuard"), ("esp", "ESP"),
         ("esp-udp", "ESP in UDP"))
WIDTH, LEFT, BAR, GAP, ROOM = 760, 220, 18, 6, 70
COLOURS = {"cpns": "#1a7f5a", "veth": "#b8b8b8"}
OTHER = "#6d7fa8"


def draw(figures):
    """The drawing as SVG. What has no figure is left out."""
    rate = {(f["kernel"], f["case"], f["contender"]): f["mbit_s"] for f in figures
            if f.get("mbit_s")}
    kernels = sorted({k for k, _, _ in rate}, key=lambda k: [int(n) for n in k.split(".")])
    body, y = [], 24
    for kernel in kernels:
        for case, title in CASES:
            rows = [(label, name, rate[kernel, case, name]) for name, label in NAMES
                    if (kernel, case, name) in rate]
            if not rows:
                continue
            body.append(f'<text x="8" y="{y}" class="title">{escape(title)}, '
                        f'Linux {kernel}</text>')
            y += 12
            # Without a tunnel it is far faster: its bar is cut.
            most = max(r for _, name, r in rows if name != "veth" or len(rows) == 1) * 1.25
            for label, name, value in rows:
                length = min(value / most, 1) * (WIDTH - LEFT - ROOM)
                colour = COLOURS.get(name.split("-")[0], OTHER)
                body.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">'
                            f'{escape(label)}</text><rect x="{LEFT}" y="{y}" '
                            f'width="{length:.0f}" height="{BAR}" fill="{colour}"/>'
                            f'<text x="{LEFT + length + 6:.0f}" y="{y + 13}">{value:.0f}'
                            f'{" &#8230;" if value > most else ""}</text>')
                y += BAR + GAP
            y += 24
    body.append(f'<text x="8" y="{y}">Mbit/s on one core at one instruction a nanosecond, '
                'both ends on that core</text>')
    return ('<!-- SPDX-License-Identifier: GPL-2.0 -->\n'
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 16}" '
            f'width="{WIDTH}" height="{y + 16}">\n<style>text{{font:13px sans-serif;'
            'fill:#222}.title{font-weight:bold}</style>\n<rect width="100%" height="100%" '
            'fill="#fff"/>\n' + "\n".join(body) + "\n</svg>\n")
