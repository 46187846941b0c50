#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# apps_sniff.sh - lana-sniff captures what passes, all of it, and leaves the stack as it was
#
#	  left               right
#	+------+           +-----------------------------------------+
#	|  l0  |───────────|─● r0 ── n ── up: the kernel             |
#	+------+           |    └ sniff-tee ── sniff-filter ── sniff |
#	                   +-----------------------------------------+
#
# and what ping sends in right, by another device, to an echo in far.
# shellcheck disable=SC2016,SC2317 # functions are called by ok; words are expanded when they are run
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
for command in jq tcpdump; do
	command -v $command >/dev/null || skip_all "no $command"
done

topo_netns left
topo_netns right
topo_veth left l0 right r0 10.0.0.1/24 10.0.0.2/24
# Nothing but what the test sends.
must ip -n left neighbour replace 10.0.0.2 \
	lladdr "$(ip -n right -j link show r0 | jq -r '.[0].address')" dev l0
must ip -n right neighbour replace 10.0.0.1 \
	lladdr "$(ip -n left -j link show l0 | jq -r '.[0].address')" dev r0
file=$LANA_SCRATCH/file.pcapng
said=$LANA_SCRATCH/said

# stack HOOK: r0, a counter, and the kernel
stack()
{
	must lana -n right vlink hook r0 "$1"
	must lana add n counter
	must lana add up pass
	must lana bind up n ingress
	must lana bind n r0 ingress
}

blocks()
{
	lana -j show | jq -c '[.blocks[].name]'
}

# sniff WORD...: in the background, and listening
sniff()
{
	background "$LANA_BUILD/lana-sniff" -n right --json "$@" >"$said" 2>"$said.err"
	pid=$!
	wait_for eval "lana -j show sniff | jq -e '.blocks[0].refs > 0'" || bail "no lana-sniff: $(<"$said.err")"
}

# end PID [SIGNAL]: wait for it, after the signal; its exit status goes to $status
end()
{
	[ -z "${2-}" ] || kill "-$2" "$1"
	wait "$1" 2>/dev/null
	status=$?
}

# pings COUNT [SIZE]
pings()
{
	topo_exec left ping -q -f -c "$1" -s "${2-56}" -W 1 10.0.0.2
}

udp()
{
	must lana -n left gen l0 "eth(dst=$r0) ip4(src=10.0.0.1, dst=10.0.0.2) udp(dport=9) payload(64)" \
		count "$1" rate 20kpps >/dev/null
}

# reads [EXPRESSION]: how many packets tcpdump reads
reads()
{
	tcpdump -n -r "$file" "$@" 2>/dev/null | wc -l
}

# interface_statistics: received and dropped, of the last block of the file
interface_statistics()
{
	tail -c 52 "$file" | od -A n -v -t u4 | xargs |
		awk '$1 == 5 && $2 == 52 { print $7, $10 }'
}

r0=$(ip -n right -j link show r0 | jq -r '.[0].address')

for hook in xdp tc; do
	stack $hook
	before=$(lana export)

	# ---- all of it, and some ---------------------------------------------------------------

	sniff --below r0 --write "$file"
	is "$(blocks)" '["r0","n","up","sniff","sniff-tee"]' "at $hook, a tee of its own"
	ok "what goes on goes on" pings 50
	udp 30
	end $pid INT
	is "$status" 0 "it ends"
	is "$(jq -c '[.packets, .seen, .lost]' "$said")" '[80,80,0]' "having had every packet"
	is "$(reads) $(reads icmp) $(reads udp)" "80 50 30" "which tcpdump reads"
	is "$(interface_statistics)" "80 0" "and the file says so, too"
	is "$(lana export)" "$before" "the stack is as before"

	sniff --below r0 --write "$file" --snaplen 60 icmp and greater 200
	is "$(blocks)" '["r0","n","up","sniff","sniff-tee","sniff-filter"]' "a filter of its own"
	pings 5 >/dev/null
	pings 7 400 >/dev/null
	udp 10
	end $pid TERM
	is "$(jq -c '[.packets, .lost]' "$said") $(reads)" '[7,0] 7' "takes only what matches"
	is "$(tcpdump -n -e -r "$file" 2>/dev/null | grep -c 'length 442:')" 7 \
		"and knows how long they were, though they are cut"
	is "$(lana export)" "$before" "the stack is as before"

	# ---- killed ------------------------------------------------------------------------------

	sniff --below r0 --write "$file" udp
	end $pid KILL
	ok "it is killed, and what goes on goes on" pings 3
	is "$(blocks)" '["r0","n","up","sniff-tee","sniff-filter"]' "its blocks are left"
	sniff --below r0 --write "$file" udp
	udp 3
	end $pid INT
	is "$(jq .packets "$said")" 3 "the next one goes on in their place"
	is "$(lana export)" "$before" "and takes them with it"

	must lana flush
done

# ---- what a program sends ------------------------------------------------------------------------------

