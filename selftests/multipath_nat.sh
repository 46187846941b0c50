#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# multipath_nat.sh - several paths: the size of segments, and a tunnel through a NAT
#
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/multipath_lib.sh
. "$(dirname "$0")/multipath_lib.sh"

command -v nft >/dev/null || skip_all "no nft"

multipath_network
multipath_listen
multipath_stack sender ''
multipath_stack receiver ''
multipath_proxies '' 1
weights 1

# ---- segments --------------------------------------------------------------------------------------

# segment: that the sender's TCP makes, of what the receiver has announced
segment()
{
	topo_exec s python3 -c '
import socket
peer = socket.create_connection(("10.0.0.2", 7000), 5)
print(peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG))'
}

is "$(segment)" 1412 "a segment is what the tunnels take, less 12 bytes of time stamps"
must lana -s r set mss mtu=1000
is "$(segment)" 948 "mss lowers it"
must lana -s r set mss mtu=1464

# ---- NAT -------------------------------------------------------------------------------------------

# One tunnel from end to end; its way leads through a router that translates the sender's address.
must lana -s p1 flush
topo_exec p1 nft -f - <<-EOF
	table ip t {
		chain c {
			type nat hook postrouting priority 100
			oifname far masquerade
		}
	}
EOF
must ip -n s route add 10.1.1.0/24 via 10.1.0.2
multipath_stack sender 's/mode: ipip/mode: udp/
	s/src: 10.1.0.1, dst: 10.1.0.2/src: 10.1.0.1, dst: 10.1.1.1, sport: 6080/'
multipath_stack receiver 's/mode: ipip/mode: udp/; s/10.1.1.2 }/10.1.1.2, sport: 6080 }/
	s/decap, mode: udp/&, src: 10.1.1.2/'
weights 1
ok "UDP, through a NAT: full packets" pings 1
ok "UDP, through a NAT: TCP is byte-exact" exact 1000000
is "$(lost s)$(lost r)" "" "nothing is lost"

for stack in s r; do
	ok "$stack is sound" lana -s $stack check
done
done_testing
