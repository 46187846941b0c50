#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vlinks.sh - tagged virtual links: devices as any other, that cross a carrier untouched by them
#
#     left                                   right
#   +------------------------+             +------------------------+
#   |  v7   v9    l0 --------|-------------|-------- r0    v7   v9  |
#   +------------------------+             +------------------------+
#    10.0.7.1  .9.1  10.0.0.1               10.0.0.2  10.0.7.2  .9.2
#    stack "west"                           stack "east"
#
# Each vN of the left reaches that of the right with frames of type 0xac0N on the wire. With the
# word "few", all that is neither about load nor about numbers of links.
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
few=${1-}

topo_netns left
topo_netns right
must ip -n left link add l0 type veth peer name r0 netns right
must ip -n left link set l0 up
must ip -n right link set r0 up
must ip -n left address add 10.0.0.1/24 dev l0
must ip -n right address add 10.0.0.2/24 dev r0

west()
{
	lana -s west -n left "$@"
}

east()
{
	lana -s east -n right "$@"
}

# give NETNS DEV NUMBER HOST: up, with addresses of network NUMBER
give()
{
	must topo_exec "$1" sh -c "echo 0 >/proc/sys/net/ipv6/conf/$2/accept_dad"
	must ip -n "$1" link set "$2" up
	must ip -n "$1" address add "10.0.$3.$4/24" dev "$2"
	must ip -n "$1" address add "fd00:$3::$4/64" dev "$2" nodad
}

# reaches NETNS ADDRESS [OPTION...]
reaches()
{
	local netns=$1 address=$2

	shift 2
	topo_exec "$netns" ping -q -c 1 -W 5 "$@" "$address"
}

# silent NETNS ADDRESS [OPTION...]: no answer, and not because it cannot be sent
silent()
{
	local netns=$1 address=$2

	shift 2
	topo_exec "$netns" ping -q -c 1 -W 0.2 "$@" "$address" | grep -q '1 packets transmitted, 0 received'
}

# info [STACK] NAME FILTER: what a jq filter makes of a link
info()
{
	lana -s "$1" -j vlink show "$2" | jq -r ".vlinks[] | $3"
}

# wrong STACK SUBJECT: what check finds wrong with it
wrong()
{
	lana -s "$1" -j check | jq -r ".faults[]? | select(.subject == \"$2\").text"
}

# devices NETNS: names of all but those of the topology
devices()
{
	ip -n "$1" -j link show | jq -r '.[].ifname' | grep -vx -e lo -e l0 -e r0 | xargs
}

# programs NETNS DEV: how many stand at its ingress
programs()
{
	topo_exec "$1" bpftool net show dev "$2" 2>/dev/null | grep -cE 'tcx/ingress|clsact/ingress'
}

# ---- making ------------------------------------------------------------------------------------------

plain_left=$(ip -n left -d -j link show l0 | jq -c '.[0] | del(.stats64)')
ok "a link is made" west vlink add v7 l0 7
ok "and another" west vlink add v9 l0 9
ok "and their other ends, by hexadecimal IDs" east vlink add v7 r0 0x07
ok "both of them" east vlink add v9 r0 0x09
is "$(info west v7 '[.carrier, .id, .type, .mtu, .gone, .offloads] | @csv')" '"l0",7,44039,1498,false,true' \
	"it is shown"
is "$(west vlink show | awk 'NR > 1 { print $1, $2, $4, $5 }' | xargs)" 'v7 l0 7 0xac07 v9 l0 9 0xac09' \
	"in a table"
is "$(lana -s west -n right vlink add v7 r0 8 2>&1)" \
	"lanactl: there is a tagged link 'v7' in this stack already, 7 on 'l0' in left" \
	"a stack has a name once, in whatever network namespace"
is "$(ip -n left -j link show v7 | jq -r '.[].address')" "$(ip -n left -j link show l0 | jq -r '.[].address')" \
	"it has its carrier's hardware address"
is "$(ip -n left -d -j link show l0 | jq -c '.[0] | del(.stats64)')" "$plain_left" "which is as it was"
for n in 7 9; do
	give left v$n $n 1
	give right v$n $n 2
done

# ---- traffic -----------------------------------------------------------------------------------------

ok "IPv4, and so ARP" reaches left 10.0.7.2
like "$(ip -n left neigh show dev v7 10.0.7.2)" 'REACHABLE|DELAY|STALE' "the neighbour is known"
ok "IPv6, and so neighbour discovery" reaches right fd00:7::1
ok "multicast" reaches left ff02::1%v9
ok "the other link" reaches right 10.0.9.1
ok "what the carrier carries besides" reaches left 10.0.0.2
ok "frames of the full MTU" reaches left 10.0.7.2 -M 'do' -s 1470
is "$(topo_exec left ping -c 1 -W 1 -M 'do' -s 1471 10.0.7.2 2>&1 | grep -c 'message too long')" 1 \
	"and no larger ones"
