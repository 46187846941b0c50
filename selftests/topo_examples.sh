#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# topo_examples.sh - the topology files of examples/ do what their first lines say
# shellcheck disable=SC2016,SC2317 # functions are called by ok; what is quoted is for other shells
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/topo_lib.sh
. "$LANA_TOP/selftests/topo_lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
cd "$LANA_TOP" || bail "no sources"

topo_mark='iperf3 -s'
before=$(traces)
for example in examples/*.topo.yaml; do
	ok "$example is right" topo validate "$example"
done

ok "the office is up" topo up examples/office.topo.yaml
ok "a host reaches the world by its name" reaches office ann world
listens()
{
	in_node office server ss -tln | grep -q 5201
}
wait_for listens
ok "the server serves" in_node office bob iperf3 -c server -n 1M --connect-timeout 3000
ok "it goes" topo down office

ok "the square is up" topo up examples/square.topo.yaml
hops()
{
	in_node square h2 traceroute -n -q 1 -w 2 10.0.8.2 | awk 'NR > 1 { print $2 }' | wc -l
}
is "$(hops)" 4 "h4 is four hops from h2"
ok "an address of lo is reached" reaches square h4 192.0.2.2
ok "the diagonal goes down" topo link square r1-r3 down
ok "it goes" topo down square

if [ -e "$LANA_TYPES/link.bpf.o" ] && [ -e "$LANA_BUILD/user/link.so" ]; then
	export LANA_HALVES=$LANA_BUILD/user
	ok "the access network is up" topo up examples/access.topo.yaml
	ok "the server is reached" reaches access pc 10.0.2.2
	ok "its line is changed while it is in use" topo set access line delay=40ms
	is "$(topo_show access '[.directions[] | select(.link == "line") | .delay] | join(" ")')" "40000000 40000000" \
		"both ways"
	ok "it goes" topo down access
	ok "all its events go well" topo run examples/access.topo.yaml
else
	skip "blocks are not built"
fi

if [ -e "$LANA_TYPES/counter.bpf.o" ]; then
	ok "a node with a stack is up" topo up examples/stack.topo.yaml
	ok "it bridges" reaches stack left 10.0.0.2
	[ "$(lana -s stack+middle -j stats rightwards | jq '.stats[0].counters.packets')" -gt 0 ]
	tap_result $? "and counts"
	is "$(topo plan examples/stack.topo.yaml)" "nothing to do" "it is as its file says"
	ok "it goes" topo down stack
	is "$(find "$LANA_BPFFS" -name 'stack+*')" "" "and its stack with it"
else
	skip "blocks are not built"
fi
is "$(traces)" "$before" "nothing is left"

done_testing
