#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# call.sh - calls between two stacks, while what is below them changes, breaks and comes back
#
#   +--- left ---+        +--- right ---+
#   | caller     |        |    answerer |
#   |   ...      |        |      ...    |
#   |   l0 (XDP) |--------| r0 (tc)     |
#   +------------+        +-------------+
#
# LANA_CALL_SECONDS is how long the calls are that are compared, LANA_CALL_JITTER for how long, in ms,
# frames wait in their buffers. 60 seconds and 60 ms are worth a try on a machine that is idle.
# shellcheck source=selftests/lib.sh
# shellcheck disable=SC2317 # functions are called by wait_for
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/call_lib.sh
. "$(dirname "$0")/call_lib.sh"

frames=$((LANA_CALL_SECONDS * 200))

# both_whole NAME: neither end has missed or made up anything
both_whole()
{
	local side

	for side in left right; do
		is "$(final $side "$1" '"\(.state) \(.played) \(.lost) \(.late) \(.concealed)
			\(.duplicates) \(.reordered) \(.overruns)" | gsub("\\s+"; " ")')" \
			"over $frames 0 0 0 0 0 0" \
			"$1: all $frames frames are heard at the $side end, in time and once"
	done
}

# ---- without changes ---------------------------------------------------------------------------

call_right plain "${deep[@]}" --in right.wav --out right.plain.wav
call_left plain "${deep[@]}" --in left.wav --out left.plain.wav
both_end
is "$ended" "0 0" "a call ends when both files do"
both_whole plain
is "$(stat -c %s left.plain.wav)" "$(stat -c %s right.wav)" "what is heard is as long as what was said"
[ ! -e left.fifo ] && [ ! -e right.fifo ]
tap_result $? "the FIFOs are gone"

# ---- with changes --------------------------------------------------------------------------------

encrypts=
if [ -e "$LANA_TYPES/crypt.bpf.o" ]; then
	(umask 077 && head -c 32 /dev/urandom >key)
	lanactl_left add probe crypt key=key 2>/dev/null && encrypts=yes && must lanactl_left rm probe
fi

ours='ether proto 0x88b5 or ether proto 0x88b6'

# change SIDE PAUSE: forward blocks come and go, and so does encryption, until the call is over
change()
{
	local side=$1 n=0 on=(mute off) off=(mute off)

	[ -z "$encrypts" ] || on=(encrypt on) off=(encrypt off)
	while [ ! -e over ]; do
		n=$((n + 1))
		tell "$side" "insert f$n forward" "${on[*]}" "insert g$n filter expr=\"$ours\"" \
			"replace f$n counter"
		sleep "$2"
		tell "$side" "remove f$n" "remove g$n" "${off[*]}"
		sleep "$2"
	done
}

call_right changed "${deep[@]}" --in right.wav --out right.changed.wav
call_left changed "${deep[@]}" --in left.wav --out left.changed.wav
wait_for talking changed
if [ -n "$encrypts" ]; then
	tell left "key key side a"
	tell right "key key side b"
	for side in left right; do
		wait_for grep -q '"key key' $side.changed
	done
fi
rm -f over
change left 0.07 &
changers=($!)
change right 0.1 &
changers+=($!)
both_end
is "$ended" "0 0" "the same call, while the stacks change"
touch over
wait "${changers[@]}"
both_whole changed
for side in left right; do
	changes=$(jq -r 'select(.command) | .command' $side.changed | grep -vc '^mute')
	[ "$changes" -ge 4 ]
	tap_result $? "the $side stack was changed $changes times"
	is "$(cat $side.changed.err)$(jq -r 'select(.error) | .error' $side.changed)" "" \
		"none of the $side changes was refused"
	ok "what is heard at the $side end is the same, sample for sample" \
		cmp $side.plain.wav $side.changed.wav
done
if [ -n "$encrypts" ]; then
	for side in left right; do
		times=$(jq -r 'select(.command == "encrypt on" and (.error | not)) | .command' \
			$side.changed | wc -l)
		[ "$times" -ge 1 ]
		tap_result $? "the $side end was encrypted $times times"
	done
else
	skip "encryption: no block of type crypt, or a kernel that cannot"
fi
is "$(lanactl_left show | grep -cw socket)" 0 "the call's block is gone with it"
lanactl_left flush && lanactl_left vlink hook l0 xdp
lanactl_right flush && lanactl_right vlink hook r0 tc

# ---- what goes wrong -----------------------------------------------------------------------------

must lanactl_left add rain loss ppm=100000
must lanactl_left bind rain l0
call_right loss --jitter 300 --json --interval 0 --in short.wav --out loss.wav
call_left loss --below rain --jitter 300 --json --interval 0 --in short.wav --out none
both_end
is "$ended" "0 0" "a call in which frames are lost"
ok "they are counted, and made up" \
	jq -es '.[-1] | .lost > 5 and .concealed == .lost and .played + .concealed == 200' right.loss
is "$(stat -c %s loss.wav)" "$(stat -c %s short.wav)" "what is heard is as long as without loss"

must lanactl_left unbind rain l0
call_right up --json --in silence --out none
call_left up --json --in silence --out none
wait_for talking up
tell left "mute on" stats
ok "an end can be muted" wait_for grep -q '"muted":true' left.up
kill -TERM "$caller"
both_end
is "$ended" "0 0" "when one end hangs up both are done"

call_right killed --json --interval 0 --in silence --out none
call_left killed --json --interval 0 --timeout 5 --in silence --out none
wait_for talking killed
kill -KILL $answerer
wait $answerer 2>/dev/null
rm -f right.fifo
call_right killed --json --interval 0 --timeout 1 --in silence --out none
again()
{
	tell left stats
	jq -es 'any(.restarts == 1 and .peer.received > 10)' left.killed
}
ok "an end that was killed is back, and hears and is heard" wait_for again
kill -KILL $caller
wait $caller 2>/dev/null
wait $answerer
is $? 1 "an end that is left alone gives up"
is "$(jq -r .error right.killed | grep -v null)" "nothing has come from the other end any more" "and says so"
rm -f left.fifo

# ---- pipes, and ALSA where there is no sound card ------------------------------------------------------

cat >asound.conf <<-END
	pcm.card {
		type file
		slave.pcm { type null }
		file $LANA_SCRATCH/card.raw
		infile $LANA_SCRATCH/said.raw
		format raw
	}
END
tail -c +45 short.wav >said.raw
export ALSA_CONFIG_PATH=$LANA_SCRATCH/asound.conf
call_right card --json --interval 0 --jitter 300 --duration 1 --in alsa:card --out alsa:card
"$CALL" -s left -n left --below l0 --jitter 300 --in - --out - $right <said.raw >pipe.raw 2>left.card
ended=$?
wait $answerer
is "$ended $?" "0 0" "a call from a pipe to an ALSA device, and back"
is "$(stat -c %s pipe.raw)" 96000 "the pipe hears a second of the device"
[ "$(stat -c %s card.raw)" -ge 96000 ]
tap_result $? "and the device, of the pipe"
is "$(final right card '"\(.lost) \(.received)"')" "0 200" "nothing is lost"

done_testing
