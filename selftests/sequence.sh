#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# sequence.sh - packets of any protocol over several paths, by numbers that are put in
#
# As reorder_lib.sh shows it, with block sequence before fan, on each path, and behind reorder.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=selftests/reorder_lib.sh
. "$LANA_TOP/selftests/reorder_lib.sh"

PATHS=3
reorder_topology $PATHS
must ip -n left link set l0 mtu 1492 # 8 bytes less

# datagrams: send some that are numbered, and count what comes
datagrams()
{
	topo_exec right "$LANACTL" -j sink r0 running time 2s >"$LANA_SCRATCH/sunk" &
	sink=$!
	wait_for topo_exec right sh -c 'ip -j link show r0 | grep -q xdp'
	topo_exec left "$LANACTL" gen l0 'eth ip4 udp payload(500)' rate 5kpps count 5000 stamp >/dev/null
	wait "$sink"
}

for hook in tc xdp; do
	reorder_open $hook $PATHS
	delays 1 20 5
	number $PATHS
	join set order order=off
	datagrams
	ok "$hook: datagrams come out of order" test "$(jq .streams[0].reordered "$LANA_SCRATCH/sunk")" -gt 1000
	join set order order=on
	datagrams
	is "$(jq -c '.streams[0] | [.received, .reordered, .duplicated // 0]' "$LANA_SCRATCH/sunk")" \
		'[5000,0,0]' "$hook: and in order"
	is "$(counted path_lost)" 0 "$hook: no path has lost any"
	begin 1M
	arrives "$hook: TCP by numbers of packets"
	reorder_close
done

is "$(find "$LANA_BPFFS" -mindepth 2 | wc -l)" 0 "nothing is left in bpffs"
done_testing
