#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tunnel.sh - tunnels that carry traffic, with the kernel's own at the other end where it has one
#
#      host              gate            |   peer: the kernel's VXLAN, or
#   +-------+      +--------------+      |  +--------------+      +-------+
#   |   h0  |------| g0        w0 |-------->| p0        q0 |------| r0    |
#   +-------+      +--------------+         +--------------+      +-------+
#    10.9.0.1         192.0.2.1                192.0.2.2            10.9.0.2
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"

mac_of()
{
	ip -j -n "$1" link show dev "$2" | jq -r '.[].address'
}

topo_netns host
topo_netns gate
topo_netns peer
topo_netns remote
topo_veth host h0 gate g0
topo_veth gate w0 peer p0
topo_veth peer q0 remote r0
for address in 'host h0 10.9.0.1/24' 'host h0 2001:db8::1/64' 'remote r0 10.9.0.2/24' \
	'remote r0 2001:db8::2/64' 'peer p0 192.0.2.2/24'; do
	# shellcheck disable=SC2086 # words
	set -- $address
	# shellcheck disable=SC2046 # words
	must ip -n "$1" address add "$3" dev "$2" $([[ $3 != *:* ]] || echo nodad)
done
must ip -n peer neighbour replace 192.0.2.1 lladdr "$(mac_of gate w0)" dev p0
must ip -n host link set h0 mtu 1400
must ip -n remote link set r0 mtu 1400

# answers ADDRESS [SIZE]: the far end does, to packets of every size up to SIZE
answers()
{
	topo_exec host ping -q -c 3 -i 0.05 -W 2 -s "${2-56}" "$1"
}

# carries ADDRESS: a TCP stream, both ways
carries()
{
	local port=5201 # iperf3's

	topo_exec remote sh -c "exec setpriv --pdeathsig KILL iperf3 -s -1 -p $port >/dev/null 2>&1" &
	lib_jobs+=("$!")
	wait_for topo_exec remote sh -c "ss -tlnH | grep -q :$port" || return 1
	topo_exec host iperf3 -c "$1" -p "$port" -n 8M --connect-timeout 2000 >/dev/null
}

# lost STACK: what the tunnel's end did not take, and why
lost()
{
	lana -s "$1" -j stats unwrap | jq -r '.stats[] | (.drops + .unbound) | keys[]'
}

# offloads on|off: XDP is to see packets as they are on the wire, tc what the kernel has for it
offloads()
{
	for end in 'host h0' 'remote r0' 'peer q0' 'peer p0'; do
		# shellcheck disable=SC2086 # words
		topo_offload $end tx "$1"
	done
}

# gateway STACK NETNS INNER OUTER HOOK WRAP UNWRAP: a stack that carries what comes by one device to
# the other, and back; with options of both blocks
gateway()
{
	lana -s "$1" -n "$2" apply - <<-EOF >/dev/null
		hooks: { $3: { hook: $5 }, $4: { hook: $5 } }
		blocks:
		  wrap: { type: encap, $6 }
		  unwrap: { type: decap, $7 }
		bind:
		  - $3 -> wrap -> $4
		  - $4 -> unwrap -> $3
	EOF
}

# near HOOK OPTIONS UNWRAP
near()
{
	must gateway near gate g0 w0 "$1" "src: 192.0.2.1, dst: 192.0.2.2, $2, smac: '$(mac_of gate w0)',
		dmac: '$(mac_of peer p0)'" "src: 192.0.2.2, dst: 192.0.2.1, $2${3-}"
}

# ---- the kernel's VXLAN at the other end -----------------------------------------------------------

