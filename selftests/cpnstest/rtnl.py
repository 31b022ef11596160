# SPDX-License-Identifier: GPL-2.0
"""Makes namespaces' devices, addresses and routes without a program for each:
in a VM, and above all on the debug kernel, starting ip(8) costs more than most
tests. A netns is anything with enter(), which see."""

import ipaddress
import os
import socket
import struct

RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_NEWROUTE = 16, 17, 20, 24
NLM_F_REQUEST_ACK, NLM_F_CREATE_EXCL = 0x5, 0x600
IFLA_IFNAME, IFLA_MTU, IFLA_LINKINFO, IFLA_NET_NS_FD = 3, 4, 18, 28
IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER = 1, 2, 1
IFA_ADDRESS, IFA_LOCAL, IFA_FLAGS, IFA_F_NODAD = 1, 2, 8, 2
RTA_DST, RTA_OIF = 1, 4
RT_TABLE_MAIN, RTPROT_BOOT, RT_SCOPE_LINK, RTN_UNICAST = 254, 3, 253, 1
IFF_UP = 1


def _attr(kind, payload):
    return (struct.pack("=HH", len(payload) + 4, kind) + payload +
            bytes(-len(payload) % 4))


def _u32(kind, value):
    return _attr(kind, struct.pack("=I", value))


def _string(kind, text):
    return _attr(kind, text.encode() + b"\0")


def _request(netns, kind, flags, body):
    with netns.enter():
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    with sock:
        sock.send(struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body)
        answer = sock.recv(65536)
    error = -struct.unpack_from("=i", answer, 16)[0]
    if error:
        raise OSError(error, os.strerror(error))


def _ifinfo(index=0, up=False):
    return struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, IFF_UP if up else 0,
                       IFF_UP if up else 0)


def _family(address):
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def add(netns, name, kind="cpns", up=True, index=0):
    """ip link add NAME [index INDEX] [up] type KIND; returns the index."""
    info = _attr(IFLA_LINKINFO, _attr(IFLA_INFO_KIND, kind.encode()))
    _request(netns, RTM_NEWLINK, NLM_F_REQUEST_ACK | NLM_F_CREATE_EXCL,
             _ifinfo(index, up) + _string(IFLA_IFNAME, name) + info)
    return netns.ifindex(name)


def delete(netns, index):
    _request(netns, RTM_DELLINK, NLM_F_REQUEST_ACK, _ifinfo(index))


def veth(a, b, name, mtu=1500):
    """A veth pair, one end in each namespace, both of one name; down."""
    def end(ns):
        return _string(IFLA_IFNAME, name) + _u32(IFLA_MTU, mtu) + _u32(IFLA_NET_NS_FD, ns)

    with open(a.path, "rb") as fa, open(b.path, "rb") as fb:
        data = _attr(VETH_INFO_PEER, _ifinfo() + end(fb.fileno()))
        info = _attr(IFLA_LINKINFO, _attr(IFLA_INFO_KIND, b"veth") + _attr(IFLA_INFO_DATA, data))
        _request(a, RTM_NEWLINK, NLM_F_REQUEST_ACK | NLM_F_CREATE_EXCL,
                 _ifinfo() + end(fa.fileno()) + info)


def set_up(netns, index):
    """ip link set up."""
    _request(netns, RTM_NEWLINK, NLM_F_REQUEST_ACK, _ifinfo(index, up=True))


def add_address(netns, index, text):
    """ip addr add ADDRESS/LEN; an IPv6 address may be used at once (nodad)."""
    interface = ipaddress.ip_interface(text)
    packed = interface.ip.packed
    flags = IFA_F_NODAD if interface.version == 6 else 0
    _request(netns, RTM_NEWADDR, NLM_F_REQUEST_ACK | NLM_F_CREATE_EXCL,
             struct.pack("=BBBBI", _family(interface), interface.network.prefixlen, 0, 0, index) +
             _attr(IFA_LOCAL, packed) + _attr(IFA_ADDRESS, packed) + _u32(IFA_FLAGS, flags))


def add_route(netns, prefix, index):
    """ip route add PREFIX dev DEVICE."""
    network = ipaddress.ip_network(prefix)
    scope = RT_SCOPE_LINK if network.version == 4 else 0
    _request(netns, RTM_NEWROUTE, NLM_F_REQUEST_ACK | NLM_F_CREATE_EXCL,
             struct.pack("=8BI", _family(network), network.prefixlen, 0, 0, RT_TABLE_MAIN,
                         RTPROT_BOOT, scope, RTN_UNICAST, 0) +
             _attr(RTA_DST, network.network_address.packed) + _u32(RTA_OIF, index))
