#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# install.sh - what is installed is all that somebody without the sources needs
#
# Installed for a prefix, but into a package's folder; that folder's content is then moved to the
# prefix, as by a package manager, and the build is removed.
# shellcheck disable=SC2317,SC2046 # functions are called by ok; pkg-config prints words
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

for command in make gcc clang pkg-config; do
	command -v $command >/dev/null || skip_all "no $command"
done

prefix=$LANA_SCRATCH/usr package=$LANA_SCRATCH/package build=$LANA_SCRATCH/build
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
unset LANA_TYPES MAKEFLAGS MFLAGS MAKELEVEL

# What users of lana write: a program in C and in C++, and a block.
mkdir "$LANA_SCRATCH/work"
cd "$LANA_SCRATCH/work" || exit

cat >user.h <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <lana/lana.h>
END

cat >user.c <<'END'
#include "user.h"

int main(void)
{
	struct lana_stack_options options = { .bpffs = getenv("LANA_BPFFS"), .create = true };
	struct lana_block_info *blocks;
	struct lana_stack *stack;
	struct lana_error error;
	size_t count;

	if (lana_stack_open(&options, &stack, &error) ||
	    lana_block_add(stack, "one", "counter", NULL, &error) ||
	    lana_block_list(stack, NULL, &blocks, &count, &error)) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	for (size_t i = 0; i < count; i++)
		printf("%s %s\n", blocks[i].name, blocks[i].type);
	free(blocks);
	lana_stack_flush(stack, &error);
	lana_stack_close(stack);
	return 0;
}
END

cat >user.cc <<'END'
#include "user.h"

int main()
{
	lana_stack_options options = {};
	lana_stack *stack;
	lana_error error;

	options.bpffs = getenv("LANA_BPFFS");
	options.create = true;
	if (lana_stack_open(&options, &stack, &error)) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	puts(lana_hook_name(LANA_HOOK_XDP));
	lana_stack_close(stack);
}
END

cat >mine.bpf.c <<'END'
#include <lana/block.h>

struct mine_config {
	__u32 value;
};

struct mine_counters {
	__u64 seen;
};

enum mine_port { MINE_NEXT };

static __always_inline int mine_process(struct lana_pkt *pkt, const struct mine_config *config,
					struct mine_counters *counters)
{
	counters->seen += config->value;
	return MINE_NEXT;
}

LANA_BLOCK(mine);
END

lana_make()
{
	# As the README has it: what was built comes first in the search path. How fast it is does not
	# matter here.
	PATH=$build:$PATH make -s -C "$LANA_TOP" O="$build" CFLAGS='-O0 -Wno-format-truncation' DESTDIR="$package" PREFIX="$prefix" "$@"
}

files()
{
	find "$@" -mindepth 1 ! -type d
}

# ---- install -------------------------------------------------------------------------------------

ok "it is installed" lana_make -j"$(nproc)" install
is "$(files "$prefix" 2>/dev/null)" "" "and nothing but the package's folder was written to"
is "$(files "$package" | grep -vc "^$package$prefix/")" 0 "all of it below the prefix"
must cp -a "$package$prefix" "$prefix"
must rm -rf "$build"

ok "uninstall" lana_make uninstall
is "$(files "$package")" "" "leaves no file"
is "$(find "$package" -name 'lana*')" "" "and no folder of lana's own"

# ---- programs ------------------------------------------------------------------------------------

ok "a C program is linked with the shared library" gcc -Wall -Wextra -Werror user.c -o shared \
	$(pkg-config --cflags --libs lana)
is "$(LD_LIBRARY_PATH=$prefix/lib ./shared 2>&1)" "one counter" "and works"
like "$(LD_LIBRARY_PATH=$prefix/lib ldd ./shared)" "liblana\.so\.[0-9]+ => $prefix/lib/" \
	"with the library that was installed"

if echo 'int main(void) { return 0; }' |
	gcc -static -x c - -x none -o without $(pkg-config --static --libs libbpf libnl-route-3.0) 2>/dev/null; then
	ok "one is linked statically" gcc -static -Wall -Wextra -Werror user.c -o static \
		$(pkg-config --static --cflags --libs lana)
	is "$(./static 2>&1)" "one counter" "and works"
else
	skip "no static libraries of what lana needs"
	skip "no static libraries of what lana needs"
fi

# headers COMPILER LANGUAGE: each of those that lana.h includes can be included by itself, and twice
headers()
{
	local line count=0

	while read -r line; do
		printf '%s\n' "$line" "$line" |
			"$1" -Wall -Wextra -Werror -fsyntax-only $(pkg-config --cflags lana) -x "$2" - || return
		count=$((count + 1))
	done < <(grep '^#include <lana/' "$prefix/include/lana/lana.h")
	[ "$count" -gt 0 ]
}

ok "each header is complete" headers gcc c

if command -v g++ >/dev/null; then
	ok "in C++, too" headers g++ c++
	ok "a C++ program is linked" g++ -Wall -Wextra -Werror user.cc -o plusplus \
		$(pkg-config --cflags --libs lana)
	is "$(LD_LIBRARY_PATH=$prefix/lib ./plusplus 2>&1)" xdp "and works"
else
	skip "no g++"
	skip "no g++"
	skip "no g++"
fi

# ---- blocks and the command ------------------------------------------------------------------------

LANACTL=$prefix/sbin/lanactl
ok "lanactl finds its types" lana add one counter
ok "a block is built by the one command" \
	clang $(pkg-config --cflags lana-block) -c mine.bpf.c -o mine.bpf.o
ok "it is loaded" lana load ./mine.bpf.o
ok "and used" lana add two mine value=3
is "$(lana -j show | jq -c '[.blocks[] | [.name, .type]]')" '[["one","counter"],["two","mine"]]' \
	"both are there"
ok "the stack is sound" lana check
ok "the stack is taken down" lana flush
is "$(lana --version)" "lanactl $(pkg-config --modversion lana)" "versions agree"
ok "there is a library to preload" test -s "$prefix/lib/liblana-preload.so"
for unit in service socket; do
	ok "there is a $unit for systemd" test -s "$prefix/lib/systemd/system/lana-serve@.$unit"
done
like "$(<"$prefix/lib/systemd/system/lana-serve@.service")" "ExecStart=$prefix/sbin/lanactl -s %i" \
	"which starts the lanactl that was installed"
ok "there is one for a worker" test -s "$prefix/lib/systemd/system/lana-worker@.service"
lana add u userforward
background "$LANACTL" worker >"$LANA_SCRATCH/said"
ok "which finds the halves that were installed" \
	wait_for grep -q 'took u (userforward) up' "$LANA_SCRATCH/said"
lana flush
ok "there is a man page" test -s "$prefix/share/man/man8/lanactl.8"
ok "and completion" test -s "$prefix/share/bash-completion/completions/lanactl"
for app in cat echo ping sniff; do
	is "$("$prefix/bin/lana-$app" --version)" "lana-$app $(pkg-config --modversion lana)" \
		"lana-$app is installed"
	ok "and has a man page" test -s "$prefix/share/man/man1/lana-$app.1"
done

done_testing
