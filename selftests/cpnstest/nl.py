# SPDX-License-Identifier: GPL-2.0
"""The netlink family cpns, through ynl's Python client: a second client that
shares no code with libcpns."""

import functools
import ipaddress
import os
import select
import subprocess
import sys

import yaml

from . import ROOT

SPEC = os.path.join(ROOT, "Documentation", "netlink", "specs", "cpns.yaml")


class _Yaml:
    """What ynl takes of yaml: the spec is read once, by libyaml. In a VM the
    parser in Python would need seconds for each client."""

    @staticmethod
    @functools.cache
    def _parse(text):
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))

    @classmethod
    def safe_load(cls, stream):
        return cls._parse(stream.read())


@functools.cache
def _ynl():
    """ynl's library, from CPNS_YNL or unpacked by scripts/ynl-regen."""
    path = os.environ.get("CPNS_YNL")
    if not path:
        script = os.path.join(ROOT, "scripts", "ynl-regen")
        path = subprocess.run([script, "--ynl"], check=True, text=True,
                              stdout=subprocess.PIPE).stdout.strip()
    sys.path.insert(0, path)
    import lib                      # pylint: disable=import-outside-toplevel
    sys.modules["lib.nlspec"].yaml = _Yaml
    return lib


def forget_families():
    """A family that is registered anew gets another id."""
    if "lib.ynl" in sys.modules:
        sys.modules["lib.ynl"].genl_family_name_to_id = None


def error_class():
    """ynl's exception for a refused request."""
    return _ynl().NlError


class Refused(Exception):
    """A request was refused: .errno, .message of the extended acknowledgement."""

    def __init__(self, error):
        self.errno = -error.nl_msg.error
        extack = error.nl_msg.extack or {}
        self.message = extack.get("msg", "")
        self.extack = extack
        super().__init__(f"errno {self.errno}: {extack}")


def _addr(prefix, text):
    address = ipaddress.ip_address(text)
    if address.version == 4:
        return {f"{prefix}4": int(address)}
    return {f"{prefix}6": address.packed}


def endpoint(address, port, scope=0, local=None):
    """An endpoint as the family wants it."""
    ep = {**_addr("addr", address), "port": port}
    if scope:
        ep["scope"] = scope
    if local:
        ep.update(_addr("local", local))
    return ep


def prefixes(*texts):
    """A list of prefixes as the family wants it."""
    nets = [ipaddress.ip_network(t) for t in texts]
    return {"prefix": [{**_addr("addr", net.network_address), "len": net.prefixlen}
                       for net in nets]}


class Client:
    """One netlink socket in a namespace."""

    def __init__(self, netns):
        with netns.enter():
            # The spec was validated when the code was generated from it.
            self.family = _ynl().YnlFamily(SPEC, "")

    def do(self, operation, **attributes):
        """A request; keyword names have _ for -. Returns the answer."""
        vals = {k.replace("_", "-"): v for k, v in attributes.items() if v is not None}
        try:
            return self.family.do(operation, vals)
        except error_class() as err:
            raise Refused(err) from None

    def dump(self, operation, **attributes):
        vals = {k.replace("_", "-"): v for k, v in attributes.items()}
        try:
            return self.family.dump(operation, vals)
        except error_class() as err:
            raise Refused(err) from None

    def subscribe(self):
        """Events from here on, by events()."""
        self.family.ntf_subscribe("events")

    def events(self, seconds=0):
        """(name, attributes) of what has come, waiting for the first."""
        select.select([self.family.sock], [], [], seconds)
        self.family.check_ntf()
        queue, self.family.async_msg_queue = self.family.async_msg_queue, []
        return [(e["name"], e["msg"]) for e in queue]

    def close(self):
        self.family.sock.close()

