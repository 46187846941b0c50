// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_impair - blocks that meter and impair: limit, police, loss, duplicate, corrupt, meter
 *
 * Each packet's fate follows from a seed here, and is compared with what the same numbers give in
 * C; that these numbers are as the options say, is judged by the band that holds 99.9 % of all
 * seeds. Time is judged by the clock that the blocks read, before and after, whatever the
 * machine's speed.
 */
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/if_ether.h>

#include <lana/random.h>

#include "ip_reference.h"
#include "tap.h"
#include "topology.h"

#ifndef LANA_TYPES_DIR
#error "where are the types?"
#endif

static const char *const flavours[] = { [LANA_XDP] = "xdp", [LANA_TC] = "tc" };

#define BAND 3.2905 /* standard deviations to each side: 99.9 % */

static unsigned long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void make_packet(struct packet *packet, unsigned int size)
{
	*packet = (struct packet){ .size = size };
	packet->bytes[12] = 0x88;
	packet->bytes[13] = 0xb5;
	for (unsigned int i = ETH_HLEN; i < size; i++)
		packet->bytes[i] = i * 37;
}

static void add(struct workbench *bench, const char *type, const char *options)
{
	struct lana_error error;

	if (workbench_add(bench, type, options, &error))
		tap_bail("%s %s: %s", type, options ?: "", error.text);
}

static void is_in_band(double got, double trials, double chance, const char *flavour,
		       const char *what)
{
	double mean = trials * chance, width = BAND * sqrt(trials * chance * (1 - chance));

	tap_ok(fabs(got - mean) <= width, "%s: %s: %.0f, of %.0f +- %.0f", flavour, what, got, mean,
	       width);
}

/* ---- limit and police ----------------------------------------------------------------------- */

struct runner {
	struct workbench *bench;
	const struct packet *packet;
	enum lana_flavour flavour;
	unsigned int times;
	int cpu;
};

