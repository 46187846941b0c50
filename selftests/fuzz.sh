#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fuzz.sh - run the fuzzers for a minute: no file may break the library
#
# FUZZ_SECONDS is the time for object files, a quarter of it that for stack files, for filters, and for
# packets.
# The blocks that were built, the examples of the guides, and filters as tcpdump prints them, are
# what they begin with. A file that breaks one is kept in the build's folder: run the fuzzer with it to see it again.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

: "${FUZZ_SECONDS:=40}" "${FUZZ_SEED:=$RANDOM}"
shopt -s nullglob
fuzzers=()
for file in "$LANA_BUILD"/selftests/fuzz_*; do
	[ ! -x "$file" ] || fuzzers+=("$file")
done
objects=("$LANA_TYPES"/*.bpf.o "$LANA_BUILD"/selftests/blocks/*.bpf.o)
# shellcheck disable=SC2016 # not the shell's
sed -n '/^```yaml/,/^```$/{/^```/!p}' "$LANA_TOP/docs/stack-file.md" >"$LANA_SCRATCH/example.yaml"

# shellcheck disable=SC2016 # not the shell's
sed -n '/^```packet/,/^```$/{/^```/!p}' "$LANA_TOP/docs/gen.md" >"$LANA_SCRATCH/example.gen"
printf 'bytes(00' >"$LANA_SCRATCH/open.gen"

for form in d ddd; do
	tcpdump -y EN10MB -$form 'vlan and tcp port 80 and ip[((ip[0] & 0xf) << 2) + 13] & 2 != 0' \
		>"$LANA_SCRATCH/filter.$form" 2>/dev/null
done

cat >"$LANA_SCRATCH/example.imn" <<'END'
node n0 { type router network-config { hostname r
	interface eth0
	 ip address 10.0.0.1/24
	!
	ip route 0.0.0.0/0 10.0.0.2 } interface-peer {eth0 n1} }
node n1 { type lanswitch interface-peer {e0 n0} }
link l0 { nodes {n0 n1} bandwidth 1000000 delay 5 }
END
cat >"$LANA_SCRATCH/example.graphml" <<'END'
<graphml><key attr.name="label" id="d1"/><key attr.name="Latitude" id="d2"/><graph>
<node id="0"><data key="d1">x</data><data key="d2">1</data></node><node id="1"/>
<edge source="0" target="1"/></graph></graphml>
END

if [ ${#fuzzers[@]} -eq 0 ]; then
	echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
		"${CLANG:-clang}" -fsanitize=fuzzer,address -x c - -o "$LANA_SCRATCH/probe" 2>/dev/null ||
		skip_all "clang has no fuzzer runtime (Debian package libclang-rt-dev)"
	skip_all "no fuzzer is built: make tests"
fi
[ ${#objects[@]} -gt 0 ] || skip_all "no block types are built"

# statistic NAME FUZZER: the last value of what a fuzzer has printed
statistic()
{
	sed -n "s/^stat::$1: *//p" "$LANA_SCRATCH/$2.log" | tail -n 1
}

# fuzz NAME SECONDS: into NAME.log; the status is that of the fuzzer
fuzz()
{
	"$LANA_BUILD/selftests/$1" -seed="$FUZZ_SEED" -max_total_time="$2" -max_len=16384 \
		-timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$LANA_BUILD/$1-" "$LANA_SCRATCH/$1" >"$LANA_SCRATCH/$1.log" 2>&1
}

# settle NAME STATUS: what became of a fuzzer
settle()
{
	local runs begun=${given[$1]}

	tap_result "$2" "$1: nothing breaks it" || note "$(tail -n 40 "$LANA_SCRATCH/$1.log")"
	runs=$(statistic number_of_executed_units "$1")
	ok "$1: it has run" [ "${runs:-0}" -gt $((10 * begun)) ]
	note "$1: ${runs:-no} inputs, $(statistic average_exec_per_sec "$1") a second; corpus of $begun" \
		"files, now $(find "$LANA_SCRATCH/$1" -type f | wc -l)"
}

# The long one runs beside the short ones.
note "FUZZ_SEED=$FUZZ_SEED FUZZ_SECONDS=$FUZZ_SECONDS"
long=''
declare -A given # inputs to begin with
for fuzzer in "${fuzzers[@]}"; do
	name=${fuzzer##*/}
	case $name in
	fuzz_type) seeds=("${objects[@]}") ;;
	fuzz_classic) seeds=("$LANA_SCRATCH"/filter.*) ;;
	fuzz_gen) seeds=("$LANA_SCRATCH"/*.gen) ;;
	fuzz_topo) seeds=("$LANA_TOP"/examples/*.topo.yaml "$LANA_SCRATCH"/example.imn "$LANA_SCRATCH"/example.graphml) ;;
	*) seeds=("$LANA_SCRATCH/example.yaml") ;;
	esac
	mkdir "$LANA_SCRATCH/$name" || bail "no folder for the corpus"
	ok "$name: what it begins with goes through" "$fuzzer" "${seeds[@]}"
	cp "${seeds[@]}" "$LANA_SCRATCH/$name"
	given[$name]=${#seeds[@]}
	if [ "$name" = fuzz_type ]; then
		fuzz "$name" "$FUZZ_SECONDS" &
		long=$!
		lib_jobs+=("$long")
	fi
done
for fuzzer in "${fuzzers[@]}"; do
	name=${fuzzer##*/}
	[ "$name" != fuzz_type ] || continue
	fuzz "$name" $((FUZZ_SECONDS / 4))
	settle "$name" $?
done
if [ -n "$long" ]; then
	wait "$long"
	settle fuzz_type $?
fi
done_testing
