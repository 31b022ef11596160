# SPDX-License-Identifier: GPL-2.0
"""A session that goes through a PN GW's relay, with real devices at both ends."""

from .netns import Netns, join
from .pair import End, Session
from .traffic import SLOW


class Chain:
    """PNE, PN GW and Server, each in a namespace; PNE and Server reach only the
    PN GW between them. A router may lie before the Server."""

    def __init__(self, outer=4, mtu=1500, router=None):
        self.ns = {n: Netns(n) for n in ("pne", "gw", "server")}
        nets = ("10.71.0.{}/24", "fd71::{}/64"), ("10.72.0.{}/24", "fd72::{}/64")
        self.router = None
        join(self.ns["pne"], self.ns["gw"], [(n.format(2), n.format(1)) for n in nets[0]],
             mtu, "veth0")
        if router:
            self._route_by(router, nets[1])
        else:
            join(self.ns["gw"], self.ns["server"],
                 [(n.format(1), n.format(2)) for n in nets[1]], mtu, "veth1")
        v6 = outer == 6
        at = {"pne": nets[0][v6].format(2), "gw_pan": nets[0][v6].format(1),
              "gw_wan": nets[1][v6].format(1),
              "server": "fd73::2/64" if router and v6 else "10.73.0.2/24" if router else
              nets[1][v6].format(2)}
        at = {k: v.split("/")[0] for k, v in at.items()}
        self.server = End(self.ns["server"], b"server@home.example", 1)
        self.gw = End(self.ns["gw"], b"gw-1@home.example", 2)
        self.pne = End(self.ns["pne"], b"pne-1@home.example", 3)
        # To each of them the other is where the PN GW is.
        self.pne.add_peer(self.server, at["gw_pan"])
        self.server.add_peer(self.pne, at["gw_wan"])
        self.gw.add_peer(self.server, at["server"])
        self.gw.add_peer(self.pne, at["pne"], relay_to=self.server.eid)
        self.session = Session(self.pne, self.server)
        self.session.install()

    def _route_by(self, mtu, nets):
        self.router = Netns("router")
        join(self.ns["gw"], self.router, [(n.format(1), n.format(9)) for n in nets], 1500,
             "veth1")
        join(self.ns["server"], self.router, (("10.73.0.2/24", "10.73.0.9/24"),
                                              ("fd73::2/64", "fd73::9/64")), mtu, "veth2")
        self.router.sh("sysctl", "-qw", "net.ipv4.ip_forward=1",
                       "net.ipv6.conf.all.forwarding=1", "net.ipv6.icmp.ratelimit=0")
        self.ns["gw"].ip("route add 10.73.0.0/24 via 10.72.0.9", "route add fd73::/64 via fd72::9")
        self.ns["server"].ip("route add 10.72.0.0/24 via 10.73.0.9",
                             "route add fd72::/64 via fd73::9")

    def ping(self, size=56, count=1, check=True):
        return self.ns["pne"].sh("ping", "-c", count, "-i", "0.05", "-W", 2 * SLOW, "-M", "do",
                                 "-s", size, self.server.overlay, check=check)

    def delete(self):
        for end in (self.pne, self.gw, self.server):
            end.close()
        for ns in (*self.ns.values(), *filter(None, (self.router,))):
            ns.delete()
