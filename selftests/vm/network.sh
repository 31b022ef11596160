#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# For 'make shell': the whole network of the demo, and a few words on what to try.

dir=/root/home

# on ENTITY COMMAND...: each is a namespace of its own
printf '#!/bin/sh\nexec ip netns exec "$@"\n' >/usr/bin/on
chmod +x /usr/bin/on

/usr/bin/python3 /cpns/selftests/demo/playground.py $dir || exit

cat <<TEXT

All are up: srv, gw, and behind it watch and meter (alice) and phone (bob). These
names are network namespaces, in which 'on' runs a command, and names of overlay
addresses. Try

  on watch cpnsctl                          sessions, and what they carry
  on gw tcpdump -n -X -c 4 -i pan1 &        what the PN GW sees of the next one:
  on watch curl http://srv/                 a page, from the Server through it
  on watch ping gw                          by LocalEUKey
  on gw cpnsctl whois watch@home.example    whose is it?
  on phone ping -c 1 gw                     bob's is not let in, until
  cpnsctl grant add phone@home.example talk gw@home.example
  cpnsctl entity revoke watch@home.example
  cpnsctl entity list; cpnsctl audit

Configurations, state files and logs are in $dir, the project in /cpns.
What you write to /out stays. 'exit' ends the machine.

TEXT
