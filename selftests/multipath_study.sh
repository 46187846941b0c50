#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# multipath_study.sh - bench/bench_paths finds something in some cells, goes on where it was ended, and
# makes tables and plots of it
#
# What it finds depends on the machine; looked at is only what must be so whatever its speed.
#
# shellcheck disable=SC2016,SC2317 # functions are called by ok; jq's variables
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

study=$LANA_BUILD/bench/bench_paths
[ -x "$study" ] || skip_all "$study is not built"
[ "$(nproc)" -gt 1 ] || skip_all "two CPUs are needed"

# Where its results go: another folder than those of benchmarks, in this mount namespace alone.
mount -t tmpfs -o mode=0755 lana-test /mnt || skip_all "cannot mount a tmpfs"
mkdir /mnt/bench
ln -s "$LANACTL" /mnt/lanactl
export BENCH_QUICK=1
results=/mnt/bench/paths.tsv

paths()
{
	LANA_BUILD=/mnt "$study" "$@"
}

# cells FILTER: what the filter makes of the table's rows
cells()
{
	jq -e "[.cells[]] | $1" /mnt/bench/paths.json
}

# ---- the short way ---------------------------------------------------------------------------------

ok "some cells are measured" paths labs=2
is "$(cells 'map("\(.part) \(.buffer)") | join(", ")')" \
	'"equal off, equal adapt, equal long, equal wait, free off, free adapt, free long, free wait"' \
	"two paths of one rate, and two that differ, with and without a buffer"
ok "something came in each" cells 'all(.kB_s > 1)'
ok "nothing carries more than its paths" cells 'all(.of_sum < 1.5)'
ok "a buffer that waits keeps the shares exact" \
	cells 'map(select(.buffer == "wait")) | all(.of_bound < 2)'

# ---- a study that is ended and goes on ---------------------------------------------------------------

rows()
{
	tail -n +2 "$results" | wc -l
}

# twice: cells that were measured more often than they are to be, which those are whose links were late
twice()
{
	tail -n +2 "$results" | awk -F '\t' '$NF <= 0.1' | cut -f 1-10 | sort | uniq -d
}

ok "a part is begun" paths labs=1 seconds=1 direct
first=$(rows)
ok "and has results: $first" [ "$first" -ge 1 ]
ok "it goes on" paths labs=1 seconds=1 direct
ok "with others: $(rows)" [ "$(rows)" -gt "$first" ]
is "$(twice)" "" "none was measured twice"
ok "each has a number in each column" awk -F '\t' '
	NR == 1 { columns = NF }
	NF != columns || (NR > 1 && $11 !~ /^[0-9.e+-]+$/) { exit 1 }' "$results"
printf '%s' "$(tail -n 1 "$results" | head -c -3)" >>"$results"
rows=$(grep -c '' "$results")
ok "ended while it wrote half a line" paths page
ok "it is looked at" paths page
is "$(grep -c '' "$results")" "$((rows - 1))" "which is no result, now or later"

# interrupted FILE WORD ...: ^C in the midst of a cell, behind the first one. *status; rows by then, and at last
interrupted()
{
	local file=$1 pid rows

	shift
	rm -f "$file"
	LANA_BUILD=/mnt "$study" "$@" >"$file" 2>&1 &
	pid=$!
	lib_jobs+=("$pid")
	WAIT_MAX=60 wait_for grep -qs ' kB/s' "$file" || bail "nothing is measured: $(cat "$file")"
	kill -STOP "$pid"
	rows=$(rows)
	kill -INT "$pid"
	kill -CONT "$pid"
	wait "$pid"
	status=$?
	ended="$rows rows, $(rows) rows"
}

interrupted "$LANA_SCRATCH/interrupted" labs=1 direct
is "$status" 0 "it is interrupted"
is "${ended#*, }" "${ended%,*}" "what was not whole by then is no result"
rm /mnt/bench/paths.json
interrupted "$LANA_SCRATCH/interrupted" labs=1
is "$status" 1 "if the short way is interrupted there are no tables"
ok "nor goals that are met by nothing" [ ! -e /mnt/bench/paths.json ]

like "$(sed -n '/^| reno /p' /mnt/bench/paths.md | head -n 1)" '^\| reno \| [0-9.]+(\\\*)? \(0\.96\)' \
	"tables have it beside what was found before"
ok "plots are there" grep -q '<svg' /mnt/bench/paths-equal.svg
refuses()
{
	! paths "$@"
}

ok "a part that there is none of is refused" refuses nonsense
done_testing
