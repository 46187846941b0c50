#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# serve.sh - programs without any capability have sockets from a server, which nobody can harm
#
#	 left                     right
#	+--------------+       +--------------+
#	| "ping" ── l0 ●───────● r0 ── "echo" |    one stack; user 65533 has ping, 65534 echo
#	+--------------+       +--------------+
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

path=$LANA_SCRATCH/socks/it.sock policy=$LANA_SCRATCH/policy log=$LANA_SCRATCH/log

# Where anybody may run it, wherever the tree is.
must install -D -m 755 "$LANA_BUILD/selftests/asker" "$LANA_SCRATCH/asker"
must mkdir "$LANA_SCRATCH/socks"

cat >"$policy" <<'END'
# two users
user 65533 ping bind l0 sockets 2
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
	must wait_for grep -q '^open' "$file"
}

serve()
{
	: >"$log"
	background "$LANACTL" socket serve policy "$policy" path "$path" >>"$log" 2>&1
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

# What a server or its sockets could leave: links, sockets' devices, programs, maps, pins, folders
state()
{
	for netns in left right; do
		ip -n "$netns" -o link show | wc -l
	done
	find "$LANA_BPFFS" | sort
	for kind in prog map link; do
		bpftool -j "$kind" show | jq -c '[.[] | .id] | sort'
	done
}

# alike: are they as they were noted in $before? programs of others come and go: only ours count
alike()
{
	[ "$(state)" = "$before" ]
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
