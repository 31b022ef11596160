#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The main job, shown: two entities authenticate each other, and a file crosses
# the session between them. What is said is checked; the first thing that does
# not hold ends the demo with status 1. Runs as root in the VM: 'make demo'.
set -u

DEMO=/cpns/selftests/demo
DIR=$(mktemp -d /tmp/demo.XXXXXX)
FILE=/cpns/COPYING
PHRASE='GNU GENERAL PUBLIC LICENSE'
GW_ADDRESS=192.0.2.1 SERVER_ADDRESS=192.0.2.2 PORT=7400
GW_ID=gw-1@home.example SERVER_ID=server@home.example
CLEAR=40		# bytes: the IPv6 header inside
pids=()

bold='' plain=''
[ -t 1 ] || [ -n "${CPNS_COLOUR-}" ] && { bold=$'\e[1m'; plain=$'\e[0m'; }

say()	{ printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
note()	{ printf '   %s\n' "$*"; }
show()	{ sed 's/^/   | /'; }
die()	{ printf '\nDEMO FAILED: %s\n' "$*"; logs; exit 1; }
gw()	{ ip netns exec gw "$@"; }
server() { ip netns exec server "$@"; }

# must TEXT COMMAND...: says the text where the command succeeds
must()
{
	local text=$1

	shift
	"$@" > "$DIR/must.log" 2>&1 || { show < "$DIR/must.log"; die "$text: it is not so"; }
	printf '   [ok] %s\n' "$text"
}

logs()
{
	local log

	for log in "$DIR"/cpnsd-*.log; do
		[ -e "$log" ] && { echo "--- $log"; tail -n 15 "$log"; }
	done
}

clean_up()
{
	local pid

	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	rm -rf "$DIR"
}
trap clean_up EXIT

# wait_until COMMAND...: for 30 s at most
wait_until()
{
	local end=$((SECONDS + 30))

	until "$@" > /dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

config()
{
	local key=$1

	cat > "$DIR/gw.conf" <<-EOF
	[entity]
	id = $GW_ID
	role = pn-gw
	server = $SERVER_ID
	device = cpns-gw
	listen-port = $PORT
	hosts-file = $DIR/hosts
	state-dir = $DIR/state-gw
	[peer "server"]
	id = $SERVER_ID
	role = server
	endpoint = $SERVER_ADDRESS:$PORT
	accept = $ACCEPT
	$key
	$CLASS
	EOF
	cat > "$DIR/server.conf" <<-EOF
	[entity]
	id = $SERVER_ID
	role = server
	device = cpns-server
	listen-port = $PORT
	state-dir = $DIR/state-server
	[peer "gw"]
	id = $GW_ID
	role = pn-gw
	accept = $ACCEPT
	$key
	$CLASS
	EOF
}

# mode ACCEPT CLASS: another protection, while the session lives on
mode()
{
	ACCEPT=$1 CLASS=$2
	config "$KEY"
	gw cpnsctl -i cpns-gw reload > /dev/null || die "the PN GW's daemon does not reload"
	server cpnsctl -i cpns-server reload > /dev/null || die "the Server's daemon does not reload"
}

start()
{
	mkdir -p "$DIR/state-$1"
	ip netns exec "$1" cpnsd -f -c "$DIR/$1.conf" > "$DIR/cpnsd-$1.log" 2>&1 &
	pids+=($!)
}

session_is_up()
{
	[ "$(gw cpnsctl show cpns-gw state | cut -f2)" = up ] &&
	[ "$(server cpnsctl show cpns-server state | cut -f2)" = up ]
}

# fetch NAME: the file over HTTP, with what crosses the wire in NAME.pcap
fetch()
{
	local dump

	: > "$DIR/tcpdump.log"
	ip netns exec gw tcpdump -n -p -s 0 -U --immediate-mode -i wire -w "$DIR/$1.pcap" \
		udp port $PORT 2> "$DIR/tcpdump.log" &
	dump=$!
	pids+=($dump)
	wait_until grep -q 'listening on' "$DIR/tcpdump.log" || die "tcpdump does not start"
	rm -f "$DIR/got"
	gw curl -sS --max-time 20 -o "$DIR/got" "http://[$SERVER_OVERLAY]:8080/COPYING" ||
		die "curl can't fetch the file"
	sleep 0.5
	kill $dump
	wait $dump 2> /dev/null
}

wire()	{ /usr/bin/python3 "$DEMO/wire.py" "$DIR/$1.pcap" "${@:2}"; }
wire_hides() { ! wire "$1" has "$2"; }
stat_of() { server cpnsctl -j stats cpns-server | /usr/bin/python3 "$DEMO/stat.py" "$1"; }

# refused COUNTER HOW: sends the last datagram again, changed or not
refused()
{
	local counter=$1 how=$2 before

	before=$(stat_of "$counter")
	gw /usr/bin/python3 "$DEMO/wire.py" "$DIR/auth.pcap" "$how" \
		$GW_ADDRESS $SERVER_ADDRESS $PORT || die "the datagram can't be sent"
	wait_until eval "[ \$(stat_of $counter) = $((before + 1)) ]"
}

say "Two entities, each in a network of its own, and a wire between them"
ip netns add gw && ip netns add server || die "no namespaces: is this the VM? Use 'make demo'"
ip link add wire netns gw type veth peer name wire netns server
ip -n gw addr add $GW_ADDRESS/24 dev wire
ip -n server addr add $SERVER_ADDRESS/24 dev wire
for ns in gw server; do
	ip -n $ns link set lo up
	ip -n $ns link set wire up
done
note "PN GW  $GW_ID at $GW_ADDRESS"
note "Server $SERVER_ID at $SERVER_ADDRESS"

say "One key for both, in a file, and a cpnsd each"
KEY=$(cpnsctl key gen "$DIR/key") || die "no key"
ACCEPT=encrypt CLASS=
config "$KEY"
start server
start gw
must "they authenticate each other and have a session" wait_until session_is_up
gw cpnsctl show cpns-gw | show
SERVER_OVERLAY=$(awk -v id=$SERVER_ID '{ for (i = 2; i <= NF; i++) if ($i == id) print $1 }' \
	"$DIR/hosts" | head -n 1)
must "the hosts file knows the Server as $SERVER_OVERLAY" test -n "$SERVER_OVERLAY"

say "A file over HTTP, through the session"
ip netns exec server busybox httpd -f -p "[$SERVER_OVERLAY]:8080" -h /cpns \
	> "$DIR/http.log" 2>&1 &
pids+=($!)
wait_until server curl -sS --max-time 5 -o /dev/null "http://[$SERVER_OVERLAY]:8080/COPYING" ||
	die "the web server does not start"
fetch encrypt
must "curl got $(stat -c %s $FILE) bytes, the same as the Server's" cmp "$DIR/got" $FILE

say "What the wire sees: mode encrypt, the default"
wire encrypt longest | show
must "each datagram is DATA from one of the two to the other" \
	wire encrypt all-data $GW_ID $SERVER_ID
must "'$PHRASE' is nowhere on it" wire_hides encrypt "$PHRASE"
must "nor is the address inside, $SERVER_OVERLAY" wire_hides encrypt "ip6:$SERVER_OVERLAY"

say "Mode encrypt with a clear prefix of $CLEAR bytes"
mode "clear:$CLEAR" "[class \"all\"]
	prio = 1
	mark = 0
	mask = 0
	mode = encrypt
	clear = $CLEAR"
fetch clear
must "the file arrives all the same" cmp "$DIR/got" $FILE
wire clear longest | show
must "the header inside can be read: $SERVER_OVERLAY" wire clear has "ip6:$SERVER_OVERLAY"
must "'$PHRASE' can't" wire_hides clear "$PHRASE"

say "Mode auth: authenticated, and not encrypted"
mode auth "[class \"all\"]
	prio = 1
	mark = 0
	mask = 0
	mode = auth"
fetch auth
must "the file arrives all the same" cmp "$DIR/got" $FILE
wire auth longest | show
must "'$PHRASE' can be read" wire auth has "$PHRASE"

say "Somebody on the wire changes a datagram, and sends one a second time"
must "a forged one is refused and counted: rx-bad-tag + 1" refused rx-bad-tag forge
must "a replayed one is refused and counted: rx-duplicate + 1" refused rx-duplicate replay
must "the session has not suffered" gw ping -c 1 -W 5 "$SERVER_OVERLAY"

say "cpnsctl show, at the Server"
server cpnsctl --colour "${CPNS_COLOUR:-auto}" show cpns-server | show
must "it is one and the same session all the time" \
	test "$(grep -c 'session with' "$DIR/cpnsd-server.log")" = 1

say "That is all: every line marked [ok] was checked"
