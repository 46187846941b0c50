#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# nat.sh - a gateway with two uplinks; and what nat does when ports, room or time run out
#
#     inside               gate               world
#   +--------+        +-------------+       +-------------+
#   |   in0  |--------| lan0   wan0 |-------| out0        |
#   +--------+        |        wan1 |-------| out1        |
#                     +-------------+       +-------------+
#   10.0.0.2      10.0.0.1  192.0.2.1       192.0.2.2       203.0.113.1
#                        198.51.100.1       198.51.100.2    203.0.113.2
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
bpftool btf dump file /sys/kernel/btf/vmlinux 2>/dev/null | grep -q "'bpf_ct_set_nat_info'" ||
	skip_all "the kernel does not offer its NAT to BPF"

for netns in inside gate world; do
	topo_netns $netns
done
topo_veth inside in0 gate lan0 10.0.0.2/24 10.0.0.1/24
topo_veth gate wan0 world out0 192.0.2.1/24 192.0.2.2/24
topo_veth gate wan1 world out1 198.51.100.1/24 198.51.100.2/24
topo_veth inside in1 gate lan1
must ip -n world address add 203.0.113.1/32 dev lo
must ip -n world address add 203.0.113.2/32 dev lo
must ip -n inside route add default via 10.0.0.1
must ip -n gate route add 203.0.113.1 via 192.0.2.2
must ip -n gate route add 203.0.113.2 via 198.51.100.2
must topo_exec gate sysctl -qw net.ipv4.ip_forward=1

mac_of()
{
	topo_exec "$1" ip -j link show dev "$2" | jq -r '.[0].address'
}

# knows DEV ADDRESS NETNS DEV: the gate has not to ask for its neighbour
knows()
{
	must ip -n gate neighbour replace "$2" dev "$1" lladdr "$(mac_of "$3" "$4")" nud permanent
}

# ---- two uplinks ---------------------------------------------------------------------------------

cd "$LANA_TOP/examples" || bail "no examples"

# talks FROM TO ADDRESS WHOM PORT [OPTION...]: iperf3, with somebody who calls from address WHOM
talks()
{
	local from=$1 to=$2 address=$3 whom=$4 port=$5 listen="5201 -B $3"

	shift 5
	[ "$port" != 8080 ] || listen="80 -B 10.0.0.2"
	# shellcheck disable=SC2086 # words
	topo_exec "$to" setpriv --pdeathsig KILL iperf3 -s -1 -p $listen >"$LANA_SCRATCH/said" 2>&1 &
	lib_jobs+=("$!")
	wait_for topo_exec "$to" sh -c "ss -tlnH | grep -q :${listen%% *}" || return 1
	topo_exec "$from" iperf3 -c "$address" -p "$port" -n 8M --connect-timeout 1000 "$@" || return 1
	wait "${lib_jobs[-1]}"
	grep -q "from $whom, port" "$LANA_SCRATCH/said" || { cat "$LANA_SCRATCH/said"; return 1; }
}

udp='-u -b 100M -n 2M -l 1000'
for hook in tc xdp; do
	sed "s/hook: tc/hook: $hook/" uplinks.yaml >"$LANA_SCRATCH/uplinks.yaml"
	if [ $hook = xdp ]; then
		sed -i '/nat <- wan[01]$/d' "$LANA_SCRATCH/uplinks.yaml"
		knows lan0 10.0.0.2 inside in0
		knows wan0 192.0.2.2 world out0
		knows wan1 198.51.100.2 world out1
	fi
	must lana -n gate apply "$LANA_SCRATCH/uplinks.yaml" >/dev/null
	ok "$hook: TCP by an uplink" talks inside world 203.0.113.1 192.0.2.1 5201
	ok "$hook: and towards inside" talks inside world 203.0.113.1 192.0.2.1 5201 -R
	# shellcheck disable=SC2086 # words
	ok "$hook: UDP by the other" talks inside world 203.0.113.2 198.51.100.1 5201 $udp
	# shellcheck disable=SC2086 # words
	ok "$hook: and towards inside" talks inside world 203.0.113.2 198.51.100.1 5201 $udp -R
	ok "$hook: a forwarded port" talks world inside 192.0.2.1 192.0.2.2 8080
	ok "$hook: and from inside" talks world inside 192.0.2.1 192.0.2.2 8080 -R
	ok "$hook: of the other uplink" talks world inside 198.51.100.1 198.51.100.2 8080
	ok "$hook: ping" topo_exec inside ping -q -c 2 -i 0.05 -W 2 203.0.113.2
	ok "$hook: ping in fragments" topo_exec inside ping -q -c 2 -i 0.05 -W 2 -s 4000 203.0.113.2
	ok "$hook: the gate itself answers" topo_exec world ping -q -c 1 -W 2 192.0.2.1
	ok "$hook: by its address inside, too" topo_exec inside ping -q -c 1 -W 2 10.0.0.1
	ok "$hook: and gets answers from inside" topo_exec gate ping -q -c 1 -W 2 10.0.0.2
	like "$(topo_exec inside ping -n -c 1 -t 1 -W 2 203.0.113.2)" 'From 10.0.0.1 .*exceeded' \
		"$hook: the first hop is the gate"
	is "$(stats '[.stats[].counters.failed // 0] | add' nat)" 0 "$hook: no connection has failed"
	must lana flush
done

# ---- ports, room and time ------------------------------------------------------------------------

# Straight from one device to the other, whatever the kernel thinks of it.
cat >"$LANA_SCRATCH/stack" <<END
hooks: { lan0: { hook: xdp }, wan0: { hook: xdp } }
blocks:
  nat: { type: nat, outside: 192.0.2.100, inside: 10.0.0.0, inside_length: 24,
         first_port: 2000, last_port: 2099, udp_new: 1,
         tcp_new: 100, tcp_established: 1000, tcp_closing: 50, tcp_reset: 5 }
  sort: { type: filter, expr: dst net 10.0.0.0/24 }
  inwards: counter
  outwards: counter
