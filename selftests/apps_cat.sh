#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# apps_cat.sh - lana-cat carries any data both ways, in order, and tells what was lost
#
#	  left                              right
#	+------------------------+        +------------------------+
#	|  cat ── n ── l0 ●──────|────────|──────● r0 ── … ── cat  |
#	+------------------------+        +------------------------+
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v jq >/dev/null || skip_all "no jq"

topo_netns left
topo_netns right
topo_veth left l0 right r0
left=(-s left -n left)
right=(-s right -n right)
to_left=$LANA_SCRATCH/to_left to_right=$LANA_SCRATCH/to_right
at_left=$LANA_SCRATCH/at_left at_right=$LANA_SCRATCH/at_right

# cat_on left|right BELOW INPUT OUTPUT WORD...: in the background; its pid goes to $cat_pid
cat_on()
{
	local -n side=$1
	local name=$1 below=$2 input=$3 output=$4

	shift 4
	# The input has to be given here, as a background command of the shell has none.
	# shellcheck disable=SC2016 # the inner shell's
	background sh -c 'input=$1 output=$2; shift 2; exec "$@" <"$input" >"$output"' sh \
		"$input" "$output" "$LANA_BUILD/lana-cat" "${side[@]}" --below "$below" --json "$@" \
		2>"$LANA_SCRATCH/said.$name"
	cat_pid=$!
}

# end PID [SIGNAL]: wait for it, after the signal; its exit status goes to $status
end()
{
	[ -z "${2-}" ] || kill "-$2" "$1"
	wait "$1" 2>/dev/null
	status=$?
}

# said left|right JQ: of the last line that lana-cat has said there
said()
{
	tail -n 1 "$LANA_SCRATCH/said.$1" | jq -c "$2"
}

# error left|right: the line that says why it has failed
error()
{
	jq -r 'select(.error) | .error' <"$LANA_SCRATCH/said.$1"
}

# both LEFT_INPUT RIGHT_INPUT WORD...: from end to end; statuses go to $statuses
both()
{
	local first

	cat_on right r0 "$2" "$at_right" "${@:3}"
	first=$cat_pid
	cat_on left l0 "$1" "$at_left" "${@:3}"
	end "$cat_pid"
	statuses=$status
	end "$first"
	statuses="$statuses $status"
}

same()
{
	[ "$(sha256sum <"$1")" = "$(sha256sum <"$2")" ]
}

must lana "${left[@]}" vlink hook l0 xdp
must lana "${right[@]}" vlink hook r0 xdp

# ---- data ------------------------------------------------------------------------------------------

head -c 50000000 /dev/urandom >"$to_right"
head -c 3000001 /dev/urandom >"$to_left"
both "$to_right" "$to_left"
is "$statuses" "0 0" "50 MB one way, 3 MB the other"
ok "arrive as they were sent" same "$to_right" "$at_right"
ok "both" same "$to_left" "$at_left"
is "$(said left '[.sent_bytes, .received_bytes, .sent_lost_frames, .lost_frames]')" \
	'[50000000,3000001,0,0]' "and both ends know it"
is "$(said right '[.sent_bytes, .received_bytes, .sent_lost_frames, .lost_frames]')" \
	'[3000001,50000000,0,0]' "to the byte"
note "$(said left .seconds) s"

both /dev/null /dev/null
is "$statuses $(cat "$at_left" "$at_right" | wc -c)" "0 0 0" "nothing at all"
printf x >"$to_left"
both "$to_left" /dev/null
is "$statuses $(<"$at_right")" "0 0 x" "a single byte"

head -c 1000000 "$to_right" >"$to_left"
both "$to_left" /dev/null --window 1 --mtu 1400
is "$statuses" "0 0" "with smaller frames, one at a time"
ok "it is all there" same "$to_left" "$at_right"

for mtus in "1500 600" "600 1500"; do
	read -r here there <<<"$mtus"
	cat_on right r0 "$to_left" "$at_right" --mtu "$there"
	first=$cat_pid
	cat_on left l0 "$to_left" "$at_left" --mtu "$here"
	end "$cat_pid"
	statuses=$status
	end "$first"
	is "$statuses $status $(said left '[.sent_lost_frames, .lost_frames]')" "0 0 [0,0]" \
		"ends with an MTU of $here and one of $there"
	ok "and all is there" same "$to_left" "$at_right"
	ok "both ways" same "$to_left" "$at_left"
done

# ---- a slow reader ---------------------------------------------------------------------------------

mkfifo "$LANA_SCRATCH/fifo"
head -c 4000000 "$to_right" >"$to_left"
cat_on right r0 /dev/null "$LANA_SCRATCH/fifo"
first=$cat_pid
exec 8<"$LANA_SCRATCH/fifo"
cat_on left l0 "$to_left" "$at_left"
{
	head -c 1000000
	sleep 1
	for _ in 1 2 3; do
		head -c 500000
		sleep 0.1
	done
	cat
} <&8 >"$at_right"
exec 8<&-
end "$cat_pid"
statuses=$status
end "$first"
is "$statuses $status" "0 0" "a reader that is slow, and pauses"
ok "loses nothing" same "$to_left" "$at_right"
is "$(lana "${right[@]}" -j show | jq -c '[.blocks[].name]')" '["r0"]' "nothing is left behind"

