#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# mirror.sh - mirror, snap, duplicate and fragment between real kernels, as a user sees them
#
#	  left            lab             watch
#	+------+    +---------------+    +------+
#	|  l0  |----| west     east |----|  w0  |   copies of what the kernel of lab answers
#	+------+    +---------------+    +------+
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v jq >/dev/null || skip_all "no jq"
command -v tcpdump >/dev/null || skip_all "no tcpdump"

for netns in left lab watch; do
	topo_netns $netns
done
topo_veth left l0 lab west 10.0.0.1/24 10.0.0.2/24
topo_veth lab east watch w0
must ip -n lab link set west mtu 9000
must ip -n left link set l0 mtu 9000
must ip -n lab link set east mtu 9000
must ip -n watch link set w0 mtu 9000
ip -n left neighbour replace 10.0.0.2 dev l0 lladdr "$(ip -n lab -j link show dev west | jq -r '.[0].address')"
ip -n lab neighbour replace 10.0.0.1 dev west lladdr "$(ip -n left -j link show dev l0 | jq -r '.[0].address')"

pings()
{
	topo_exec left ping -c "$1" -i 0.02 -W 1 "${@:2}" 10.0.0.2
}

copies()
{
	lana -j show "$1" | jq -c '.blocks[0].copies.ingress'
}

# counter BLOCK NAME
counter()
{
	stats "[.stats[].counters.$2] | add" "$1"
}

# watched COUNT COMMAND...: lengths on the wire of the first COUNT frames that w0 gets of it
watched()
{
	local pid

	background nsenter --net=/run/netns/watch tcpdump -n -e -p -Z root -Q in -i w0 -c "$1" icmp \
		>"$LANA_SCRATCH/seen" 2>"$LANA_SCRATCH/tcpdump"
	pid=$!
	wait_for grep -q 'listening on' "$LANA_SCRATCH/tcpdump" || bail "no tcpdump"
	shift
	"$@" >/dev/null
	wait_for eval "! kill -0 $pid"
	kill -INT $pid 2>/dev/null
	wait $pid
	sed -n "s/.*0x0800), length \([0-9]*\):.*/\1/p" "$LANA_SCRATCH/seen" | tr "\n" " "
}

stack()
{
	cat <<-END
		hooks: { west: { netns: lab, hook: $1 }, east: { netns: lab, hook: $1 } }
		blocks: { look: mirror, up: pass, head: { type: snap, bytes: 70 } }
		bind:
		  - west -> look -> up
		  - look[mirror] -> head -> east
	END
}

for hook in xdp tc; do
	stack $hook >"$LANA_SCRATCH/stack.yaml"
	ok "$hook: a mirror that leads nowhere" sh -c "sed '/mirror\]/d' '$LANA_SCRATCH/stack.yaml' | '$LANACTL' apply -"
	pings 3 >/dev/null
	is "$?-$(copies look)-$(counter look mirrored)" '0-{"inlined":0,"cloned":0,"broadcast":0}-0' \
		"$hook: lets all go on, and copies nothing"
	ok "$hook: and one that leads to another device" lana apply "$LANA_SCRATCH/stack.yaml"
	is "$(copies look)" \
		"$([ $hook = xdp ] && echo '{"inlined":0,"cloned":0,"broadcast":2}' || echo '{"inlined":0,"cloned":1,"broadcast":0}')" \
		"$hook: copies"
	is "$(watched 3 pings 3 -s 200)" "70 70 70 " "$hook: onlookers see as much as they shall"
	is "$(pings 3 -s 200 | grep -c 'bytes from 10.0.0.2.*ttl')" 3 "$hook: the kernel has whole packets"
	is "$(counter look mirrored) $(counter head cut)" "6 6" "$hook: which is counted"

	ok "$hook: a filter, and one in three" lana set look expr="icmp[icmptype] = icmp-echo and greater 100" one_in=3
	pings 2 -s 8 >/dev/null
	is "$(watched 2 pings 6 -s 300)" "70 70 " "$hook: a third of what the filter takes is seen"
	is "$(counter look mirrored)" 8 "$hook: and the rest is not copied"

	ok "$hook: all again" lana set look expr= one_in=0
	ok "$hook: what is not cut" lana set head bytes=0
	before=$(counter look mirrored)
	pings 2 -s 3600 >/dev/null
	is "$? $(($(counter look mirrored) - before)) $(stats '.stats[0].drops.no_copy // 0' look)" \
		"0 2 $([ $hook = xdp ] && echo 2 || echo 0)" "$hook: what cannot be copied goes on, and its copy is counted"
	ok "$hook: the stack is sound" lana check
	ok "$hook: flush" lana flush
done

# The kernel nests transmissions 8 deep, and the packet itself is none.
{
	echo "hooks: { west: { netns: lab, hook: tc } }"
	echo "blocks: { end: counter, up: pass"
	for i in {1..10}; do
		echo "  , t$i: mirror, m$i: { type: mark, value: $i }, c$i: counter"
	done
	echo "  }"
	echo "bind:"
	echo "  - west -> t1"
	for i in {1..10}; do
		echo "  - t${i}[mirror] -> m$i -> c$i"
		[ "$i" = 10 ] || echo "  - t$i -> t$((i + 1))"
	done
	echo "  - t10 -> m10"
} >"$LANA_SCRATCH/stack.yaml"
ok "tc: ten mirrors in a row" lana apply "$LANA_SCRATCH/stack.yaml"
topo_exec left ping -q -c 1 -W 0.1 10.0.0.2 >/dev/null
is "$(packets c10) $(packets c9) $(stats '[.stats[].drops.no_copy // 0] | add')" "2 1 0" "tc: the packet passes all of them, and loses no copy"
ok "flush" lana flush

