#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# multipath_live.sh - connections over several paths while something changes; and through a NAT
#
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/multipath_lib.sh
. "$(dirname "$0")/multipath_lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v python3 >/dev/null || skip_all "no python3"

multipath_network
multipath_listen
multipath_stack sender ''
multipath_stack receiver ''
multipath_proxies ''
must topo_exec s ethtool -K mp0 tso off gso off >/dev/null

# ---- changes meanwhile -----------------------------------------------------------------------------

exact_begin
for shares in 1 1,5 0,0,1 1,1,1,1,1; do
	weights $shares
done
must lana -s s set spread mode=earliest weights=1000,1000,1000,1000,1000
must lana -s s set spread mode=weighted
exact_end "weights and mode change during a transfer, which is byte-exact"

# ---- paths that fail -------------------------------------------------------------------------------

# watch STACK ADDRESS: leave paths out that are down
watch()
{
	background "$LANACTL" -s "$1" -n "$1" -j paths "$2" spread flows >"$LANA_SCRATCH/paths.$1"
	watchers+=("$!")
	wait_for test -s "$LANA_SCRATCH/paths.$1" || bail "nobody watches $1"
}

# down STACK MASK: it is what both fanouts leave out
down()
{
	[ "$(lana -s "$1" get spread down)$(lana -s "$1" get flows down)" = "$2$2" ]
}

watchers=()
watch s 10.0.0.2
watch r 10.0.0.1
exact_begin
must ip -n p2 link set far down
must ip -n p4 link set near down
ok "two of five paths fail: that is noticed at one end" wait_for down s 10
ok "and at the other" wait_for down r 10
exact_end "a transfer goes on, and is byte-exact"
before=$(sent s)
exact 1000000
read -ra packets <<<"$(grown "$before" "$(sent s)")"
ok "what fails gets probes, and nothing else" \
	test "${packets[1]}" -lt "$((packets[0] / 2))" -a "${packets[3]}" -lt "$((packets[0] / 2))"

must ip -n p2 link set far up
must ip -n p2 route replace 10.0.0.2 via 10.2.1.1
ok "one comes back: that is noticed at one end" wait_for down s 8
ok "and at the other" wait_for down r 8
ok "with it" exact 300000
like "$(jq -c '.paths[3].state' "$LANA_SCRATCH/paths.s" | tail -1)" down "it is told"
kill -KILL "${watchers[@]}"
wait "${watchers[@]}" 2>/dev/null
ok "nobody watches any more: what was set stays" down s 8
must ip -n p4 link set near up
must ip -n p4 route replace 10.0.0.1 via 10.4.0.1
must lana -s s set spread down=0
must lana -s r set spread down=0

refused "a block that is no fanout" lana -s s -n s paths 10.0.0.2 mss
must lana -s s set flows mark=0
refused "a fanout without a mark" lana -s s -n s paths 10.0.0.2 flows
refused "no such block" lana -s s -n s paths 10.0.0.2 nobody
must lana -s s set flows mark=0x700

# ---- weights by themselves -------------------------------------------------------------------------

# slow RATE: so much leaves path 2, either way
slow()
{
	local end

	for end in near far; do
		must topo_exec p2 tc qdisc replace dev $end root tbf rate "$1" burst 16k limit 60k
	done
}

# less: path 2 has less than a third of the weight of path 1
less()
{
	local -a weights

	IFS=, read -ra weights <<<"$(lana -s s get spread weights)"
	[ "$((weights[1] * 3))" -lt "${weights[0]}" ]
}

weights 1,1
slow 2mbit
background "$LANACTL" -s s -n s paths 10.0.0.2 spread adapt >/dev/null
watcher=$!
exact_begin
WAIT_MAX=20 ok "a path on which packets wait gets less" wait_for less
slow 1gbit
exact_end "a transfer is byte-exact meanwhile"
kill "$watcher"
must topo_exec p2 tc qdisc del dev near root
must topo_exec p2 tc qdisc del dev far root

# ---- segments --------------------------------------------------------------------------------------

# segment: that the sender's TCP makes, of what the receiver has announced
segment()
{
	topo_exec s python3 -c '
import socket
peer = socket.create_connection(("10.0.0.2", 7000), 5)
print(peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG))'
}

is "$(segment)" 1412 "a segment is what the tunnels take, less 12 bytes of time stamps"
must lana -s r set mss mtu=1000
is "$(segment)" 948 "mss lowers it"
must lana -s r set mss mtu=1464

# ---- NAT -------------------------------------------------------------------------------------------

# One tunnel from end to end; its way leads through a router that translates the sender's address.
must lana -s p1 flush
topo_exec p1 nft -f - <<-EOF
	table ip t {
		chain c {
			type nat hook postrouting priority 100
			oifname far masquerade
		}
	}
EOF
must ip -n s route add 10.1.1.0/24 via 10.1.0.2
multipath_stack sender 's/mode: ipip/mode: udp/
	s/src: 10.1.0.1, dst: 10.1.0.2/src: 10.1.0.1, dst: 10.1.1.1, sport: 6080/'
multipath_stack receiver 's/mode: ipip/mode: udp/; s/10.1.1.2 }/10.1.1.2, sport: 6080 }/
	s/decap, mode: udp/&, src: 10.1.1.2/'
weights 1
before=$(lost s)$(lost r)
if command -v nft >/dev/null; then
	ok "UDP, through a NAT: full packets" pings 1
	ok "UDP, through a NAT: TCP is byte-exact" exact 1000000
	is "$(lost s)$(lost r)" "$before" "nothing is lost"
else
	skip "no nft"
fi

for stack in s r; do
	ok "$stack is sound" lana -s $stack check
done
done_testing
