#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# gateway.sh - a host behind one address: NAT, a forwarded port and a firewall
#
#     inside               gate               world
#   +--------+        +-------------+       +-------+
#   |   in0 -|--------|- lan0 wan0 -|-------|- out0 |
#   +--------+        +-------------+       +-------+
#   10.0.0.2      10.0.0.1   192.0.2.1      192.0.2.2
#
# Needs root and a built tree. Nothing of the machine's own network is touched, and nothing is left.
# shellcheck source=examples/private.sh
. "$(dirname "$0")/private.sh"

for netns in inside gate world; do
	ip netns add $netns
	ip -n $netns link set lo up
done
link inside in0 gate lan0
link gate wan0 world out0
ip -n inside address add 10.0.0.2/24 dev in0
ip -n gate address add 10.0.0.1/24 dev lan0
ip -n gate address add 192.0.2.1/24 dev wan0
ip -n world address add 192.0.2.2/24 dev out0
ip -n inside route add default via 10.0.0.1
in_netns gate sysctl -qw net.ipv4.ip_forward=1

lana -n gate apply gateway.yaml
echo
echo "From inside to the world, which knows of no inside:"
in_netns inside ping -q -c 3 -i 0.1 192.0.2.2
echo
echo "A page of inside, by a forwarded port:"
in_netns inside setpriv --pdeathsig KILL iperf3 -s -1 -p 80 >/dev/null &
until in_netns inside ss -tlnH | grep -q :80; do sleep 0.02; done
in_netns world iperf3 -c 192.0.2.1 -p 8080 -n 16M | grep receiver
echo
echo "What the firewall lets nobody do:"
in_netns world iperf3 -c 192.0.2.1 -p 22 --connect-timeout 300 || true
echo
lana show rules wall
lana stats
lana check
lana flush