ok "larger packets, in fragments" reaches left 10.0.7.2 -s 4000
is "$(info west v7 .lost)" 0 "nothing was lost"

# capture NETNS DEV FILTER: of two frames, their link headers and what comes after
capture()
{
	background nsenter --net="/run/netns/$1" timeout 60 tcpdump -c 2 -U -s 64 -i "$2" -w "$LANA_SCRATCH/pcap" \
		"$3" 2>"$LANA_SCRATCH/tcpdump"
	wait_for grep -q 'listening' "$LANA_SCRATCH/tcpdump"
	reaches left 10.0.7.2 >/dev/null
	wait $!
	tcpdump -xx -r "$LANA_SCRATCH/pcap" 2>/dev/null | sed -n 's/^\t0x0000:  //p'
}

if command -v tcpdump >/dev/null; then
	frames=$(capture left l0 'ether proto 0xac07')
	is "$(wc -l <<<"$frames")" 2 "tcpdump sees request and reply on the carrier"
	like "$frames" '^([0-9a-f]{4} ){6}ac07 0800' "with the tag in front of their type"
	frames=$(capture left v7 icmp)
	is "$(wc -l <<<"$frames")" 2 "and both on the link"
	like "$frames" '^([0-9a-f]{4} ){6}0800 4500' "without it"
else
	skip "no tcpdump"
fi

if ip -n left link add link v7 name v7.5 type vlan id 5 2>/dev/null; then
	must ip -n right link add link v7 name v7.5 type vlan id 5
	give left v7.5 75 1
	give right v7.5 75 2
	ok "a VLAN device on a link" reaches left 10.0.75.2
	must ip -n left link del v7.5
	must ip -n right link del v7.5
else
	skip "the kernel has no VLAN devices (test_vlinks sends tagged frames)"
fi

# transfer ADDRESS PORT OPTION...: 10 MiB by iperf3; what the receiver has got
transfer()
{
	local address=$1 port=$2

	shift 2
	background nsenter --net=/run/netns/right timeout 60 iperf3 -s -1 -p "$port" >/dev/null 2>&1
	wait_for eval "topo_exec right ss -Hltn 'sport = :$port' | grep -q ."
	topo_exec left timeout 60 iperf3 -J -c "$address" -p "$port" -n 10M "$@" | jq '.end | (.sum_received // .sum).bytes'
}

if [ "$few" ] || ! command -v iperf3 >/dev/null; then
	skip "no iperf3, or not wanted"
else
	transfer 10.0.0.2 5300 >"$LANA_SCRATCH/beside" &
	beside=$!
	like "$(transfer 10.0.7.2 5301)" '^[0-9]{7,}$' "TCP through a link"
	wait "$beside"
	like "$(cat "$LANA_SCRATCH/beside")" '^[0-9]{7,}$' "and untagged beside it"
	like "$(transfer fd00:9::2 5302 -R)" '^[0-9]{7,}$' "TCP on IPv6, the other way"
	like "$(transfer 10.0.7.2 5303 -u -b 500M)" '^[0-9]{6,}$' "UDP"
	must topo_exec left ethtool -K l0 tx off >/dev/null
	like "$(transfer 10.0.7.2 5304)" '^[0-9]{7,}$' "TCP, when the carrier finishes checksums and segments"
	must topo_exec left ethtool -K l0 tx on tso on >/dev/null
fi

# ---- stacks on links, and on their carrier ------------------------------------------------------------

# counted BLOCK: packets
counted()
{
	lana -s west -j stats "$1" | jq '[.stats[].counters.packets] | add'
}

for hook in xdp tc; do
	must west vlink hook v7 $hook
	must west add c counter
	must west add up pass
	must west bind up c ingress
	must west bind c v7 ingress
	ok "a stack on a link, at $hook" reaches right 10.0.7.1
	like "$(counted c)" '^[1-9]' "counts what it receives"
	refused "a hooked link is not removed" west vlink rm v7
	must west unbind c v7 ingress
	must west unbind up c ingress
	must west vlink unhook v7
	must west rm c
	must west rm up
done

refused "generic XDP on a link, as it would see nothing" west vlink hook v7 skb

# Tagged frames alone are counted: what the carrier's own kernel says comes when it likes.
must west vlink hook l0 tc
must west add up pass
must west add tagged filter expr='ether proto 0xac07'
must west add c counter
must west bind up c ingress
must west bind c tagged port match ingress
must west bind up tagged port other ingress
must west bind tagged l0 ingress
ok "a stack on the carrier, at tc" reaches left 10.0.0.2
ok "is passed by" reaches left 10.0.7.2
is "$(counted c)" 0 "by what comes for a link"
must west unbind tagged l0 ingress
must west vlink unhook l0
must west vlink hook l0 xdp
must west bind tagged l0 ingress
ok "a stack on the carrier, at XDP" reaches left 10.0.7.2
[ "$(counted c)" -gt 0 ]
tap_result $? "has the tagged frames first"
must west unbind tagged l0 ingress
must west vlink unhook l0
must west unbind up tagged port other ingress
must west unbind c tagged port match ingress
must west rm tagged
must west unbind up c ingress
must west rm c
must west rm up

