#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# link.sh - two hosts joined by an encrypted link, and what the wire between them shows
#
#              near                                       far
#   +--------------------------+               +--------------------------+
#   | plain0 === lana0   wire0 |---------------| wire0   lana0 === plain0 |
#   +--------------------------+               +--------------------------+
#    10.9.0.1                                                     10.9.0.2
#
# Needs root and a built tree. Nothing of the machine's own network is touched, and nothing is left.
# shellcheck source=examples/private.sh
. "$(dirname "$0")/private.sh"

(umask 077; head -c 32 /dev/urandom >/dev/shm/link.key)

ip netns add near
ip netns add far
link near wire0 far wire0 01 02
link near plain0 near lana0 03
link far plain0 far lana0 04
ip -n near address add 10.9.0.1/24 dev plain0
ip -n far address add 10.9.0.2/24 dev plain0
# An encrypted frame is up to 47 bytes longer, and no program after this device finishes checksums.
for netns in near far; do
	ip -n $netns link set plain0 mtu 1454
	in_netns $netns ethtool -K plain0 tx off >/dev/null
done

lana -s near -n near apply link-near.yaml
lana -s far -n far apply link-far.yaml
lana -s near show keys seal
lana -s far show keys open

echo
in_netns far setpriv --pdeathsig KILL \
	tcpdump -Z root -U -nn -i wire0 -w /dev/shm/wire 2>/dev/shm/tcpdump >/dev/null &
dump=$!
until grep -q listening /dev/shm/tcpdump; do sleep 0.02; done
in_netns near ping -q -c 3 -i 0.1 -s 1426 -M 'do' -p 706c61696e74657874 10.9.0.2
in_netns far setpriv --pdeathsig KILL iperf3 -s -1 >/dev/null &
until in_netns far ss -tlnH | grep -q :5201; do sleep 0.02; done
in_netns near iperf3 -c 10.9.0.2 -n 2M | grep receiver
kill "$dump"
wait "$dump" || true
echo
echo "the wire; no frame of it has the text of the pings in it:"
tcpdump -nn -c 8 -r /dev/shm/wire 2>/dev/null | grep ethertype
if grep -aq plaintext /dev/shm/wire; then
	exit 1
fi
lana -s near stats

echo
echo "and with another key at the far end:"
(umask 077; head -c 32 /dev/urandom >/dev/shm/other.key)
lana -s far set open key=/dev/shm/other.key
if in_netns near ping -q -c 3 -i 0.1 -W 1 10.9.0.2; then
	exit 1
fi
lana -s far stats open
lana -s near check
lana -s far check
lana -s near flush
lana -s far flush
