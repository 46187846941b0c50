// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_engine_jitter - delays are distributed and correlated as configured, and keep their order
 *
 * Packets are so far apart that none has to wait for another. Distributions are within the band
 * that the test of Kolmogorov and Smirnov gives to 99 % of all samples. Seeds are fixed.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_lab.h"
#include "tap.h"

#define PACKETS 200000
#define FIRST	2000 /* links */
#define DELAY	(100 * LAB_MS)
#define JITTER	(1.0 * LAB_MS)

static double *samples;

/* ---- distributions: what is below x times the jitter ----------------------------------------- */

/* Of the table that is made below: half of all -1 to 0, half 0 to 3. */
static double bent(double x)
{
	return x < 0 ? fmax((x + 1) / 2, 0) : fmin(0.5 + x / 6, 1);
}

static struct jitter_table bent_table;

static void make_bent_table(void)
{
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	struct lana_error error;

	fprintf(file, "# a distribution that is bent\n");
	for (int i = 0; i < 2000; i++)
		fprintf(file, "%ld%c",
			lrint(8192 * (i < 1000 ? (i + 0.5) / 1000 - 1 : (i - 999.5) / 1000 * 3)),
			i % 8 == 7 ? '\n' : ' ');
	fclose(file);
	if (jitter_read_table(text, size, &bent_table, &error))
		tap_bail("%s", error.text);
	free(text);
}

/* ---- what is measured ----------------------------------------------------------------------- */

static const struct {
	const char *settings;
	double (*cdf)(double x);
	double correlation; /* of one delay and the next; netem's would narrow the distribution */
} cases[] = {
	{ "distribution=uniform", lab_uniform, 0 },
	{ "distribution=normal", lab_normal, 0 },
	{ "distribution=pareto", lab_pareto, 0 },
	{ "distribution=pareto", bent, 0 }, /* a table takes its place */
	{ "distribution=uniform correlation=50%", lab_uniform, 0.4826 },
	{ "distribution=normal correlation=25%", lab_normal, 0.25 },
	{ "distribution=normal correlation=90%", lab_normal, 0.9 },
};

static double correlation_of(const double *x, size_t count)
{
	double mean = 0, both = 0, square = 0;

	for (size_t i = 0; i < count; i++)
		mean += x[i] / count;
	for (size_t i = 0; i < count; i++) {
		square += (x[i] - mean) * (x[i] - mean);
		if (i)
			both += (x[i] - mean) * (x[i - 1] - mean);
	}
	return both / square;
}

static void test_distribution(size_t i)
{
	const struct engine_link_options options = {
		.seed = 4,
		.table = cases[i].cdf == bent ? &bent_table : NULL,
	};
	struct lab *lab = engine_lab_open(PACKETS);
	char settings[128];
	struct engine_link *link;
	double r, distance, mean = 0;
	size_t used = 0;

	snprintf(settings, sizeof(settings), "delay=100ms jitter=1ms overtake=on %s",
		 cases[i].settings);
	link = lab_link_with(lab, settings, &options);
	for (__u64 n = 0; n < PACKETS; n++)
		lab_send(lab, link, 100, n * 1000);
	lab_run(lab, LAB_END);
	for (__u64 n = 0; n < PACKETS; n++) {
		const struct lab_packet *packet = &lab->packets[n];

		samples[n] = ((double)(packet->left - packet->sent) - DELAY) / JITTER;
		mean += samples[n] / PACKETS;
	}
	r = correlation_of(samples, PACKETS);
	tap_ok(fabs(r - cases[i].correlation) < 2.5758 / sqrt(PACKETS), "%s: correlation %.4f",
	       cases[i].settings, r);
	/* The test is one of independent samples: take those that are as good as that. */
	for (size_t n = 0; n<PACKETS; n += cases[i].correlation> 0.5 ? 60
			   : cases[i].correlation		     ? 15
								     : 1)
		samples[used++] = samples[n];
	distance = lab_distance(samples, used, cases[i].cdf);
	tap_ok(distance < 1.63, "%s: distributed so (distance %.2f of %zu), mean %.4f",
	       cases[i].settings, distance, used, mean);
	engine_lab_close(lab);
}

/* The first packets of links are as far apart as any others. */
static void test_first(const char *settings, double (*cdf)(double x))
{
	struct lab *lab = engine_lab_open(FIRST);
	double distance;

	for (__u64 n = 0; n < FIRST; n++) {
		const struct engine_link_options options = { .seed = 1 + n };
		struct engine_link *link = lab_link_with(lab, settings, &options);

		lab_send(lab, link, 100, 0);
		lab_run(lab, LAB_END);
		samples[n] = ((double)lab->packets[n].left - DELAY) / JITTER;
		engine_link_close(link);
	}
	distance = lab_distance(samples, FIRST, cdf);
	tap_ok(distance < 1.63, "%s: so are first packets (distance %.2f)", settings, distance);
	engine_lab_close(lab);
}

