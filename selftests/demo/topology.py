# SPDX-License-Identifier: GPL-2.0
"""A picture of a home: who is there, which sessions there are, what they carried."""

import json
import platform
from xml.sax.saxutils import escape

WIDTH, BOX, MARGIN = 1000, 200, 20
SERVER_X = MARGIN
GW_X = (WIDTH - BOX) // 2
PNE_X = WIDTH - MARGIN - BOX
TOP, FIRST_ROW, ROW, PNE_HEIGHT = 76, 176, 108, 92
EUKEY, LOCAL, OUT, INK, SOFT = "#1d4ed8", "#15803d", "#b91c1c", "#1f2937", "#6b7280"

STYLE = f"""
text {{ font-family: 'DejaVu Sans', Verdana, sans-serif; font-size: 12px; fill: {INK} }}
.title {{ font-size: 20px; font-weight: bold }}
.role {{ font-size: 15px; font-weight: bold }}
.soft {{ fill: {SOFT} }}
.mid {{ text-anchor: middle }}
.box {{ fill: #f8fafc; stroke: #475569; stroke-width: 1.5 }}
.gone {{ fill: #fef2f2; stroke: {OUT}; stroke-width: 1.5; stroke-dasharray: 5 4 }}
.eukey {{ stroke: {EUKEY}; stroke-width: 3 }}
.relayed {{ stroke: {EUKEY}; stroke-width: 1.5; stroke-dasharray: 2 4 }}
.local {{ stroke: {LOCAL}; stroke-width: 3 }}
.out {{ stroke: {OUT}; stroke-width: 1.5; stroke-dasharray: 5 4 }}
"""


# ---- measuring ----

def carried(node, other):
    """Packets of the sessions with another entity, both ways; None without any."""
    if not node.has_session(other):
        return None
    device, = json.loads(node.ctl("-j", "stats", node.device))["devices"]
    stats = next(p["stats"] for p in device["peers"] if p["eid"] == other.eid.hex())
    return stats["tx_packets"] + stats["rx_packets"]


def measure(home):
    """What the daemons, their kernels and the registrar say now."""
    known = {e["entity"]: e for e in home.domain.admin("entity", "list")["entities"]}
    users = [user["user"] for user in home.domain.admin("user", "list")["users"]]
    return {
        "server": home.server.name, "users": sorted(users),
        "gw": {**known[home.gw.name], "packets": carried(home.server, home.gw),
               "relayed": home.gw.stats()["relay_packets"]},
        "pnes": [{**known[pne.name], "packets": carried(home.server, pne),
                  "local": carried(home.gw, pne)} for pne in home.pnes],
    }


# ---- drawing ----

def text(x, y, words, css=""):
    return f'<text x="{x}" y="{y}" class="{css}">{escape(words)}</text>'


def line(x1, x2, y, css):
    return f'<line x1="{x1}" y1="{y}" x2="{x2}" y2="{y}" class="{css}"/>'


def box(x, y, height, role, *lines, css="box"):
    yield f'<rect x="{x}" y="{y}" width="{BOX}" height="{height}" rx="10" class="{css}"/>'
    yield text(x + BOX // 2, y + 25, role, "role mid")
    for i, words in enumerate(lines):
        yield text(x + BOX // 2, y + 46 + 18 * i, words, "soft mid" if i else "mid")


def session(left, right, y, css, *, packets, key):
    """Between two edges, with what it is on the line."""
    yield line(left, right, y, css)
    yield text((left + right) // 2, y - 8, key, "mid")
    yield text((left + right) // 2, y + 17, f"{packets} packets", "soft mid")


def row_of(pne, y):
    """A PNE and its sessions: one through the PN GW, one with it."""
    revoked = pne["state"] == "revoked"
    yield from box(PNE_X, y, PNE_HEIGHT, "PNE, revoked" if revoked else "PNE", pne["entity"],
                   f"of {pne['user']}", css="gone" if revoked else "box")
    upper, lower = y + 26, y + 70
    if pne["packets"] is not None:
        yield from session(SERVER_X + BOX, GW_X, upper, "eukey", packets=pne["packets"],
                           key="PNE's EUKey")
        yield line(GW_X, GW_X + BOX, upper, "relayed")
        yield text(WIDTH // 2, upper - 8, "relayed, unread", "soft mid")
        yield line(GW_X + BOX, PNE_X, upper, "eukey")
    if pne["local"] is not None:
        yield from session(GW_X + BOX, PNE_X, lower, "local", packets=pne["local"],
                           key="LocalEUKey")
    if pne["packets"] is None and pne["local"] is None:
        yield line(GW_X + BOX, PNE_X, y + PNE_HEIGHT // 2, "out")
        yield text((GW_X + BOX + PNE_X) // 2, y + PNE_HEIGHT // 2 - 8, "no session", "mid")


def draw(measured, facts):
    """The SVG; facts are lines below the picture."""
    gw, pnes = measured["gw"], measured["pnes"]
    height = FIRST_ROW + ROW * len(pnes) - TOP
    below = TOP + height + 34
    parts = [text(MARGIN, 36, "A personal network, as 'make demo' has measured it", "title"),
             text(MARGIN, 58, f"Linux {platform.release()}; packets since all was restarted",
                  "soft")]
    parts += box(SERVER_X, TOP, height, "Server", measured["server"],
                 "users " + ", ".join(measured["users"]))
    parts += box(GW_X, TOP, height, "PN GW", gw["entity"], f"of {gw['user']}",
                 f"{gw['relayed']} packets relayed")
    if gw["packets"] is not None:
        parts += session(SERVER_X + BOX, GW_X, TOP + 56, "eukey", packets=gw["packets"],
                         key="PN GW's EUKey")
    for i, pne in enumerate(pnes):
        parts += row_of(pne, FIRST_ROW + ROW * i)
    parts += [text(MARGIN, below + 20 * i, words) for i, words in enumerate(facts)]
    bottom = below + 20 * len(facts)
    return "\n".join((
        '<?xml version="1.0" encoding="UTF-8"?>', "<!-- SPDX-License-Identifier: GPL-2.0 -->",
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom}" '
        f'width="{WIDTH}" height="{bottom}">', f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{bottom}" fill="white"/>', *parts, "</svg>", ""))
