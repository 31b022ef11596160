#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two cpnsd in two namespaces, as an administrator would run them: sessions
# come up, live through the death of a daemon and through reloads, and cpnsctl
# shows and changes what runs.

. "$(dirname "$0")/lib.sh"

A_ID=home.example
B_ID=gw@home.example
PID_A=
PID_B=

# write_conf A|B [LINE...]: the configuration of an end; the lines go into
# [peer]
write_conf()
{
	local end=$1

	shift
	if [ "$end" = A ]; then
		cat <<-EOF
		[entity]
		id = $A_ID
		role = server
		listen-port = 4500
		address = 10.9.0.1/24
		log-level = debug
		[peer "gw"]
		id = $B_ID
		role = pn-gw
		address = 10.9.0.2
		$KEY_LINES
		EOF
	else
		cat <<-EOF
		[entity]
		id = $B_ID
		role = pn-gw
		server = $A_ID
		address = 10.9.0.2/24
		log-level = debug
		[peer "server"]
		id = $A_ID
		role = server
		endpoint = $A4:4500
		address = 10.9.0.1
		$KEY_LINES
		EOF
	fi >"$TMP/$end.conf"
	printf '%s\n' "$@" >>"$TMP/$end.conf"
}

start_daemon()
{
	local ns=${!1}

	ip netns exec "$ns" cpnsd -f -c "$TMP/$1.conf" >>"$TMP/$1.log" 2>&1 &
	printf -v "PID_$1" %s $!
}

ctl()
{
	local ns=${!1}

	shift
	in_ns "$ns" cpnsctl "$@"
}

# peer_state A|B WANTED
peer_state()
{
	[ "$(ctl "$1" show cpns0 state | cut -f2)" = "$2" ]
}

# session_count A|B: sessions set up so far, from the daemon's log
session_count()
{
	grep -c 'session with' "$TMP/$1.log"
}

both_up()
{
	peer_state A up && peer_state B up
}

stop_daemons()
{
	local pid

	for pid in $PID_A $PID_B; do
		stop_bg "$pid"
	done
	PID_A=""
	PID_B=""
}

# start_both: anew, from the configurations that are there
start_both()
{
	stop_daemons
	ip -n "$A" link del cpns0 2>/dev/null
	ip -n "$B" link del cpns0 2>/dev/null
	rm -f "$TMP"/?.log
	start_daemon A
	start_daemon B
	wait_for 10000 "a session at B" peer_state B up || return
	# the responder is up with the first packet
	expect_ok in_ns "$B" ping -c 1 -W 5 10.9.0.1 || return
	wait_for 10000 "a session at A" peer_state A up
}

# json_field NAME A|B [N]: its Nth value in the JSON of cpnsctl show
json_field()
{
	ctl "$2" -j show | sed -n "s/.*\"$1\": \"\(.*\)\".*/\1/p" | sed -n "${3:-1}p"
}

current_sid()
{
	ctl "$1" show cpns0 sid | cut -f2
}

# ---- tests ----

sessions_come_up()
{
	write_conf A
	write_conf B
	start_both || return
	expect_ok in_ns "$B" ping -c 2 -i 0.2 -W 5 10.9.0.1 || return
	expect_ok in_ns "$A" ping -c 2 -i 0.2 -W 5 10.9.0.2
}

overlay_address_and_link_local_reach_the_peer()
{
	local overlay eid

	overlay=$(json_field overlay_address B)
	expect_ok in_ns "$A" ping -c 1 -W 5 "$overlay" || return
	eid=$(json_field eid A)
	expect_ok in_ns "$B" ping -c 1 -W 5 \
		"fe80::${eid:0:4}:${eid:4:4}:${eid:8:4}:${eid:12:4}%cpns0"
}

names_are_in_the_hosts_file()
{
	local file

	file=/run/cpns/cpns0.$(in_ns "$B" stat -L -c %i /proc/self/ns/net).hosts
	expect_match "hosts file" "$A_ID server.cpns0" "$(cat "$file")"
}

