#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bad_input.sh - whatever is wrong with what lanactl is told, it says so in one line and changes nothing
#
#	  middle                                      far
#	+-------------------------------------+     +----+
#	| d0 - split - n1 - up                |-----| d1 |
#	| x0 -- x1 (an XDP program of others) |     +----+
#	| y0 -- y1 (hooked; then it is gone)  |
#	+-------------------------------------+
#
# A wrong line is tried twice. As it is, it has to end with the status wanted (1: refused, 2: the
# words make no sense), with one line on standard error and nothing on standard output; and with
# -j with the same status and that line in a JSON object on standard output. Both times what
# "show" and "types" say is the same before and after.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v jq >/dev/null || skip_all "no jq"

# ---- how a case is tried -----------------------------------------------------------------------

state()
{
	lana -j show 2>&1
	lana -j types 2>&1
}

# one_error STATUS PATTERN COMMAND...: see above; what is wrong goes to standard output
one_error()
{
	local want=$1 pattern=$2 text line status

	shift 2
	text=$("$@" 2>"$LANA_SCRATCH/stderr")
	status=$?
	line=$(<"$LANA_SCRATCH/stderr")
	[ "$status" -eq "$want" ] || echo "status $status instead of $want: $line"
	[ -z "$text" ] || echo "on standard output: $text"
	[ "$(wc -l <"$LANA_SCRATCH/stderr")" -eq 1 ] || echo "not one line: '$line'"
	[[ $line == "lanactl: "* && $line =~ $pattern ]] || echo "not what was wanted: '$line'"
	[[ $line != *[[:cntrl:]]* ]] || echo "control characters"

	text=$(LANA_JSON=1 "$@" 2>"$LANA_SCRATCH/stderr")
	status=$?
	[ "$status" -eq "$want" ] || echo "status $status instead of $want with -j"
	[ ! -s "$LANA_SCRATCH/stderr" ] || echo "on standard error with -j: $(<"$LANA_SCRATCH/stderr")"
	[ "$(jq -r 'if keys == ["error"] then .error else "" end' <<<"$text")" = "${line#lanactl: }" ] ||
		echo "with -j: $text"
}

# shellcheck disable=SC2317 # called by one_error
# The command as a case wants it: as another user, in another namespace, ...
try()
{
	"${wrap[@]}" "$LANACTL" ${LANA_JSON:+-j} "$@"
}
wrap=()

# bad STATUS PATTERN WORD...
bad()
{
	local want=$1 pattern=$2 wrong before after title

	shift 2
	before=$(state)
	wrong=$(one_error "$want" "$pattern" try "$@")
	after=$(state)
	[ "$before" = "$after" ] || wrong+=$'\n'"the stack changed: $before"$'\n'"is now: $after"
	printf -v title '%q ' "${wrap[@]##*/}" "$@"
	is "$wrong" '' "${title:0:100}"
}

# ---- the stack -------------------------------------------------------------------------------------

topo_netns middle
topo_netns far
topo_veth middle d0 far d1
for pair in x y; do
	topo_veth middle "${pair}0" middle "${pair}1"
done
must lana -n middle vlink hook d0
must lana -n middle vlink hook y0
must ip -n middle link del y0
must lana add split ethertype type=0x0800
must lana add n1 counter
must lana add up pass
must lana add t ttl reserve=3
must lana bind n1 split port match
must lana bind up n1
must lana bind split d0

long=abcdefghijklmnopqrstuvwxyz012345 # 32 characters, one too many
must lana add "${long:1}" drop
must lana rm "${long:1}"
ok "what it is tried on is sound, but for the device that has gone" \
	[ "$(lana -j check | jq -r '.faults[].subject')" = y0 ]

# ---- words -----------------------------------------------------------------------------------------

