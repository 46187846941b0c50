#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# reorder.sh - TCP over several paths, byte by byte, whatever is set and whoever dies meanwhile
#
# reorder_lib.sh shows the topology.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=selftests/reorder_lib.sh
. "$LANA_TOP/selftests/reorder_lib.sh"

PATHS=5
reorder_topology $PATHS

# kernel_counts NAME: a counter of right's TCP, since it was last asked for
kernel_counts()
{
	topo_exec right env NSTAT_HISTORY="$LANA_SCRATCH/nstat" nstat -z "$1" | awk -v n="$1" '$1 == n { print $2 }'
}

# speeds: of the links, with queues that TCP does not fill
speeds()
{
	for ((i = 1; i <= PATHS; i++)); do
		split set "k$i" rate=100mbit limit=4mb
	done
}

# ---- paths -----------------------------------------------------------------------------------------

reorder_open tc $PATHS
speeds
for ((i = 2; i <= PATHS; i++)); do
	split unbind "k$i" fan port $((i - 1)) ingress
done
delays 1 16 5 10 15
begin 1M
arrives "one path"
is "$(counted held)" 0 "nothing waits"
for ((paths = 2; paths <= PATHS; paths++)); do
	split bind "k$paths" fan port $((paths - 1)) ingress
	begin 1M
	arrives "$paths paths"
done
ok "packets wait" test "$(counted held)" -gt 0
is "$(counted holding)" 0 "and leave"
split set k2 loss=5%
split set k4 loss=5%
begin 1M
arrives "two of the paths lose packets"
ok "which is noticed" test "$(counted lost)" -gt 0
split set k2 loss=0
split set k4 loss=0

# What comes out of order makes TCP send a duplicate ACK each.
join set order order=off
kernel_counts TcpExtTCPOFOQueue >/dev/null
begin 200K
arrives "order=off"
off=$(kernel_counts TcpExtTCPOFOQueue)
join set order order=on
begin 200K
arrives "order=on"
on=$(kernel_counts TcpExtTCPOFOQueue)
ok "TCP sees less than a tenth of the disorder" test $((10 * on)) -lt "$off"
note "$off segments out of order, and $on"

# ---- meanwhile -------------------------------------------------------------------------------------

begin 4M
for options in order=off order=on size=2 size=0 hold=1ms timer=fixed timer=none total=1 total=0 \
	timer=adapt hold=0 mask=1 mask=0; do
	join set order $options
done
arrives "it is set again and again"
reorder_close

for hook in tc xdp; do
	reorder_open $hook $PATHS
	speeds
	delays 1 20 5 10 15
	begin 4M
	sleep 0.1
	kill -KILL "$join_worker"
	wait "$join_worker" 2>/dev/null
	sleep 0.1
	reorder_start join
	join_worker=$worker
	arrives "$hook: its worker is killed, and another one comes"
	before=$(counted held)
	begin 200K
	arrives "$hook: and works"
	ok "$hook: packets wait in it" test "$(counted held)" -gt "$before"
	begin 1M
	join replace order reorder
	arrives "$hook: it is replaced"
	ok "$hook: the stack is sound" join check
	reorder_close
done

is "$(find "$LANA_BPFFS" -mindepth 2 | wc -l)" 0 "nothing is left in bpffs"
done_testing
