#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# multipath.sh - one TCP connection over five paths: by as many proxies, which take tunnels apart
#
#      s                    p1 … p5                  r
#   +------+             +-----------+            +------+
#   |  w1 -|-------------|- near far-|------------|- w1  |
#   |   …  |             +-----------+            |  …   |
#   |  w5 -|------------------ … -----------------|- w5  |
#   +------+  10.N.0.1       .0.2 .1.2  10.N.1.1  +------+
#   10.0.0.1                                      10.0.0.2
#
# Proxies are the kernel's where it has such tunnels, else lana's (multipath-proxy.yaml). Needs root
# and a built tree. Nothing of the machine's own network is touched, and nothing is left.
# shellcheck source=examples/private.sh
. "$(dirname "$0")/private.sh"

# rate NETNS DEVICE: what leaves by it is held to 40 Mbit/s
rate()
{
	in_netns "$1" tc qdisc add dev "$2" root tbf rate 40mbit burst 16k limit 120k
}

# proxy N: a router, and the end of tunnels to both its addresses
proxy()
{
	in_netns "p$1" sysctl -qw net.ipv4.ip_forward=1
	ip -n "p$1" route add 10.0.0.1 via "10.$1.0.1"
	ip -n "p$1" route add 10.0.0.2 via "10.$1.1.1"
	if ip -n "p$1" tunnel add ends mode ipip local any 2>/dev/null; then
		ip -n "p$1" link set ends up
	else
		lana -s "p$1" -n "p$1" apply multipath-proxy.yaml >/dev/null
	fi
}

# end NETNS ADDRESS SIDE PEER
end()
{
	# A device whose packets the stack takes; where there is no dummy, one end of a veth will do.
	ip -n "$1" link add mp0 type dummy 2>/dev/null ||
		ip -n "$1" link add mp0 type veth peer name mp0-peer
	ip -n "$1" link set mp0 mtu 1464 gso_max_segs 1 arp off up
	! ip -n "$1" link show mp0-peer >/dev/null 2>&1 || ip -n "$1" link set mp0-peer up
	ip -n "$1" address add "$2/32" dev mp0
	ip -n "$1" route add "$4" dev mp0
	in_netns "$1" sysctl -qw net.ipv4.conf.mp0.forwarding=1 net.ipv4.fwmark_reflect=1
}

for netns in s r p1 p2 p3 p4 p5; do
	ip netns add $netns
	ip -n $netns link set lo up
done
for n in 1 2 3 4 5; do
	link s w$n p$n near
	link r w$n p$n far
	ip -n s address add 10.$n.0.1/24 dev w$n
	ip -n r address add 10.$n.1.1/24 dev w$n
	# TCP's packets do not wait until a proxy is found.
	ip -n s neighbour replace 10.$n.0.2 dev w$n managed
	ip -n r neighbour replace 10.$n.1.2 dev w$n managed
	ip -n p$n address add 10.$n.0.2/24 dev near
	ip -n p$n address add 10.$n.1.2/24 dev far
	rate p$n far
	rate p$n near
	proxy $n
done
end s 10.0.0.1 0 10.0.0.2
end r 10.0.0.2 1 10.0.0.1
lana -s s -n s apply multipath-sender.yaml >/dev/null
lana -s r -n r apply multipath-receiver.yaml >/dev/null
# What puts packets into order again when they wait for one.
for netns in s r; do
	setpriv --pdeathsig KILL "$LANACTL" -s $netns -n $netns worker >/dev/null &
	workers="${workers-} $!"
done

# measure: a TCP connection for some seconds
measure()
{
	in_netns r setpriv --pdeathsig KILL iperf3 -s -1 >/dev/null &
	server=$!
	until in_netns r ss -tlnH | grep -q :5201; do sleep 0.02; done
	in_netns s iperf3 -c 10.0.0.2 -t 3 | grep receiver
	wait $server
}

echo "Each path has 40 Mbit/s. By one of them:"
lana -s s set spread weights=1
measure
lana -s s set spread weights=1,1,1,1,1
lana -s r set order order=off
echo "By five, as they come:"
measure
lana -s r set order order=on
echo "By five, in order:"
measure
echo
echo "Two fail meanwhile, and one comes back:"
setpriv --pdeathsig KILL "$LANACTL" -s s -n s paths 10.0.0.2 spread flows >/dev/shm/sender &
watchers=$!
setpriv --pdeathsig KILL "$LANACTL" -s r -n r paths 10.0.0.1 spread flows >/dev/shm/receiver &
watchers="$watchers $!"
(
	sleep 1
	ip -n p2 link set near down
	ip -n p4 link set near down
	sleep 1
	ip -n p4 link set near up
	ip -n p4 route replace 10.0.0.1 via 10.4.0.1
) &
measure
# shellcheck disable=SC2086 # words
kill $watchers
tail -6 /dev/shm/sender
echo
echo "Packets that each path has had:"
lana -s s -j stats | jq -r '.stats[] | select(.path == "egress" and (.name | test("^sent")))
	| "\(.name) \(.counters.packets)"'
lana -s s check
# shellcheck disable=SC2086 # words
kill $workers
for stack in s r p1 p2 p3 p4 p5; do
	lana -s $stack flush 2>/dev/null || true
done
