#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# multipath_live.sh - connections over several paths while something changes or fails
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
multipath_proxies ''
multipath_workers
must ip -n s link set mp0 gso_max_segs 1

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

# says PATTERN FANOUT ...: there is nothing to watch, for that reason
says()
{
	like "$(lana -s s -n s paths 10.0.0.2 "${@:2}" count 2 2>&1)" "$1" "which is said"
}

must lana -s s add lone fanout mark=0x700 mode=weighted weights=0,1
refused "a fanout without a path" lana -s s -n s paths 10.0.0.2 spread lone count 2
says "'lone' has no port that is bound" spread lone
must lana -s s bind lone sent1 port 0 egress
refused "one whose paths have no weight" lana -s s -n s paths 10.0.0.2 lone count 2
says "'lone' has no weight for any port that is bound" lone
must lana -s s set lone weights=1 mark=0x800
refused "one with another mark" lana -s s -n s paths 10.0.0.2 spread lone count 2
says "'lone' has another mark" spread lone
must lana -s s set lone mode=copy weights=0
refused "one that leaves nothing out" lana -s s -n s paths 10.0.0.2 lone count 2
says "'lone' sends by all ports" lone
must lana -s s unbind lone sent1 port 0 egress
must lana -s s rm lone

# ---- fanouts that differ ---------------------------------------------------------------------------

# row N PATTERN: what is said of path N at last
row()
{
	like "$(grep -E "^ *$1 " "$LANA_SCRATCH/said" | tail -n 1)" "$2" "path $1 is told"
}

must lana -s s set spread weights=5,1,1,1,1
must lana -s s set flows weights=1,1,1,1,0
ok "weights of two fanouts differ" sh -c "$LANACTL -s s -n s paths 10.0.0.2 spread flows count 6 >$LANA_SCRATCH/said"
like "$(head -n 1 "$LANA_SCRATCH/said")" ' WEIGHTS$' "those of each are told"
row 1 ' spread=5 flows=1$'
row 5 ' spread=1 flows=0$'
# shellcheck disable=SC2016 # jq's
is "$(lana -s s -n s -j paths 10.0.0.2 spread flows count 6 | tail -n 1 | jq -c '.paths[0] | [.weight, .weights]')" \
	'[null,{"spread":5,"flows":1}]' "in JSON, too"
must lana -s s set flows weights=5,1,1,1,1
ok "they are alike" sh -c "$LANACTL -s s -n s paths 10.0.0.2 spread flows count 6 >$LANA_SCRATCH/said"
like "$(head -n 1 "$LANA_SCRATCH/said")" ' WEIGHT$' "and told once"
row 1 ' 5$'
is "$(lana -s s -n s -j paths 10.0.0.2 spread flows count 6 | tail -n 1 | jq -c '.paths[0] | [.weight, .weights]')" \
	'[5,{"spread":5,"flows":5}]' "in JSON all the same"

is "$(lana -s s -n s -j paths 10.0.0.2 spread flows count 2 | jq -s length)" 1 "what is known at the end is told"

must ip -n p4 link set near down
must lana -s s set spread down=8
must lana -s s set flows down=0
ok "one leaves a path out that the other does not" lana -s s -n s paths 10.0.0.2 spread flows count 6
ok "which it does then, as there is no answer" down s 8
must ip -n p4 link set near up
must ip -n p4 route replace 10.0.0.1 via 10.4.0.1
watch s 10.0.0.2
ok "and both end it when there is one" wait_for down s 0
kill "${watchers[-1]}"
wait "${watchers[-1]}" 2>/dev/null

# ---- neighbours ------------------------------------------------------------------------------------

weights 1,1
exact_begin
# forgotten: packets were dropped, as the kernel does not know the neighbour; it may have learnt it
# again at once, from the neighbour's own question for its address
forgotten()
{
	ip -n s neighbour del 10.2.0.2 dev w2 2>/dev/null
	lost s | grep -q 'ask:policy='
}
ok "TCP's packets do not wait for a neighbour: they would not be sent again" wait_for forgotten
ok "a probe does, and it is found" pings 2
exact_end "the transfer is byte-exact"

for stack in s r; do
	ok "$stack is sound" lana -s $stack check
done

background "$LANACTL" -s s -n s paths 10.0.0.2 spread >"$LANA_SCRATCH/left" 2>&1
watcher=${lib_jobs[-1]}
wait_for test -s "$LANA_SCRATCH/left" || bail "nobody watches"
must lana -s s flush
must ip -n p3 link set near down
ok "who watches ends when the stack is gone" wait_for grep -q flushed "$LANA_SCRATCH/left"
wait "$watcher"
is $? 1 "and says so"
done_testing
