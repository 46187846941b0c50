#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# probes.sh - stats on, trace and capture, as a user types them
#
#	  left            lab              right
#	+------+    +---------------+    +-------+
#	|  l0  |----| west ... east |----|  r0   |
#	+------+    +---------------+    +-------+
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v jq >/dev/null || skip_all "no jq"
command -v tcpdump >/dev/null || skip_all "no tcpdump"

topo_netns left
topo_netns lab
topo_netns right
topo_veth left l0 lab west 10.0.0.1/24
topo_veth lab east right r0 '' 10.0.0.2/24
# Neither has to ask for the other's address: what passes is what the test sends.
address()
{
	ip -n "$1" -j link show dev "$2" | jq -r '.[0].address'
}

must ip -n left neighbour add 10.0.0.2 lladdr "$(address right r0)" dev l0
must ip -n right neighbour add 10.0.0.1 lladdr "$(address left l0)" dev r0

out=$LANA_SCRATCH/out
file=$LANA_SCRATCH/file.pcapng

ping_once()
{
	topo_exec left ping -q -c 1 -W 0.1 -t "${1-64}" 10.0.0.2
}

# armed COMMAND...: start it; it is a trace or a capture, and its probes are in
armed()
{
	background "$LANACTL" "$@" >"$out" 2>"$out.err"
	pid=$!
	# shellcheck disable=SC2016 # expanded when it is run
	wait_for sh -c "ls '$LANA_BPFFS'/lana/*/probes/*/counts"
	lana check >/dev/null # it waits for the lock
}

# stop: as ^C does
stop()
{
	kill -INT "$pid"
	wait "$pid"
}

# traced LENGTH PATH DESCRIPTION: a packet of so many bytes, from left, goes that way
traced()
{
	armed -j trace "icmp[icmptype] = icmp-echo" count 1
	ping_once "${ttl-64}" >/dev/null
	wait "$pid"
	is "$(jq -r 'select(.packet) | .packet | [.hops[] | "\(.block) \(.way)"] | join(", ")' "$out")" \
		"$1" "$2"
}

# kind: what became of the last packet traced
kind()
{
	jq -r 'select(.packet) | .packet.hops[-1].kind' "$out"
}

# ---- the way of a packet in the stacks that the guides show -----------------------------------

# The first file of docs/stack-file.md, at each hook.
for hook in xdp skb tc; do
	# shellcheck disable=SC2016 # no expansion
	sed -n '/^```yaml/,/^```/ { /^```$/q; /^```/d; p }' "$LANA_TOP/docs/stack-file.md" |
		sed "s/{ netns: lab.*}/{ netns: lab, hook: $hook }/" >"$LANA_SCRATCH/stack.yaml"
	ok "$hook: the stack of docs/stack-file.md" lana apply "$LANA_SCRATCH/stack.yaml"
	traced 'west next, split match, hops next, n4 next, east sent' "$hook: IPv4 goes its way"
	is "$(kind)" sent "and is transmitted"
	ttl=2 traced 'west next, split match, hops dead' "$hook: time is up"
	is "$(kind)" unbound "and that leads nowhere"
	unset ttl
	ok "flush" lana flush
done

# The stack of the README.
lana add split ethertype type=0x0800
lana add n4 counter
lana add nother counter
lana add up pass
lana bind up n4 ingress
lana bind up nother ingress
lana bind n4 split port match
lana bind nother split port other
lana -n lab vlink hook west
lana bind split west ingress
traced 'west next, split match, n4 next, up pass' "the stack of the README"
is "$(kind)" pass "up to the kernel"
ok "with its own ways" lana replace n4 ttl reserve=63 drop-state
traced 'west next, split match, n4 dead' "by the port that it says"
ok "a block that drops" sh -c "'$LANACTL' unbind up n4 ingress && '$LANACTL' replace n4 drop drop-state"
traced 'west next, split match, n4 policy' "for the reason that it says"
is "$(kind)" drop "it drops it"
ok "an edge is unbound" lana unbind n4 split port match
traced 'west next, split match' "as far as it gets"
is "$(kind)" unbound "which is nowhere"
ok "flush" lana flush

# A packet that is turned round, and blocks that are not fused.
lana -n lab vlink hook west xdp
lana add a forward
lana add turn swap_mac
lana add b counter
lana bind turn b egress
lana bind b west egress
lana bind turn a ingress
lana bind a west ingress
traced 'west next, a next, turn next, b next, west sent' "a packet that is turned"
is "$(jq -r 'select(.packet) | .packet.hops | map(.turns // "-", .path) | join(" ")' "$out")" \
	'- ingress - ingress egress ingress - egress - egress' "the other path from there on"
ok "nothing is fused" lana fuse off
traced 'west next, a next, turn next, b next, west sent' "it goes the same way"
for path in '' ingress egress; do
	# shellcheck disable=SC2086 # no word, or one
	armed capture turn $path "$file"
	ping_once >/dev/null
	stop
	like "$(<"$out")" "^$([ "$path" = ingress ] && echo 0 || echo 1) packets captured" \
		"it is captured${path:+ if the path is $path, by the edge that it takes}"
done
ok "measuring" lana stats on
ok "where it is turned to an edge is unbound" lana unbind turn b egress
ping_once >/dev/null
is "$(lana -j stats | jq -rc '[.ways[] | select(.name == "turn") | .path, .to_path, .packets, .dropped]')" \
	'["ingress","egress",1,1]' "that is the way on which it is dropped"
ok "flush" lana flush

# The demo's.
lana -n lab vlink hook west xdp
lana -n lab vlink hook east xdp
lana add split ethertype type=0x0800
for name in n4a n4b nother; do lana add $name counter; done
lana add way forward
lana bind east way ingress
for name in n4a n4b nother; do lana bind way $name ingress; done
lana bind n4a split port match
lana bind nother split port other
lana bind split west ingress
traced 'west next, split match, n4a next, way next, east sent' "the stack of the demo"

