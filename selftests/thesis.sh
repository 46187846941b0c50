#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# thesis.sh - the example of LANA's thesis: one stack file, counts exact at full load, rebound meanwhile
#
#   +--- left ---+        +------------------- right --------------------+
#   |         l0 |--------| eth0 -> split -> v4  "ip"  -> n4, or spare   |
#   |            |        |              \-> arp "arp" -> narp           |
#   +------------+        +----------------------------------------------+
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$TRAFFIC" ] || skip_all "$TRAFFIC is not built"

topo_netns left
topo_netns right
topo_veth left l0 right eth0

stack()
{
	cat <<-END
	hooks:  { eth0: { dev: eth0, hook: $1 } }
	blocks:
	  split: tee
	  v4:    { type: filter, expr: "ip" }
	  arp:   { type: filter, expr: "arp" }
	  n4:    counter
	  spare: counter
	  narp:  counter
	bind:
	  - eth0 -> split
	  - split[0] -> v4 -> $2
	  - split[1] -> arp -> narp
	END
}

# counted BLOCK: packets that it counted
counted()
{
	lana -j stats "$1" | jq '[.stats[].counters.packets] | add'
}

# missed BLOCK: packets that left by a port that leads nowhere
missed()
{
	lana -j stats "$1" | jq '[.stats[].unbound[]] | add // 0'
}

# Rebind, set, replace and apply for as long as the traffic flows. What was done, a line each.
rearrange()
{
	while kill -0 "$1" 2>/dev/null; do
		lana bind spare v4 port match && echo bind
		lana set v4 expr="ether[12:2] = 0x800" && echo set
		lana replace spare counter && echo replace
		stack "$2" n4 | lana -n right apply - && echo apply
		lana bind narp arp port match && echo bind
	done
}

# shellcheck disable=SC2317 # called by wait_for
# all_counted COUNT: the counters have counted so many packets together
all_counted()
{
	[ $(($(counted n4) + $(counted spare) + $(counted narp))) -eq "$1" ]
}

# shellcheck disable=SC2317
some_counted()
{
	[ "$(counted narp)" -gt 0 ]
}

# At tc nothing on eth0 takes what XDP redirects into the cable, but for GRO.
topo_exec right ethtool -K eth0 gro on

for hook in xdp tc; do
	ok "$hook: the stack is one file" eval "stack $hook n4 | lana -n right apply -"
	is "$(lana -j show split | jq '.blocks[0].copies.ingress.inlined')" 1 \
		"$hook: of two branches that only read one is in line, none is a copy"

	"$TRAFFIC" send=left:l0 arp_every=10 seconds=3 >"$LANA_SCRATCH/report" 2>/dev/null &
	traffic=$!
	ok "$hook: traffic flows" wait_for some_counted
	rearrange $traffic $hook >"$LANA_SCRATCH/done" 2>"$LANA_SCRATCH/errors"
	wait $traffic
	sent=$(field sent <"$LANA_SCRATCH/report")
	is "$(cat "$LANA_SCRATCH/errors")" "" "$hook: whatever is done to it is done"
	ok "$hook: it was rearranged meanwhile" [ "$(wc -l <"$LANA_SCRATCH/done")" -ge 20 ]

	# What is not received yet when the sender ends comes within moments.
	ok "$hook: each packet reaches one of the counters" wait_for all_counted "$sent"
	ok "$hook: about a tenth are ARP" [ "$(($(counted narp) * 10 / sent))" -le 1 ]
	ok "$hook: both counters of IPv4 had some" [ "$(($(counted n4) && $(counted spare)))" -eq 1 ]
	is "$(missed v4)" "$(counted narp)" "$hook: the filter for IPv4 has seen those of ARP as well"
	is "$(missed arp)" "$((sent - $(counted narp)))" "$hook: and the filter for ARP all others"
	ok "$hook: the stack is sound" lana check
	ok "$hook: flush" lana flush
done

done_testing
