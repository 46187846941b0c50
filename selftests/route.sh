#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# route.sh - the devices that "route" and "transmit" send by: hooked or not, gone and back, others of
# the same number elsewhere
#
#     left            rtr                 right
#   +------+      +-------------+       +------+
#   |  l0 -|------|- west east -|-------|- r0  |      none of the stack's: rtr's device other
#   +------+      +-------------+       +------+
#   10.0.0.1    10.0.0.9   10.0.1.9     10.0.1.1
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"

topo_netns left
topo_netns rtr
topo_netns right
topo_veth left l0 rtr west 10.0.0.1/24 10.0.0.9/24
must ip -n left route add default via 10.0.0.9

# link NETNS DEV FIELD, as ip -j link names it
link()
{
	ip -n "$1" -j link show dev "$2" | jq -r ".[0].$3"
}

# east_and_right: the right half of the topology, made anew
east_and_right()
{
	topo_veth rtr east right r0 10.0.1.9/24 10.0.1.1/24
	must ip -n right route add default via 10.0.1.9
}

ping_right()
{
	topo_exec left ping -q -c 2 -i 0.1 -W 2 10.0.1.1
}

no_answer()
{
	! topo_exec left ping -q -c 2 -i 0.1 -W 0.3 10.0.1.1
}

east_and_right
topo_exec rtr sysctl -qw net.ipv4.ip_forward=1
router_mac=$(link rtr west address)

# ---- the kernel's tables -------------------------------------------------------------------------

cat >"$LANA_SCRATCH/kernel.yaml" <<END
hooks:
  west: { hook: xdp }
blocks:
  r: { type: route, mode: kernel }
  out: transmit
  kernel: pass
  up: counter
bind:
  - west -> r -> out
  - r[local] -> kernel
  - r[up] -> up -> kernel
END
ok "a router is made, with east not hooked" lana -n rtr apply "$LANA_SCRATCH/kernel.yaml"
ok "the kernel sends by it" ping_right
like "$(packets up)" '^[2-9]$' "all packets for it went up"
ok "east is hooked" lana -n rtr vlink hook east xdp
ok "and led to the router" lana bind r east ingress
before=$(packets up)
ok "lana sends by it" ping_right
is "$(packets up)" "$before" "nothing goes up any more"
ok "east is unbound" lana unbind r east ingress
ok "and unhooked" lana vlink unhook east
ok "the kernel sends by it again" ping_right
like "$(($(packets up) - before))" '^[2-9]$' "as all goes up again"

# A device of the same number in another namespace, in the same stack.
number=$(link rtr east ifindex)
topo_netns far
topo_netns farther
must ip -n far link add twin index "$number" type veth peer name t0 netns farther
must ip -n far link set twin up
ok "east is hooked" lana -n rtr vlink hook east xdp
ok "and led to the router" lana bind r east ingress
before=$(packets up)
ok "lana sends by it" ping_right
is "$(packets up)" "$before" "itself"
ok "a device of the same number is hooked elsewhere" lana -n far vlink hook twin xdp
ok "packets arrive" ping_right
like "$(($(packets up) - before))" '^[2-9]$' "by way of the kernel, as it is not clear which one is meant"
ok "it is unhooked" lana vlink unhook twin
before=$(packets up)
ok "lana sends by east" ping_right
is "$(packets up)" "$before" "itself again"
ok "the stack is sound" lana check
ok "and taken down" lana flush

# ---- its own -------------------------------------------------------------------------------------

# table MAC: of right
table()
{
	cat >"$LANA_SCRATCH/routes" <<-END
		hop 1 dev=west mac=$(link left l0 address)
		hop 2 dev=east mac=$1
		ipv4 10.0.0.0/24 hop=1
		ipv4 10.0.1.0/24 hop=2
	END
}

cat >"$LANA_SCRATCH/table.yaml" <<END
hooks:
  west: { hook: xdp }
  east: { hook: xdp }
blocks:
  r: { type: route, table: $LANA_SCRATCH/routes }
  out: transmit
  arp1: { type: arp, address: 10.0.0.9 }
  arp2: { type: arp, address: 10.0.1.9 }
bind:
  - west -> arp1
  - east -> arp2
  - arp1[other] -> r
  - arp2[other] -> r
  - r -> out
  - out <- arp1
  - out <- arp2
END
# apply, and what it would do
apply()
{
	lana -n rtr apply "$LANA_SCRATCH/table.yaml"
}

plan()
{
	lana -n rtr diff "$LANA_SCRATCH/table.yaml"
}

exports_table()
{
	lana export | grep -q "table: $LANA_SCRATCH/routes"
}

must ip -n rtr address flush dev west
must ip -n rtr address flush dev east
refused "without tables the file is refused" apply
table 02:00:00:00:00:03
must ip -n right link set r0 address 02:00:00:00:00:03
ok "a router with a table of its own" apply
ok "whose kernel has no address takes packets there and back" ping_right
is "$(topo_exec left ip neighbour show 10.0.0.9 | awk '{ print $5 }')" "$router_mac" \
	"its ARP block has answered"

must ip -n rtr link delete east
ok "east is gone, and packets too" no_answer
like "$(stats '[.stats[].drops.no_device] | add' out)" '^[1-9]' "which are counted"
east_and_right
must ip -n right link set r0 address 02:00:00:00:00:03
must ip -n rtr address flush dev east
ok "it is back and hooked again" lana -n rtr vlink hook east xdp
ok "the table leads to it as before" ping_right

table 02:00:00:00:00:04
like "$(plan)" 'set r table=' "a file that was changed is a change"
ok "which is applied" apply
ok "packets go to another" no_answer
is "$(plan)" "" "the same file again is none"
ok "an export names it" exports_table
ok "the stack is sound" lana check
ok "and taken down" lana flush

done_testing
