#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# topo.sh - a network of namespaces as its file describes it
#
#	a -- r1 -- r2 -- b         a, b and c are hosts, r1 and r2 forward
#	     |      |
#	   ==+==lan=+====          an Ethernet segment, with c on it
#	        c
# shellcheck disable=SC2016,SC2317 # functions are called by ok; what is quoted is for other shells
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/topo_lib.sh
. "$LANA_TOP/selftests/topo_lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"

file=$LANA_SCRATCH/lab.yaml
cat >"$file" <<'END'
routing: shortest
nodes:
  a:
    addresses: [192.0.2.1/32]
    sysctls: { net.ipv4.ip_default_ttl: 99 }
    interfaces: { eth0: { mac: "02:00:00:00:00:aa", mtu: 1400 } }
  r1: { forwarding: true }
  r2: { forwarding: true }
  b:
    mounts: { /etc/hosts: hosts.b }
  c:
links:
  - a -- r1
  - { ends: [r1, r2], mtu: 1400 }
  - { ends: [r2, "b:up"], name: last }
  - { name: lan, ends: [r1, r2, c] }
END
echo '10.9.9.9 only.b' >"$LANA_SCRATCH/hosts.b"
before=$(traces)

ok "the file is right" topo validate "$file"
is "$(topo plan "$file" | grep -c .)" "$(lana -j topo plan "$file" | jq '.steps | length')" \
	"a plan has as many steps in text and in JSON"
is "$(traces)" "$before" "neither makes anything"
ok "the network comes up" topo up "$file"

# ---- what is there -----------------------------------------------------------------------------

is "$(ip netns list | grep -c '^lab\.')" 5 "each node has a name for ip-netns"
is "$(topo show)" lab "the network is listed"
is "$(topo_show lab '[.links[] | select(.up)] | length')" 4 "all links are up at once"
is "$(topo_show lab '[.interfaces[] | select(.state != "up")] | length')" 0 "so are all interfaces"
is "$(ip netns exec lab.a cat /sys/class/net/eth0/operstate)" up "the kernel says so too"
is "$(topo_show lab '.interfaces[] | select(.node == "a") | "\(.mac) \(.mtu) \(.addresses | join(" "))"')" \
	"02:00:00:00:00:aa 1400 10.0.0.1/24 fd00::1/64" "what the file says of an interface holds"
is "$(topo_show lab '.interfaces[] | select(.node == "b") | .interface')" up "so does its name"
is "$(in_node lab a sysctl -n net.ipv4.ip_default_ttl)" 99 "a sysctl is set"
is "$(in_node lab b cat /etc/hosts)" "10.9.9.9 only.b" "a mount is seen in the node"
is "$(grep -c only.b /etc/hosts)" 0 "and nowhere else"
is "$(in_node lab a ip -6 address show tentative)" "" "no address waits to be checked"

drawn=$(topo dot lab)
is "$(grep -c ' \[shape=' <<<"$drawn")" 6 "a picture has all nodes, and the segment"
is "$(grep -c ' -- ' <<<"$drawn")" 6 "and all links and ends of the segment"
like "$drawn" '"a" -- "r1" \[label="a-r1", taillabel="eth0.10\.0\.0\.1/24", headlabel=' \
	"with names and addresses"
is "$(grep -c dashed <<<"$drawn")" 0 "nothing in it is down"

# ---- traffic -----------------------------------------------------------------------------------

ok "a reaches b by IPv4" reaches lab a 10.0.2.2
ok "a reaches b by IPv6" reaches lab a fd00:0:0:2::2
ok "c reaches a's address of lo, over the segment" reaches lab c 192.0.2.1
hops=$(in_node lab a traceroute -n -q 1 10.0.2.2 | awk 'NR > 1 { print $2 }' | xargs)
is "$hops" "10.0.0.2 10.0.1.2 10.0.2.2" "traceroute shows the hops"
in_node lab a sh -c 'exit 7'
is $? 7 "exec ends with the status of the program"
is "$(in_node lab a ping -c 1 -q 10.0.0.2 | grep -c '1 received')" 1 "options are the program's"
refused "a program that is not there is refused" in_node lab a no-such-program
is "$(SHELL=/bin/sh topo shell lab b <<<'echo $LANA_NODE; cat /etc/hosts' | xargs)" \
	"b 10.9.9.9 only.b" "a shell in a node"

