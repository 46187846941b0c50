#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# worker.sh - workers as a user sees them, and what kernels say to one another through their blocks
#
#	  left            lab              right
#	+------+    +---------------+    +-------+
#	|  l0  |----| west ... east |----|  r0   |
#	+------+    +-------║-------+    +-------+
#	                  worker
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=selftests/worker_lib.sh
. "$LANA_TOP/selftests/worker_lib.sh"

LANA_TYPES=$LANA_TYPES:$LANA_BUILD/selftests/blocks
LANA_HALVES=$LANA_HALVES:$LANA_BUILD/selftests/user
worker_topology

# With no more capabilities than its unit has.
worker_by=(setpriv --inh-caps=-all --bounding-set="$(unit_capabilities lana-worker@.service)"
	--no-new-privs --)

# has BLOCK WORKER
has()
{
	[ "$(lana -j show "$1" | jq -r '.blocks[0].worker')" = "$2" ]
}

# counted COUNTER LEAST: by the worker
counted()
{
	[ "$(stats ".stats[0].counters.$1" worker)" -ge "$2" ]
}

no_devices()
{
	! ip -n lab -o link | grep -q 'lana\.'
}

bridge()
{
	lana -n lab vlink hook west "$1"
	lana -n lab vlink hook east "$1"
	lana add u userforward
	lana bind u west ingress
	lana bind east u ingress
	lana bind west east ingress
}

# map_of NAME: which of the ids on standard input is that of a map of that name
map_of()
{
	local id

	while read -r id; do
		bpftool -j map show id "$id" | jq --arg name "$1" 'select(.name == $name) | .id'
	done
}

