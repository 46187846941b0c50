#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# topo_import.sh - topology files of known shapes, and of what other programs have written
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/topo_lib.sh
. "$LANA_TOP/selftests/topo_lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
cd "$LANA_SCRATCH" || bail "no folder"
before=$(traces)

# ---- shapes ------------------------------------------------------------------------------------

# shape WORD... NODES LINKS
shape()
{
	local count=$#

	topo generate "${@:1:count-2}" >shape.yaml
	is "$(lana -j topo validate shape.yaml | jq -r '.topo | "\(.nodes) \(.links)"')" "${*:count-1}" \
		"${*:1:count-2} has ${!count} links"
}
shape line 7 7 6
shape line 1 1 0
shape ring 7 7 7
shape ring 2 2 1
shape star 7 8 7
shape tree 4 15 14
shape tree 3 by 3 13 12
shape grid 3 9 12
shape grid 3 by 5 15 22
shape fat-tree 2 7 6
shape fat-tree 4 36 48
shape random 40 by 4 seed 7 40 80
is "$(topo generate random 9 seed 5)" "$(topo generate random 9 seed 5)" "a seed makes the same again"
[ "$(topo generate random 9 seed 5)" != "$(topo generate random 9 seed 6)" ]
tap_result $? "another one does not"
refused "an odd fat tree is refused" topo generate fat-tree 5
refused "a shape that is none is refused" topo generate knot 5

topo generate fat-tree 4 >fat.yaml
ok "a fat tree is up" topo up fat.yaml
far=$(topo_show fat '.interfaces[] | select(.node == "p4h4") | .addresses[0]' | cut -d/ -f1)
ok "a host reaches one in the farthest pod" reaches fat p1h1 "$far"
is "$(in_node fat p1h1 traceroute -n -q 1 -w 2 "$far" | tail -n +2 | wc -l)" 6 "over six links"
ok "it goes" topo down fat

topo generate line 2000 >line.yaml
like "$(topo validate line.yaml)" "up to 3998 neighbours, and net.ipv4.neigh.default.gc_thresh3 is" \
	"a limit of the machine that a large network may run into is named"

# ---- GraphML -----------------------------------------------------------------------------------

cat >zoo.graphml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key attr.name="label" attr.type="string" for="node" id="d1" />
  <key attr.name="Latitude" attr.type="double" for="node" id="d2" />
  <key attr.name="Longitude" attr.type="double" for="node" id="d3" />
  <key attr.name="LinkSpeedRaw" attr.type="double" for="edge" id="d4" />
  <graph edgedefault="undirected">
    <node id="0"><data key="d1">Zürich (main)</data><data key="d2">47.37</data><data key="d3">8.54</data></node>
    <node id="1"><data key="d1">Vienna</data><data key="d2">48.21</data><data key="d3">16.37</data></node>
    <node id="2"><data key="d1">Vienna</data></node>
    <node id="3" />
    <edge source="0" target="1"><data key="d4">155000000.0</data></edge>
    <edge source="1" target="2" />
    <edge source="2" target="3" />
  </graph>
</graphml>
END
topo import zoo.graphml >zoo.yaml
is "$(grep -A9 '^links' zoo.yaml)" 'links:
  - { ends: ["Z-rich-main", "Vienna"], rate: 155000kbit, delay: 2961us }
  - Vienna -- Vienna-2
  - Vienna-2 -- 3' "GraphML: names, rate, and delay by distance"
ok "it is a good file" topo validate zoo.yaml
topo import zoo.graphml bare >zoo.yaml
is "$(grep -c rate zoo.yaml)" 0 "without its properties"
ok "it is up" topo up zoo.yaml
ok "and whole" reaches zoo Z-rich-main 10.0.2.2
ok "it goes" topo down zoo
sed 's/target="3"/target="9"/' zoo.graphml >bad.graphml
like "$(topo import bad.graphml 2>&1)" "bad.graphml:14:1: there is no node '9'" "an edge to nowhere"
sed 's/<edge source="1"/<edge/' zoo.graphml >bad.graphml
like "$(topo import bad.graphml 2>&1)" "bad.graphml:13:5: an edge needs a source" "half an edge"
sed '/<\/graph>/d' zoo.graphml >bad.graphml
like "$(topo import bad.graphml 2>&1)" "bad.graphml:15:[0-9]+: mismatched tag" "what is no XML"
echo '<html></html>' >bad.graphml
like "$(topo import bad.graphml 2>&1)" "bad.graphml:1:1: this is no GraphML" "what is other XML"

# ---- IMUNES ------------------------------------------------------------------------------------

cat >lab.imn <<'END'
node n0 {
    type router
    model quagga
    network-config {
	hostname left
	!
	interface eth0
	 ip address 10.0.0.1/24
	 ipv6 address fc00:1::1/64
	!
	interface eth1
	 mtu 1400
	 ip address 10.0.1.1/24
	!
	router ospf
	 network 0.0.0.0/0 area 0.0.0.0
	!
    }
    iconcoords {96 360}
    interface-peer {eth0 n2}
    interface-peer {eth1 n1}
}

node n1 {
    type router
    network-config {
	hostname right
	!
	interface eth0
	 mtu 1400
	 ip address 10.0.1.2/24
	!
	router ospf
	!
    }
    interface-peer {eth0 n0}
}

node n2 {
    type lanswitch
    network-config {
	hostname sw
	!
    }
    interface-peer {e0 n0}
    interface-peer {e1 n3}
    interface-peer {e2 n4}
}

