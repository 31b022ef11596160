#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Rekey under load, by two daemons: a soft limit every 2 s through 60 s of TCP
# is not to be seen in the throughput, nor in the counters.

. "$(dirname "$0")/lib.sh"

SECONDS_OF_LOAD=60

write_conf()
{
	cat >"$TMP/A.conf" <<-EOF
	[entity]
	id = home.example
	role = server
	listen-port = 4500
	address = 10.9.0.1/24
	[peer "gw"]
	id = gw@home.example
	role = pn-gw
	address = 10.9.0.2
	soft-time = 2
	$KEY_LINES
	EOF
	cat >"$TMP/B.conf" <<-EOF
	[entity]
	id = gw@home.example
	role = pn-gw
	server = home.example
	address = 10.9.0.2/24
	[peer "server"]
	id = home.example
	role = server
	endpoint = $A4:4500
	address = 10.9.0.1
	soft-time = 2
	$KEY_LINES
	EOF
}

counter()
{
	in_ns "$1" cpnsctl -v stats cpns0 | sed -n "s/^ *$2: //p" | sort -n | tail -1
}

sessions()
{
	grep -c 'session with' "$TMP/B.log"
}

session_comes_up()
{
	write_conf
	bg ip netns exec "$A" cpnsd -f -c "$TMP/A.conf" 2>"$TMP/A.log"
	bg ip netns exec "$B" cpnsd -f -c "$TMP/B.conf" 2>"$TMP/B.log"
	wait_for 10000 "a session" grep -q "session with" "$TMP/B.log"
}

rekey_is_not_seen_by_tcp()
{
	local begun made

	need_command iperf3 || return
	bg ip netns exec "$A" iperf3 -s -1 -B 10.9.0.1 --logfile "$TMP/server"
	sleep 1
	begun=$(sessions)
	expect_ok ip netns exec "$B" iperf3 -c 10.9.0.1 -t $SECONDS_OF_LOAD -i 0.5 \
		-J --logfile "$TMP/iperf.json" || return
	made=$(($(sessions) - begun))
	info "$made sessions in $SECONDS_OF_LOAD s"
	# one every 2 s, less what the handshakes take
	expect_between "sessions made" $((SECONDS_OF_LOAD / 3)) $((SECONDS_OF_LOAD / 2 + 2)) \
		"$made" || return
	/usr/bin/python3 - "$TMP/iperf.json" <<-'EOF' || fail "the throughput shows it"
	import json
	import statistics
	import sys

	with open(sys.argv[1], encoding="utf-8") as f:
	    rates = [i["sum"]["bits_per_second"] for i in json.load(f)["intervals"]
	             if i["sum"]["seconds"] > 0.4]
	median = statistics.median(rates)
	low = min(rates)
	print(f"# {len(rates)} intervals, median {median / 1e6:.1f} Mbit/s, lowest {low / 1e6:.1f}")
	sys.exit(low < median / 2)
	EOF
}

no_packet_lacked_its_key()
{
	local ns name

	for ns in "$A" "$B"; do
		for name in rx_unknown_sid rx_too_old rx_bad_tag rx_duplicate tx_no_key; do
			expect_eq "$ns $name" 0 "$(counter "$ns" $name)" || return
		done
	done
}

for program in cpnsd cpnsctl; do
	command -v $program >/dev/null && continue
	echo "1..0 # SKIP no $program"
	echo "0 passed, 0 failed, 1 skipped"
	exit 4
done
modprobe cpns || exit 1
make_pair || exit 1
KEY_LINES=$(cpnsctl key gen "$TMP/key")
run_tests session_comes_up rekey_is_not_seen_by_tcp no_packet_lacked_its_key
