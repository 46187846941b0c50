# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# reorder_lib.sh - one TCP connection over several paths; read behind lib.sh
#
#	  left          split                        join             right
#	+------+   +--------------------+   +--------------------+   +------+
#	|  l0  |---| west ═ fan ═ k1 ═ e1---w1 ═ m1 ═ reorder ═ east---|  r0  |
#	|      |   |          ╲  k2 ═ e2---w2 ═ m2 ╱               |   |      |
#	+------+   +--------------------+   +--------------------+   +------+
#
# fan gives each packet to the next path, kN is path N's link, mN its mark. What right sends goes
# by path 1, with nothing in its way.
export LANA_HALVES=$LANA_BUILD/user
[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v jq >/dev/null || skip_all "no jq"
command -v socat >/dev/null || skip_all "no socat"

split()
{
	"$LANACTL" -s split "$@"
}

join()
{
	"$LANACTL" -s join "$@"
}

# reorder_topology PATHS
reorder_topology()
{
	local ns i

	for ns in left split join right; do
		topo_netns "$ns"
	done
	topo_veth left l0 split west 10.0.0.1/24
	topo_veth join east right r0 '' 10.0.0.2/24
	for ((i = 1; i <= $1; i++)); do
		topo_veth split "e$i" join "w$i"
	done
}

# reorder_start STACK: a worker for it, whose pid is in $worker
reorder_start()
{
	: >"$LANA_SCRATCH/$1.said"
	background "$LANACTL" -s "$1" worker >"$LANA_SCRATCH/$1.said" 2>&1
	worker=$!
	wait_for grep -q '^ready$' "$LANA_SCRATCH/$1.said" || note "$(cat "$LANA_SCRATCH/$1.said")"
}

# reorder_hooks HOOK DEV...: as a stack file has them
reorder_hooks()
{
	local hook=$1 dev

	shift
	echo "hooks:"
	for dev; do
		echo "  $dev: { dev: $dev, hook: $hook }"
	done
}

# reorder_open HOOK PATHS [OPTION ...]: both stacks, of so many paths; options of block reorder
reorder_open()
{
	local hook=$1 paths=$2 i

	shift 2
	{
		reorder_hooks "$hook" west $(seq -f e%g "$paths")
		echo "blocks:"
		echo "  fan: { type: fanout, mode: round-robin }"
		for ((i = 1; i <= paths; i++)); do
			echo "  k$i: link"
		done
		echo "bind:"
		echo "  - west -> fan"
		echo "  - e1 -> west"
		for ((i = 1; i <= paths; i++)); do
			echo "  - fan[$((i - 1))] -> k$i -> e$i"
		done
	} >"$LANA_SCRATCH/split.yaml"
	{
		reorder_hooks "$hook" east $(seq -f w%g "$paths")
		echo "blocks:"
		echo "  order: reorder"
		for ((i = 1; i <= paths; i++)); do
			echo "  m$i: { type: mark, value: $i, mask: 31 }"
		done
		echo "bind:"
		echo "  - order -> east -> w1"
		for ((i = 1; i <= paths; i++)); do
			echo "  - w$i -> m$i -> order"
		done
	} >"$LANA_SCRATCH/join.yaml"
	must split -n split apply "$LANA_SCRATCH/split.yaml" >/dev/null
	must join -n join apply "$LANA_SCRATCH/join.yaml" >/dev/null
	[ $# = 0 ] || join set order "$@"
	reorder_start split
	split_worker=$worker
	reorder_start join
	join_worker=$worker
}

reorder_close()
{
	kill "$split_worker" "$join_worker"
	wait "$split_worker" "$join_worker" 2>/dev/null
	split flush
	join flush
}

# between BLOCK LOWER UPPER [PORT]: a block of type sequence, where UPPER stood on LOWER; what it
# leaves alone goes the same way
between()
{
	split bind "$1" "$2" ${4+port "$4"} ingress
	split bind "$3" "$1" ingress
	split bind "$3" "$1" port other ingress
}

# number PATHS [kept]: put headers in, on so many paths, and take them off, but if they are to be kept
number()
{
	local paths=$1 i

	split add number sequence
	between number west fan
	for ((i = 1; i <= paths; i++)); do
		split add "p$i" sequence mode=path "path=$i"
		between "p$i" fan "k$i" $((i - 1))
	done
	join set order sequence=header
	[ -z "${2-}" ] || return 0
	join add plain sequence mode=remove
	join bind plain order ingress
	join bind east plain ingress
	join bind east plain port other ingress
}

# counted COUNTER: of block reorder, on both ways
counted()
{
	join -j stats order | jq "[.stats[].counters.$1] | add"
}

# ---- traffic ---------------------------------------------------------------------------------------

head -c 4M /dev/urandom >"$LANA_SCRATCH/data"
port=5000

# begin BYTES: send so many of the data from left to right, in the background
begin()
{
	port=$((port + 1))
	rm -f "$LANA_SCRATCH/got"
	background nsenter --net=/run/netns/right timeout 60 \
		socat -u "TCP-LISTEN:$port" "CREATE:$LANA_SCRATCH/got"
	receiver=$!
	wait_for topo_exec right sh -c "ss -Hltn sport = $port | grep -q ."
	head -c "$1" "$LANA_SCRATCH/data" >"$LANA_SCRATCH/sent"
	background nsenter --net=/run/netns/left timeout 60 \
		socat -u "OPEN:$LANA_SCRATCH/sent" "TCP:10.0.0.2:$port"
	sender=$!
}

# arrives DESCRIPTION: it does, and is what was sent
arrives()
{
	wait "$sender" "$receiver"
	ok "$1" cmp "$LANA_SCRATCH/sent" "$LANA_SCRATCH/got"
}

# delays MS...: of the links
delays()
{
	local i=0 ms

	for ms; do
		i=$((i + 1))
		split set "k$i" "delay=${ms}ms"
	done
}
