#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# topo_links_live.sh - properties of links change while packets are on them, by hand and by events
#
#	a ── r ──link── b
# shellcheck disable=SC2016,SC2317 # functions are called by ok; $ is jq's
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/topo_lib.sh
. "$LANA_TOP/selftests/topo_lib.sh"

command -v socat >/dev/null || skip_all "no socat"
topo_links live
file=$folder/lab.yaml
before=$(traces)

# between PROPERTIES: the file, with these of the link
between()
{
	cat >"$file" <<EOF
routing: shortest
nodes:
  a:
  r: { forwarding: true }
  b: { processes: [ { run: [socat, "TCP-LISTEN:5201,fork,reuseaddr,rcvbuf=65536", "SYSTEM:wc -c"], name: count } ] }
links:
  - a -- r
  - { ends: [r, b], name: link, $1 }
EOF
}

# way FROM FILTER: of what that end sends by the link
way()
{
	topo_show lab ".directions[] | select(.from == \"$1\") | $2"
}

serves()
{
	in_node lab b ss -tln | grep -q 5201
}

# sends NODE: to b what comes on standard input; how many bytes b has got of it, which it says in the end
sends()
{
	in_node lab "$1" timeout 60 socat -t 60 - TCP:10.0.1.2:5201,sndbuf=65536
}

# ---- super-segments ------------------------------------------------------------------------------

between "loss: 0, seed: 7, from: { r: { loss: 0.001% } }"
ok "a network with a link that loses" topo up "$file"
is "$(topo_show lab '[.interfaces[] | select(.gso == "off") | "\(.node):\(.interface)"] | join(" ")')" "r:eth1" \
	"super-segments are off where they would be lost whole"
wait_for serves
in_node lab b tcpdump -n -i eth0 -p -w "$LANA_SCRATCH/long.pcap" 'greater 1515' >/dev/null 2>&1 &
lib_jobs+=("$!")
wait_for test -e "$LANA_SCRATCH/long.pcap"
for node in a r; do
	is "$(head -c 20M /dev/zero | sends $node)" 20971520 "TCP goes through, from $node"
done
pkill -INT -f "$LANA_SCRATCH/[l]ong.pcap"
wait "${lib_jobs[-1]}" 2>/dev/null
is "$(tcpdump -n -r "$LANA_SCRATCH/long.pcap" 2>/dev/null | wc -l)" 0 "no packet is longer than a frame, be it forwarded"
[ "$(way r:eth1 .packets)" -gt 28000 ] # 1,448 bytes in each
tap_result $? "each is decided on" || note "$(way r:eth1 .packets) packets"
is "$(in_node lab b cat /proc/net/snmp | awk '/^Tcp: [0-9]/ { print $NF }')" 0 "checksums are right"
ok "loss goes, live" topo set lab link loss=0
is "$(topo_show lab '[.interfaces[] | select(.gso == "off")] | length')" 0 "and they are on again"
ok "it comes again with a delay" topo set lab link loss=1% delay=1ms from r
is "$(topo_show lab '[.interfaces[] | select(.gso == "off")] | length')" 0 "where it takes time they are cut anyway"
is "$(way b:eth0 .delay)" 0 "the other direction is as it was"

# ---- changes under traffic -------------------------------------------------------------------------

ok "back to what another file says" sh -c "sed -i 's/loss: 0,.*}/rate: 100mbit, delay: 2ms, limit: 1000pkt, seed: 7 }/' '$file'; $LANACTL topo apply '$file'"
is "$(way r:eth1 '"\(.loss) \(.rate) \(.seed)"')" "0 100000000 7" "it holds at once"
# stream: until there is the file enough
stream()
{
	while [ ! -e "$LANA_SCRATCH/enough" ]; do
		head -c 100K /dev/zero
	done
}
stream | tee "$LANA_SCRATCH/sent" | sends a >"$LANA_SCRATCH/got" &
transfer=$!
lib_jobs+=("$transfer")
in_node lab a ping -n -q -i 0.05 -c 70 -W 3 10.0.1.2 >"$LANA_SCRATCH/ping" &
lib_jobs+=("$!")
ping=$!
for change in delay=8ms rate=50mbit rate=0 "delay=0 rate=0" "rate=200mbit queue=fq" jitter=1ms jitter=0 \
	"queue=fifo limit=200pkt" delay=3ms; do
	# shellcheck disable=SC2086 # words
	topo set lab link $change >/dev/null || note "$change was refused"
	sleep 0.15
done
wait "$ping"
touch "$LANA_SCRATCH/enough"
wait "$transfer"
is "$(lost <"$LANA_SCRATCH/ping")" 0 "no echo is lost by changes of all kinds"
is "$(cat "$LANA_SCRATCH/got")" "$(stat -c %s "$LANA_SCRATCH/sent")" "and TCP goes on"
is "$(way r:eth1 .seed)" 7 "nothing is decided anew"
is "$(way r:eth1 '"\(.delay) \(.rate) \(.limit)"')" "3000000 200000000 200pkt" "settings have merged"

