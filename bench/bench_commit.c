// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_commit - how long a commit that changes one block takes, by the number of blocks in the
 * stack
 *
 *	gen             lana
 *	out ────────── in ─→ f0 ─ match ─→ a chain of blocks, one of them a mark, ending in drop
 *	                     └─ other ─→ f1 ─ match ─→ another one …
 *
 * The stack is fused, and the changed block in the middle of the first chain. A commit is measured
 * by the clock, from call to return with the grace period in it, and by the CPU time of the thread,
 * which has not the waiting in it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "selftests/topology.h"

#define CHAIN 500 /* blocks at most behind one fork: 33 tail calls are the end */

static const unsigned int sizes[] = { 10, 100, 1000, 4000 };

struct samples {
	double *clock, *cpu; /* seconds */
	unsigned int count;
};

struct figures {
	double p50, p99, cpu50; /* ms */
};

/* ---- the stack -------------------------------------------------------------------------- */

/* A stack of so many blocks, as a file; the caller frees it. */
static char *write_file(unsigned int blocks, unsigned int value)
{
	unsigned int forks = (blocks + CHAIN - 1) / CHAIN, length = blocks / forks - 1;
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	bench_must(file ? 0 : -ENOMEM, NULL, "stack file");
	fputs("hooks: { in: }\nblocks:\n  end: drop\n", file);
	for (unsigned int f = 0; f < forks; f++) {
		fprintf(file, "  f%u: { type: ethertype, config: { type: %u } }\n", f, 0x800 + f);
		for (unsigned int n = 0; n < length; n++)
			if (f || n != length / 2)
				fprintf(file, "  c%u_%u: counter\n", f, n);
			else
				fprintf(file, "  changed: { type: mark, value: %u }\n", value);
	}
	fputs("bind:\n  - in -> f0\n", file);
	for (unsigned int f = 0; f < forks; f++) {
		fprintf(file, "  - f%u[match]", f);
		for (unsigned int n = 0; n < length; n++)
			if (f || n != length / 2)
				fprintf(file, " -> c%u_%u", f, n);
			else
				fputs(" -> changed", file);
		fputs(" -> end\n", file);
		if (f + 1 < forks)
			fprintf(file, "  - f%u[other] -> f%u\n", f, f + 1);
	}
	fclose(file);
	return text;
}

static void apply(struct lana_stack *stack, const char *text)
{
	struct lana_error error = {};

	bench_must(lana_apply(stack, text, strlen(text), NULL, NULL, &error), &error, "apply");
}

/* ---- the changes ------------------------------------------------------------------------ */

static void change_by_commit(struct lana_stack *stack, unsigned int blocks, unsigned int n)
{
	struct lana_commit *commit;
	struct lana_error error = {};
	char option[32];
	const char *options[] = { option, NULL };

	(void)blocks;
	snprintf(option, sizeof(option), "value=%u", n + 1);
	bench_must(lana_commit_begin(stack, &commit), NULL, "begin");
	bench_must(lana_commit_set(commit, "changed", options), NULL, "set");
	bench_must(lana_commit_commit(commit, NULL, NULL, &error), &error, "commit");
	lana_commit_free(commit);
}

static char *files[2]; /* with different values */

static void change_by_file(struct lana_stack *stack, unsigned int blocks, unsigned int n)
{
	(void)blocks;
	apply(stack, files[n % 2]);
}

/* ---- measuring -------------------------------------------------------------------------- */

static void measure(struct lana_stack *stack, unsigned int blocks, struct figures *figures,
		    void (*change)(struct lana_stack *stack, unsigned int blocks, unsigned int n))
{
	unsigned int times = bench_quick() ? 20 : 200;
	double *took = calloc(times, sizeof(*took)), *ran = calloc(times, sizeof(*ran));

	bench_must(took && ran ? 0 : -ENOMEM, NULL, "samples");
	for (unsigned int n = 0; n < times; n++) {
		double begin = bench_now(), cpu = bench_cpu_time();

		change(stack, blocks, n);
		took[n] = (bench_now() - begin) * 1e3;
		ran[n] = (bench_cpu_time() - cpu) * 1e3;
	}
	figures->p50 = bench_quantile(took, times, 0.5);
	figures->p99 = bench_quantile(took, times, 0.99);
	figures->cpu50 = bench_quantile(ran, times, 0.5);
	free(took);
	free(ran);
}

static const struct bench_column columns[] = {
	{ "blocks", -6, 0 },	    { "build_ms", 9, 1 },	{ "commit_p50_ms", 13, 2 },
	{ "commit_p99_ms", 13, 2 }, { "commit_cpu_ms", 13, 3 }, { "apply_p50_ms", 12, 2 },
	{ "apply_p99_ms", 12, 2 },  { "apply_cpu_ms", 12, 3 },
};

int main(void)
{
	struct figures commit[LENGTH(sizes)], file[LENGTH(sizes)];
	struct lana_error error = {};
	struct lana_stack *stack;

	bench_begin("commit");
	bench_pin(BENCH_CPU_CHANGE);
	topology_netns("gen");
	topology_netns("lana");
	topology_veth("gen", "out", "lana", "in");
	stack = bench_stack("lana");

	bench_table("commits", "a commit that changes one block, from call to return", columns,
		    LENGTH(columns));
	for (size_t i = 0; i < LENGTH(sizes); i++) {
		char name[16];
		double begin;

		snprintf(name, sizeof(name), "%u", sizes[i]);
		for (unsigned int n = 0; n < 2; n++)
			files[n] = write_file(sizes[i], n + 1);
		bench_must(lana_apply(stack, "", 0, NULL, NULL, &error), &error, "apply");
		begin = bench_now();
		apply(stack, files[1]);
		begin = bench_now() - begin;
		measure(stack, sizes[i], &commit[i], change_by_commit);
		measure(stack, sizes[i], &file[i], change_by_file);
		bench_row(name, begin * 1e3, commit[i].p50, commit[i].p99, commit[i].cpu50,
			  file[i].p50, file[i].p99, file[i].cpu50);
		for (unsigned int n = 0; n < 2; n++)
			free(files[n]);
	}
	bench_goal("p50 of a commit, 1 of 1,000 blocks to 1 of 10", commit[2].p50 / commit[0].p50,
		   2, false);
	bench_must(lana_stack_flush(stack, &error), &error, "flush");
	lana_stack_close(stack);
	return bench_end();
}
