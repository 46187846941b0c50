// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_chain - what a block costs: chains in a real stack beside the same written by hand
 *
 * The root program that is attached to the device is run by BPF_PROG_TEST_RUN; all chains take
 * turns, and of each the best run counts. A block's cost is the chain's less that of the empty
 * chain, divided by its length.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include <bpf/bpf.h>

#include "bench.h"
#include "chain.h"

static const unsigned int lengths[] = { 0, 1, 5, 10, 20, 31 };

static double best[CHAIN_IDS][LENGTH(lengths)];

/* Shorter than a time slice, and many: some of them run undisturbed. */
#define RUN_SECONDS 0.003
#define ROUNDS	    (bench_quick() ? 20 : 200)

/* ns a packet */
static double run(int program, double guess)
{
	unsigned char frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = RUN_SECONDS * 1e9 / guess);
	double begin = bench_cpu_time();

	bench_must(bpf_prog_test_run_opts(program, &options), NULL, "test run");
	bench_must(options.retval == XDP_DROP ? 0 : -EINVAL, NULL, "the packet is not dropped");
	return (bench_cpu_time() - begin) * 1e9 / options.repeat;
}

static void measure(struct chains *chains)
{
	for (int round = -1; round < ROUNDS; round++)
		for (size_t l = 0; l < LENGTH(lengths); l++)
			for (int id = 0; id < CHAIN_IDS; id++) {
				double *place = &best[id][l], ns;
				int root = chain_shape(chains, id, lengths[l]);

				ns = run(root, round < 0 ? 10 + 20 * lengths[l] : *place);
				*place = round < 0 ? ns : bench_min(*place, ns);
			}
}

/* Rows of a table: lana's chain beside two by hand. */
struct comparison {
	const char *key, *title;
	enum chain_id lana, constant, variable;
	double speedup; /* how much faster than variable it should be; 0: no goal */
	const char *goal_constant, *goal_variable;
};

static const struct comparison comparisons[] = {
	{ "forward", "type forward: ns a block", CHAIN_FORWARD, CHAIN_FORWARD_CONSTANT,
	  CHAIN_FORWARD_VARIABLE, 8, "forward: lana / constant index, a chain",
	  "forward: variable index / lana, a block" },
	{ "counter", "type counter (length by helper, as frags need): ns a block", CHAIN_COUNTER,
	  CHAIN_HELPER_CONSTANT, CHAIN_LINEAR_VARIABLE, 0,
	  "counter: lana / constant index with the helper, a chain", NULL },
	{ "count_linear", "the same with data_end - data on both sides: ns a block", CHAIN_LINEAR,
	  CHAIN_LINEAR_CONSTANT, CHAIN_LINEAR_VARIABLE, 0,
	  "count_linear: lana / constant index, a chain", NULL },
	{ "counter_mixed", "type counter beside data_end - data by hand: ns a block", CHAIN_COUNTER,
	  CHAIN_LINEAR_CONSTANT, CHAIN_LINEAR_VARIABLE, 0,
	  "counter: lana / constant index with data_end, a chain", NULL },
};

static const struct bench_column columns[] = {
	{ "blocks", -6, 0 },	     { "lana", 8, 2 },
	{ "constant", 9, 2 },	     { "variable", 9, 2 },
	{ "lana/constant", 14, 2 },  { "variable/lana", 14, 1 },
	{ "lana_chain", 11, 1 },     { "constant_chain", 15, 1 },
	{ "variable_chain", 15, 1 }, { "chain_ratio", 12, 2 },
};

static double block(enum chain_id id, size_t l)
{
	return (best[id][l] - best[id][0]) / lengths[l];
}

static void report(const struct comparison *c)
{
	double worst = 0, least = INFINITY;

	bench_table(c->key, c->title, columns, LENGTH(columns));
	for (size_t l = 0; l < LENGTH(lengths); l++) {
		double lana = lengths[l] ? block(c->lana, l) : NAN;
		double constant = lengths[l] ? block(c->constant, l) : NAN;
		double variable = lengths[l] ? block(c->variable, l) : NAN;
		double ratio = best[c->lana][l] / best[c->constant][l];
		char text[16];

		snprintf(text, sizeof(text), "%u", lengths[l]);
		bench_row(text, lana, constant, variable, lana / constant, variable / lana,
			  best[c->lana][l], best[c->constant][l], best[c->variable][l], ratio);
		if (lengths[l] > 1) { /* of one block the difference is within the noise */
			worst = bench_max(worst, lana / constant);
			least = bench_min(least, variable / lana);
		}
	}
	bench_goal(c->goal_constant, worst, 1.1, false);
	if (c->goal_variable)
		bench_goal(c->goal_variable, least, c->speedup, true);
}

int main(void)
{
	static const struct bench_column alone[] = { { "program", -10, 0 }, { "ns", 8, 2 } };
	struct chains *chains;

	bench_begin("chain");
	bench_pin(BENCH_CPU_TRAFFIC);
	chains = chains_open();
	measure(chains);
	bench_table("drop", "XDP_DROP alone, and so the measurement's own cost", alone,
		    LENGTH(alone));
	bench_row("XDP_DROP", best[CHAIN_DROP][0]);
	for (size_t i = 0; i < LENGTH(comparisons); i++)
		report(&comparisons[i]);

	chains_close(chains);
	return bench_end();
}
