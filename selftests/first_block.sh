#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# first_block.sh - the tutorial does what it says: run docs/first-block.md, block by block
#
# ```sh		has to succeed, each line of it
# ```sh refused	has to fail
# ```text	each of these lines is in the output of the block before, blanks aside
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

command -v clang >/dev/null || skip_all "no clang"
[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"

scratch=$LANA_SCRATCH
# The build tree under test and this run's own folder, instead of those that a reader has.
sed -e "s|/tmp/first-block|$scratch/first-block|" -e "s|\$PWD/build|$LANA_BUILD|" \
	"$LANA_TOP/docs/first-block.md" |
awk -v scratch="$scratch" '
	/^## /         { heading = substr($0, 4) }
	file && /^```$/ { close(file); file = ""; next }
	file           { print >file }
	/^```sh/       { file = sprintf("%s/%02d.sh", scratch, ++blocks)
			 print heading (/refused/ ? " (refused)" : "") >(file ".name") }
	/^```text$/    { file = sprintf("%s/%02d.text", scratch, blocks) }
'

squeeze()
{
	sed -E 's/[[:space:]]+/ /g; s/^ //; s/ $//' "$@"
}

cd "$LANA_TOP" || exit
for block in "$scratch"/*.sh; do
	name=$(<"$block.name") failed=0
	trap 'failed=1' ERR
	# shellcheck source=/dev/null
	. "$block" >"$block.out" 2>&1
	trap - ERR

	wanted=0
	[[ $name != *refused* ]] || wanted=1
	is "$failed" "$wanted" "$name"
	[ "$failed" -eq "$wanted" ] || note "$(<"$block")"$'\n'"$(<"$block.out")"

	[ -e "${block%.sh}.text" ] || continue
	squeeze "$block.out" >"$block.squeezed"
	while read -r line; do
		is "$(grep -m 1 -xF -- "$line" "$block.squeezed")" "$line" "it says: $line"
	done < <(squeeze "${block%.sh}.text")
done

done_testing
