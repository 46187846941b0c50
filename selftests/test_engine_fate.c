// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_engine_fate - loss, bit errors, duplicates and jitter are distributed as configured
 *
 * A million packets each. Counts are within the band that holds 99 % of all runs, distributions
 * within that of the test of Kolmogorov and Smirnov. Seeds are fixed, so a run that passes does.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <lana/random.h>

#include "engine_lab.h"
#include "tap.h"

#define PACKETS 1000000

static void send_all(struct lab *lab, struct engine_link *link, __u32 length, __u64 gap)
{
	for (__u64 n = 0; n < lab->count; n++)
		lab_send(lab, link, length, n * gap);
	lab_run(lab, LAB_END);
}

/* ---- chances -------------------------------------------------------------------------------- */

static const struct {
	const char *settings;
	double chance; /* of what is counted at offset */
	size_t counter;
	__u32 length;
} chances[] = {
	{ "loss=1%", 0.01, offsetof(struct engine_counters, lost), 100 },
	{ "loss=0.01%", 0.0001, offsetof(struct engine_counters, lost), 100 },
	{ "loss=50%", 0.5, offsetof(struct engine_counters, lost), 100 },
	{ "loss=100%", 1, offsetof(struct engine_counters, lost), 100 },
	{ "duplicate=3%", 0.03, offsetof(struct engine_counters, duplicated), 100 },
	{ "reorder=2% reorder_by=1ms", 0.02, offsetof(struct engine_counters, reordered), 100 },
	{ "ge_good=2%", 0.02, offsetof(struct engine_counters, lost), 100 },
};

static void test_chance(size_t i)
{
	struct lab *lab = engine_lab_open(PACKETS);
	struct engine_link *link = lab_link(lab, chances[i].settings);
	struct engine_counters counters;
	__u64 hits;

	send_all(lab, link, chances[i].length, 1000);
	counters = lab_counters(link);
	hits = *(__u64 *)((char *)&counters + chances[i].counter);
	tap_ok(lab_binomial(hits, PACKETS, chances[i].chance), "%s: %llu of a million",
	       chances[i].settings, hits);
	engine_lab_close(lab);
}

/* A packet is hit with 1 - (1 - ber)^bits. */
static void test_ber(const char *settings, double ber, __u32 length, __u32 spared)
{
	struct lab *lab = engine_lab_open(PACKETS);
	struct engine_link *link = lab_link(lab, settings);
	double chance = -expm1(8.0 * (length - spared) * log1p(-ber));
	struct engine_counters counters;

	send_all(lab, link, length, 1000);
	counters = lab_counters(link);
	tap_ok(lab_binomial(counters.corrupt_dropped, PACKETS, chance),
	       "%s, %u bytes: %llu of a million, and %.0f is right", settings, length,
	       counters.corrupt_dropped, chance * PACKETS);
	engine_lab_close(lab);
}

/* Bits that are turned over: as many as there should be, anywhere, and the rest is as it was. */
static void test_flips(void)
{
	static unsigned int by_place[LAB_FRAME * 8];
	unsigned char frame[LAB_FRAME];
	struct lab *lab = engine_lab_open(PACKETS);
	struct engine_link *link = lab_link(lab, "ber=1e-4 ber_mode=flip ber_skip=14b");
	__u64 bits = 0, told = 0, inside = 0;
	double chi = 0, each;

	for (int i = 0; i < LAB_FRAME; i++)
		frame[i] = i * 37;
	lab->frame = frame;
	send_all(lab, link, LAB_FRAME, 1000);
	for (__u64 n = 0; n < lab->count; n++) {
		told += lab->packets[n].engine.flipped;
		for (int bit = 0; bit < LAB_FRAME * 8; bit++)
			by_place[bit] +=
				(lab->frames[n][bit / 8] ^ frame[bit / 8]) >> (7 - bit % 8) & 1;
	}
	for (int bit = 0; bit < LAB_FRAME * 8; bit++)
		bits += by_place[bit];
	for (int bit = 14 * 8; bit < LAB_FRAME * 8; bit++)
		inside += by_place[bit];
	each = inside / 400.0;
	for (int bit = 14 * 8; bit < LAB_FRAME * 8; bit++)
		chi += (by_place[bit] - each) * (by_place[bit] - each) / each;
	tap_ok(lab_binomial(bits, 400ULL * PACKETS, 1e-4), "flips: %llu bits, 40000 are right",
	       bits);
	tap_ok(bits == told && bits == inside, "flips: all told of, none in the first 14 bytes");
	/* 399 degrees of freedom: 99 % are below 399 + 2.33 sqrt(798) + … = 468. */
	tap_ok(chi < 468, "flips: all places alike (chi squared %.0f)", chi);
	tap_is(lab->left, PACKETS, "flips: nothing is dropped");
	engine_lab_close(lab);
}