ok "links carry links" west vlink add inner v7 1
ok "at both sides" east vlink add inner v7 1
give left inner 71 1
give right inner 71 2
ok "which carry packets" reaches left 10.0.71.2 -M 'do' -s 1468
is "$(info west inner .mtu)" 1496 "of two bytes less"
refused "a link that carries another is not removed" west vlink rm v7
ok "the inner one goes first" west vlink rm inner
must east vlink rm inner

# ---- another stack, another namespace -----------------------------------------------------------------

ok "another stack has links on the same carrier" lana -s third -n left vlink add x l0 3
refused "but not of the same ID" lana -s third -n left vlink add y l0 7
ok "and neither is in the way of the other" reaches left 10.0.9.2
ok "which goes again" lana -s third flush
ok "and leaves the others alone" reaches left 10.0.9.2

topo_netns away
must ip -n left link set v9 netns away name other
give away other 9 1
ok "a link is moved and renamed" reaches away 10.0.9.2
is "$(info west v9 '[.device, .moved, .gone] | @csv')" '"other",true,false' "which is shown"
is "$(wrong west v9)" '' "and is no fault"
ok "it is removed by the name that it had" west vlink rm v9
is "$(devices away)" '' "wherever it is"

# ---- other carriers -----------------------------------------------------------------------------------

must ip -n left link add b0 type bridge
must ip -n left link set b0 up
ok "a carrier that is no veth" west vlink add vb b0 0
is "$(info west vb '[.offloads, .note] | @csv')" \
	'false,"tx off: a card cannot finish tagged frames; its carrier receives all multicast"' \
	"gets frames that are finished, and all multicast"
is "$(topo_exec left ethtool -k vb | grep -c -e '^tx-checksumming: off' -e 'tx-tcp-segmentation: off')" 2 \
	"as ethtool says"
like "$(ip -n left link show b0)" ALLMULTI "and ip"
ok "it is removed" west vlink rm vb
like "$(ip -n left link show b0)" '<BROADCAST,MULTICAST,UP' "and the carrier is as before"
must ip -n left link set b0 mtu 69
refused "a carrier of too small an MTU" west vlink add vb b0 0
must ip -n left link del b0

# ---- what becomes of others' doings --------------------------------------------------------------------

must ip -n left link set l0 mtu 1400
like "$(wrong west v7)" 'MTU is 1498, and frames of more than 1398 are lost' "a carrier whose MTU has become too small"
ok "loses large frames" silent left 10.0.7.2 -M 'do' -s 1470
must ip -n left link set l0 mtu 1500
is "$(wrong west v7)" '' "until it is large enough again"

must ip -n left link set l0 down
is "$(info west v7 .state)" "carrier down" "a carrier that is down"
like "$(wrong west v7)" "its carrier is down" "which check finds"
must ip -n left link set l0 up
wait_for eval "[ \"\$(info west v7 .state)\" = up ]"

must ip -n left link del v7
like "$(wrong west v7)" 'its device has gone' "a device that was deleted"
is "$(info west v7 .state)" gone "is shown as gone"
ok "the same command makes it again" west vlink add v7 l0 7
give left v7 7 1
ok "and it works" reaches left 10.0.7.2
must ip -n left link del v7
ok "or it is removed" west vlink rm v7
is "$(devices left)" '' "wholly"
is "$(programs left l0)" 0 "and the carrier is left alone"

ok "a link that loses its carrier" west vlink add v7 l0 7
must ip -n left link del l0
like "$(wrong west v7)" 'its carrier has gone' "which check finds"
must ip -n left link add l0 type veth peer name r0 netns right
must ip -n left link set l0 up
must ip -n right link set r0 up
ok "is made again with it" west vlink add v7 l0 7
is "$(wrong west v7)" '' "and sound"
like "$(wrong east v7)" 'its carrier has gone' "the other side's is not"
ok "it is removed" east vlink rm v7
ok "and the other one, by a flush" east flush
is "$(devices right)" '' "wholly"

# ---- refusals -------------------------------------------------------------------------------------------

