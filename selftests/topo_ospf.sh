#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# topo_ospf.sh - routers that run FRR's zebra and ospfd, in two networks of one file at a time
#
#	pc1 -- r1 -- r2 -- r3 -- pc2      examples/ospf.topo.yaml, whose addresses and hops are those of
#	         \        /               the IMUNES paper; examples/ospf.imn is the same network
#	          -- r4 --
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/topo_lib.sh
. "$LANA_TOP/selftests/topo_lib.sh"

export LANA_HALVES=$LANA_BUILD/user
[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
[ -e "$LANA_TYPES/link.bpf.o" ] || skip_all "blocks are not built"
[ -e "$LANA_HALVES/link.so" ] || skip_all "the links' half in user space is not built"
[ -x /usr/lib/frr/ospfd ] || skip_all "no FRR (Debian package frr)"
cd "$LANA_TOP" || bail "no sources"
# The machine's own, which nobody may touch; where no systemd makes it at boot, nobody has.
[ -d /run/frr ] || install -d -o frr -g frr /run/frr

topo_mark=/usr/lib/frr
WAIT_MAX=60 # seconds; it takes three
before=$(traces) machine=$(ls -la /run/frr)
file=examples/ospf.topo.yaml

# ospf_way NETWORK FROM ADDRESS: the hops, but for the last one; echoes (-I) are not limited in rate
ospf_way()
{
	in_node "$1" "$2" traceroute -I -n -q 1 -w 1 -m 8 "$3" | awk 'NR > 1 { print $2 }' | head -n -1 | xargs
}

# ospf_goes NETWORK FROM ADDRESS HOP...
ospf_goes()
{
	[ "$(ospf_way "$1" "$2" "$3")" = "${*:4}" ]
}

# ospf_neighbours NETWORK ROUTER: their addresses, by what the router's ospfd says
ospf_neighbours()
{
	in_node "$1" "$2" vtysh -c 'show ip ospf neighbor' | awk '/Full/ { print $6 }' | sort | xargs
}

# ospf_trip NETWORK FROM ADDRESS: the shortest of ten round trips, in whole milliseconds
ospf_trip()
{
	in_node "$1" "$2" ping -n -q -c 10 -i 0.05 -W 2 "$3" |
		sed -n 's/^rtt [^=]*= \([0-9]*\)\..*/\1/p'
}

# ospf_rate NETWORK FROM ADDRESS: what arrives of a TCP connection, in units of 100 kbit/s
ospf_rate()
{
	in_node "$1" "$2" iperf3 -J -c "$3" -O 1 -t 2 --connect-timeout 3000 |
		jq '.end.sum_received.bits_per_second / 1e5 | floor'
}

# ospf_between DESCRIPTION LEAST MOST VALUE
ospf_between()
{
	[ "${4:-0}" -ge "$2" ] && [ "${4:-0}" -le "$3" ]
	tap_result $? "$1: $4" || note "want $2 to $3"
}

ospf_cut_off()
{
	! reaches ospf pc1 10.0.3.2
}

ok "the network is up" topo up "$file"
ok "and so is another one of the same file" topo up "$file" as ospf2

# ---- ways --------------------------------------------------------------------------------------

there=(10.0.4.1 10.0.1.2 10.0.2.2) back=(10.0.3.1 10.0.2.1 10.0.1.1)
ok "OSPF finds the way from pc1 to pc2" wait_for ospf_goes ospf pc1 10.0.3.2 "${there[@]}"
ok "and back, by the hops of the paper" wait_for ospf_goes ospf pc2 10.0.4.2 "${back[@]}"
ok "in the other network, too" wait_for ospf_goes ospf2 pc2 10.0.4.2 "${back[@]}"
is "$(ospf_neighbours ospf r1)" "10.0.0.2 10.0.1.2" "vtysh in a node asks that node's daemons"
is "$(ospf_neighbours ospf2 r4)" "10.0.0.1 10.0.5.1" "in each network"

# Links have delays of 1, 2, 3 and 1 ms; the least rate is 10 Mbit/s, 9.5 of which are TCP's data.
ospf_between "a round trip takes twice the delays of all links, in ms" 14 24 "$(ospf_trip ospf pc1 10.0.3.2)"
in_node ospf pc2 iperf3 -s -D -1
ospf_listens()
{
	in_node ospf pc2 ss -tln | grep -q :5201
}
wait_for ospf_listens
ospf_between "TCP gets the rate of the slowest, in units of 100 kbit/s" 80 100 "$(ospf_rate ospf pc1 10.0.3.2)"

ok "a link of one network goes down" topo link ospf r2-r3 down
ok "there is a way around" wait_for ospf_goes ospf pc1 10.0.3.2 10.0.4.1 10.0.0.2 10.0.5.1
ok "and back" wait_for ospf_goes ospf pc2 10.0.4.2 10.0.3.1 10.0.5.2 10.0.0.1
ospf_between "which takes as long as its links say" 44 64 "$(ospf_trip ospf pc1 10.0.3.2)"
ok "in the other network it is as before" ospf_goes ospf2 pc2 10.0.4.2 "${back[@]}"
ok "the way around goes down" topo link ospf r3-r4 down
ok "no way is left" wait_for ospf_cut_off
ok "the first one comes back" topo link ospf r2-r3 up
ok "and is taken again" wait_for ospf_goes ospf pc1 10.0.3.2 "${there[@]}"

# ---- the same, from a file of IMUNES -----------------------------------------------------------

# ospf_shape NETWORK: nodes, their addresses, what is linked, and how fast each direction is
ospf_shape()
{
	topo_show "$1" '([.interfaces[] | select(.node != "@wires") | "\(.node) \(.addresses | join(" "))"] +
		[.directions[] | "\(.from | split(":")[0]) -> \(.to | split(":")[0]) \(.rate) \(.delay)"]) |
		sort | join("\n")'
}

topo import examples/ospf.imn >"$LANA_SCRATCH/imported.yaml"
ok "what is imported of IMUNES's file is up" topo up "$LANA_SCRATCH/imported.yaml"
is "$(ospf_shape imported)" "$(ospf_shape ospf2)" "nodes, addresses and links are the same"
is "$(ospf_way imported pc2 10.0.4.2)" "${back[*]}" "and so is the way, without a daemon"
ok "it goes" topo down imported

# ---- what is left ------------------------------------------------------------------------------

like "$(topo_show ospf '.processes[] | select(.node == "r2") | .log' | xargs cat)" "ZEBRA" \
	"what daemons say is in the network's folder"
ok "one network goes" topo down ospf
ok "the other one is as before" ospf_goes ospf2 pc2 10.0.4.2 "${back[@]}"
ok "it goes" topo down ospf2
is "$(traces)" "$before" "nothing is left"
is "$(ls -la /run/frr)" "$machine" "/run/frr of the machine is as it was"

done_testing
