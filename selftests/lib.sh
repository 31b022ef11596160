# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Helpers for the tests that run in the VM. A test sources this file, defines
# functions and ends with:
#
#	run_tests function...
#
# Each function is one KTAP test. It calls fail or skip, each of which only
# notes the matter, and returns; or it uses the expect_ and need_ helpers,
# which do both where they stand after '|| return'. See smoke.sh.

set -u

# Time limits grow on the debug kernel, which is several times as slow.
# shellcheck disable=SC2034
SLOW=1
[ "${CPNS_DEBUG:-0}" = 1 ] && SLOW=4

LIB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TMP=$(mktemp -d /tmp/cpns-test.XXXXXX)
TEST_ID=$(basename "$TMP")
TEST_ID=${TEST_ID##*.}

_cleanups=()
_pids=()
_namespaces=()

# ---- results ----

_passed=0
_failed=0
_skipped=0
_test_state=
_test_reason=

# fail TEXT: the current test has failed, and why.
fail()
{
	echo "# $*"
	_test_state=fail
}

# skip REASON: the current test can't be run here.
skip()
{
	[ "$_test_state" = fail ] || _test_state=skip
	_test_reason=$*
}

# info TEXT: a remark in the output.
info()
{
	echo "# $*"
}

# run_tests FUNCTION...: runs them in this order, prints KTAP and the closing
# counts, exits with 0, 1 (something failed) or 4 (all skipped).
run_tests()
{
	local name n=0

	echo "KTAP version 1"
	echo "1..$#"
	for name in "$@"; do
		n=$((n + 1))
		_test_state=
		_test_reason=
		if ! declare -F "$name" >/dev/null; then
			fail "no function $name"
		elif ! "$name" && [ "$_test_state" != skip ]; then
			_test_state=fail
		fi
		case $_test_state in
		fail)
			_failed=$((_failed + 1))
			echo "not ok $n $name"
			;;
		skip)
			_skipped=$((_skipped + 1))
			echo "ok $n $name # SKIP $_test_reason"
			;;
		*)
			_passed=$((_passed + 1))
			echo "ok $n $name"
			;;
		esac
	done
	echo "$_passed passed, $_failed failed, $_skipped skipped"
	[ $_failed = 0 ] || exit 1
	[ $_passed != 0 ] || exit 4
	exit 0
}

# ---- expectations: each notes a failure and returns 1 ----

# expect_eq WHAT WANTED GOT
expect_eq()
{
	[ "$2" = "$3" ] && return
	fail "$1: wanted '$2', got '$3'"
	return 1
}

# expect_match WHAT REGEX GOT
expect_match()
{
	[[ $3 =~ $2 ]] && return
	fail "$1: '$3' does not match '$2'"
	return 1
}

# expect_between WHAT LOW HIGH GOT: a number, the limits included
expect_between()
{
	[[ $4 =~ ^-?[0-9]+$ ]] && [ "$4" -ge "$2" ] && [ "$4" -le "$3" ] && return
	fail "$1: wanted $2 to $3, got '$4'"
	return 1
}

# expect_ok COMMAND...
expect_ok()
{
	local out

	out=$("$@" 2>&1) && return
	fail "'$*' failed: $out"
	return 1
}

# expect_error REGEX COMMAND...: it fails and says something that matches
expect_error()
{
	local want=$1 out

	shift
	if out=$("$@" 2>&1); then
		fail "'$*' did not fail: $out"
		return 1
	fi
	expect_match "'$*'" "$want" "$out"
}

# need_command NAME...: notes a skip and returns 1 if one is not installed
need_command()
{
	local name

	for name in "$@"; do
		command -v "$name" >/dev/null && continue
		skip "no $name"
		return 1
	done
}

# ---- waiting ----

# busywait MS COMMAND...: until it succeeds; 1 when the time is over
busywait()
{
	local end

	end=$(($(date +%s%3N) + $1 * SLOW))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s%3N)" -lt $end ] || return 1
		sleep 0.05
	done
}

# wait_for MS WHAT COMMAND...: busywait that notes a failure
wait_for()
{
	local ms=$1 what=$2

	shift 2
	busywait "$ms" "$@" && return
	fail "no $what within $((ms * SLOW)) ms"
	return 1
}

# ---- cleaning up ----

# on_exit COMMAND...: run when the test ends, the last one first
on_exit()
{
	_cleanups+=("$(printf '%q ' "$@")")
}