/* The tails are as long as they should be: what one packet in a thousand or more exceeds. */
static void test_tails(void)
{
	static struct jitter_tables tables;
	double worst = 0;

	jitter_make_tables(&tables);
	for (int bit = 1; bit < 31; bit++) {
		/* In the middle between two cells, too. */
		__u32 u = (1U << bit) + (1U << bit >> 8), rest = ~u;
		double p = (u + 0.5) / 4294967296.0;
		double low = ldexp(jitter_value(&tables.normal, u), -JITTER_ONE);
		double high = ldexp(jitter_value(&tables.pareto, rest), -JITTER_ONE);

		worst = fmax(worst, fabs(log(lab_normal(low) / p)));
		worst = fmax(worst, fabs(log((1 - lab_pareto(high)) / p)));
	}
	tap_ok(worst < 0.001, "tails are right to %.1e down to one in 2^31", worst);
}

/* ---- order ---------------------------------------------------------------------------------- */

static const struct {
	const char *settings;
	bool passes;
} orders[] = {
	{ "delay=5ms jitter=5ms", false },
	{ "delay=5ms jitter=5ms distribution=pareto", false },
	{ "delay=5ms jitter=5ms distribution=normal rate=100mbit limit=100mb", false },
	{ "delay=5ms jitter=5ms overtake=on", true },
	{ "delay=5ms reorder=2% reorder_by=100us", true },
};

static void test_order(size_t i)
{
	struct lab *lab = engine_lab_open(50000);
	struct engine_link *link = lab_link(lab, orders[i].settings);
	struct engine_counters counters;
	unsigned int early = 0;

	for (__u64 n = 0; n < lab->count; n++)
		lab_send(lab, link, 1000, n * 10000);
	lab_run(lab, LAB_END);
	counters = lab_counters(link);
	for (__u64 n = 0; n < lab->count; n++)
		early += lab->packets[n].left < lab->packets[n].sent;
	if (orders[i].passes)
		tap_ok(lab_disorder(lab) > 500, "%s: packets pass others", orders[i].settings);
	else
		tap_is(lab_disorder(lab), 0, "%s: none passes another", orders[i].settings);
	if (counters.reordered)
		tap_is(lab_disorder(lab), counters.reordered, "as many as are held back");
	tap_is(early, 0, "none leaves before it came");
	engine_lab_close(lab);
}

/* A packet that is held back comes so much later, and the others at their time. */
static void test_held_back(void)
{
	struct lab *lab = engine_lab_open(10000);
	struct engine_link *link = lab_link(lab, "delay=5ms reorder=10% reorder_by=350us");
	__u64 late = 0, wrong = 0;

	for (__u64 n = 0; n < lab->count; n++)
		lab_send(lab, link, 1000, n * 100000);
	lab_run(lab, LAB_END);
	for (__u64 n = 0; n < lab->count; n++) {
		__u64 took = lab->packets[n].left - lab->packets[n].sent;

		late += took == 5350000;
		wrong += took != 5350000 && took != 5000000;
	}
	tap_is(wrong, 0, "reorder_by: so much later, the others at their time");
	tap_is(late, lab_counters(link).reordered, "as many as are counted");
	engine_lab_close(lab);
}

/* ---- tables --------------------------------------------------------------------------------- */

static const struct {
	const char *text, *refused;
} tables[] = {
	{ "0 1 2", NULL },
	{ "# nothing\n", "fewer than two numbers" },
	{ "5", "fewer than two numbers" },
	{ "1 2 x", "word 3 is no whole number" },
	{ "1 2.5", "word 2 is no whole number" },
	{ "1 3 2", "number 3, 2, is less than the one before, 3" },
	{ "1 99999999", "word 2 is no whole number, or is beyond" },
	{ "1 999999999999999999999", "word 2 is no whole number" },
};

static void test_tables(void)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		struct jitter_table table;
		struct lana_error error = { "" };
		int err = jitter_read_table(tables[i].text, strlen(tables[i].text), &table, &error);

		if (tables[i].refused)
			tap_ok(err == -EINVAL && strstr(error.text, tables[i].refused), "table: %s",
			       error.text);
		else
			tap_ok(!err, "table: %s", tables[i].text);
	}
}

/* Of two numbers, the first is the quantile 1/4 and the second 3/4. */
static void test_places(void)
{
	static const double places[][2] = { { 0.1, -1 }, { 0.25, -1 }, { 0.375, -0.5 },
					    { 0.5, 0 },	 { 0.75, 1 },  { 0.99, 1 } };
	struct jitter_table table;
	double worst = 0;

	jitter_read_table("-8192 8192", 10, &table, NULL);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		__u32 u = places[i][0] * 4294967296.0;

		worst = fmax(worst,
			     fabs(ldexp(jitter_value(&table, u), -JITTER_ONE) - places[i][1]));
	}
	tap_ok(worst < 0.001, "table: number i of n is the quantile (i + 1/2) / n (%.5f)", worst);
}

int main(void)
{
	samples = calloc(PACKETS, sizeof(*samples));
	make_bent_table();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		test_distribution(i);
	test_first("delay=100ms jitter=1ms distribution=normal correlation=90%", lab_normal);
	test_first("delay=100ms jitter=1ms correlation=50%", lab_uniform);
	test_tails();
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		test_order(i);
	test_held_back();
	test_tables();
	test_places();
	free(samples);
	return tap_done();
}