topo_netns far
topo_veth right r1 far f0
must lana -s far -n far vlink hook f0
background "$LANA_BUILD/lana-echo" -s far -n far --below f0 --mac 02:00:00:00:00:02 >/dev/null 2>&1
wait_for lana -s far show echo || bail "no lana-echo"
for hook in xdp tc; do
	must lana -n right vlink hook r1 $hook
	background "$LANA_BUILD/lana-ping" -n right --json --below r1 -i 0.005 02:00:00:00:00:02 >"$LANA_SCRATCH/ping"
	ping=$!
	wait_for lana show ping || bail "no lana-ping"
	before=$(lana export)
	sniff --below ping --egress --write "$file" --count 30
	wait_for eval '! kill -0 $pid' || kill -INT $pid
	end $pid
	is "$(jq -c '[.packets, .lost]' "$said") $(tcpdump -n -e -r "$file" 2>/dev/null | grep -c 0x88b5)" '[30,0] 30' "at $hook, what a program sends is captured"
	wait_for eval '[ "$(lana export)" = "$before" ]'
	sniff --below ping --egress --write "$file"
	end $ping INT
	is "$(tail -n 1 "$LANA_SCRATCH/ping" | jq -c '[.received == .sent, .sent >= 30, .lost, .duplicates]')" \
		'[true,true,0,0]' "and comes back, all of it and once"
	is "$(lana -j stats sniff-tee | jq -c '[.stats[].drops | to_entries[]]')" '[]' "and nothing is dropped on the way"
	end $pid INT
	must lana flush
done
must lana -n right vlink hook r0
must lana -n right vlink hook r1 skb
for device in r0 r1; do
	listen=("$LANA_BUILD/lana-sniff" -n right --below "$device" --egress --write "$file")
	refused "at XDP, what the kernel sends" timeout -s KILL 5 "${listen[@]}"
	like "$(timeout -s KILL 5 "${listen[@]}" 2>&1)" \
		"^lana-sniff: '$device' is hooked at XDP" "does not pass"
done
is "$(blocks)" '["r0","r1"]' "and nothing is left of it"
must lana flush
must lana -s far flush

# ---- a pipe ------------------------------------------------------------------------------------------

stack tc
(wait_for lana show sniff-tee && pings 20 >"$LANA_SCRATCH/pings") &
setpriv --pdeathsig KILL -- "$LANA_BUILD/lana-sniff" -n right --below r0 --count 5 icmp 2>"$said" | tcpdump -n -r - 2>/dev/null >"$file"
is "${PIPESTATUS[*]} $(grep -c 'ICMP echo request' "$file")" "0 0 5" "five of them by a pipe to tcpdump"
is "$(tail -n 1 "$said")" "5 packets captured, 0 lost of 5" "and what is to be said, beside it"
wait $!
(wait_for lana show sniff-tee && pings 200 >"$LANA_SCRATCH/pings") &
setpriv --pdeathsig KILL -- "$LANA_BUILD/lana-sniff" -n right --below r0 2>"$said" | head -c 24 >/dev/null
is "${PIPESTATUS[0]} $(<"$said")" "0 " "a reader that leaves ends it"
wait $!

# ---- places ------------------------------------------------------------------------------------------

must lana add both tee
must lana bind n both port 0
must lana bind both r0 ingress
sniff --below both --write "$file" icmp
is "$(lana -j show both | jq -c '.blocks[0].ingress')" '{"0":"n","1":"sniff-filter"}' \
	"of a tee it takes the port that is free"
pings 4 >/dev/null
end $pid INT
is "$(jq .packets "$said")" 4 "and listens"
sniff --below r0 --egress --write "$file"
pings 6 >/dev/null
end $pid INT
is "$(jq .packets "$said") $(reads 'icmp[0] == 0')" "6 6" "what leaves by a device, too"

background "$LANA_BUILD/lana-sniff" -n right --name mine --write "$file" >"$said"
pid=$!
wait_for lana show mine
ok "a block is bound by hand" lana bind mine both port 1
pings 3 >/dev/null
end "$pid" INT
is "$(reads)" 3 "and hears"

refused "an expression that is none" "$LANA_BUILD/lana-sniff" -n right --below r0 --write "$file" tcp prot
refused "a block that is not there" "$LANA_BUILD/lana-sniff" -n right --below none --write "$file"
refused "a block without ports" "$LANA_BUILD/lana-sniff" -n right --below up --write "$file"
refused "a port that is not there" "$LANA_BUILD/lana-sniff" -n right --below n --port dead --write "$file"
refused "a file that cannot be written" "$LANA_BUILD/lana-sniff" -n right --below n --write /nowhere/file
refused "a disk that is full" "$LANA_BUILD/lana-sniff" -n right --below n --write /dev/full
is "$(blocks)" '["r0","n","up","both"]' "and leave nothing"

# ---- lost -----------------------------------------------------------------------------------------------

# A reader that does not read: the pipe is full, then the ring.
mkfifo "$LANA_SCRATCH/fifo"
exec 8<>"$LANA_SCRATCH/fifo"
sniff --below both --ring 64 --write "$LANA_SCRATCH/fifo" udp
udp 4000
kill -INT $pid
cat <&8 >"$file" &
reader=$!
lib_jobs+=("$reader")
end $pid
exec 8<&-
wait_for test -s "$file"
sleep 0.2
kill "$reader"
is "$(jq -c '[.seen, .packets + .lost == .seen, .lost > 1000]' "$said")" '[4000,true,true]' \
	"a reader that is too slow, and every packet that it misses is counted"
note "$(<"$said")"
is "$(reads) $(interface_statistics)" "$(jq -r '"\(.packets) \(.seen) \(.lost)"' "$said")" \
	"in the file too"

ok "the stack is sound" lana check
must lana flush
done_testing
