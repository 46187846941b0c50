#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# serve_hostile.sh - programs that mean harm do none to a server of sockets, nor to who has some
#
# The topology is that of serve_lib.sh.
# shellcheck disable=SC2016,SC2034,SC2317 # words of eval; functions are called by ok
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/serve_lib.sh
. "$LANA_TOP/selftests/serve_lib.sh"

serve
start echo 65534 echo echo
is "$(asker 65533 ping ping 10 | tail -n 1)" "10 of 10" "a user has a socket"
is "$(asker 65534 hoard spare)" "2, then user 65534 has 3 sockets already, 2 of them closed but \
kept in part, as many as he may
0 bytes left
one more when one was let go" "what is kept of closed sockets counts, and their memory is taken away"
ok "it does not count any more when the program has ended" wait_for asker 65534 ping spare 0
like "$("$LANA_SCRATCH/asker" "$path" users shared 1100)" "^1100 of 1100" \
	"users who come one after the other do not lock each other out"
memory_before=$(memory "$server")
descriptors_before=$(descriptors "$server")

asker 65533 ping ping 30000 >"$LANA_SCRATCH/good" &
good=$!
hostile=()
for words in "65534 garbage 300" "65534 cut spare" "65534 files spare 40" "65534 churn spare" \
	"65533 keep wide" \
	"65501 crowd 3000" "65534 crowd 20"; do
	# shellcheck disable=SC2086 # words
	asker $words >"$LANA_SCRATCH/hostile${#hostile[@]}" 2>&1 &
	hostile+=("$!")
done
statuses=''
for pid in "${hostile[@]}"; do
	wait "$pid"
	statuses+=$?
done
is "$statuses" 0000000 "garbage, cut requests, descriptors, crowds and haste are refused" ||
	note "$(tail -n 2 "$LANA_SCRATCH"/hostile*)"
like "$(<"$LANA_SCRATCH/hostile6")" "refused, ([4-9]|1[0-9]|20) at once" \
	"no user has more connections than he may"
wait "$good"
is "$(tail -n 1 "$LANA_SCRATCH/good")" "30000 of 30000" "which another user does not notice"
ok "all of it has gone" wait_for eval '[ "$(blocks)" = "l0 r0 echo" ]'
ok "the server has as many descriptors as before" wait_for eval \
	'[ "$(descriptors $server)" -eq "$descriptors_before" ]'
[ "$(memory "$server")" -lt $((memory_before + 2048)) ]
tap_result $? "and no more memory" || note "$memory_before KB before, $(memory "$server") KB now"

done_testing
