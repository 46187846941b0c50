#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# multipath_nat_learn.sh - several paths, each a tunnel through a NAT that gives it a port at random
#
# As multipath_lib.sh shows it, with tunnels from end to end; p1 … p5 translate what s sends. r knows
# neither their addresses nor the ports. One more router stands between s and p1:
#
#	s  w1 ── near  n  out ── near  p1  far ── w1  r
#	10.1.0.1   .2     10.9.0.1   .2    10.1.1.2   .1
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/multipath_lib.sh
. "$(dirname "$0")/multipath_lib.sh"

command -v nft >/dev/null || skip_all "no nft"
command -v conntrack >/dev/null || skip_all "no conntrack"

# translate NETNS DEV PORTS: the source of tunnels, from now on
translate()
{
	topo_exec "$1" nft -f - <<-EOF || bail "no NAT"
		table ip t
		delete table ip t
		table ip t {
			chain c {
				type nat hook postrouting priority 100
				oifname $2 udp sport 6080 masquerade to :$3 random
			}
		}
	EOF
	topo_exec "$1" conntrack -F 2>/dev/null || bail "conntrack -F"
}

# nats PORTS: on all paths
nats()
{
	local n

	for n in $(seq "$PATHS"); do
		translate "p$n" far "$1"
	done
}

# receiver ENCAP DECAP: r's stack, with options of its tunnels, where \2 is the path's number
receiver()
{
	multipath_stack receiver "
		s/\(path\([1-5]\): { type: encap,\).*/\1 mode: udp, src: 10.\2.1.1, $1 }/
		s/decap, mode: ipip/decap, mode: udp$2/"
}

# back N: r's ping by path N is answered, by the same path
back()
{
	topo_exec r ping -q -c 1 -W "${2-2}" -m "$((0x700 + $1))" 10.0.0.1
}

not_back()
{
	! back "$1" 0.2
}

not_there()
{
	! topo_exec s ping -q -c 1 -W 0.2 -m "$((0x700 + $1))" 10.0.0.2
}

# each COMMAND: for every path
each()
{
	local n

	for n in $(seq "$PATHS"); do
		"$1" "$n" || return 1
	done
}

# learnt STACK BLOCK: how often it has found a far end elsewhere
learnt()
{
	lana -s "$1" -j stats "$2" | jq '[.stats[].counters.learnt] | add'
}

# all_learnt BEFORE: as many far ends as there are paths, since that was so
all_learnt()
{
	[ "$(learnt r unwrap)" -ge $(($1 + PATHS)) ]
}

# peers: how many far ends r knows as they are on this side of NATs with these ports
peers()
{
	lana -s r -j show peers |
		jq '[.peers[] | select(.address == "10.\(.peer).1.2" and .port >= 20000 and .port < 30000)] | length'
}

# intrude: from elsewhere an IP header in UDP comes to r by path 1
intrude()
{
	topo_exec p1 bash -c "printf '%b' '\x45\0\0\x14\0\0\0\0\x40\xfd\0\0\xc0\0\2\1\xc0\0\2\2' >/dev/udp/10.1.1.1/6080"
}

# known COUNT: of the far ends so many are known as they are
known()
{
	[ "$(peers)" -eq "$1" ]
}

# unlearnt: packets from elsewhere came to r
unlearnt()
{
	[ "$(lana -s r -j stats unwrap | jq '[.stats[].counters.unlearnt] | add')" -gt 0 ]
}

# unknown STACK: packets that it had nowhere to send to
unknown()
{
	lana -s "$1" -j stats | jq '[.stats[].unbound.unknown // 0] | add'
}

multipath_network
topo_netns n
must ip -n p1 link set near netns n
must ip -n n address add 10.1.0.2/24 dev near
must ip -n n link set near up
topo_veth n out p1 near 10.9.0.1/24 10.9.0.2/24
must topo_exec n sysctl -qw net.ipv4.ip_forward=1
must ip -n n route add 10.1.1.0/24 via 10.9.0.2
must ip -n p1 route add 10.1.0.0/24 via 10.9.0.1
multipath_listen
for n in $(seq "$PATHS"); do
	must ip -n s route add "10.$n.1.0/24" via "10.$n.0.2"
done
nats 20000-29999
multipath_stack sender 's/mode: ipip, src: \(10\.[1-5]\)\.0\.1, dst: [0-9.]*/mode: udp, src: \1.0.1, dst: \1.1.1, sport: 6080/
	s/decap, mode: ipip/decap, mode: udp/'

