// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_traffic - packets a second through the chains of bench_chain, on real veths
 *
 *	gen                         lana                                        sink
 *	generator out0 ──────── in0 root → blocks → drop        the same for every chain by hand
 *	                                          → out ──────── o    checker
 *	          r0 ────────── r1  bare redirect → r2  ──────── r3   checker
 *
 * Frames of 64 bytes, one sending CPU, on which all the rest runs as well, in softirq: what the
 * generator costs is part of every figure.
 */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "bench.h"
#include "chain.h"
#include "rate.h"
#include "selftests/relay.h"
#include "selftests/topology.h"
#include "selftests/traffic.h"

static const unsigned int lengths[] = { 0, 1, 5, 10, 20, 31 };

#define ROUNDS	   9
#define ROUNDS_NOW (bench_quick() ? 1 : ROUNDS)

static struct traffic *open_traffic(const char *send, const char *check)
{
	return rate_open((struct traffic_options){ .send = send, .check = check });
}

/* ---- into a drop ------------------------------------------------------------------------ */

static const struct bench_column drop_columns[] = {
	{ "chain", -26, 0 }, { "blocks", 6, 0 },       { "Mpps", 6, 2 },
	{ "of_drop", 7, 2 }, { "of_constant", 11, 2 },
};

/* The chain by hand that a chain of lana's is compared with. */
static enum chain_id by_hand(enum chain_id id)
{
	return id == CHAIN_FORWARD   ? CHAIN_FORWARD_CONSTANT
	       : id == CHAIN_COUNTER ? CHAIN_HELPER_CONSTANT
				     : CHAIN_LINEAR_CONSTANT;
}

static void drop(struct chains *chains)
{
	static struct rate results[CHAIN_IDS][LENGTH(lengths)];
	struct traffic *traffic[CHAIN_IDS] = {};
	double worst = INFINITY, alone;
	char send[64];

	for (int id = 0; id < CHAIN_IDS; id++) {
		snprintf(send, sizeof(send), "gen:%s", chain_entry(id));
		traffic[id] = id == CHAIN_FORWARD || !chain_kinds[id].type
				      ? open_traffic(send, NULL)
				      : traffic[CHAIN_FORWARD];
	}
	for (int round = 0; round < ROUNDS_NOW; round++)
		for (size_t l = 0; l < LENGTH(lengths); l++)
			for (int id = 0; id < CHAIN_IDS; id++) {
				chain_shape(chains, id, lengths[l]);
				rate_run(traffic[id], &results[id][l]);
			}

	alone = rate_of(&results[CHAIN_DROP][0]);
	bench_table("drop", "64-byte frames through a chain into a drop", drop_columns,
		    LENGTH(drop_columns));
	bench_row("XDP_DROP", 0.0, alone / 1e6, 1.0, NAN);
	for (int id = 0; id < CHAIN_DROP; id++)
		for (size_t l = 0; l < LENGTH(lengths); l++) {
			double mine = rate_of(&results[id][l]), ratio = NAN;

			if (chain_kinds[id].type) {
				ratio = mine / rate_of(&results[by_hand(id)][l]);
				worst = bench_min(worst, ratio);
			}
			bench_row(chain_kinds[id].name, (double)lengths[l], mine / 1e6,
				  mine / alone, ratio);
		}
	bench_goal("packets a second, lana / constant index", worst, 1 / 1.1, true);
	for (int id = 0; id < CHAIN_IDS; id++)
		if (id == CHAIN_FORWARD || !chain_kinds[id].type)
			traffic_close(traffic[id]);
}

/* ---- onto another veth ------------------------------------------------------------------ */

static const struct bench_column forward_columns[] = {
	{ "chain", -26, 0 },	  { "blocks", 6, 0 }, { "Mpps", 6, 2 },
	{ "of_redirect", 11, 2 }, { "lost", 6, 0 },   { "duplicated", 10, 0 },
	{ "reordered", 9, 0 },
};

static void forward_row(const char *name, unsigned int length, struct rate *result,
			struct rate *redirect)
{
	bench_row(name, (double)length, rate_of(result) / 1e6, rate_of(result) / rate_of(redirect),
		  result->lost, result->duplicated, result->reordered);
}

static void forward(struct chains *chains)
{
	static const enum chain_id ids[] = { CHAIN_FORWARD, CHAIN_COUNTER };
	static struct rate results[LENGTH(ids)][LENGTH(lengths)], redirect;
	struct lana_error error = {};
	struct traffic *bare, *traffic;
	struct relay *relay;
	char send[64];

	topology_netns("sink");
	topology_veth("lana", "out", "sink", "o");
	topology_veth("gen", "r0", "lana", "r1");
	topology_veth("lana", "r2", "sink", "r3");
	bare = open_traffic("gen:r0", "sink:r3");
	bench_must(relay_open("lana:r1", "r2", 0, &relay), NULL, "relay");
	snprintf(send, sizeof(send), "gen:%s", chain_entry(CHAIN_FORWARD));
	traffic = open_traffic(send, "sink:o");
	bench_must(lana_hook(chains_stack(chains), "out", NULL, &error), &error, "hook out");
	chain_end(chains, "out");

	for (int round = 0; round < ROUNDS_NOW; round++)
		for (size_t l = 0; l < LENGTH(lengths); l++) {
			rate_run(bare, &redirect);
			for (size_t i = 0; i < LENGTH(ids); i++) {
				chain_shape(chains, ids[i], lengths[l]);
				rate_run(traffic, &results[i][l]);
			}
		}

	bench_table("forward", "64-byte frames through a chain onto another veth", forward_columns,
		    LENGTH(forward_columns));
	forward_row("bare redirect", 0, &redirect, &redirect);
	for (size_t i = 0; i < LENGTH(ids); i++)
		for (size_t l = 0; l < LENGTH(lengths); l++)
			forward_row(chain_kinds[ids[i]].name, lengths[l], &results[i][l],
				    &redirect);
	traffic_close(traffic);
	traffic_close(bare);
	relay_close(relay);
}

int main(void)
{
	struct chains *chains;

	bench_begin("traffic");
	bench_pin(BENCH_CPU_CHANGE);
	chains = chains_open();
	drop(chains);
	forward(chains);
	chains_close(chains);
	return bench_end();
}