if ip -n peer link add v0 type vxlan id 7 local 192.0.2.2 remote 192.0.2.1 dstport 4789 2>/dev/null; then
	must ip -n peer link add bridge type bridge
	must ip -n peer link set q0 master bridge
	must ip -n peer link set v0 master bridge up
	must ip -n peer link set bridge up
	for kind in xdp tc; do
		offloads "$([ $kind = tc ] && echo on || echo off)"
		near $kind 'mode: vxlan, vni: 7'
		ok "$kind: the kernel's VXLAN takes our frames, ARP too, and we take its" answers 10.9.0.2
		ok "$kind: and large ones" answers 10.9.0.2 1372
		ok "$kind: IPv6 with neighbour discovery" answers 2001:db8::2 1352
		ok "$kind: TCP" carries 10.9.0.2
 		is "$(lost near)" "" "$kind: none was bad or not of the tunnel"
		must lana -s near flush
		ip -n host neighbour flush dev h0
	done
	must ip -n peer link del bridge
	must ip -n peer link del v0
else
	skip "this kernel has no VXLAN"
fi

# ---- lana at both ends -----------------------------------------------------------------------------

# macs FROM TO: options for the Ethernet header of what comes out
macs()
{
	echo ", smac: '$1', dmac: '$2'"
}

# far HOOK OPTIONS: the other half
far()
{
	must gateway far peer q0 p0 "$1" "src: 192.0.2.2, dst: 192.0.2.1, $2, smac: '$(mac_of peer p0)',
		dmac: '$(mac_of gate w0)'" \
		"src: 192.0.2.1, dst: 192.0.2.2, $2$(macs "$(mac_of host h0)" "$(mac_of remote r0)")"
}

# decoded ADDRESS: what tcpdump makes of a packet on its way, where it sees what is sent (tc)
decoded()
{
	topo_exec gate timeout 5 tcpdump -nn -v -c 1 -i w0 -Q out src 192.0.2.1 2>"$LANA_SCRATCH/err" \
		>"$LANA_SCRATCH/decoded" &
	local dump=$!

	wait_for grep -q listening "$LANA_SCRATCH/err"
	answers "$1" >/dev/null
	wait "$dump"
	tr -d '\n' <"$LANA_SCRATCH/decoded"
}

must ip -n host neighbour replace 10.9.0.2 lladdr "$(mac_of remote r0)" dev h0
must ip -n host neighbour replace 2001:db8::2 lladdr "$(mac_of remote r0)" dev h0
must ip -n remote neighbour replace 10.9.0.1 lladdr "$(mac_of host h0)" dev r0
must ip -n remote neighbour replace 2001:db8::1 lladdr "$(mac_of host h0)" dev r0

# pair HOOK ADDRESS DECODED OPTIONS
pair()
{
	local hook=$1 address=$2 decoded=$3 options=$4

	offloads "$([ "$hook" = tc ] && echo on || echo off)"
	near "$hook" "$options" "$(macs "$(mac_of remote r0)" "$(mac_of host h0)")"
	far "$hook" "$options"
	ok "$hook: $options: packets pass, small ones" answers "$address"
	ok "$hook: $options: and large ones" answers "$address" 1352
	ok "$hook: $options: TCP" carries "$address"
	is "$(lost near)$(lost far)" "" "$hook: $options: nothing is dropped"
	if [ "$hook" = tc ] && command -v tcpdump >/dev/null; then
		like "$(decoded "$address")" "$decoded" "$options: tcpdump sees just that"
	fi
	must lana -s near flush
	must lana -s far flush
}

v4='10.9.0.1 > 10.9.0.2: ICMP echo request' v6='2001:db8::1 > 2001:db8::2: .*ICMP6, echo request'
pair xdp 10.9.0.2 '' 'mode: ipip'
pair xdp 2001:db8::2 '' 'mode: gre, keyed: on, key: 7'
pair tc 10.9.0.2 "proto IPIP.*192.0.2.1 > 192.0.2.2:.* $v4" 'mode: ipip'
pair tc 2001:db8::2 "proto IPv6.*192.0.2.1 > 192.0.2.2:.* $v6" 'mode: sit'
pair tc 10.9.0.2 "GREv0, Flags \[key present\], key=0x7, .*$v4" 'mode: gre, keyed: on, key: 7'
pair tc 2001:db8::2 "VXLAN, flags \[I\] .*vni 9.*$v6" 'mode: vxlan, vni: 9'

done_testing
