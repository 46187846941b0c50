#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# uplinks.sh - a router with two networks behind it and two addresses before it
#
#     inside                  gate                     world
#   +--------+        +-----------------+        +---------------+
#   |   in0 -|--------|- lan0     wan0 -|--------|- out0         |
#   +--------+        |                 |        |               |
#     branch          |                 |        |  203.0.113.1  |
#   +--------+        |                 |        |  203.0.113.2  |
#   |   br0 -|--------|- lan1     wan1 -|--------|- out1         |
#   +--------+        +-----------------+        +---------------+
#   10.0.0.2      10.0.0.1      192.0.2.1    192.0.2.2
#   10.0.1.2      10.0.1.1   198.51.100.1    198.51.100.2
#
# Needs root and a built tree. Nothing of the machine's own network is touched, and nothing is left.
# shellcheck source=examples/private.sh
. "$(dirname "$0")/private.sh"

for netns in inside branch gate world; do
	ip netns add $netns
	ip -n $netns link set lo up
done
link inside in0 gate lan0
link branch br0 gate lan1
link gate wan0 world out0
link gate wan1 world out1
while read -r netns device address; do
	ip -n "$netns" address add "$address" dev "$device"
done <<-END
	inside in0 10.0.0.2/24
	branch br0 10.0.1.2/24
	gate lan0 10.0.0.1/24
	gate lan1 10.0.1.1/24
	gate wan0 192.0.2.1/24
	gate wan1 198.51.100.1/24
	world out0 192.0.2.2/24
	world out1 198.51.100.2/24
	world lo 203.0.113.1/32
	world lo 203.0.113.2/32
END
ip -n inside route add default via 10.0.0.1
ip -n branch route add default via 10.0.1.1
ip -n gate route add default via 192.0.2.2
ip -n gate route add 203.0.113.2 via 198.51.100.2
in_netns gate sysctl -qw net.ipv4.ip_forward=1

# hears NETNS PORT: serve one connection there, and say who called
hears()
{
	in_netns "$1" setpriv --pdeathsig KILL iperf3 -s -1 -p "$2" |
		sed -n 's/Accepted connection from \(.*\), port.*/\1 calls/p' &
	until in_netns "$1" ss -tlnH | grep -q ":$2"; do sleep 0.02; done
}

# calls NETNS ADDRESS [PORT]
calls()
{
	in_netns "$1" iperf3 -c "$2" -p "${3:-5201}" -n 16M --connect-timeout 1000 | grep receiver
}

lana -n gate apply uplinks.yaml
echo
echo "From inside by one uplink, and by the other:"
hears world 5201
calls inside 203.0.113.1
wait
hears world 5201
calls branch 203.0.113.2
wait
echo
echo "A page of inside, by a forwarded port of either address, from the world and from the branch:"
for caller in "world 192.0.2.1" "world 198.51.100.1" "branch 192.0.2.1"; do
	hears inside 80
	# shellcheck disable=SC2086 # words
	calls $caller 8080
	wait
done
echo
echo "The first hop:"
in_netns inside ping -c 1 -t 1 -W 1 203.0.113.2 || true
echo
lana stats nat
lana check
lana flush
