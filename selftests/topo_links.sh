#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# topo_links.sh - links with properties: they do as the file says, and tell how true they are
#
#	a ──10ms/30ms── b ──loss── c,  a, b and c at a segment
# shellcheck disable=SC2016,SC2317 # functions are called by ok; $ is jq's
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/topo_lib.sh
. "$LANA_TOP/selftests/topo_lib.sh"

topo_links links
file=$folder/lab.yaml

# all that is left anywhere: pins and processes, too
leavings()
{
	traces
	find "$LANA_BPFFS" -mindepth 1 | sed 's/^/pin /'
}

# write_links: the file, of links on standard input
write_links()
{
	{
		echo 'nodes: { a: , b: { forwarding: true }, c: }'
		echo 'links:'
		cat
	} >"$file"
}

# rtt NETWORK NODE ADDRESS: of pings after the first, the least, in whole ms
rtt()
{
	in_node "$1" "$2" ping -n -c 4 -i 0.05 -W 2 "$3" | sed -n 's/^rtt [^=]*= \([0-9]*\).*/\1/p'
}

# takes NETWORK NODE ADDRESS MS: no echo comes sooner
takes()
{
	local got

	got=$(rtt "$1" "$2" "$3")
	[ "${got:-0}" -ge "$4" ] && [ "$got" -lt $(($4 + 60)) ] && return
	echo "it takes '$got' ms"
	false
}

# direction NETWORK FROM TO FILTER: what the jq filter makes of it
direction()
{
	topo_show "$1" ".directions[] | select(.from == \"$2\" and .to == \"$3\") | $4"
}

# ---- as the file says ----------------------------------------------------------------------------

before=$(leavings)
write_links <<'END'
  - { ends: [a, b], delay: 10ms, from: { b: { delay: 30ms } } }
  - { ends: [b, c], loss: 0, from: { b: { loss: 100% } } }
  - { ends: [a, b, c], name: lan, from: { a: { delay: 20ms } }, to: { b: { loss: 100% } } }
END
ok "it is well described, which takes no privilege" setpriv --inh-caps=-all --bounding-set=-all \
	"$LANACTL" topo validate "$file"
ok "the network comes up" topo up "$file"
ok "an echo takes both directions' delays" takes lab a 10.0.0.2 40
is "$(in_node lab c ping -n -c 3 -i 0.05 -W 1 10.0.1.1 | lost)" 3 "nothing comes by a direction that loses all"
heard()
{
	in_node lab "$1" cat /proc/net/snmp | awk '/^Icmp: [0-9]/ { print $2 }'
}
ok "a neighbour is known without being asked" in_node lab c ip neighbour replace 10.0.1.1 dev eth0 lladdr \
	"$(topo_show lab '.interfaces[] | select(.node == "b" and .link == "b-c") | .mac')"
counted=$(heard b)
in_node lab c ping -n -c 3 -i 0.05 -W 0.2 10.0.1.1 >/dev/null
is "$(($(heard b) - counted))" 3 "the other direction of the same link lets all through"
ok "an end of a segment has a delay towards it" takes lab a 10.0.2.3 20
is "$(in_node lab a ping -n -c 3 -i 0.05 -W 1 10.0.2.2 | lost)" 3 "and another one loses what comes"
is "$(topo_show lab '[.links[].kind] | join(" ")')" "emulated emulated segment" "all are shown as what they are"
is "$(direction lab a:eth0 b:eth0 '"\(.delay) \(.where)"')" "10000000 worker" "so are settings, by direction"
is "$(direction lab b:eth0 a:eth0 .delay)" 30000000 "each has its own"
p50=$(direction lab b:eth0 a:eth0 .delay_p50)
[ "${p50%.*}" -ge 29900000 ] && [ "${p50%.*}" -lt 60000000 ]
tap_result $? "beside them stands what was achieved" || note "$p50"
is "$(direction lab b:eth1 c:eth0 .loss_achieved)" 1000000000 "of losses, too"
is "$(topo_show lab '.processes[] | select(.node == "@wires") | .state')" runs "the links' worker is shown"

# ---- the worker dies, and the keeper ---------------------------------------------------------------

worker_pid()
{
	topo_show lab '.processes[] | select(.node == "@wires" and .state == "runs") | .pid'
}
is_another()
{
	local now

	now=$(worker_pid)
	[ -n "$now" ] && [ "$now" != "$first" ]
}
first=$(worker_pid)
kill -KILL "$first"
ok "a worker that was killed comes again" wait_for is_another
ok "and has the links" takes lab a 10.0.0.2 40
is "$(topo_show lab '.processes[] | select(.node == "@wires") | "\(.starts) \(.status)"')" "2 137" "which is shown"
keeper=$(cat "$LANA_TOPO/lab/keeper")
kill -KILL "$keeper"
wait_for sh -c "! kill -0 $(worker_pid) 2>/dev/null"
like "$(topo show lab)" "the keeper has gone" "a keeper that was killed is missed"
ok "packets pass meanwhile" reaches lab a 10.0.0.2
ok "apply starts it again" topo apply "$file"
ok "and the worker" takes lab a 10.0.0.2 40