# What is on its way, by what the worker counts.
on_way()
{
	[ "$("$LANACTL" -s lab++wires -j stats link@r.eth1 |
		jq '[.stats[].counters.in_flight] | add')" -ge 1 ]
}
topo set lab link rate=0 delay=0 >/dev/null
topo set lab link delay=2s from r >/dev/null
in_node lab a ping -n -c 1 -W 9 10.0.1.2 >"$LANA_SCRATCH/ping" &
lib_jobs+=("$!")
ping=$!
ok "a packet is on its way" wait_for on_way
ok "when links take no time any more" topo set lab link delay=0
wait "$ping"
is "$(awk -F'time=' '/time=/ { print ($2 + 0 >= 1990) }' "$LANA_SCRATCH/ping")" 1 "it keeps its time"
topo set lab link rate=200mbit delay=3ms >/dev/null
topo set lab link rate=20mbit
begin=${EPOCHREALTIME//[.,]/}
got=$(head -c 2500000 /dev/zero | sends a)
took=$((${EPOCHREALTIME//[.,]/} - begin))
[ "$got" = 2500000 ] && [ $took -ge 1000000 ]
tap_result $? "a rate is kept: 20 Mbit take a second" || note "$got bytes in $took us"
refused "what cannot be is refused" topo set lab link delay=5
refused "so is a node elsewhere" topo set lab link delay=5ms from a
is "$(way r:eth1 .delay)" 3000000 "and changes nothing"
like "$(topo plan "$file")" "^set link link from r:eth1: rate=100mbit delay=2ms limit=1000pkt seed=7" "apply would go back to the file"
ok "it does" topo apply "$file"
is "$(topo plan "$file")" "nothing to do" "and all is as the file says"
ok "a veth gets its first property" topo set lab a-r delay=5ms
is "$(topo_show lab '[.links[].kind] | join(" ")')" "emulated emulated" "and is another link then"
ok "which leads where it did" wait_for reaches lab a 10.0.1.2

# ---- a larger MTU ------------------------------------------------------------------------------------

first=$(topo_show lab '.processes[] | select(.node == "@wires") | .pid')
sed -i 's/seed: 7/mtu: 3000, seed: 7/' "$file"
ok "a larger MTU" topo apply "$file"
is "$(in_node lab r ping -n -c 1 -W 2 -s 2900 -M "do" 10.0.1.2 | lost)" 0 "frames of it pass the worker"
[ "$(topo_show lab '.processes[] | select(.node == "@wires") | .pid')" != "$first" ]
tap_result $? "which is another one"
ok "the network goes" topo down lab
is "$(traces)" "$before" "nothing is left"

# ---- events --------------------------------------------------------------------------------------------

between "rate: 0"
cat >>"$file" <<'EOF'
events:
  at 0s: b reaches a
  at 100ms: link link set delay=60ms loss=0
  at 200ms: ramp link delay 60ms to 20ms every 20ms for 200ms from r
  at 500ms: a reaches b
EOF
lana -j topo run "$file" >"$LANA_SCRATCH/run.json"
is $? 0 "a run with changes"
ran()
{
	jq -r "$1" "$LANA_SCRATCH/run.json"
}
is "$(ran '[.events[].at / 1000000] | map(tostring) | join(" ")')" \
	"0 100 200 220 240 260 280 300 320 340 360 380 400 500" "a ramp is known beforehand, to the millisecond"
is "$(ran '.events[5].event, .events[12].event')" "link link set delay=48ms from r
link link set delay=20ms from r" "and ends where it should"
is "$(ran '[.events[] | select(.outcome == "failed")] | length')" 0 "all is done" || note "$(ran .events)"
took=$(ran '.events[13].found' | sed -n 's/.*after \([0-9]*\).*/\1/p')
[ "${took:-0}" -ge 80 ]
tap_result $? "an echo takes what was set" || note "$took ms"
is "$(ran '.directions[0] | "\(.delay) \(.where)"')" "20000000 worker" "the report says how true links were"
is "$(ran '.directions[1].delay')" 60000000 "by direction"
like "$(ran .late)" '^[0-2]$' "and whether the host kept up"
is "$(traces)" "$before" "nothing is left"

# wrong_event EVENT ERROR
wrong_event()
{
	between "rate: 0"
	printf 'events:\n  at 1s: %s\n' "$1" >>"$file"
	like "$(topo validate "$file" 2>&1)" "lab.yaml:10:[0-9]+: $2" "refused: $1"
}
wrong_event "link link set delay=5" "delay: '5' has no unit"
wrong_event "link link set red_min=5kb" "red_min without red_max"
wrong_event "link link set" "it is: link NAME set"
wrong_event "link a-r set delay=5ms" "link 'a-r' has no properties and is a plain veth"
wrong_event "link link set delay=5ms from a" "'a' is no node of link 'link'"
wrong_event "ramp link delay 5ms to 1% every 1ms for 5ms" "there is no way from 5ms to 1%"
wrong_event "ramp link delay 1% to 5% every 1ms for 5ms" "delay: '1%' is no time"
wrong_event "ramp link delay 5ms to 9ms" "it is: ramp NAME KEY"

done_testing