node n3 {
    type pc
    network-config {
	hostname pc
	!
	interface eth0
	 ip address 10.0.0.20/24
	 ipv6 address fc00:1::20/64
	!
	ip route 0.0.0.0/0 10.0.0.1
	!
	ipv6 route ::/0 fc00:1::1
	!
    }
    interface-peer {eth0 n2}
}

node n4 {
    type hub
    network-config {
	hostname hub
	!
    }
    interface-peer {e0 n2}
    interface-peer {e1 n5}
}

node n5 {
    type host
    network-config {
	hostname server
	!
	interface eth0
	 ip address 10.0.0.30/24
	!
	ip route 0.0.0.0/0 10.0.0.1
	!
    }
    interface-peer {eth0 n4}
}

link l0 {
    nodes {n0 n1}
    bandwidth 2000000
    delay 25000
    ber 1000000
    duplicate 5
}
link l1 {
    nodes {n2 n0}
}
link l2 {
    nodes {n3 n2}
    bandwidth 1000000
}
link l3 {
    nodes {n2 n4}
}
link l4 {
    nodes {n4 n5}
}
canvas c0 {
    name {Canvas0}
}
END
topo import lab.imn >lab.yaml
is "$(sed -n '/^links/,$p' lab.yaml)" 'links:
  - { ends: ["left:eth1", "right:eth0"], rate: 2000000bit, delay: 25000us, ber: 1.000e-06, duplicate: 5% }
  - { ends: ["left:eth0", "pc:eth0", "server:eth0"], from: { pc: { rate: 1000000bit } }, to: { pc: { rate: 1000000bit } } }' \
	"lists of Tcl: links with their properties, and two switches that are one segment"
ok "it is a good file" topo validate lab.yaml
topo import lab.imn bare >lab.yaml
ok "it is up" topo up lab.yaml
ok "a PC reaches the farther router" reaches lab pc 10.0.1.2
ok "a server on the other switch reaches the PC" reaches lab server 10.0.0.20
ok "IPv6 is there" reaches lab pc fc00:1::1
is "$(in_node lab pc ip route | head -n 1)" "default via 10.0.0.1 dev eth0 proto static " "so are its routes"
is "$(topo_show lab '[.interfaces[] | select(.link == "left-right") | .mtu] | join(" ")')" "1400 1400" "and MTUs"
ok "it goes" topo down lab
sed 's/type hub/type teapot/' lab.imn >bad.imn
like "$(topo import bad.imn 2>&1)" "bad.imn:67:1: node 'n4' is of type 'teapot'" "a type that is not known"
sed 's/nodes {n4 n5}/nodes {n4 n9}/' lab.imn >bad.imn
like "$(topo import bad.imn 2>&1)" "bad.imn:108:1: there is no node 'n9'" "a node that is not there"
sed '/^canvas/,$d' lab.imn | head -n -1 >bad.imn
like "$(topo import bad.imn 2>&1)" "bad.imn:108:1: a brace is not closed" "a brace that is not closed"
sed 's/10.0.0.20\/24/10.0.0.20/' lab.imn >bad.imn
like "$(topo import bad.imn 2>&1)" "bad.imn:56:1: '10.0.0.20' is no address" "what is no address"

cat >new.imn <<'END'
{
    "nodes" : {
        "n0" : { "type" : "router", "name" : "r", "router_config" : "rip 1",
            "ifaces" : {
                "ifc0" : { "name" : "lo0", "type" : "lo", "ipv4_addrs" : ["127.0.0.1/8"] },
                "ifc1" : { "name" : "eth0", "type" : "phys", "link" : "l0", "ipv4_addrs" : ["10.0.0.1/24"] },
                "ifc2" : { "name" : "eth1", "type" : "phys", "link" : "l1", "ipv4_addrs" : ["10.0.1.1/24"] } } },
        "n1" : { "type" : "pc", "name" : "a", "croutes4" : ["0.0.0.0/0 10.0.0.1"],
            "ifaces" : { "ifc1" : { "name" : "eth0", "link" : "l0", "ipv4_addrs" : ["10.0.0.20/24"] } } },
        "n2" : { "type" : "pc", "name" : "b", "croutes4" : ["0.0.0.0/0 10.0.1.1"],
            "ifaces" : { "ifc1" : { "name" : "eth0", "link" : "l1", "ipv4_addrs" : ["10.0.1.20/24"] } } }
    },
    "links" : {
        "l0" : { "peers" : "n1 n0", "peers_ifaces" : "ifc1 ifc1", "bandwidth" : "1000000" },
        "l1" : { "peers" : "n0 n2", "peers_ifaces" : "ifc2 ifc1" }
    }
}
END
topo import new.imn >new.yaml
is "$(sed -n '/^links/,$p' new.yaml)" 'links:
  - { ends: ["a:eth0", "r:eth0"], rate: 1000000bit }
  - r:eth1 -- b:eth0' "JSON: links and properties"
topo import new.imn bare >new.yaml
ok "it is up" topo up new.yaml
ok "one PC reaches the other" reaches new a 10.0.1.20
ok "it goes" topo down new
sed 's/"n0 n2"/"n0"/' new.imn >bad.imn
like "$(topo import bad.imn 2>&1)" "bad.imn:15:1: a link needs two nodes" "half a link"
is "$(traces)" "$before" "nothing is left"

done_testing
