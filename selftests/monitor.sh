#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# monitor.sh - what lanactl monitor prints: each kind of event, to any number of readers
#
#	  lab
#	+-----------------------+
#	|  x0 (hooked) ----- x1 |
#	+-----------------------+
# shellcheck disable=SC2317,SC2001 # functions are called by wait_for; sed is clearer on many lines
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v jq >/dev/null || skip_all "no jq"

topo_netns lab
topo_veth lab x0 lab x1

# watching PID: it is ready to tell what happens
watching()
{
	find "/proc/$1/fd" -lname '*inotify*' | grep -q .
}

# start FILE WORD...: lanactl in the background, its output into a file
start()
{
	local file=$LANA_SCRATCH/$1

	shift
	background "$LANACTL" "$@" >"$file"
	monitor=$!
	wait_for watching "$monitor" || bail "no monitor"
}

# ends PID DESCRIPTION: by itself, with status 0
ends()
{
	wait_for eval "! kill -0 $1" || kill -KILL "$1"
	wait "$1"
	is $? 0 "$2"
}

# told FILE: texts of what a monitor has told as JSON, those of commits with their steps
told()
{
	jq -r 'if .kind == "commit" then "\(.generation): \(.steps)" else .text end' \
		"$LANA_SCRATCH/$1"
}

# says FILE COUNT: so many lines are there
says()
{
	[ "$(wc -l <"$LANA_SCRATCH/$1")" -ge "$2" ]
}

refused "there is no stack to watch" lana monitor
like "$(lana -j monitor)" '^\{"error":"no stack' "in JSON neither"
lana monitor count 0 2>/dev/null
is $? 2 "no event is no number of events"
lana monitor count many 2>/dev/null
is $? 2 "and many neither"

# ---- each kind of event ------------------------------------------------------------------------------

must lana load ttl
start all -j monitor
all=$monitor
start again -j monitor
again=$monitor
start text monitor
text=$monitor
start five -j monitor count 5
five=$monitor

must lana load mark
must lana unload mark
must lana -s other -n lab vlink hook x1 xdp
refused "a device that another stack has" lana -n lab vlink hook x1 xdp
must lana -s other flush
must lana add a mark value=3
must lana -n lab vlink hook x0 tc
must lana bind a x0 ingress
must lana set a value=4
must lana replace a ttl reserve=2 drop-state
refused "what is refused" lana bind a x0 port 7
must lana hot a port dead
must lana hot a port dead off
must lana fuse off
must lana fuse off
must lana fuse on
must lana stats on
must lana stats on
must lana stats off
background "$LANACTL" capture a "$LANA_SCRATCH/a.pcapng" >/dev/null
capture=$!
wait_for grep -q "capture from 'a' begins" "$LANA_SCRATCH/all" || bail "no capture"
must kill -KILL "$capture"
wait "$capture" 2>/dev/null
must lana -j stats >/dev/null
must ip -n lab link del x0
must lana show >/dev/null
must lana show >/dev/null
topo_veth lab x0 lab x1
must lana -n lab vlink hook x0 tc
must lana unbind a x0 ingress
must lana vlink unhook x0
must lana rm a
cat >"$LANA_SCRATCH/stack.yaml" <<-END
	hooks: { x0: { netns: lab, hook: skb } }
	blocks: { b: counter, c: { type: mark, value: 7 } }
	bind: [ x0 -> b -> c ]
END
must lana apply "$LANA_SCRATCH/stack.yaml" dry-run >/dev/null
plan=$(lana apply "$LANA_SCRATCH/stack.yaml") || bail "apply"
must lana apply "$LANA_SCRATCH/stack.yaml" >/dev/null
must lana flush

