#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# call_ends.sh - what a call does to its stack goes when it ends; what is refused is said
#
# The topology is in call_lib.sh.
# shellcheck source=selftests/lib.sh
# shellcheck disable=SC2317,SC2016 # functions are called by wait_for, some words by eval
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/call_lib.sh
. "$(dirname "$0")/call_lib.sh"

silent=(--json --interval 0 --in silence --out none)

# blocks SIDE
blocks()
{
	"lanactl_$1" -j show | jq -r '[.blocks[].name] | join(" ")'
}

# said SIDE NAME FILTER: is there such an object among what was said?
said()
{
	jq -es "any(.[]; $3)" "$1.$2"
}

# done_of SIDE NAME COMMAND: it was carried out
done_of()
{
	wait_for said "$1" "$2" ".command == \"$3\" and .us != null"
}

# ---- blocks that are the call's own ----------------------------------------------------------------

for name in call.f9 call.crypt calls; do
	must lanactl_left add $name counter
done
call_right own "${silent[@]}"
call_left own "${silent[@]}"
wait_for talking own
tell left "insert f1 forward" "insert f2 counter" "replace f1 counter" "set calls" \
	"insert a+b forward" "insert a-name-that-is-too-long-to-be forward" "remove nothing"
done_of left own "replace f1 counter"
ok "blocks are inserted, and called after the call" \
	eval '[ "$(blocks left)" = "l0 call.f9 call.crypt calls call call+f1 call+f2" ]'
for name in a+b a-name-that-is-too-long-to-be; do
	ok "others cannot be: $name" wait_for said left own \
		".error and (.error | contains(\"'$name' is no name for a block of the call\"))"
done
ok "there is nothing" wait_for said left own ".error == \"no block 'nothing'\""
kill -TERM "$caller"
both_end
is "$ended" "0 0" "SIGTERM ends the call"
is "$(blocks left)" "l0 call.f9 call.crypt calls" "and what it has inserted; not what others have"
is "$(jq -r 'select(.removed) | .removed' left.own | xargs)" "call+f1 call+f2" "and says so"
must lanactl_left rm calls

call_right int "${silent[@]}"
call_left int "${silent[@]}"
wait_for talking int
tell left "insert f1 forward"
done_of left int "insert f1 forward"
kill -INT "$caller"
both_end
is "$ended $(blocks left)" "0 0 l0 call.f9 call.crypt" "so does SIGINT"

call_left kill "${silent[@]}"
wait_for [ -p left.fifo ]
tell left "insert f1 forward" "insert f2 filter expr=ip" "insert f3 counter" "remove f2"
done_of left kill "remove f2"
kill -KILL "$caller"
wait "$caller" 2>/dev/null
rm -f left.fifo
must lanactl_left add any forward
must lanactl_left rm any
is "$(blocks left)" "l0 call.f9 call.crypt call+f1 call+f3" "after kill -9 they are left"
call_right again "${silent[@]}"
call_left again "${silent[@]}"
ok "and the next call of that name goes on in their place" wait_for talking again
is "$(blocks left)" "l0 call.f9 call.crypt call" "without them, and with what others have"
must lanactl_left rm call.f9
must lanactl_left rm call.crypt
is "$(jq -r 'select(.removed) | .removed' left.again | xargs)" "call+f1 call+f3" "and says so"

# ---- keys -------------------------------------------------------------------------------------------

(umask 077 && head -c 32 /dev/urandom >key && head -c 32 /dev/urandom >other && head -c 5 key >short)
tell left "encrypt on"
ok "without a key nothing is encrypted" \
	wait_for said left again ".error == \"'call' has no key yet: say 'key FILE'\""
if lanactl_left add probe crypt key=key 2>/dev/null; then
	must lanactl_left rm probe
	tell right "key key"
	done_of right again "key key"
	tell left "key key side c" "key nowhere" "key short" "key key" "key nowhere" "key other" "key key" "encrypt on"
	done_of left again "encrypt on"
	is "$(jq -rs 'map(select(.command and .command != "stats") | if .error then "no" else .command end) | join(", ")' \
		left.again)" "no, no, no, no, key key, no, key other, key key, encrypt on" \
		"a key that is none is refused, and another one takes the place of the first"
	is "$(jq -rs 'map(select(.command == "key nowhere") | .error) | unique | length' left.again)" 1 \
		"for the same reason whether or not there is a key"
	kill -TERM "$caller"
	both_end
	is "$ended $(blocks left)" "0 0 l0" "it goes with the call, encrypting or not"
	call_right keyed "${silent[@]}"
	call_left keyed "${silent[@]}"
	wait_for talking keyed
	tell left "key other" "encrypt on"
	ok "and the next one is given its own" done_of left keyed "encrypt on"
	tell left "remove crypt" "remove call+crypt" stats
	ok "what encrypts is not taken out unasked" wait_for said left keyed \
		'.command == "remove call+crypt" and (.error // "" | endswith("say '"'encrypt off'"' first"))'
	is "$(jq -rs 'map(select(.command == "remove crypt") | .error) | unique | length' left.keyed) $(blocks left)" \
		"1 l0 call call+crypt" "by whatever name"
	tell left "encrypt off" "remove crypt"
	ok "but when nothing is encrypted" done_of left keyed "remove crypt"