# ---- links go down and up ----------------------------------------------------------------------

carriers()
{
	topo_show lab "[.interfaces[] | select(.link == \"$1\") | .state] | join(\" \")"
}

ok "a segment goes down" topo link lab lan down
is "$(carriers lan)" "no-carrier no-carrier no-carrier" "its ends are on and have no carrier"
is "$(topo dot lab | grep -c dashed)" 3 "and are drawn so"
ok "and comes up" topo link lab lan up
is "$(carriers lan)" "up up up" "they have one again"
wait_for reaches lab c 192.0.2.1
ok "c reaches a again" reaches lab c 192.0.2.1
ok "a veth goes down" topo link lab a-r1 down
is "$(carriers a-r1)" "off off" "neither end has a carrier"
refused "a does not reach r1" sh -c "$LANACTL topo exec lab a ping -n -c 1 -W 1 10.0.0.2 >/dev/null 2>&1 ||
	{ echo unreachable >&2; exit 1; }"
ok "and comes up" topo link lab a-r1 up
wait_for reaches lab a 10.0.2.2
ok "routes by it are there again" reaches lab a 10.0.2.2
ok "and of IPv6, with its addresses" reaches lab a fd00:0:0:2::2
ok "a link is cut one way" topo link lab a-r1 down from a
is "$(carriers a-r1)" "cut up" "no end sees that by its carrier"
heard()
{
	in_node lab a cat /proc/net/snmp | awk '/^Icmp: [0-9]/ { print $2 }'
}
counted=$(heard)
background "$LANACTL" topo exec lab r1 ping -q -n -c 1 -W 1 10.0.0.1 >/dev/null
wait "${lib_jobs[-1]}"
[ "$(heard)" -gt "$counted" ]
tap_result $? "what the other end sends arrives"
ok "and whole again" topo link lab a-r1 up
is "$(carriers a-r1)" "up up" "as before"
refused "a link that is not there is refused" topo link lab x-y down
refused "so is a node that is none of the link's" topo link lab a-r1 down from b

# ---- capture -----------------------------------------------------------------------------------

background "$LANACTL" topo capture lab r1-r2 icmp count 4 "$LANA_SCRATCH/r.pcapng"
wait_for test -s "$LANA_SCRATCH/r.pcapng"
in_node lab a ping -n -c 2 -i 0.1 10.0.2.2 >/dev/null
wait "${lib_jobs[-1]}"
is "$(tcpdump -n -r "$LANA_SCRATCH/r.pcapng" 2>/dev/null | grep -c 'ICMP echo')" 4 \
	"a capture of a link has both directions"
background "$LANACTL" topo capture lab r1-r2 'udp port 9' "$LANA_SCRATCH/none.pcapng" >"$LANA_SCRATCH/none"
wait_for test -s "$LANA_SCRATCH/none.pcapng"
kill -INT "${lib_jobs[-1]}"
ok "a signal ends one that nothing comes to" wait_for grep -q '^0 packets captured' "$LANA_SCRATCH/none"
refused "a place that is not there is refused" topo capture lab z:eth0 "$LANA_SCRATCH/z.pcapng"

# ---- completion --------------------------------------------------------------------------------

complete()
{
	lana help complete "$@" | xargs
}
is "$(complete topo down '')" lab "networks are offered"
is "$(complete topo shell lab r)" "r1 r2" "so are nodes"
is "$(complete topo link lab l)" "last lan" "links"
is "$(complete topo capture lab b:)" "b:up" "and interfaces"

# ---- side by side ------------------------------------------------------------------------------