# ---- as it is without learning -----------------------------------------------------------------------

receiver 'dst: 10.\2.1.2, sport: 6080' ''
ok "to the port that s has: no answer by any path" each not_there
is "$(learnt r unwrap)" 0 "nothing is learnt unless asked for"

# ---- both ways, when they are learnt -----------------------------------------------------------------

receiver 'peer: \2' ', mask: 0x1f'
ok "before anything came r has nowhere to send to" each not_back
is "$(unknown r)" "$PATHS" "that is counted"
ok "full packets by each path, and back" each pings
ok "and the other way round" each back
is "$(learnt r unwrap)" "$PATHS" "each far end is learnt once"
is "$(peers)" "$PATHS" "they are told, with ports that NATs gave"
like "$(lana -s r show peers | tail -n 1)" '^ *5 +10\.5\.1\.2 +2[0-9]{4}$' "as text, too"
before=$(sent r)
carries "learnt" 1,1,1,1,1
read -ra packets <<<"$(grown "$before" "$(sent r)")"
for n in $(seq "$PATHS"); do
	ok "and back by path $n: ${packets[n - 1]}" test "${packets[n - 1]}" -ge 10
done
is "$(learnt r unwrap)" "$PATHS" "packets alone teach nothing new"

# ---- state -------------------------------------------------------------------------------------------

must lana -s r replace unwrap decap
must lana -s r replace path1 encap
receiver 'dst: 10.\2.1.2, sport: 6080' ''
receiver 'peer: \2' ', mask: 0x1f'
ok "what is learnt stays when blocks are replaced and set" each back

# ---- somebody else -----------------------------------------------------------------------------------

must lana -s r set unwrap hold=3600s
ok "hold: far ends are heard" each pings
must intrude
ok "somebody else is, too" wait_for unlearnt
ok "and not learnt" known "$PATHS"
must lana -s r set unwrap hold=0
must intrude
ok "without hold he is" wait_for known $((PATHS - 1))
ok "until the far end is heard" pings 1
ok "again" known "$PATHS"

# ---- a NAT forgets -----------------------------------------------------------------------------------

before=$(learnt r unwrap)
nats 30000-39999
ok "NATs forget: nothing gets back" each not_back
ok "until something comes" each pings
ok "then it does" each back
ok "all far ends are learnt anew" all_learnt "$before"
weights 1,1,1,1,1
exact_begin
for ports in 20000-24999 25000-29999 30000-34999; do
	before=$(learnt r unwrap)
	nats $ports
	wait_for all_learnt "$before" || bail "not all are learnt anew"
done
exact_end "NATs forget three times during a transfer, which is byte-exact"

# ---- a proxy -------------------------------------------------------------------------------------------

# n translates, and p1 is the proxy that examples/multipath-proxy.yaml describes for that; from there on
# there is no NAT.
must topo_exec p1 nft delete table ip t
translate n out 20000-29999
must ip -n s route add 10.9.0.0/24 via 10.1.0.2
must lana -s s set path1 dst=10.9.0.2
multipath_stack receiver ''
weights 1
awk '/^#\t[a-z]/ { blocks = blocks "  " substr($0, 3) "\n" }
	/^#\t-/ { bind = bind "  " substr($0, 3) "\n" }
	/^#|- near ->|- far ->|- unwrap\[/ { next }
	{ print }
	/^blocks:/ { printf "%s", blocks }
	/^bind:/ { printf "%s", bind }' "$LANA_TOP/examples/multipath-proxy.yaml" |
	sed 's/203\.0\.113\.1/10.9.0.2/' >"$LANA_SCRATCH/proxy.yaml"
must lana -s p1 -n p1 apply "$LANA_SCRATCH/proxy.yaml" >/dev/null
ok "a proxy has nowhere to send to before something came" not_back 1
is "$(unknown p1)" 1 "that is counted"
ok "full packets through a proxy, and back" pings 1
ok "and the other way round" back 1
ok "TCP is byte-exact" exact 1000000
translate n out 30000-39999
ok "its NAT forgets: nothing gets back" not_back 1
ok "until something comes" pings 1
ok "then it does" back 1
is "$(learnt p1 learn)" 2 "the far end was learnt twice"

for stack in s r p1; do
	ok "$stack is sound" lana -s $stack check
done
done_testing
