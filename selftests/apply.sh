#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# apply.sh - a stack is what its file says; a file that is refused is refused with the place in it
#
#	  left               lab                   right
#	+------+    +---------------------+    +-------+
#	|  l0  |----| west ... east, spare|----|  r0   |
#	+------+    +---------------------+    +-------+
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v jq >/dev/null || skip_all "no jq"

topo_netns left
topo_netns lab
topo_netns right
topo_veth left l0 lab west 10.0.0.1/24
topo_veth lab east right r0 '' 10.0.0.2/24
topo_veth lab spare lab spare1
topo_exec left ethtool -K l0 tx off >/dev/null 2>&1
topo_exec right ethtool -K r0 tx off >/dev/null 2>&1

file=$LANA_SCRATCH/stack.yaml

# ---- a stack comes, changes and goes ---------------------------------------------------------------

cat >"$file" <<'END'
hooks:
  west: { netns: lab }
  east: { netns: lab, hook: xdp }
blocks:
  split: { type: ethertype, config: { type: 0x0800 } }
  hops:  { type: ttl, reserve: 1 }
  n4:    counter
  other: counter
bind:
  - west -> split
  - split[match] -> hops -> n4 -> east
  - split[other] -> other -> east
  - east -> west
END

is "$(lana diff "$file" | wc -l)" 13 "diff says what is to be done"
refused "and does nothing: there is no stack" lana show
is "$(lana -j apply "$file" dry-run | jq '.plan | length')" 13 "a dry run has it verified"
refused "and does nothing" lana show
is "$(lana apply "$file" | head -n 3)" "$(printf '%s\n' '-n lab vlink hook west' '-n lab vlink hook east xdp' \
	'add split ethertype type=2048')" "apply prints the plan"
is "$(lana -j apply "$file" | jq -c .plan)" '[]' "a second time nothing is to be done"
ok "the stack is sound" lana check
is "$(lana -j show peers | jq -c .peers)" '[]' "it knows no far ends"
if command -v strace >/dev/null; then
	# verified WORD ...: programs that this has the kernel verify; libbpf tries others
	verified()
	{
		strace -f -qq -e trace=bpf "$LANACTL" "$@" 2>&1 >/dev/null |
			grep -cE 'PROG_LOAD.*TYPE_(XDP|SCHED_CLS)'
	}

	for word in show stats export types check; do
		is "$(verified $word)" 0 "$word has nothing verified"
	done
	ok "what changes a stack has" test "$(verified set split type=2048)" -gt 0
else
	skip "no strace"
fi
is "$(lana -j show | jq -r '[.blocks[] | select(.programs.ingress == ["split"]) | .name] | sort | join(" ")')" \
	'east hops n4 other split' "its blocks are fused"
ok "packets pass" topo_exec left ping -q -c 3 -i 0.2 -W 2 10.0.0.2
like "$(lana -j stats n4 | jq '[.stats[].counters.packets] | add')" '^[3-9]$' "and are counted"

lana export >"$LANA_SCRATCH/export.yaml"
is "$(lana diff "$LANA_SCRATCH/export.yaml")" '' "what export prints is the stack"
packets=$(lana -j stats n4 | jq '[.stats[].counters.packets] | add')

cat >"$file" <<'END'
# n4 stands alone, other is gone, and spare comes in
hooks:
  west: { netns: lab }
  east: { netns: lab }
  extra: { dev: spare, netns: lab, hook: tc }
blocks:
  hops: { type: ttl, reserve: 2 }
  n4: { type: counter, hot: true }
  split: { type: ethertype, config: { type: 0x0800 } }
bind:
  - west -> split
  - split[0] -> hops -> n4 -> east hot
  - split[other] -> east
  - east -> west
END
lana export >"$LANA_SCRATCH/before.yaml"
is "$(sed -i 's/hook: tc/hook: xdp/' "$file"; lana apply "$file" | LC_ALL=C sort)" "$(LC_ALL=C sort <<'END'
-n lab vlink hook spare xdp as extra
unbind east other ingress
set hops reserve=2
bind east split port other ingress
hot n4
hot split ingress
hot hops ingress
hot n4 ingress
rm other
END
)" "another file: the difference"
ok "the stack is sound" lana check
is "$(lana -j stats n4 | jq '[.stats[].counters.packets] | add')" "$packets" "blocks that stay keep their counts"
is "$(lana -j show n4 | jq -c '.blocks[0].programs.ingress')" '["n4"]' "a hot block has a program of its own"
ok "packets pass" topo_exec left ping -q -c 3 -i 0.2 -W 2 10.0.0.2
is "$(lana export | lana diff -)" '' "export and diff agree"
ok "back again" lana apply "$LANA_SCRATCH/before.yaml"
is "$(lana export)" "$(<"$LANA_SCRATCH/before.yaml")" "to the same text"
ok "the stack is sound" lana check

