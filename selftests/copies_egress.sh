#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# copies_egress.sh - packets are copied wherever they come from: programs, workers, generators
#
#	  left                                     right
#	+-----------------------------------+    +------------------+
#	|  ping ── c ── split ──┬── l0 ●────|────|───● r0 ── echo   |
#	|                       └── k ── n  |    +------------------+
#	+-----------------------------------+
# shellcheck disable=SC2016,SC2317 # they are expanded when they are run; functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v jq >/dev/null || skip_all "no jq"

topo_netns left
topo_netns right
topo_veth left l0 right r0 10.0.0.1/24 10.0.0.2/24
out=$LANA_SCRATCH/out
mac=02:00:00:00:00:02

left()
{
	lana -s left -n left "$@"
}

right()
{
	lana -s right -n right "$@"
}

# copies STACK BLOCK PATH
copies()
{
	lana -s "$1" -j show "$2" | jq -c ".blocks[0].copies.$3"
}

# seen STACK BLOCK [COUNTER]: on both paths
seen()
{
	lana -s "$1" -j stats "$2" | jq "[.stats[].counters.${3-packets}] | add"
}

# drops STACK: of all its blocks
drops()
{
	lana -s "$1" -j stats | jq -c '[.stats[] | select(.drops != {}) | {(.name): .drops}]'
}

loops()
{
	ip -n "$1" -j link show | jq -r '[.[].ifname | select(startswith("lana.") and (startswith("lana.s") | not))] | length'
}

# start PROGRAM STACK DEVICE WORD...: in the background, once its block is bound
start()
{
	background "$LANA_BUILD/lana-$1" -s "$2" -n "$2" --json --below "$3" "${@:4}" >"$out.$1" 2>"$out.$1.err"
	pid=$!
	wait_for eval "lana -s $2 -j show $1 | jq -e '.blocks[0].refs > 0'" ||
		bail "no lana-$1: $(<"$out.$1.err")"
}

# ended: lana-ping, by a signal
ended()
{
	kill -INT "$pid"
	wait "$pid"
}

# said JQ: of what lana-ping has said last
said()
{
	tail -n 1 "$out.ping" | jq -c "$1"
}


# ---- what a program sends ----------------------------------------------------------------------

must right vlink hook r0
start echo right r0 --mac $mac
echo_pid=$pid

for hook in xdp skb tc; do
	must left vlink hook l0 $hook
	want='{"inlined":0,"cloned":0,"broadcast":2}' pairs=2
	[ $hook = tc ] && want='{"inlined":0,"cloned":1,"broadcast":0}' pairs=0
	for type in tee mirror; do
		start ping left l0 -i 0.005 $mac
		must left add k mark value=1
		must left add n counter
		must left bind k n egress
		must left add c counter
		must left add split $type
		must left bind split l0 egress
		must left bind split k port 1 egress
		must left bind c split egress
		is "$(copies left split egress | jq .broadcast) $(loops left)" "0 0" \
			"$hook, $type: where no packet comes nothing is broadcast"
		must left bind ping c egress
		is "$(copies left split egress) $(loops left)" "$want $pairs" "$hook, $type: what a program sends is copied"
		wait_for eval '[ "$(seen left c)" -ge 30 ]'
		ok "$hook, $type: the stack is sound" lana -s left check
		ended
		is "$(said '[.received == .sent, .lost, .duplicates]')" '[true,0,0]' "$hook, $type: all goes on"
		is "$(seen left c) $(drops left)" "$(seen left n) []" "$hook, $type: and its copies too"
		must left apply - <<<"hooks: { l0: { netns: left, hook: $hook } }" >/dev/null
		is "$(loops left)" 0 "$hook, $type: no device is left of it"
	done
	start ping left l0 -i 0.005 $mac
	must left add split duplicate ppm=1000000
	must left bind split l0 egress
	must left bind ping split egress
	wait_for eval '[ "$(seen left split doubled)" -ge 30 ]'
	ok "$hook, duplicate: the stack is sound" lana -s left check
	ended
	is "$(said '[.received == .sent, .lost]') $(drops left)" '[true,0] []' "$hook, duplicate: all goes on"
	is "$(said .duplicates)" "$(seen left split doubled)" "$hook, duplicate: twice"
	must left flush
	is "$(loops left)" 0 "$hook: and goes with the stack"
done

# ---- a namespace that loses its name -------------------------------------------------------------