bad 2 'no command'
bad 2 'unknown command' nonsense
bad 2 'unknown command' ''
bad 2 'unknown command' "$(printf 'x%.0s' {1..2000})"
bad 2 'unknown command' $'sh\e[31mow\n'
bad 2 'second word' vlink
bad 2 'unknown command' vlink nonsense
bad 2 'unknown option' -x show
bad 2 'unknown option' --nonsense show
bad 2 'needs a value' show -s
bad 2 'needs a value' show --netns
bad 2 'NAME is missing' add
bad 2 'TYPE is missing' add n2
bad 2 'unknown word' add n2 counter nonsense
bad 2 'is not KEY=VALUE' set split type
bad 2 'is not KEY=VALUE' set split =5
bad 2 'KEY=VALUE is missing' set split
bad 2 'LOWER is missing' bind n1
bad 2 'PORT' bind n1 split port
bad 2 'unknown word' bind n1 split sideways
bad 2 'said twice' bind n1 split ingress ingress
bad 2 'contradicts' vlink hook x1 xdp tc
bad 2 'unknown word' vlink hook x1 dpdk
bad 2 'unknown word' show n1 n1
bad 2 'takes no words' flush now
bad 2 'policy is missing \(socket serve policy FILE' socket serve
bad 2 "'policy' needs FILE|FILE is missing" socket serve policy

# ---- types -----------------------------------------------------------------------------------------

bad 1 "no type 'nosuch'" load nosuch
bad 1 "no type 'nosuch'" add n2 nosuch
bad 1 "no type 'nosuch'" replace n1 nosuch
bad 1 'No such file' load ./nosuch.bpf.o
bad 1 'not an object file' load /
bad 1 'not an object file' load /dev/null
bad 1 'not an object file' load /dev/zero
bad 1 'not a BPF object file' load /etc/passwd
bad 1 'may not be empty' load ''
bad 1 'longer than' load "$long"
bad 1 'is no name' load $'a\nb'
bad 1 'is in use' unload counter
bad 1 'not loaded' unload nosuch
bad 1 "no type 'nosuch'" types nosuch
bad 1 "'lanactl load mark' would" types mark
bad 2 'block type is described at the beginning of .*/mark.bpf.c' help mark

# ---- blocks ----------------------------------------------------------------------------------------

bad 1 'already' add n1 counter
bad 1 'already' add d0 counter
bad 1 'may not be empty' add '' counter
bad 1 'longer than' add "$long" counter
bad 1 'longer than' add "$(printf 'x%.0s' {1..5000})" counter
for name in a/b 'a b' $'a\nb' $'a\tb' $'a\e[1mb' 'a*' 'a"b' "a'b" 'a\b' a=b ä $'\xff' 'a,b' 'a:b'; do
	bad 1 'is no name' add "$name" counter
done
bad 1 'vlink hook' add n2 device
for command in rm get show 'show block'; do
	# shellcheck disable=SC2086 # two words
	bad 1 "no block 'nosuch'" $command nosuch
done
bad 1 "no block 'nosuch'" stats nosuch
bad 1 "no block 'nosuch'" set nosuch type=1
bad 1 "no block 'nosuch'" replace nosuch counter
bad 1 'is bound' rm n1
bad 1 'vlink unhook' rm d0
bad 1 'nosuch' get split nosuch

# ---- options ---------------------------------------------------------------------------------------

bad 1 'no option' set split nosuch=1
bad 1 'no option' set split "$long=1"
bad 1 'no option' set split "type$long=1"
bad 1 'no option' set n1 type=1
bad 1 'no option' add n2 counter type=1
bad 1 'device' set d0 slot=1
for value in '' abc 0x 1x '1 ' ' 1' +1 1.5 -- 0x1g '1=1' $'1\n' 1e3 ٣; do
	bad 1 'not a number' set split "type=$value"
done
for value in -1 65536 99999999999999999999999 -99999999999999999999999 0x10000; do
	bad 1 'out of range' set split "type=$value"
done
bad 1 'out of range' set t reserve=256
bad 1 'out of range|twice' set split type=1 type=65536
bad 1 'out of range' add n2 ethertype type=65536
bad 1 'out of range' add n2 mark value=0x100000000 # a type that is not loaded, and is not then

for option in 'loss ppm=1000001' 'duplicate ppb=1000000001' 'limit rate=9223372036854775808' \
	'police peak=0x8000000000000000' 'vlan id=4096' 'vlan pcp=8' 'nat inside_length=33' \
	'arp length=33' 'ndisc length=129' 'encap vni=16777216' 'decap vni=16777216' \
	'corrupt every=144115188075855873'; do
	# shellcheck disable=SC2086 # two words
	bad 1 'out of range' add n2 $option