# ---- rebound meanwhile -------------------------------------------------------------------------------

must lana "${left[@]}" add n counter
must lana "${left[@]}" bind n l0 egress
cat_on right r0 /dev/null "$at_right"
first=$cat_pid
cat_on left l0 "$LANA_SCRATCH/fifo" "$at_left"
# shellcheck disable=SC2016 # the inner shell's
background sh -c 'exec >"$2"; for i in $(seq 0 24); do
	dd if="$1" bs=2000000 skip="$i" count=1 status=none; sleep 0.03
done' sh "$to_right" "$LANA_SCRATCH/fifo"
wait_for lana "${left[@]}" show cat || bail "no lana-cat"
rebinds=0
while kill -0 "$cat_pid" 2>/dev/null && [ $rebinds -lt 100 ]; do
	for lower in n l0; do
		lana "${left[@]}" bind cat $lower egress 2>/dev/null && rebinds=$((rebinds + 1))
	done
done
end "$cat_pid"
statuses=$status
end "$first"
note "$rebinds times"
is "$statuses $status" "0 0" "the way is bound anew while it is in use"
ok "and nothing is lost" same "$to_right" "$at_right"

# ---- loss --------------------------------------------------------------------------------------------

must lana "${right[@]}" add lossy loss ppm=20000 seed=3
must lana "${right[@]}" add n counter
must lana "${right[@]}" bind n lossy ingress
must lana "${right[@]}" bind lossy r0 ingress
must lana "${right[@]}" bind n r0 egress
head -c 3000000 "$to_right" >"$to_left"
cat_on right n /dev/null "$at_right"
first=$cat_pid
cat_on left l0 "$to_left" "$at_left"
end "$cat_pid"
statuses=$status
end "$first"
is "$statuses $status" "1 1" "what is lost is the exit status of both ends"
lost=$(said right .lost_frames) bytes=$(said right .lost_bytes)
like "$(error right)" "^$lost frames with $bytes bytes from the other end were lost" "one says how much"
like "$(error left)" "^$lost frames to the other end were lost" "as does the other"
is "$((lost > 0)) $(wc -c <"$at_right")" "1 $((3000000 - bytes))" "all else was written"
python3 - "$to_left" "$at_right" <<'PYTHON' >"$LANA_SCRATCH/verdict" 2>&1
import sys
sent, got = (open(name, "rb").read() for name in sys.argv[1:])
at = 0
reads = (sent[i:i + 65536] for i in range(0, len(sent), 65536))
for piece in (read[i:i + 1452] for read in reads for i in range(0, len(read), 1452)):
    if got[at:at + len(piece)] == piece:
        at += len(piece)
print("in order" if at == len(got) else "not in order, from %d on" % at)
PYTHON
is "$(<"$LANA_SCRATCH/verdict")" "in order" "and in order"
must lana "${right[@]}" unbind lossy r0 ingress

# ---- ends that vanish --------------------------------------------------------------------------------

# Input that does not end: a FIFO that somebody holds open.
mkfifo "$LANA_SCRATCH/fifo.right"
exec 8<>"$LANA_SCRATCH/fifo.right" 9<>"$LANA_SCRATCH/fifo"

# pair WORD...: both ends, with nothing to say; pids go to $at and $there
pair()
{
	rm -f "$at_right"
	cat_on right r0 "$LANA_SCRATCH/fifo.right" "$at_right"
	there=$cat_pid
	cat_on left l0 "$LANA_SCRATCH/fifo" "$at_left" "$@"
	at=$cat_pid
	# What one says the other one hears: they know each other.
	printf y >&9
	wait_for test -s "$at_right" || bail "they do not meet"
}

pair --timeout 0.5
end "$there" KILL
end "$at"
is "$status" 1 "the other end is killed"
like "$(error left)" "^nothing has come from the other end" "which is noticed"

pair
end "$there" TERM
is "$status" 1 "the other end is told to end"
like "$(error right)" "signal" "says so"
end "$at"
is "$status $(error left)" "1 the other end has given up" "and tells this one"

pair
end "$there" KILL
cat_on right r0 "$LANA_SCRATCH/fifo.right" "$at_right"
there=$cat_pid
end "$at"
is "$status" 1 "the other end is killed and started again"
like "$(error left)" "started again" "which is another one"
end "$there" TERM

pair
must lana "${left[@]}" flush
end "$at"
is "$status" 1 "the stack is flushed"
like "$(error left)" "has gone" "and the block has gone"
end "$there" TERM
exec 8<&- 9<&-

must lana "${left[@]}" vlink hook l0 xdp
cat_on left l0 /dev/null "$at_left" --wait 0.3
end "$cat_pid"
is "$status $(error left)" "1 there is no other end" "nobody is there, and no patience"

cat_on right r0 /dev/null /dev/full
cat_on left l0 "$to_right" "$at_left"
end "$cat_pid"
is "$status $(error left)" "1 the other end has given up" "the other end cannot write"
like "$(error right)" "cannot write standard output: No space left" "and says why"

ok "the stack is sound" lana "${left[@]}" check
ok "the other one too" lana "${right[@]}" check
lana "${left[@]}" flush
lana "${right[@]}" flush
done_testing
