#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fuzz.sh - run the fuzzers for a minute: no file may break the library
#
# FUZZ_SECONDS is the time for object files, a quarter of it that for stack files, and for filters. The blocks that
# were built, the example of the manual, and filters as tcpdump prints them, are what they begin with. A file that
# breaks one is kept in the build's folder: run the fuzzer with it to see it again.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

: "${FUZZ_SECONDS:=60}" "${FUZZ_SEED:=$RANDOM}"
shopt -s nullglob
fuzzers=()
for file in "$LANA_BUILD"/selftests/fuzz_*; do
	[ ! -x "$file" ] || fuzzers+=("$file")
done
objects=("$LANA_TYPES"/*.bpf.o "$LANA_BUILD"/selftests/blocks/*.bpf.o)
# shellcheck disable=SC2016 # not the shell's
sed -n '/^```yaml/,/^```$/{/^```/!p}' "$LANA_TOP/docs/stack-file.md" >"$LANA_SCRATCH/example.yaml"

for form in d ddd; do
	tcpdump -y EN10MB -$form 'vlan and tcp port 80 and ip[((ip[0] & 0xf) << 2) + 13] & 2 != 0' \
		>"$LANA_SCRATCH/filter.$form" 2>/dev/null
done

if [ ${#fuzzers[@]} -eq 0 ]; then
	echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
		"${CLANG:-clang}" -fsanitize=fuzzer,address -x c - -o "$LANA_SCRATCH/probe" 2>/dev/null ||
		skip_all "clang has no fuzzer runtime (Debian package libclang-rt-dev)"
	skip_all "no fuzzer is built: make tests"
fi
[ ${#objects[@]} -gt 0 ] || skip_all "no block types are built"

# The last value of a statistic that a fuzzer has printed.
statistic()
{
	sed -n "s/^stat::$1: *//p" "$LANA_SCRATCH/log" | tail -n 1
}

note "FUZZ_SEED=$FUZZ_SEED FUZZ_SECONDS=$FUZZ_SECONDS"
for fuzzer in "${fuzzers[@]}"; do
	name=${fuzzer##*/}
	seconds=$((FUZZ_SECONDS / 4))
	case $name in
	fuzz_type) seeds=("${objects[@]}") seconds=$FUZZ_SECONDS ;;
	fuzz_classic) seeds=("$LANA_SCRATCH"/filter.*) ;;
	*) seeds=("$LANA_SCRATCH/example.yaml") ;;
	esac
	corpus=$LANA_SCRATCH/$name
	mkdir "$corpus" || bail "no folder for the corpus"

	ok "$name: what it begins with goes through" "$fuzzer" "${seeds[@]}"
	cp "${seeds[@]}" "$corpus"
	"$fuzzer" -seed="$FUZZ_SEED" -max_total_time="$seconds" -max_len=16384 -timeout=20 \
		-rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$LANA_BUILD/$name-" \
		"$corpus" >"$LANA_SCRATCH/log" 2>&1
	status=$?
	tap_result "$status" "$name: nothing breaks it" || note "$(tail -n 40 "$LANA_SCRATCH/log")"
	runs=$(statistic number_of_executed_units)
	ok "$name: it has run" [ "${runs:-0}" -gt $((10 * ${#seeds[@]})) ]
	note "$name: ${runs:-no} inputs, $(statistic average_exec_per_sec) a second; corpus of ${#seeds[@]}" \
		"files, now $(find "$corpus" -type f | wc -l)"
done
done_testing
