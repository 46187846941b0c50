#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# topo_links_kill.sh - whoever is killed at work on links with properties leaves no trace
#
# A network with a stack and a worker is made, changed and removed by commands that are killed at
# system calls, those of BPF above all (strace(1) sends the signal).
# shellcheck disable=SC2317 # functions are called by wait_for
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/topo_lib.sh
. "$LANA_TOP/selftests/topo_lib.sh"

command -v strace >/dev/null || skip_all "no strace"
topo_links killed
nodes='nodes: { a: , b: , c: }'
echo "$nodes
links: [ { ends: [a, b], delay: 1ms }, { name: lan, ends: [a, b, c], to: { c: { loss: 1% } } } ]" >"$folder/lab.yaml"
echo "$nodes
links: [ { ends: [a, b], rate: 1gbit }, { ends: [b, c], delay: 1ms } ]" >"$folder/changed.yaml"
sed 's/delay: 1ms/delay: 5ms/' "$folder/lab.yaml" >"$folder/other.yaml"
ok "another network is up" topo up "$folder/other.yaml"

left_now()
{
	traces
	find "$LANA_BPFFS/lana" -mindepth 1 -maxdepth 1 | sed 's/^/stack /'
}
is_clean()
{
	[ "$(left_now)" = "$clean" ]
}
clean=$(left_now)

# killed CALLS WHEN WORD ...: a command of lanactl topo, and what is left then
killed()
{
	strace -D -f -qq -o /dev/null -e "inject=$1:signal=KILL:when=$2" "$LANACTL" topo "${@:3}" \
		>/dev/null 2>&1
	[ $? -ne 137 ] || count=$((count + 1))
	topo down lab >"$LANA_SCRATCH/down" 2>&1 || grep -q 'there is no network' "$LANA_SCRATCH/down" ||
		faults+="$3, call $2: $(cat "$LANA_SCRATCH/down")"$'\n'
	wait_for is_clean || faults+="$3, call $2: $(diff <(echo "$clean") <(left_now))"$'\n'
}

for command in up apply set down; do
	count=0 faults=''
	for when in 20 150; do
		[ $command = up ] || topo up "$folder/lab.yaml" >/dev/null 2>&1 || faults+="no network"
		case $command in
		up) killed bpf $when up "$folder/lab.yaml" ;;
		apply) killed bpf $((when / 2)) apply "$folder/changed.yaml" as lab ;;
		set) killed bpf $((when / 5)) set lab a-b delay=3ms ;;
		down) killed unlink,unlinkat,bpf $((when / 4)) down lab ;;
		esac 2>/dev/null
	done
	[ "$count" -ge 1 ]
	tap_result $? "$command is killed at calls of BPF" || note "$count times"
	is "$faults" "" "and down leaves no trace of it"
done
ok "the other network is whole" reaches other a 10.0.0.2
ok "and goes" topo down other

done_testing