# ---- in place, or undone ---------------------------------------------------------------------------

# All settings that are said above.
settings()
{
	topo_show lab '[.directions[] | "\(.from) \(.to) \(.delay) \(.loss)"] | join("; ")'
}
as_was=$(settings)
cp "$file" "$LANA_SCRATCH/first"
write_links <<'END'
  - { ends: [a, b], delay: 5ms, from: { b: { delay: 30ms } } }
  - { ends: [b, c], loss: 0, from: { b: { loss: 100% } } }
  - { ends: [a, b, c], name: lan, from: { a: { delay: 20ms } }, to: { b: { loss: 0 } } }
END
cp "$file" "$LANA_SCRATCH/second"
sed -i 's|c: }|c: , d: { routes: [198.51.100.0/24 via 203.0.113.1] } }|' "$file"
refused "what is refused behind changes of properties" topo apply "$file"
is "$(settings)" "$as_was" "has changed none"
is "$(in_node lab a ping -n -c 3 -i 0.05 -W 1 10.0.2.2 | lost)" 3 "of segments, too"
cp "$LANA_SCRATCH/second" "$file"
is "$(topo plan "$file" | grep -c .)" 2 "without that it is two steps"
ok "which are taken" topo apply "$file"
is "$(in_node lab a ping -n -c 3 -i 0.05 -W 1 10.0.2.2 | lost)" 0 "an end of a segment has its packets"
cp "$LANA_SCRATCH/first" "$file"
ok "and taken back" topo apply "$file"
is "$(settings)" "$as_was" "all is as it was"

# ---- down ------------------------------------------------------------------------------------------

carriers()
{
	topo_show "$1" "[.interfaces[] | select(.link == \"$2\") | .state] | join(\" \")"
}
ok "a link goes down" topo link lab a-b down
is "$(carriers lab a-b)" "no-carrier no-carrier" "its ends lose their carrier and stay on"
ok "and comes up" topo link lab a-b up
ok "as it was" takes lab a 10.0.0.2 40
ok "so does a segment" topo link lab lan down
is "$(carriers lab lan)" "no-carrier no-carrier no-carrier" "whether or not an end has properties"
ok "which comes up" topo link lab lan up
ok "an end of it has its delay again" takes lab a 10.0.2.3 20
ok "a link is cut one way" topo link lab a-b down from a
is "$(carriers lab a-b)" "cut up" "and no end sees that by its carrier"
ok "and is whole again" topo link lab a-b up
ok "the same network comes up under another name" topo up "$file" as other
ok "it has the same delays" takes other a 10.0.0.2 40
ok "it goes" topo down other
ok "the one stays" takes lab a 10.0.0.2 40
ok "and goes" topo down lab
is "$(leavings)" "$before" "nothing is left of either"

# ---- what cannot be had ----------------------------------------------------------------------------

# wrong LINK ERROR
wrong()
{
	write_links <<<"  - { ends: [a, b], $1 }"
	like "$(topo validate "$file" 2>&1)" "lab.yaml:3:[0-9]+: $2" "refused: $1"
}
wrong "delay: 5" "delay: '5' has no unit: a time is in ns, us, ms, s"
wrong "rate: 10mbyte" "rate: '10mbyte' is no rate"
wrong "loss: 101%" "loss: '101%' is more than"
wrong "from: { a: { rate: 1bit } }" "rate=1bit is out of range"
wrong "reorder: 1%" "reorder"
wrong "queue: wfq" "queue=wfq is none of fifo, fq, drr, red, codel"
wrong "queue: red, red_min: 1kb, red_max: 9kb, limit: 5kb" "red_max"
wrong "speed: 5mbit" "a link has no 'speed'"
wrong "from: { c: { delay: 1ms } }" "'c' is no node of this link"
wrong "to: { a: { delay: 1ms } }" "'to' is for segments"
wrong "mtu: 9000, delay: 1ms" "a link with rate, delay, jitter or reorder has an MTU of at most 3450"
is "$(jq -r '.properties.links.items.properties.from.additionalProperties.properties | keys | join(" ")' \
	"$LANA_TOP/docs/topology.schema.json")" \
	"$(lana load link && lana -j types link | jq -r '.types[0].config | keys | join(" ")')" \
	"properties are all options of the block"
lana flush
is "$(LANA_TYPES=/nowhere topo validate "$file" 2>&1 | grep -c "no type 'link'")" 1 \
	"without its type no link has properties"

done_testing