cpnsctl_shows_names_and_states()
{
	expect_match show "peer gw:.*id: $B_ID.*state: up" "$(ctl A show)" || return
	expect_eq "JSON" "$B_ID" "$(json_field id A 2)" || return
	expect_match dump "^peer.cpns0.server.$A_ID." "$(ctl B dump | grep ^peer)" || return
	expect_match status "peer gw:.*sessions: 1" "$(ctl A status)" || return
	expect_match why "begun by this end.*step: done" "$(ctl B why server)" || return
	expect_ok ctl A why "$B_ID"
}

exit_codes_are_as_documented()
{
	ctl A show nodev 2>/dev/null
	expect_eq "no such device" 3 $? || return
	ctl A why nobody 2>/dev/null
	expect_eq "no such peer" 3 $? || return
	ctl A frobnicate 2>/dev/null
	expect_eq usage 2 $? || return
	echo junk >"$TMP/junk.conf"
	ctl A syncconf "$TMP/junk.conf" 2>/dev/null
	expect_eq "refused configuration" 6 $? || return
	setpriv --reuid=65534 --clear-groups ip netns exec "$A" true 2>/dev/null
	in_ns "$A" setpriv --reuid=65534 --regid=65534 --clear-groups \
		cpnsctl show >/dev/null 2>&1
	expect_eq "unprivileged user" 4 $?
}

# numbered_traffic SECONDS COMMAND...: from B to A at 2000 a second, while the
# command runs; nothing may be lost
numbered_traffic()
{
	local seconds=$1 rate=2000 receiver sender verdict

	shift
	[ "$SLOW" = 1 ] || rate=200
	rm -f "$TMP/received" "$TMP/sent"
	ip netns exec "$A" "$LIB_DIR/udp-numbers.py" receive 10.9.0.1 7000 \
		"$TMP/received" >"$TMP/ready" &
	receiver=$!
	wait_for 20000 "a receiver" grep -q ready "$TMP/ready" || return
	ip netns exec "$B" "$LIB_DIR/udp-numbers.py" send 10.9.0.1 7000 $rate "$seconds" \
		"$TMP/sent" &
	sender=$!
	"$@"
	wait $sender
	wait_for 20000 "the end of traffic" test -s "$TMP/received"
	stop_bg $receiver
	verdict=$("$LIB_DIR/udp-numbers.py" compare "$TMP/sent" "$TMP/received")
	info "$verdict"
	expect_match "$rate a second" ', 0 lost, 0 doubled' "$verdict"
}

kill_and_restart()
{
	local end pid _

	for _ in 1 2 3 4 5; do
		sleep "$((RANDOM % 2)).$((RANDOM % 10))"
		end=A
		[ $((RANDOM % 2)) = 0 ] && end=B
		pid=PID_$end
		kill -KILL "${!pid}"
		wait "${!pid}" 2>/dev/null
		sleep "0.$((RANDOM % 10))"
		start_daemon $end
	done
}

killed_daemons_lose_no_packet()
{
	local sid

	sid=$(current_sid A)
	numbered_traffic 15 kill_and_restart || return
	wait_for 5000 "the daemons" both_up || return
	wait_for 5000 "daemon A" ctl A status || return
	wait_for 5000 "daemon B" ctl B status || return
	expect_eq "the session went on" "$sid" "$(current_sid A)"
}

reload_changes_differences_only()
{
	local sid

	sid=$(current_sid A)
	write_conf A "address = 10.77.0.0/24" "allowed-dst = 10.78.0.0/24"
	kill -HUP "$PID_A"
	wait_for 5000 "a route of the new prefix" \
		bash -c "ip -n $A route show 10.77.0.0/24 | grep -q ." || return
	expect_match "peer" "10.77.0.0/24" "$(ctl A show cpns0 addresses)" || return
	expect_eq "session" "$sid" "$(current_sid A)" || return
	write_conf A
	kill -HUP "$PID_A"
	wait_for 5000 "the old prefixes" \
		bash -c "! ip -n $A route show 10.77.0.0/24 | grep -q ." || return
	expect_eq "session" "$sid" "$(current_sid A)"
}

