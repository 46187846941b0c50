#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# topo_ping.sh - who reaches whom in a network
#
#	a ──slow── r ── b ── none     six has no IPv4, and none no address at all
#	           └── six
# shellcheck disable=SC2016,SC2317 # functions are called by ok; $ is jq's
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/topo_lib.sh
. "$LANA_TOP/selftests/topo_lib.sh"

topo_links ping
file=$folder/lab.yaml
before=$(traces)

cat >"$file" <<'END'
routing: shortest
nodes:
  a: { addresses: [192.0.2.1/32] }
  r: { forwarding: true }
  b:
  six: { interfaces: { eth0: { addresses: [fd00:0:0:2::9/64] } } }
  none: { interfaces: { eth0: { addresses: [] } } }
links:
  - { ends: [a, r], name: slow, delay: 150ms }
  - r -- b
  - r -- six
  - { ends: [b, none], name: out }
END

# ping WORD ...: its status; what it says goes to files
ping()
{
	topo ping lab "$@" >"$LANA_SCRATCH/text"
	status=$?
	lana -j topo ping lab "$@" >"$LANA_SCRATCH/json"
	return "$status"
}

# told FILTER: what the jq filter makes of it
told()
{
	jq -r "$1" "$LANA_SCRATCH/json"
}

# cell ROW COLUMN: of the first matrix
cell()
{
	awk -v row="$1" -v column="$2" '
		/ms/ { for (i = 3; i <= NF; i++) if ($i == column) at = i - 1 }
		$1 == row { print $at; exit }' "$LANA_SCRATCH/text"
}

ok "a network comes up" topo up "$file"
lana -j topo ping lab a r >"$LANA_SCRATCH/json"
is "$(told '[.pairs[] | select(.sent == 3 and .min > 300e6 and .max < 500e6)] | length')" 2 \
	"that neighbours are found first is no part of round trips, nor an echo that counts"
topo set lab slow delay=20ms
ok "all reach all, by the addresses that both have" ping
is "$(told '.pairs | length')" 18 "which are six pairs of IPv4 and twelve of IPv6"
is "$(told '[.pairs[] | select(.sent != 3 or .received != 3)] | length')" 0 "each answers three echoes"
is "$(told '[.pairs[] | select(.from == "none" or .to == "none")] | length')" 0 "who has no address is not asked"
is "$(told '[.pairs[] | select(.family == "ipv4") | "\(.from)-\(.to)"] | join(" ")')" "a-r a-b r-a r-b b-a b-r" "in the order of the file"
is "$(tail -n 1 "$LANA_SCRATCH/text")" "network lab: 18 of 18 pairs answer" "which is said"
is "$(grep -c . "$LANA_SCRATCH/text")" 10 "below two matrices"
is "$(cell a a) $(awk '$1 == "six" { print NF }' "$LANA_SCRATCH/text")" ". 5" "with a row for each node"
is "$(told '[.pairs[] | select((.from == "a" or .to == "a") and .min < 40e6)] | length')" 0 "round trips by a slow link take their time"
is "$(told '[.pairs[] | select(.min > .avg or .avg > .max)] | length')" 0 "the mean is between the least and the most"
LC_ALL=C awk -v cell="$(cell a b)" 'BEGIN { exit !(cell >= 40) }'
tap_result $? "in ms"
ok "those of one node" ping b
is "$(told '[.pairs[].from] | unique | join(" ")')" b "are those that it asks"
ok "those of a pair, in a family, with as many echoes as are asked for" ping b six ipv6 count 7
is "$(told '.pairs[] | "\(.from) \(.to) \(.family) \(.sent) \(.received)"')" "b six ipv6 7 7" "are one"
refused "a node that is not there is refused" topo ping lab x
refused "a pair that has no family in common is" topo ping lab b six ipv4
refused "and one with itself" topo ping lab b b
is "$(lana help complete topo ping lab b si | xargs)" six "nodes are completed"

# ---- losses --------------------------------------------------------------------------------------

topo link lab r-b down
ping
is $? 1 "if a pair does not answer the status is 1"
is "$(told '[.pairs[] | select(.received == 0) | "\(.from)-\(.to)"] | unique | join(" ")')" "a-b b-a b-r b-six r-b six-b" \
	"which are those behind a link that is down"
is "$(told '[.pairs[] | select(.received == 3)] | length') $(told .failed)" "8 10" "others do"
is "$(cell a b) $(cell b a)" "X X" "and those have a cross"
is "$(tail -n 1 "$LANA_SCRATCH/text")" "network lab: 8 of 18 pairs answer" "and are counted"
topo link lab r-b up
topo set lab slow loss=40% seed=3 from a
ok "a pair that loses some answers" ping a r ipv4 count 30
lost=$(told '.pairs[0] | .sent - .received')
[ "$lost" -gt 0 ] && [ "$lost" -lt 30 ]
tap_result $? "the loss is told" || note "$lost of 30"
like "$(cell a r)" '^[0-9.]+/[0-9]+%$' "beside the round trip"
topo set lab slow loss=0 duplicate=100% from a
ok "echoes that come twice" ping a r ipv4 count 10
is "$(told '.pairs[0].received')" 10 "are counted once"
ok "who waits for less than it takes" topo set lab slow duplicate=0 delay=700ms from a
ping a r ipv4 count 1 wait 100ms
is $? 1 "gets no answer"
ok "and for longer gets one" ping a r ipv4 count 1 wait 5s
ok "it goes" topo down lab

# ---- many ----------------------------------------------------------------------------------------

topo generate star 24 >"$folder/many.yaml"
ok "a network of 25 nodes" topo up "$folder/many.yaml" as lab
ok "600 pairs, or 1,200" ping
is "$(told '[.pairs[] | select(.received == 3)] | length') $(cat "$LANA_SCRATCH/text")" \
	"1200 network lab: 1200 of 1200 pairs answer" "all answer, and there is nothing more to say"
topo link lab "$(topo_show lab '.links[-1].link')" down
ping
is "$(grep -c 'by IPv[46]: 100% lost' "$LANA_SCRATCH/text")" 96 "otherwise there is a line for each that does not"
ok "it goes" topo down lab
is "$(traces)" "$before" "nothing is left"

done_testing
