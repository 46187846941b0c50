#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# filter.sh - filters are compiled and printed without a stack, given to blocks, shown and exported
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v jq >/dev/null || skip_all "no jq"

# ---- without a stack -----------------------------------------------------------------------------

expr='tcp port 80 and host 10.0.0.1'
asm=$LANA_SCRATCH/http.asm numbers=$LANA_SCRATCH/http.ddd
lana filter "$expr" >"$asm"
lana filter "$expr" numbers >"$numbers"
count=$(head -n 1 "$numbers")

# told TEXT COMMAND...: what a command prints that is given a text
told()
{
	printf '%b' "$1" | "${@:2}"
}

is "$(wc -l <"$asm")" "$count" "an expression is a program, an instruction a line"
if command -v tcpdump >/dev/null; then
	is "$(tcpdump -y EN10MB -ddd "$expr" 2>/dev/null)" "$(<"$numbers")" \
		"in numbers it is what tcpdump prints"
	is "$(tcpdump -y EN10MB -d "$expr" 2>/dev/null | lana filter asm - numbers)" \
		"$(<"$numbers")" "and what tcpdump -d prints is assembled"
else
	skip "no tcpdump"
fi
is "$(lana filter asm "$asm" numbers)" "$(<"$numbers")" "assembler that was printed is that program"
is "$(lana filter code - <"$numbers")" "$(<"$asm")" "and so are numbers that were printed"
is "$(lana filter ip c | tail -n 1)" '{ 0x6, 0, 0, 0x00000000 },' "in C"
is "$(lana -j filter "$expr" | jq -c '.filter | [.xdp, .tc, (.instructions | length)]')" \
	"[true,true,$count]" "in JSON"
is "$(told 'ld #proto\nret a\n' lana -j filter asm - | jq -c '.filter | [.xdp, .tc]')" \
	'[false,true]' "which tells where what it asks for is known"
is "$(told 'ld #proto\nret a\n' lana filter asm - | head -n 1)" \
	'; filter, instruction 0: #proto is not known at XDP' "as a comment does in assembler"
is "$(lana filter inbound | head -n 1)" '; filter, instruction 0: #type is not known at XDP' \
	"and of an expression"
is "$(lana filter '')" "$(printf '\tret\t#0x40000')" "an empty expression takes all"
refused "a wrong expression" lana filter 'tcp prot 80'
refused "a program that does not return" told 'ldh [12]' lana filter asm -
refused "a program that is not text" told '1,6 0 0 1\0' lana filter code -
refused "no file" lana filter asm "$LANA_SCRATCH/none.asm"
refused "what no hook knows" told 'ld #poff\nret a\n' lana filter asm -
is "$(setpriv --reuid=65534 --clear-groups --bounding-set=-all "$LANACTL" filter ip | wc -l)" 4 \
	"no privilege is needed"

# ---- in a stack ----------------------------------------------------------------------------------

mkdir "$LANA_SCRATCH/lab"
cp "$asm" "$LANA_SCRATCH/lab"
file=$LANA_SCRATCH/lab/stack.yaml
cat >"$file" <<'END'
blocks:
  web:  { type: filter, expr: tcp port 80 }
  http: { type: filter, asm: http.asm }
  all:  filter
  none: { type: filter, code: '1,6 0 0 0' }
bind:
  - web -> http
END
is "$(lana apply "$file" | head -n 2)" \
	"$(printf '%s\n' "add web filter expr='tcp port 80'" 'add http filter asm=http.asm')" \
	"a file of assembler is found beside the stack file"
is "$(lana -j diff "$file" | jq -c .plan)" '[]' "a second time nothing is to be done"
is "$(lana get web expr)" 'tcp port 80' "get prints an expression"
is "$(lana get http asm)" "$(expand "$asm")" "and a program, with spaces for tabs"
is "$(lana -j get http | jq -r .config.asm)" "$(expand "$asm")" "also in JSON"
like "$(lana show)" "asm=\($count instructions\)" "show says how long it is"
like "$(lana show)" "expr='tcp port 80'" "and of an expression what it is"

file=$LANA_SCRATCH/export.yaml
lana export >"$file"
is "$(grep -c '^    asm: |' "$file")" 1 "a program is exported as text"
is "$(lana diff "$file")" '' "what export prints is the stack"
sed -i 's/tcp port 80/udp/; s/^  all: .*/  all: {type: filter, expr: arp}/; s/^  none: .*/  none: filter/' \
	"$file"
is "$(lana apply "$file")" "$(printf '%s\n' 'set web expr=udp' 'set all expr=arp' 'set none expr=')" \
	"what differs is set, and taken away"
is "$(lana get web expr)" 'udp' "and is so then"
sed -i 's/expr: arp/expr: arpp/' "$file"
like "$(lana apply "$file" 2>&1)" \
	"export.yaml:[0-9]+:[0-9]+: filter 'arpp': can't parse filter expression" \
	"what is wrong is refused with its place"
ok "the stack is sound" lana check
ok "flush" lana flush

# ---- what a hook cannot answer -------------------------------------------------------------------

topo_netns lab
topo_veth lab a0 lab a1
topo_veth lab b0 lab b1
printf 'ld #proto\nret a\n' >"$LANA_SCRATCH/proto.asm"
must lana -n lab vlink hook a0 tc
must lana add kind filter asm="$LANA_SCRATCH/proto.asm"
must lana bind kind a0 ingress
refused "a device at XDP, where a filter asks for what tc alone knows" lana -n lab vlink hook b0 xdp
ok "the stack is as it was" lana check
ok "an expression that tc alone knows is taken there" lana set kind expr=inbound
refused "and a device at XDP is not" lana -n lab vlink hook b0 xdp
is "$(lana trace inbound count 1 2>&1)" "lanactl: filter, instruction 0: #type is not known at XDP" \
	"and a trace is for all hooks"
must lana set kind expr=ip
ok "with another filter it is hooked" lana -n lab vlink hook b0 xdp
refused "and the first one is not taken any more" lana set kind asm="$LANA_SCRATCH/proto.asm"
refused "nor is the other" lana set kind expr=inbound
is "$(lana get kind expr)" ip "the other one stays"
ok "flush" lana flush
done_testing
