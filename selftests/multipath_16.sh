#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# multipath_16.sh - connections over sixteen paths, which is as many as there can be
#
# As multipath_lib.sh shows it, but with one router, p, for all paths: so tunnels lead from end to
# end. The stacks are those of examples/multipath-*.yaml, of which what stands there for path 5 is
# there once more for each path from 6 on.
#
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/multipath_lib.sh
. "$(dirname "$0")/multipath_lib.sh"

PATHS=16
topo_netns s
topo_netns r
topo_netns p
for ((n = 1; n <= PATHS; n++)); do
	topo_veth s w$n p near$n '' "10.$n.0.2/24"
	topo_veth r w$n p far$n '' "10.$n.1.2/24"
done
must topo_exec p sysctl -qw net.ipv4.ip_forward=1
multipath_end s 10.0.0.1 0 10.0.0.2
multipath_end r 10.0.0.2 1 10.0.0.1
for ((n = 1; n <= PATHS; n++)); do
	must ip -n s route add "10.$n.1.0/24" via "10.$n.0.2"
	must ip -n r route add "10.$n.0.0/24" via "10.$n.1.2"
done
multipath_listen
must ip -n s link set mp0 gso_max_segs 1

# end SIDE NETNS FAR: the example's stack with all paths, each to the other end's address
end()
{
	awk -v paths=$PATHS '{ print }
	/^[^#].*(w|sent|path|from)5/ {
		for (n = 6; n <= paths; n++) {
			line = $0
			gsub(/w5/, "w" n, line)
			gsub(/sent5/, "sent" n, line)
			gsub(/path5/, "path" n, line)
			gsub(/from5/, "from" n, line)
			gsub(/10\.5\./, "10." n ".", line)
			sub(/0x705/, sprintf("0x7%02x", n), line)
			sub(/\[4\]/, "[" n - 1 "]", line)
			print line
		}
	}' "$LANA_TOP/examples/multipath-$1.yaml" |
		sed "s/1, 1, 1, 1, 1/1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1/
			s/dst: \(10\.[0-9]*\)\.[01]\.2 /dst: \1.$3.1 /" >"$LANA_SCRATCH/$1.yaml"
	must lana -s "$2" -n "$2" apply "$LANA_SCRATCH/$1.yaml" >/dev/null
}

end sender s 1
end receiver r 0

# reached: by how many paths a full packet gets there and an answer back
reached()
{
	local n count=0

	for ((n = 1; n <= PATHS; n++)); do
		pings $n 1 && count=$((count + 1))
	done >/dev/null
	echo $count
}

is "$(reached)" $PATHS "full packets by each path, which a mark says"
carries "$PATHS paths" 1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1
carries "$PATHS paths" 16,1,2,15,3,14,4,0,13,5,12,6,11,7,10,9
is "$(lost s)$(lost r)" "" "nothing is lost"

# ---- probes ----------------------------------------------------------------------------------------

# up COUNT: so many of the paths have an answer, as is told
up()
{
	[ "$(tail -1 "$LANA_SCRATCH/paths" | jq '[.paths[] | select(.state == "up" and .answered > 0)] | length')" -eq "$1" ]
}

# down MASK: it is what both fanouts leave out
down()
{
	[ "$(lana -s s get spread down)$(lana -s s get flows down)" = "$1$1" ]
}

weights 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16
background "$LANACTL" -s s -n s -j paths 10.0.0.2 spread flows >"$LANA_SCRATCH/paths"
watcher=$!
ok "all paths answer probes" wait_for up $PATHS
must ip -n p link set far16 down
must ip -n p link set far1 down
ok "the first and the last fail: they are left out" wait_for down $((1 << 15 | 1))
ok "the others are not" up $((PATHS - 2))
before=$(sent s)
ok "TCP goes by the others" exact 300000
read -ra packets <<<"$(grown "$before" "$(sent s)")"
note "packets by each path: ${packets[*]}"
must ip -n p link set far16 up
must ip -n p link set far1 up
ok "they come back" wait_for down 0
kill "$watcher"
wait "$watcher"

for stack in s r; do
	ok "$stack is sound" lana -s $stack check
done
done_testing