# ---- duplicate ----------------------------------------------------------------------------------

doubling()
{
	cat <<-END
		hooks: { west: { netns: lab, hook: $1 } }
		blocks: { twice: { type: duplicate, ppm: 1000000 }, n: counter$2 }
		bind:
		  - west -> twice -> n$3
	END
}

for hook in xdp tc; do
	ok "$hook: doubled packets that are only read" lana apply - < <(doubling $hook "" "")
	is "$(copies twice)" '{"inlined":1,"cloned":0,"broadcast":0}' "$hook: are no copies"
	topo_exec left ping -q -c 2 -i 0.02 -W 0.1 10.0.0.2 >/dev/null
	is "$(packets n) $(counter twice doubled)" "4 2" "$hook: and counted twice"
	ok "$hook: doubled packets that go to the kernel" lana apply - < <(doubling $hook ", up: pass" " -> up")
	is "$(copies twice)" \
		"$([ $hook = xdp ] && echo '{"inlined":0,"cloned":0,"broadcast":2}' || echo '{"inlined":0,"cloned":1,"broadcast":0}')" \
		"$hook: are"
	is "$(pings 4 | grep -c DUP)" 3 "$hook: all are answered twice"
	pings 2 -s 3600 >"$LANA_SCRATCH/ping"
	is "$? $(grep -c DUP "$LANA_SCRATCH/ping") $(stats '.stats[0].drops.no_copy // 0' twice)" \
		"$([ $hook = xdp ] && echo "0 0 2" || echo "0 1 0")" "$hook: what cannot be doubled goes on once"
	ok "$hook: every other one, always the same" lana set twice ppm=500000 seed=4
	pings 40 >"$LANA_SCRATCH/ping"
	like "$(grep -c DUP "$LANA_SCRATCH/ping")" '^(1[0-9]|2[0-9])$' "$hook: is answered twice"
	ok "$hook: the stack is sound" lana check
	ok "$hook: flush" lana flush
done
# ---- fragment -----------------------------------------------------------------------------------

cutting()
{
	cat <<-END
		hooks: { west: { netns: lab, hook: $1 } }
		blocks: { two: tee, one: { type: mark, value: 1 }, cut: { type: fragment, mtu: 580 },
		  n: counter, more: counter, left: counter, up: pass, end: drop }
		bind: [ "west -> $2", "cut -> n -> up", "cut[whole] -> left -> up", "cut[df] -> up"$3 ]
	END
}

# What comes of five IPv4 packets with four fragments each
for hook in xdp tc; do
	ok "$hook: cut in pieces" lana apply - < <(cutting $hook cut ', "cut[parts] -> cut"')
	pings 5 -s 1972 -M dont >"$LANA_SCRATCH/ping"
	is "$(grep -c 'bytes from 10.0.0.2.*ttl' "$LANA_SCRATCH/ping") $(packets n) $(counter cut cut)" "5 20 15" \
		"$hook: the kernel has all of them"
	pings 2 -s 3600 -M dont >/dev/null
	is "$? $(packets left)" "0 $([ $hook = xdp ] && echo 2 || echo 0)" "$hook: what cannot be copied is left to the kernel"
	ok "$hook: the stack is sound" lana check
	ok "$hook: flush" lana flush
done
ok "xdp: without a port for parts" lana apply - < <(cutting xdp cut "")
pings 5 -s 1972 -M dont >/dev/null
is "$? $(packets left) $(counter cut cut)" "0 5 0" "xdp: all is left to the kernel"
ok "xdp: copies" lana apply - < <(cutting xdp two ', "two[0] -> one -> cut", "two[1] -> end", "cut[parts] -> more -> cut"')
pings 5 -s 1972 -M dont >"$LANA_SCRATCH/ping"
is "$(grep -c 'bytes from 10.0.0.2.*ttl' "$LANA_SCRATCH/ping") $(packets n) $(packets more)" "5 20 30" "xdp: are cut, too"
ok "flush" lana flush
cutting xdp cut ', "cut[parts] -> more -> up"' >"$LANA_SCRATCH/stack.yaml"
like "$(lana apply "$LANA_SCRATCH/stack.yaml" 2>&1)" "parts of what 'cut' cuts have to come back" "parts that do not come back are refused"
ok "flush" lana flush
cutting skb cut ', "cut[parts] -> cut"' >"$LANA_SCRATCH/stack.yaml"
like "$(lana apply "$LANA_SCRATCH/stack.yaml" 2>&1)" "'cut' would have to copy .*port lead nowhere" "generic XDP: cannot"
ok "flush" lana flush

# -------------------------------------------------------------------------------------------------

doubling skb ", up: pass" " -> up" >"$LANA_SCRATCH/stack.yaml"
refused "generic XDP: cannot" lana apply "$LANA_SCRATCH/stack.yaml"
ok "flush" lana flush
is "$(ip -n lab -j link show | jq length)" 3 "no device is left"
done_testing
