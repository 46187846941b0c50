#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# link.sh - emulated links as a user sees them
#
#	  left               lab                right
#	+------+    +--------------------+    +-------+
#	|  l0  |----| west ═ab═▶    east |----|  r0   |
#	|      |    |      ◀═ba═         |    |       |
#	+------+    +---------║----------+    +-------+
#	                    worker
# shellcheck disable=SC2317,SC2016,SC2119 # functions are called by ok, what eval gets expands there, start takes words
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=selftests/worker_lib.sh
. "$LANA_TOP/selftests/worker_lib.sh"

worker_topology

# join HOOK: two links, there and back
join()
{
	lana -n lab vlink hook west "$1"
	lana -n lab vlink hook east "$1"
	lana add ab link
	lana add ba link
	lana bind ab west ingress
	lana bind east ab ingress
	lana bind ba east ingress
	lana bind west ba ingress
}

# told FILTER: what the jq filter makes of link ab
told()
{
	lana -j link ab | jq -r ".links[0]$1"
}

# between VALUE LEAST MOST DESCRIPTION
between()
{
	awk -v v="$1" -v a="$2" -v b="$3" 'BEGIN { exit !(v >= a && v <= b) }'
	tap_result $? "$4" || note "$1, not from $2 to $3"
}

# ---- options -----------------------------------------------------------------------------------

join xdp
# why WORDS...: the line that says what is wrong
why()
{
	{ lana "$@" >/dev/null; } 2>&1
}
like "$(why set ab rate=10)" "rate: '10' has no unit: a rate is in bit, kbit" "a bare number"
like "$(why set ab delay=20kb)" "is no time: its unit is one of ns, us, ms, s" "another unit"
like "$(why set ab loss=101%)" "is more than the largest chance, 100%" "too much"
like "$(why set ab delay=0.1ns)" "is finer than a time can be" "too fine"
like "$(why set ab rate=7bit)" "rate=7bit is out of range \(8bit..1tbit\)" "too little"
like "$(why set ab limit=100)" "limit: '100' has no unit" "a limit of what?"
like "$(why set ab reorder=1%)" "reorder without reorder_by" "what does not go alone"
like "$(why set ab red_min=1kb red_max=2pkt)" "are not both in packets" "apples and pears"
# What RED cannot be told, also by a limit that nobody has named.
red=(queue=red red_min=20kb)
like "$(why set ab "${red[@]}" red_max=20kb limit=64kb)" "red_min is not less than red_max" "no room"
like "$(why set ab "${red[@]}" red_max=65kb limit=64kb)" "red_max=65kb is more than limit=64kb" "too high"
like "$(why set ab "${red[@]}" red_max=40kb)" "red_max is more than the limit, by default 30280b here" \
	"more than the default"
like "$(why set ab queue=red red_min=1pkt red_max=2pkt)" "by default, limit is in bytes" \
	"another measure than the default"
like "$(why add x link "${red[@]}" red_max=40kb)" "red_max is more than the limit" "the same of a new one"
like "$(why set ab queue=lifo)" "queue=lifo is none of fifo, fq, drr, red, codel" "no such queue"
like "$(why set ab speed=1)" "no option 'speed' \(it has dead, queue" "no such option"
is "$(lana -j get ab | jq -c '[.config[]] | unique')" '[0,"0","bypass","drop","fifo","off","tail","uniform"]' \
	"nothing was changed by that"
lana set ab rate=10mbit delay=20ms jitter=1.5ms loss=0.5% ber=1e-9 limit=64kb late=2ms seed=7 \
	overhead=24b queue=codel ecn=on
ok "settings merge" lana set ab delay=25ms
# settings KEY...: what get says of them
settings()
{
	local key

	for key; do
		echo -n "$key=$(lana get ab "$key") "
	done
}
is "$(settings rate delay jitter loss ber limit late seed overhead queue ecn)" \
	"rate=10mbit delay=25ms jitter=1.5ms loss=0.5% ber=1e-9 limit=64kb late=2ms seed=7 \
overhead=24b queue=codel ecn=on " "and read as they were written"
ok "what they may be" eval 'lana types link | grep -q "rate.*lana_rate"'
lana export >"$LANA_SCRATCH/stack.yaml"
like "$(cat "$LANA_SCRATCH/stack.yaml")" 'delay: 25ms' "a stack file has them"
is "$(lana diff "$LANA_SCRATCH/stack.yaml")" "" "which is what there is"
lana set ab delay=1ms
like "$(lana diff "$LANA_SCRATCH/stack.yaml")" 'delay' "it tells the difference"
ok "and is applied" lana apply "$LANA_SCRATCH/stack.yaml"
is "$(lana get ab delay)" 25ms "as it says"
# Options that need one another, in any order, and what does not fit, with its place.
cat >"$LANA_SCRATCH/wrong.yaml" <<-END
	blocks:
	  x: {type: link, reorder: 1%, reorder_by: 1ms}
	  y: {type: link, ge_p: 1%}
