# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# private.sh - for the other examples: run in namespaces and with stacks that nobody else sees, and
# that go when the script ends
set -eu

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
: "${LANACTL:=${LANA_BUILD:-$top/build}/lanactl}"
PATH=$PATH:/usr/sbin:/sbin

if [ -z "${EXAMPLE_PRIVATE-}" ]; then
	EXAMPLE_PRIVATE=1 exec unshare --mount --propagation private -- bash "$0" "$@"
fi
mkdir -p /run/netns
mount -t tmpfs -o mode=0755 example /run/netns
mount -t tmpfs -o mode=0755 example /dev/shm
export LANA_BPFFS=/dev/shm/bpf
mkdir "$LANA_BPFFS"
mount -t bpf -o mode=0700 bpf "$LANA_BPFFS"
cd "$top/examples"

# lana ARGUMENT...
lana()
{
	"$LANACTL" "$@"
}

# in_netns NETNS COMMAND...
in_netns()
{
	nsenter --net="/run/netns/$1" "${@:2}"
}

# link NETNS DEV NETNS DEV: with MAC addresses that end in the given numbers, if there are any
link()
{
	ip -n "$1" link add "$2" type veth peer name "$4" netns "$3"
	[ -z "${5-}" ] || ip -n "$1" link set "$2" address "02:00:00:00:00:$5"
	[ -z "${6-}" ] || ip -n "$3" link set "$4" address "02:00:00:00:00:$6"
	ip -n "$1" link set dev "$2" addrgenmode none up
	ip -n "$3" link set dev "$4" addrgenmode none up
}
