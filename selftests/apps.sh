#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# apps.sh - lana-ping counts exactly what lana-echo answers, while the stack below is rearranged
#
#	  left                              right
#	+------------------------+        +------------------------+
#	|  ping ── n ── l0 ●─────|────────|─────● r0 ── … ── echo  |
#	+------------------------+        +------------------------+
# shellcheck disable=SC2317,SC2046 # functions are called by ok; words are split on purpose
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v jq >/dev/null || skip_all "no jq"

topo_netns left
topo_netns right
topo_veth left l0 right r0
left=(-s left -n left)
right=(-s right -n right)
echo_mac=02:00:00:00:00:02
out=$LANA_SCRATCH/out

ping_left()
{
	"$LANA_BUILD/lana-ping" "${left[@]}" --below l0 "$@"
}

# echo_right WORD...: answers in the background, and is there
echo_right()
{
	background "$LANA_BUILD/lana-echo" "${right[@]}" --json --mac $echo_mac "$@" >"$out.echo"
	echo_pid=$!
	wait_for eval "lana ${right[*]} -j show | jq -e '.blocks[] | select(.type == \"socket\")'" ||
		bail "no lana-echo"
}

# end PID [SIGNAL]: wait for it, after the signal; its exit status goes to $status
end()
{
	[ -z "${2-}" ] || kill "-$2" "$1"
	wait "$1" 2>/dev/null
	status=$?
}

# ping_on BLOCK WORD...: in the background, on top of it
ping_on()
{
	background "$LANA_BUILD/lana-ping" "${left[@]}" --json --below "$@" $echo_mac >"$out" 2>"$out.err"
	ping_pid=$!
	# Bound, and not only there.
	wait_for eval "lana ${left[*]} show $1 | grep ping" || bail "no lana-ping"
}

# counts JQ: of what lana-ping has said last
counts()
{
	tail -n 1 "$out" | jq -c "$1"
}

flush()
{
	lana "${left[@]}" flush
	lana "${right[@]}" flush
}

# ---- what it says of its own accord --------------------------------------------------------------

for app in cat echo ping sniff; do
	like "$("$LANA_BUILD/lana-$app" --help)" "^lana-$app \[OPTION" "lana-$app helps"
	is "$("$LANA_BUILD/lana-$app" --version)" "lana-$app $(lana --version | cut -d ' ' -f 2)" \
		"and knows its version"
done

# wrong WORD...: exit status 2 and one line
wrong()
{
	local output

	output=$("$LANA_BUILD/$1" "${@:2}" 2>&1 >/dev/null)
	is "$? $(wc -l <<<"$output")" "2 1" "wrong: $*"
}

wrong lana-ping --nonsense
wrong lana-ping --count
wrong lana-ping --count 0
wrong lana-ping --count 1x
wrong lana-ping --interval -1
wrong lana-ping --length 59
wrong lana-ping --mac 01:00:00:00:00:00
wrong lana-ping 02:00:00:00:00
wrong lana-ping 02:00:00:00:00:02 more
wrong lana-ping --port next
wrong lana-ping --below l0 --from "$out"
wrong lana-echo more
wrong lana-echo --mtu 9000
wrong lana-cat 01:00:00:00:00:00
wrong lana-cat --window 0
wrong lana-sniff --write "$out" tcp
wrong lana-sniff --write "$out" --egress
wrong lana-sniff --write "$out" --ring 1000
refused "no stack" ping_left -c 1
refused "no such path" "$LANA_BUILD/lana-ping" --from "$LANA_SCRATCH/nobody" -c 1

# what is no value, and why: lana-PROGRAM OPTION VALUE|what would be one
while IFS='|' read -r words why; do
	# shellcheck disable=SC2086 # words are to be split
	like "$("$LANA_BUILD"/lana-$words 2>&1)" "is no (value of --[a-z]+|PEER): $why\$" "why: $words"
done <<-END
	ping -c 0|a whole number, 1 at least
	ping -l 5|a whole number from 60 to [0-9]+
	ping -l 9000|a whole number from 60 to [0-9]+
	ping -i 0|seconds, from 0.000001 to 1000000
	ping -w 0|seconds, from 0.001 to 1000000
	ping -k 100000000|a whole number from 1 to 1024
	ping -u 60|a whole number from 68 to [0-9]+
	ping -m ff:ff:ff:ff:ff:ff|a group address.*
	ping -m nobody|.* such as 02:00:00:00:00:01
	ping nobody|.* such as 02:00:00:00:00:01
	cat ff:ff:ff:ff:ff:ff|a group address.*
	cat -w 0|seconds, from 0.001 to 1000000
	cat -T 0|seconds, from 0.5 to 1000000
	sniff -r 1000|a power of two, 65536 at most
	sniff -c 0|a whole number, 1 at least
END
like "$("$LANA_BUILD/lana-sniff" --from "$out" --write "$out" tcp 2>&1)" "expression .* with --from" \
	"an expression does not go with --from"

# left_count BLOCK COUNTER
left_count()
{
	lana "${left[@]}" -j stats "$1" | jq "[.stats[].counters.$2] | add"
}

