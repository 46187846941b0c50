#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# serve.sh - programs without any capability have sockets from a server, which may be killed
#
# The topology is that of serve_lib.sh.
# shellcheck disable=SC2317,SC2016,SC2034,SC2119 # functions are called by ok, some words by eval
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/serve_lib.sh
. "$LANA_TOP/selftests/serve_lib.sh"

umask 077
serve
umask 022
is "$(stat -c %a "$path")" 666 "anybody may connect, whatever the umask"
start first 65533 echo ping # from the first one on there is the type "socket"
kill -TERM "$started"
must wait_for gone ping
must wait_for settled
before=$(state)
ours_before=$(ours)

# ---- two users --------------------------------------------------------------------------------

start echo 65534 echo echo
echoes=$started
is "$(asker 65533 ping ping 1000)" "open ping, MTU 1500"$'\n'"1000 of 1000" \
	"users without any capability send and receive"
is "$(folders)" 1 "a socket goes when it is closed"
is "$(lana -j socket show | jq -c '.sockets[] | [.name, .process, .command, .delivered]')" \
	"[\"echo\",$echoes,\"asker\",1000]" "it is shown, with its process"

# ---- refusals ---------------------------------------------------------------------------------

# refusal PATTERN DESCRIPTION USER WORD...
refusal()
{
	local pattern=$1 description=$2

	shift 2
	like "$(as "$1" timeout 10 "$LANA_SCRATCH/asker" "$path" "${@:2}" 2>&1)" \
		"$pattern" "$description"
}

refusal "^Permission denied: user 65533 may not have a socket 'echo'" "a name of another user's" \
	65533 ping echo
refusal "^Permission denied: user 65501 may have no socket" "a user who has no names" \
	65501 ping ping
refusal "^Permission denied: user 65500 may not have a socket 'ping'" "a member of a group" \
	65500 ping ping
refusal "^Permission denied: MTU 1501: the policy allows 1500" "an MTU" 65534 echo spare mtu 1501
refusal "^Permission denied: a receive ring of 128: the policy allows 64" "a ring" \
	65534 echo spare ring 128
refusal "^File exists: there is a block 'echo' already" "a name that is taken" 65534 echo echo
start ping 65533 echo ping
first=$started
refusal "^Device or resource busy: port 'next' of 'l0' leads to 'ping' already" \
	"a place that is taken" 65533 echo ping2
start wide 65533 echo wide mtu 3000
refusal "^Too many users: user 65533 has 2 sockets already" "one socket too many" 65533 echo ping2
is "$(blocks)" "l0 r0 echo ping wide" "nothing is left of what was refused"

# ---- ends -------------------------------------------------------------------------------------

noted=$(ours "$first" "$started")
kill -KILL "$first" "$started"
ok "blocks of programs that are killed go, by themselves" wait_for folders 1
is "$(blocks)" "l0 r0 echo" "each of them"

# ---- a new policy -----------------------------------------------------------------------------

cp "$policy" "$policy.old"
echo 'user 65533 ping bind' >>"$policy"
kill -HUP "$server"
ok "a wrong policy is not taken" wait_for grep \
	"the policy stays as it was: $policy:8: 'bind' needs a name" "$log"
is "$(asker 65533 ping ping 10 | tail -n 1)" "10 of 10" "and the old one holds"
while IFS='|' read -r line why; do
	{
		cat "$policy.old"
		echo "$line"
	} >"$policy"
	: >"$log"
	kill -HUP "$server"
	ok "refused: $line" wait_for grep "$policy:8: $why" "$log"
done <<'END'
user 65533 ping bnd l0 sokets 2|unknown word 'bnd'
user 65533 ping bind l0 sokets 2|unknown word 'sokets'
user 65533 ping ping2|unknown word 'ping2'; several names are told as NAME,NAME
user 65533 ping, ping2|a comma without a name
user 65533 ,ping|a comma without a name
user 65533 bind l0|'bind' stands where the names belong
user 65533 indirect|'indirect' stands where the names belong
user 65533 ping,mtu 3000|'mtu' stands where the names belong
user 65533 ping bind indirect|'bind' needs a name
user 65533|no name of a socket
END
sed 's/^user 65533/user 65501/' "$policy.old" >"$policy"
kill -HUP "$server"
ok "a right one is" wait_for grep "read the policy again" "$log"
refusal "user 65533 may have no socket" "who is not in it any more" 65533 ping ping
is "$(asker 65501 ping ping 10 | tail -n 1)" "10 of 10" "and who is in it now"

# ---- the server is killed ---------------------------------------------------------------------

start ping 65501 echo ping
first=$started
noted+=$'\n'$(ours "$first" "$echoes")
disown "$server"
kill -KILL "$server"
ok "the rest of the stack runs on" lana check
is "$(blocks)" "l0 r0 echo ping" "and so do sockets"
refusal "Connection refused: no server" "a request without a server" 65501 ping ping
kill -KILL "$first"
ok "what ends is removed by the next command" wait_for gone ping
must cp "$policy.old" "$policy"
serve
is "$(asker 65533 ping ping 1000 | tail -n 1)" "1000 of 1000" \
	"a new server takes the path over, and who had a socket has it still"
kill -KILL "$echoes"
ok "when that ends the new server sees to it" wait_for eval \
	'! ls "$LANA_BPFFS"/lana/default/sockets/s* 2>/dev/null'

# ---- nothing is left --------------------------------------------------------------------------

start echo 65534 echo echo
noted+=$'\n'$(ours "$started")
kill -TERM "$server"
wait "$server"
is $? 0 "a server ends when it is told to"
ok "and its path with it" test ! -e "$path"
kill -TERM "$started"
like "$noted" "map [0-9]+" "there were maps and links to look for"
ok "all is as it was before the first socket" wait_for alike ||
	note "$(diff <(echo "$before") <(state))"

# ---- what is there already --------------------------------------------------------------------

# taken DESCRIPTION REASON: a server does not listen at $path, says why, and leaves it as it was
taken()
{
	local before

	before=$(stat -c '%i %f %Y' "$path")
	like "$(timeout -s KILL 5 "$LANACTL" socket serve policy "$policy" path "$path" 2>&1)" \
		"^lanactl: cannot listen at $path: $2\$" "$1"
	is "$(stat -c '%i %f %Y' "$path")" "$before" "and it stays as it was"
}

echo text >"$path"
taken "a file is no place to listen at" "it is there, and no socket"
rm "$path"
ln -s "$policy" "$path"
taken "nor a link" "it is there, and no socket"
is "$(stat -c %a "$policy")" 644 "nor is what it leads to touched"
rm "$path"
background "$LANA_SCRATCH/asker" "$path" deaf >"$LANA_SCRATCH/deaf"
must wait_for grep -q open "$LANA_SCRATCH/deaf"
disown "$!"
taken "a server that has no time is one" "there is a server"
kill -KILL "$!"
rm "$path"

# ---- started by somebody else -------------------------------------------------------------------

if command -v systemd-socket-activate >/dev/null; then
	background systemd-socket-activate --seqpacket -l "$path" -E LANA_BPFFS="$LANA_BPFFS" \
		-E LANA_TYPES="$LANA_TYPES" "$LANACTL" socket serve policy "$policy" >"$log" 2>&1
	must wait_for test -e "$path"
	chmod 666 "$path"
	is "$(asker 65534 ping echo 0 2>&1)" "open echo, MTU 1500"$'\n'"0 of 0" \
		"a server that is started for a connection takes its listener over"
	must wait_for gone echo
	disown "$!"
	kill -KILL "$!"
	rm "$path"
else
	skip "no systemd-socket-activate"
fi

done_testing
