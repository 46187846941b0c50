#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# demo [SECONDS] - rearrange a stack thousands of times while traffic flows through it
#
#   namespace left          namespace right
#   ┌───────────┐   veth   ┌─────────────────────────────────────────────────────────────┐
#   │ traffic   ├──────────┤ eth0 ─► look ─┬─► split ─┬─► v4  "ip"  ─ match ─► n4 or n4b │
#   │ generator │          │               │          └─► arp "arp" ─ match ─► narp      │
#   │ and       │          │               └─► way ─► eth1                               │
#   │ checker   ├──────────┤◄────────────────────────────┘                               │
#   └───────────┘   veth   └─────────────────────────────────────────────────────────────┘
#
# The stack is one file, examples/tee.yaml: every frame is given to two filters, each with a counter
# behind it, and goes on. While numbered frames flow, IPv4 is counted by turns by n4 and n4b, the
# filters are given other expressions, n4b and way other code, and a guest is made, bound in, bound
# out and removed. What the counters and the checker have must add up to what was sent.
#
# Everything, bpffs included, is in a mount namespace of its own and ends with this script.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${LANA_BUILD:-$top/build}
seconds=${1:-10}
rate=2000 # changes a second, at most

die()
{
	echo "demo: $*" >&2
	exit 1
}

if [ -z "${LANA_DEMO_INSIDE-}" ]; then
	[ "$(id -u)" -eq 0 ] || die "only root may make network namespaces and load BPF: sudo make demo"
	exec env LANA_DEMO_INSIDE=1 unshare --mount "$0" "$@"
fi

cleanup()
{
	local jobs

	mapfile -t jobs < <(jobs -p)
	[ ${#jobs[@]} -eq 0 ] || kill "${jobs[@]}" 2>/dev/null || true
	wait
	"$build/lanactl" flush 2>/dev/null || true
}

trap cleanup EXIT
trap 'echo; echo "demo: interrupted" >&2; exit 130' INT TERM HUP

mount -t tmpfs tmpfs /run
mount -t bpf bpf /sys/fs/bpf
scratch=/run/demo
mkdir "$scratch"

lanactl()
{
	"$build/lanactl" "$@"
}

# 1234567 -> 1,234,567
commas()
{
	sed -E ':a; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; ta' <<<"$1"
}

# count BLOCK: packets that it counted
count()
{
	lanactl -j stats "$1" | jq '[.stats[].counters.packets] | add'
}

report()
{
	printf '  %-20s %12s  %s\n' "$1" "$(commas "$2")" "${3-}"
}

# ---- two hosts, two cables -----------------------------------------------------------------

ip netns add left
ip netns add right
ip -n left link add name tx type veth peer name eth0 netns right
ip -n left link add name rx type veth peer name eth1 netns right
for device in left:tx left:rx right:eth0 right:eth1; do
	# No IPv6 chatter: every frame is one of ours.
	ip -n "${device%:*}" link set dev "${device#*:}" addrgenmode none up
done

# ---- the stack -----------------------------------------------------------------------------

echo "Two hosts, left and right, joined by two cables. The stack on right, of one file, examples/tee.yaml:"
echo
sed -n 's/^#   \(.*─\)/    \1/p' "$top/examples/tee.yaml"
echo
lanactl load "$build/demo/wire_counter.bpf.o"
lanactl -n right apply "$top/examples/tee.yaml" >/dev/null
lanactl show
echo

# ---- traffic, and no peace -----------------------------------------------------------------

echo "Traffic flows for $seconds seconds, nine IPv4 frames in ten, as fast as it can be made,"
echo "while filters, code and edges are changed without a pause ..."
echo
# On one CPU, or else the cable to rx may overflow, for which the stack is not to blame.
cpu=$(sed -nE 's/^Cpus_allowed_list:.*[^0-9]([0-9]+)$/\1/p' /proc/self/status)
"$build/selftests/traffic" send=left:tx check=left:rx arp_every=10 seconds="$seconds" cpu="$cpu" \
	>"$scratch/traffic" 2>"$scratch/log" &
traffic=$!
until [ "$(count n4)" -gt 0 ]; do
	kill -0 $traffic 2>/dev/null || die "no traffic: $(<"$scratch/log")"
	sleep 0.05
done
"$build/demo/churn" $((seconds - 1)) $rate >"$scratch/churn" &
wait $!
wait $traffic || [ -s "$scratch/traffic" ] || die "no traffic: $(<"$scratch/log")"

# ---- what became of it ---------------------------------------------------------------------

was()
{
	jq ".$1" "$scratch/traffic"
}

ip=$(($(count n4) + $(count n4b)))
arp=$(count narp)

# unbound BLOCK: packets that left it by a port that leads nowhere; the filters' are those of the other kind
unbound()
{
	lanactl -j stats "$1" | jq '[.stats[].unbound[]] | add // 0'
}

echo "Changes to the stack, and how long a call took (median, and 99 % of them):"
echo
jq -r '.[] | "\(.times) \(.p50_us) \(.p99_us) \(.change)"' "$scratch/churn" |
	while read -r times p50 p99 change; do
		report "$change" "$times" "times  $(printf '%9s µs %9s µs' "$(commas "$p50")" "$(commas "$p99")")"
	done
echo
echo "Frames, at $(was mpps) million a second:"
echo
report sent "$(was sent)" "into eth0"
report "IPv4 counted" "$ip" "by n4 and n4b: $(commas "$(count n4)") + $(commas "$(count n4b)")"
report "ARP counted" "$arp" "by narp"
report received "$(was received)" "from eth1"
report lost "$(was lost)"
report duplicated "$(was duplicated)"
report reordered "$(was reordered)"
echo

if [ $((ip + arp)) -ne "$(was sent)" ] || [ "$(was received)" -ne "$(was sent)" ] ||
	[ "$(unbound v4)" -ne "$arp" ] || [ "$(unbound arp)" -ne "$ip" ] ||
	[ "$(was 'lost + .duplicated + .reordered + .corrupt')" -ne 0 ]; then
	die "the sums do not agree"
fi
echo "Every frame was seen by both filters, counted once, and arrived once and in order."
