#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# multipath_sockets.sh - what programs send by lana's sockets goes over several paths, and back
#
# multipath_lib.sh shows the network. Of its paths there are three, and proxies that take tunnels
# apart; a socket's frames are no IP, so they go in VXLAN from end to end first:
#
#	cat ─► below ─► wrap ─► number ─► share ─┬─► by1 ─► sent1 ─► path1 ─┐
#	                                         └─►         …              ├─► way ─► out
#	w1 … w3 ─► order ─► plain ─► open ─► below ─► cat
#
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/multipath_lib.sh
. "$(dirname "$0")/multipath_lib.sh"

for program in lana-cat selftests/courier; do
	[ -x "$LANA_BUILD/$program" ] || skip_all "$LANA_BUILD/$program is not built"
done

PATHS=3
multipath_network
multipath_proxies ''
for netns in s r; do
	# The kernel's routes count for what comes by a socket's device, too.
	must topo_exec $netns sysctl -qw net.ipv4.conf.default.forwarding=1
done
for ((n = 1; n <= PATHS; n++)); do
	# What XDP redirects into a veth wants somebody there.
	topo_offload p$n near gro on
	topo_offload p$n far gro on
	for device in near far; do
		must topo_exec p$n tc qdisc add dev $device root tbf rate $((100 / n))mbit burst 16k limit 8m
	done
done

# end NETNS SIDE NEAR FAR: its stack
end()
{
	local n

	{
		echo "hooks:"
		for ((n = 1; n <= PATHS; n++)); do
			echo "  w$n: { hook: xdp }"
		done
		cat <<-END
		blocks:
		  below: forward
		  wrap: { type: encap, mode: vxlan, vni: 8, src: $3, dst: $4, dmac: 02:00:00:00:00:01 }
		  number: sequence
		  share: { type: fanout, mode: weighted, weights: [3, 1, 1] }
		  way: { type: route, mode: kernel }
		  out: transmit
		  order: { type: reorder, sequence: header }
		  plain: { type: sequence, mode: remove }
		  open: { type: decap, mode: vxlan, vni: 8 }
		  kernel: pass
		END
		for ((n = 1; n <= PATHS; n++)); do
			cat <<-END
			  by$n: { type: sequence, mode: path, path: $n }
			  sent$n: counter
			  path$n: { type: encap, mode: ipip, src: 10.$n.$2.1, dst: 10.$n.$2.2 }
			END
		done | sed 's/^/  /; s/^  *\([a-z]\)/  \1/'
		cat <<-END
		bind:
		  - out <- way
		  - share <- number <- wrap <- below
		  - order -> plain -> open -> below
		  - plain[other] -> kernel
		  - open[other] -> kernel
		END
		for ((n = 1; n <= PATHS; n++)); do
			echo "  - way <- path$n <- sent$n <- by$n <- share[$((n - 1))]"
			echo "  - w$n -> order"
		done
	} >"$LANA_SCRATCH/$1.yaml"
	must lana -s "$1" -n "$1" apply "$LANA_SCRATCH/$1.yaml" >/dev/null
}

end s 0 10.0.0.1 10.0.0.2
end r 1 10.0.0.2 10.0.0.1
multipath_workers

# cat_on NETNS INPUT OUTPUT: in the background; its pid goes to $cat_pid
cat_on()
{
	# shellcheck disable=SC2016 # the inner shell's
	background sh -c 'exec timeout 60 "$0" -s "$1" -n "$1" --below below --json --mtu 1400 <"$2" >"$3" 2>"$4"' \
		"$LANA_BUILD/lana-cat" "$1" "$2" "$3" "$LANA_SCRATCH/cat.$1"
	cat_pid=$!
}

# transfer: both ways at once; both ends have said that all has arrived
transfer()
{
	local first

	cat_on r "$LANA_SCRATCH/from_r" "$LANA_SCRATCH/at_r"
	first=$cat_pid
	cat_on s "$LANA_SCRATCH/from_s" "$LANA_SCRATCH/at_s"
	wait "$first" && wait "$cat_pid" &&
		cmp "$LANA_SCRATCH/from_s" "$LANA_SCRATCH/at_r" &&
		cmp "$LANA_SCRATCH/from_r" "$LANA_SCRATCH/at_s"
}

