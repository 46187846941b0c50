#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# gen.sh - gen and sink, as a user types them
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
topo_veth left l0 lab west
topo_veth lab east right r0 '' 10.0.0.2/24
topo_veth left l1 right r1 '' 10.0.1.2/24
# The other ends answer to the addresses that frames have if nothing is said.
for device in r0 r1; do
	must ip -n right link set "$device" address 02:00:00:00:00:02
done
must ip -n right neighbour add 10.0.0.1 lladdr 02:00:00:00:00:01 dev r0
must ip -n right neighbour add 10.0.1.1 lladdr 02:00:00:00:00:01 dev r1
must ip -n right -6 address add 2001:db8::2/64 dev r1 nodad
must ip -n right neighbour add 2001:db8::1 lladdr 02:00:00:00:00:01 dev r1

out=$LANA_SCRATCH/out
file=$LANA_SCRATCH/file.pcap

gen()
{
	lana -n left gen "$@"
}

# sink NETNS DEV WORD...: in the background, and ready; what it says goes to $out
sink()
{
	netns=$1 device=$2
	shift 2
	background "$LANACTL" -j -n "$netns" sink "$device" time 30s "$@" >"$out" 2>"$out.err"
	pid=$!
	wait_for sh -c "ip -n $netns link show dev $device | grep -q xdp" || bail "no sink"
}

# ended: stop the sink, unless it has ended, once nothing more comes
ended()
{
	local packets last='' same=0

	# What still is in the ring of a veth comes when its CPU has time for it.
	while [ $same -lt 3 ] && kill -0 "$pid" 2>/dev/null; do
		packets=$(ip -n "$netns" -j -s link show dev "$device" 2>/dev/null | jq '.[0].stats64.rx.packets')
		[ "$packets" = "$last" ] && same=$((same + 1)) || same=0
		last=$packets
		sleep 0.03
	done
	kill -INT "$pid" 2>/dev/null
	wait "$pid"
}

# counts: of the only stream: received, lost, duplicated, reordered
counts()
{
	jq -c '.streams | if length == 1 then .[0] | [.received, .lost, .duplicated, .reordered]
		else length end' "$out"
}

# ---- through a veth ----------------------------------------------------------------------------

# A ring of a veth has room for 256 frames: so many are never refused.
sink right r1 count 200
gen l1 stamp count 200 rate 50kpps >"$out.gen"
is $? 0 "frames are sent"
like "$(<"$out.gen")" '^200 frames sent to l1 in .* 0 refused' "which it says"
wait "$pid"
is $? 0 "and a sink ends when they are there"
is "$(counts)" '[200,0,0,0]' "all of them, once, in order"
is "$(jq -c '.streams[0] | [.stream, .lowest, .highest, .bytes]' "$out")" '[0,0,199,12000]' \
	"as they were numbered"
is "$(jq '[.streams[0].delays[].packets] | add' "$out")" 200 "each has a delay"
ok "delays make sense" jq -e '.streams[0] | .min_us <= .p50_us and .p50_us <= .p99_us and
	.p99_us <= .max_us and .max_us < 10000000' "$out"

# What a full ring refuses is numbered, too, and nothing else is lost.
sink right r1
lana -n left -j gen l1 stamp count 400000 cpus 2 profile imix stream 5 >"$out.gen"
ended
is "$(jq '[.streams[].stream] == [5, 6] and all(.streams[]; .duplicated + .reordered == 0)' "$out")" \
	true "two CPUs send two streams, at full rate"
# Two CPUs share a queue of the veth, which adds up what it refuses without a lock: now and then the
# kernel misses a batch of 16.
sent=$(jq .gen.sent "$out.gen") refused=$(jq .gen.refused "$out.gen")
received=$(jq '[.streams[].received] | add' "$out") lost=$(jq '[.streams[].lost] | add' "$out")
ok "all that was sent comes" test $((sent - received)) -ge 0 -a $((sent - received)) -le $((sent / 100))
ok "what was refused is missing" test "$lost" -le $((refused + sent / 100))

sink right r1
gen l1 stamp count 10 rate 100kpps >"$out.gen"
gen l1 count 7 rate 100kpps >"$out.gen"
gen l1 stamp count 20 rate 100kpps >"$out.gen"
ended
is "$(jq -c '[([.streams[].received] | sort), .others]' "$out")" '[[10,20],7]' \
	"runs are told apart, and other packets counted aside"

# ---- something between --------------------------------------------------------------------------

