# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# serve_lib.sh - what tests of the server of sockets share; read it behind lib.sh
#
#	 left                     right
#	+--------------+       +--------------+
#	| "ping" ── l0 ●───────● r0 ── "echo" |    one stack; user 65533 has ping, 65534 echo
#	+--------------+       +--------------+
# shellcheck disable=SC2034,SC2154 # they share variables

path=$LANA_SCRATCH/socks/it.sock policy=$LANA_SCRATCH/policy log=$LANA_SCRATCH/log

# Where anybody may run it, wherever the tree is.
must install -D -m 755 "$LANA_BUILD/selftests/asker" "$LANA_SCRATCH/asker"
must mkdir "$LANA_SCRATCH/socks"

cat >"$policy" <<'END'
# two users
user 65533 ping* bind l0 sockets 2
user 65533 wide mtu 3000 indirect
user 65534 echo bind r0
user 65534 spare*,late rings 64 sockets 3   # no place of theirs in the stack
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
	# Becoming another user undoes what background has seen to.
	background setpriv --reuid "$user" --regid "$user" --clear-groups --inh-caps=-all \
		--bounding-set=-all --no-new-privs --pdeathsig KILL -- "$LANA_SCRATCH/asker" "$path" "$@" \
		>"$file" 2>&1
	started=$!
	disown "$started" # it is of no interest that it was killed
	must wait_for grep -q '^open' "$file"
}

# With no more capabilities than its unit has.
capabilities=$(unit_capabilities lana-serve@.service)

serve()
{
	: >"$log"
	background setpriv --inh-caps=-all --bounding-set="$capabilities" --no-new-privs -- \
		"$LANACTL" socket serve policy "$policy" path "$path" >>"$log" 2>&1
	server=$!
	must wait_for grep -q '^ready' "$log"
}

blocks()
{
	lana -j show | jq -r '[.blocks[].name] | join(" ")'
}

# folders [COUNT]: how many sockets there are, or whether they are so many, without a command that
# would remove those whose processes have gone
folders()
{
	local count

	count=$(find "$LANA_BPFFS/lana/default/sockets" -mindepth 1 | wc -l)
	[ $# -gt 0 ] || echo "$count"
	[ $# -eq 0 ] || [ "$count" -eq "$1" ]
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

# settled: no namespace of a socket that has gone is being taken down any more
settled()
{
	! state | grep -q '^nsid [0-9]* *$'
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
