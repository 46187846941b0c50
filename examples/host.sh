#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# host.sh - the stack of a host: it answers pings, and lets programs be reached as its rules say
#
#      host                 other
#   +--------+            +-------+
#   |   eth0 |------------| o0    |
#   +--------+            +-------+
#    10.0.0.1              10.0.0.2
#    fd00::1               fd00::2
#
# Needs root and a built tree. Nothing of the machine's own network is touched, and nothing is left.
# shellcheck source=examples/private.sh
. "$(dirname "$0")/private.sh"

for netns in host other; do
	ip netns add $netns
	ip -n $netns link set lo up
done
link host eth0 other o0
ip -n host address add 10.0.0.1/24 dev eth0
ip -n host address add fd00::1/64 dev eth0 nodad
ip -n other address add 10.0.0.2/24 dev o0
ip -n other address add fd00::2/64 dev o0 nodad

lana -n host apply host.yaml
echo
echo "Pings are answered below the kernel:"
in_netns other ping -q -c 3 -i 0.1 10.0.0.1
in_netns other ping -q -c 3 -i 0.1 fd00::1
echo
echo "A program of the host, at a port that the rules allow:"
for address in 10.0.0.1 fd00::1; do
	in_netns host setpriv --pdeathsig KILL iperf3 -s -1 >/dev/null &
	until in_netns host ss -tlnH | grep -q :5201; do sleep 0.02; done
	in_netns other iperf3 -c $address -n 64M | grep receiver
	wait
done
echo
echo "Another port is refused at once:"
in_netns other iperf3 -c 10.0.0.1 -p 80 --connect-timeout 1000 || true
echo
lana show rules wall
lana stats
lana check
lana flush