lana -n lab vlink hook west xdp
lana -n lab vlink hook east xdp
lana add way counter
lana bind way west ingress
lana bind east way ingress
sink right r0
ok "through a stack" gen l0 stamp count 200 rate 50kpps
ended
is "$(counts)" '[200,0,0,0]' "all of them come"
is "$(packets way)" 200 "which a block has counted"

# ---- captures ------------------------------------------------------------------------------------

# capture COUNT FILE: the next UDP packets that r1 receives
capture()
{
	background nsenter --net=/run/netns/right timeout 30 tcpdump -Q in -U -n -i r1 -w "$2" -c "$1" udp 2>"$out.err"
	pid=$!
	wait_for grep -q listening "$out.err" || bail "no tcpdump"
}

# dump FILE: its frames, without their times
dump()
{
	tcpdump -xx -n -t -r "$1" 2>/dev/null
}

capture 100 "$file"
gen l1 'eth ip4 udp(sport=1+) payload(18); eth ip4 udp(sport=[7, 8]) payload(900)' stamp count 100 \
	rate 1kpps >"$out.gen"
wait "$pid"
capture 100 "$file.again"
ok "a capture is sent" gen l1 pcap "$file"
wait "$pid"
is "$(dump "$file.again" | md5sum)" "$(dump "$file" | md5sum)" "its frames come as they were"

# 99 gaps of a millisecond: never faster; how much slower depends on who else wants the CPU.
seconds()
{
	tcpdump -n -tt -r "$1" 2>/dev/null | awk 'NR == 1 { first = $1 } END { print $1 - first }'
}

ok "with their gaps" awk "BEGIN { exit !($(seconds "$file.again") > 0.9 * $(seconds "$file")) }"
capture 100 "$file.again"
ok "ten times as fast" gen l1 pcap "$file" speed 10
wait "$pid"
ok "which is faster" awk "BEGIN { exit !($(seconds "$file.again") < 0.9 * $(seconds "$file")) }"
capture 250 "$file.again"
ok "more than there are" gen l1 pcap "$file" rate 50kpps count 250
wait "$pid"
is "$(dump "$file.again" | grep -c '^IP')" 250 "begin again"

# shuffled ORDER: a capture with these frames, from 0 on, in that order
shuffled()
{
	perl -e '
		local $/; open my $in, "<", shift or die; binmode $in; my $all = <$in>;
		my ($head, @frames) = substr $all, 0, 24;
		for (my $at = 24; $at < length $all; $at += 16 + $size) {
			$size = unpack "V", substr $all, $at + 8, 4;
			push @frames, substr $all, $at, 16 + $size;
		}
		print $head, @frames[@ARGV];' "$file" "$@" >"$file.shuffled"
}

# told COUNTS DESCRIPTION: what a sink says of the frames in that order
told()
{
	sink right r1
	gen l1 pcap "$file.shuffled" rate 20kpps >"$out.gen"
	ended
	is "$(counts)" "$1" "$2"
}

shuffled 0 1 2 3 5 6 8 9
told '[8,2,0,0]' "a sink tells what is lost"
shuffled 0 1 1 2 3 3 3 4
told '[8,0,3,0]' "what comes twice"
shuffled 0 1 3 2 4 7 5 6
told '[8,0,0,3]' "what comes too late"
shuffled 3 2 2 9 0 3 1 0
told '[8,5,3,3]' "and all of it at once"
shuffled 50 51 53
told '[3,51,0,0]' "what was sent before it came is lost"
sink right r1 running
gen l1 pcap "$file.shuffled" rate 20kpps >"$out.gen"
ended
is "$(counts)" '[3,1,0,0]' "unless that is not to be so"

# ---- what the other end thinks of it -------------------------------------------------------------

