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
#include "selftests/relay.h"
#include "selftests/topology.h"
#include "selftests/traffic.h"

static const unsigned int lengths[] = { 0, 1, 5, 10, 20, 31 };

#define RUN_MS (bench_quick() ? 50 : 200)
#define ROUNDS (bench_quick() ? 2 : 7)

struct result {
	double rate; /* frames a second, best run */
	double lost, duplicated, reordered; /* all runs */
};

static struct traffic *open_traffic(const char *send, const char *check)
{
	struct traffic_options options = {
		.send = send, .check = check, .pin = true, .cpu = BENCH_CPU_TRAFFIC
	};
	struct traffic *traffic;

	bench_must(traffic_open(&options, &traffic), NULL, "traffic from %s", send);
	return traffic;
}

static void sleep_ms(unsigned int ms)
{
	struct timespec time = { .tv_nsec = ms * 1000000L };

	nanosleep(&time, NULL);
}

static double sent(struct traffic *traffic, struct traffic_report *report)
{
	bench_must(traffic_report(traffic, report), NULL, "report");
	return report->sent;
}

/* Setting a sender up takes up to 60 ms, so the rate is taken while it runs. */
static void run(struct traffic *traffic, struct result *result)
{
	struct traffic_report report;
	double begin, first, rate;

	bench_must(traffic_reset(traffic), NULL, "reset");
	bench_must(traffic_start(traffic), NULL, "start");
	while (!sent(traffic, &report))
		sleep_ms(1);
	first = report.sent;
	begin = bench_now();
	sleep_ms(RUN_MS);
	rate = (sent(traffic, &report) - first) / (bench_now() - begin);
	bench_must(traffic_stop(traffic), NULL, "stop");
	sent(traffic, &report);
	result->rate = bench_max(result->rate, rate);
	result->lost += report.lost;
	result->duplicated += report.duplicated;
	result->reordered += report.reordered;
}

/* ---- into a drop ------------------------------------------------------------------------ */

static const struct bench_column drop_columns[] = {
	{ "chain", -26, 0 }, { "blocks", 6, 0 },	{ "Mpps", 6, 2 },
	{ "of_drop", 7, 2 }, { "of_constant", 11, 2 },
};

/* The chain by hand that a chain of lana's is compared with. */
static enum chain_id by_hand(enum chain_id id)
{
	return id == CHAIN_FORWARD ? CHAIN_FORWARD_CONSTANT :
	       id == CHAIN_COUNTER ? CHAIN_HELPER_CONSTANT :
				     CHAIN_LINEAR_CONSTANT;
}

static void drop(struct chains *chains)
{
	static struct result results[CHAIN_IDS][LENGTH(lengths)];
	struct traffic *traffic[CHAIN_IDS] = {};
	double worst = INFINITY;
	char send[64];

	for (int id = 0; id < CHAIN_IDS; id++) {
		snprintf(send, sizeof(send), "gen:%s", chain_entry(id));
		traffic[id] = id == CHAIN_FORWARD || !chain_kinds[id].type ?
				      open_traffic(send, NULL) :
				      traffic[CHAIN_FORWARD];
	}
	for (int round = 0; round < ROUNDS; round++)
		for (size_t l = 0; l < LENGTH(lengths); l++)
			for (int id = 0; id < CHAIN_IDS; id++) {
				chain_shape(chains, id, lengths[l]);
				run(traffic[id], &results[id][l]);
			}

	bench_table("drop", "64-byte frames through a chain into a drop", drop_columns,
		    LENGTH(drop_columns));
	bench_row("XDP_DROP", 0.0, results[CHAIN_DROP][0].rate / 1e6, 1.0, NAN);
	for (int id = 0; id < CHAIN_DROP; id++)
		for (size_t l = 0; l < LENGTH(lengths); l++) {
			double rate = results[id][l].rate, ratio = NAN;

			if (chain_kinds[id].type) {
				ratio = rate / results[by_hand(id)][l].rate;
				worst = bench_min(worst, ratio);
			}
			bench_row(chain_kinds[id].name, (double)lengths[l], rate / 1e6,
				  rate / results[CHAIN_DROP][0].rate, ratio);
		}
	bench_goal("packets a second, lana / constant index", worst, 1 / 1.1, true);
	for (int id = 0; id < CHAIN_IDS; id++)
		if (id == CHAIN_FORWARD || !chain_kinds[id].type)
			traffic_close(traffic[id]);
}

/* ---- onto another veth ------------------------------------------------------------------ */

static const struct bench_column forward_columns[] = {
	{ "chain", -26, 0 },	{ "blocks", 6, 0 }, { "Mpps", 6, 2 },
	{ "of_redirect", 11, 2 }, { "lost", 6, 0 },   { "duplicated", 10, 0 },
	{ "reordered", 9, 0 },
};

static void forward_row(const char *name, unsigned int length, const struct result *result,
			const struct result *redirect)
{
	bench_row(name, (double)length, result->rate / 1e6, result->rate / redirect->rate,
		  result->lost, result->duplicated, result->reordered);
}

static void forward(struct chains *chains)
{
	static const enum chain_id ids[] = { CHAIN_FORWARD, CHAIN_COUNTER };
	struct result results[LENGTH(ids)][LENGTH(lengths)] = {}, redirect = {};
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

	for (int round = 0; round < ROUNDS; round++)
		for (size_t l = 0; l < LENGTH(lengths); l++) {
			run(bare, &redirect);
			for (size_t i = 0; i < LENGTH(ids); i++) {
				chain_shape(chains, ids[i], lengths[l]);
				run(traffic, &results[i][l]);
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
