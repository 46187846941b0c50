#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# guides.sh - what the README and the guides show works as shown: run them, block by block
#
# ```sh		has to succeed, each line of it
# ```sh refused	has to fail
# ```text	each of these lines is in the output of the block before, blanks aside
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

command -v clang >/dev/null || skip_all "no clang"
[ -x "$LANACTL" ] || skip_all "$LANACTL is not built"

# split GUIDE FOLDER: 01.sh, 01.sh.name, 01.text, 02.sh ... in FOLDER
split()
{
	# The build tree under test and this run's own folder, instead of those that a reader has.
	sed -e "s|/tmp/first-block|$2/scratch|" -e "s|\$PWD/build|$LANA_BUILD|" "$1" |
	awk -v folder="$2" '
		/^## /         { heading = substr($0, 4) }
		file && /^```$/ { close(file); file = ""; next }
		file           { print >file }
		/^```sh/       { file = sprintf("%s/%02d.sh", folder, ++blocks)
				 print heading (/refused/ ? " (refused)" : "") >(file ".name") }
		/^```text$/    { file = sprintf("%s/%02d.text", folder, blocks) }
	'
}

squeeze()
{
	sed -E 's/[[:space:]]+/ /g; s/^ //; s/ $//' "$@"
}

run_block()
{
	local block=$1 name wanted=0 line

	name="$2: $(<"$block.name")"
	[[ $name != *'(refused)' ]] || wanted=1
	failed=0
	trap 'failed=1' ERR
	# shellcheck source=/dev/null
	. "$block" >"$block.out" 2>&1
	trap - ERR
	is "$failed" "$wanted" "$name"
	[ "$failed" -eq "$wanted" ] || note "$(<"$block")"$'\n'"$(<"$block.out")"

	[ -e "${block%.sh}.text" ] || return
	squeeze "$block.out" >"$block.squeezed"
	while read -r line; do
		is "$(grep -m 1 -xF -- "$line" "$block.squeezed")" "$line" "it says: $line"
	done < <(squeeze "${block%.sh}.text")
}

set -o errtrace # a line that fails in run_block's block counts
for guide in README.md docs/tour.md docs/first-block.md docs/userblock.md \
	docs/filter.md \
	docs/socket.md docs/apps.md; do
	cd "$LANA_TOP" || exit
	folder=$LANA_SCRATCH/$(basename "$guide" .md)
	mkdir "$folder"
	split "$guide" "$folder"
	for block in "$folder"/*.sh; do
		run_block "$block" "$guide"
	done
done

done_testing
