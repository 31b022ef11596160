#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
exec /cpns/selftests/bench/guest.py "$@"