# ---- trace -------------------------------------------------------------------------------------

armed trace icmp
ping_once >/dev/null
wait_for grep -q 'west' "$out"
stop
is $? 0 "a trace ends when it is told to"
like "$(<"$out")" 'west next → split match \+[0-9]+ → n4a next' "a line for each packet"
like "$(grep '^ *1 ' "$out")" ' 1 +[0-9.]+  west next → split match → n4a next → way next → east sent' \
	"and one for each way"
armed trace icmp
refused "a second trace" lana trace
like "$(lana trace 2>&1)" 'traced already' "says why"
stop
is $? 0 "it ends"
refused "a filter that is none" lana trace 'tcp porridge'
like "$(lana -j trace 'tcp porridge' 2>/dev/null)" '"error":.*porridge' "says why, in JSON"
lana trace count 0 2>/dev/null
is $? 2 "no packets at all is a misuse"
ok "a pipe that breaks ends a trace" timeout 10 bash -c "
	set -o pipefail
	nsenter --net=/run/netns/left ping -q -i 0.05 -c 40 -w 3 10.0.0.2 >/dev/null &
	'$LANACTL' trace icmp | head -1 >/dev/null
	status=\$?
	wait
	exit \$status"
is "$(ls "$LANA_BPFFS/lana/default/probes")" '' "nothing is left of them"

# ---- stats -------------------------------------------------------------------------------------

ok "measuring" lana stats on
ok "twice" lana stats on
topo_exec left ping -q -c 10 -i 0.01 -W 0.1 10.0.0.2 >/dev/null
# shellcheck disable=SC2016 # jq's variable
is "$(lana -j stats | jq -rc '[.ways[] | select(.packets == 10) | "\(.name) \(.way) \(.bytes) \(.dropped)"]')" \
	'["west next 980 0","east next 980 10","east sent 980 0","split match 980 0","n4a next 980 0","way next 980 0"]' \
	"packets, bytes and drops of each edge; replies lead nowhere"
like "$(lana stats way)" 'way +forward +ingress' "a block without counters has its row"
like "$(lana stats)" 'WAY +PACKETS +BYTES' "and a table of it"
ok "no more" lana stats off
is "$(lana -j stats | jq '.ways | length')" 0 "is gone"

# ---- capture -----------------------------------------------------------------------------------

armed capture split:match icmp count 2 "$file"
topo_exec left ping -q -c 2 -i 0.01 -W 0.1 10.0.0.2 >/dev/null
wait "$pid"
is $? 0 "a capture"
like "$(<"$out")" '^2 packets captured, 0 lost of 2$' "says what it has"
is "$(tcpdump -n -r "$file" 2>/dev/null | grep -c 'ICMP echo request')" 2 "tcpdump reads it"
like "$(strings "$file" | tr '\n' ' ')" 'split:match .*split ingress match' "edge and block are in it"
armed capture way snaplen 60 -
ping_once >/dev/null
# A packet without its header is not there yet.
wait_for sh -c "[ \$(stat -c %s '$out') -gt 200 ]"
stop
is $? 0 "a capture ends when it is told to"
is "$(tcpdump -n -r "$out" 2>/dev/null | grep -c 'ICMP')" 1 "standard output is the file"
is "$(tcpdump -ner "$out" 2>/dev/null | sed -n 's/.*length \([0-9]*\): .*/\1/p')" 98 \
	"packets are cut but not shortened"
like "$(<"$out.err")" '^1 packets captured, 0 lost of 1$' "it says so elsewhere"
armed capture west:next "$file"
ping_once >/dev/null
wait_for sh -c "[ \$(stat -c %s '$file') -gt 200 ]"
stop
is $? 0 "what a device receives"
is "$(tcpdump -n -r "$file" 2>/dev/null | grep -c 'ICMP echo request')" 1 "is there"
armed capture way "$file"
lana add other counter
lana bind other n4a ingress
for name in n4b nother; do lana unbind way $name ingress; done
lana unbind east way ingress
lana rm way
wait "$pid"
is $? 1 "a capture ends with its block"
like "$(<"$out.err")" "^lanactl: block 'way' has been removed$" "and says so"
ok "what it had is there" tcpdump -n -r "$file"

refused "a block that is not there" lana capture nobody "$file"
refused "a port that is not there" lana capture split:nowhere "$file"
like "$(lana capture split:nowhere "$file" 2>&1)" "no port 'nowhere'" "says why"
refused "a file that cannot be written" lana capture split /nowhere/file
lana capture split snaplen 65001 "$file" 2>/dev/null
is $? 2 "more bytes than there can be"
lana -j capture split - >/dev/null 2>&1
is $? 2 "JSON and packets in one stream"
background timeout 10 "$LANACTL" capture split /dev/full 2>"$out.err"
pid=$!
for _ in $(seq 50); do ping_once >/dev/null; kill -0 "$pid" 2>/dev/null || break; done
wait "$pid"
is $? 1 "a disk that is full ends a capture"
like "$(<"$out.err")" 'No space left' "which says so"

armed capture split "$file"
lana flush
wait "$pid"
is $? 1 "a capture ends with its stack"
like "$(<"$out.err")" 'has been flushed' "and says so"
# The last block of a pcapng file, of type 5 and 52 bytes, has the interface's statistics.
is "$(tail -c 52 "$file" | od -An -tu4 -N8 | xargs)" '5 52' "what was lost is in the file all the same"
is "$(ls "$LANA_BPFFS/lana" 2>/dev/null)" '' "nothing is left"
done_testing
