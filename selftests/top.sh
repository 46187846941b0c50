#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# top.sh - rates that add up to what was counted, as text, as JSON, and redrawn on a terminal
#
#	 left             lab                           right
#	+----+      +--------------------------+       +----+
#	| l0 |------| west - c - other .. east |-------| r0 |
#	+----+      +--------------------------+       +----+
# shellcheck disable=SC2317 # functions are called by wait_for
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v jq >/dev/null || skip_all "no jq"

out=$LANA_SCRATCH/out

refused "there is no stack to look at" lana top
for words in 'interval 0' 'interval x' 'interval' 'count 0' 'count -1' 'rate idp' 'sideways'; do
	# shellcheck disable=SC2086 # words
	lana top $words 2>/dev/null
	is $? 2 "top $words makes no sense"
done

# ---- an empty stack --------------------------------------------------------------------------------

must lana load counter
is "$(lana top count 1 interval 0.1 | sed 's/over.*//')" "stack default: 0 blocks, per second " \
	"an empty stack is one line"
is "$(lana -j top count 2 interval 0.1 | jq -c .top)" $'[]\n[]' "and an empty list"

# ---- what is counted -------------------------------------------------------------------------------

topo_netns left
topo_netns lab
topo_netns right
topo_veth left l0 lab west
topo_veth lab east right r0
must lana -n lab vlink hook west
must lana -n lab vlink hook east
must lana add c counter
must lana add gone drop
must lana add other ethertype
must lana bind c west ingress
must lana bind other c ingress
must lana bind east other port match ingress
must lana set other type=0x0800
must lana bind gone other port other ingress

# looking PID: it waits for the next reading
looking()
{
	local state

	state=$(</proc/"$1"/wchan) && [[ $state == *poll* ]]
}

# ends PID DESCRIPTION: by itself, with status 0
ends()
{
	wait_for eval "! kill -0 $1" || kill -KILL "$1"
	wait "$1"
	is $? 0 "$2"
}

# frames COUNT: sent from left, of which every fourth is ARP, and dropped on the way
frames()
{
	"$TRAFFIC" send=left:l0 check=right:r0 count="$1" rate=20000 arp_every=4 2>/dev/null |
		field lost
}

# total FILTER: what the periods' rates that the jq filter picks come to
total()
{
	jq -s "[.[] | (.top[] | $1) as \$rate | \$rate * .interval_us / 1e6] | add | round" "$out"
}

# same GOT WANT DESCRIPTION: but for what rates are rounded by, half a packet a second
same()
{
	[ "$1" -ge $(($2 - 10)) ] && [ "$1" -le $(($2 + 10)) ]
	tap_result $? "$3" || note "got $1, want $2"
}

before=$(packets c)
background "$LANACTL" -j top interval 0.2 >"$out"
top=$!
wait_for looking "$top" || bail "top does not start"
is "$(frames 16000)" 4000 "frames are sent, and each fourth is dropped"
counted=$(($(packets c) - before))
periods=$(wc -l <"$out")
wait_for eval "[ \$(wc -l <$out) -gt $((periods + 1)) ]"
kill -INT "$top"
ends "$top" "SIGINT ends it"
[ "$counted" -ge 16000 ]
tap_result $? "c has counted all frames" || note "$counted"
same "$(total 'select(.name == "c").packets')" "$counted" "packets of c a second add up to them"
same "$(total 'select(.name == "c").bytes')" $((counted * 64)) "and so do its bytes" ||
	note "$(stats '.stats[0].counters' c)"
same "$(total 'select(.name == "west").received')" "$counted" "west has received as many"
same "$(total 'select(.name == "gone").drops.policy // 0')" 4000 "gone has dropped each fourth"
same "$(total 'select(.name == "east").transmitted')" $((counted - 4000)) "east has transmitted the others"
is "$(jq -c '.top[] | select(.name == "other") | [.packets, .bytes]' "$out" | sort -u)" \
	'[null,null]' "what other has no counter for is not known"
is "$(jq -s '[.[].top[] | select(.name == "c").packets] | max > 1000' "$out")" true \
	"there were thousands a second"

# ---- order -----------------------------------------------------------------------------------------

is "$(lana -j top count 1 interval 0.1 idp | jq -c '[.top[].idp]')" '[1,2,3,4,5]' "by IDP"
background "$TRAFFIC" send=left:l0 check=right:r0 rate=20000 arp_every=1 >/dev/null 2>&1
traffic=$!
wait_for eval "[ \$(packets c) -gt $((before + counted)) ]"
is "$(lana -j top count 1 interval 0.5 | jq -c '[.top[].name] | [(.[:3] | sort), .[3:]]')" \
	'[["c","gone","west"],["east","other"]]' "by rate: the busy ones come first"
text=$(lana top count 1 interval 0.5)
like "$text" 'gone +drop +0 +[0-9]+ policy' "as text, with the reason"
must lana unbind gone other port other ingress
is "$(lana -j top count 1 interval 0.5 | jq '.top[] | select(.name == "other").unbound > 1000')" \
	true "what leaves by a port that leads nowhere is unbound"
must lana bind gone other port other ingress
is "$(lana top count 2 interval 0.1 | grep -c IDP)" 2 "two tables"

