#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# headers.sh - tags and checksums as the kernel has them on their way, at tc and at XDP
#
#     left                     box                      right
#   +-----------+      +----------------------+      +---------+
#   | push ► l0 |------| west ─ untag ─► east |------| r0      |
#   | pop  ◄    |      | west ◄─ tag ── east  |      |         |
#   +-----------+      +----------------------+      +---------+
#    10.0.0.1                                         10.0.0.2
#    fd00::1                                          fd00::2
#
# The blocks of left are at tc, where it is the kernel that writes a tag into a packet, or leaves it
# beside it, and that reads it when the packet comes in. There need be no VLAN devices.
# shellcheck disable=SC2317,SC2016,SC2119 # functions are called by ok, texts are for eval
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"

topo_netns left
topo_netns box
topo_netns right
topo_veth left l0 box west
topo_veth box east right r0
must ip -n left address add 10.0.0.1/24 dev l0
must ip -n right address add 10.0.0.2/24 dev r0
must ip -n left address add fd00::1/64 dev l0 nodad
must ip -n right address add fd00::2/64 dev r0 nodad

# left OPTION...: all that its kernel sends is tagged so, and it takes no other packets
left()
{
	lana -s left set push "$@" && lana -s left set pop "$@"
}

must lana -s left add push vlan mode=push id=5
must lana -s left add pop vlan mode=pop id=5
must lana -s left add kernel pass
must lana -s left bind kernel pop ingress
must lana -s left -n left vlink hook l0 tc
must lana -s left bind pop l0 ingress
must lana -s left bind push l0 egress
must lana -s left bind l0 push egress

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

# udp NAME: a counter of left's UDP, as /proc/net/snmp has them
udp()
{
	topo_exec left awk -v name="$1" '/^Udp:/ && !n { n = split($0, names) ; next }
		/^Udp:/ { for (i = 1; i <= n; i++) if (names[i] == name) print $i }' /proc/net/snmp
}

# more NAME NUMBER: waits until that counter exceeds the number
more()
{
	wait_for eval "[ \"\$(udp $1)\" -gt $2 ]"
}

# send SIZE: a datagram from right to left, where nobody wants it
send()
{
	topo_exec right bash -c "head -c $1 /dev/zero >/dev/udp/10.0.0.1/9"
}

# count BLOCK COUNTER, of both paths
count()
{
	stats "[.stats[].counters.$2] | add" "$1"
}

# checked_at HOOK: what the kernel finds in the packets
checked_at()
{
	local hook=$1 before dropped

	ok "$hook: west is hooked" lana -n box vlink hook west "$hook"
	ok "$hook: so is east" lana -n box vlink hook east "$hook"
	ok "$hook: a block takes tags off" lana add untag vlan mode=pop id=5
	ok "$hook: another puts them on" lana add tag vlan mode=push id=5 pcp=3
	ok "$hook: a block of checksums" lana add check checksum
	ok "$hook: west leads to untag" lana bind untag west ingress
	ok "$hook: that leads to east" lana bind east untag ingress
	ok "$hook: east leads to check" lana bind check east ingress
	ok "$hook: that leads to tag" lana bind tag check ingress
	ok "$hook: that leads to west" lana bind west tag ingress
	dropped=$(booked)
	ok "$hook: left reaches right" ping_from left 10.0.0.2
	ok "$hook: right reaches left" ping_from right 10.0.0.1
	ok "$hook: by IPv6 too" ping_from left fd00::2
	ok "$hook: with large packets" ping_from right 10.0.0.1 -s 1400
	is "$(booked)" "$dropped" "$hook: nothing was dropped"

	ok "$hook: a provider's tag is another one" lana set untag id=7 service=on
	ok "$hook: and is put on" lana set tag id=7 service=on
	ok "$hook: which left has not" no_answer left 10.0.0.2
	ok "$hook: now it has" left id=7 service=on
	ok "$hook: left reaches right by that" ping_from left 10.0.0.2
	ok "$hook: all have customers' again" left id=5 service=off
	ok "$hook: untag takes them off" lana set untag id=5 service=off
	ok "$hook: tag puts them on" lana set tag id=5 service=off

	before=$(udp NoPorts)
	ok "$hook: a datagram is sent" send 400
	ok "$hook: and is right" more NoPorts "$before"

	# On purpose: nobody would see a wrong bit that is in front of the UDP header's end.
	ok "$hook: a block that turns bits over" lana add dirt corrupt every=100 skip=42
	ok "$hook: stands before check" lana bind dirt east ingress
	ok "$hook: which comes after" lana bind check dirt ingress
	ok "$hook: but lets wrong ones pass" lana set check transport=ignore
	before=$(udp InCsumErrors)
	ok "$hook: a datagram is sent" send 400
	ok "$hook: and is found to be wrong" more InCsumErrors "$before"
	ok "$hook: check looks again" lana set check transport=verify
	ok "$hook: a datagram is sent" send 400
	ok "$hook: and is found to be wrong on the way" wait_for eval \
		'[ "$(count check transport_bad)" -gt 0 ]'
	ok "$hook: no more dirt" lana set dirt every=0
}

# flush HOOK
flush()
{
	ok "$1: the stack is sound" lana check
	ok "$1: and is taken down" lana flush
}

# ---- tc: tags are beside the packet, checksums may be unfinished --------------------------------

topo_offload left l0 txvlan on
checked_at tc

topo_offload right r0 tx on
before=$(udp NoPorts) skipped=$(count check transport_skipped)
ok "tc: a datagram with an unfinished checksum" send 400
ok "tc: arrives, and counts as right" more NoPorts "$before"
like "$(count check transport_skipped)" "^$((skipped + 1))$" "tc: check has left it alone"
ok "tc: no block finishes it" lana set check transport=set
before=$(udp NoPorts)
ok "tc: one more" send 400
ok "tc: arrives too" more NoPorts "$before"
if command -v iperf3 >/dev/null; then
	must topo_exec right ethtool -K r0 tx on tso on gso on >/dev/null
	background nsenter --net=/run/netns/left iperf3 -s -1 -p 5201 >/dev/null
	wait_for eval 'topo_exec left ss -Hltn | grep -q :5201'
	bad=$(count check transport_bad)
	ok "tc: so does TCP in super-segments" topo_exec right timeout 60 iperf3 -c 10.0.0.1 -n 20M
	is "$(count check transport_bad)" "$bad" "tc: of which no checksum is bad"
	must topo_exec right ethtool -K r0 tso off gso off >/dev/null
else
	skip "no iperf3"
fi
ok "tc: bits are turned over" lana set dirt every=100
before=$(udp NoPorts)
ok "tc: one more" send 400
ok "tc: is dropped: nobody would see" wait_for eval '[ "$(count dirt unfinished)" -gt 0 ]'
is "$(udp NoPorts)" "$before" "tc: and does not arrive"
flush tc
topo_offload right r0 tx off

# ---- XDP: tags are in the packet, checksums have to be finished ----------------------------------

topo_offload left l0 txvlan off
topo_offload left l0 tx-vlan-stag-hw-insert off
checked_at xdp

topo_offload right r0 tx on
ok "xdp: check lets all pass" lana set check network=ignore transport=ignore
before=$(udp InCsumErrors)
ok "xdp: a datagram with an unfinished checksum" send 400
ok "xdp: arrives, and is wrong" more InCsumErrors "$before"
ok "xdp: check finishes checksums" lana set check transport=set
before=$(udp NoPorts)
ok "xdp: one more" send 400
ok "xdp: is right" more NoPorts "$before"
flush xdp

done_testing