refused "a network that is there is refused" topo up "$file"
ok "the same file makes another network under another name" topo up "$file" as lab2
ok "a reaches b there" reaches lab2 a 10.0.2.2
in_node lab2 b ip address add 10.0.2.77/24 dev up
ok "there is an address in the one" reaches lab2 a 10.0.2.77
refused "that is not in the other" sh -c "$LANACTL topo exec lab a ping -n -c 1 -W 1 10.0.2.77 >/dev/null ||
	{ echo unreachable >&2; exit 1; }"
ok "one goes" topo down lab
ok "the other stays" reaches lab2 a 10.0.2.2
ok "so does the other" topo down lab2
is "$(traces)" "$before" "nothing is left of either"
refused "there is nothing to take down" topo down lab

# ---- real devices, and tags ----------------------------------------------------------------------

topo_netns outside
must ip -n outside link add d0 type veth peer name d1
must ip -n outside address add 192.0.2.2/24 dev d1
must ip -n outside link set d1 up
cat >"$LANA_SCRATCH/real.yaml" <<'END'
nodes:
  n: { interfaces: { world: { device: d0, netns: outside, addresses: [192.0.2.1/24] } } }
END
ok "a real device is joined" topo up "$LANA_SCRATCH/real.yaml"
ok "the node reaches what is at it" reaches real n 192.0.2.2
is "$(topo_show real '.interfaces[] | "\(.interface) \(.device)"')" "world d0" "which is shown"
ok "it goes" topo down real
is "$(ip -n outside -o link show d0 | grep -c UP)" 0 "the device is back, and off, as it was"
must ip -n outside link set d0 up
ok "once more" topo up "$LANA_SCRATCH/real.yaml"
ok "and back" topo down real
is "$(ip -n outside -o link show d0 | grep -c 'LOWER_UP')" 1 "it is on, as it was"
sed -i 's/device: d0/device: d9/' "$LANA_SCRATCH/real.yaml"
like "$(topo up "$LANA_SCRATCH/real.yaml" 2>&1)" "real.yaml:2:22: .*no device 'd9' in 'outside'" \
	"a device that is not there is refused, where the file has it"
ip netns del outside

cat >"$LANA_SCRATCH/tags.yaml" <<'END'
nodes:
  a: { interfaces: { eth0: { vlans: { 7: { addresses: [10.7.0.1/24] } } } } }
  b: { interfaces: { eth0: { vlans: { 7: { addresses: [10.7.0.2/24] } } } } }
links: [ a -- b ]
END
if topo up "$LANA_SCRATCH/tags.yaml" >"$LANA_SCRATCH/tags.log" 2>&1; then
	ok "tagged interfaces reach each other" reaches tags a 10.7.0.2
	topo down tags
else
	like "$(cat "$LANA_SCRATCH/tags.log")" "tags.yaml:2:39: cannot add tagged interface a:eth0.7: .*Unknown device type" \
		"a kernel without VLAN devices is told where the file asks for them"
fi
is "$(traces)" "$before" "nothing is left"

# ---- at once ---------------------------------------------------------------------------------------

topo generate line 30 >"$LANA_SCRATCH/line.yaml"
late=0
for _ in 1 2 3 4 5; do
	topo up "$LANA_SCRATCH/line.yaml" >/dev/null || bail "no line"
	late=$((late + $(topo_show line '[.interfaces[] | select(.state != "up")] | length')))
	for node in n1 n15 n30; do
		late=$((late + $(in_node line $node ip -br link | grep -v '^lo' | grep -cv ' UP ')))
	done
	topo down line
done
is "$late" 0 "all interfaces can be used as soon as a network is up, each time"

# ---- names that others have ----------------------------------------------------------------------

ip netns add lab.r2
refused "a namespace of somebody else is no node's" topo up "$file"
is "$(traces)" "$(echo "netns lab.r2"; echo "$before")" "and stays, alone"
ip netns del lab.r2

done_testing
