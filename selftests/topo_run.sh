#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# topo_run.sh - what happens in a network at which time, and what is expected of it
#
#	a -- b -- c, and a -- c by another link; b forwards
# shellcheck disable=SC2317 # functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/topo_lib.sh
. "$LANA_TOP/selftests/topo_lib.sh"

[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"
file=$LANA_SCRATCH/lab.yaml
before=$(traces)

# write: a network, with the events on standard input
write()
{
	{
		cat <<'END'
network: lab
routing: shortest
nodes: { a: , b: { forwarding: true }, c: , d: }
links: [ a -- b, b -- c, { ends: [c, d], segment: true, name: lan } ]
events:
END
		cat
	} >"$file"
}

# ran FILTER: what the jq filter makes of the last run's events
ran()
{
	jq -r "$1" "$LANA_SCRATCH/run.json"
}

run()
{
	lana -j topo run "$file" >"$LANA_SCRATCH/run.json"
}

write <<'END'
  at 0s: [a reaches c, a reaches 10.0.1.2, throughput a c above 1mbit]
  at 100ms: link a-b down from b
  at 150ms: a does not reach b
  at 1.3s: [link a-b up, loss a b below 2%, d does not reach 192.0.2.1]
  at 1.35s: link a-b down
  at 1.4s: link a-b up
  at 3.5s: a reaches c
END
run
is $? 1 "an expectation that is not met makes the status 1"
is "$(ran '[.events[].outcome] | join(" ")')" \
	"passed passed passed done passed done failed passed done done passed" "it is a loss, of echoes while a link was down" ||
	note "$(ran '.events[] | "\(.event): \(.outcome) \(.found)"')"
write <<'END'
  at 0s: [a reaches c, a reaches 10.0.1.2, throughput a c above 1mbit]
  at 1.1s: loss a c below 1%
  at 3.3s: link a-b down from b
  at 3.35s: a does not reach b
END
ok "all as expected: the status is 0" run
is "$(ran .failed)" 0 "none failed"
like "$(ran '[.events[].late] | max')" '^[0-9]+$' "each is told with its delay"
note "at most $(ran '[.events[].late] | max') ns"
like "$(ran '.events[2].found')" "^[0-9.]+ mbit a second$" "what was found is told"

write <<'END'
  at 0s: throughput a c above 900gbit
  at 10ms: partition a b
  at 20ms: a does not reach c
  at 1.1s: heal
  at 1.15s: a reaches c
END
run
is "$(ran '[.events[].outcome] | join(" ")')" "failed done passed done passed" "partition and heal"

write <<'END'
  at 0s: flap a-b every 100ms for 300ms
  at 500ms: churn every 50ms for 150ms seed 4
END
ok "links flap, and churn" run
is "$(ran '[.events[] | .event] | .[:4] | join("; ")')" "link a-b down; link a-b up; link a-b down; link a-b up" \
	"which is known beforehand"
is "$(ran '[.events[] | .at / 1000000] | map(tostring) | join(" ")')" "0 100 200 300 500 550 550 600 600 650" \
	"to the millisecond"
is "$(ran '[.events[] | select(.outcome != "done")] | length')" 0 "and all done"

# ---- stopped, and wrong --------------------------------------------------------------------------

write <<'END'
  at 30s: a reaches b
END
"$LANACTL" -j topo run "$file" >"$LANA_SCRATCH/run.json" 2>&1 &
pid=$!
lib_jobs+=("$pid")
is_up()
{
	[ "$(topo show)" = lab ]
}
wait_for is_up
kill -TERM "$pid"
wait "$pid"
is "$(ran '.events[0].found')" "the run was stopped before" "SIGTERM ends a run"
is "$(traces)" "$before" "nothing is left"

# wrong EVENT ERROR
wrong()
{
	printf '  at 1s: %s\n' "$1" | write
	like "$(topo validate "$file" 2>&1)" "lab.yaml:6:[0-9]+: $2" "refused: $1"
}
wrong "explode" "'explode' is no event"
wrong "link a-x down" "there is no link 'a-x'"
wrong "link a-b sideways" "it is: link NAME"
wrong "link a-b down from c" "'c' is no node of link 'a-b'"
wrong "flap a-b every 0s for 1s" "it is: flap NAME"
wrong "a reaches x" "'x' is neither a node nor an address"
wrong "x reaches a" "there is no node 'x'"
wrong "loss a b below 5" "'5' is no share"
wrong "loss a b below nan%" "'nan%' is no share"
wrong "loss a b below -5%" "'-5%' is no share"
wrong "throughput a b above -1mbit" "'-1mbit' is no rate"
wrong "churn every 1s for 5s seed foo" "'foo' is no seed"
wrong "flap a-b every 1s for 310000000min" "it is: flap"
wrong "throughput a b above 5" "'5' is no rate"
wrong "throughput a 10.0.0.1 above 5mbit" "'10.0.0.1' is no node"
printf '  at noon: heal\n' | write
like "$(topo validate "$file" 2>&1)" "lab.yaml:6:3: 'at noon' is not a time" "refused: a time that is none"

done_testing
