#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# hooks_clsact.sh - what tc does it does as well on a kernel without tcx, and touches nobody else
#
#     first              second
#   +-------+          +-------+
#   |  dev0 |- - - - - |  dev0 |	the same number in another network namespace
#   +-------+          +-------+
#
# A preloaded library refuses links to tcx, so programs are attached by filters of a clsact qdisc.
# Other tests then run again like this, indented.
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v gcc >/dev/null || skip_all "no gcc"

folder=$LANA_TOP/selftests
must gcc -Wall -Wextra -Werror -shared -fPIC -o "$LANA_SCRATCH/notcx.so" "$folder/preload/notcx.c"

topo_netns home
topo_netns stack
topo_veth home h0 stack west 10.0.0.1/24 10.0.0.9/24

# The path holds in the mount namespaces of other tests, too.
export LD_PRELOAD=/proc/$$/root$LANA_SCRATCH/notcx.so

# tc_state NETNS DEV: qdiscs and filters
tc_state()
{
	topo_exec "$1" tc qdisc show dev "$2"
	topo_exec "$1" tc filter show dev "$2" ingress
	topo_exec "$1" tc filter show dev "$2" egress
}

# foreign NETNS DEV PREF: filters that match nothing, of handle 1; lana's own have that and 27745
foreign()
{
	local path

	topo_exec "$1" tc qdisc add dev "$2" clsact 2>/dev/null
	for path in ingress egress; do
		must topo_exec "$1" tc filter add dev "$2" $path protocol all pref "$3" \
			handle 1 bpf bytecode '1,6 0 0 0'
	done
}

ping_west()
{
	topo_exec home ping -q -c 1 -W 5 10.0.0.9
}

# ---- hook and unhook -------------------------------------------------------------------------------

plain=$(tc_state stack west)
ok "west is hooked" lana -n stack vlink hook west tc
is "$(lana -j show west | jq -r '.blocks[].device.note')" "attached by clsact filters" "by filters"
is "$(attached stack west | wc -l)" 2 "which are there"
is "$(links)" "" "and not by links"
lana add kernel pass
ok "a block is bound" lana bind kernel west ingress
ok "and packets pass" ping_west
is "$(lana -j show west | jq '.blocks[].device.gone')" false "show knows that the device is there"
ok "the stack is sound" lana check

# Filters are not held by a pin: anybody can remove them.
must topo_exec stack tc filter del dev west ingress
is "$(lana -j show west | jq '.blocks[].device.gone')" true "a filter goes, and show says so"
like "$(lana check 2>&1)" "^west: .*hook it again, or unhook it$" "as does check"
ok "west is hooked again" lana -n stack vlink hook west tc
ok "and packets pass" ping_west
ok "the stack is taken down" lana flush
is "$(tc_state stack west)" "$plain" "nothing is left"

# ---- others on the same device -----------------------------------------------------------------------

foreign stack west 9
state=$(tc_state stack west)
ok "west is hooked beside foreign filters" lana -n stack vlink hook west tc
ok "and unhooked" lana vlink unhook west
is "$(tc_state stack west)" "$state" "they stay"
topo_exec stack tc qdisc del dev west clsact

ok "west is hooked before foreign filters" lana -n stack vlink hook west tc
foreign stack west 9
ok "and unhooked" lana vlink unhook west
is "$(tc_state stack west)" "$state" "they stay, and the qdisc for their sake"
topo_exec stack tc qdisc del dev west clsact

foreign stack west 27745
state=$(tc_state stack west)
refused "a device where lana's place is taken" lana -n stack vlink hook west tc
is "$(tc_state stack west)" "$state" "the other's filters stay"
topo_exec stack tc qdisc del dev west clsact

ok "west is hooked to one stack" lana -n stack vlink hook west tc
state=$(tc_state stack west)
refused "to another at the same time" lana -s other -n stack vlink hook west tc
is "$(tc_state stack west)" "$state" "the one's filters stay"

index=$(ip -n stack -j link show dev west | jq '.[].ifindex')
must ip -n stack link delete dev west
must ip -n stack link add name west index "$index" type veth peer name h0 netns home
must ip -n stack link set dev west up
ok "the device is another of the same number, and hooked to the other stack" \
	lana -s other -n stack vlink hook west tc
state=$(tc_state stack west)
is "$(lana -j show west | jq '.blocks[].device.gone')" true "its filters are not the one's"
ok "which is unhooked" lana -n stack vlink unhook west
is "$(tc_state stack west)" "$state" "the other's filters stay"
ok "the other stack is sound" lana -s other check
ok "and taken down" lana -s other flush

# ---- the same number in another network namespace --------------------------------------------------------

# stranded NETNS COMMAND...: hook dev0 in a namespace that goes, and run lanactl in another that
# has a device of the same name and number, and filters where lana would have its own. The peer of
# dev0 shows when a namespace has gone; the next one may get its inode number.
stranded()
{
	local netns=$1 what="$2${3+ $3} in '$1'" index state

	shift
	topo_netns first
	must ip -n first link add dev0 type veth peer name stranded netns home
	ok "$what: dev0 is hooked in 'first'" lana -n first vlink hook dev0 tc
	index=$(ip -n first -j link show dev dev0 | jq '.[].ifindex')
	must ip netns delete first
	wait_for eval '! ip -n home link show dev stranded' || bail "namespace 'first' stays"

	topo_netns "$netns"
	must ip -n "$netns" link add name dev0 index "$index" type veth peer name stranded netns home
	foreign "$netns" dev0 27745
	state=$(tc_state "$netns" dev0)
	is "$(topo_exec "$netns" "$LANACTL" -j show dev0 | jq '.blocks[].device.gone')" true \
		"$what: the device is gone"
	ok "$what: runs" topo_exec "$netns" "$LANACTL" "$@"
	is "$(tc_state "$netns" dev0)" "$state" "$what: the other device is left alone"
	lana flush 2>/dev/null
	must ip netns delete "$netns"
	wait_for eval '! ip -n home link show dev stranded' || bail "namespace '$netns' stays"
}

for netns in first second; do
	stranded $netns vlink unhook dev0
	stranded $netns flush
done

# ---- other tests, again --------------------------------------------------------------------------------

# again COMMAND...: its results are indented, and count as one
again()
{
	"$@" 2>&1 | sed 's/^/    /'
	tap_result "${PIPESTATUS[0]}" "without tcx: $(basename "$1") ${*:2}"
}

again "$folder/hooks_tc.sh"
again "$folder/vlinks.sh" few
again "$folder/hooks.sh" tc
again "$folder/hooks_devices.sh" tc
again "$LANA_BUILD/selftests/test_blocks"
again "$LANA_BUILD/selftests/test_state"

done_testing
