#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# hooks.sh - each kind of hook carries the traffic of unmodified programs, and lets go again
#
#     left               stack               right
#   +-------+      +---------------+      +---------+
#   |    l0 |------| west     east |------| r0      |
#   +-------+      +---------------+      +---------+
#    10.0.0.1       10.0.0.9               10.0.0.2
#
# Every lanactl is a process that has ended when the packets come. Arguments are the kinds to try.
# shellcheck disable=SC2317,SC2119 # functions are called by ok; booked may go without arguments
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"

topo_netns left
topo_netns stack
topo_netns right
topo_veth left l0 stack west 10.0.0.1/24 10.0.0.9/24
topo_veth stack east right r0 '' 10.0.0.2/24

mac_of()
{
	ip -n "$1" -j link show dev "$2" | jq -r '.[].address'
}

# know NETNS DEV ADDRESS NETNS2 DEV2: so that no ARP comes between what is counted
know()
{
	must ip -n "$1" neighbor replace "$3" lladdr "$(mac_of "$4" "$5")" dev "$2" nud permanent
}

know left l0 10.0.0.9 stack west
know left l0 10.0.0.2 right r0
know stack west 10.0.0.1 left l0
know right r0 10.0.0.1 left l0

# Nothing but GRO makes a veth take what the traffic generator redirects to it, without XDP.
topo_offload stack west gro on

# ping_from NETNS ADDRESS
ping_from()
{
	topo_exec "$1" ping -q -c 2 -i 0.1 -W 2 "$2"
}

# tcp: 20 MB from left to right
tcp()
{
	local server

	background nsenter --net=/run/netns/right iperf3 -s -1 -p 5201
	server=$!
	wait_for eval 'topo_exec right ss -Hltn | grep -q :5201'
	topo_exec left timeout 60 iperf3 -c 10.0.0.2 -n 20M --connect-timeout 3000
	wait_for eval "! kill -0 $server" || kill "$server"
}

bridge()
{
	ok "$1: a device that receives is hooked" lana -n stack vlink hook west "$1"
	ok "$1: and one that sends" lana -n stack vlink hook east "$1"
	ok "$1: west leads to east" lana bind east west ingress
	ok "$1: and back" lana bind west east ingress
	ok "$1: hosts on both sides reach each other" ping_from left 10.0.0.2
	is "$(booked)" "" "$1: nothing is dropped"
}

# A stream in both directions, with the offloads that the kind of hook can stand.
stream()
{
	local offload=off

	if ! command -v iperf3 >/dev/null; then
		skip "no iperf3"
		return
	fi
	[ "$1" != tc ] || offload=on
	topo_offload left l0 tx $offload
	topo_offload right r0 tx $offload
	ok "$1: TCP passes (checksum offload $offload)" tcp
	topo_offload left l0 tx off
	topo_offload right r0 tx off
}

up()
{
	ok "$1: a counter is put in" lana add count counter
	ok "$1: below the kernel" lana add kernel pass
	ok "$1: kernel on count" lana bind kernel count
	ok "$1: count on west" lana bind count west ingress
	ok "$1: the kernel of the hooked device answers" ping_from left 10.0.0.9
	like "$(packets count)" '^[2-9]$' "$1: through the counter"
}

# Frames that are turned round come back to the sender, once each.
turn()
{
	local before report

	before=$(packets count)
	lana add turn swap_mac
	ok "$1: turn on count" lana bind turn count ingress
	ok "$1: and down to west" lana bind turn west egress
	report=$("$TRAFFIC" send=left:l0 check=left:l0 count=20000 rate=100000 2>/dev/null)
	is $? 0 "$1: every frame comes back, once"
	is "$(field received <<<"$report")" "$(field sent <<<"$report")" "$1: as many as were sent"
	is $(($(packets count) - before)) "$(field sent <<<"$report")" "$1: none goes round again"
	addresses "$1"
	lana unbind turn count ingress
	lana unbind turn west egress
}

# The addresses have changed places.
addresses()
{
	local file=$LANA_SCRATCH/tcpdump tcpdump mac

	mac=$(mac_of left l0)
	topo_exec left ip neighbor replace 10.0.0.77 lladdr 02:00:00:00:00:77 dev l0
	background nsenter --net=/run/netns/left \
		tcpdump -U -nn -e -Q in -i l0 -c 1 icmp >"$file" 2>"$file.log"
	tcpdump=$!
	wait_for grep -q listening "$file.log"
	topo_exec left ping -q -c 1 -W 0.2 10.0.0.77 >/dev/null
	wait_for eval "! kill -0 $tcpdump" || kill "$tcpdump"
	like "$(<"$file")" "02:00:00:00:00:77 > $mac, .* 10.0.0.1 > 10.0.0.77: ICMP echo request" \
		"$1: with its addresses exchanged"
}

let_go()
{
	local links

	mapfile -t links < <(links)
	like "$(attached stack west "${links[@]}")" . "$1: a program is on the device"
	refused "$1: a device that is bound stays" lana vlink unhook west
	ok "$1: count is taken off" lana unbind count west ingress
	ok "$1: east no longer leads to west" lana unbind west east ingress
	ok "$1: west is unhooked" lana -n stack vlink unhook west
	ok "$1: and the kernel's again" ping_from left 10.0.0.9
	ok "$1: the stack is sound" lana check
	ok "$1: the stack is taken down" lana flush
	ok "$1: no program is left on west" detached stack west "${links[@]}"
	ok "$1: nor on east" detached stack east
	is "$(find "$LANA_BPFFS" -name lana)" "" "$1: no pin is left"
}

[ $# -gt 0 ] || set -- xdp skb tc
for kind; do
	bridge "$kind"
	stream "$kind"
	up "$kind"
	turn "$kind"
	let_go "$kind"
done

done_testing
