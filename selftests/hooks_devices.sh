#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# hooks_devices.sh - devices that go and come back, hooks that are refused, names, namespaces
#
#     left               stack               right          other          far
#   +-------+      +---------------+      +---------+    +---------+    +-------+
#   |    l0 |------| west     east |------| r0      |    |   north |----| f0    |
#   +-------+      +---------------+      +---------+    +---------+    +-------+
#    10.0.0.1       10.0.0.9               10.0.0.2                      10.0.0.3
#
# Devices go and come back with each kind of hook, or with those that are given as arguments.
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"

for netns in left stack right other far; do
	topo_netns $netns
done
topo_veth left l0 stack west 10.0.0.1/24 10.0.0.9/24
topo_veth stack east right r0 '' 10.0.0.2/24
topo_veth other north far f0 '' 10.0.0.3/24

hook()
{
	lana -n stack vlink hook "$@"
}

ping_from_left()
{
	topo_exec left ping -q -c 2 -i 0.1 -W 2 "$1"
}

no_answer()
{
	! topo_exec left ping -q -c 2 -i 0.1 -W 0.2 "$1"
}

# gro NETNS DEV: on or off
gro()
{
	topo_exec "$1" ethtool -k "$2" | sed -n 's/^generic-receive-offload: //p'
}

# gone NAME: whether show says so
gone()
{
	lana -j show "$1" | jq '.blocks[].device.gone'
}

# refuses DESCRIPTION PATTERN COMMAND...: by one line of that pattern, and the stack is as it was
refuses()
{
	local description=$1 pattern="^lanactl: .*($2)[^"$'\n'"]*$" before after output status

	shift 2
	before=$(lana -j show 2>&1)
	output=$("$@" 2>&1 >/dev/null)
	status=$?
	after=$(lana -j show 2>&1)
	[ $status -eq 1 ] && [[ $output =~ $pattern ]] && [ "$after" = "$before" ]
	tap_result $? "refused: $description" || note "$* (status $status)"$'\n'"$output" \
		"before $before"$'\n'"after $after"
}

# ---- refusals before there is a stack --------------------------------------------------------------

refuses "a device that does not exist" "no device 'nowhere'" hook nowhere
refuses "a namespace that does not exist" "no network namespace 'nowhere'" \
	lana -n nowhere vlink hook west
refuses "a file that is no namespace" "no network namespace|it is none" \
	lana -n /proc/self/status vlink hook west
refuses "to unhook where there is no stack" "no stack" lana vlink unhook west

# ---- GRO at the other end of a veth ------------------------------------------------------------------

is "$(gro left l0)" off "GRO is off at the other end"
ok "west is hooked" hook west xdp
is "$(gro left l0)" on "GRO was switched on there"
is "$(lana -j show west | jq -r '.blocks[].device.note')" "switched GRO on at the peer" \
	"show says so"
ok "west is unhooked" lana vlink unhook west
is "$(gro left l0)" off "GRO is off again"

ok "west is hooked by tc" hook west tc
is "$(gro left l0)" off "which needs no GRO"
ok "the stack is taken down" lana flush

topo_offload left l0 gro on
ok "west is hooked where GRO is on" hook west xdp
is "$(lana -j show west | jq -r '.blocks[].device.note')" "" "nothing was switched"
ok "west is unhooked" lana vlink unhook west
is "$(gro left l0)" on "GRO is still on"
topo_offload left l0 gro off

ok "west is hooked" hook west xdp
ok "the stack is taken down" lana flush
is "$(gro left l0)" off "and GRO is off again"

# A device that gets another name meanwhile is still the same.
ok "west is hooked" hook west xdp
must ip -n stack link set dev west down
must ip -n stack link set dev west name wild up
is "$(gone west)" false "it gets another name, and is still there"
refuses "to hook it again by that name" "hooked already, as 'west'" hook wild
ok "it is unhooked" lana vlink unhook west
is "$(topo_exec stack ip link show dev wild | grep -c xdp)" 0 "no program is left on it"
is "$(gro left l0)" off "and GRO is off again"
must ip -n stack link set dev wild down
must ip -n stack link set dev wild name west up
topo_offload left l0 gro off

# ---- a device goes, and comes back -------------------------------------------------------------------

# west ─► split ─ match ─► count ─► east ─► west, and what is not IPv4 to the kernel and both ways
assemble()
{
	lana add split ethertype type=0x0806 &&
		lana add count counter &&
		lana add kernel pass &&
		lana bind kernel split port match &&
		lana bind east count ingress &&
		lana bind count split port other &&
		lana bind split west ingress &&
		lana bind west east ingress
}

