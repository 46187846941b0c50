#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# router.sh - examples/router.yaml between hosts: ping, traceroute, TCP, UDP, path MTU discovery,
# fragments, expired and unreachable packets, at XDP and at tc; and OSPF by BIRD over it
#
#     left               rtr                  right
#   +------+        +-------------+       +----------+
#   |  l0 -|--------|- west east -|-------|- r0   lo |
#   +------+        +-------------+       +----------+
#   10.0.0.1      10.0.0.9   10.0.1.9     10.0.1.1    10.50.0.1, where only OSPF knows
#   fd00::1        fd00::9   fd01::9       fd01::1
#                            MTU 1300     MTU 1300
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"

# topology: from nothing
topology()
{
	local device

	for netns in left rtr right; do
		ip netns delete $netns 2>/dev/null
		topo_netns $netns
	done
	topo_veth left l0 rtr west 10.0.0.1/24 10.0.0.9/24
	topo_veth rtr east right r0 10.0.1.9/24 10.0.1.1/24
	while read -r netns device address; do
		must ip -n "$netns" address add "$address" dev "$device" nodad
	done <<-END
		left l0 fd00::1/64
		left l0 fe80::1/64
		rtr west fd00::9/64
		rtr west fe80::9/64
		rtr east fd01::9/64
		rtr east fe80::9/64
		right r0 fd01::1/64
		right r0 fe80::1/64
	END
	must ip -n left route add default via 10.0.0.9
	must ip -n left route add default via fd00::9
	must ip -n right route add default via 10.0.1.9
	must ip -n right route add default via fd01::9
	must ip -n rtr route add unreachable 10.9.9.0/24
	must ip -n rtr route add prohibit 10.8.8.0/24
	must ip -n rtr link set east mtu 1300
	must ip -n right link set r0 mtu 1300
	topo_exec rtr sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	topo_exec rtr sysctl -qw net.ipv4.neigh.east.retrans_time_ms=100
	# Hosts shall answer every probe of a traceroute.
	topo_exec right sysctl -qw net.ipv4.icmp_ratemask=0 net.ipv6.icmp.ratelimit=0
}

# route HOOK: let the example do it
route()
{
	sed "s/hook: tc/hook: $1/" "$LANA_TOP/examples/router.yaml" >"$LANA_SCRATCH/router.yaml"
	lana -n rtr apply "$LANA_SCRATCH/router.yaml"
}

ping_from()
{
	topo_exec "$1" ping -q -c 3 -i 0.05 -W 2 "${@:3}" "$2"
}

# says NETNS PATTERN COMMAND...: what the command prints, whatever its status, has the pattern
says()
{
	local output

	output=$(topo_exec "$1" "${@:3}" 2>&1)
	grep -Eq "$2" <<<"$output" || { echo "$output"; return 1; }
}

# forwarded: packets that the kernel of the router has forwarded, IPv4 and IPv6
forwarded()
{
	# shellcheck disable=SC2016 # awk's fields
	topo_exec rtr awk '/^Ip: [0-9]/ { sum += $7 } /^Ip6OutForwDatagrams/ { sum += $2 }
		END { print sum }' /proc/net/snmp /proc/net/snmp6
}

# transfer ADDRESS [OPTION...]: 20 MB of TCP, or what the options say
transfer()
{
	background nsenter --net=/run/netns/right iperf3 -s -1 -p 5201 >/dev/null
	wait_for eval 'topo_exec right ss -Hltn | grep -q :5201' || return
	topo_exec left timeout 60 iperf3 -c "$1" -p 5201 "${@:2}"
}

sent()
{
	stats ".stats[] | select(.path == \"ingress\") | .counters.$2" "$1"
}

