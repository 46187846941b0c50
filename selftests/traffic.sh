#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# traffic.sh - the traffic command, and what shell tests stand on
#
#   +--- left ---+        +--- right ---+
#   |         l0 |--------| r0          |
#   +------------+        +-------------+
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$TRAFFIC" ] || skip_all "$TRAFFIC is not built"

topo_netns left
topo_netns right
topo_veth left l0 right r0 10.0.0.1/24 10.0.0.2/24

ok "both ends reach each other" topo_exec left ping -q -c 1 -W 2 10.0.0.2
is "$(findmnt -n -o FSTYPE "$LANA_BPFFS")" bpf "bpffs is mounted"

report=$("$TRAFFIC" send=left:l0 check=right:r0 count=200000 2>/dev/null)
is $? 0 "nothing is lost"
is "$(field sent <<<"$report")" 200000 "200,000 frames were sent"
is "$(field received <<<"$report")" 200000 "and received"

report=$("$TRAFFIC" send=left:l0 check=right:r0 seconds=1 rate=10000 size=1000 2>/dev/null)
is $? 0 "a run of a given time ends"
ok "no faster than it was to be, by its own clock" \
	jq -e '.sent > 0 and .sent <= 10000 * .seconds + 1.01' <<<"$report"

# Nothing leads from r0 to l0: whatever is sent is lost.
"$TRAFFIC" send=left:l0 check=left:l0 count=1000 >"$LANA_SCRATCH/out" 2>/dev/null
is $? 1 "loss shows in the exit status"
is "$(field lost <"$LANA_SCRATCH/out")" 1000 "every frame is known to be lost"

"$TRAFFIC" check=right:r0 >"$LANA_SCRATCH/out" 2>/dev/null &
checker=$!
# shellcheck disable=SC2016
attached='topo_exec right ip link show r0 | grep -q xdp'
ok "a checker on its own attaches" wait_for eval "$attached"
"$TRAFFIC" send=left:l0 count=5000 >/dev/null 2>&1
is $? 0 "a sender on its own sends"
kill -TERM $checker
wait $checker
is $? 0 "the checker ends when it is told to"
is "$(field received <"$LANA_SCRATCH/out")" 5000 "and has received all"

for option in size=59 size=x cow=1 check=nowhere:r0 count=-1; do
	"$TRAFFIC" send=left:l0 $option >/dev/null 2>&1
	is $? 2 "$option is refused"
done

done_testing