else
	for _ in 1 2 3 4 5 6 7; do
		skip "encryption: no block of type crypt, or a kernel that cannot"
	done
fi
kill -TERM "$caller" "$answerer"
both_end

# ---- bound by others --------------------------------------------------------------------------------

call_right bound "${silent[@]}"
"$CALL" -s left -n left --control left.fifo "${silent[@]}" $right >left.bound 2>left.bound.err &
caller=$!
lib_jobs+=("$caller")
must wait_for lanactl_left show call
must lanactl_left bind call l0
ok "a call may be bound by who likes, which it waits for" wait_for talking bound
must lanactl_left unbind call l0 egress
tell left "insert f1 forward"
ok "below a call that is on nothing nothing can be put" \
	wait_for said left bound ".error == \"nothing is below 'call'\""
kill -TERM "$caller"
both_end

# ---- files ------------------------------------------------------------------------------------------

# samples FILE: how many bytes of them its head promises
samples()
{
	od -A n -j 40 -N 4 -t u4 "$1" | tr -d ' '
}

# promises FILE BYTES: at least so many
promises()
{
	[ "$(samples "$1")" -ge "$2" ]
}

call_right files "${silent[@]}"
call_left files "${silent[@]}" --in left.wav --out heard.wav
ok "the head of a file that is written tells of what was heard" wait_for promises heard.wav 96000
kill -KILL "$caller"
wait "$caller" 2>/dev/null
rm -f left.fifo
head=$(samples heard.wav)
is "$((head >= 96000 && head <= $(stat -c %s heard.wav) - 44))" 1 "and of no more, after kill -9 too"
kill -TERM "$answerer"
wait "$answerer"

# A stream of no samples.
{
	head -c 40 short.wav
	printf '\0\0\0\0'
} >empty.wav
call_right empty "${silent[@]}" --in short.wav
call_left empty "${silent[@]}" --in empty.wav
both_end
is "$ended $(final right empty '"\(.expected) \(.lost) \(.concealed)"')" "0 0 0 0 0" \
	"of an end that says nothing nothing is missed"
is "$(final left empty '"\(.sent) \(.received) \(.lost)"')" "0 200 0" "and it hears"

# ---- nobody answers -------------------------------------------------------------------------------

cp left.wav kept.wav
call_right waits "${silent[@]}" --timeout 1 --ethertype 0x9999 --out made.wav
wait_for [ -p right.fifo ]
tell right "key key"
call_left alone "${silent[@]}" --timeout 1 --out kept.wav
wait_for [ -p left.fifo ]
wait_for [ ! -e left.fifo ] || kill -KILL "$caller"
wait "$caller"
is "$? $(jq -r 'select(.error) | .error' left.alone)" "1 the other end has not answered" \
	"a call that nobody answers ends"
ok "who waits to be called goes on waiting" kill -0 "$answerer"
ok "and cannot know yet which side it is" wait_for said right waits \
	'.error == "the other end'"'"'s address is not known yet: say side a or side b"'
kill -TERM "$answerer"
wait "$answerer"
is $? 0 "until it is told to end"
ok "a recording that was there before is still there" cmp left.wav kept.wav
ok "and none that was not" [ ! -e made.wav ]

# ---- without privilege ------------------------------------------------------------------------------

chmod 755 "$LANA_SCRATCH"
install -d -o 65534 voice
echo 'user 65534 voice bind r0' >policy
background "$LANACTL" -s right -n right socket serve policy policy path "$LANA_SCRATCH/here" >server
server=$!
wait_for test -S here || bail "no server"
setpriv --reuid=65534 --clear-groups --bounding-set=-all --no-new-privs "$CALL" --from here \
	--name voice --mac $right --control voice/fifo "${silent[@]}" >right.from 2>right.from.err &