a_bad_configuration_changes_nothing()
{
	local before after

	before=$(ctl A showconf; ip -n "$A" route; current_sid A)
	echo "[peer \"x\"]" >>"$TMP/A.conf"
	expect_error "no id" ctl A reload || return
	kill -HUP "$PID_A"
	wait_for 5000 "the refusal" grep -q "was not taken" "$TMP/A.log" || return
	after=$(ctl A showconf; ip -n "$A" route; current_sid A)
	expect_eq "what runs" "$before" "$after" || return
	expect_match log "A.conf:[0-9]+: peer \"x\" has no id" "$(cat "$TMP/A.log")" || return
	write_conf A
	expect_ok ctl A reload
}

peers_are_changed_by_cpnsctl()
{
	local sid

	sid=$(current_sid A)
	cpnsctl key gen "$TMP/k2" >"$TMP/k2.lines"
	expect_ok ctl A peer add other id=pne@home.example role=pne key-file="$TMP/k2" \
		key-id="$(sed -n 's/key-id = //p' "$TMP/k2.lines")" address=10.9.0.3 || return
	expect_match add "10.9.0.3/32" "$(ctl A show cpns0 addresses)" || return
	expect_ok ctl A peer set other address=10.9.0.4 keepalive=5 || return
	expect_match set "10.9.0.4/32" "$(ctl A show cpns0 addresses)" || return
	expect_error "already" ctl A peer add other id=x role=pne || return
	expect_ok ctl A peer del other || return
	expect_eq "peers left" 1 "$(ctl A show cpns0 eid | wc -l)" || return
	expect_ok ctl A --save peer add other id=pne@home.example role=pne \
		key-file="$TMP/k2" key-id="$(sed -n 's/key-id = //p' "$TMP/k2.lines")" || return
	expect_match saved "\[peer \"other\"\]" "$(cat "$TMP/A.conf")" || return
	expect_ok ctl A --save peer del other || return
	expect_eq "the file" "" "$(grep other "$TMP/A.conf")" || return
	expect_eq "session" "$sid" "$(current_sid A)"
}

a_wrong_key_is_explained()
{
	stop_daemons
	write_conf B
	cpnsctl key gen "$TMP/wrong" >/dev/null
	sed -i "s|key-file = .*|key-file = $TMP/wrong|" "$TMP/B.conf"
	ip -n "$A" link del cpns0
	ip -n "$B" link del cpns0
	rm -f "$TMP"/?.log
	start_daemon A
	start_daemon B
	wait_for 8000 "an attempt" bash -c "ip netns exec $A cpnsctl stats | grep -q mac1" ||
		return
	expect_match "what A has dropped" "mac1: [1-9]" "$(ctl A stats)" || return
	expect_match "why at B" "init-sent" "$(ctl B why server)"
}

an_orderly_stop_keeps_or_purges()
{
	write_conf A
	write_conf B
	start_both || return
	stop_bg "$PID_A"
	PID_A=
	expect_ok in_ns "$B" ping -c 1 -W 5 10.9.0.1 || return
	expect_match "without daemon" "daemon: not running" "$(ctl A show)" || return
	expect_match "names without daemon" "peer gw:" "$(ctl A show)" || return
	sed -i 's/^\[entity\]/[entity]\nstop = purge/' "$TMP/B.conf"
	expect_ok ctl B reload || return
	stop_bg "$PID_B"
	PID_B=
	expect_error "does not exist" ip -n "$B" link show cpns0
}

need()
{
	command -v "$1" >/dev/null && return
	echo "1..0 # SKIP no $1"
	echo "0 passed, 0 failed, 1 skipped"
	exit 4
}

need cpnsd
modprobe cpns || exit 1
make_pair || exit 1
KEY_LINES=$(cpnsctl key gen "$TMP/key")
on_exit stop_daemons
run_tests sessions_come_up overlay_address_and_link_local_reach_the_peer \
	names_are_in_the_hosts_file cpnsctl_shows_names_and_states \
	exit_codes_are_as_documented killed_daemons_lose_no_packet \
	reload_changes_differences_only a_bad_configuration_changes_nothing \
	peers_are_changed_by_cpnsctl a_wrong_key_is_explained \
	an_orderly_stop_keeps_or_purges