# ---- measured --------------------------------------------------------------------------------------

must lana stats on
measured=$(lana -j top count 1 interval 0.5 | jq -c '.top[] | select(.name == "other")')
is "$(jq '.packets > 1000 and (.bytes / .packets | round) == 64 and .ns != null' <<<"$measured")" \
	true "a block without counters, while the stack is measured"
like "$(lana top count 1 interval 0.5)" 'BYTES +NS' "and a column for the time"
must lana stats off
is "$(lana -j top count 1 interval 0.1 | jq -c '.top[] | select(.name == "other") | [.packets, .ns]')" \
	'[null,null]' "and not any more"

# ---- the stack changes, and goes ---------------------------------------------------------------------

background "$LANACTL" -j top interval 0.1 >"$out"
top=$!
wait_for eval "[ \$(wc -l <$out) -gt 1 ]"
must lana replace c counter drop-state
must lana add late counter
wait_for eval "grep -q late $out"
must lana rm late
periods=$(wc -l <"$out")
wait_for eval "[ \$(wc -l <$out) -gt $((periods + 2)) ]"
is "$(jq -s '[.[].top[] | select(.name == "c").packets] | max < 1000000' "$out")" true \
	"counters that begin anew make no rate of their own"
is "$(tail -n 1 "$out" | jq -c '[.top[].name] | sort')" '["c","east","gone","other","west"]' \
	"what was removed is not shown"
kill -KILL "$traffic"
wait "$traffic" 2>/dev/null
must lana flush
wait_for eval "! kill -0 $top"
wait "$top"
is $? 1 "it ends with the stack"
like "$(tail -n 1 "$out")" '^\{"error":"[^"]*flushed"\}$' "and says so"

# ---- on a terminal -----------------------------------------------------------------------------------

if ! command -v script >/dev/null; then
	skip "no script(1) to make a terminal"
	done_testing
fi

for i in $(seq 12); do
	must lana add "b$i" counter
done
mkfifo "$LANA_SCRATCH/keys"
cat >"$LANA_SCRATCH/session" <<-'END'
	tty >"$LANA_SCRATCH/tty"
	stty rows 10 cols 40
	echo $BASHPID >"$LANA_SCRATCH/pid"
	exec "$LANACTL" top interval 0.2
END

# open_terminal: a terminal with a top on it; file descriptor 9 is its keyboard
open_terminal()
{
	: >"$out"
	TERM=xterm LC_ALL=C.UTF-8 script -qefc "bash $LANA_SCRATCH/session" "$out" \
		<"$LANA_SCRATCH/keys" >/dev/null 2>&1 &
	terminal=$!
	lib_jobs+=("$terminal")
	exec 9>"$LANA_SCRATCH/keys"
	wait_for grep -q IDP "$out" || bail "nothing is drawn"
	tty=$(<"$LANA_SCRATCH/tty")
	top=$(<"$LANA_SCRATCH/pid")
}

# mode_is -icanon|icanon: whether the terminal gives keys as they are pressed
mode_is()
{
	[ "$(stty -F "$tty" -a | grep -o -e '-\?icanon')" = "$1" ]
}

# screen: the lines of the last picture
screen()
{
	tr -d '\r' <"$out" | awk 'BEGIN { RS = "\033\\[H" } /\033\[J$/ { last = $0 } END { print last }' |
		sed 's/\x1b\[[KJ]//g'
}

# screen_is COUNT LINE: so many lines are drawn, the last of them that one
screen_is()
{
	[ "$(screen | grep -c '^.')" -eq "$1" ] && [ "$(screen | grep '^.' | tail -n 1)" = "$2" ]
}

all_drawn()
{
	[ "$(screen | grep -c 'b[0-9].*counter .* 0$')" -eq 12 ]
}

open_terminal
mode_is -icanon
tap_result $? "keys are read as they are pressed"
wait_for screen_is 8 "… 7 more"
tap_result $? "ten lines hold a heading, five blocks, and how many more" || note "$(screen)"
is "$(screen | awk 'length > 40')" "" "no line is too long"
stty -F "$tty" rows 30 cols 100
wait_for all_drawn
tap_result $? "the window grows: there is room for all" || note "$(screen)"
kill -TSTP "$top"
wait_for mode_is icanon
tap_result $? "the terminal is as usual while it is stopped"
kill -CONT "$top" "$terminal" # script stops with what it runs
wait_for mode_is -icanon
tap_result $? "it goes on"
printf x >&9
printf q >&9
exec 9>&-
ends "$terminal" "q ends it"
like "$(tail -c 300 "$out")" $'\033\\[\\?25h' "the cursor is back"

# A subshell for top, so that there is something left to say how it ended.
sed -i -e 's/^echo/(&/' -e 's/^exec.*/&); echo "status $?"; stty -a | grep -o .icanon/' "$LANA_SCRATCH/session"
for signal in INT TERM HUP; do
	open_terminal
	kill -s "$signal" "$top"
	ends "$terminal" "SIG$signal ends it"
	exec 9>&-
	like "$(tr -d '\r' <"$out" | tail -n 20)" $'\033\\[\\?25hstatus 0\n icanon' \
		"and the terminal is as it was"
done
done_testing