state=$(west export; ip -n left link)
refused "an ID that is in use" west vlink add v8 l0 7
refused "a name that is in use" west vlink add v7 l0 8
refused "a name of another device" west vlink add l0 l0 8
refused "an ID beyond 255" west vlink add v8 l0 256
refused "a name that is too long" west vlink add sixteen-letters- l0 8
refused "a name that is none" west vlink add 'a/b' l0 8
refused "a carrier that is not there" west vlink add v8 nothing 8
refused "a carrier that is no Ethernet" west vlink add v8 lo 8
refused "a namespace that is not there" lana -s west -n nowhere vlink add v8 l0 8
refused "removing what is none" west vlink rm l0
for id in x 0x -1 '' 1x 0x1g 4294967303; do
	west vlink add v8 l0 "$id" >/dev/null 2>&1
	is $? 2 "'$id' is no ID"
done
refused "showing what is none" west vlink show v8
is "$(west export; ip -n left link)" "$state" "nothing has changed"
lana -s fresh -n left vlink add v8 nothing 8 2>/dev/null
[ ! -e "$LANA_BPFFS/lana/fresh" ]
tap_result $? "a first command that was refused leaves no stack"

# ---- stack files ----------------------------------------------------------------------------------------

west flush
cat >"$LANA_SCRATCH/file" <<'YAML'
vlinks:
  inner: { carrier: v7, id: 0 }
  v7: { carrier: l0, id: 0x07, netns: left }
hooks:
  v7: { hook: tc }
blocks:
  c: counter
bind:
  - v7 -> c
YAML
plan='vlink add inner v7 0
-n left vlink add v7 l0 7
vlink hook v7 tc
add c counter
bind c v7 ingress'
is "$(west apply "$LANA_SCRATCH/file" dry-run 2>&1 | sort)" "$(sort <<<"$plan")" "a dry run says what would be done"
is "$(devices left)" '' "and does nothing"
background "$LANACTL" -s west monitor >"$LANA_SCRATCH/monitor" 2>&1
ok "a file makes links and hooks them" west apply "$LANA_SCRATCH/file"
is "$(west diff "$LANA_SCRATCH/file")" '' "then there is nothing to do"
west export >"$LANA_SCRATCH/exported"
is "$(west diff "$LANA_SCRATCH/exported")" '' "nor for what is exported"
sed 's/id: 0x07/id: 8/' "$LANA_SCRATCH/file" >"$LANA_SCRATCH/changed"
refused "an ID is not changed by a file" west apply "$LANA_SCRATCH/changed"
ok "what a file does not name goes" west apply - <<<'blocks:'
is "$(devices left)" '' "links too"
ok "they are made again" west apply "$LANA_SCRATCH/file"
like "$(wrong west inner)" 'its carrier is down' "and one is carried by another, which is down as yet"
must ip -n left link set v7 up
ok "the stack is sound" wait_for west check
must west flush
sed 's/^blocks:/  nothing:\n&/' "$LANA_SCRATCH/file" >"$LANA_SCRATCH/refused"
refused "a file that is refused at its end" west apply "$LANA_SCRATCH/refused"
is "$(devices left)" '' "leaves no link"
for line in 'v7: { carrier: l0 }' 'v7: { id: 7 }' 'v7: { carrier: l0, id: 256 }' 'v7: { carrier: l0, id: x }' \
	'v7: { carrier: l0, id: 7, mtu: 9 }' 'v7: 7' 'v7: { carrier: l0, id: -7 }' 'v7: { carrier: v7, id: 7 }'; do
	refused "a file with '$line'" west apply - <<<"vlinks: { $line }"
done

ok "a link" west vlink add v7 l0 7
background "$LANACTL" -s west monitor count 4 >"$LANA_SCRATCH/monitor" 2>&1
monitor=$!
told()
{
	west vlink add probe l0 99 && west vlink rm probe && ! kill -0 "$monitor" 2>/dev/null
}
ok "a monitor tells" wait_for told
like "$(cat "$LANA_SCRATCH/monitor")" 'vlink add probe l0 99' "of links that are made"
like "$(cat "$LANA_SCRATCH/monitor")" 'vlink rm probe' "and removed"
must west flush

# ---- many ---------------------------------------------------------------------------------------------

if [ -z "$few" ]; then
	{
		echo 'vlinks:'
		for id in {0..255}; do
			echo "  v$id: { carrier: l0, id: $id }"
		done
	} >"$LANA_SCRATCH/many"
	ok "256 links on a carrier" west apply "$LANA_SCRATCH/many"
	ok "two on its other end" east apply - <<<'vlinks: { v0: { carrier: r0, id: 0 }, v255: { carrier: r0, id: 255 } }'
	refused "one more" west vlink add more l0 256
	refused "in place of another" west vlink add more l0 255
	for n in 0 255; do
		give left v$n $n 1
		give right v$n $n 2
		ok "link $n" reaches left 10.0.$n.2
	done
	ok "all are sound" west check
	ok "all go" west flush
	is "$(devices left)" '' "wholly"
fi
is "$(programs left l0)" 0 "the carrier is left alone"
done_testing
