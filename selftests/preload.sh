#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# preload.sh - programs with raw sockets, which know nothing of lana, have a stack's sockets
#
#	 left                        right
#	+-----------------+       +------------------+
#	| program ── l0 ●─|───────|─● r0 ── "echo"   |    one stack, and at last
#	+-----------------+       |      or its host |    the kernel of right answers
#	                          +------------------+
# shellcheck disable=SC2317,SC2016,SC2046,SC2154 # functions are called by ok, some words by eval
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

path=$LANA_SCRATCH/it.sock policy=$LANA_SCRATCH/policy
unset LANA_PRELOAD LANA_PRELOAD_STACK LANA_PRELOAD_DEBUG LANA_SOCKET_PATH

# Where anybody may run them, wherever the tree is; copies have no file capabilities.
for file in "$LANA_BUILD/liblana-preload.so" "$LANA_BUILD/selftests/asker" \
	"$LANA_BUILD/selftests/raw" $(command -v arping etherwake); do
	must install -m 755 "$file" "$LANA_SCRATCH"
done

# Without privilege: it asks the server.
alone()
{
	topo_exec left setpriv --reuid 65533 --regid 65533 --clear-groups --inh-caps=-all \
		--bounding-set=-all --no-new-privs -- env LANA_SOCKET_PATH="$path" "$@"
}

preload="LD_PRELOAD=$LANA_SCRATCH/liblana-preload.so"
places=LANA_PRELOAD=AF_PACKET:l0=app

# tell COMMAND...: each thing that it tried is a test
tell()
{
	local line

	while read -r line; do
		case $line in
		note*) note "${line#note }" ;;
		*)
			[ "${line%% *}" = pass ]
			tap_result $? "$what: ${line#* }"
			;;
		esac
	done < <("$@" 2>&1)
}

blocks()
{
	lana -j show | jq -r '[.blocks[].name] | join(" ")'
}

topo_netns left
topo_netns right
topo_veth left l0 right r0 10.0.0.1/24 10.0.0.2/24
must lana -n left vlink hook l0 >/dev/null
must lana -n right vlink hook r0 >/dev/null
cat >"$policy" <<'END'
user 65533 app bind l0
user 65534 echo bind r0
END
background "$LANACTL" socket serve policy "$policy" path "$path" >"$LANA_SCRATCH/log" 2>&1
must wait_for grep -q ready "$LANA_SCRATCH/log"
background setpriv --reuid 65534 --clear-groups --pdeathsig KILL "$LANA_SCRATCH/asker" "$path" \
	echo echo >"$LANA_SCRATCH/echo" 2>&1
echoes=$!
must wait_for grep -q open "$LANA_SCRATCH/echo"

# ---- without privilege --------------------------------------------------------------------------

what=AF_LANA tell alone env "$preload" "$LANA_SCRATCH/raw" lana app daemon
ok "its block goes with the daemon" wait_for eval '[ "$(blocks)" = "l0 r0 echo" ]'
what=AF_PACKET tell alone env "$preload" "$places" "$LANA_SCRATCH/raw" packet l0
ok "its block goes when it is closed" wait_for eval '[ "$(blocks)" = "l0 r0 echo" ]'

like "$(alone "$LANA_SCRATCH/raw" lana app 2>&1)" "Address family not supported" \
	"without the library there is no AF_LANA"
like "$(alone env "$preload" "$LANA_SCRATCH/raw" packet l0 2>&1)" "Operation not permitted" \
	"and AF_PACKET is the kernel's where nothing else is said"
like "$(alone env "$preload" LANA_PRELOAD_DEBUG=1 "$LANA_SCRATCH/raw" lana echo 2>&1)" \
	"liblana-preload: socket 'echo': user 65533 may not have a socket 'echo'.*Permission denied" \
	"what the server refuses is an error of bind"
like "$(alone env "$preload" "$places" LANA_PRELOAD_DEBUG=1 "$LANA_SCRATCH/raw" packet lo 2>&1)" \
	"LANA_PRELOAD names no socket for device 'lo'.*No such device" "and so is another device"
ok "receiving in vain is nothing to be told of" eval '! alone env "$preload" LANA_PRELOAD_DEBUG=1 \
	"$LANA_SCRATCH/raw" lana app 2>&1 | grep "temporarily unavailable"'

# ---- with privilege -----------------------------------------------------------------------------

what=root tell topo_exec left env "$preload" "${places}/l0" "$LANA_SCRATCH/raw" packet l0
ok "its block goes too" wait_for eval '[ "$(blocks)" = "l0 r0 echo" ]'

edges()
{
	lana -j show | jq -c '[.blocks[] | select(.name == "r0" or .name == "echo") | [.name, .ingress, .egress]]'
}

before=$(edges)
like "$(topo_exec right env "$preload" LANA_PRELOAD=AF_PACKET:r0=other/r0 LANA_PRELOAD_DEBUG=1 \
	timeout 10 "$LANA_SCRATCH/raw" packet r0 2>&1)" \
	"socket 'other': port 'next' of 'r0' leads to 'echo' already.*Device or resource busy" \
	"a port that leads somewhere is not taken from there"
is "$(edges)" "$before" "and stays bound as it was"
is "$(blocks)" "l0 r0 echo" "no block is left of that"

# The kernel would give root a socket; that is not what was asked for.
while read -r places; do
	said=$(topo_exec left env "$preload" "LANA_PRELOAD=$places" \
		timeout 10 "$LANA_SCRATCH/raw" packet l0 2>&1)
	like "$? $said" "^1 liblana-preload: no socket: LANA_PRELOAD is [^
]*
raw: socket: Invalid argument$" "refused, in a line: LANA_PRELOAD=$places"
done <<'END'
l0=app
AF_PACKET
AF_PACKET:
AF_PACKET:l0
AF_PACKET:l0=
AF_PACKET:=app
AF_PACKET:l0=app/
AF_PACKET:l0=app/l0/l1
AF_PACKET:l0=app,
AF_PACKET:l0=app,l1
AF_PACKET:l0=app,l0=other
AF_PACKET:a-device-of-too-long-a-name=app
AF_PACKET:l0=a-name-that-is-longer-than-those-of-blocks
AF_LANA:l0=app
END

# ---- programs of others -------------------------------------------------------------------------

kill -TERM "$echoes"
must wait_for eval '[ "$(blocks)" = "l0 r0" ]'
must lana vlink unhook r0

if [ -x "$LANA_SCRATCH/arping" ]; then
	like "$(alone env "$preload" "$places" "$LANA_SCRATCH/arping" -I l0 -c 3 -w 5 10.0.0.2 2>&1)" \
		"Received 3 response" "arping (SOCK_DGRAM, poll) has its answers by the stack"
else
	skip "no arping"
fi

if [ -x "$LANA_SCRATCH/etherwake" ] && command -v tcpdump >/dev/null; then
	background nsenter --net=/run/netns/right tcpdump -c 1 -w "$LANA_SCRATCH/wake" -i r0 \
		'ether proto 0x0842' >"$LANA_SCRATCH/tcpdump" 2>&1
	must wait_for grep -q listening "$LANA_SCRATCH/tcpdump"
	ok "etherwake (sendto without bind) runs" alone env "$preload" "$places" \
		"$LANA_SCRATCH/etherwake" -i l0 02:11:22:33:44:55
	ok "and its frame arrives" wait_for grep -q "1 packet captured" "$LANA_SCRATCH/tcpdump"
else
	skip "no etherwake, or no tcpdump"
	skip "no etherwake, or no tcpdump"
fi

done_testing
