#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# events.sh - the stack of examples/threshold.yaml: a gate closes when a thousand packets have come
#
#	 client          host
#	+------+       +----------------------------------------------------+
#	|   c0 |-------| eth0 -> meter -> gate -> up (to the kernel, which   |
#	+------+       |          meter ~~~~> gate       answers pings)     |
#	               +----------------------------------------------------+
#
# shellcheck disable=SC2317 # functions are called by wait_for
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v jq >/dev/null || skip_all "no jq"
command -v ping >/dev/null || skip_all "no ping"

topo_netns client
topo_netns host
topo_veth client c0 host eth0 10.0.0.1/24 10.0.0.2/24

# No packet but pings: neighbours are known.
neighbour()
{
	must ip -n "$1" neighbour add "$2" dev "$3" nud permanent \
		lladdr "$(ip -n "$4" -j link show dev "$5" | jq -r '.[0].address')"
}
neighbour client 10.0.0.2 c0 host eth0
neighbour host 10.0.0.1 eth0 client c0

# pings COUNT: how many of so many are answered
pings()
{
	topo_exec client ping -q -f -c "$1" -W 0.2 10.0.0.2 |
		sed -n 's/.* \([0-9]*\) received.*/\1/p'
}

# counter BLOCK NAME
counter()
{
	lana -j stats "$1" | jq ".stats[] | select(.path == \"ingress\") | .counters.$2"
}

example=$LANA_TOP/examples/threshold.yaml
ok "the example is a stack" lana -n host apply "$example"
is "$(lana -n host diff "$example")" '' "and is so already the next time"
is "$(lana -j show meter | jq -c '.blocks[0].subscribers')" '["gate"]' "gate is subscribed to meter"
like "$(lana show dot)" 'b[0-9]+ -> b[0-9]+ \[style=dotted' "which is drawn"
is "$(lana -j types | jq -c '.types[] | select(.name == "threshold") | .events')" \
	'["reached","passed"]' "types says what a type publishes"
must lana load loss
is "$(lana -j types | jq -c '.types[] | select(.name == "loss") | [.config.ppm, .ranges.ppm]')" \
	'["__u32",{"least":0,"most":1000000}]' "and, each by itself, of what type options are and their range"
like "$(lana types loss)" "ppm +__u32 0\.\.1000000" "which in text stand together"
must lana unload loss
is "$(lana -j types | jq -c '.types[] | select(.hears) | .name')" '"gate"' "and which one hears"

background "$LANACTL" -j monitor >"$LANA_SCRATCH/told"
monitor=$!
watching()
{
	find "/proc/$monitor/fd" -lname '*inotify*' | grep -q .
}
wait_for watching || bail "no monitor"

is "$(pings 900)" 900 "900 pings pass"
is "$(pings 200)" 100 "and 100 more, and then no more"
is "$(counter gate refused)" 100 "the others are refused"
is "$(counter gate closings)" 1 "by a gate that was closed once"
is "$(counter meter packets)" 1100 "meter has counted all"
wait_for grep -q '"published"' "$LANA_SCRATCH/told"
is "$(jq -c 'select(.kind == "published") | [.block, .event, .value, .path, .text]' \
	"$LANA_SCRATCH/told")" '["meter","reached",1001,"ingress","meter: reached 1001 (ingress)"]' \
	"a monitor tells of it"

must lana set gate closed=off
is "$(pings 50)" 50 "set opens the gate"
must lana set gate closed=on
is "$(pings 5)" 0 "or closes it"
must lana set gate closed=off
must lana set meter at=1200
is "$(pings 100)" 44 "it closes on the next event, by what meter was set to"
is "$(lana -j stats meter | jq -c '.stats[] | select(.path == "ingress") | .events')" \
	'{"published":2,"suppressed":0}' "stats tells how many there were"

is "$(lana help complete subscribe '')" gate "completion offers those that hear"
is "$(lana help complete subscribe gate '')" meter "and those that publish"

must lana unsubscribe gate meter
must lana set gate closed=off
must lana set meter every=1
is "$(pings 20)" 20 "unsubscribed, it hears nothing"
refused "nobody subscribes to nobody" lana subscribe gate nobody
refused "nor a block without an event function" lana subscribe up meter
is "$(lana export | sed -n '/subscribe/,$p')" '' "what is not subscribed is not exported"
must lana subscribe gate meter
is "$(lana export | tail -2)" "subscribe:
  gate: [meter]" "what is, is"

# texts: of all that was told, from the first event published on
texts()
{
	jq -r 'select(.kind == "step" or .kind == "published") | .text' "$LANA_SCRATCH/told"
}
is "$(texts | head -4)" "meter: reached 1001 (ingress)
set gate closed=off
set gate closed=on
set gate closed=off" "events and steps are told in their order"
must lana flush
wait_for eval "! kill -0 $monitor" || kill -KILL "$monitor"
is "$(tail -n 1 "$LANA_SCRATCH/told" | jq -r .kind)" flush "the monitor ends with the stack"

# Blocks that publish only read, and as many as there are ports have room in one program.
branches()
{
	local port

	printf '%s\n' 'hooks: { eth0: { hook: xdp } }' 'blocks:' '  split: { type: fanout, mode: copy }'
	for port in {0..15}; do
		printf '  %s\n' "t$port: { type: threshold, at: 5 }" "n$port: counter"
	done
	printf '%s\n' 'bind:' '  - eth0 -> split'
	for port in {0..15}; do
		echo "  - split[$port] -> t$port -> n$port"
	done
}
ok "sixteen branches that publish" eval "branches | lana -n host apply -"
is "$(lana -j show split | jq '.blocks[0].copies.ingress.inlined')" 15 "are in line, but for the last"
ok "each is told of its own" pings 10
is "$(lana -j stats | jq '[.stats[] | select(.type == "threshold") | .events.published] | add')" 16 \
	"and publishes it"
lana export >"$LANA_SCRATCH/file"
must lana flush
ok "what is exported can be applied" lana -n host apply "$LANA_SCRATCH/file"
must lana flush
done_testing
