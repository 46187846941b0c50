#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# host.sh - examples/host.yaml on a host, at tc and at XDP: it answers pings and ARP itself, refuses
# what the rules do not allow, and programs notice nothing
#
#      host                 other
#   +--------+            +-------+
#   |   eth0 |------------| o0    |
#   +--------+            +-------+
#   10.0.0.1              10.0.0.2
#   fd00::1               fd00::2
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
bpftool btf dump file /sys/kernel/btf/vmlinux 2>/dev/null | grep -q "'bpf_xdp_ct_alloc'" ||
	skip_all "the kernel does not offer its connection tracking to BPF"

topo_netns host
topo_netns other
topo_veth host eth0 other o0 10.0.0.1/24 10.0.0.2/24
must ip -n host address add fd00::1/64 dev eth0 nodad
must ip -n host address add fe80::1/64 dev eth0 nodad
must ip -n other address add fd00::2/64 dev o0 nodad
must ip -n other address add fe80::2/64 dev o0 nodad

# heard NAME: what the kernel of the host has counted of that, as /proc/net/snmp and snmp6 call it
heard()
{
	# shellcheck disable=SC2016 # awk's fields
	topo_exec host awk -v name="$1" '
		FNR == 1 { delete column }
		$1 == name { print $2 }
		$1 == "Icmp:" && !column[name] { for (i = 2; i <= NF; i++) column[$i] = i; next }
		$1 == "Icmp:" && name in column { print $column[name] }' /proc/net/snmp /proc/net/snmp6
}

pings()
{
	topo_exec other ping -q -c 3 -i 0.05 -W 2 "${@:2}" "$1"
}

# reached FROM TO ADDRESS [OPTION...]: a program of one by one of the other
reached()
{
	topo_exec "$2" setpriv --pdeathsig KILL iperf3 -s -1 >/dev/null 2>&1 &
	lib_jobs+=("$!")
	wait_for topo_exec "$2" sh -c 'ss -tlnH | grep -q :5201' || return 1
	topo_exec "$1" iperf3 -c "$3" -n 4M --connect-timeout 2000 "${@:4}" >/dev/null
}

# refuses ADDRESS: a port that no rule allows, by an answer
refuses()
{
	topo_exec other timeout 5 bash -c "exec 3<>/dev/tcp/$1/80" 2>&1 | grep -q 'Connection refused'
}

for hook in tc xdp; do
	unseen=
	[ $hook = tc ] || unseen='s/ <- track <- eth0$//'
	sed "s/hook: tc/hook: $hook/; s,: host.rules,: $LANA_TOP/examples/host.rules,; $unseen" \
		"$LANA_TOP/examples/host.yaml" >"$LANA_SCRATCH/host.yaml"
	must lana -n host apply "$LANA_SCRATCH/host.yaml" >/dev/null
	must ip -n other neighbour flush dev o0

	before=$(heard InEchos) before6=$(heard Icmp6InEchos)
	for address in 10.0.0.1 fd00::1; do
		ok "$hook: $address: ping" pings $address
		ok "$hook: $address: a program is reached" reached other host $address
		ok "$hook: $address: another port is refused" refuses $address
		ok "$hook: $address: fragments get to the kernel, and are answered" \
			pings $address -s 4000
	done
	is "$(heard InEchos) $(heard Icmp6InEchos)" "$((before + 3)) $((before6 + 3))" \
		"$hook: of the pings the kernel has seen those in fragments alone"
	# At XDP the stack does not see what the kernel sends, so it knows no answers.
	for address in 10.0.0.2 fd00::2; do
		[ $hook = tc ] || break
		ok "$hook: $address: the host reaches others" reached host other $address
		ok "$hook: $address: by datagrams too" reached host other $address -u -b 50M
	done
	# A SYN that is answered while it is being sent is sent again.
	count=$(stats '.stats[] | select(.path == "ingress").counters.sent' refused)
	like "$count" '^[2-4]$' "$hook: the stack has refused both"
	like "$(lana show rules wall | tail -1)" " $count +reject$" "$hook: and the rule counts them"
	must lana flush
done

ok "the example runs by itself" timeout 120 "$LANA_TOP/examples/host.sh"

done_testing