done
bad 1 'first_port=9 is more than last_port=8' add n2 nat first_port=9 last_port=8

# wrong_table TYPE PATTERN LINE: refused is a file of that line
wrong_table()
{
	echo "$3" >"$LANA_SCRATCH/table"
	bad 1 "table:1: $2" add n2 "$1" "table=$LANA_SCRATCH/table"
}
wrong_table route 'dev= needs mac=' 'hop 1 dev=d0'
wrong_table route 'dev= and to= exclude each other' 'hop 1 to=up dev=d0 mac=02:00:00:00:00:01'
wrong_table route 'dev=... or to=... is missing' 'hop 1'
wrong_table route 'there is no hop 2' 'ipv4 10.0.0.0/8 hop=2'
wrong_table nat 'to=... is missing' 'tcp 80 port=8080'
wrong_table nat 'address=... is missing' 'uplink 1 dev=d0'

# ---- edges -----------------------------------------------------------------------------------------

bad 1 "no block 'nosuch'" bind nosuch n1
bad 1 "no block 'nosuch'" bind n1 nosuch
bad 1 "no block 'nosuch'" unbind nosuch n1
bad 1 "no port 'nosuch'" bind t split port nosuch
for port in 2 16 4294967296 99999999999999999999 0x1 '' ' 0' '1 ' MATCH; do
	bad 1 'no port' bind t split port "$port"
done
bad 2 'unknown option' bind t split port -1
bad 1 'no ports' bind t up
bad 1 'no ports' bind up t egress
bad 1 'not bound' unbind t split port other
bad 1 'not bound' unbind n1 d0
bad 1 'has no port' unbind n1 split port match egress

# ---- replace ---------------------------------------------------------------------------------------

bad 1 'would be lost' replace n1 forward
bad 1 'no such port' replace n1 drop drop-state
bad 1 'would be lost' replace t counter
bad 1 'would be lost' replace n1 mark
bad 1 'no option' replace n1 counter nosuch=1
bad 1 'cannot be replaced' replace d0 counter
bad 1 'vlink hook' replace n1 device

# ---- devices ---------------------------------------------------------------------------------------

bad 1 'nosuch' vlink hook nosuch
bad 1 'y0' -n middle vlink hook y0
bad 1 'already' -n middle vlink hook d0
bad 1 'already' -n middle vlink hook d0 as other
bad 1 'already' -n middle vlink hook x0 as n1
bad 1 'longer than' -n middle vlink hook x0 as "$long"
bad 1 'is no name' -n middle vlink hook x0 as a/b
bad 1 . vlink hook ''
bad 1 . vlink hook "$long"
bad 1 . vlink hook ../../x
bad 1 'no network namespace' -n nosuch vlink hook x0
bad 1 'it is none' -n /etc/passwd vlink hook x0
must mkfifo "$LANA_SCRATCH/fifo"
bad 1 'it is none' -n "$LANA_SCRATCH/fifo" vlink hook x0
bad 1 'too long' -n "$(printf '/x%.0s' {1..100})" vlink hook x0
bad 1 'another network namespace' -n far vlink hook d1 tc
bad 1 "no block 'nosuch'" vlink unhook nosuch
bad 1 'is bound' vlink unhook d0
bad 1 'is no device' vlink unhook n1

# A program of somebody else: the one of a stack that is none of ours.
must lana -s other -n middle vlink hook x0
bad 1 'XDP program already' -n middle vlink hook x0
must lana -s other flush

# ---- stacks ----------------------------------------------------------------------------------------

bad 1 "no stack 'nosuch'" -s nosuch show
bad 1 "no stack 'nosuch'" -s nosuch check
for name in ../default . .. a/b a.b 'a b' '' "$long"; do
	bad 1 . -s "$name" show
	bad 1 . -s "$name" add n2 counter
done
bad 1 "no type 'nosuch'" -s new add n2 nosuch
bad 1 'XDP program already' -s new -n middle vlink hook d0
ok "a first command that is refused leaves no stack" [ ! -e "$LANA_BPFFS/lana/new" ]

# ---- surroundings -----------------------------------------------------------------------------------

