#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# link-emulation.sh - two hosts at the ends of a line with a rate, a delay, jitter and loss
#
#      left                 lab                 right
#   +-------+      +-------------------+      +-------+
#   |   l0 -|------|- west ═up═▶ east -|------|- r0   |
#   |       |      |     ◀═down═       |      |       |
#   +-------+      +---------║---------+      +-------+
#   10.9.0.1               worker              10.9.0.2
#
# Needs root and a built tree. Nothing of the machine's own network is touched, and nothing is left.
# shellcheck source=examples/private.sh
. "$(dirname "$0")/private.sh"

for netns in left lab right; do
	ip netns add $netns
done
link left l0 lab west 01 02
link lab east right r0 03 04
ip -n left address add 10.9.0.1/24 dev l0
ip -n right address add 10.9.0.2/24 dev r0

lana -n lab apply link-emulation.yaml
setpriv --pdeathsig KILL -- "$LANACTL" worker >/dev/null &
worker=$!
until lana show up | grep -q 'worker  *worker'; do sleep 0.02; done
echo
in_netns left ping -q -c 10 -i 0.1 10.9.0.2
echo
in_netns left setpriv --pdeathsig KILL iperf3 -s -1 >/dev/null &
until in_netns left ss -tlnH | grep -q :5201; do sleep 0.02; done
in_netns right iperf3 -c 10.9.0.1 -t 3 | grep receiver
echo
lana set down rate=5mbit
lana set up delay=80ms
in_netns left ping -q -c 10 -i 0.1 10.9.0.2
echo
lana link
lana check
kill $worker
wait $worker
lana flush
