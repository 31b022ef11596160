#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""For 'make shell': brings the network of the demo up and leaves it running.

playground.py DIRECTORY     where all its files go
"""

import os
import sys

sys.dont_write_bytecode = not sys.pycache_prefix
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from cpnstest.pair import load_module

import home


def name_all(network):
    """Short names of overlay addresses, and sockets where cpnsctl looks for them."""
    os.makedirs("/run/cpns", exist_ok=True)
    with open("/etc/hosts", "a", encoding="utf-8") as hosts:
        for node in (network.server, *network.entities):
            hosts.write(f"{node.overlay} {node.word}\n")
            number = os.stat(node.netns.path).st_ino
            os.symlink(node.path("sock"), f"/run/cpns/{node.device}.{number}.sock")
            os.symlink(node.path("sock") + ".whois",
                       f"/run/cpns/{node.device}.{number}.whois")
    os.symlink(network.domain.dir, "/run/cpns-registrar")


def main():
    load_module()
    os.makedirs(sys.argv[1])
    network = home.Home(sys.argv[1])
    home.run([network.come_up, lambda: name_all(network)])
    sys.stdout.flush()
    # Daemons and namespaces stay: what would take them down at the end is not run.
    os._exit(0)


if __name__ == "__main__":
    main()
