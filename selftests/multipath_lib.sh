# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# multipath_lib.sh - the network of examples/multipath-*.yaml, for tests
#
#      s                    p1 … p5                  r
#   +------+             +-----------+            +------+
#   |  w1 -|-------------|- near far-|------------|- w1  |
#   |   …  |             +-----------+            |  …   |
#   |  w5 -|------------------ … -----------------|- w5  |
#   +------+  10.N.0.1       .0.2 .1.2  10.N.1.1  +------+
#   10.0.0.1                                      10.0.0.2
#
# Between 10.0.0.1 and 10.0.0.2 there is no way but by the paths.

PATHS=5
export WAIT_MAX=60

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
command -v python3 >/dev/null || skip_all "no python3"

# multipath_end NETNS NEAR SIDE PEER: an end; its devices are there
multipath_end()
{
	local netns=$1 address=$2 side=$3 peer=$4 n

	if ! ip -n "$netns" link add mp0 type dummy 2>/dev/null; then
		must ip -n "$netns" link add mp0 type veth peer name mp0-peer
		must ip -n "$netns" link set mp0-peer addrgenmode none up
	fi
	must ip -n "$netns" link set mp0 mtu 1464 arp off addrgenmode none up
	must ip -n "$netns" address add "$address/32" dev mp0
	must ip -n "$netns" route add "$peer" dev mp0
	for n in $(seq $PATHS); do
		must ip -n "$netns" address add "10.$n.$side.1/24" dev "w$n"
		must ip -n "$netns" neighbour replace "10.$n.$side.2" dev "w$n" managed
	done
	must topo_exec "$netns" sysctl -qw net.ipv4.conf.mp0.forwarding=1 net.ipv4.fwmark_reflect=1
}

multipath_network()
{
	local n

	topo_netns s
	topo_netns r
	for n in $(seq $PATHS); do
		topo_netns "p$n"
		topo_veth s "w$n" "p$n" near
		topo_veth r "w$n" "p$n" far
		must ip -n "p$n" address add "10.$n.0.2/24" dev near
		must ip -n "p$n" address add "10.$n.1.2/24" dev far
		must ip -n "p$n" route add 10.0.0.1 via "10.$n.0.1"
		must ip -n "p$n" route add 10.0.0.2 via "10.$n.1.1"
		must topo_exec "p$n" sysctl -qw net.ipv4.ip_forward=1
	done
	multipath_end s 10.0.0.1 0 10.0.0.2
	multipath_end r 10.0.0.2 1 10.0.0.1
}

# multipath_stack SIDE SED: the stack of "sender" or "receiver", as its example with that change
multipath_stack()
{
	local netns=s

	[ "$1" = sender ] || netns=r
	sed "$2" "$LANA_TOP/examples/multipath-$1.yaml" >"$LANA_SCRATCH/$1.yaml"
	must lana -s $netns -n $netns apply "$LANA_SCRATCH/$1.yaml" >/dev/null
}

# multipath_workers: for what waits in order, at both ends
multipath_workers()
{
	local netns

	export LANA_HALVES=$LANA_BUILD/user
	for netns in s r; do
		background "$LANACTL" -s $netns -n $netns worker >"$LANA_SCRATCH/worker.$netns" 2>&1
		wait_for grep -q '^ready$' "$LANA_SCRATCH/worker.$netns" ||
			bail "no worker: $(cat "$LANA_SCRATCH/worker.$netns")"
	done
}

# counted STACK COUNTER: of block order, on both ways
counted()
{
	lana -s "$1" -j stats order | jq "[.stats[].counters.$2] | add"
}

# multipath_proxies SED [COUNT]: lana's, on so many paths
multipath_proxies()
{
	local n

	sed "$1" "$LANA_TOP/examples/multipath-proxy.yaml" >"$LANA_SCRATCH/proxy.yaml"
	for n in $(seq "${2-$PATHS}"); do
		must lana -s "p$n" -n "p$n" apply "$LANA_SCRATCH/proxy.yaml" >/dev/null
	done
}

