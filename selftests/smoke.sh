#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Do the VM and the helpers do what the other tests rely on?

. "$(dirname "$0")/lib.sh"

kernel_is_the_one_asked_for()
{
	case $CPNS_KERNEL in
	debug) expect_match release 'cpns-debug$' "$(uname -r)" ;;
	[0-9]*.[0-9]*) expect_match release "^$CPNS_KERNEL\\." "$(uname -r)" ;;
	esac
}

pair_is_joined()
{
	expect_ok in_ns "$A" ping -c 1 -W 5 "$B4" || return
	expect_ok in_ns "$A" ping -c 1 -W 5 "$B6"
}

wire_bytes_are_seen()
{
	local text="seen on the wire"

	need_command tcpdump || return
	start_tcpdump "$B" wire "$TMP/wire.pcap" udp port 7077 || return
	in_ns "$A" bash -c "printf %s '$text' >/dev/udp/$B4/7077"
	in_ns "$A" bash -c "printf %s '$text' >/dev/udp/$B6/7077"
	stop_tcpdump
	expect_eq datagrams 2 "$(udp_payloads "$TMP/wire.pcap" | wc -l)" || return
	expect_on_wire "$TMP/wire.pcap" "$(hex "$text")" || return
	expect_not_on_wire "$TMP/wire.pcap" "$(hex "$text?")" || return
}

expectations_can_fail()
{
	local out

	out=$(expect_eq a 1 2) && fail "expect_eq let 1 = 2 pass"
	expect_match expect_eq "wanted '1', got '2'" "$out"
	out=$(expect_ok false) && fail "expect_ok let a failure pass"
	out=$(expect_error x true) && fail "expect_error let a success pass"
	out=$(expect_between a 1 3 4) && fail "expect_between let 4 pass"
	return 0
}

namespaces_go_away()
{
	local C

	new_ns C || return
	del_ns "$C"
	expect_error . ip netns exec "$C" true
}

module_comes_and_goes()
{
	if ! modinfo cpns >/dev/null 2>&1; then
		skip "no cpns.ko installed"
		return
	fi
	load_module || return
	expect_eq module cpns "$(lsmod | awk '$1 == "cpns" { print $1 }')" || return
	unload_module
}

make_pair || exit 1
run_tests kernel_is_the_one_asked_for pair_is_joined wire_bytes_are_seen \
	expectations_can_fail namespaces_go_away module_comes_and_goes