bind:
  - lan0 -> nat -> sort
  - wan0 -> nat
  - sort[match] -> inwards -> lan0
  - sort[other] -> outwards -> wan0
END
must lana -n gate apply "$LANA_SCRATCH/stack" >/dev/null

# sends COUNT TEXT, answers COUNT TEXT: frames from inside, from the world
sends()
{
	must lana -n inside gen in0 "eth(dst=$lan0) $2" count "$1" >/dev/null
}

answers()
{
	must lana -n world gen out0 "eth(dst=$wan0) $2" count "$1" >/dev/null
}

of_nat()
{
	stats ".stats[] | select(.path == \"ingress\") | .counters.$1" nat
}

lan0=$(mac_of gate lan0) wan0=$(mac_of gate wan0)
out='ip4(src=10.0.0.2, dst=192.0.2.2)' back='ip4(src=192.0.2.2, dst=192.0.2.100)'
long_lived()
{
	sends 10 "$out udp(sport=2000..2009, dport=9)"
	answers 10 "$back udp(sport=9, dport=2000..2009)"
}

# live WHY: those that were there first carry packets both ways
live()
{
	local before_in before_out

	before_in=$(packets inwards) before_out=$(packets outwards)
	long_lived
	is "$(($(packets inwards) - before_in)) $(($(packets outwards) - before_out))" "10 10" "$1"
}

long_lived
is "$(of_nat begun)" 10 "connections begin"
sends 500 "$out udp(sport=10000+, dport=9)"
begun=$(of_nat begun) failed=$(of_nat failed)
is "$((begun + failed))" 510 "with a hundred ports, 500 more begin or fail"
ok "hardly any port is left over ($begun of 100)" [ "$begun" -ge 80 -a "$begun" -le 100 ]
is "$(booked nat)" "nat:no_memory=$failed" "what fails is dropped, and counted"
live "connections that were there live on"
sleep 1.1
begun=$(of_nat begun)
sends 40 "$out udp(sport=20000+, dport=9)"
is "$(($(of_nat begun) - begun))" 40 "when their time is up, ports are used again"

# time_left PORT: seconds that conntrack(8) shows, and whether the connection is assured
time_left()
{
	topo_exec gate conntrack -L -p tcp --orig-port-src "$1" 2>/dev/null |
		awk '{ print $3, /ASSURED/ ? "assured" : "fragile" }'
}

if command -v conntrack >/dev/null; then
	tcp='tcp(sport=2050, dport=80, flags' tcp_back='tcp(sport=80, dport=2050, flags'
	sends 1 "$out $tcp=syn)"
	like "$(time_left 2050)" '^(100|9[0-9]) fragile' "a connection begins with option tcp_new"
	answers 1 "$back $tcp_back=syn|ack)"
	like "$(time_left 2050)" '^(100|9[0-9]) fragile' "an answer alone makes it no older"
	sends 1 "$out $tcp=ack)"
	like "$(time_left 2050)" '^(1000|99[0-9]) assured' "it is there for long when both have agreed"
	answers 1 "$back $tcp_back=fin|ack)"
	like "$(time_left 2050)" '^(50|4[0-9]) assured' "and goes soon once one end is done"
	sends 1 "$out $tcp=ack)"
	like "$(time_left 2050)" '^(50|4[0-9]) assured' "whatever the other still says"
	begun=$(of_nat begun)
	sends 1 "$out $tcp=syn)"
	is "$(($(of_nat begun) - begun))" 1 "a new one may begin in its place"
	like "$(time_left 2050)" '^(100|9[0-9]) fragile' "like any other"
	answers 1 "$back $tcp_back=rst|ack)"
	like "$(time_left 2050)" '^[0-5] fragile' "and is gone at once if refused"
else
	skip "conntrack(8) is not installed"
fi

# ---- the kernel's table --------------------------------------------------------------------------

max=$(cat /proc/sys/net/netfilter/nf_conntrack_max)
room=$(awk '/MemAvailable/ { print $2 }' /proc/meminfo)
# rounds: connections to five hosts, from all ports, are begun, answered and gone on with
flood()
{
	local ports='1024..65535' hosts='192.0.2.10..192.0.2.14' count=$((max + 8192))

	for _ in 1 2; do
		sends $count "ip4(src=10.0.0.3, dst=$hosts) udp(sport=$ports, dport=9)"
		answers $count "ip4(src=$hosts, dst=192.0.2.100) udp(sport=9, dport=$ports)"
	done
	sends $count "ip4(src=10.0.0.3, dst=$hosts) udp(sport=$ports, dport=9)"
}

if [ "$max" -gt 300000 ]; then
	skip "the kernel's table is too large to fill ($max)"
elif [ "$room" -lt 1000000 ]; then
	skip "there is too little memory to fill the kernel's table"
else
	must lana set nat first_port=0 last_port=0 udp_new=0
	flood
	like "$(topo_exec gate cat /proc/sys/net/netfilter/nf_conntrack_count)" "^2[0-9]{5}$" \
		"the kernel's table is full"
	failed=$(of_nat failed)
	sends 100 "$out udp(sport=2500+, dport=10)"
	failed=$(($(of_nat failed) - failed))
	ok "new connections fail then ($failed of 100)" [ "$failed" -ge 50 -a "$failed" -le 100 ]
	live "connections that were there live on"
fi
ok "the stack is sound" lana check
must lana flush

ok "examples/uplinks.sh runs" "$LANA_TOP/examples/uplinks.sh"

done_testing