# Both ways: frames made by the program (with GRO), and by packet socket.
for gro in on off; do
	topo_offload right r1 gro $gro
	way=$(lana -n left -j gen l1 'eth ip4(dst=10.9.9.9) udp' count 1 | jq -r .gen.way)
	is "$way" "$([ $gro = on ] && echo live || echo socket)" "gro $gro: the way is chosen"
	background nsenter --net=/run/netns/right timeout 10 bash -c \
		"exec 3<>/dev/null; perl -MIO::Socket::INET -e '
			\$s = IO::Socket::INET->new(Proto => \"udp\", LocalPort => 4000) or die;
			open R, \">\", \"$out.ready\"; close R;
			for (1 .. 50) { \$s->recv(\$b, 100); \$n++ if \$b eq \"hello\" }
			print \$n'" >"$out.udp"
	pid=$!
	wait_for test -e "$out.ready"
	ok "UDP" gen l1 'eth ip4(src=10.0.1.1, dst=10.0.1.2) udp(sport=5000+, dport=4000) payload("hello")' \
		count 50 rate 2kpps
	wait "$pid"
	is "$(<"$out.udp")" 50 "a socket receives it, its checksums being right"
	rm "$out.ready"

	background nsenter --net=/run/netns/left timeout 30 tcpdump -Q in -U -n -i l1 -c 30 \
		'tcp[tcpflags] & tcp-rst != 0 or icmp[icmptype] == icmp-echoreply or icmp6[0] == 129' \
		>"$out.replies" 2>"$out.err"
	pid=$!
	wait_for grep -q listening "$out.err" || bail "no tcpdump"
	ok "a SYN, and echo requests" gen l1 'eth ip4(src=10.0.1.1, dst=10.0.1.2) tcp(sport=1000+, seq=random);
		eth ip4(src=10.0.1.1, dst=10.0.1.2) icmp(seq=1+, id=random) payload(33);
		eth ip6 icmp6(seq=1+) payload("odd")' count 30 rate 500pps
	wait "$pid"
	is "$(sed -n 's/.*\(\[R\.\]\|ICMP echo reply\|ICMP6, echo reply\).*/\1/p' "$out.replies" | sort | uniq -c |
		xargs)" '10 ICMP echo reply 10 ICMP6, echo reply 10 [R.]' "gro $gro: are answered"
done
topo_offload right r1 gro on

# A generic program polls no more than none: what is made must come all the same.
topo_offload right r1 gro off
lana -n right vlink hook r1 skb
lana add heard counter
lana bind heard r1 ingress
lana -n left -j gen l1 count 200 rate 50kpps >"$out"
is "$(jq -r .gen.way "$out") $(packets heard)" 'socket 200' "the other end, hooked skb, gets all of them"
lana unbind heard r1 ingress
lana rm heard
lana -n right vlink unhook r1
topo_offload right r1 gro on

# ---- pace ----------------------------------------------------------------------------------------

# Time can only be lost: never faster than asked.
for words in 'rate 10kpps' 'rate 100mbit profile 512' 'rate 500pps'; do
	# shellcheck disable=SC2086 # words
	lana -n left -j gen l1 $words time 300ms >"$out"
	ok "$words: never faster" jq -e '.gen | .pps < 1.02 * .asked_pps + 10 and .sent > 10' "$out"
done

gen l1 rate 500Mpps count 10000 >"$out"
like "$(<"$out")" $'\nthe rate was not kept: [0-9.e+]+ (Mpps|kpps|pps) instead of 500 Mpps$' \
	"a rate that was not kept is told"
is "$(lana -n left -j gen l1 rate 900Gbit count 10000 | jq .gen.rate_kept)" false "in bits and JSON, too"
# Two frames may be late by as much as lies between them.
is "$(lana -n left -j gen l1 rate 5pps count 2 | jq .gen.rate_kept)" true "one that is kept is told"
like "$(gen l1 rate 100pps count 5)" ': [0-9.]+ pps, [0-9.]+ kbit/s, ' "low rates have units of their own"
is "$(lana -n left -j gen l1 count 5 | jq '.gen | has("rate_kept")')" false "none was asked for: none is told of"

# ---- into a block --------------------------------------------------------------------------------

lana add n1 counter
lana add n2 counter
lana add end drop
lana unbind east way ingress
lana bind n1 way ingress
lana bind n2 n1 ingress
lana bind end n2 ingress
# One packet that is traced; those that a generator makes are not taken for it.
background "$LANACTL" -j trace >"$out"
pid=$!
# shellcheck disable=SC2016 # expanded when it is run
wait_for sh -c "ls '$LANA_BPFFS'/lana/*/probes/*/counts" || bail "no trace"
lana check >/dev/null # it waits for the lock
lana -n left gen l0 count 1 >"$out.gen"
lana gen block n1 count 5 >"$out.gen"
wait_for grep -q '"packet"' "$out"
kill -INT "$pid"
wait "$pid"
is "$(jq -c 'select(.packet) | [.packet.hops[].block]' "$out")" '["west","way","n1","n2","end"]' \
	"a trace follows the packet that came by a hook"
is "$(packets n1)" 6 "and no other"
lana replace n1 counter drop-state
lana replace n2 counter drop-state
lana replace way counter drop-state
before=$(lana show)
ok "into a block in the middle of others" lana gen block n1 count 123456
is "$(packets way) $(packets n1) $(packets n2)" "0 123456 123456" "from there on"
ok "by its IDP" lana gen block "$(lana -j show n2 | jq '.blocks[0].idp // .idp')" count 1000 rate 100kpps
is "$(packets n1) $(packets n2)" "123456 124456" "too"
is "$(lana show)" "$before" "nothing is left of it"
ok "the stack is sound" lana check
background "$LANACTL" gen block n2 rate 10kpps 2>"$out.err"
pid=$!
# shellcheck disable=SC2016 # expanded when it is run
wait_for sh -c '[ "$('"$LANACTL"' -j stats n2 | jq "[.stats[].counters.packets] | add")" -gt 124456 ]'
ok "meanwhile it is sound" lana check
lana unbind n2 n1 ingress
lana unbind end n2 ingress
ok "a block that is fed is removed" lana rm n2
wait "$pid"
is $? 1 "which ends the generator"
like "$(<"$out.err")" "^lanactl: block 'n2' has been removed: [1-9][0-9]* frames sent$" "in one line"
background "$LANACTL" gen block n1 rate 10kpps
pid=$!
# shellcheck disable=SC2016 # expanded when it is run
wait_for sh -c '[ "$('"$LANACTL"' -j stats n1 | jq "[.stats[].counters.packets] | add")" -gt 123456 ]'
kill -KILL "$pid"
wait "$pid" 2>/dev/null
wait_for sh -c "'$LANACTL' check && [ -z \"\$(ls '$LANA_BPFFS/lana/default/probes')\" ]"
is "$(ls "$LANA_BPFFS/lana/default/probes")" '' "one that is killed leaves nothing"
ok "and the stack is sound" lana check
ok "flush" lana flush
lana -n lab vlink hook west tc
lana add n1 counter
lana bind n1 west ingress
ok "a stack that is hooked at tc alone" lana gen block n1 count 10 rate 10kpps
is "$(packets n1)" 10 "takes them, too"
ok "and is sound" lana check
ok "flush" lana flush

# Without a hook of XDP nothing is woven for it, but for as long as frames are made.
lana add n1 counter
lana add end drop
lana bind end n1 ingress
printf 'ld #proto\nret a\n' >"$LANA_SCRATCH/proto.asm"
for hook in none tc; do
	[ $hook = none ] || lana -n left vlink hook l1 tc
	before=$(lana show)
	ok "into a block, hook $hook" lana gen block n1 count 1000 rate 100kpps
	is "$(lana show)" "$before" "nothing is left of it"
	ok "the stack is sound" lana check
	background "$LANACTL" gen block n1 rate 10kpps
	pid=$!
	count=$(packets n1)
	# shellcheck disable=SC2016 # expanded when it is run
	wait_for sh -c '[ "$('"$LANACTL"' -j stats n1 | jq "[.stats[].counters.packets] | add")" -gt '"$count"' ]'
	refused "meanwhile, a filter that XDP cannot answer" lana add kind filter asm="$LANA_SCRATCH/proto.asm"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	ok "afterwards it is taken, though the generator was killed" lana add kind filter \
		asm="$LANA_SCRATCH/proto.asm"
	ok "the stack is sound" lana check
	lana rm kind
done
ok "all of them came there" test "$(packets n1)" -gt 2000
lana add kind filter asm="$LANA_SCRATCH/proto.asm"
like "$(lana gen block kind count 1 2>&1)" "^lanactl: .*#proto is not known at XDP$" \
	"what XDP cannot answer is told"
ok "the stack is sound" lana check
ok "flush" lana flush

# ---- the end of processes and devices ------------------------------------------------------------

sink right r1
kill -KILL "$pid"
wait "$pid" 2>/dev/null
wait_for sh -c "! ip -n right link show dev r1 | grep -q xdp"
is $? 0 "a sink that is killed is gone"
topo_exec right "$LANACTL" sink r1 time 20ms >"$out"
is $? 0 "a sink ends when its time is over"
background "$LANACTL" -n left gen l1 rate 5kpps >"$out" 2>"$out.err"
pid=$!
# shellcheck disable=SC2016 # expanded when it is run
wait_for nsenter --net=/run/netns/right sh -c '[ "$(ip -s -j link show dev r1 | jq ".[0].stats64.rx.packets")" -gt 100 ]'
kill -INT "$pid"
wait "$pid"
is $? 0 "SIGINT ends a generator"
for words in 'rate 5kpps' 'rate 500pps' ''; do
	topo_veth left l2 right r2
	topo_offload right r2 gro on
	# shellcheck disable=SC2086 # words, or none
	background "$LANACTL" -n left gen l2 $words 2>"$out.err"
	pid=$!
	background "$LANACTL" -n right sink r2 2>"$out.err2"
	sink_pid=$!
	# shellcheck disable=SC2016 # expanded when it is run
	wait_for sh -c '[ "$(ip -n right -s -j link show dev r2 | jq ".[0].stats64.rx.packets")" -gt 20 ]'
	wait_for sh -c "ip -n right link show dev r2 | grep -q xdp"
	must ip -n left link del l2
	wait "$pid"
	is $? 1 "${words:-full rate}: a device that goes ends the generator"
	like "$(<"$out.err")" "^lanactl: device 'l2' has gone: [1-9][0-9]* frames sent$" "in one line"
	wait "$sink_pid"
	is $? 1 "and a sink"
	like "$(<"$out.err2")" "^lanactl: device 'r2' has gone$" "in one line"
done

# ---- help ---

# offered WORD...: what may stand in place of the last one
offered()
{
	lana -n left help complete -- -n left "$@" | sort | xargs
}

lana add nodevice counter
is "$(offered gen l)" 'l0 l1 lo' "devices of the namespace are offered to gen"
is "$(offered sink l)" 'l0 l1 lo' "and to sink"
is "$(offered gen n)" '' "and no blocks"
is "$(offered gen block n)" 'nodevice' "but to gen block"
is "$(offered gen l1 profile '')" 'imix rfc2544' "profiles are"
is "$(offered gen l1 pcap '')" ':files' "files of captures, too"
lana flush
ok "the list of commands is no wider than a screen" test \
	"$(lana help | awk 'length > most { most = length } END { print most }')" -le 110
like "$(gen l1 count 2>&1)" '^lanactl: .count. needs N \(gen DEV \[OPTION \.\.\.\] \[PACKET\]\)$' \
	"misuse is told in a short line"
like "$(lana help gen)" 'rate RATE' "help has all options"

# ---- refusals ------------------------------------------------------------------------------------

# says WORDS WHY: gen refuses that
says()
{
	# shellcheck disable=SC2086 # words
	refused "gen $1" lana -n left gen $1
	# shellcheck disable=SC2086 # words
	like "$(lana -n left gen $1 2>&1)" "$2" "says why"
}

says "nowhere" "^lanactl: no device 'nowhere'$"
says "l1 eth(" "packet:1:5: a field of eth is expected"
says "l1 eth rate 1000" "has no unit of a rate"
says "l1 profile 9000" "is no profile"
for gro in on off; do
	topo_offload right r1 gro $gro
	says "l1 profile 1519" "^lanactl: frames of 1515 bytes: the MTU of l1 allows 1514 "
	ok "that of the MTU is sent" gen l1 profile 1518 count 1
	ok "a tag is not counted" gen l1 'eth vlan payload(1500)' count 1
	# A word, no more: says() splits words.
	printf 'eth vlan payload(1501)' >"$LANA_SCRATCH/long.gen"
	says "l1 file $LANA_SCRATCH/long.gen" "^lanactl: frames of 1519 bytes: the MTU of l1 allows 1518 "
done
topo_offload right r1 gro on
says "l1 pcap /nowhere" "/nowhere: No such file"
says "l1 pcap $0" "gen.sh: unknown file format"
says "l1 file /nowhere" "cannot read /nowhere: No such file"
says "l1 pcap $file stamp" "sent as they are"
says "l1 cpus 1000" "CPUs to send from, not 1000"
says "block nobody" "no stack"
printf 'eth\nip4(ttl=300)' >"$LANA_SCRATCH/bad.gen"
says "l1 file $LANA_SCRATCH/bad.gen" "bad.gen:2:9: 300 is more than 'ttl' holds: 255 at most"
gen l1 count 0 2>/dev/null
is $? 2 "no frames at all are a misuse"
gen l1 time 10 2>/dev/null
is $? 2 "as is a time without a unit"
refused "a sink of nothing" lana -n right sink nowhere
must ip -n left link set l1 down
says "l1" "device 'l1' is down"
must ip -n left link set l1 up
like "$(setpriv --reuid 65534 --clear-groups "$LANACTL" gen lo count 1 2>&1)" 'not permitted to .*: root is needed' \
	"gen without privilege says what is missing"
like "$(setpriv --reuid 65534 --clear-groups "$LANACTL" sink lo count 1 2>&1)" 'not permitted to .*: root is needed' \
	"as does sink"
done_testing
