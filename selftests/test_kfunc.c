// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_kfunc - blocks that call functions of the kernel's own
 *
 * What this kernel has is called, what it lacks is refused by name or done without. Calls of
 * functions in modules are woven by hand-made templates: the kernel of the machine need not have
 * such modules.
 */
#include <stdlib.h>
#include <string.h>

#include "loader/insn.h"
#include "loader/weave.h"
#include "tap.h"
#include "topology.h"
#include "workbench.h"

#ifndef LANA_TYPES_DIR
#error "where are the types?"
#endif

static const char types[] = LANA_TYPES_DIR ":" LANA_TYPES_DIR "/../../selftests/blocks";

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };

static void test_calls(struct workbench *bench)
{
	struct lana_error error = {};

	if (workbench_add(bench, "kfunc", "port=7", &error)) {
		tap_ok(strstr(error.text, "calls the kernel's function"), "no such functions: %s",
		       error.text);
		return;
	}
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		struct packet packet = { .size = 64 };
		char where[64];

		workbench_run(bench, flavour, &packet, where, sizeof(where));
		tap_is_text(where, "none", "%s: the kernel's function answers", flavours[flavour]);
	}
	workbench_rm(bench);
}

static void test_refused(struct workbench *bench, const char *type, const char *reason)
{
	struct lana_error error = {};
	int err = workbench_add(bench, type, NULL, &error);

	tap_ok(err < 0 && strstr(error.text, reason), "%s is refused: %s", type, error.text);
}

/* ---- modules ------------------------------------------------------------------------------- */

#define FUNCTION 1234 /* its BTF id */
#define CALLS	 2

/* r1 = context kept in r6; two calls of functions; verdict 0 */
static const struct bpf_insn template[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 1 },
	{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL, .off = 1, .imm = FUNCTION },
	{ .code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL, .off = 2, .imm = FUNCTION },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 6 },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = 0 },
	{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call },
	{ .code = BPF_JMP | BPF_EXIT },
};

static struct weave_block block_of(const struct weave_modules *modules)
{
	return (struct weave_block){
		.insns = template,
		.count = sizeof(template) / sizeof(*template),
		.template = { { -1, -1 }, -1, -1, -1, -1, -1 },
		.ports = 1,
		.config = "",
		.modules = modules,
	};
}

/* The modules that the calls of the program name, in order. */
static size_t called(const struct bpf_insn *insns, size_t count, int modules[8])
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		if (insn_is_kfunc_call(&insns[i]) && found < 8)
			modules[found++] = insns[i].off;
	return found;
}

static void test_modules(void)
{
	static const struct weave_modules first = { { { 10, 1 }, { 11, 2 } }, 2 },
					  second = { { { 20, 2 }, { 21, 3 } }, 2 };
	struct weave_block blocks[] = { block_of(&first), block_of(&second) };
	struct weave_modules modules = {};
	struct weave w = { .blocks = blocks, .count = 2, .modules = &modules };
	struct bpf_insn *insns = NULL;
	size_t count = 0;
	int off[8];

	blocks[0].exits[LANA_INGRESS][0] = (struct weave_exit){ WEAVE_BLOCK, 1 };
	tap_is(weave(&w, &insns, &count), 0, "two blocks that call three modules' functions");
	tap_is(modules.count, 3, "a module that both call is named once");
	tap_is(modules.all[1].fd, 11, "by the first one's descriptor");
	tap_is(modules.all[2].fd, 21, "one that the second calls comes last");
	tap_is(called(insns, count, off), 2 * CALLS, "all calls are there");
	tap_ok(off[0] == 1 && off[1] == 2 && off[2] == 2 && off[3] == 3,
	       "and name their modules (%d %d %d %d)", off[0], off[1], off[2], off[3]);
	free(insns);

	blocks[1].modules = NULL;
	modules.count = 0;
	insns = NULL;
	tap_ok(weave(&w, &insns, &count) < 0 && !insns, "a call of a module that nobody knows");
}

int main(void)
{
	struct workbench bench;

	topology_begin();
	workbench_open(&bench, types);
	test_calls(&bench);
	test_refused(&bench, "kfunc_missing",
		     "type 'kfunc_missing' calls the kernel's function "
		     "'bpf_lana_no_such_function', that this kernel lacks");
	test_refused(&bench, "kfunc_form", "calls the kernel's function 'bpf_ct_release', that");
	workbench_close(&bench);
	test_modules();
	return tap_done();
}