# bg COMMAND...: starts it in the background; BG_PID is its process. It is
# ended with the test.
bg()
{
	"$@" &
	BG_PID=$!
	_pids+=("$BG_PID")
}

# stop_bg PID [SIGNAL]: ends it and waits; returns its status
stop_bg()
{
	kill "-${2:-TERM}" "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

_clean_up()
{
	local i

	trap '' INT TERM
	for i in "${_pids[@]}"; do
		stop_bg "$i" KILL
	done
	for ((i = ${#_cleanups[@]} - 1; i >= 0; i--)); do
		eval "${_cleanups[i]}" >/dev/null 2>&1
	done
	for i in "${_namespaces[@]}"; do
		ip netns del "$i" 2>/dev/null
	done
	rm -rf "$TMP"
}
trap _clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- namespaces ----

# new_ns VARIABLE...: a network namespace for each, with lo up; its unique
# name goes into the variable.
new_ns()
{
	local variable name

	for variable in "$@"; do
		name=${variable,,}-$TEST_ID
		ip netns add "$name" || return
		_namespaces+=("$name")
		printf -v "$variable" %s "$name"
		ip -n "$name" link set lo up
	done
}

# del_ns NAME: delete one before the end
del_ns()
{
	local i

	for i in "${!_namespaces[@]}"; do
		[ "${_namespaces[i]}" = "$1" ] && unset "_namespaces[i]"
	done
	ip netns del "$1"
}

# in_ns NAME COMMAND...
in_ns()
{
	local name=$1

	shift
	ip netns exec "$name" "$@"
}

# make_pair: namespaces $A and $B, joined by a veth called wire at both ends.
# The outer addresses are A4, A6 and B4, B6.
make_pair()
{
	A4=10.91.0.1 B4=10.91.0.2
	A6=fd91::1 B6=fd91::2
	new_ns A B || return
	ip -n "$A" link add wire type veth peer name wire netns "$B" || return
	ip -n "$A" addr add $A4/24 dev wire
	ip -n "$B" addr add $B4/24 dev wire
	ip -n "$A" addr add $A6/64 dev wire nodad
	ip -n "$B" addr add $B6/64 dev wire nodad
	ip -n "$A" link set wire up
	ip -n "$B" link set wire up
}

# dev_stat NAMESPACE DEVICE COUNTER: such as rx_bytes
dev_stat()
{
	in_ns "$1" cat "/sys/class/net/$2/statistics/$3"
}

# ---- the wire ----

# start_tcpdump NAMESPACE DEVICE FILE [FILTER...]: capture into FILE, begun
# when it returns. DUMP_PID is its process.
start_tcpdump()
{
	local ns=$1 dev=$2 file=$3

	shift 3
	bg ip netns exec "$ns" tcpdump -n -p -s 0 -U --immediate-mode \
		-i "$dev" -w "$file" "$@" 2>"$file.log"
	DUMP_PID=$BG_PID
	wait_for 10000 "tcpdump on $dev" grep -q "listening on" "$file.log"
}

# stop_tcpdump [PID]
stop_tcpdump()
{
	# what was sent just now may still be on its way to the file
	sleep 0.3
	stop_bg "${1:-$DUMP_PID}" INT
	return 0
}

# udp_payloads FILE: a line for each UDP datagram of a capture:
# source port source port destination port payload-in-hex
udp_payloads()
{
	/usr/bin/python3 "$LIB_DIR/udp-payloads.py" "$1"
}

# expect_on_wire FILE HEX, expect_not_on_wire FILE HEX: do some bytes occur in
# a datagram of the capture?
expect_on_wire()
{
	udp_payloads "$1" | grep -q "$2" && return
	fail "the wire has not seen $2"
	return 1
}

expect_not_on_wire()
{
	udp_payloads "$1" | grep -q "$2" || return 0
	fail "the wire has seen $2"
	return 1
}

# hex TEXT: its bytes as the functions above want them
hex()
{
	printf %s "$1" | od -An -v -tx1 | tr -d ' \n'
}

# ---- the module ----

# load_module: cpns.ko is there afterwards
load_module()
{
	modprobe cpns && return
	fail "cpns.ko can't be loaded"
	return 1
}

# unload_module: the module goes; a leaked reference shows here
unload_module()
{
	wait_for 10000 "unloading of cpns" _unloaded
}

_unloaded()
{
	[ ! -d /sys/module/cpns ] || rmmod cpns
}