/* ---- runs of losses ------------------------------------------------------------------------- */

/*
 * Gilbert's model (ge_bad 100 %): runs of losses are geometric with mean 1 / r, pauses with mean
 * 1 / p; a share p / (p + r) is lost.
 */
static void test_gilbert(void)
{
	const double p = 0.02, r = 0.25;
	struct lab *lab = engine_lab_open(PACKETS);
	struct engine_link *link = lab_link(lab, "ge_p=2% ge_r=25%");
	__u64 runs = 0, lost = 0, of_length[40] = {}, length = 0;
	double chi = 0, sd;

	send_all(lab, link, 100, 1000);
	for (__u64 n = 0; n < PACKETS; n++) {
		if (lab->packets[n].engine.drop) {
			length++;
			lost++;
		} else if (length) {
			runs++;
			of_length[length < 39 ? length : 39]++;
			length = 0;
		}
	}
	/* The variance of a share of a chain's time: times (1 + c) / (1 - c), c = 1 - p - r. */
	sd = sqrt(PACKETS * p * r / (p + r) / (p + r) * (2 - p - r) / (p + r));
	tap_ok(fabs(lost - PACKETS * p / (p + r)) < 2.5758 * sd, "gilbert: %llu lost, of %.0f",
	       lost, PACKETS * p / (p + r));
	sd = sqrt((1 - r) / r / r / runs);
	tap_ok(fabs((double)lost / runs - 1 / r) < 2.5758 * sd, "gilbert: runs of %.3f on average",
	       (double)lost / runs);
	for (int i = 1; i < 25; i++) {
		double want = runs * r * pow(1 - r, i - 1);

		chi += (of_length[i] - want) * (of_length[i] - want) / want;
	}
	tap_ok(chi < 42.98, "gilbert: runs are geometric (chi squared %.1f, 24 degrees)", chi);
	engine_lab_close(lab);
}

/* Elliott's: what is lost in each state, which shows in how losses follow losses. */
static void test_elliott(void)
{
	const double p = 0.05, r = 0.1, bad = 0.6, good = 0.02;
	struct lab *lab = engine_lab_open(PACKETS);
	struct engine_link *link = lab_link(lab, "ge_p=5% ge_r=10% ge_bad=60% ge_good=2%");
	double share = p / (p + r), mean = share * bad + (1 - share) * good, both;
	__u64 lost = 0, pairs = 0;

	send_all(lab, link, 100, 1000);
	for (__u64 n = 0; n < PACKETS; n++) {
		lost += lab->packets[n].engine.drop == ENGINE_LOST;
		pairs += n && lab->packets[n].engine.drop && lab->packets[n - 1].engine.drop;
	}
	both = share * bad * ((1 - r) * bad + r * good) +
	       (1 - share) * good * ((1 - p) * good + p * bad);
	tap_ok(fabs((double)lost / PACKETS / mean - 1) < 0.01, "elliott: %.4f lost, of %.4f",
	       (double)lost / PACKETS, mean);
	tap_ok(fabs((double)pairs / PACKETS / both - 1) < 0.02, "elliott: %.4f twice, of %.4f",
	       (double)pairs / PACKETS, both);
	engine_lab_close(lab);
}

/* ---- seeds ---------------------------------------------------------------------------------- */

#define SOME 20000

/* What blocks loss, corrupt (mode=drop) and duplicate make of a seed, one behind the other. */
static void test_like_blocks(__u32 path)
{
	const struct engine_link_options options = { .seed = 1, .path = path };
	struct lab *lab = engine_lab_open(SOME);
	struct engine_link *link =
		lab_link_with(lab, "loss=7% ber=1e-4 duplicate=4% seed=77", &options);
	__u64 gaps = 0, gap = 0, through = 0;
	unsigned int wrong = 0, twice = 0;

	send_all(lab, link, 125, 1000);
	gap = lana_random_gap(lana_random(77, 0x63727074 + path, gaps++), 10000);
	for (__u64 n = 0; n < SOME; n++) {
		enum engine_drop want = ENGINE_NOT_DROPPED;
		__u32 copies = 0, bit = 0;

		if ((lana_random(77, 0x6c6f7373 + path, n) >> 32) * 1000000000 >> 32 < 70000000)
			want = ENGINE_LOST;
		while (!want && bit < 1000 && gap < 1000 - bit) {
			bit += gap + 1;
			gap = lana_random_gap(lana_random(77, 0x63727074 + path, gaps++), 10000);
			copies = 9; /* it was hit */
		}
		if (!want)
			gap -= bit < 1000 ? 1000 - bit : 0;
		if (copies == 9)
			want = ENGINE_CORRUPTED;
		copies = 0;
		if (!want)
			copies = 1 + ((lana_random(77, 0x64757031 + path, through++) >> 32) *
					      1000000000 >>
				      32 < 40000000);
		wrong += lab->packets[n].engine.drop != want || lab->packets[n].copies != copies;
		twice += copies == 2;
	}
	tap_is(wrong, 0, "path %u: packets have the fates that blocks give them by the same seed",
	       path);
	tap_ok(twice > 0 && through < SOME * 0.93, "and there were all kinds");
	engine_lab_close(lab);
}

