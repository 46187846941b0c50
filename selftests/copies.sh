#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# copies.sh - tee and fanout between real kernels, as a user sees them
#
#	  left            lab
#	+------+    +---------------+
#	|  l0  |----| west          |   what the stack lets pass is answered by the kernel of lab
#	+------+    +---------------+
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

LANA_TYPES=$LANA_TYPES:$LANA_BUILD/selftests/blocks
[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v jq >/dev/null || skip_all "no jq"

topo_netns left
topo_netns lab
topo_veth left l0 lab west 10.0.0.1/24 10.0.0.2/24
file=$LANA_SCRATCH/stack.yaml

copies()
{
	lana -j show "$1" | jq -c '.blocks[0].copies.ingress'
}

# traced WAY DESCRIPTION: so does a ping go
traced()
{
	local pid

	background "$LANACTL" -j trace "icmp[icmptype] = icmp-echo" count 1 >"$LANA_SCRATCH/out"
	pid=$!
	wait_for sh -c "ls '$LANA_BPFFS'/lana/*/probes/*/counts"
	lana check >/dev/null # it waits for the lock
	topo_exec left ping -q -c 1 -W 0.1 10.0.0.2 >/dev/null
	wait "$pid"
	is "$(jq -r '.packet // empty | [.hops[] | .block + " " + .way] | join(", ")' "$LANA_SCRATCH/out")" "$@"
}

stack()
{
	cat <<END
hooks: { west: { netns: lab, hook: $1 } }
blocks:
  split: tee
  v4: { type: ethertype, config: { type: 0x0800 } }
  arp: { type: ethertype, config: { type: 0x0806 } }
  n4: counter
  narp: counter
  up: pass
bind:
  - west -> split
  - split[0] -> v4 -> n4
  - split[1] -> arp -> narp
END
}

for hook in xdp tc; do
	stack $hook >"$file"
	ok "$hook: the example's two branches" lana apply "$file"
	is "$(copies split)" '{"inlined":1,"cloned":0,"broadcast":0}' "$hook: are woven one after the other"
	like "$(lana show split)" 'copies +ingress 1 in line' "$hook: which show tells"
	is "$(lana export | lana diff -)" '' "$hook: export and diff agree"
	must ip -n left neighbour replace 10.0.0.2 dev l0 lladdr 02:00:00:00:00:01
	topo_exec left ping -q -c 3 -i 0.1 -W 0.1 10.0.0.2 >/dev/null
	is "$(packets n4) $(packets narp)" "3 0" "$hook: each branch has seen all of it"
	is "$(booked arp)" "arp:other=3" "$hook: and books what it has no way for"
	traced "west next, split all, v4 match, n4 next, arp other" "$hook: a trace tells of both, one after the other"
	ok "$hook: the second goes on to the kernel" lana bind up narp ingress
	is "$(copies split)" '{"inlined":1,"cloned":0,"broadcast":0}' "$hook: there is no copy as yet"
	must ip -n left neighbour flush dev l0
	ok "$hook: the first does not" wait_for sh -c 'ip -n left neighbour show | grep -q lladdr || nsenter --net=/run/netns/left ping -q -c 1 -W 0.1 10.0.0.2; ip -n left neighbour show | grep -q lladdr'
	ok "$hook: the stack is sound" lana check
	ok "$hook: flush" lana flush
	ip -n left neighbour flush dev l0
done

# Real copies at XDP: one goes up to the kernel, which answers, the other back to where it came from.
loops()
{
	ip -n lab -j link show | jq -r '.[].ifname | select(startswith("lana."))' | wc -l
}

xdp_stack()
{
	cat <<-END
		hooks: { west: { netns: lab, hook: $1 } }
		blocks: { split: tee, a: { type: mark, value: 1 }, na: counter, up: pass,
		  b: { type: mark, value: 2 }, nb: counter }
		bind:
		  - west -> split
		  - split[0] -> a -> na -> up
		  - split[1] -> b -> nb -> west
	END
}

xdp_stack skb >"$file"
refused "generic XDP: two branches that do more than read" lana apply "$file"
like "$(lana apply "$file" 2>&1)" "'split' would have to copy packets, which generic XDP cannot" "generic XDP: and why"
is "$(lana -j show | jq -c .blocks) $(loops)" '[] 0' "generic XDP: nothing is there"
ok "flush" lana flush

xdp_stack xdp >"$file"
ok "xdp: what it takes is seen in a dry run" lana apply "$file" dry-run
is "$(loops)" 0 "xdp: which leaves no device"
ok "xdp: copies" lana apply "$file"
is "$(copies split) $(loops)" '{"inlined":0,"cloned":0,"broadcast":2} 2' "xdp: by broadcast, through a pair of devices"
ip -n left neighbour replace 10.0.0.2 dev l0 lladdr "$(ip -n lab -j link show dev west | jq -r '.[0].address')"
ip -n lab neighbour replace 10.0.0.1 dev west lladdr "$(ip -n left -j link show dev l0 | jq -r '.[0].address')"
background ip netns exec left tcpdump -i l0 -Q in -c 10 -w "$LANA_SCRATCH/back.pcap" icmp 2>"$LANA_SCRATCH/tcpdump"
pid=$!
wait_for grep -q listening "$LANA_SCRATCH/tcpdump"
is "$(topo_exec left ping -c 5 -i 0.05 -W 1 10.0.0.2 | grep -c 'bytes from 10.0.0.2.*ttl')" 5 "xdp: the kernel answers what is let go"
# shellcheck disable=SC2016 # expanded when it is run
wait_for eval '[ "$(packets nb)" -ge 5 ]'
is "$(packets na) $(packets nb)" "5 5" "xdp: both branches have seen it"
wait "$pid"
is "$(tcpdump -r "$LANA_SCRATCH/back.pcap" "icmp[icmptype] = icmp-echo" 2>/dev/null | wc -l)" 5 "xdp: the mirror's copies come back"
ok "xdp: the stack is sound" lana check

must ip -n lab link set west mtu 9000
must ip -n left link set l0 mtu 9000
topo_exec left ping -q -c 1 -W 0.1 -s 3600 10.0.0.2 >/dev/null
is "$(booked split)" "split:no_copy=1" "xdp: what is too long for a copy is counted"
topo_exec left ping -q -c 1 -W 1 -s 3300 10.0.0.2 >/dev/null
is "$?" 0 "xdp: what just fits is copied"

must ip -n lab link del "$(ip -n lab -j link show | jq -r '[.[].ifname | select(startswith("lana."))][0]')"
like "$(lana check 2>&1)" 'a device that copies at XDP come back by is gone' "xdp: check misses a device that somebody took"
ok "xdp: the next change" lana set a value=3
is "$(loops)" 2 "xdp: makes it anew"
topo_exec left ping -q -c 1 -W 1 10.0.0.2 >/dev/null
is "$?" 0 "xdp: and copies are there again"
ok "xdp: the stack is sound" lana check
ok "xdp: copies are not needed" lana unbind b split port 1 ingress
ok "xdp: nor the block" sh -c "printf 'hooks: { west: { netns: lab, hook: xdp } }\nblocks: { na: counter }\nbind: [ west -> na ]\n' | '$LANACTL' apply -"
is "$(loops)" 0 "xdp: the devices go with the last block that copies"
ok "xdp: again" lana apply "$file"
is "$(loops)" 2 "xdp: they are there again"
ok "flush" lana flush
is "$(loops)" 0 "xdp: and go with the stack"

# A copy of a copy that is let go comes up where the first packet came by; the mark stays.
ok "xdp: copies of copies" lana apply - <<'END'
hooks: { west: { netns: lab, hook: xdp } }
blocks: { seven: { type: mark, value: 7 }, split: tee, again: tee,
  is: { type: mark_is, config: { mark: 7 } }, m: { type: mark, value: 5 },
  a: { type: mark, value: 1 }, b: { type: mark, value: 2 }, c: { type: mark, value: 3 },
  na: counter, nb: counter, nc: counter, up: pass }
bind:
  - west -> seven -> split
  - split[0] -> a -> again
  - split[1] -> is -> b -> nb -> west
  - again[0] -> m -> na -> up
  - again[1] -> c -> nc -> west
END
is "$(topo_exec left ping -c 3 -i 0.05 -W 1 10.0.0.2 | grep -c 'bytes from 10.0.0.2.*ttl')" 3 "xdp: reach the kernel by the device"
is "$(packets na) $(packets nb) $(packets nc)" "3 3 3" "xdp: and go all ways, with their mark"
ok "flush" lana flush
for delay in 0.02 0.04 0.06 0.08 0.1 0.12; do
	timeout --foreground -s KILL $delay "$LANACTL" apply "$file" >/dev/null 2>&1
	lana check >/dev/null 2>&1 # it finishes, or takes back
	is "$(loops)" "$(lana -j show 2>/dev/null | jq -s '[.[].blocks[]? | select(.name == "split")] | length * 2')" \
		"xdp: killed after $delay s: devices are there with the block"
	timeout --foreground -s KILL $delay "$LANACTL" flush >/dev/null 2>&1
	lana flush >/dev/null 2>&1
	is "$(loops)" 0 "xdp: and gone with a flush that was killed"
done
topo_netns far
topo_veth left f0 far west 10.0.1.1/24 10.0.1.2/24
sed 's/netns: lab/netns: far/' "$file" >"$LANA_SCRATCH/far.yaml"
ok "xdp: in another namespace" lana apply "$LANA_SCRATCH/far.yaml"
must ip netns del far
ok "xdp: which goes" wait_for eval "lana check 2>&1 | grep -q 'a device that copies at XDP come back by is gone: its network'"
ok "xdp: flush" lana flush
must ip -n lab neighbour flush dev west
must ip -n left neighbour flush dev l0
# Branches that only read are not copied for only if they are in the program of what copies.
stack skb | sed 's/split: tee/split: { type: fanout, mode: copy }/; s/-> narp/-> narp -> west/' |
	must lana apply - >/dev/null
refused "generic XDP: blocks are not to be fused" lana fuse off
like "$(lana fuse off 2>&1)" "only read have to be fused" "generic XDP: and why"
refused "generic XDP: an edge is to be hot" lana hot split port 0
like "$(lana hot split port 0 2>&1)" "only read have to be fused.* is hot" "generic XDP: and why"
ok "flush" lana flush

# One branch ends in the kernel, the other in a device: whatever its port, the kernel gets the packet
# itself. A clone would come in by the device once more, where taps would see it again.
# mirror BRANCH0 BRANCH1: where two branches end
mirror()
{
	cat <<END
hooks: { west: { netns: lab, hook: tc }, east: { netns: lab, hook: tc } }
blocks: { split: tee, a: counter, b: ttl, c: forward, up: pass }
bind:
  - west -> split
  - split[0] -> a -> $1
  - split[1] -> b -> c -> $2
END
}

# tapped DESCRIPTION: of five pings a tap sees five
tapped()
{
	local pid

	background nsenter --net=/run/netns/lab tcpdump -n -p -Z root -Q in -i west -w /dev/null \
		"icmp[icmptype] = icmp-echo" 2>"$LANA_SCRATCH/tap"
	pid=$!
	wait_for grep -q '^tcpdump: listening' "$LANA_SCRATCH/tap" || bail "no tcpdump"
	is "$(topo_exec left ping -q -c 5 -i 0.1 -W 1 10.0.0.2 | grep -c ' 5 received')" 1 "$1: the kernel has all"
	kill -INT "$pid"
	wait "$pid"
	is "$(sed -n 's/ packets received by filter//p' "$LANA_SCRATCH/tap")" 5 "$1: a tap sees each once"
}

if command -v tcpdump >/dev/null; then
	topo_veth left l1 lab east
	ip -n left neighbour replace 10.0.0.2 dev l0 lladdr "$(ip -n lab -j link show dev west | jq -r '.[0].address')"
	ip -n lab neighbour replace 10.0.0.1 dev west lladdr "$(ip -n left -j link show dev l0 | jq -r '.[0].address')"
	must lana apply - < <(mirror up east) >/dev/null
	tapped "tc: mirrored, the kernel on port 0"
	must lana apply - < <(mirror east up) >/dev/null
	tapped "tc: and on port 1, from then on"
	must lana apply - < <(mirror up east) >/dev/null
	tapped "tc: and on port 0 again"
	ok "the stack is sound" lana check
	must lana flush
	must ip -n lab link delete east
	ip -n lab neighbour flush dev west
else
	skip "no tcpdump"
fi

# Both branches end in the kernel: it gets everything twice.
cat >"$file" <<'END'
hooks: { west: { netns: lab, hook: tc } }
blocks: { split: tee, a: counter, b: counter, up: pass }
bind:
  - west -> split
  - split[0] -> a -> up
  - split[1] -> b -> up
END
ok "tc: both branches to the kernel" lana apply "$file"
is "$(copies split)" '{"inlined":0,"cloned":1,"broadcast":0}' "tc: takes a clone"
ip -n left neighbour replace 10.0.0.2 dev l0 lladdr "$(ip -n lab -j link show dev west | jq -r '.[0].address')"
topo_exec left ping -q -c 1 -W 1 10.0.0.2 >/dev/null # the addresses are known from here on
before=$(packets a)
is "$(topo_exec left ping -c 5 -i 0.1 -W 1 10.0.0.2 | grep -c DUP)" 4 "tc: each ping is answered twice"
is "$(packets a) $(packets b)" "$((before + 5)) $((before + 5))" "tc: and counted in both branches"
ok "tc: one branch less" lana unbind a split port 0 ingress
is "$(copies split)" '{"inlined":0,"cloned":0,"broadcast":0}' "tc: is no copy"
is "$(topo_exec left ping -c 5 -i 0.1 -W 1 10.0.0.2 | grep -c DUP)" 0 "tc: each ping is answered once"
ok "tc: bound again" lana bind a split port 0 ingress

traced "west next, split all, a next, up pass, b next, up pass" "tc: a trace tells of both branches"
background "$LANACTL" capture split:all icmp count 1 "$LANA_SCRATCH/all.pcapng" >/dev/null 2>&1
pid=$!
# shellcheck disable=SC2016 # expanded when it is run
wait_for sh -c "ls '$LANA_BPFFS'/lana/*/probes/*/counts"
lana check >/dev/null
topo_exec left ping -q -c 1 -W 1 10.0.0.2 >/dev/null
wait "$pid"
like "$(grep -ao 'split[ -~]*' "$LANA_SCRATCH/all.pcapng")" 'all' "tc: a capture takes what leaves by all ports"
lana stats on >/dev/null
topo_exec left ping -q -c 2 -i 0.1 -W 1 10.0.0.2 >/dev/null
like "$(lana stats split)" 'all +2 +196' "tc: measured by the way 'all'"
lana stats off >/dev/null
refused "tc: what comes back to where it is copied" lana apply - <<'END'
hooks: { west: { netns: lab, hook: tc } }
blocks: { split: tee, a: counter, b: counter, up: pass }
bind:
  - west -> split
  - split[0] -> a -> split
  - split[1] -> b -> up
END
ok "the stack is sound" lana check

# The kernel nests transmissions 8 deep: what it does not copy any more is counted.
{
	echo "hooks: { west: { netns: lab, hook: tc } }"
	echo "blocks:"
	for i in {1..10}; do
		echo "  t$i: tee"
		echo "  m$i: { type: mark, value: $i }"
		echo "  c$i: counter"
	done
	echo "  m11: { type: mark, value: 11 }"
	echo "  t11: counter"
	echo "bind:"
	echo "  - west -> t1"
	for i in {1..10}; do
		echo "  - t${i}[0] -> t$((i + 1))"
		echo "  - t${i}[1] -> m$i -> c$i"
	done
	echo "  - t11 -> m11"
} >"$file"
ok "tc: copies of copies" lana apply "$file"
topo_exec left ping -q -c 1 -W 0.1 10.0.0.2 >/dev/null
is "$(packets t11) $(stats '[.stats[].drops.no_copy // 0] | add')" "0 1" "tc: too deep, and counted"
is "$(packets c1)-$(packets c2)-$(packets c3)" "1-1-1" "tc: the others are there"
ok "flush" lana flush

# Seven tees, each with both ports at the next: too many ways for one program.
{
	echo "hooks: { west: { netns: lab, hook: tc } }"
	echo "blocks: { t8: counter"
	for i in {1..7}; do
		echo "  , t$i: tee"
	done
	echo "  }"
	echo "bind:"
	echo "  - west -> t1"
	for i in {1..7}; do
		echo "  - t${i}[0] -> t$((i + 1))"
		echo "  - t${i}[1] -> t$((i + 1))"
	done
} >"$file"
ok "tc: doubled seven times" lana apply "$file"
topo_exec left ping -q -c 1 -W 0.1 10.0.0.2 >/dev/null
is "$(packets t8)" 128 "tc: is 128 packets"
ok "the stack is sound" lana check
ok "flush" lana flush
is "$(ip -n lab -j link show | jq length)" 2 "no device is left"
done_testing