# ---- round trips at each hook --------------------------------------------------------------------

for hook in xdp tc; do
	must lana "${left[@]}" vlink hook l0 $hook
	must lana "${right[@]}" vlink hook r0 $hook
	echo_right --below r0

	ping_left --json --count 5 --interval 0.01 $echo_mac >"$out"
	is "$?" 0 "pings are answered at $hook"
	is "$(counts '[.sent, .received, .lost, .duplicates, .reordered]')" '[5,5,0,0,0]' \
		"each of them once"
	is "$(head -n 5 "$out" | jq -c '[.sequence, .duplicate]' | xargs)" \
		"[0,false] [1,false] [2,false] [3,false] [4,false]" "a line each, in order"
	is "$(counts '.times | .min_us > 0 and .min_us <= .median_us and .median_us <= .p99_us and
		.p99_us <= .max_us and .avg_us <= .max_us')" true "times make sense"
	ping_left --json --quiet --count 3 --interval 0.01 --length 1514 >"$out"
	is "$(counts '[.sent, .received]')" '[3,3]' "the longest frames, to all"
	is "$(tail -n 1 "$out" | wc -l) $(wc -l <"$out")" "1 1" "and quietly"
	ping_left --json --flood --spin --user --window 16 --count 5000 $echo_mac >"$out"
	is "$(counts '[.sent, .received, .duplicates]')" '[5000,5000,0]' "a flood"
	refused "frames longer than the MTU" ping_left --count 1 --length 1515
	refused "a second block of that name" "$LANA_BUILD/lana-echo" "${right[@]}"
	refused "no block below" "$LANA_BUILD/lana-ping" "${left[@]}" --below none
	refused "no such namespace" "$LANA_BUILD/lana-ping" -s left -n nosuch --below l0 -c 1

	end $echo_pid INT
	is $status 0 "lana-echo ends"
	is "$(tail -n 1 "$out.echo" | jq -c '[.frames, .unsent, .own, .overruns]')" \
		'[5008,0,0,0]' "and has turned every frame round"
	ping_left --quiet --count 3 --interval 0.01 --timeout 0.1 >"$out" 2>&1
	is "$?" 1 "then nothing comes back"
	like "$(<"$out")" '3 sent, 0 received, 3 lost \(100 %\)' "and that is said"
	is "$(lana "${left[@]}" -j show | jq -c '[.blocks[].name]')" '["l0"]' \
		"nothing is left in the stack"
	ok "which is sound" lana "${left[@]}" check
	flush
done

# ---- rebound meanwhile -----------------------------------------------------------------------------

must lana "${left[@]}" vlink hook l0 xdp
must lana "${right[@]}" vlink hook r0 xdp
must lana "${left[@]}" add n counter
must lana "${left[@]}" bind n l0 egress
echo_right --below r0
ping_on l0 --flood --window 8
must lana "${left[@]}" bind ping n ingress

