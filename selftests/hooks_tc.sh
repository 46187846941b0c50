#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# hooks_tc.sh - what only tc has: the kernel's own packets on egress, and the mark
#
#     left               stack                     right
#   +-------+      +----------------------+      +---------+
#   |    l0 |------| west (hooked)   east |------| r0      |
#   +-------+      +----------------------+      +---------+
#    10.0.0.1       10.0.0.9      10.0.1.9        10.0.1.2, and 10.9.9.9 on lo
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"

topo_netns left
topo_netns stack
topo_netns right
topo_veth left l0 stack west 10.0.0.1/24 10.0.0.9/24
topo_veth stack east right r0 10.0.1.9/24 10.0.1.2/24

# ping_from NETNS ADDRESS [OPTION...]
ping_from()
{
	local netns=$1 address=$2

	shift 2
	topo_exec "$netns" ping -q -c 2 -i 0.1 -W 2 "$@" "$address"
}

# no_answer NETNS ADDRESS: ping in vain, and do not wait long for it
no_answer()
{
	! topo_exec "$1" ping -q -c 2 -i 0.1 -W 0.2 "$2"
}

# no_way NETNS ADDRESS: a router says so
no_way()
{
	topo_exec "$1" ping -q -c 1 -W 5 "$2" | grep -q '+1 errors'
}

# unbound BLOCK PORT: packets that found the port unbound
unbound()
{
	lana -j stats "$1" | jq --arg port "$2" '[.stats[].unbound[$port]] | add // 0'
}

# set_ipv4 FILE VALUE, below /proc/sys/net/ipv4 of the stack's namespace
set_ipv4()
{
	must topo_exec stack sh -c "echo $2 >/proc/sys/net/ipv4/$1"
}

qdiscs=$(topo_exec stack tc qdisc show)

# ---- egress --------------------------------------------------------------------------------------

ok "west is hooked" lana -n stack vlink hook west tc
is "$(lana -j show west | jq -r '.blocks[].egress.next')" west \
	"what the kernel sends leads to west itself"
ok "below the kernel" lana add kernel pass
ok "which is on west" lana bind kernel west ingress
ok "the kernel sends by the device and receives from it as ever" ping_from stack 10.0.0.1

ok "a counter is added" lana add sent counter
ok "it leads down to west" lana bind sent west egress
is "$(packets sent)" 0 "and counts nothing yet"
ok "west's egress leads through it" lana bind west sent egress
ok "the kernel's packets pass" ping_from stack 10.0.0.1
like "$(packets sent)" '^[2-9]$' "and are counted"

before=$(packets sent)
ok "egress is unbound" lana unbind west sent egress
ok "nothing leaves any more" no_answer stack 10.0.0.1
like "$(unbound west next)" '^[2-9]$' "and is counted as unbound"
is "$(packets sent)" "$before" "not in the counter"

ok "egress leads to west again" lana bind west west egress
ok "and leaves as at first" ping_from stack 10.0.0.1
is "$(packets sent)" "$before" "past the counter"

# west ─► both ─► kernel, and kernel ─► both ─► west
ok "a counter for both ways" lana add both counter
ok "under the kernel" lana bind kernel both
ok "on west" lana bind both west
ok "and west's egress through it" lana bind west both egress
ok "the kernel pings through it" ping_from stack 10.0.0.1
is "$(lana -j stats both | jq -c '[.stats[].counters.packets > 1]')" '[true,true]' \
	"it counts both ways"
ok "and answers through it" ping_from left 10.0.0.9

# What blocks send by a device is not what the kernel sends by it.
topo_offload stack west gro on
ok "a block that turns packets round" lana add turn swap_mac
ok "is on west" lana bind turn west ingress
ok "and sends by it" lana bind turn west egress
before=$(packets both)
ok "all that it turns comes back" "$TRAFFIC" send=left:l0 check=left:l0 count=1000 rate=100000
is "$(packets both)" "$before" "past west's egress"
ok "the counter is on west again" lana bind both west ingress

# What the device cannot put into one frame: egress sees it before it is cut.
ok "segmentation is left to the device" topo_exec stack ethtool -K west tx on tso on gso on
if command -v iperf3 >/dev/null; then
	background nsenter --net=/run/netns/left iperf3 -s -1 -p 5201 >/dev/null
	wait_for eval 'topo_exec left ss -Hltn | grep -q :5201'
	ok "TCP of the kernel passes both" topo_exec stack timeout 60 iperf3 -c 10.0.0.1 -n 20M
else
	skip "no iperf3"
fi
ok "a large datagram passes" ping_from stack 10.0.0.1 -s 5000

# ---- mark ----------------------------------------------------------------------------------------

# Only packets with mark 7 have a way to 10.9.9.9.
must ip -n right address add 10.9.9.9/32 dev lo
must ip -n right route add 10.0.0.0/24 via 10.0.1.9
must ip -n left route add 10.9.9.9 via 10.0.0.9
must ip -n stack route add unreachable 10.9.9.9
must ip -n stack route add 10.9.9.9 via 10.0.1.2 table 7
must ip -n stack rule add fwmark 7 lookup 7
set_ipv4 ip_forward 1
for device in all west east; do
	set_ipv4 conf/$device/rp_filter 0
done

ok "without a mark there is no way" no_way left 10.9.9.9
ok "a block that marks is added" lana add mark mark value=7
ok "under the counter" lana bind both mark ingress
ok "and on west" lana bind mark west ingress
ok "the kernel routes by the mark" ping_from left 10.9.9.9
ok "another mark is set" lana set mark value=8
ok "and leads nowhere" no_way left 10.9.9.9
ok "one of which only some bits are touched" lana set mark value=0xff mask=7
ok "leads there again" ping_from left 10.9.9.9

ok "the stack is sound" lana check
ok "the stack is taken down" lana flush
ok "the kernel has its device back" ping_from stack 10.0.0.1
is "$(topo_exec stack tc qdisc show)" "$qdiscs" "and nothing is left on it"

done_testing
