#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# serve.sh - programs without any capability have sockets from a server, which nobody can harm
#
#	 left                     right
#	+--------------+       +--------------+
#	| "ping" ── l0 ●───────● r0 ── "echo" |    one stack; user 65533 has ping, 65534 echo
#	+--------------+       +--------------+
# shellcheck disable=SC2317,SC2016,SC2034 # functions are called by ok, some words by eval
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

path=$LANA_SCRATCH/socks/it.sock policy=$LANA_SCRATCH/policy log=$LANA_SCRATCH/log

# Where anybody may run it, wherever the tree is.
must install -D -m 755 "$LANA_BUILD/selftests/asker" "$LANA_SCRATCH/asker"
must mkdir "$LANA_SCRATCH/socks"

cat >"$policy" <<'END'
# two users
user 65533 ping* bind l0 sockets 2
user 65533 wide mtu 3000
user 65534 echo bind r0
user 65534 spare* late rings 64 sockets 3   # no place of theirs in the stack
group 65500 shared
limit rate 30
END

# as USER COMMAND...: without groups, capabilities and ways to get some
as()
{
	local user=$1

	shift
	setpriv --reuid "$user" --regid "$user" --clear-groups --inh-caps=-all --bounding-set=-all \
		--no-new-privs -- "$@"
}

asker()
{
	local user=$1

	shift
	as "$user" "$LANA_SCRATCH/asker" "$path" "$@"
}

# start FILE USER WORD...: an asker in the background, until it has its socket; pid in $started
start()
{
	local file=$LANA_SCRATCH/$1 user=$2

	shift 2
	background setpriv --reuid "$user" --regid "$user" --clear-groups --inh-caps=-all \
		--bounding-set=-all --no-new-privs -- "$LANA_SCRATCH/asker" "$path" "$@" \
		>"$file" 2>&1
	started=$!
	disown "$started" # it is of no interest that it was killed
	must wait_for grep -q '^open' "$file"
}

# With no more capabilities than its unit has.
capabilities=$(sed -n 's/^CapabilityBoundingSet=//p' "$LANA_TOP"/packaging/lana-serve@.service.in |
	sed 's/CAP_/+/g; s/ /,/g' | tr '[:upper:]' '[:lower:]')

serve()
{
	: >"$log"
	background setpriv --inh-caps=-all --bounding-set="-all,$capabilities" --no-new-privs -- \
		"$LANACTL" socket serve policy "$policy" path "$path" >>"$log" 2>&1
	server=$!
	must wait_for grep -q '^ready' "$log"
}

blocks()
{
	lana -j show | jq -r '[.blocks[].name] | join(" ")'
}

# gone BLOCK: there is no such block; nobody changes the stack meanwhile
gone()
{
	[[ " $(blocks) " != *" $1 "* ]]
}

# What sockets could leave in the namespaces and in bpffs
state()
{
	for netns in left right; do
		ip -n "$netns" -o link show | cut -d: -f2
		ip -n "$netns" netns list-id
	done
	find "$LANA_BPFFS" | sort
	blocks
}

# ours PID...: the stack's links, and the maps of programs at the ends of sockets of processes, as
# "KIND ID"
ours()
{
	local pid

	links | sed 's/^/link /'
	for pid; do
		sed -n 's/^map_id:[^0-9]*/map /p' "/proc/$pid/fdinfo/"*
	done
}

# alike: all is as it was noted, and what was noted of sockets has gone
alike()
{
	local kind id

	[ "$(state)" = "$before" ] || return 1
	while read -r kind id; do
		[[ $'\n'$ours_before$'\n' != *$'\n'"$kind $id"$'\n'* ]] || continue
		! bpftool "$kind" show id "$id" >/dev/null 2>&1 || return 1
	done <<<"$noted"
}

memory()
{
	sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"
}

descriptors()
{
	find "/proc/$1/fd" -mindepth 1 | wc -l
}

topo_netns left
topo_netns right
topo_veth left l0 right r0
must lana -n left vlink hook l0 >/dev/null
must lana -n right vlink hook r0 >/dev/null
serve
start first 65533 echo ping # from the first one on there is the type "socket"
kill -TERM "$started"
must wait_for gone ping
before=$(state)
ours_before=$(ours)
memory_before=$(memory "$server")
descriptors_before=$(descriptors "$server")

# ---- two users --------------------------------------------------------------------------------

start echo 65534 echo echo
echoes=$started
is "$(asker 65533 ping ping 1000)" "open ping, MTU 1500"$'\n'"1000 of 1000" \
	"users without any capability send and receive"
is "$(blocks)" "l0 r0 echo" "a socket's block goes when it is closed"
is "$(lana -j socket show | jq -c '.sockets[] | [.name, .process, .command, .delivered]')" \
	"[\"echo\",$echoes,\"asker\",1000]" "it is shown, with its process"

# ---- refusals ---------------------------------------------------------------------------------

# refusal PATTERN DESCRIPTION USER WORD...
refusal()
{
	local pattern=$1 description=$2

	shift 2
	like "$(asker "$@" 2>&1)" "$pattern" "$description"
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
ok "blocks of programs that are killed go" wait_for gone ping
ok "each of them" wait_for gone wide

# ---- hostile programs -------------------------------------------------------------------------

asker 65533 ping ping 20000 >"$LANA_SCRATCH/good" &
good=$!
hostile=()
for words in "65534 garbage 300" "65534 cut spare" "65534 files spare 40" "65534 churn spare" \
	"65501 crowd 3000" "65534 crowd 20"; do
	# shellcheck disable=SC2086 # words
	asker $words >"$LANA_SCRATCH/hostile${#hostile[@]}" 2>&1 &
	hostile+=("$!")
done
statuses=''
for pid in "${hostile[@]}"; do
	wait "$pid"
	statuses+=$?
done
is "$statuses" 000000 "garbage, cut requests, descriptors, crowds and haste are refused" ||
	note "$(tail -n 2 "$LANA_SCRATCH"/hostile*)"
wait "$good"
is "$(tail -n 1 "$LANA_SCRATCH/good")" "20000 of 20000" "which another user does not notice"
ok "all of it has gone" wait_for eval '[ "$(blocks)" = "l0 r0 echo" ]'
ok "the server has as many descriptors as before" wait_for eval \
	'[ "$(descriptors $server)" -eq $((descriptors_before + 1)) ]' # of echo's
[ "$(memory "$server")" -lt $((memory_before + 2048)) ]
tap_result $? "and no more memory" || note "$memory_before KB before, $(memory "$server") KB now"

# ---- a new policy -----------------------------------------------------------------------------

cp "$policy" "$policy.old"
echo 'user 65533 ping bind' >>"$policy"
kill -HUP "$server"
ok "a wrong policy is not taken" wait_for grep \
	"the policy stays as it was: $policy:8: 'bind' needs a name" "$log"
is "$(asker 65533 ping ping 10 | tail -n 1)" "10 of 10" "and the old one holds"
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
WAIT_MAX=10 ok "when that ends the new server sees to it" wait_for eval \
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

done_testing
