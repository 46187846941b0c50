#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# topo_apply.sh - a running network is changed by what differs, and by nothing else
#
#	a -- r -- b     a pings b all the while; c, d and e come and go at r, and on a segment
# shellcheck disable=SC2016,SC2317 # functions are called by ok; what is quoted is for other shells
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/topo_lib.sh
. "$LANA_TOP/selftests/topo_lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"

topo_mark=topo_apply_mark
# write NAME: a file of that network, from standard input behind what does not change
write()
{
	{
		cat <<'END'
network: lab
nodes:
  a: { routes: [default via 10.0.0.2] }
  r: { forwarding: true }
  b: { routes: [default via 10.0.1.1], processes: [ { run: "exec sleep 600 # topo_apply_mark 1", name: stays } ] }
END
		cat
	} >"$LANA_SCRATCH/$1.yaml"
	file=$LANA_SCRATCH/$1.yaml
}

plan()
{
	topo plan "$file"
}

before=$(traces)
write one <<'END'
links: [ a -- r, r -- b ]
END
ok "a network of three nodes" topo up "$file"
"$LANACTL" topo exec lab a ping -n -i 0.01 10.0.1.2 >"$LANA_SCRATCH/ping" 2>&1 &
ping=$!
lib_jobs+=("$ping")
wait_for grep -q 'icmp_seq=5' "$LANA_SCRATCH/ping"
pid=$(topo_show lab '.processes[0].pid')
is "$(plan)" "nothing to do" "the same file changes nothing"

# ---- nodes and links ---------------------------------------------------------------------------

write two <<'END'
  c: { sysctls: { net.ipv4.ip_default_ttl: 33 } }
  d:
links:
  - c -- r
  - a -- r
  - { ends: [r, d], name: to-d }
  - r -- b
END
is "$(plan | grep -v address)" "add node c
add node d
add link c-r (c:eth0 -- r:eth2)
add link to-d (r:eth3 -- d:eth0)
set net.ipv4.ip_default_ttl=33 of c" "links that stand first in the file get what is free"
ok "two nodes and their links come" topo apply "$file"
ok "one is there" reaches lab c 10.0.2.2
is "$(in_node lab c sysctl -n net.ipv4.ip_default_ttl)" 33 "with its settings"
is "$(plan)" "nothing to do" "then there is nothing to do"
is "$(topo_show lab '[.interfaces[] | select(.node == "a" or .node == "b") | .addresses[]] | join(" ")')" \
	"10.0.0.1/24 fd00::1/64 10.0.1.2/24 fd00:0:0:1::2/64" "the others have kept their addresses"

# ---- settings ----------------------------------------------------------------------------------

write three <<'END'
  c: { sysctls: { net.ipv4.ip_default_ttl: 44 }, addresses: [192.0.2.3/32], forwarding: true }
  d: { routes: [ 198.51.100.0/24 via 10.0.3.1 ] }
links:
  - { ends: [c, r], mtu: 1300 }
  - a -- r
  - { ends: [r, d], name: to-d }
  - r -- b
END
is "$(plan)" "set MTU and MAC address of r:eth2
switch forwarding on in c
add address 192.0.2.3/32 to c:lo
set MTU and MAC address of c:eth0
set net.ipv4.ip_default_ttl=44 of c
add route 198.51.100.0/24 via 10.0.3.1 to d" "settings are steps of their own"
ok "they are changed" topo apply "$file"
is "$(in_node lab c sysctl -n net.ipv4.ip_default_ttl net.ipv4.ip_forward | xargs)" "44 1" "sysctls"
is "$(topo_show lab '[.interfaces[] | select(.link == "c-r") | .mtu] | join(" ")')" "1300 1300" "MTU"
is "$(in_node lab d ip route get 198.51.100.7 | grep -c 'via 10.0.3.1')" 1 "a route"
is "$(in_node lab c ip -o address show lo | grep -c 192.0.2.3)" 1 "an address"

# ---- a link is made anew, and routes by it are there again --------------------------------------

