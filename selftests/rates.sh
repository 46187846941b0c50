#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# rates.sh - what devices and CPUs do: sums that agree with what was sent, as text, JSON, on a terminal
#
#	 left            right
#	+----+          +----+
#	| l0 |----------| r0 |
#	+----+          +----+
# shellcheck disable=SC2317 # functions are called by wait_for
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v jq >/dev/null || skip_all "no jq"

out=$LANA_SCRATCH/out
topo_netns left
topo_netns right
topo_veth left l0 right r0 10.0.0.1/24 10.0.0.2/24

refused "a device that is not there" lana -n left rates l0 nothing
refused "a name that is none" lana -n left rates a-name-much-too-long-for-it
refused "a namespace that is not there" lana -n nowhere rates l0
refused "a device of another namespace" lana -n left rates r0
for words in '' 'l0 interval 0' 'l0 interval' 'l0 count 0' 'l0 count x'; do
	# shellcheck disable=SC2086 # words
	lana -n left rates $words >/dev/null 2>&1
	is $? 2 "rates $words makes no sense"
done

# ---- what is counted -------------------------------------------------------------------------------

# looking PID: it waits for the next reading
looking()
{
	local state

	state=$(</proc/"$1"/wchan) && [[ $state == *poll* ]]
}

# total FILTER: what the rates that the jq filter picks come to, over all looks
total()
{
	jq -s "[.[] | ($1) * .interval_us / 1e6] | add | round" "$out"
}

# same GOT WANT DESCRIPTION: but for what rates are rounded by
same()
{
	[ "$1" -ge $(($2 - 10)) ] && [ "$1" -le $(($2 + 10)) ]
	tap_result $? "$3" || note "got $1, want $2"
}

# kernel NETNS DEV COUNTER: as the kernel has it
kernel()
{
	ip -n "$1" -j -s link show "$2" | jq ".[].stats64.$3"
}

background "$LANACTL" -n right -j rates r0 lo interval 0.2 >"$out"
rates=$!
wait_for looking "$rates" || bail "rates does not start"
packets=$(kernel right r0 rx.packets) bytes=$(kernel right r0 rx.bytes)
must timeout 60 "$TRAFFIC" send=left:l0 check=right:r0 count=16000 rate=40000 >/dev/null 2>&1
packets=$(($(kernel right r0 rx.packets) - packets)) bytes=$(($(kernel right r0 rx.bytes) - bytes))
looks=$(wc -l <"$out")
wait_for eval "[ \$(wc -l <$out) -gt $((looks + 1)) ]"
kill -INT "$rates"
wait "$rates"
is $? 0 "SIGINT ends it"
[ "$packets" -ge 16000 ]
tap_result $? "16,000 frames and more are received" || note "$packets"
same "$(total '.devices[0].received')" "$packets" "packets a second add up to them"
same "$(total '.devices[0].rx_bytes / 1000')" $((bytes / 1000)) "and so do kilobytes"
is "$(jq -s '[.[].devices[0].received] | max > 1000' "$out")" true "there were thousands a second"
is "$(total '.devices[1].received')" 0 "none by lo"
is "$(jq -s '[.[].devices | map(.device)] | unique' -c "$out")" '[["r0","lo"]]' "devices come as they were named"
is "$(jq -s -c '[.[].cpus[].cpu] | unique' "$out")" \
	"$(sed -n 's/^cpu\([0-9][0-9]*\) .*/\1/p' /proc/stat | jq -s -c .)" "and all CPUs"
is "$(jq -s '[.[].cpus[] | .busy, .user, .system, .irq, .stolen] | min >= 0 and max <= 100' "$out")" true \
	"which are busy for 0 to 100 %"
[ "$(total '[.cpus[].net_rx] | add')" -gt 0 ] && [ "$(total '[.cpus[].interrupts] | add')" -gt 0 ] &&
	[ "$(total '.switches')" -gt 0 ]
tap_result $? "there were softirqs, interrupts and context switches"
is "$(jq -s '[.[] | [.cpus[].switches] | all(. == null) or (add > 0)] | all' "$out")" true \
	"of each CPU, if it may be known"

# The driver of a veth counts by queue what XDP sees.
must lana -n right vlink hook r0 xdp
background "$LANACTL" -n right -j rates r0 interval 0.2 >"$out"
rates=$!
wait_for looking "$rates" || bail "rates does not start"
by_queue()
{
	topo_exec left ping -q -c 1 -W 0.1 10.0.0.2
	jq -se '[.[].drivers[].driver | select(test("^rx_queue_[0-9]+_xdp"))] | length > 0' "$out"
}
ok "what the driver counts is told by queue" wait_for by_queue
kill -INT "$rates"
wait "$rates"
must lana -n right vlink unhook r0

# ---- the end of a device -----------------------------------------------------------------------------

must ip -n left link add gone type veth peer name other
background "$LANACTL" -n left -j rates gone interval 0.1 >"$out" 2>&1
rates=$!
wait_for test -s "$out"
must ip -n left link del gone
wait_for eval "! kill -0 $rates 2>/dev/null"
wait "$rates"
is $? 1 "it ends with a device"
is "$(tail -n 1 "$out")" "{\"error\":\"no device 'gone'\"}" "and says so in one line"

# ---- as text, and on a terminal ------------------------------------------------------------------------

text=$(lana -n right rates r0 count 2 interval 0.1)
is "$(grep -c '^DEVICE  *RECEIVED .* TX_ERRORS$' <<<"$text")" 2 "two looks, as text"
like "$text" 'CPU +BUSY .*SWITCHES' "with a table of CPUs"
is "$(grep -c 'per second over the last 0\.[0-9]* s' <<<"$text")" 2 "and the time"

if ! command -v script >/dev/null; then
	skip "no script(1) to make a terminal"
	done_testing
fi
mkfifo "$LANA_SCRATCH/keys"
: >"$out"
TERM=xterm LC_ALL=C.UTF-8 script -qefc "stty rows 20 cols 100; exec $LANACTL -n right rates r0 interval 0.1" "$out" \
	<"$LANA_SCRATCH/keys" >/dev/null 2>&1 &
terminal=$!
lib_jobs+=("$terminal")
exec 9>"$LANA_SCRATCH/keys"
drawn()
{
	[ "$(grep -c $'\033\\[H.*per second' "$out")" -ge 3 ]
}
wait_for drawn
tap_result $? "it is drawn in place, time and again" || note "$(cat -v "$out" | tail -n 5)"
printf q >&9
exec 9>&-
wait_for eval "! kill -0 $terminal 2>/dev/null"
wait "$terminal"
is $? 0 "q ends it"
like "$(tail -c 300 "$out")" $'\033\\[\\?25h' "the cursor is back"
done_testing