lana export >"$file"
sed -i 's/netns: lab/netns: left/' "$file"
refused "a hook in another namespace" lana apply "$file"
like "$(lana diff "$file" 2>&1)" "west' is hooked in network namespace 'lab' in the stack, not 'left'" \
	"is named"

# ---- what is refused, and where --------------------------------------------------------------------

# refused_file PLACE PATTERN TEXT: one line that begins with the place; nothing is changed
refused_file()
{
	local before output status wrong=

	before=$(lana export; lana -j types)
	printf '%b' "$3" >"$file"
	for how in '' dry-run; do
		# shellcheck disable=SC2086 # one word or none
		output=$(lana apply "$file" $how 2>&1 >/dev/null)
		status=$?
		[ "$status" -eq 1 ] || wrong+="status $status; "
		[ "$(wc -l <<<"$output")" -eq 1 ] || wrong+="not one line; "
		[[ $output == "lanactl: $file:$1: "* && $output =~ $2 ]] || wrong+="it said: $output; "
	done
	[ "$before" = "$(lana export; lana -j types)" ] || wrong+="the stack changed; "
	is "$wrong" '' "refused: $2"
}

hooks='hooks:\n  west: { netns: lab }\n  east: { netns: lab }\n'
refused_file 1:1 "must be a mapping" '[1, 2]'
refused_file 2:1 "not YAML" 'blocks: {\n'
refused_file 1:1 "the file is empty" ''
refused_file 1:1 "the file is empty" '# nothing\n'
refused_file 2:4 "a second document" 'blocks: { a: counter }\n---\nblocks: {}\n'
refused_file 1:1 "no 'block'" 'block: {}\n'
refused_file 2:3 "'a' is there twice" 'blocks: { a: counter,\n  a: counter }\n'
refused_file 5:3 "'west' is there twice" "${hooks}blocks: {\n  west: counter }\n"
refused_file 1:11 "is no name for a block" 'blocks: { "a b": counter }\n'
refused_file 1:11 "has no type" 'blocks: { a: { x: 1 } }\n'
refused_file 1:14 "no type 'nosuch'" 'blocks: { a: nosuch }\n'
refused_file 2:19 "no option 'nosuch'" 'blocks:\n  a: { type: ttl, nosuch: 1 }\n'
refused_file 2:19 "reserve" 'blocks:\n  a: { type: ttl, reserve: 256 }\n'
refused_file 2:13 "hot must be true or false" 'blocks:\n  a: { hot: yes please, type: ttl }\n'
refused_file 1:22 "must be a word" 'blocks: { a: { type: [ttl] } }\n'
refused_file 1:14 "devices stand under hooks" 'blocks: { a: device }\n'
refused_file 1:24 "xdp, skb or tc" 'hooks: { west: { hook: ebpf } }\n'
refused_file 1:18 "a hook has no 'device'" 'hooks: { west: { device: west } }\n'
refused_file 2:3 "hooked at xdp" 'hooks:\n  west: { netns: lab, hook: tc }\n'
refused_file 1:11 "'west' is a device in the stack" 'blocks: { west: counter }\n'
refused_file 4:3 "no device 'nosuch'|nosuch" "${hooks}  nosuch: { netns: lab }\n"
refused_file 4:10 "no block 'nosuch' in this file" "${hooks}bind: [ \"nosuch -> west\" ]\n"
refused_file 5:5 "has no port 'left'" "${hooks}bind:\n  - west[left] -> east\n"
refused_file 6:5 "bound twice" "${hooks}bind:\n  - west -> east\n  - west -> west\n"
refused_file 5:10 "expected ->, <- or <->, not '=>'" "${hooks}bind:\n  - west => east\n"
refused_file 5:13 "expected NAME or NAME" "${hooks}bind:\n  - west -> [x\n"
refused_file 5:5 "leads nowhere" "${hooks}bind:\n  - west ->\n"
refused_file 2:17 "no block 'nosuch' in this file" 'blocks: { g: gate, m: threshold }\nsubscribe: { g: nosuch }\n'
refused_file 2:20 "is subscribed to 'm' twice" 'blocks: { g: gate, m: threshold }\nsubscribe: { g: [m,m] }\n'
refused_file 2:17 "has no event function" 'blocks: { g: gate, m: threshold }\nsubscribe: { m: g }\n'
refused_file 2:12 "subscribe must be a mapping" 'blocks: { g: gate, m: threshold }\nsubscribe: [ g, m ]\n'
refused_file 5:22 "nothing follows 'hot'" "${hooks}bind:\n  - west -> east hot -> west\n"
refused_file 6:5 "has no ports" "${hooks}blocks: { d: drop }\nbind:\n  - d -> east\n"
printf 'hooks: {}\nblocks: { a: \0 }\n' >"$file"
refused "a byte of zero" lana apply "$file"
refused "no such file" lana apply "$LANA_SCRATCH/nosuch.yaml"
refused "a folder" lana apply "$LANA_SCRATCH"