rebinds=0 failed=0
until=$((${EPOCHREALTIME//[.,]/} + 2000000))
while [ "${EPOCHREALTIME//[.,]/}" -lt $until ] || [ $rebinds -lt 20 ]; do
	for upper in n ping; do
		lana "${left[@]}" bind $upper l0 ingress || failed=1
	done
	for lower in n l0; do
		lana "${left[@]}" bind ping $lower egress || failed=1
	done
	rebinds=$((rebinds + 4))
done
is $failed 0 "the way of a flood is bound anew time and again"
note "$rebinds times, $(jq -c '[.sent, .received]' <"$out" 2>/dev/null) so far"
end "$ping_pid" INT
is $status 0 "the flood ends"
is "$(counts '.sent > 1000 and .received == .sent and .lost == 0')" true "and has lost no frame"
is "$(counts '[.duplicates, .reordered, .damaged, .foreign]')" '[0,0,0,0]' \
	"doubled none, and let none overtake another"
note "$(counts '[.sent, .received, .seconds]')"
is "$(($(left_count n packets) > 0))" 1 \
	"though some went by another block"
is "$(LANACTL="$LANACTL" lana "${left[@]}" -j stats | jq -c '[.stats[] | .drops, .unbound | add // 0] | add')" \
	0 "and none was dropped there"

# ---- what a stack does to frames -------------------------------------------------------------------

must lana "${left[@]}" add lossy loss ppm=200000 seed=7
must lana "${left[@]}" add hurt corrupt every=2000 skip=42 seed=7
must lana "${left[@]}" bind n hurt ingress
must lana "${left[@]}" bind hurt lossy ingress
must lana "${left[@]}" bind lossy l0 ingress
"$LANA_BUILD/lana-ping" "${left[@]}" --below n --json --flood --window 16 --count 2000 \
	--length 200 --timeout 0.3 $echo_mac >"$out"
lost=$(left_count lossy lost) hurt=$(left_count hurt packets)
note "$lost lost, $hurt damaged"
is "$((lost > 0 && hurt > 0))" 1 "a stack that loses and damages frames"
is "$(counts '[.sent, .received, .lost, .damaged]')" \
	"[2000,$((2000 - lost - hurt)),$((lost + hurt)),$hurt]" "is found out, to the frame"

refused "a port that leads somewhere is not taken away" \
	"$LANA_BUILD/lana-ping" "${left[@]}" --below l0 -c 1 $echo_mac
must lana "${left[@]}" unbind lossy l0 ingress
must lana "${right[@]}" add both tee
must lana "${right[@]}" add swap swap_mac
must lana "${right[@]}" add swap2 swap_mac
must lana "${right[@]}" bind swap2 both port 0
must lana "${right[@]}" bind swap both port 1
must lana "${right[@]}" bind swap r0 egress
must lana "${right[@]}" bind swap2 r0 egress
must lana "${right[@]}" bind both r0 ingress
ping_left --json --quiet --count 20 --interval 0.005 $echo_mac >"$out"
# It ends with the first answer to the last frame.
like "$(counts '[.sent, .received, .duplicates]')" '^\[20,20,(19|20)\]$' "two that answer make duplicates"
must lana "${right[@]}" bind echo r0 ingress
must lana "${right[@]}" unbind swap2 both port 0
must lana "${right[@]}" unbind swap2 r0 egress
must lana "${right[@]}" rm swap2

# ---- bound by others -------------------------------------------------------------------------------

"$LANA_BUILD/lana-ping" "${left[@]}" --json --quiet --count 3 --interval 0.01 $echo_mac >"$out" 2>"$out.err" &
ping_pid=$!
lib_jobs+=("$ping_pid")
wait_for lana "${left[@]}" show ping || bail "no lana-ping"
sleep 0.3
ok "a lana-ping that stands on nothing waits" kill -0 $ping_pid
must lana "${left[@]}" bind ping l0
end $ping_pid
is "$status $(counts '[.sent, .received, .foreign]')" "0 [3,3,0]" "until it is bound, and has lost nothing"

"$LANA_BUILD/lana-ping" "${left[@]}" --quiet >"$out" 2>&1 &
ping_pid=$!
lib_jobs+=("$ping_pid")
wait_for lana "${left[@]}" show ping || bail "no lana-ping"
end $ping_pid INT
is "$status $(<"$out")" "1 lana-ping: ended by a signal, before block 'ping' was bound" "or is told to end"

# ---- ends ------------------------------------------------------------------------------------------

ping_on l0 --interval 0.01 --quiet
must lana "${left[@]}" flush
must lana "${left[@]}" vlink hook l0 xdp
end "$ping_pid"
is $status 1 "whose block is removed, ends"
like "$(<"$out")" "block 'ping', or its device, has gone" "and says why"

end "$echo_pid" KILL
is $status 137 "a lana-echo is killed"
ok "its stack is mended by the next command" lana "${right[@]}" unbind swap both port 1
is "$(lana "${right[@]}" -j show | jq -c '[.blocks[].name]')" '["r0","both","swap"]' "and has no block of it"

# ---- without privilege -----------------------------------------------------------------------------

chmod 755 "$LANA_SCRATCH"
echo 'user 65534 given bind r0' >"$LANA_SCRATCH/policy"
background "$LANACTL" "${right[@]}" socket serve policy "$LANA_SCRATCH/policy" \
	path "$LANA_SCRATCH/here" >"$out.server"
server=$!
wait_for test -S "$LANA_SCRATCH/here" || bail "no server"

# as_nobody PROGRAM WORD...
as_nobody()
{
	setpriv --reuid=65534 --clear-groups --bounding-set=-all --no-new-privs \
		"$LANA_BUILD/$1" --from "$LANA_SCRATCH/here" "${@:2}"
}
refused "a server that has no such socket for one" as_nobody lana-ping --count 1
background setpriv --reuid=65534 --clear-groups --bounding-set=-all --no-new-privs --pdeathsig KILL \
	"$LANA_BUILD/lana-echo" --from "$LANA_SCRATCH/here" --name given --mac $echo_mac --count 3 \
	>"$out.echo"
echo_pid=$!
wait_for lana "${right[@]}" show given || bail "no lana-echo"
ping_left --json --count 3 --interval 0.01 >"$out"
is "$(counts '[.sent, .received]')" '[3,3]' "a lana-echo without any privilege answers"
end "$echo_pid"
is $status 0 "as often as it shall"
as_nobody lana-sniff --name given --count 2 --write - >"$out.pcapng" 2>"$out.err" &
sniff_pid=$!
lib_jobs+=("$sniff_pid")
wait_for lana "${right[@]}" show given || bail "no lana-sniff: $(<"$out.err")"
ping_left --quiet --count 2 --interval 0.01 --timeout 0.1 >"$out" 2>&1
end $sniff_pid
is "$status $(tail -n 1 "$out.err")" "0 2 packets captured, 0 lost of 2" \
	"a lana-sniff without any privilege captures, with a ring of the server's"
end "$server" TERM

ok "the stack is sound" lana "${left[@]}" check
ok "the other one too" lana "${right[@]}" check
flush
done_testing
