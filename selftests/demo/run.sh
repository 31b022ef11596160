#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The demo, in the VM: the story of a personal network, then a closer look at one
# session and its wire. The picture that the story draws goes to /out.

DEMO=/cpns/selftests/demo

/usr/bin/python3 $DEMO/story.py /out/topology.svg && exec $DEMO/demo.sh