# A change of type that would lose counts.
sed 's/n4: counter/n4: forward/' "$LANA_SCRATCH/before.yaml" >"$file"
refused "state would be lost" lana apply "$file"
is "$(lana apply "$file" drop-state)" 'replace n4 forward drop-state' "unless that is permitted"
ok "the stack is sound" lana check

# One that only lays counts out differently keeps them.
ok "other code" lana apply "$LANA_SCRATCH/before.yaml"
ok "packets pass" topo_exec left ping -q -c 3 -i 0.2 -W 2 10.0.0.2
counts()
{
	lana -j stats n4 | jq -c '[.stats[].counters | [.packets, .bytes]] | transpose | map(add)'
}
before=$(counts)
sed 's/n4: counter/n4: gauge/' "$LANA_SCRATCH/before.yaml" >"$file"
export LANA_TYPES=$LANA_BUILD/bpf/blocks:$LANA_BUILD/selftests/blocks
is "$(lana -j apply "$file" dry-run | jq -c '.state | map([.block, .of, .field, .fate])')" \
	'[["n4","counters","bytes","kept"],["n4","counters","packets","kept"]]' "a dry run says what becomes of counts"
is "$(lana -j show n4 | jq -r '.blocks[0].type')" counter "and changes nothing"
is "$(lana -j replace n4 gauge dry-run | jq -r '.state[0].fate')" kept "so does one of replace"
is "$(lana -j show n4 | jq -r '.blocks[0].type')" counter "which changes nothing"
is "$(lana replace n4 drop dry-run 2>&1)" "lanactl: port next of 'n4' is bound on ingress, and type 'drop' has no such port" \
	"what would be refused is"
ok "another layout" lana apply "$file" drop-state
is "$(lana -j show n4 | jq -r '.blocks[0].type')" gauge "is there"
like "$before" '^\[[1-9]' "something had been counted"
is "$(counts)" "$before" "and the counts are kept, though they might be dropped"
ok "the stack is sound" lana check

is "$(lana -s lists apply - dry-run <<<'blocks: { f: { type: fanout, weights: [3, 0x10] } }')" \
	"add f fanout weights=3,16" "an option may be a list"
for list in '[]' '[1, [2]]' '[1, ""]' '["1,2", 3]' '[1, x]' '{ a: 1 }'; do
	refused "but not $list" lana -s lists apply - dry-run <<<"blocks: { f: { type: fanout, weights: $list } }"
done

ok "a file of no blocks empties the stack" lana apply - <<<'blocks:'
is "$(lana -j show | jq -c .blocks)" '[]' "nothing is left in it"
is "$(topo_exec lab ip -d link show dev west | grep -c xdp)" 0 "nor on the device"
ok "packets go to the kernel again" topo_exec lab ip addr add 10.0.0.9/24 dev west
ok "it answers" topo_exec left ping -q -c 1 -W 2 10.0.0.9
ok "flush" lana flush
ok "the schema is JSON" jq -e '.properties | keys == ["bind", "blocks", "hooks", "subscribe", "vlinks"]' "$LANA_TOP/docs/stack-file.schema.json"
done_testing