# The hosts do not ask for each other's address: ARP goes to the kernel.
neighbours()
{
	local mac

	mac=$(ip -n right -j link show dev r0 | jq -r '.[].address')
	must ip -n left neighbor replace 10.0.0.2 lladdr "$mac" dev l0 nud permanent
	mac=$(ip -n left -j link show dev l0 | jq -r '.[].address')
	must ip -n right neighbor replace 10.0.0.1 lladdr "$mac" dev r0 nud permanent
}

# lost_in_all COUNT: packets that east could not send, in a while
lost_in_all()
{
	wait_for eval "[ \"\$(booked east)\" = east:no_device=$1 ]"
}

# The kernel of the hooked device answers ARP.
arp()
{
	ip -n left neighbor flush dev l0
	no_answer 10.0.0.9
	wait_for eval 'ip -n left neighbor show 10.0.0.9 | grep -q lladdr'
}

[ $# -gt 0 ] || set -- xdp skb tc
for kind; do
	neighbours
	ok "$kind: west is hooked" hook west "$kind"
	ok "$kind: east is hooked" hook east "$kind"
	ok "$kind: the stack is assembled" assemble
	ok "$kind: packets pass" ping_from_left 10.0.0.2
	is "$(gone east)" false "$kind: east is there"

	must ip -n stack link delete dev east
	is "$(gone east)" true "$kind: east is deleted, and show says so"
	is "$(gone west)" false "$kind: of this device alone"
	before=$(packets count)
	ok "$kind: no packet comes through" no_answer 10.0.0.2
	like "$(packets count)" "^$((before + 2))$" "$kind: the blocks below work"
	is "$(booked east)" "east:no_device=2" "$kind: the packets are counted"
	ok "$kind: other packets go their way" arp
	ok "$kind: but not the ping" lost_in_all 4
	like "$(lana check 2>&1)" "^east: .* gone .* hook it again, or unhook it$" \
		"$kind: check says what to do"
	lost=$(booked east)

	topo_veth stack east right r0 '' 10.0.0.2/24
	neighbours
	is "$(gone east)" true "$kind: another device of that name is not hooked"
	ok "$kind: until it is" hook east "$kind"
	is "$(gone east)" false "$kind: now it is there"
	ok "$kind: the stack is sound" lana check
	ok "$kind: what was bound is bound, and packets pass" ping_from_left 10.0.0.2
	is "$(booked east)" "$lost" "$kind: what was counted is still known"

	must ip -n stack link delete dev east
	refuses "$kind: to unhook a device that is gone, while it is bound" "'east' is bound" \
		lana vlink unhook east
	lana unbind east count ingress
	lana unbind west east ingress
	ok "$kind: the device that is gone is unhooked" lana -n stack vlink unhook east
	refuses "$kind: to show it" "no block 'east'" lana show east
	ok "$kind: the stack is sound" lana check
	topo_veth stack east right r0 '' 10.0.0.2/24
	ok "$kind: the stack is taken down" lana flush
done

# ---- refusals ------------------------------------------------------------------------------------------

ok "west is hooked" hook west xdp
lana add count counter
ok "and bound" lana bind count west ingress

"$TRAFFIC" check=stack:east >/dev/null 2>&1 &
foreign=$!
# shellcheck disable=SC2016
attached='ip -n stack link show dev east | grep -q xdp'
ok "a foreign XDP program is attached to east, by a link" wait_for eval "$attached"
refuses "a device with a foreign program, at XDP" "'east' has an XDP program already \(id [0-9]+\)" \
	hook east xdp
refuses "and with no kind named" "'east' has an XDP program already" hook east
is "$(gro right r0)" off "GRO at its other end was left alone"
ok "the foreign program still runs" eval "$attached"
kill -TERM $foreign
wait $foreign

if must bpftool prog load "$LANA_BUILD/selftests/relay.bpf.o" "$LANA_BPFFS/foreign" type xdp &&
	topo_exec stack bpftool net attach xdpdrv pinned "$LANA_BPFFS/foreign" dev east; then
	refuses "a foreign program that was attached without a link" "has an XDP program already" \
		hook east xdp
	ok "it still runs" eval "$attached"
	must topo_exec stack bpftool net detach xdpdrv dev east
else
	skip "bpftool cannot attach a program"
fi
rm -f "$LANA_BPFFS/foreign"

refuses "to hook twice" "hooked already" hook west
refuses "to hook twice, of another kind" "hooked already" hook west tc
refuses "to hook twice, by another name" "hooked already, as 'west'" hook west skb as again
refuses "a name that a block has" "there is a block 'count' already" hook east as count
refuses "a device that does not exist" "no device 'nowhere'" hook nowhere
refuses "a device of another namespace" "no device 'r0'" hook r0
refuses "a name that no device can have" "no device '.*'" hook a-name-that-is-far-too-long
refuses "a name that no block can have" "name" hook east as 'a b'
refuses "a namespace that does not exist" "no network namespace 'nowhere'" \
	lana -n nowhere vlink hook west
refuses "to unhook what is bound" "'west' is bound" lana vlink unhook west
refuses "to unhook what is no device" "'count' is no device" lana vlink unhook count
refuses "to unhook what is not there" "no block 'east'" lana vlink unhook east
refuses "to remove a device" "unhook" lana rm west
refuses "to add a device" "hook" lana add device2 device
refuses "to replace a device" "device" lana replace west counter
refuses "to set a device" "no options" lana set west slot=3
refuses "tc in another namespace" "with tc a stack cannot span both" \
	lana -n other vlink hook north tc
ok "the stack is sound" lana check
ok "the stack is taken down" lana flush

ok "west is hooked by tc" hook west tc
refuses "XDP in another namespace than tc" "with tc a stack cannot span both" \
	lana -n other vlink hook north xdp
ok "the stack is taken down" lana flush

# ---- two namespaces --------------------------------------------------------------------------------------

must ip -n left neighbor flush dev l0
ok "west is hooked in one namespace" hook west xdp
ok "north in another" lana -n other vlink hook north xdp
ok "north leads to west" lana bind west north ingress
ok "west to north" lana bind north west ingress
ok "their hosts reach each other" ping_from_left 10.0.0.3
is "$(lana -j show | jq -c '[.blocks[].device.netns]')" '["stack","other"]' \
	"show names the namespaces"
ok "the stack is taken down" lana flush
is "$(gro left l0) $(gro far f0)" "off off" "in both namespaces"

# ---- XDP at one device, another kind at the other -----------------------------------------------------------

# XDP sends to east, whose other end has to take what no socket buffer carries.
must ip -n left neighbor flush dev l0
neighbours
for kind in skb tc; do
	for first in west east; do
		how="east is hooked $kind, after west"
		[ $first = west ] || how="east is hooked $kind, before west"
		is "$(gro right r0)" off "$how: GRO is off at the other end"
		[ $first = east ] || ok "$how: west is hooked xdp" hook west xdp
		ok "$how: so it is" hook east $kind
		[ $first = west ] || ok "$how: west is hooked xdp" hook west xdp
		ok "$how: west leads to east" lana bind east west ingress
		ok "$how: and east to west" lana bind west east ingress
		ok "$how: packets pass" ping_from_left 10.0.0.2
		is "$(gro right r0)" on "$how: GRO was switched on"
		ok "$how: the stack is sound" lana check
		ok "$how: the stack is taken down" lana flush
		is "$(gro right r0) $(gro left l0)" "off off" "$how: GRO is off again"
	done
done

# ---- names ---------------------------------------------------------------------------------------------------

must ip -n stack link set dev east down
must ip -n stack link set dev east name eth0.100 up
neighbours
ok "a device with a dot in its name is hooked" hook eth0.100 xdp
ok "another by a name of its own" hook west xdp as uplink
is "$(lana -j show uplink | jq -r '.blocks[].device.name')" west "show says which device it is"
ok "they are bound by these names" lana bind uplink eth0.100 ingress
ok "both ways" lana bind eth0.100 uplink ingress
ok "packets pass" ping_from_left 10.0.0.2
refuses "the device's name where the block has its own" "no block 'west'" lana vlink unhook west
lana unbind uplink eth0.100 ingress
lana unbind eth0.100 uplink ingress
ok "one is unhooked" lana vlink unhook eth0.100
ok "the other too" lana vlink unhook uplink

ok "a namespace may be a path" lana -n /run/netns/stack vlink hook west
ok "as it may for unhook" lana -n /run/netns/stack vlink unhook west
ok "without a name it is that of the caller" topo_exec stack "$LANACTL" vlink hook west
is "$(lana -j show west | jq -r '.blocks[].device.hook')" xdp "XDP where the driver has it"
ok "lo is hooked" topo_exec stack "$LANACTL" vlink hook lo
is "$(lana -j show lo | jq -r '.blocks[].device.hook')" tc "and tc where it has not"
is "$(gro left l0)" on "GRO was switched on there"
ok "the stack is taken down from outside" lana flush
is "$(gro left l0)" off "with all that was switched"
is "$(attached stack west)" "" "and nothing stays attached"

# ---- a namespace goes ----------------------------------------------------------------------------------------

# Words that worked while it was there still do, but for those that need it.
passing()
{
	lana -n passing "$@"
}

topo_netns passing
ok "lo of another namespace is hooked" passing vlink hook lo
must lana add one counter
must lana add two counter
must ip netns del passing
is "$(passing -j show lo | jq '.blocks[].device.gone')" true "the namespace goes, and show says so"
ok "a block is removed" passing rm one
ok "the device is unhooked" passing vlink unhook lo
refuses "to hook one there" "no network namespace 'passing'" passing vlink hook lo
ok "the stack is taken down" passing flush
refuses "what it was" "no stack" passing show

done_testing