answerer=$!
lib_jobs+=("$answerer")
wait_for [ -p voice/fifo ]
call_left from "${silent[@]}"
from()
{
	printf 'stats\n' 1<>voice/fifo
	said right from '.state == "talking" and .received > 20'
}
ok "a call without any privilege hears" wait_for from
printf '%s\n' "mute on" "insert f1 forward" "remove r0" "replace r0 counter" "set r0 a=b" "key key" \
	"encrypt on" stats 1<>voice/fifo
ok "and can be muted" wait_for said right from '.muted == true'
is "$(jq -r 'select(.error) | .error' right.from | sort | uniq -c | tr -s ' ')" \
	" 6 the call's socket is from a server (--from): who has the privileges changes what is below \
it, by lanactl" "but may change nothing"
printf 'quit\n' 1<>voice/fifo
both_end
is "$ended" "0 0" "it ends as others do"
end_server()
{
	kill -TERM "$server"
	wait "$server"
}
end_server

# ---- what is refused -------------------------------------------------------------------------------------

cat >refused <<-END
	2 --below l0 --frame 3
	2 --below l0 --jitter 20-10
	2 --below l0 --cow
	2 --below l0 not:an:address
	2 --from here --in silence --out none
	2 --from here --mac 02:00:00:00:00:01 --below l0 --in silence --out none
	1 --below l0 --mtu 1000 --in silence --out none
	1 --below l0 --control key --in silence --out none
	1 --below nowhere --in silence --out none
	1 --below l0 --in no-such-file --out none
	1 --below l0 --in alsa:no-such-device --out none
	1 --below l0 --in key-that-is-none.wav --out none
	1 --below l0 --in notes.wav --out none
	1 --below l0 --in same.wav --out same.wav
	1 --below l0 --in same.wav --out linked.wav
END
echo "A list of things to do, and no sound at all." >notes.wav
cp left.wav same.wav
ln same.wav linked.wav
printf 'RIFF\4\0\0\0WAVE' >key-that-is-none.wav
mkfifo -m 600 own.fifo others.fifo
mkfifo -m 622 open.fifo
chown 65534 others.fifo
ln -s own.fifo link.fifo
while read -r status words; do
	# shellcheck disable=SC2086 # words are to be split
	said=$(timeout 5 "$CALL" -s left -n left $words 2>&1 >/dev/null </dev/null)
	is "$? $(grep -c . <<<"$said")" "$status 1" "refused, in a line: $words"
done <refused
like "$(timeout 5 "$CALL" -s left -n left --below l0 --in notes.wav --out none 2>&1)" "'notes.wav' is no WAV file" \
	"a file that is called .wav and is none"
ok "what is heard is not written over what is said" cmp left.wav same.wav
while IFS='|' read -r words why; do
	# shellcheck disable=SC2086 # words are to be split
	like "$("$CALL" $words 2>&1)" "is no (value of --[a-z]+|PEER): $why\$" "why: $words"
done <<-END
	-f 7|2.5, 5, 10 or 20 \(ms\)
	-r 1|a whole number from 6000 to 510000
	-J 50-5|MIN-MAX or one number, in ms, from 1 to 2000, MIN not above MAX
	-t 0x1|a number from 0x600 to 0xffff
	-e maybe|on or off
	ff:ff:ff:ff:ff:ff|a group address.*
END
like "$("$CALL" -s left -n left --below nowhere --in silence --out none 2>&1)" \
	"^lana-call: no block 'nowhere'$" "a block that is none is called so"
like "$("$CALL" -s left -n left --below l0 --control key --in silence --out none 2>&1)" \
	"^lana-call: 'key' is there, and is no FIFO" "and a file that is no FIFO"
refused_fifo()
{
	timeout 5 "$CALL" -s left -n left --below l0 --control "$1" --in silence --out none 2>&1
	echo "status $?"
}
like "$(refused_fifo link.fifo)" "^lana-call: 'link.fifo' is there, and is no FIFO.*status 1" "a link to one is none"
like "$(refused_fifo others.fifo)" "^lana-call: 'others.fifo' belongs to user 65534.*status 1" \
	"another user's is not obeyed"
like "$(refused_fifo open.fifo)" "^lana-call: others may write to 'open.fifo'.*status 1" "nor one that others may write to"
must lanactl_left add loose counter
like "$("$CALL" -s left -n left --below loose --in silence --out none 2>&1)" \
	"say --mac ADDRESS$" "a call needs an address"
is "$("$CALL" --help | grep '^  -' | grep -vc '^.\{26\} [^ ]')" 0 "its help is in columns"

call_left gone --interval 0 --in silence --out none
wait_for [ -p left.fifo ]
must lanactl_left flush
wait $caller
is $? 1 "a call ends when its stack is flushed"
like "$(cat left.gone.err)" "has gone" "and says so"

done_testing