static const char everything[] = "rate=100mbit delay=5ms jitter=2ms distribution=normal "
				 "correlation=30% loss=2% ge_p=1% ge_r=20% ber=1e-5 duplicate=2% "
				 "reorder=1% reorder_by=500us limit=100mb";

static struct lab *run_everything(const char *more, const char *change, __u64 at)
{
	struct lab *lab = engine_lab_open(SOME);
	struct engine_link *link = lab_link(lab, everything);

	lab_set(link, more, 0);
	for (__u64 n = 0; n < SOME; n++) {
		if (change && n == at)
			lab_set(link, change, n * 100000);
		lab_send(lab, link, 1000, n * 100000);
	}
	lab_run(lab, LAB_END);
	return lab;
}

/* How many packets had another fate, or left at another time. */
static unsigned int compare(const struct lab *a, const struct lab *b, bool times)
{
	unsigned int differs = 0;

	for (__u64 n = 0; n < SOME; n++)
		differs += a->packets[n].engine.drop != b->packets[n].engine.drop ||
			   a->packets[n].copies != b->packets[n].copies ||
			   (times && a->packets[n].left != b->packets[n].left);
	return differs;
}

static void test_seeds(void)
{
	struct lab *first = run_everything("seed=9", NULL, 0);
	struct lab *again = run_everything("seed=9", NULL, 0);
	struct lab *other = run_everything("seed=10", NULL, 0);
	static const char *const changes[] = { "delay=1ms", "rate=20mbit", "jitter=0 correlation=0",
					       "rate=0 queue=drr", "overtake=on" };

	tap_is(compare(first, again, true), 0, "the same seed gives the same again");
	tap_ok(compare(first, other, false) > 100, "another seed does not");
	engine_lab_close(again);
	engine_lab_close(other);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		again = run_everything("seed=9", changes[i], SOME / 3);
		tap_is(compare(first, again, false), 0, "%s, in between: the same fates",
		       changes[i]);
		tap_ok(compare(first, again, true) > 100, "at other times");
		engine_lab_close(again);
	}
	engine_lab_close(first);
}

/* What is off decides as if it were on, so what is switched on later finds its place. */
static void test_numbers_go_on(void)
{
	struct lab *always = engine_lab_open(SOME), *later = engine_lab_open(SOME);
	struct engine_link *link = lab_link(always, "loss=5% duplicate=5% seed=3");
	struct engine_link *other = lab_link(later, "duplicate=5% seed=3");
	unsigned int differs = 0;

	send_all(always, link, 100, 1000);
	for (__u64 n = 0; n < SOME; n++) {
		if (n == SOME / 2)
			lab_set(other, "loss=5%", n * 1000);
		lab_send(later, other, 100, n * 1000);
	}
	lab_run(later, LAB_END);
	for (__u64 n = SOME / 2; n < SOME; n++)
		differs += always->packets[n].engine.drop != later->packets[n].engine.drop;
	tap_is(differs, 0, "loss that is switched on later takes the packets that it would have");
	engine_lab_close(always);
	engine_lab_close(later);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(chances) / sizeof(chances[0]); i++)
		test_chance(i);
	test_ber("ber=1e-6", 1e-6, 1500, 0);
	test_ber("ber=1e-6", 1e-6, 64, 0);
	test_ber("ber=3e-5", 3e-5, 9000, 0);
	test_ber("ber=1e-3 ber_skip=14b", 1e-3, 60, 14);
	test_ber("ber=3e-2", 3e-2, 2, 0);
	test_ber("ber=1e-9", 1e-9, 1500, 0);
	test_flips();
	test_gilbert();
	test_elliott();
	test_like_blocks(0);
	test_like_blocks(1);
	test_seeds();
	test_numbers_go_on();
	return tap_done();
}
