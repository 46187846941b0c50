#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# conntrack.sh - a firewall that lets in answers alone, IPv4 and IPv6; and the examples
#
#     inside               gate               world
#   +--------+        +-------------+       +-------+
#   |   in0  |--------| lan0   wan0 |-------| out0  |
#   +--------+        +-------------+       +-------+
#   10.1.0.2          .1           .1       10.2.0.2
#   fd01::2           ::1         ::1       fd02::2
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
bpftool btf dump file /sys/kernel/btf/vmlinux 2>/dev/null | grep -q "'bpf_xdp_ct_alloc'" ||
	skip_all "the kernel does not offer its connection tracking to BPF"

topo_netns inside
topo_netns gate
topo_netns world
topo_veth inside in0 gate lan0 10.1.0.2/24 10.1.0.1/24
topo_veth gate wan0 world out0 10.2.0.1/24 10.2.0.2/24
# Without one of its own (fe80::), a router finds no neighbours.
for address in 'inside in0 fd01::2' 'gate lan0 fd01::1' 'gate wan0 fd02::1' 'world out0 fd02::2' \
	'gate lan0 fe80::1' 'gate wan0 fe80::1'; do
	# shellcheck disable=SC2086 # words
	set -- $address
	must ip -n "$1" address add "$3/64" dev "$2" nodad
done
must ip -n inside route add default via 10.1.0.1
must ip -n inside -6 route add default via fd01::1
must ip -n world route add default via 10.2.0.1
must ip -n world -6 route add default via fd02::1
must topo_exec gate sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1

cat >"$LANA_SCRATCH/rules" <<'END'
accept state established,related
drop   state invalid
accept proto icmp
accept proto icmpv6
drop
END

# talks FROM TO ADDRESS [OPTION...]: a stream, from one namespace to another
talks()
{
	local from=$1 to=$2 address=$3

	shift 3
	topo_exec "$to" setpriv --pdeathsig KILL iperf3 -s -1 >/dev/null 2>&1 &
	lib_jobs+=("$!")
	wait_for topo_exec "$to" sh -c 'ss -tlnH | grep -q :5201' || return 1
	topo_exec "$from" iperf3 -c "$address" -n 1M --connect-timeout 300 "$@" >/dev/null
}

# closed FROM TO ADDRESS
closed()
{
	! talks "$@"
	local result=$?

	kill "${lib_jobs[-1]}" 2>/dev/null
	return "$result"
}

for hook in xdp tc; do
	cat >"$LANA_SCRATCH/stack" <<-EOF
		hooks: { lan0: { hook: $hook }, wan0: { hook: $hook } }
		blocks:
		  outwards: conntrack
		  wall: { type: firewall, rules: $LANA_SCRATCH/rules }
		  inwards: conntrack
		  kernel: pass
		bind:
		  - lan0 -> outwards -> kernel
		  - wan0 -> wall -> inwards -> kernel
		  - outwards[invalid] -> kernel
	EOF
	must lana -n gate apply "$LANA_SCRATCH/stack" >/dev/null
	is "$(lana -n gate diff "$LANA_SCRATCH/stack")" "" "$hook: the stack is what its file says"
	for address in 10.2.0.2 fd02::2; do
		ok "$hook: $address: inside begins a connection" talks inside world $address
		ok "$hook: $address: and datagrams, with answers" talks inside world $address -u -b 80M
	done
	for address in 10.1.0.2 fd01::2; do
		ok "$hook: $address: the world does not" closed world inside $address
		ok "$hook: $address: but pings" topo_exec world ping -q -c 1 -W 2 $address
	done
	like "$(stats '[.stats[] | select(.name == "outwards") | .counters.begun] | add' outwards)" \
		'^[68]$' "$hook: each connection has begun once"
	is "$(stats '[.stats[].counters | .failed // 0] | add')" 0 "$hook: none has failed"
	if command -v conntrack >/dev/null; then
		like "$(topo_exec gate conntrack -L -f ipv6 2>/dev/null)" 'fd01::2.*dport=5201.*ASSURED' \
			"$hook: the kernel lists them"
	else
		skip "conntrack(8) is not installed"
	fi
	must lana flush
done

ok "examples/gateway.sh runs" "$LANA_TOP/examples/gateway.sh"
ok "examples/tunnel.sh runs" "$LANA_TOP/examples/tunnel.sh"

done_testing
