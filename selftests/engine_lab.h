/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine_lab.h - links of the engine in simulated time, and what became of each packet
 *
 *	struct lab *lab = engine_lab_open(1000);
 *	struct engine_link *link = lab_link(lab, "rate=10mbit delay=20ms");
 *
 *	lab_send(lab, link, 1500, 0);
 *	lab_run(lab, LAB_END);
 *	tap_is(lab->packets[0].left, ...);
 *	engine_lab_close(lab);
 *
 * The engine is run at each moment that it asks for and at no other, so packets leave at their time
 * to the nanosecond. What cannot be set up ends the test.
 */
#ifndef ENGINE_LAB_H
#define ENGINE_LAB_H

#include "engine/engine.h"
#include "loader/layout.h"

#define LAB_END	  (~0ULL - 1)
#define LAB_MS	  1000000ULL
#define LAB_S	  1000000000ULL
#define LAB_FRAME 64 /* bytes that each packet has in memory, whatever its length */

struct lab_packet {
	struct engine_packet engine; /* first */
	__u64 sent, left;
	__u32 stream; /* the test's, of lab->stream when it was sent */
	__u8 copies;  /* how often it left: 0 for what was dropped */
};

/* What block "link" takes. */
const struct layout *lab_layout(const struct btf **types);

struct lab {
	struct engine *engine;
	struct lab_packet *packets; /* by number, as they were sent */
	__u64 *order;		    /* numbers, as they left */
	__u64 count, sent, left, dropped;
	__u64 off; /* packets that left at another time than the one computed: 0 */
	__u32 stream, flow;
	const void *frame; /* the first LAB_FRAME bytes of what is sent; NULL: no bytes */
	unsigned char (*frames)[LAB_FRAME]; /* these, by number */

	/* Called for each packet that leaves or is dropped; may send. May be NULL. */
	void (*gone)(struct lab *lab, struct lab_packet *packet, __u64 now);
	void *cookie;
};

/* Room for so many packets. */
struct lab *engine_lab_open(__u64 count);
void engine_lab_close(struct lab *lab);

/* Settings: KEY=VALUE, separated by blanks. What is not named is left as it is. */
int lab_try(struct link_config *config, const char *settings, struct lana_error *error);
void lab_parse(struct link_config *config, const char *settings);
struct engine_link *lab_link(struct lab *lab, const char *settings);
struct engine_link *lab_link_with(struct lab *lab, const char *settings,
				  const struct engine_link_options *options);
void lab_set(struct engine_link *link, const char *settings, __u64 now);

/* Run up to a time, then let a packet arrive. */
void lab_send(struct lab *lab, struct engine_link *link, __u32 length, __u64 now);
void lab_run(struct lab *lab, __u64 until);

struct engine_counters lab_counters(struct engine_link *link);

/* How many packets left out of the order in which they were sent: those behind a later one. */
__u64 lab_disorder(const struct lab *lab);

/*
 * Is a number of hits in so many trials within the band that holds 99 % of all, if each hits with
 * the chance p?
 */
bool lab_binomial(__u64 hits, __u64 trials, double p);

/*
 * The distance of Kolmogorov and Smirnov, times the square root of the count: below 1.63 for 99 %
 * of all samples of the distribution cdf. Sorts.
 */
double lab_distance(double *samples, size_t count, double (*cdf)(double x));

/* What jitter is drawn from: the chance of less than x times the jitter (docs/link.md). */
double lab_uniform(double x);
double lab_normal(double x);
double lab_pareto(double x);

#endif
