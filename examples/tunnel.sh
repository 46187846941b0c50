#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tunnel.sh - two networks joined by a tunnel: GRE with a key, IPv4 and IPv6 inside
#
#      left             near               far             right
#   +-------+      +------------+      +------------+      +-------+
#   |   l0 -|------|- in0  out0 |------| out1  in1 -|------|- r0   |
#   +-------+      +------------+      +------------+      +-------+
#   10.9.0.1         192.0.2.1           192.0.2.2         10.9.0.2
#   2001:db8::1                                            2001:db8::2
#
# Needs root and a built tree. Nothing of the machine's own network is touched, and nothing is left.
# shellcheck source=examples/private.sh
. "$(dirname "$0")/private.sh"

for netns in left near far right; do
	ip netns add $netns
done
link left l0 near in0 01 02
link near out0 far out1 03 04
link far in1 right r0 05 06
ip -n left address add 10.9.0.1/24 dev l0
ip -n left address add 2001:db8::1/64 dev l0 nodad
ip -n right address add 10.9.0.2/24 dev r0
ip -n right address add 2001:db8::2/64 dev r0 nodad
# The tunnel carries IP, so nobody asks who has which address; and its headers take 28 bytes.
for peer in 10.9.0.2 2001:db8::2; do
	ip -n left neighbour add $peer lladdr 02:00:00:00:00:06 dev l0
done
for peer in 10.9.0.1 2001:db8::1; do
	ip -n right neighbour add $peer lladdr 02:00:00:00:00:01 dev r0
done
ip -n left link set l0 mtu 1472
ip -n right link set r0 mtu 1472

lana -s near -n near apply tunnel-near.yaml
lana -s far -n far apply tunnel-far.yaml
echo
in_netns left ping -q -c 3 -i 0.1 10.9.0.2
echo
in_netns left ping -q -c 3 -i 0.1 -s 1400 2001:db8::2
echo
in_netns right setpriv --pdeathsig KILL iperf3 -s -1 >/dev/null &
until in_netns right ss -tlnH | grep -q :5201; do sleep 0.02; done
in_netns left iperf3 -c 10.9.0.2 -n 64M | grep receiver
echo
lana -s near stats
lana -s near check
lana -s far check
lana -s near flush
lana -s far flush
