# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# worker_lib.sh - what tests of workers share; read behind lib.sh
#
# A worker is run as by "${worker_by[@]} lanactl worker"; what it says is in the file $said.
export LANA_HALVES=$LANA_BUILD/user
[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v jq >/dev/null || skip_all "no jq"
command -v iperf3 >/dev/null || skip_all "no iperf3"

said=$LANA_SCRATCH/said
worker_by=()

# worker_topology: left and right, and between them the lab
worker_topology()
{
	topo_netns left
	topo_netns lab
	topo_netns right
	topo_veth left l0 lab west 10.0.0.1/24
	topo_veth lab east right r0 '' 10.0.0.2/24
}

# start [WORD ...]: a worker, which is ready when this returns; its pid is in $worker
start()
{
	: >"$said"
	background "${worker_by[@]}" "$LANACTL" worker "$@" >"$said" 2>&1
	worker=$!
	wait_for grep -q '^ready$' "$said" || note "$(cat "$said")"
}

# stop SIGNAL: ends the worker; its status
stop()
{
	kill -"$1" "$worker"
	wait "$worker" 2>/dev/null
}

reaches()
{
	topo_exec left ping -q -c 2 -i 0.2 -W 2 10.0.0.2
}