static void *run(void *cookie)
{
	struct runner *runner = cookie;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(runner->cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	workbench_repeat(runner->bench, runner->flavour, runner->packet, runner->times);
	return NULL;
}

/* On the first two CPUs that this process may use, if there are two. Packets in all. */
static unsigned int run_on_cpus(struct workbench *bench, enum lana_flavour flavour,
				const struct packet *packet, unsigned int times)
{
	struct runner runners[2];
	pthread_t threads[2];
	unsigned int count = 0;
	cpu_set_t cpus;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (int cpu = 0; cpu < CPU_SETSIZE && count < 2; cpu++) {
		if (!CPU_ISSET(cpu, &cpus))
			continue;
		runners[count] = (struct runner){ bench, packet, flavour, times, cpu };
		if (pthread_create(&threads[count], NULL, run, &runners[count]))
			tap_bail("no thread");
		count++;
	}
	for (unsigned int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	return count * times;
}

/* A bucket that gets next to nothing gives what it holds, and no more, to all CPUs together. */
static void test_limit_burst(struct workbench *bench, enum lana_flavour flavour)
{
	unsigned long long begin, passed, given;
	struct packet packet;
	unsigned int count;

	make_packet(&packet, 100);
	add(bench, "limit", "rate=1 burst=1000");
	begin = now();
	count = run_on_cpus(bench, flavour, &packet, 20000);
	given = (now() - begin) / 1000000000 + 1;
	passed = count - workbench_counter(bench, "over");
	tap_ok(passed >= 1000 && passed <= 1000 + given, "%s: limit: of %u packets, %llu pass",
	       flavours[flavour], count, passed);
	workbench_rm(bench);

	add(bench, "limit", "rate=1 unit=bits burst=80400");
	begin = now();
	count = run_on_cpus(bench, flavour, &packet, 20000);
	passed = count - workbench_counter(bench, "over");
	tap_is(passed, 100, "%s: limit: 80400 bits are 100 packets of 100 bytes",
	       flavours[flavour]);
	workbench_rm(bench);

	add(bench, "limit", NULL);
	workbench_repeat(bench, flavour, &packet, 20000);
	tap_is(workbench_counter(bench, "over"), 0, "%s: limit: none", flavours[flavour]);
	workbench_rm(bench);
}

/*
 * From empty, a bucket has given what came in since: at least by the time before the last packet,
 * at most by the time after it.
 */
static void test_limit_rate(struct workbench *bench, enum lana_flavour flavour)
{
	const double rate = 1000, burst = 5000;
	unsigned long long emptied, before, after, begin = now(), over, count = 30000;
	struct packet packet;

	make_packet(&packet, 60);
	add(bench, "limit", "rate=1000 burst=5000");
	begin = now();
	workbench_repeat(bench, flavour, &packet, count);
	emptied = now();
	over = workbench_counter(bench, "over");
	while (now() < emptied + 50000000)
		;
	before = now();
	workbench_repeat(bench, flavour, &packet, count);
	after = now();
	over = count - (workbench_counter(bench, "over") - over); /* passed */

	tap_ok(over <= (after - begin) * rate / 1e9 + 1, "%s: limit: %llu pass, at most %.1f",
	       flavours[flavour], over, (after - begin) * rate / 1e9 + 1);
	tap_ok(over >= fmin(burst, (before - emptied) * rate / 1e9 - 1), "%s: limit: at least %.1f",
	       flavours[flavour], (before - emptied) * rate / 1e9 - 1);
	workbench_rm(bench);
}

static void test_police(struct workbench *bench, enum lana_flavour flavour)
{
	struct packet packet;
	unsigned int count;

	/* 100 packets of 1000 bits each are green, 150 more yellow, all others red. */
	make_packet(&packet, 125);
	add(bench, "police", "rate=1 burst=100000 peak=1 peak_burst=250000");
	count = run_on_cpus(bench, flavour, &packet, 5000);
	tap_is(workbench_counter(bench, "green"), 125 * 100, "%s: police: green",
	       flavours[flavour]);
	tap_is(workbench_counter(bench, "yellow"), 125 * 150, "%s: police: yellow",
	       flavours[flavour]);
	tap_is(workbench_counter(bench, "red"), 125 * (count - 250), "%s: police: red",
	       flavours[flavour]);
	workbench_rm(bench);

	add(bench, "police", NULL);
	workbench_repeat(bench, flavour, &packet, 1000);
	tap_is(workbench_counter(bench, "green"), 125 * 1000, "%s: police: no rates, all green",
	       flavours[flavour]);
	workbench_rm(bench);
}

/* ---- loss, duplicate ------------------------------------------------------------------------- */

/* Blocks that draw lots: with a seed each packet's fate is known beforehand. */
struct lottery {
	const char *type, *counter;
	const char *drawn, *spared; /* where packets go */
	unsigned long long stream;  /* of random numbers, of the first path */
	unsigned int few, count;    /* packets that are looked at one by one; all */
};

static const struct lottery loss = {
	"loss", "lost", "drop policy", "next", 0x6c6f7373, 120, 200000
};

/* Which packets it is; that they leave twice is for test_copies. */
static const struct lottery duplicate = { "duplicate", "doubled", "next", "next",
					  0x64757031,  200,	  50000 };

static bool is_drawn(const struct lottery *lottery, unsigned long long seed, unsigned long long n,
		     double chance)
{
	return (lana_random(seed, lottery->stream, n) >> 32) / 4294967296.0 < chance;
}

static void test_lots(struct workbench *bench, enum lana_flavour flavour,
		      const struct lottery *lottery, const char *options, double chance)
{
	unsigned long long seed = strtoull(strstr(options, "seed=") + 5, NULL, 10);
	unsigned int drawn = 0, differ = 0, n;
	struct packet packet;
	char where[64];

	make_packet(&packet, 60);
	add(bench, lottery->type, options);
	for (n = 0; n < lottery->few; n++) {
		bool is = is_drawn(lottery, seed, n, chance);

		workbench_run(bench, flavour, &packet, where, sizeof(where));
		drawn += is;
		differ += workbench_counter(bench, lottery->counter) != drawn ||
			  strcmp(where, is ? lottery->drawn : lottery->spared);
	}
	tap_is(differ, 0, "%s: %s %s: each packet's fate", flavours[flavour], lottery->type,
	       options);
	workbench_repeat(bench, flavour, &packet, lottery->count - n);
	for (; n < lottery->count; n++)
		drawn += is_drawn(lottery, seed, n, chance);
	tap_is(workbench_counter(bench, lottery->counter), drawn, "%s: %s %s: all fates",
	       flavours[flavour], lottery->type, options);
	is_in_band(drawn, lottery->count, chance, flavours[flavour], options);
	workbench_rm(bench);
}

/* Ten standard deviations do not flicker. */
static void test_unseeded(struct workbench *bench, enum lana_flavour flavour,
			  const struct lottery *lottery)
{
	unsigned int count = lottery->count;
	unsigned long long drawn;
	struct packet packet;

	make_packet(&packet, 60);
	add(bench, lottery->type, "ppm=100000");
	workbench_repeat(bench, flavour, &packet, count);
	drawn = workbench_counter(bench, lottery->counter);
	tap_ok(fabs(drawn - count * 0.1) < 10 * sqrt(count * 0.09),
	       "%s: %s without a seed: %llu of %u", flavours[flavour], lottery->type, drawn, count);
	workbench_rm(bench);
}

static void test_loss(struct workbench *bench, enum lana_flavour flavour)
{
	static const struct {
		const char *options;
		double chance;
	} rows[] = {
		{ "ppm=10000 seed=7", 0.01 },
		{ "ppm=500000 seed=1", 0.5 },
		{ "ppb=100000 seed=3", 0.0001 },
		{ "ppm=999999 ppb=500 seed=5", 0.9999995 },
		{ "ppm=1000000 seed=9", 1 },
		{ "ppm=1000000 ppb=1000000000 seed=9", 1 },
		{ "ppm=123456 ppb=789 seed=18446744073709551615", 0.123456789 },
		{ "seed=9", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		test_lots(bench, flavour, &loss, rows[i].options, rows[i].chance);
	test_unseeded(bench, flavour, &loss);
}

static void test_duplicate(struct workbench *bench, enum lana_flavour flavour)
{
	static const struct {
		const char *options;
		double chance;
	} rows[] = {
		{ "ppm=100000 seed=7", 0.1 },
		{ "ppm=500000 ppb=500 seed=1", 0.5000005 },
		{ "ppm=1000000 seed=9", 1 },
		{ "ppm=1000000 ppb=1000000000 seed=9", 1 },
		{ "seed=9", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		test_lots(bench, flavour, &duplicate, rows[i].options, rows[i].chance);
	test_unseeded(bench, flavour, &duplicate);
}

/* ---- paths ----------------------------------------------------------------------------------- */

/* Each path has its own sequence: what comes on egress does not shift that of ingress. */
static void test_lanes(struct workbench *bench, enum lana_flavour flavour)
{
	static const struct lana_bind_options ingress = { .ingress = true },
					      egress = { .egress = true };
	struct lana_block_stats *stats;
	unsigned int differ = 0, lost = 0, there = 0;
	struct lana_error error = {};
	struct packet packet;
	size_t count;
	char where[64];

	make_packet(&packet, 60);
	add(bench, "loss", "ppm=500000 seed=2");
	lana_block_add(bench->stack, "back", "swap_mac", NULL, &error);
	lana_bind(bench->stack, "back", "dut", &ingress, &error);
	lana_bind(bench->stack, "back", "dut", &egress, &error);
	for (unsigned int n = 0; n < 200; n++) {
		bool loses = is_drawn(&loss, 2, n, 0.5);

		workbench_run(bench, flavour, &packet, where, sizeof(where));
		lost += loses;
		differ += loses != !strcmp(where, "drop policy");
	}
	tap_is(differ, 0, "%s: loss: a path's fates are its own (%s)", flavours[flavour],
	       error.text);
	if (lana_block_stats(bench->stack, "dut", &stats, &count, &error))
		tap_bail("%s", error.text);
	for (size_t i = 0; i < stats->path[LANA_EGRESS].own_count; i++)
		there += stats->path[LANA_EGRESS].own[i].value;
	free(stats);
	tap_ok(there > 0 && there < 200 - lost, "%s: loss: so are the other's: %u of %u lost",
	       flavours[flavour], there, 200 - lost);
	lana_unbind(bench->stack, "back", "dut", &egress, &error);
	lana_unbind(bench->stack, "back", "dut", &ingress, &error);
	lana_block_rm(bench->stack, "back", &error);
	workbench_rm(bench);
}

/* ---- corrupt --------------------------------------------------------------------------------- */

#define CORRUPT_STREAM 0x63727074

/* A path's bits: how many are spared before the next one is hit. */
struct line {
	unsigned long long seed, every, draws, gap;
};

static unsigned long long line_draw(struct line *line)
{
	return lana_random_gap(lana_random(line->seed, CORRUPT_STREAM, line->draws++), line->every);
}

/* Turn the bits of a packet. How many were. */
static unsigned int line_pass(struct line *line, struct packet *packet, unsigned int skip)
{
	unsigned int hits = 0, bit = 8 * skip, end = 8 * packet->size;

	if (!line->draws)
		line->gap = line_draw(line);
	while (hits < 32 && bit < end) {
		if (line->gap >= end - bit) {
			line->gap -= end - bit;
			break;
		}
		bit += line->gap;
		packet->bytes[bit / 8] ^= 0x80 >> bit % 8;
		line->gap = line_draw(line);
		bit++;
		hits++;
	}
	return hits;
}

static void test_corrupt_bits(struct workbench *bench, enum lana_flavour flavour, unsigned int size,
			      unsigned int skip, unsigned long long every, bool drops)
{
	struct line line = { .seed = 42, .every = every };
	unsigned int hit = 0, bits = 0, differ = 0;
	char options[128], where[64];

	snprintf(options, sizeof(options), "every=%llu skip=%u seed=42%s", every, skip,
		 drops ? " mode=drop" : "");
	add(bench, "corrupt", options);
	for (int i = 0; i < 150; i++) {
		struct packet packet, wanted;
		const char *verdict = "next";
		unsigned int hits;

		make_packet(&packet, size);
		wanted = packet;
		hits = line_pass(&line, &wanted, skip);
		if (drops && hits) {
			verdict = "drop policy";
			wanted = packet;
		}
		hit += !!hits;
		bits += drops ? 0 : hits;
		workbench_run(bench, flavour, &packet, where, sizeof(where));
		differ += strcmp(where, verdict) || memcmp(packet.bytes, wanted.bytes, packet.size);
	}
	tap_is(differ, 0, "%s: corrupt %s: the same bits, %u bytes", flavours[flavour], options,
	       size);
	tap_ok(hit, "%s: corrupt %s: %u of 150 packets", flavours[flavour], options, hit);
	tap_is(workbench_counter(bench, "packets"), hit, "%s: corrupt %s: counts packets",
	       flavours[flavour], options);
	tap_is(workbench_counter(bench, "bits"), bits, "%s: corrupt %s: counts bits",
	       flavours[flavour], options);
	workbench_rm(bench);
}

/* Long packets suffer more: 1 - (1 - p)^bits. */
static void test_corrupt_rate(struct workbench *bench, enum lana_flavour flavour, unsigned int size,
			      const char *options, double every)
{
	const unsigned int count = 100000;
	struct packet packet;
	char what[128];

	snprintf(what, sizeof(what), "corrupt %s, packets of %u bytes", options, size);
	make_packet(&packet, size);
	add(bench, "corrupt", options);
	workbench_repeat(bench, flavour, &packet, count);
	is_in_band(workbench_counter(bench, "packets"), count, 1 - pow(1 - 1 / every, 8.0 * size),
		   flavours[flavour], what);
	if (!strstr(options, "drop"))
		is_in_band(workbench_counter(bench, "bits"), 8.0 * size * count, 1 / every,
			   flavours[flavour], what);
	workbench_rm(bench);
}

/* A receiver notices, unless it is the payload of a protocol without a checksum that was hit. */
static void test_corrupt_checksums(struct workbench *bench, enum lana_flavour flavour)
{
	unsigned int hit = 0, noticed = 0;
	char where[64];

	srandom(1);
	add(bench, "corrupt", "every=4000 skip=14 seed=6");
	for (int i = 0; i < 300; i++) {
		struct packet packet, before;

		ip_make(&packet, 600);
		before = packet;
		workbench_run(bench, flavour, &packet, where, sizeof(where));
		if (!memcmp(packet.bytes, before.bytes, packet.size))
			continue;
		hit++;
		noticed += strcmp(ip_checksum_verdict(&packet, false), "next") != 0;
	}
	tap_ok(hit > 100 && noticed > hit / 3,
	       "%s: corrupt: of %u packets, %u are seen to be wrong", flavours[flavour], hit,
	       noticed);
	workbench_rm(bench);
}

/* ---- meter ----------------------------------------------------------------------------------- */

static void test_meter(struct workbench *bench, enum lana_flavour flavour)
{
	static const struct {
		unsigned int size;
		const char *counter;
	} sizes[] = {
		{ 60, "to_64" },    { 64, "to_64" },	 { 65, "to_128" },    { 128, "to_128" },
		{ 129, "to_256" },  { 256, "to_256" },	 { 257, "to_512" },   { 512, "to_512" },
		{ 513, "to_1024" }, { 1024, "to_1024" }, { 1025, "to_1518" }, { 1518, "to_1518" },
		{ 1519, "more" },
	};
	unsigned long long bytes = 0, before;
	struct packet packet;
	char where[64];

	/* All of it happens within one interval of 49 days, unless one ends just now. */
	add(bench, "meter", "interval=4294967295");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		before = workbench_counter(bench, sizes[i].counter);
		make_packet(&packet, sizes[i].size);
		workbench_run(bench, flavour, &packet, where, sizeof(where));
		bytes += sizes[i].size;
		tap_is(workbench_counter(bench, sizes[i].counter), before + 1,
		       "%s: meter: %u bytes count as %s", flavours[flavour], sizes[i].size,
		       sizes[i].counter);
	}
	tap_is(workbench_counter(bench, "packets"), 13, "%s: meter: packets", flavours[flavour]);
	tap_is(workbench_counter(bench, "bytes"), bytes, "%s: meter: bytes", flavours[flavour]);
	tap_is(workbench_counter(bench, "peak_packets"), 13,
	       "%s: meter: the current interval counts", flavours[flavour]);
	tap_is(workbench_counter(bench, "peak_bytes"), bytes, "%s: meter: so do its bytes",
	       flavours[flavour]);
	workbench_rm(bench);
}

/* Wait for the beginning of an interval of 20 ms, as the block's clock has them. */
static unsigned long long next_interval(void)
{
	unsigned long long number = now() / 20000000;

	while (now() / 20000000 == number)
		;
	return now() / 20000000;
}

static bool try_intervals(struct workbench *bench, enum lana_flavour flavour,
			  const struct packet *packet)
{
	unsigned long long number = next_interval();
	bool in_time;

	workbench_repeat(bench, flavour, packet, 300);
	in_time = now() / 20000000 == number;
	in_time &= next_interval() == number + 1;
	workbench_repeat(bench, flavour, packet, 100);
	return in_time && now() / 20000000 == number + 1;
}

static void test_intervals(struct workbench *bench, enum lana_flavour flavour)
{
	struct packet packet;
	int tries = 0;
	bool done;

	make_packet(&packet, 100);
	do { /* the machine may keep us from being in time */
		add(bench, "meter", "interval=20");
		done = try_intervals(bench, flavour, &packet);
		if (!done)
			workbench_rm(bench);
	} while (!done && ++tries < 100);
	if (!done) {
		tap_skip("%s: meter: this machine never ran for 40 ms", flavours[flavour]);
		return;
	}
	tap_is(workbench_counter(bench, "last_packets"), 300, "%s: meter: the last interval",
	       flavours[flavour]);
	tap_is(workbench_counter(bench, "last_bytes"), 30000, "%s: meter: its bytes",
	       flavours[flavour]);
	tap_is(workbench_counter(bench, "peak_packets"), 300, "%s: meter: the peak is kept",
	       flavours[flavour]);
	next_interval();
	next_interval();
	run_on_cpus(bench, flavour, &packet, 1);
	tap_is(workbench_counter(bench, "last_packets"), 0, "%s: meter: one without packets",
	       flavours[flavour]);
	workbench_rm(bench);
}

int main(void)
{
	struct workbench bench;

	topology_begin();
	workbench_open(&bench, LANA_TYPES_DIR);
	for (int flavour = 0; flavour < LANA_FLAVOURS; flavour++) {
		test_limit_burst(&bench, flavour);
		test_limit_rate(&bench, flavour);
		test_police(&bench, flavour);
		test_loss(&bench, flavour);
		test_duplicate(&bench, flavour);
		test_lanes(&bench, flavour);
		test_corrupt_bits(&bench, flavour, 1000, 0, 3000, false);
		test_corrupt_bits(&bench, flavour, 1000, 14, 100, false);
		test_corrupt_bits(&bench, flavour, 100, 90, 1000, false);
		test_corrupt_bits(&bench, flavour, 1000, 0, 30000, true);
		test_corrupt_rate(&bench, flavour, 1500, "every=100000 seed=1", 100000);
		test_corrupt_rate(&bench, flavour, 150, "every=100000 seed=1", 100000);
		test_corrupt_rate(&bench, flavour, 1500, "every=1000000 seed=3 mode=drop", 1e6);
		test_corrupt_checksums(&bench, flavour);
		test_meter(&bench, flavour);
		test_intervals(&bench, flavour);
	}
	workbench_close(&bench);
	return tap_done();
}