# shares STACK: what each path has had of it since it was last asked for
declare -A sent_before=([s]="0 0 0" [r]="0 0 0")
shares()
{
	local now

	now=$(sent "$1")
	shares=$(grown "${sent_before[$1]}" "$now")
	sent_before[$1]=$now
}

head -c 3000000 /dev/urandom >"$LANA_SCRATCH/from_s"
head -c 2000000 /dev/urandom >"$LANA_SCRATCH/from_r"

# ---- packet by packet ------------------------------------------------------------------------------

ok "packet by packet, both ways: all arrives, and in order" transfer
for stack in s r; do
	shares $stack
	ok "$stack sends by all paths, in shares: $shares" proportional "$shares" 3,1,1
	ok "$stack: packets have waited" test "$(counted $stack held)" -gt 0
	# What one end says last the other need not hear: its program may have ended.
	is "$(counted $stack path_lost) $(lost $stack | sed 's/below:next=[0-9]*//')" "0 " \
		"$stack: nothing is lost"
done

# ---- flow by flow ----------------------------------------------------------------------------------

for stack in s r; do
	must lana -s $stack set share mode=hash weights=1,1,1
	must lana -s $stack set order order=off
done
ok "flow by flow, both ways: all arrives, and in order" transfer
for stack in s r; do
	shares $stack
	is "$(tr ' ' '\n' <<<"$shares" | grep -vcx 0)" 1 "$stack sends by one path: $shares"
done

# ---- without order ---------------------------------------------------------------------------------

for stack in s r; do
	must lana -s $stack set share mode=weighted weights=3,1,1
done
transfer
is $? 1 "packet by packet, as they come: it is not"
for stack in s r; do
	ok "$stack is sound" lana -s $stack check
	must lana -s $stack flush
done

# ---- at tc, in the stacks of the example -----------------------------------------------------------

# What is for the programs leaves order by mine; what they send goes as the kernel's packets do.
for n in $(seq $((PATHS + 1)) 5); do
	topo_veth s "w$n" "p$PATHS" "near$n"
	topo_veth r "w$n" "p$PATHS" "far$n"
done
for end in sender receiver; do
	multipath_stack $end '/^blocks:/a\
  mine: { type: filter, expr: udp and dst port 7001 }\
  door: forward
	s/-> order -> kernel/-> order -> mine -> door/
	/^bind:/a\
  - mine[other] -> kernel\
  - bulk <- door'
done
for stack in s r; do
	must lana -s $stack set flows weights=1,1,1
	must lana -s $stack set spread weights=1,1,1
done

# courier NETNS SOURCE DEST: in the background; when this returns it waits for the file go
courier()
{
	background "$LANA_BUILD/selftests/courier" "$1" "$1" door "$2" "$3" 4000 "$LANA_SCRATCH/go" \
		>"$LANA_SCRATCH/at_$1"
	wait_for eval "lana -s $1 show door | grep -q courier"
}

# couriers: what both say in the end
couriers()
{
	local first

	rm -f "$LANA_SCRATCH/go"
	courier s 10.0.0.1 10.0.0.2
	first=$!
	courier r 10.0.0.2 10.0.0.1
	touch "$LANA_SCRATCH/go"
	wait "$first" "$!"
	cat "$LANA_SCRATCH/at_s" "$LANA_SCRATCH/at_r"
}

is "$(couriers)" "4000 came, 0 wrong, 0 twice, 0 late
4000 came, 0 wrong, 0 twice, 0 late" "tc: IPv4, flow by flow: all comes, each flow in order"
note "$(sent s), $(sent r) by each path"
for stack in s r; do
	must lana -s $stack set bulk expr=ip
done
like "$(couriers)" "4000 came, 0 wrong, 0 twice.*4000 came, 0 wrong, 0 twice" \
	"tc: packet by packet: all comes"
note "$(sent s), $(sent r) by each path"
for stack in s r; do
	ok "$stack is sound" lana -s $stack check
done
done_testing
