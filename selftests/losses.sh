#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# losses.sh - what is lost on one to five paths: TCP is byte-exact, whichever packet it is
#
# As reorder_lib.sh shows it, with a block that loses one packet of each connection (miss), in front
# of fan; and one on the way back. By TCP's numbers, and by those of block sequence, with which UDP
# goes as well: what is lost of that stays lost, and all else arrives once and in order.
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=selftests/reorder_lib.sh
. "$LANA_TOP/selftests/reorder_lib.sh"
command -v python3 >/dev/null || skip_all "no python3"

export LANA_TYPES=$LANA_TYPES:$LANA_BUILD/selftests/blocks
PATHS=5
SIZE=60000
# What connections to the ports from 5008 on lose, as block miss counts: nothing, the first byte of
# data, one in the midst, the last one, the FIN; what comes back: the first byte of the answer. And
# the SYN, and what answers it: TCP sends them again after a second only.
forth=0,2,$((SIZE / 2)),$((SIZE + 1)),$((SIZE + 2)),0,1,0
back=0,0,0,0,0,2,0,1
KINDS=8
quick=6
# Of UDP, to ports 5008 and 5009: one in the midst, and the last one.
DATAGRAMS=1000
datagrams=$((DATAGRAMS / 2)),$DATAGRAMS

reorder_topology $PATHS
must ip -n left link set l0 mtu 1492 # 8 bytes less

# answer: in right, take what comes in each connection, and send its checksum back
answer()
{
	background nsenter --net=/run/netns/right python3 -c '
import hashlib, socket, sys, threading
def serve(server):
    while True:
        peer, _ = server.accept()
        threading.Thread(target=take, args=(peer,), daemon=True).start()
def take(peer):
    total = hashlib.sha256()
    while chunk := peer.recv(1 << 16):
        total.update(chunk)
    peer.sendall(total.digest())
    peer.close()
servers = [socket.create_server(("10.0.0.2", 5008 + n)) for n in range(int(sys.argv[1]))]
for server in servers[1:]:
    threading.Thread(target=serve, args=(server,), daemon=True).start()
serve(servers[0])' "$KINDS"
	wait_for topo_exec right sh -c "ss -Hltn sport = :$((5007 + KINDS)) | grep -q ." || bail "nobody answers"
}

# exact KINDS: connections of so many kinds at once; all that was sent has arrived
exact()
{
	topo_exec left timeout 60 python3 -c '
import hashlib, os, socket, sys, threading
wrong = []
def send(port):
    data = os.urandom(int(sys.argv[2]))
    try:
        peer = socket.create_connection(("10.0.0.2", port), 20)
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := peer.recv(100):
            answer += chunk
        if answer != hashlib.sha256(data).digest():
            wrong.append(port)
    except OSError as error:
        wrong.append((port, error))
threads = [threading.Thread(target=send, args=(5008 + n,)) for n in range(int(sys.argv[1]))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit(str(wrong) if wrong else 0)' "$1" "$SIZE"
}

# missed: packets that both blocks have lost
missed()
{
	split -j stats | jq '[.stats[].counters.missed // 0] | add'
}

# lose UNDER: the packets that are to be lost, in front of fan
lose()
{
	split add forth miss at=$forth
	split bind forth "$1" ingress
	[ "$1" = west ] || split bind forth "$1" port other ingress
	split bind fan forth ingress
	split add back miss at=$back
	split bind back e1 ingress
	split bind west back ingress
}

# some PATHS KINDS MODE: connections of so many kinds, by so many paths
some()
{
	local before weights

	weights=$(printf '%.0s1,' $(seq "$1"))
	split set fan "weights=${weights%,}"
	before=$(missed)
	ok "$3, $1 of $PATHS paths: TCP is byte-exact" exact "$2"
	is $(($(missed) - before)) $(($2 - 1)) "$3, $1 of $PATHS paths: of each connection its packet was lost"
}

# udp HOOK: two flows of which packets are lost; that is known by the paths, however late a busy
# machine is with the others
udp()
{
	local port

	must join set order timer=none
	split set forth at=$datagrams
	topo_exec right "$LANACTL" -j sink r0 count $((2 * DATAGRAMS - 2)) time 10s >"$LANA_SCRATCH/sunk" &
	sink=$!
	wait_for topo_exec right sh -c 'ip -j link show r0 | grep -q xdp'
	for port in 5008 5009; do
		topo_exec left "$LANACTL" gen l0 "eth ip4 udp(sport=6000, dport=$port) payload(500)" \
			rate 3kpps count $DATAGRAMS stamp >/dev/null
	done
	wait "$sink"
	is "$(jq -c '[.streams[] | [.received, .reordered, .duplicated // 0]]' "$LANA_SCRATCH/sunk")" \
		"[[$((DATAGRAMS - 1)),0,0],[$((DATAGRAMS - 1)),0,0]]" \
		"$1: of UDP all others arrive, once and in order"
}

# open HOOK: a stack whose paths differ
open()
{
	reorder_open "$1" $PATHS
	delays 1 16 5 10 15
}

# close HOOK
close()
{
	is "$(counted holding)" 0 "$1: nothing waits"
	reorder_close
}

answer
open tc
lose west
some 1 $KINDS "tc, by TCP's numbers"
for paths in 2 3 4; do
	some $paths $quick "tc, by TCP's numbers"
done
some 5 $KINDS "tc, by TCP's numbers"
for options in timer=fixed timer=none order=off; do
	must join set order $options
	some 5 $quick "tc, $options"
done
close tc

open tc
number $PATHS
lose number
for paths in 1 2 3 4 5; do
	some $paths $quick "tc, by a header"
done
udp tc
close tc

open xdp
lose west
for paths in 1 2 3 4 5; do
	some $paths $quick "xdp, by TCP's numbers"
done
close xdp

open xdp
number $PATHS
lose number
some 5 $KINDS "xdp, by a header"
udp xdp
close xdp

is "$(find "$LANA_BPFFS" -mindepth 2 | wc -l)" 0 "nothing is left in bpffs"
done_testing
