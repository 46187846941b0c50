#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# multipath.sh - connections over one to five paths: shares, and tunnels of each kind
#
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/multipath_lib.sh
. "$(dirname "$0")/multipath_lib.sh"

multipath_network
multipath_listen

# kind MODE COUNT: tunnels of that kind at the ends and at so many proxies
kind()
{
	local mode="s/mode: ipip/mode: $1/"

	multipath_stack sender "$mode"
	multipath_stack receiver "$mode"
	multipath_proxies "$mode" "$2"
}

# ---- one to five paths -----------------------------------------------------------------------------

kind ipip 5
for shares in 1 1,1 1,1,1 1,1,1,1 1,1,1,1,1 5,1,0,2,3; do
	carries ipip $shares
done
# segments BYTES: how many packets so many are sent in, there
segments()
{
	local before

	before=$(sent s)
	exact "$1" || return
	grown "$before" "$(sent s)" | awk '{ for (i = 1; i <= NF; i++) sum += $i } END { print sum }'
}

must ip -n s link set mp0 gso_max_segs 1
packets=$(segments 1000000)
must ip -n s link set mp0 gso_max_segs 65535
ok "TCP goes in single segments, if it is told: $packets" [ "$packets" -ge $((1000000 / 1412)) ]
for n in 1 5; do
	ok "full packets by path $n, which a mark says" pings $n
done

# ---- other tunnels ---------------------------------------------------------------------------------

for mode in gre udp; do
	kind $mode 2
	carries $mode 3,1
	ok "$mode: full packets" pings 2
done

is "$(lost s)$(lost r)$(lost p1)" "" "nothing is lost"

# ---- the kernel's tunnels at the proxies -----------------------------------------------------------

# kernel_proxies: at p1 and p2 in the place of lana's
kernel_proxies()
{
	local n

	for n in 1 2; do
		must lana -s p$n flush
		ip -n p$n link add ends type ipip local any 2>/dev/null || return 1
		must ip -n p$n link set ends up
	done
}

if kernel_proxies; then
	multipath_stack sender ''
	multipath_stack receiver ''
	carries "ipip to the kernel's proxies" 3,1
else
	skip "this kernel has no IPv4 in IPv4"
fi
for stack in s r; do
	ok "$stack is sound" lana -s $stack check
done
done_testing
