#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# router.sh - a lana router between two hosts, all three in network namespaces
#
#     left              router             right
#   +------+        +-------------+       +------+
#   |  l0 -|--------|- west east -|-------|- r0  |
#   +------+        +-------------+       +------+
#   10.0.0.1      10.0.0.9   10.0.1.9     10.0.1.1
#   fd00::1        fd00::9   fd01::9       fd01::1
#
# Needs root and a built tree. Nothing of the machine's own network is touched, and nothing is left.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
: "${LANACTL:=${LANA_BUILD:-$top/build}/lanactl}"
PATH=$PATH:/usr/sbin:/sbin

if [ -z "${ROUTER_PRIVATE-}" ]; then
	# Namespaces and stacks of its own, which go when the script ends.
	ROUTER_PRIVATE=1 exec unshare --mount --propagation private -- bash "$0" "$@"
fi
export ROUTER_PRIVATE
mkdir -p /run/netns
mount -t tmpfs -o mode=0755 example /run/netns
mount -t tmpfs -o mode=0755 example /dev/shm
export LANA_BPFFS=/dev/shm/bpf
mkdir "$LANA_BPFFS"
mount -t bpf -o mode=0700 bpf "$LANA_BPFFS"

in_netns()
{
	nsenter --net="/run/netns/$1" "${@:2}"
}

for netns in left router right; do
	ip netns add "$netns"
done
ip -n left link add l0 type veth peer name west netns router
ip -n router link add east type veth peer name r0 netns right
while read -r netns device network; do
	ip -n "$netns" link set "$device" up
	ip -n "$netns" address add "10.0.$network/24" dev "$device"
	ip -n "$netns" address add "fd0${network/./::}/64" dev "$device" nodad
done <<-END
	left l0 0.1
	router west 0.9
	router east 1.9
	right r0 1.1
END
for version in 4 6; do
	ip -"$version" -n left route add default via "$([ $version = 4 ] && echo 10.0.0.9 || echo fd00::9)"
	ip -"$version" -n right route add default via "$([ $version = 4 ] && echo 10.0.1.9 || echo fd01::9)"
done
in_netns router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1

"$LANACTL" -n router apply "$top/examples/router.yaml"
"$LANACTL" stats on
echo
in_netns left ping -q -c 3 -i 0.1 10.0.1.1
echo
in_netns left ping -q -c 3 -i 0.1 fd01::1
echo
echo "A packet with a TTL of 1:"
in_netns left ping -c 1 -t 1 -W 1 10.0.1.1 || true
echo
"$LANACTL" stats
"$LANACTL" check
"$LANACTL" flush
