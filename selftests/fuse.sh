#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fuse.sh - which blocks share a program, and what that allows
#
#	  left            lab              right
#	+------+    +---------------+    +-------+
#	|  l0  |----| west ... east |----|  r0   |
#	+------+    +---------------+    +-------+
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v jq >/dev/null || skip_all "no jq"

topo_netns left
topo_netns lab
topo_netns right
topo_veth left l0 lab west 10.0.0.1/24
topo_veth lab east right r0 '' 10.0.0.2/24

file=$LANA_SCRATCH/stack.yaml

# chain COUNT OPTION: a stack file, west -> b1 -> ... -> bCOUNT -> east, and the way back
chain()
{
	echo 'hooks: { west: { netns: lab }, east: { netns: lab } }'
	echo 'blocks:'
	for i in $(seq "$1"); do
		echo "  b$i: { type: forward$2 }"
	done
	echo 'bind:'
	echo '  - east -> west'
	echo "  - west$(printf ' -> b%d' $(seq "$1")) -> east"
}

# The programs that hold blocks on ingress, each with the number of its blocks.
programs()
{
	lana -j show | jq -r '.blocks[].programs.ingress[]' | sort | uniq -c | sort -rn |
		awk '{ printf "%s%s:%d", (NR > 1 ? " " : ""), $2, $1 }'
}

# shellcheck disable=SC2317 # called by ok
reaches()
{
	topo_exec left ping -q -c 2 -i 0.2 -W 2 10.0.0.2
}

chain 12 '' >"$file"
ok "a chain of 12" lana apply "$file"
is "$(programs)" 'b1:13 west:1' "is one program, with the device at its end"
ok "packets pass" reaches

ok "one block is rebound" lana bind b7 b3 ingress
is "$(programs)" 'b1:10 west:1' "what is left of it is one program again"
ok "packets pass" reaches
ok "and back" lana bind b4 b3 ingress
is "$(programs)" 'b1:13 west:1' "as before"

ok "no fusing" lana fuse off
is "$(programs | tr ' ' '\n' | grep -c ':1$')" 14 "each block has a program of its own"
ok "packets pass" reaches
ok "it stays so after a change" lana bind b4 b3 ingress
is "$(programs | tr ' ' '\n' | grep -c ':1$')" 14 "each block has a program of its own"
ok "the stack is sound" lana check
ok "fusing" lana fuse on
is "$(programs)" 'b1:13 west:1' "they share one again"
ok "the stack is sound" lana check

ok "an edge is hot" lana hot b3
is "$(programs)" 'b4:10 b1:2 west:1 b3:1' "the block stands alone"
ok "packets pass" reaches
ok "only one of its edges" lana hot b3 off
ok "that one" lana hot b3 port next
is "$(programs)" 'b4:10 b1:3 west:1' "two programs"
ok "packets pass" reaches
ok "not any more" lana hot b3 port next off
is "$(programs)" 'b1:13 west:1' "one"
ok "the stack is sound" lana check

chain 200 '' >"$file"
ok "a chain of 200" lana apply "$file"
is "$(programs | tr ' ' '\n' | grep -c ':64$')" 3 "is three large programs and a rest"
ok "packets pass" reaches
before=$(lana export)
refused "without fusing it would be 201 tail calls" lana fuse off
is "$(lana export)" "$before" "nothing has changed"
ok "packets pass" reaches
ok "the stack is sound" lana check

chain 40 ', hot: true' >"$file"
refused "40 hot blocks are too many tail calls" lana apply "$file"
like "$(lana apply "$file" 2>&1)" '41 tail calls .* 33: b1 -> b2 -> .*hot' "the way is named"
is "$(lana export)" "$before" "nothing has changed"
chain 30 ', hot: true' >"$file"
ok "30 hot blocks" lana apply "$file"
ok "packets pass" reaches
chain 30 ', hot: true' | sed 's/b7: .*/b7: counter/; s/b20: .*/b20: counter/; s/b9: .*/b9: counter/; s/b15: .*/b15: counter/' >"$file"
refused "changing too many of them at once" lana apply "$file"
ok "packets pass" reaches
ok "the stack is sound" lana check
ok "a block that leads to itself" lana bind b1 b1 ingress
ok "the stack is sound" lana check
ok "and on again" lana bind b2 b1 ingress
ok "packets pass" reaches
ok "flush" lana flush

# What a block has found out of the packet its neighbours know, until one changes it; the kernel
# refuses what they only believe to know, and the program would be cut.
cat >"$file" <<-'END'
	hooks: { west: { netns: lab, hook: HOOK }, east: { netns: lab, hook: HOOK } }
	blocks:
	  split: { type: ethertype, config: { type: 0x0800 } }
	  hop1: ttl
	  hop2: { type: ttl, reserve: 1 }
	  trim: trim
	  hop3: ttl
	  again: { type: ethertype, config: { type: 0x0800 } }
	  direct: { type: retype, config: { type: 0x0800 } }
	  hop4: ttl
	  helper: { type: retype, config: { type: 0x0800, helper: true } }
	  hop5: ttl
	  dead: drop
	bind:
	  - east -> west
	  - west -> split
	  - split[match] -> hop1 -> hop2 -> trim -> hop3 -> again
	  - split[other] -> east
	  - again[match] -> direct -> hop4 -> helper -> hop5 -> east
	  - again[other] -> dead
	  - trim[short] -> dead
END
for hook in xdp tc; do
	lana load "$LANA_BUILD/selftests/blocks/trim.bpf.o"
	lana load "$LANA_BUILD/selftests/blocks/retype.bpf.o"
	sed "s/HOOK/$hook/g" "$file" >"$file.$hook"
	ok "packets are changed, $hook" lana apply "$file.$hook"
	is "$(programs)" 'split:12 west:1' "it is one program"
	ok "packets pass" reaches
	ok "flush" lana flush
done
done_testing
