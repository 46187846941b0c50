#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# multipath_adapt.sh - weights that follow what the paths of a connection carry
#
# Two of the paths of multipath_lib.sh are used. What they carry changes during a transfer, and the
# shares have to become those of the rates, whatever they were before.
#
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/multipath_lib.sh
. "$(dirname "$0")/multipath_lib.sh"

multipath_network
multipath_listen
multipath_stack sender ''
multipath_stack receiver ''
multipath_proxies '' 2
multipath_workers
# Super-segments: of single ones TCP lets a few wait on its own machine (TCP small queues), where
# all queues are here.
for stack in s r; do
	must topo_exec $stack ethtool -K mp0 tso off gso off >/dev/null
done
must topo_exec s sysctl -qw net.ipv4.tcp_congestion_control=reno
weights 1,1
must lana -s s set flows weights=0,1

# carries PATH MBIT: so much, either way
carries()
{
	local end

	for end in near far; do
		must topo_exec "p$1" tc qdisc replace dev $end root tbf rate "$2mbit" burst 16k limit 40k
	done
}

# shares LEAST MOST: path 1 has so many times the weight of path 2, in hundredths
shares()
{
	local -a weights
	local times

	IFS=, read -ra weights <<<"$(lana -s s get spread weights)"
	times=$((weights[0] * 100 / weights[1]))
	[ "$times" -ge "$1" ] && [ "$times" -le "$2" ]
}

# sums LEAST MOST: all weights, in units of 100 kbit/s
sums()
{
	local sum=$(($(lana -s s get spread weights | tr , +)))

	[ "$sum" -ge "$1" ] && [ "$sum" -le "$2" ]
}

# still CONDITION …: it is so several times in a row
still()
{
	local n

	for n in 1 2 3 4 5; do
		"$@" || return
		sleep 0.1
	done
}

# adapting MODE FANOUTS: from wrong weights to those of the rates. With another PATH MBIT, to LEAST MOST
adapting()
{
	carries 1 10
	carries 2 1
	must lana -s s set spread mode="$1" weights=500,500
	# shellcheck disable=SC2086 # words
	background "$LANACTL" -s s -n s paths 10.0.0.2 $2 adapt >"$LANA_SCRATCH/told"
	exact_begin
	ok "$1: ten to one" wait_for still shares 500 2000
	[ "$1" = weighted ] || ok "$1: weights are the rates" wait_for still sums 70 150
	carries "$3" "$4"
	ok "$1: path $3 changes in the midst" wait_for still shares "$5" "$6"
	carries 1 1000
	carries 2 1000
	exact_end "$1: the transfer is byte-exact"
	kill "${lib_jobs[-2]}"
}

# back BYTES: so many come from r
back()
{
	topo_exec s timeout 60 python3 -c '
import socket, sys
peer = socket.create_connection(("10.0.0.2", 7001), 5)
peer.settimeout(20)
rest = int(sys.argv[1])
while rest > 0 and (chunk := peer.recv(1 << 16)):
    rest -= len(chunk)
sys.exit(rest > 0)' "$1"
}

# What goes the other way fills the paths, and is no load of s.
background nsenter --net=/run/netns/r python3 -c '
import socket
peer, _ = socket.create_server(("10.0.0.2", 7001)).accept()
try:
    while True:
        peer.sendall(bytes(1 << 16))
except OSError:
    pass' >/dev/null
wait_for topo_exec r sh -c 'ss -tlnH | grep -q :7001' || bail "nobody sends"
carries 1 10
carries 2 1
must lana -s s set spread mode=weighted weights=500,500
background "$LANACTL" -s s -n s paths 10.0.0.2 spread flows adapt >"$LANA_SCRATCH/told"
wait_for test -s "$LANA_SCRATCH/told" || bail "nobody watches"
ok "acknowledgements go" back 3000000
is "$(lana -s s get spread weights | cut -d, -f1,2)" 500,500 "they are no load by which paths are weighed"
kill "${lib_jobs[-1]}"

background "$LANACTL" -s s monitor >"$LANA_SCRATCH/monitored"
adapting weighted "spread flows" 2 10 60 170
adapting earliest "flows spread" 1 2 120 330
like "$(lana -s s get flows weights)" '^0,[1-9]' "a port without a weight has none, whatever its path carries"
like "$(lana -s s get spread delays)" '^[1-9]' "delays are measured"
like "$(lana -s s show)" 'weights=[0-9]' "show has the weights of the moment"
ok "monitor tells changes" wait_for grep -q 'spread.*weights' "$LANA_SCRATCH/monitored"
like "$(grep -o '[0-9.]* Mbit/s' "$LANA_SCRATCH/told" | tail -1)" '^[1-9]' "the rates are told"

must lana -s s bind spread path1 port 0 egress
refused "a path that nobody counts" lana -s s -n s paths 10.0.0.2 spread adapt
must lana -s s bind spread sent1 port 0 egress
for stack in s r; do
	ok "$stack: packets have waited for those of a slower path" test "$(counted $stack held)" -gt 0
	ok "$stack is sound" lana -s $stack check
done
done_testing