END
like "$(why apply "$LANA_SCRATCH/wrong.yaml")" 'wrong.yaml:3:3: ge_p without ge_r' "a file says where"
cat >"$LANA_SCRATCH/wrong.yaml" <<-END
	blocks:
	  ab: {type: link, queue: red, red_min: 1mb, red_max: 2mb}
END
like "$(why apply "$LANA_SCRATCH/wrong.yaml")" 'wrong.yaml:2:3: red_max is more than the limit' \
	"of settings that go together, too"
sed 's/delay: 25ms/&, reorder: 1%, reorder_by: 1ms/' "$LANA_SCRATCH/stack.yaml" >"$LANA_SCRATCH/needing.yaml"
ok "what a link that is there gets anew may need one another" lana apply "$LANA_SCRATCH/needing.yaml"
is "$(settings reorder reorder_by delay)" "reorder=1% reorder_by=1ms delay=25ms " "and has it"
ok "back again" lana apply "$LANA_SCRATCH/stack.yaml"

# What defaults stand for.
is "$(lana get ab limit)" "64kb" "a limit that was given"
lana set ab limit=0
is "$(lana get ab limit)" "0 (62500b in effect)" "one that was not: what it is"
is "$(lana -j get ab limit)" '{"config":{"limit":"0"},"in_effect":{"limit":"62500b"}}' "in JSON beside it"
like "$(lana show ab)" 'target +0 \(5ms in effect\)' "CoDel's target, as show has it"
lana set ab delay=20ms jitter=0 loss=0 ber=0 rate=0 limit=0 late=0 seed=0 overhead=0 queue=fifo ecn=off

# ---- time --------------------------------------------------------------------------------------

