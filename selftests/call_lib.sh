# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# call_lib.sh - what tests of lana-call share; read it behind lib.sh
#
#   +--- left ---+        +--- right ---+
#   | caller     |        |    answerer |
#   |   ...      |        |      ...    |
#   |   l0 (XDP) |--------| r0 (tc)     |
#   +------------+        +-------------+
# shellcheck disable=SC2034,SC2154 # they share variables

CALL=$LANA_BUILD/lana-call
SPEECH=$LANA_BUILD/selftests/call_speech
: "${LANA_CALL_SECONDS:=3}"
: "${LANA_CALL_JITTER:=1500}"

[ -x "$CALL" ] || skip_all "$CALL is not built"
[ -x "$SPEECH" ] || skip_all "$SPEECH is not built"
cd "$LANA_SCRATCH" || bail "no scratch"

left=02:00:00:00:00:01 right=02:00:00:00:00:02

# A buffer that outlasts whatever else the machine has to do: what is heard then depends on which
# frames come, and on nothing else.
deep=(--jitter "$LANA_CALL_JITTER" --interval 0 --json)

topo_netns left
topo_netns right
topo_veth left l0 right r0
must ip -n left link set l0 address $left
must ip -n right link set r0 address $right

lanactl_left() { lana -s left -n left "$@"; }
lanactl_right() { lana -s right -n right "$@"; }

must lanactl_left vlink hook l0 xdp
must lanactl_right vlink hook r0 tc
must "$SPEECH" left.wav "$LANA_CALL_SECONDS" 1
must "$SPEECH" right.wav "$LANA_CALL_SECONDS" 2
must "$SPEECH" short.wav 1 3

# call_left NAME OPTION...: in the background; what it prints goes to left.NAME
call_left()
{
	local name=$1

	shift
	"$CALL" -s left -n left --below l0 --control left.fifo "$@" $right >"left.$name" 2>"left.$name.err" &
	caller=$!
	lib_jobs+=("$caller")
}

call_right()
{
	local name=$1

	shift
	"$CALL" -s right -n right --below r0 --control right.fifo "$@" >"right.$name" 2>"right.$name.err" &
	answerer=$!
	lib_jobs+=("$answerer")
}

# both_end: wait for the end of caller and answerer; $ended is the status of each
both_end()
{
	wait "$caller"
	ended=$?
	wait "$answerer"
	ended="$ended $?"
}

# final SIDE NAME FILTER: of the statistics at the end
final()
{
	jq -r "select(.final) | $3" "$1.$2"
}

# tell SIDE LINE...: commands; opened for reading as well, so that it does not wait for a reader
tell()
{
	[ ! -p "$1.fifo" ] || printf '%s\n' "${@:2}" 1<>"$1.fifo"
}

talking()
{
	tell left stats
	[ -p right.fifo ] &&
		grep -q '"state":"talking"' "left.$1"
}