ends "$all" "a monitor ends with the stack"
want="load mark (version 1)
unload mark
load mark (version 1)
add a mark value=3
1: 1
-n lab vlink hook x0 tc
2: 1
bind a x0 ingress
3: 1
set a value=4
4: 1
replace a ttl reserve=2 drop-state
5: 1
hot a port dead
6: 1
hot a port dead off
7: 1
fuse off
fuse on
stats on
stats off
a capture from 'a' begins
a capture from 'a' ends
device x0 has gone
-n lab vlink hook x0 tc
8: 1
device x0 is back
unbind a x0 ingress
9: 1
vlink unhook x0
10: 1
rm a
11: 1
load counter (version 1)
$plan
12: $(wc -l <<<"$plan")
flush"
is "$(told all)" "$want" "it has told all that happened, and nothing else"
is "$(jq -s '[.[:-1][].number] | . == [range(.[0]; .[0] + length)]' "$LANA_SCRATCH/all")" true \
	"numbered without a gap"
ends "$again" "another one ends too"
is "$(grep -v flush "$LANA_SCRATCH/again")" "$(grep -v flush "$LANA_SCRATCH/all")" \
	"and has told the same"
ends "$five" "one that was to tell five events ends"
is "$(cat "$LANA_SCRATCH/five")" "$(sed 5q "$LANA_SCRATCH/all")" "with the first five"
ends "$text" "one that writes text ends"
is "$(sed -E 's/^[0-9:]{8}\.[0-9]{6} +[0-9]+  //; s/^commit: ([0-9]+) steps?, prepared in [0-9.]+ ms, published in [0-9.]+ ms$/\1/' "$LANA_SCRATCH/text")" \
	"$(sed 's/^[0-9]*: //' <<<"$want")" "line by line the same"

# ---- how it ends --------------------------------------------------------------------------------------

must lana add a counter
for signal in INT TERM HUP; do
	start out -j monitor
	must lana add "$signal" counter
	wait_for says out 2
	# Processes in the background of a script ignore SIGINT until they say otherwise.
	kill -s $signal "$monitor"
	ends "$monitor" "SIG$signal ends it"
	is "$(told out | head -n 1)" "add $signal counter" "and what it had told is there"
done

mkfifo "$LANA_SCRATCH/pipe"
sed 1q "$LANA_SCRATCH/pipe" >/dev/null &
reader=$!
background "$LANACTL" monitor >"$LANA_SCRATCH/pipe" 2>"$LANA_SCRATCH/stderr"
wait_for watching "$!"
must lana add one counter
wait "$reader"
must lana add two counter
ends "${lib_jobs[-1]}" "it ends when nobody reads any more"
is "$(cat "$LANA_SCRATCH/stderr")" "" "without a word"

# ---- one that cannot keep up -----------------------------------------------------------------------

# blocks VALUE: a stack file of 1,000 blocks
blocks()
{
	echo blocks:
	for i in $(seq 1000); do
		echo "  m$i: { type: mark, value: $1 }"
	done
}

must lana flush
blocks 0 >"$LANA_SCRATCH/stack.yaml"
must lana apply "$LANA_SCRATCH/stack.yaml" >/dev/null
start late -j monitor
late=$monitor
start good -j monitor
kill -STOP "$late"
for value in 1 2 3 4 5; do
	blocks $value >"$LANA_SCRATCH/stack.yaml"
	must lana apply "$LANA_SCRATCH/stack.yaml" >/dev/null
	wait_for says good $((value * 1001))
done
is "$(jq -r 'select(.kind == "lost").lost' "$LANA_SCRATCH/good" | wc -l)" 0 \
	"one that keeps up has lost nothing of 5 times 1,000 steps"
is "$(wc -l <"$LANA_SCRATCH/late")" 0 "one that was stopped has told nothing"
kill -CONT "$late"
must lana flush
ends "$late" "it goes on, and ends"
is "$(jq -r 'select(.kind == "lost").lost' "$LANA_SCRATCH/late")" $((5 * 1001 - 4096)) \
	"it has lost what the log did not hold"
cmp <(grep -v '"flush"' "$LANA_SCRATCH/good" | tail -n 4096) \
	<(grep -v -e '"lost"' -e '"flush"' "$LANA_SCRATCH/late")
tap_result $? "and tells the rest"
done_testing