# remade WORDS NAME [VALUE]: what stands behind the route, how the link is called, a sysctl of its end
remade()
{
	write remade <<END
  c: { sysctls: { net.ipv4.ip_default_ttl: 44 }, addresses: [192.0.2.3/32], forwarding: true }
  d: { routes: [ 198.51.100.0/24 via 10.0.3.1$1, 203.0.113.0/24 via 10.0.3.1 ], interfaces: { eth0: { addresses: [10.0.3.2/24] } },
       sysctls: { net.ipv4.conf.eth0.tag: ${3-7}, net/ipv4/neigh/eth0/app_solicit: 5 } }
links:
  - { ends: [c, r], mtu: 1300 }
  - a -- r
  - { ends: ["r:eth3", d], name: $2 }
  - r -- b
END
}
sysctls()
{
	in_node lab d sysctl -n net.ipv4.conf.eth0.tag net.ipv4.neigh.eth0.app_solicit | xargs
}
remade '' to-d
ok "d has addresses of its own" topo apply "$file"
remade '' anew
ok "its link is made anew" topo apply "$file"
is "$(in_node lab d ip -o route show 198.51.100.0/24 | grep -c '198.51.100.0/24 via')" 1 "a route by it is there"
is "$(sysctls)" "7 5" "and so are sysctls of its end"
remade ' dev no' again 8
refused "made anew with a route that cannot be, it is refused" topo apply "$file"
is "$(in_node lab d ip -o route show 198.51.100.0/24 | grep -c '198.51.100.0/24 via')" 1 "and the old route is there again"
is "$(in_node lab d ip -o route show 203.0.113.0/24 | grep -c via)" 1 "so is one that should have stayed"
is "$(sysctls)" "7 5" "sysctls of its end have their old values"
is "$(topo_show lab '[.links[].link] | sort | join(" ")')" "a-r anew c-r r-b" "by the old link"

# ---- a segment, whose ends come and go ---------------------------------------------------------

write four <<'END'
  c:
  d:
  e:
links:
  - a -- r
  - r -- b
  - { name: lan, ends: [c, d, r] }
END
ok "a segment in the place of links" topo apply "$file"
ok "two are on it" reaches lab c "$(topo_show lab '.interfaces[] | select(.node == "d") | .addresses[0]' | cut -d/ -f1)"
index=$(in_node lab c ip -o link show eth0 | cut -d: -f1)
write five <<'END'
  c:
  d:
  e:
links:
  - a -- r
  - r -- b
  - { name: lan, ends: [c, d, r, e] }
END
is "$(plan | grep -v address)" "add e:eth0 to segment lan" "one more end is a step"
ok "and comes" topo apply "$file"
is "$(in_node lab c ip -o link show eth0 | cut -d: -f1)" "$index" "the other ends are what they were"
ok "it is on the segment" reaches lab e "$(topo_show lab '.interfaces[] | select(.node == "d") | .addresses[0]' | cut -d/ -f1)"

# ---- what is refused is undone -------------------------------------------------------------------

write bad <<'END'
  c: { addresses: [192.0.2.3/32] }
  f: { routes: [ 198.51.100.0/24 via 203.0.113.1 ] }
links:
  - a -- r
  - r -- b
  - { name: lan, ends: [c, r, e] }
  - f -- r
END
sed -i 's/^  f:/  e:\n  f:/' "$file"
links=$(topo_show lab '[.interfaces[] | "\(.node) \(.interface) \(.addresses | sort | join(" "))"] | sort | join("\n")')
refused "a route that cannot be is refused" topo apply "$file"
like "$(topo apply "$file" 2>&1)" "bad.yaml:8:[0-9]+: cannot add route 198.51.100.0/24 via 203.0.113.1 to f" \
	"with its place in the file"
is "$(topo_show lab '[.interfaces[] | "\(.node) \(.interface) \(.addresses | sort | join(" "))"] | sort | join("\n")')" \
	"$links" "all interfaces and addresses are as before"
is "$(ip netns list | grep -c 'lab\.f')" 0 "and the new node has gone"
write five <<'END'
  c:
  d:
  e:
links:
  - a -- r
  - r -- b
  - { name: lan, ends: [c, d, r, e] }
END
is "$(plan)" "nothing to do" "the network is the one of the file before"

# ---- back --------------------------------------------------------------------------------------

write one <<'END'
links: [ a -- r, r -- b ]
END
ok "all of it goes again" topo apply "$file"
is "$(ip netns list | grep -c '^lab\.')" 3 "three nodes are left"
is "$(topo_show lab '.processes[0].pid')" "$pid" "a process that stays is the same one"
kill -INT "$ping"
wait "$ping"
is "$(lost <"$LANA_SCRATCH/ping")" 0 "not one echo between a and b was lost"
note "$(grep transmitted "$LANA_SCRATCH/ping")"
refused "a network that is not there cannot be changed" topo apply "$file" as other
ok "it goes" topo down lab
is "$(traces)" "$before" "nothing is left"

done_testing
