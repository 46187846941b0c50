#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fates.sh - what becomes of each packet at block reorder, as captures before and behind it show it
#
# As reorder_lib.sh shows it, with paths that differ, lose packets and bring some twice. Captured is
# at w1 … w4 and at r0. fates.py has a model of docs/reorder.md, and says what should have left, in
# which order, and what counters should have counted: all of it has to agree, packet by packet. One
# process sends on all paths, on one CPU, so that packets come one after the other.
#
# shellcheck disable=SC2317 # functions are called by ok and wait_for
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=selftests/reorder_lib.sh
. "$LANA_TOP/selftests/reorder_lib.sh"
command -v python3 >/dev/null || skip_all "no python3"
command -v tcpdump >/dev/null || skip_all "no tcpdump"

PATHS=4
DELAYS=(1 20 5 10)
before=$LANA_SCRATCH/before.pcap behind=$LANA_SCRATCH/behind.pcap
go=$LANA_SCRATCH/go warm=$LANA_SCRATCH/warm

reorder_topology $PATHS
must ip -n left link set l0 mtu 1492 # 8 bytes less

devices=()
for ((i = 1; i <= PATHS; i++)); do
	devices+=("$(ip -n join -j link show "w$i" | jq '.[].ifindex')")
done
of_paths=$(printf 'or ifindex %s ' "${devices[@]}")
of_paths=${of_paths#or}

# paths: those of a new stack
paths()
{
	reorder_open tc $PATHS
	must taskset -apc 0 "$split_worker" >/dev/null
	delays "${DELAYS[@]}"
	split add twice duplicate
	split bind twice k3 ingress
	split bind e3 twice ingress
}

# worse PERCENT PPM: paths 2 and 4 lose so many packets, path 3 brings so many twice
worse()
{
	must split set k2 "loss=$1%"
	must split set k4 "loss=$1%"
	must split set twice "ppm=$2"
}

# ---- captures --------------------------------------------------------------------------------------

# capture NETNS FILE DEVICE FILTER [WORD...]: in the background; its pid goes to $capture. The ring has
# room for all that is sent, as its slots are no longer than the packets: of 262,144 bytes, as they would
# be else, it has 64, which are full before a busy machine comes round to tcpdump.
capture()
{
	background nsenter --net="/run/netns/$1" tcpdump -Z root -B 16384 -s 2000 --immediate-mode -U \
		-Q in -i "$3" -w "$2" "${@:5}" "dst host 10.0.0.2 and $4" 2>"$2.said"
	capture=$!
	wait_for grep -q listening "$2.said" || bail "no capture: $(cat "$2.said")"
}

# marked FILE: it has what follows the last packet, on each path
marked()
{
	[ "$(grep -ao 'fates!fates!fates!' "$1" | wc -l)" -eq $((4 * PATHS)) ]
}

# counts: all counters of reorder, on both ways together
counts()
{
	join -j stats order | jq -c '[.stats[].counters | to_entries[]] | group_by(.key) |
		map({ key: .[0].key, value: map(.value) | add }) | from_entries'
}

given_back()
{
	[ "$(counted flows)" -eq 0 ]
}

# watch KIND SENDER WORD...: what becomes of what it sends, in $fates; and by how much counters have
# grown, in $grown. It waits for the file $go when it has made the file $warm.
watch()
{
	local kind=$1 name=$2 was sender first

	shift 2
	rm -f "$go" "$warm"
	was=$(counts)
	capture join "$before" any "($of_paths)" -y LINUX_SLL2
	first=$capture
	capture right "$behind" r0 ip
	background nsenter --net=/run/netns/left timeout 60 python3 "$LANA_SCRATCH/$name.py" \
		"$go" "$warm" "$@"
	sender=$!
	wait_for test -e "$warm" || bail "nothing is sent"
	worse 2 20000
	touch "$go"
	wait "$sender" || bail "not all was sent"
	worse 0 0
	# One CPU, as each has turns of its own.
	topo_exec left taskset -c 0 ping -q -c $((4 * PATHS)) -i 0.002 -W 0.1 -s 40 -p 666174657321 \
		10.0.0.2 >/dev/null
	wait_for marked "$before" || bail "the capture is not complete"
	wait_for marked "$behind" || bail "the capture is not complete"
	wait_for given_back || bail "a flow is not given back"
	kill -INT "$first" "$capture"
	wait "$first" "$capture"
	is "$(grep -h dropped "$before.said" "$behind.said" | sort -u)" "0 packets dropped by kernel" \
		"$name by $kind: captures are complete"
	grown=$(jq -nc --argjson was "$was" --argjson is "$(counts)" \
		'$is | to_entries | map(.value -= $was[.key]) | from_entries')
	fates=$(python3 "$LANA_TOP/selftests/fates.py" "$kind" "$before" "$behind" "${devices[@]}")
	note "fates: $fates"
	note "counters: $grown"
}

# agree DESCRIPTION FILTER: what jq makes of "fates" and "grown" is true
agree()
{
	jq -e "$2" <<<"{ \"fates\": $fates, \"grown\": $grown }" >/dev/null
	tap_result $? "$1"
}

# each DESCRIPTION: packets come out once, or are counted, whatever the time
each()
{
	agree "$1: nothing leaves that has not come, nor more often" '.fates.made_up == 0'
	agree "$1: what does not leave is counted" '.fates.missing == .grown.duplicates'
	agree "$1: whoever passes a gap is counted, with the reason" \
		'.fates.seen.passed == .grown.lost + .grown.timeouts + .grown.full'
	agree "$1: and whoever comes behind, late" '.fates.seen.late == .grown.late'
}

# as_said DESCRIPTION: all is as docs/reorder.md says, where time is without limit
as_said()
{
	each "$1"
	agree "$1: packets leave in the order that the model has" '.fates.in_order'
	agree "$1: counters are those of the model" \
		'[.grown | .held, .filled, .late, .lost, .duplicates, .path_lost] ==
		[.fates.model | .held, .filled, .late, .lost, .duplicates, .path_lost]'
	agree "$1: a gap in the kernel is where one opens" \
		'.grown.gaps >= 1 and .grown.gaps <= .fates.model.openings'
	agree "$1: there was something to see" \
		'.grown | .held > 100 and .filled > 10 and .lost > 3 and .duplicates > 3'
	agree "$1: nothing for other reasons" '.grown | .timeouts + .full + .restarts == 0'
}

# ---- senders ---------------------------------------------------------------------------------------

background nsenter --net=/run/netns/right socat -u TCP-LISTEN:7000,fork,reuseaddr /dev/null

# CONNECTIONS BYTES, of which each begins with some packets by each path
cat >"$LANA_SCRATCH/tcp.py" <<-'END'
	import os, socket, sys, threading, time
	go, warm, count, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
	peers = [socket.create_connection(("10.0.0.2", 7000), 10) for _ in range(count)]
	for peer in peers:
	    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
	for _ in range(12):
	    for peer in peers:
	        peer.sendall(os.urandom(100))
	    time.sleep(0.005)
	time.sleep(0.15)
	open(warm, "w")
	while not os.path.exists(go):
	    time.sleep(0.005)
	def send(peer):
	    peer.settimeout(30)
	    peer.sendall(os.urandom(size))
	    peer.shutdown(socket.SHUT_WR)
	    peer.recv(1)
	threads = [threading.Thread(target=send, args=(peer,)) for peer in peers]
	for thread in threads:
	    thread.start()
	for thread in threads:
	    thread.join()
END

# DATAGRAMS, in the same manner
cat >"$LANA_SCRATCH/udp.py" <<-'END'
	import os, socket, sys, time
	go, warm, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
	sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	def send(number):
	    sender.sendto(b"%08d" % number * 30, ("10.0.0.2", 7000))
	for number in range(12):
	    send(number)
	    time.sleep(0.005)
	time.sleep(0.15)
	open(warm, "w")
	while not os.path.exists(go):
	    time.sleep(0.005)
	for number in range(12, count):
	    send(number)
	    if number % 8 == 0:
	        time.sleep(0.002)
END

# ---- TCP's numbers ---------------------------------------------------------------------------------

paths
join set order timer=none hold=100ms
watch tcp tcp 1 2000000
as_said "TCP"
join set order timer=adapt
watch tcp tcp 3 500000
each "TCP, with time-outs"
reorder_close

# ---- numbers of a header ---------------------------------------------------------------------------

paths
number $PATHS kept
join set order timer=none hold=100ms
watch header udp 3000
as_said "UDP, with a header"
reorder_close

paths
number $PATHS
watch header tcp 2 500000
each "TCP, with a header and time-outs"
reorder_close

is "$(find "$LANA_BPFFS" -mindepth 2 | wc -l)" 0 "nothing is left in bpffs"
done_testing