# in_surroundings COMMAND... :: STATUS PATTERN WORD...: with that command in front
in_surroundings()
{
	wrap=()
	while [ "$1" != :: ]; do
		wrap+=("$1")
		shift
	done
	shift
	bad "$@"
	wrap=()
}

mkdir "$LANA_SCRATCH/plain" "$LANA_SCRATCH/open"
for words in show 'add n2 counter' flush check 'vlink hook x0'; do
	# shellcheck disable=SC2086 # words
	in_surroundings env LANA_BPFFS="$LANA_SCRATCH/plain" :: 1 'no bpffs at .*mount -t bpf' $words
	# shellcheck disable=SC2086
	in_surroundings env LANA_BPFFS=/nosuch :: 1 'no bpffs at /nosuch' $words
done
is "$(ls "$LANA_SCRATCH/plain")" '' "nothing is left in the plain folder"
in_surroundings env LANA_BPFFS="$(printf '/x%.0s' {1..2000})" :: 1 'too long' show
in_surroundings env LANA_BPFFS=/sys/fs/bpf ip netns exec middle :: 1 'use lanactl -n' show
in_surroundings env LANA_TYPES=/nosuch :: 1 'looked for' load mark
in_surroundings env LANA_TYPES= :: 1 . load mark
cp "$LANA_TYPES/ttl.bpf.o" "$LANA_SCRATCH/plain/mark.bpf.o"
in_surroundings env LANA_TYPES="$LANA_SCRATCH/plain" :: 1 "holds type 'ttl'" load mark
in_surroundings env LANA_TYPES="$LANA_SCRATCH/plain" :: 1 "holds type 'ttl'" add n2 mark

# Another user can reach lanactl and the types here; bpffs is not for him, or it is and BPF is not.
mount -t bpf -o mode=0777 bpf "$LANA_SCRATCH/open" || bail "no second bpffs"
cp "$LANACTL" "$LANA_SCRATCH/lanactl"
chmod 755 "$LANA_SCRATCH/lanactl"
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --)
if "${nobody[@]}" true 2>/dev/null; then
	built=$LANACTL LANACTL=$LANA_SCRATCH/lanactl
	for words in show 'add n2 counter' flush check; do
		# shellcheck disable=SC2086
		in_surroundings "${nobody[@]}" :: 1 '[Pp]ermi' $words
	done
	for words in 'add n2 counter' 'load mark' 'vlink hook d0'; do
		# shellcheck disable=SC2086
		in_surroundings env LANA_BPFFS="$LANA_SCRATCH/open" "${nobody[@]}" :: \
			1 '[Pp]ermitted' $words
	done
	LANACTL=$built
else
	skip "cannot become another user"
fi
is "$(ls "$LANA_SCRATCH/open/lana" 2>/dev/null)" '' "no pins are left by who may not make maps"

# A bpffs open to everybody, where another user was first: root must not work in folders of his.
folder=$LANA_SCRATCH/open/lana
mkdir -p "$folder/default" && chown -R 65534 "$folder"
in_surroundings env LANA_BPFFS="$LANA_SCRATCH/open" :: 1 'belongs to another user' add n2 counter
is "$(ls "$folder/default")" '' "nothing is made in the folder of another"
rm -rf "$folder" && ln -s nowhere "$folder"
in_surroundings env LANA_BPFFS="$LANA_SCRATCH/open" :: 1 'belongs to another user' add n2 counter
rm "$folder"

output=$(lana show 2>&1 >/dev/full)
is "$?: $output" "1: lanactl: cannot write the output: No space left on device" "a full disk is told"
for words in export '-j export' '-j show' '-j stats' types; do
	# shellcheck disable=SC2086 # words are words
	output=$(lana $words 2>&1 >/dev/full)
	like "$?: $output" '^1: lanactl: cannot write the output: [A-Z][a-z /]*$' "so it is by $words"
done

# ---- the end ---------------------------------------------------------------------------------------

ok "the device that has gone can be unhooked" lana vlink unhook y0
ok "after all that the stack is sound" lana check
ok "it is flushed" lana flush
ok "no pin is left" [ ! -e "$LANA_BPFFS/lana" ]
done_testing