for hook in xdp tc; do
	topology
	ok "$hook: the example is applied" route $hook
	ok "$hook: ping" ping_from left 10.0.1.1
	ok "$hook: ping the other way" ping_from right 10.0.0.1
	ok "$hook: ping, IPv6" ping_from left fd01::1
	ok "$hook: ping the router" ping_from left 10.0.1.9
	ok "$hook: ping the router, IPv6" ping_from left fd01::9

	before=$(forwarded)
	ok "$hook: TCP" transfer 10.0.1.1 -n 20M
	ok "$hook: TCP, IPv6" transfer fd01::1 -n 20M
	ok "$hook: TCP the other way" transfer 10.0.1.1 -n 20M -R
	ok "$hook: UDP" transfer 10.0.1.1 -u -b 50M -n 5M -l 1000
	like "$(($(forwarded) - before))" '^[0-9]{1,2}$' "$hook: the kernel has nothing to do with it"

	if command -v traceroute >/dev/null; then
		for address in 10.0.1.1 fd01::1; do
			router=10.0.0.9
			[ $address = 10.0.1.1 ] || router=fd00::9
			ok "$hook: traceroute to $address shows router and host" \
				says left " 1  $router .*2  $address " \
				sh -c "traceroute -n -q 1 -w 2 $address | paste -sd' '"
		done
	else
		skip "no traceroute"
	fi
	if command -v tracepath >/dev/null; then
		ok "$hook: tracepath finds the MTU" says left 'pmtu 1300' tracepath -n 10.0.1.1
		ok "$hook: tracepath finds the MTU, IPv6" says left 'pmtu 1300' tracepath -n fd01::1
	else
		skip "no tracepath"
	fi
	like "$(sent expired sent)" '^[1-9]' "$hook: the router's blocks answered expired packets"
	like "$(sent too_big sent)" '^[1-9]' "$hook: and those that were too big"

	must ip -n left route flush cache
	ok "$hook: a packet too big says so" says left 'mtu ?= ?1300' \
		ping -c 1 -W 2 -s 1400 -M "do" 10.0.1.1
	must ip -n left route flush cache
	ok "$hook: fragments are cut further" ping_from left 10.0.1.1 -s 4000 -M dont
	like "$(sent cut cut)" '^[1-9]' "$hook: by the block"
	topo_exec left ip route flush cache
	before=$(forwarded)
	ok "$hook: to many" lana set cut mtu=256
	ok "$hook: small ones" ping_from left 10.0.1.1 -s 4000 -M dont
	is "$(($(forwarded) - before))" 0 "$hook: and not by the kernel"
	ok "$hook: as few as can be" lana set cut mtu=0
	ok "$hook: fragments the other way" ping_from right 10.0.0.1 -s 4000
	ok "$hook: fragments, IPv6" ping_from left fd01::1 -s 4000
	ok "$hook: unreachable" says left 'From 10.0.0.9 .*Host Unreachable' ping -c 1 -W 2 10.9.9.9
	ok "$hook: prohibited" says left 'From 10.0.0.9 .*filtered' ping -c 1 -W 2 10.8.8.8
	ok "$hook: no route" says left 'From 10.0.0.9 .*Net Unreachable' ping -c 1 -W 2 10.77.7.7
	ok "$hook: no route, IPv6" says left 'From fd00::9 .*No route' ping -c 1 -W 2 fd77::7
	ok "$hook: nobody there" says left 'From 10.0.0.9 .*Host Unreachable' ping -c 1 -W 5 10.0.1.77

	# Only tc sees what the kernel has not cut into segments, nor finished, yet.
	if [ $hook = tc ]; then
		for feature in tx tso gso gro; do
			topo_offload left l0 $feature on
			topo_offload right r0 $feature on
			topo_offload rtr west $feature on
			topo_offload rtr east $feature on
		done
		before=$(forwarded)
		ok "$hook: TCP in super-segments" transfer 10.0.1.1 -n 200M
		ok "$hook: the other way" transfer 10.0.1.1 -n 200M -R
		ok "$hook: over IPv6" transfer fd01::1 -n 200M
		ok "$hook: UDP with unfinished checksums" transfer 10.0.1.1 -u -b 50M -n 2M -l 1000
		like "$(($(forwarded) - before))" '^[0-9]{1,2}$' "$hook: all of it by lana"
	fi

	ok "$hook: the stack is sound" lana check
	[ $hook = tc ] || ok "$hook: it is taken down" lana flush
done

# ---- OSPF ----------------------------------------------------------------------------------------

# bird NETNS ID: start it there
bird_in()
{
	local folder=$LANA_SCRATCH/bird-$1

	mkdir "$folder"
	cat >"$folder/conf" <<-END
		router id $2;
		protocol device { scan time 1; }
		protocol direct { ipv4; interface "lo"; }
		protocol kernel { ipv4 { export where source != RTS_DEVICE; }; }
		protocol ospf {
			ipv4 { import all; export where source = RTS_DEVICE; };
			area 0 {
				interface "west", "east", "l0", "r0" { type ptp; hello 1; dead count 4; };
			};
		}
	END
	background nsenter --net="/run/netns/$1" bird -f -c "$folder/conf" -s "$folder/socket" \
		>"$folder/log" 2>&1
}

if command -v bird >/dev/null; then
	must ip -n right address add 10.50.0.1/32 dev lo
	must ip -n left route delete default via 10.0.0.9
	before=$(forwarded)
	bird_in left 10.0.0.1
	bird_in rtr 10.0.0.9
	bird_in right 10.0.1.1
	WAIT_MAX=60 # what OSPF itself takes, too
	ok "OSPF tells the router of a net" wait_for eval 'ip -n rtr route | grep -q 10.50.0.1'
	ok "and the host behind it" wait_for eval 'ip -n left route | grep -q 10.50.0.1'
	ok "which reaches it" ping_from left 10.50.0.1
	ok "by TCP too" transfer 10.50.0.1 -n 20M
	like "$(($(forwarded) - before))" '^[0-9]{1,2}$' "through the stack"
	must ip -n right address delete 10.50.0.1/32 dev lo
	ok "when it goes, the router hears of it" wait_for eval '! ip -n rtr route | grep -q 10.50.0.1'
else
	skip "no bird"
fi

ok "the stack is sound" lana check
ok "it is taken down" lana flush
ok "the example runs by itself" "$LANA_TOP/examples/router.sh"

done_testing