# sent STACK: packets by each path, "N N N N N"
sent()
{
	lana -s "$1" -j stats | jq -r '[.stats[] | select(.path == "egress" and (.name | test("^sent[0-9]+$"))) |
		.counters.packets] | join(" ")'
}

# grown BEFORE AFTER: what has been added to each number
grown()
{
	local -a was is more=()
	local n

	read -ra was <<<"$1"
	read -ra is <<<"$2"
	for n in "${!is[@]}"; do
		more+=("$((is[n] - was[n]))")
	done
	echo "${more[*]}"
}

# lost STACK: what was dropped or left by an unbound port
lost()
{
	# shellcheck disable=SC2016 # jq's variable
	lana -s "$1" -j stats | jq -r '[.stats[] | .name as $block | (.drops + .unbound) |
		to_entries[] | "\($block):\(.key)=\(.value)"] | join(" ")'
}

# weights LIST: at both ends
weights()
{
	must lana -s s set spread "weights=$1"
	must lana -s r set spread "weights=$1"
}

# pings N [COUNT]: full packets, not to be fragmented, by path N, there and back
pings()
{
	topo_exec s ping -q -c "${2-2}" -i 0.05 -W 2 -m "$((0x700 + $1))" -M "do" -s 1436 10.0.0.2
}

# proportional PACKETS WEIGHTS: as each CPU gives exact shares, what is missing is less than a round
# of each; and something was sent
proportional()
{
	awk -v cpus="$(nproc)" -v packets="$1" -v weights="$2" 'BEGIN {
		n = split(packets, p, " "); split(weights, w, ",")
		for (i = 1; i <= n; i++) { sum += p[i]; all += w[i] }
		for (i = 1; i <= n; i++) {
			off = p[i] - sum * w[i] / all
			if (off * off > (cpus * (w[i] + 1)) ^ 2) exit 1
		}
		exit sum < 20
	}'
}

# carries KIND SHARES: TCP, by the paths that have a share
carries()
{
	local before packets

	weights "$2"
	before=$(sent s)
	ok "$1, weights $2: TCP is byte-exact" exact 1000000
	packets=$(grown "$before" "$(sent s)")
	ok "$1, weights $2: in these shares: $packets" proportional "$packets" "$2"
}

# multipath_listen: in r, take what comes in a connection and send it back, again and again
multipath_listen()
{
	background nsenter --net=/run/netns/r python3 -c '
import socket
server = socket.create_server(("10.0.0.2", 7000))
while True:
    peer, _ = server.accept()
    data = bytearray()
    try:
        while chunk := peer.recv(1 << 16):
            data += chunk
        peer.sendall(data)
    except OSError:
        pass # the other end has given up
    peer.close()' >/dev/null
	wait_for topo_exec r sh -c 'ss -tlnH | grep -q :7000' || bail "nobody listens"
}

# exact BYTES|FILE: so many go there and back, and are the same; or as many as go until there is FILE
exact()
{
	topo_exec s timeout 240 python3 -c '
import os, socket, sys, time
peer = socket.create_connection(("10.0.0.2", 7000), 20)
peer.settimeout(60)
data = bytearray()
def send(size):
    chunk = os.urandom(size)
    peer.sendall(chunk)
    data.extend(chunk)
if sys.argv[1].isdigit():
    send(int(sys.argv[1]))
while not sys.argv[1].isdigit() and not os.path.exists(sys.argv[1]):
    send(30000)
    time.sleep(0.005)
peer.shutdown(socket.SHUT_WR)
back = bytearray()
while chunk := peer.recv(1 << 16):
    back += chunk
sys.exit(back != data)' "$1"
}

# exact_begin: a transfer that lasts until exact_end DESCRIPTION, which says how it went
exact_begin()
{
	rm -f "$LANA_SCRATCH/enough"
	exact "$LANA_SCRATCH/enough" &
	exact_pid=$!
	lib_jobs+=("$exact_pid")
}

exact_end()
{
	kill -0 "$exact_pid" && touch "$LANA_SCRATCH/enough" && wait "$exact_pid"
	tap_result $? "$1"
}