for hook in xdp tc; do
	[ $hook = xdp ] || join tc
	lana set ab delay=20ms dead=bypass
	ok "$hook: without a worker packets pass" reaches
	is "$(told .where)" none "which is told"
	start
	ok "with a worker they take their time" reaches
	between "$(topo_exec left ping -c 3 -i 0.2 -W 2 10.0.0.2 |
		sed -n 's/.* = \([0-9.]*\).*/\1/p' | tail -1)" 20 1000 "20 ms at least"
	is "$(told .where)" worker "which is told"
	wait_for eval '[ "$(told .packets)" -ge 5 ]'
	between "$(told .delay_p50)" 19800000 30000000 "the meter has measured that"
	is "$(lana -j link | jq -r '.links | map("\(.name) \(.where)") | join(" ")')" \
		"ab worker ba kernel" "the way back stays in the kernel"
	like "$(lana link)" 'NAME +PATH +WHERE.*ab +ingress +worker +0 +.*20ms' "a table"

	lana set ab delay=10ms rate=10mbit
	ok "the limit of the queue, by default" wait_for eval '[ "$(told .limit)" = 30280b ]'
	lana set ab delay=100ms
	ok "follows rate and delay" wait_for eval '[ "$(told .limit)" = 250000b ]'
	lana set ab rate=1gbit
	ok "what the worker has no room for is said" wait_for grep -q \
		'^ab (link): busy, it holds [0-9]* full frames, and the worker has room for' "$said"
	ok "and told" wait_for eval '[ "$(told .short_of_frames)" = true ]'
	lana set ab delay=1ms rate=8mbit limit=50pkt
	before=$(stats '.stats[0].counters.dropped_tail' ab)
	topo_exec right "$LANACTL" -j sink r0 running time 2s >"$LANA_SCRATCH/sunk" &
	sink=$!
	wait_for topo_exec right sh -c 'ip -j link show r0 | grep -q xdp'
	topo_exec left "$LANACTL" gen l0 'eth ip4 udp payload(958)' rate 2kpps time 1s stamp >/dev/null
	wait $sink
	is "$(jq .streams[0].reordered "$LANA_SCRATCH/sunk")" 0 "traffic beyond the rate: in order"
	# No more, that is; fewer, where a busy machine is late.
	between "$(jq .streams[0].received "$LANA_SCRATCH/sunk")" 500 1151 "1,000 a second pass, and 50 wait"
	ok "others are dropped, and counted" test \
		"$(stats '.stats[0].counters.dropped_tail' ab)" -gt "$((before + 500))"
	wait_for eval '[ "$(told .rate_achieved)" -gt 0 ]'
	between "$(told .rate_achieved)" 4000000 8400000 "the rate that the meter has measured"
	lana set ab delay=0 rate=0 limit=0
	ok "no time, and the kernel has it again" wait_for eval '[ "$(told .where)" = kernel ]'
	reaches >/dev/null
	before=$(stats '.stats[0].counters.to_user' ab)
	reaches >/dev/null
	is "$(stats '.stats[0].counters.to_user' ab)" "$before" "no packet goes to the worker"

	# One of two is held back by 50 ms, so those behind it pass it.
	lana set ab delay=1ms reorder=50% reorder_by=50ms seed=1
	topo_exec right "$LANACTL" -j sink r0 count 200 time 20s >"$LANA_SCRATCH/sunk" &
	sink=$!
	wait_for topo_exec right sh -c 'ip -j link show r0 | grep -q xdp'
	topo_exec left "$LANACTL" gen l0 rate 1kpps count 200 stamp >/dev/null
	wait $sink
	between "$(jq .streams[0].reordered "$LANA_SCRATCH/sunk")" 50 150 "reordered"
	is "$(jq .streams[0].received "$LANA_SCRATCH/sunk")" 200 "and none is lost"
	lana set ab reorder=0 reorder_by=0 delay=20ms

	if [ $hook = xdp ]; then
		is "$(told .silent_ms)" 0 "the worker comes round"
		kill -STOP "$worker"
		ok "it is stopped: that is told" wait_for eval '[ "$(told .silent_ms)" -ge 3000 ]'
		like "$(lana link ab)" 'where +worker, silent for [0-9]+ s' "where links are shown"
		like "$(lana show ab)" 'worker +worker, silent for [0-9]+ s' "where blocks are"
		like "$(lana show)" 'lana\.[^ ]+ xdp, silent for [0-9]+ s' "where the worker is"
		like "$(lana check)" "worker: process $worker has not come round for [0-9]+ s" \
			"and where a stack is checked"
		topo_exec left ping -q -n -c 20 -i 0.01 -W 1 10.0.0.2 >/dev/null
		kill -CONT "$worker"
		ok "it goes on: that is told, too" wait_for eval '[ "$(told .silent_ms)" = 0 ]'
		ok "packets that waited for it were late" wait_for eval '[ "$(told .late)" -ge 1 ]'
		before=$(told .packets)
		lana set ab delay=21ms
		reaches >/dev/null
		ok "settings change" wait_for eval '[ "$(told .packets)" -lt "$before" ]'
		ok "and the meter begins again, but for that" test "$(told .late)" -ge 1
	fi
	late=$(told .late)
	stop KILL
	ok "it is killed: packets pass" reaches
	lana set ab dead=closed
	refused "or do not, if dead=closed" sh -c '! nsenter --net=/run/netns/left \
		ping -q -c 1 -W 1 10.0.0.2 >/dev/null || exit 0; echo lost >&2; exit 1'
	ok "the meter is still there" test "$(told .late)" -ge "$late"
	lana set ab delay=0
	ok "a link that takes no time needs none" reaches
	lana set ab delay=5ms
	start
	ok "one that is started again takes it up" reaches
	topo_exec left ping -q -n -c 40 -i 0.01 -W 1 10.0.0.2 >/dev/null
	ok "it measures" wait_for eval '[ "$(told .packets)" -ge 40 ]'
	ok "and goes on counting what is late" test "$(told .late)" -ge "$late"
	ok "the stack is sound" lana check

	# ---- kernel TCP ------------------------------------------------------------------------

	# At tc the ends keep their offloads; at XDP checksums have to be finished by the sender.
	if [ $hook = tc ]; then
		topo_offload left l0 tx on
		topo_offload right r0 tx on
	fi
	lana set ab rate=100mbit delay=10ms dead=bypass
	lana set ba rate=100mbit delay=10ms
	background nsenter --net=/run/netns/right iperf3 -s -1 >/dev/null
	wait_for topo_exec right sh -c 'ss -Hltn sport = 5201 | grep -q .'
	topo_exec left iperf3 -c 10.0.0.2 -t 2 -O 1 -J >"$LANA_SCRATCH/iperf"
	between "$(jq '.end.sum_received.bits_per_second / 1e6' "$LANA_SCRATCH/iperf")" 25 100 \
		"$hook: TCP through 100 Mbit/s and 10 ms"
	note "$(jq '.end.sum_received.bits_per_second / 1e6' "$LANA_SCRATCH/iperf") Mbit/s"
	lana flush
	wait "$worker"
done

ok "examples/link-emulation.sh runs" "$LANA_TOP/examples/link-emulation.sh"
is "$(find "$LANA_BPFFS" -mindepth 2 | wc -l)" 0 "nothing is left in bpffs"
done_testing