# Copies come to echo, which keeps the namespace, as its socket is bound to r0 itself.
must right add split tee
must right add k mark value=1
must right add n counter
must right bind n k ingress
must right bind k split port 1 ingress
must right bind echo split ingress
must right bind split r0 ingress
must left vlink hook l0
must left add c counter
must left bind c l0
start ping left c -i 0.005 $mac
must ip netns del right
is "$(lana -s right check 2>&1)" "consistent" "a namespace without a name: what is copied there is not said to be lost"
ok "the stack can be changed" lana -s right set k value=2
before=$(seen right n)
wait_for eval '[ "$(seen right n)" -ge '$((before + 30))' ]'
ended
is "$(said .lost) $(seen right n) $(drops right)" "0 $(said .sent) []" "and no copy is"
kill -INT "$echo_pid"
wait "$echo_pid" 2>/dev/null
must lana -s right add d swap_mac
must lana -s right bind d split port 0 ingress
ok "when it is gone" wait_for eval "lana -s right check 2>&1 | grep -q '^copies: .*network namespace cannot be found'"
ok "the stack can be changed all the same" lana -s right set k value=3
must left flush
topo_netns right
topo_veth left l1 right r0
ok "another one of that name is hooked" lana -s right -n right vlink hook r0
is "$(loops right)" 2 "copies come back there from now on"
ok "and the stack is sound" lana -s right check
must right flush
must ip -n left link del l1
topo_veth left l0 right r0 10.0.0.1/24 10.0.0.2/24
ip -n left neighbour replace 10.0.0.2 dev l0 lladdr "$(ip -n right -j link show r0 | jq -r '.[0].address')"
ip -n right neighbour replace 10.0.0.1 dev r0 lladdr "$(ip -n left -j link show l0 | jq -r '.[0].address')"

# ---- what turns round ------------------------------------------------------------------------------

turning()
{
	cat <<-END
		hooks: { r0: { netns: right, hook: $1 } }
		blocks: { answer: echo, up: pass, split: tee, k: { type: mark, value: 1 }, n: counter }
		bind:
		  - r0 -> answer
		  - answer[other] -> up
		  - r0 <- split <- answer
		  - n <- k <- split[1]
	END
}

for hook in xdp tc; do
	ok "$hook: what turns round meets a tee" eval "turning $hook | lana -s right -n right apply -"
	topo_exec left ping -q -c 20 -i 0.01 -W 1 10.0.0.2 >"$out"
	is "$(grep -c ' 20 received' "$out") $(seen right n) $(drops right)" "1 20 []" "$hook: and goes on, and is copied"
	ok "$hook: the stack is sound" lana -s right check
	must right flush
done
refused "skb: what turns round would have to be copied" eval "turning skb | lana -s right -n right apply -"
like "$(turning skb | right apply - 2>&1)" "'split' would have to copy packets, which generic XDP cannot" "skb: and why"
must right flush

# ---- what is generated -----------------------------------------------------------------------------

generated()
{
	cat <<-END
		$1
		blocks: { split: tee, a: { type: mark, value: 1 }, na: counter, b: { type: mark, value: 2 }, nb: counter }
		bind:
		  - split[0] -> a -> na
		  - split[1] -> b -> nb
	END
}

for hooks in '' 'hooks: { r0: { netns: right, hook: xdp } }' 'hooks: { r0: { netns: right, hook: tc } }'; do
	generated "$hooks" | must right apply - >/dev/null
	is "$(loops right)" 0 "generated into a tee (${hooks:-no hook}): nothing is made for it before"
	ok "frames are generated" lana -s right -n right gen block split count 100 rate 20kpps
	wait_for eval '[ "$(seen right nb)" -ge 100 ]'
	is "$(seen right na) $(seen right nb) $(drops right)" "100 100 []" "and copied"
	ok "the stack is sound" lana -s right check
	must right flush
	is "$(loops right) $(ip -j link show | jq '[.[].ifname | select(startswith("lana."))] | length')" "0 0" "no device is left"
done

# ---- what a worker makes -----------------------------------------------------------------------------

export LANA_TYPES=$LANA_TYPES:$LANA_BUILD/selftests/blocks LANA_HALVES=$LANA_BUILD/selftests/user
for hook in xdp skb tc; do
	generated "hooks: { r0: { netns: right, hook: $hook } }" | must right apply - >/dev/null
	must right add u userkit make_every=5000000
	must right bind split u ingress
	background "$LANACTL" -s right -n right worker >"$out"
	pid=$!
	ok "$hook: what a worker makes" wait_for eval '[ "$(seen right nb)" -ge 20 ]'
	ok "$hook: the stack is sound" lana -s right check
	must right set u make_every=0
	wait_for eval '[ "$(seen right na) $(seen right nb)" = "$(seen right u made) $(seen right u made)" ]'
	is "$(seen right na) $(seen right nb) $(drops right)" "$(seen right u made) $(seen right u made) []" "$hook: is copied"
	ended
	must right flush
done

# ---- several namespaces ------------------------------------------------------------------------------

cat >"$out" <<'END'
hooks: { l0: { netns: left, hook: xdp }, r0: { netns: right, hook: xdp } }
blocks: { split: tee, a: { type: mark, value: 1 }, b: { type: mark, value: 2 } }
bind: [ 'l0 -> split', 'r0 -> split', 'split[0] -> a', 'split[1] -> b' ]
END
refused "copies of devices in two namespaces" lana apply "$out"
like "$(lana apply "$out" 2>&1)" "come by 'l0' and 'r0' .* one network namespace only .at 'split': let" "and why"
must lana flush
done_testing