# orphan: takes the AF_XDP socket out of the map of the program at the worker's end of its device, as
# the kernel does for a worker that dies
orphan()
{
	local device root counts xsks

	device=$(lana -j show worker | jq -r '.blocks[0].device.name')
	root=$(ip -n lab -j -d link show dev "$device" | jq '.[0].xdp.prog.id')
	# The programs of both ends have one map in common.
	counts=$(bpftool -j prog show id "$root" | jq '.map_ids[]' | map_of worker_counts)
	xsks=$(bpftool -j prog show name worker_receive |
		jq --argjson id "$counts" '(arrays | .[]), objects | select(.map_ids | index($id)) |
			.map_ids[]' | map_of worker_xsks)
	bpftool map delete id "$xsks" key 0 0 0 0
}

# ---- who has what ------------------------------------------------------------------------------

for hook in xdp tc; do
	ok "$hook: a block in user space" bridge $hook
	like "$(lana show u)" 'worker +none' "nobody has it"
	ok "packets pass it by" reaches
	is "$(stats '.stats[0].counters.packets' u)" 0 "none was in user space"
	start
	ok "a worker has it" has u worker
	ok "packets pass" reaches
	ok "by the worker" test "$(packets u)" -ge 2
	ok "a block is added" lana add v hold delay=1000000
	ok "the worker takes it up" wait_for has v worker
	ok "it is bound" lana bind east v ingress
	ok "behind the other one" lana bind v u ingress
	ok "packets pass both" reaches
	ok "both count" test "$(stats '.stats[0].counters.held' v)" -ge 2
	refused "another worker of that name" lana worker
	refused "a worker is not bound" lana bind u worker
	refused "nor set" lana set worker slot=1
	refused "nor replaced" lana replace worker forward
	refused "nor added" lana add w worker
	refused "a device elsewhere" lana -n left vlink hook l0 xdp
	ok "the stack is sound" lana check
	ok "a file of it" lana export
	is "$(lana export | grep -c worker)" 0 "has no worker"
	stop TERM
	is $? 0 "it ends when told"
	ok "packets pass" reaches
	ok "its device is gone" wait_for no_devices
	is "$(lana -j show | jq -r '[.blocks[].name] | join(" ")')" 'west east u v' "and its block"
	start
	ok "one that is started again takes both up" wait_for has v worker
	ok "packets pass" reaches
	ok "packets find no socket" orphan
	ok "and turn round" reaches
	ok "which is counted" wait_for counted bypassed 2
	lana set u dead=closed
	ok "of a closed block" eval '! reaches'
	ok "none passes, and that is counted" wait_for counted closed 1
	lana set u dead=bypass
	stop KILL
	ok "it is killed: packets pass" reaches
	ok "its device is gone" wait_for no_devices
	ok "the stack is sound" lana check
	start blocks v
	ok "one that is to have one block" wait_for has v worker
	ok "leaves the other" has u ''
	first=$worker
	start second
	ok "to another one" wait_for has u second
	ok "that leaves it its own" has v worker
	ok "packets pass both" reaches
	ok "the stack is sound" lana check
	ok "rm ends a worker" lana rm worker
	wait "$first"
	is $? 1 "which says so"
	ok "the other one takes its blocks up" wait_for has v second
	ok "so does flush" lana flush
	wait "$worker"
	is $? 1 "which says so"
	ok "its device is gone" wait_for no_devices
done

# ---- halves ------------------------------------------------------------------------------------

bridge xdp
mkdir "$LANA_SCRATCH/halves"
start from "$LANA_SCRATCH/halves"
like "$(cat "$said")" 'cannot take u \(userforward\) up: no userforward.so in' "a half is missing"
ok "packets pass" reaches
cp "$LANA_BUILD/user/hold.so" "$LANA_SCRATCH/halves/userforward.so"
ok "another one is in its place" wait_for grep -q 'is no user-space half of' "$said"
stop TERM
start
ok "a block that does not want to begin" lana add k userkit refuse=1
ok "is not taken up" wait_for grep -q 'cannot take k .userkit. up: it cannot begin' "$said"
ok "is taken up" lana replace k userkit refuse=0
ok "when it is replaced" wait_for has k worker
lana flush
wait "$worker"

# ---- kernels -----------------------------------------------------------------------------------

# What the stack lets pass is for the kernel: the worker's packets, too.
ip -n lab address add 10.0.0.3/24 dev west
for hook in xdp tc; do
	lana -n lab vlink hook west $hook
	lana add u userforward
	lana add up pass
	lana bind up u ingress
	lana bind u west ingress
	start
	ok "$hook: packets of a worker's come up to the kernel" \
		topo_exec left ping -q -c 3 -i 0.2 -W 2 10.0.0.3
	ok "by the worker" test "$(packets u)" -ge 3
	if [ $hook = tc ]; then
		lana add d userforward
		lana bind d west egress
		lana bind west d egress
		ok "and what it answers passes one" wait_for has d worker
		ok "on its way out" topo_exec left ping -q -c 3 -i 0.2 -W 2 10.0.0.3
		ok "which counts" test "$(packets d)" -ge 3
	fi
	lana flush
	wait "$worker"
done
ip -n lab address flush dev west

# Copies behind a worker: at XDP they come back by devices of their own.
for hook in xdp tc; do
	bridge $hook
	lana add t tee
	lana add n counter
	lana bind t u ingress
	lana bind east t port 0
	lana bind n t port 1
	lana bind west n ingress
	start
	reaches >/dev/null
	ok "$hook: a worker's packets are copied" test "$(packets n)" -ge 2
	lana flush
	wait "$worker"
done

# Super-segments and unfinished checksums: the kernel makes them whole for the worker.
topo_offload left l0 tx on
topo_offload right r0 tx on
bridge tc
lana add d userforward
lana bind d east ingress
lana bind west d ingress
start
wait_for has d worker
background nsenter --net=/run/netns/right iperf3 -s -1 >/dev/null
wait_for topo_exec right sh -c 'ss -Hltn sport = 5201 | grep -q .'
ok "tc: TCP with all offloads passes a worker" \
	topo_exec left iperf3 -c 10.0.0.2 -n 20M -l 128K
sent=$(stats '.stats[0].counters.to_user' u)
ok "in segments" test "$sent" -ge 5000 # of some 14,000; iperf3 does not wait for the last ones
topo_offload left l0 tx off
topo_offload right r0 tx off

# ---- gone --------------------------------------------------------------------------------------

ip netns del lab
wait "$worker"
is $? 1 "a worker whose namespace goes ends"
lana flush
is "$(find "$LANA_BPFFS" -mindepth 2 | wc -l)" 0 "nothing is left in bpffs"

done_testing
