// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_undone - what was tried only, or refused, has left no program and no table behind
 *
 * A block that turns packets round has XDP's egress taken into use, and all blocks woven for it,
 * before anything is decided. What did not happen must cost nothing afterwards.
 */
#include <stdlib.h>
#include <string.h>

#include "inspect.h"
#include "tap.h"
#include "topology.h"
#include "workbench.h"

static const char types[] = LANA_TYPES_DIR ":" LANA_TYPES_DIR "/../../selftests/blocks";

static const char file[] = "hooks:\n"
			   "  wb1: { netns: bench, hook: xdp }\n"
			   "  wb2: { netns: bench, hook: tc }\n"
			   "blocks:\n"
			   "  dut: learn\n"
			   "  turn: swap_mac\n"
			   "bind:\n"
			   "  - wb1 -> dut\n"
			   "  - wb2 -> dut\n"
			   "  - turn <- dut\n";

static struct lana_commit *begin(struct workbench *bench)
{
	struct lana_commit *commit;

	if (lana_commit_begin(bench->stack, &commit))
		tap_bail("out of memory");
	return commit;
}

static int dry_run(struct workbench *bench, struct lana_error *error)
{
	static const struct lana_commit_options dry = { .dry_run = true };
	struct lana_commit *commit = begin(bench);
	int err;

	lana_commit_add(commit, "turn", "swap_mac", NULL);
	err = lana_commit_commit(commit, &dry, NULL, error);
	lana_commit_free(commit);
	return err;
}

static int refused_commit(struct workbench *bench, struct lana_error *error)
{
	struct lana_commit *commit = begin(bench);
	int err;

	lana_commit_add(commit, "turn", "swap_mac", NULL);
	lana_commit_rm(commit, "nobody");
	err = lana_commit_commit(commit, NULL, NULL, error);
	lana_commit_free(commit);
	return err;
}

static int refused_replace(struct workbench *bench, struct lana_error *error)
{
	return lana_block_replace(bench->stack, "dut", "swap_mac", NULL, false, error);
}

static int dry_apply(struct workbench *bench, struct lana_error *error)
{
	static const struct lana_apply_options dry = { .mode = LANA_DRY_RUN };

	return lana_apply(bench->stack, file, strlen(file), &dry, NULL, error);
}

static const struct test {
	const char *name;
	int (*run)(struct workbench *bench, struct lana_error *error);
	bool refused;
} tests[] = {
	{ "a commit's dry run", dry_run, false },
	{ "a commit with a bad step", refused_commit, true },
	{ "a replace that would lose state", refused_replace, true },
	{ "a stack file's dry run", dry_apply, false },
};

static void run_test(struct workbench *bench, const struct test *test)
{
	size_t before = inspect_programs("default").wanted;
	char *old = inspect_code("default"), *new;
	struct lana_error error = {};
	int err = test->run(bench, &error);

	tap_is(err < 0, test->refused, "%s: %s", test->name, err ? error.text : "it can be done");
	new = inspect_code("default");
	tap_is_text(new, old, "%s: programs are as before", test->name);
	tap_is(inspect_programs("default").wanted, before, "%s: no more of them are wanted",
	       test->name);
	tap_is(inspect_faults(bench->stack), 0, "%s: the stack is sound", test->name);
	free(old);
	free(new);
}

/* The same once more, done. */
static void test_done(struct workbench *bench)
{
	size_t before = inspect_programs("default").wanted;
	struct lana_error error = {};
	struct packet packet = { .size = 64 };
	char where[64];

	if (lana_block_replace(bench->stack, "dut", "swap_mac", NULL, true, &error))
		tap_bail("%s", error.text);
	tap_ok(inspect_programs("default").wanted > before, "done, it takes egress into use");
	workbench_run(bench, LANA_XDP, &packet, where, sizeof(where));
	tap_is_text(where, "turn next", "and packets turn round");
	tap_is(inspect_faults(bench->stack), 0, "and the stack is sound");
}

int main(void)
{
	struct workbench bench;
	struct lana_error error;

	topology_begin();
	workbench_open(&bench, types);
	if (workbench_add(&bench, "learn", NULL, &error))
		tap_bail("%s", error.text);
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++)
		run_test(&bench, &tests[i]);
	test_done(&bench);
	workbench_close(&bench);
	return tap_done();
}
