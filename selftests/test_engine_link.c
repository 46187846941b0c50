// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_engine_link - rates, delays and order of links, in simulated time; and what is counted and
 * measured of them
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine_lab.h"
#include "tap.h"

/* ---- rate ----------------------------------------------------------------------------------- */

static const struct {
	const char *settings;
	double rate;
	__u32 least, most; /* bytes of packets; sizes are random in between */
	__u32 overhead, mpu;
} rates[] = {
	{ "rate=1mbit", 1e6, 60, 60, 0, 0 },
	{ "rate=1mbit", 1e6, 1, 3, 0, 0 },
	{ "rate=1mbit", 1e6, 60, 1514, 0, 0 },
	{ "rate=9.6kbit", 9600, 60, 1514, 0, 0 },
	{ "rate=1.234567mbit delay=50ms", 1234567, 60, 1514, 0, 0 },
	{ "rate=100mbit", 1e8, 1514, 1514, 0, 0 },
	{ "rate=333.333333mbit", 333333333, 60, 1514, 0, 0 },
	{ "rate=1gbit delay=1ms overhead=24b mpu=84b", 1e9, 40, 1514, 24, 84 },
	{ "rate=10gbit", 1e10, 60, 60, 0, 0 },
	{ "rate=10gbit delay=100us", 1e10, 1, 9000, 0, 0 },
	{ "rate=10gbit overhead=24b mpu=84b", 1e10, 1, 100, 24, 84 },
	{ "rate=100gbit", 1e11, 60, 60, 0, 0 },
};

/* All packets come at once; the last one has left after the time that all of them take. */
static void test_rate(size_t i)
{
	const __u32 spread = rates[i].most - rates[i].least + 1;
	struct lab *lab = engine_lab_open(20000);
	struct engine_link *link = lab_link(lab, rates[i].settings);
	double bits = 0, worst = 0, seconds;

	lab_set(link, "limit=1000000pkt", 0);
	srandom(i);
	for (__u64 n = 0; n < lab->count; n++) {
		__u32 length = rates[i].least + random() % spread;

		lab_send(lab, link, length, LAB_S);
	}
	lab_run(lab, LAB_END);
	for (__u64 n = 0; n < lab->left; n++) {
		const struct lab_packet *packet = &lab->packets[lab->order[n]];

		bits += 8 * fmax(packet->engine.length + rates[i].overhead, rates[i].mpu);
		seconds = (packet->left - LAB_S - engine_link_config(link)->delay) / 1e9;
		/* To a nanosecond, and the rounding of a byte's time. */
		worst = fmax(worst, fabs(seconds - bits / rates[i].rate) - 3e-8 * seconds);
	}
	tap_ok(lab->left == lab->count && worst <= 1.001e-9,
	       "%s, %u to %u bytes: all leave when their bits are out, %.2f ns off at most",
	       rates[i].settings, rates[i].least, rates[i].most, worst * 1e9);
	tap_is(lab_disorder(lab), 0, "and in order");
	engine_lab_close(lab);
}

/* Packets that come more slowly than the rate leave as they come; pauses are not made up for. */
static void test_pauses(void)
{
	struct lab *lab = engine_lab_open(1000);
	struct engine_link *link = lab_link(lab, "rate=1mbit delay=3ms");
	unsigned int wrong = 0;

	for (__u64 n = 0; n < lab->count; n++)
		lab_send(lab, link, 125, n * 2 * LAB_MS); /* 1 ms each */
	lab_run(lab, LAB_END);
	for (__u64 n = 0; n < lab->count; n++)
		wrong += lab->packets[n].left != n * 2 * LAB_MS + 4 * LAB_MS;
	tap_is(wrong, 0, "below the rate packets take their own time and the delay");
	engine_lab_close(lab);
}

/* ---- delay ---------------------------------------------------------------------------------- */

static const char *const delays[] = { "delay=0",    "delay=1ns", "delay=333us",
				      "delay=10ms", "delay=1s",	 "delay=100s" };

/* Random times of arrival, of several links on one wheel. */
static void test_delay(size_t i)
{
	struct lab *lab = engine_lab_open(20000);
	struct engine_link *links[7];
	unsigned int wrong = 0;
	__u64 now = 0;

	for (int n = 0; n < 7; n++)
		links[n] = lab_link(lab, delays[i]);
	srandom(1);
	for (__u64 n = 0; n < lab->count; n++) {
		lab_send(lab, links[random() % 7], 100, now);
		now += 1 + (random() % 3 ? random() % 2000 : random() % 3000000);
	}
	lab_run(lab, LAB_END);
	for (__u64 n = 0; n < lab->count; n++)
		wrong += lab->packets[n].left !=
			 lab->packets[n].sent + engine_link_config(links[0])->delay;
	tap_is(wrong, 0, "%s: to the nanosecond", delays[i]);
	tap_is(lab_disorder(lab), 0, "and in the order of all links together");
	engine_lab_close(lab);
}

/* A host that looks seldom: packets leave late, but at no other time of their own, and in order. */
static void test_seldom(bool stamped)
{
	static const char settings[] = "rate=80mbit delay=5ms jitter=2ms loss=5% limit=20pkt";
	struct lab *exact = engine_lab_open(20000), *seldom = engine_lab_open(20000);
	struct engine_link *link = lab_link(exact, settings), *other = lab_link(seldom, settings);
	struct engine_packet *packets[64];
	unsigned int wrong = 0;
	__u64 now = 0, look = 0;
	size_t count;

	srandom(3);
	for (__u64 n = 0; n < exact->count; n++) {
		struct engine_packet *packet = &seldom->packets[n].engine;

		now += random() % 20000;
		lab_send(exact, link, 100, now);
		/* The other one is run up to a time that is ahead of stamps, or behind. */
		packet->length = 100;
		if (random() % 50 == 0) {
			look = now + (stamped ? random() % 100000 : 0);
			while ((count = engine_run(seldom->engine, look, packets, 64)))
				for (size_t i = 0; i < count; i++) {
					struct lab_packet *left = (struct lab_packet *)packets[i];

					seldom->order[seldom->left++] = left - seldom->packets;
				}
		}
		engine_link_enqueue(other, packet, now);
	}
	lab_run(exact, LAB_END);
	while ((count = engine_run(seldom->engine, LAB_END, packets, 64)))
		for (size_t i = 0; i < count; i++)
			seldom->order[seldom->left++] =
				(struct lab_packet *)packets[i] - seldom->packets;
	tap_is(seldom->left, exact->left, "a host that looks seldom lets as many packets go%s",
	       stamped ? ", also if their stamps are of before" : "");
	for (__u64 n = 0; n < exact->left; n++)
		wrong += seldom->order[n] != exact->order[n] ||
			 seldom->packets[seldom->order[n]].engine.timer.when !=
				 exact->packets[exact->order[n]].left;
	tap_is(wrong, 0, "the same ones, with the same times of departure");
	engine_lab_close(exact);
	engine_lab_close(seldom);
}

/* ---- many ----------------------------------------------------------------------------------- */

/* A thousand links, each of its own kind: what goes in comes out, by its time, or is counted. */
static void test_many(void)
{
	static const char *const kinds[] = {
		"rate=10mbit delay=10ms jitter=5ms",
		"delay=20ms jitter=5ms overtake=on",
		"rate=2mbit queue=fq",
		"rate=3mbit queue=drr limit=30pkt drop=head",
		"rate=5mbit queue=codel delay=1ms",
		"rate=4mbit queue=red limit=50pkt",
		"loss=10% duplicate=5% ber=1e-4",
		"delay=3ms reorder=5% reorder_by=2ms",
	};
	static struct engine_link *links[1000];
	struct lab *lab = engine_lab_open(200000);
	struct engine_counters all = {}, one;
	unsigned int unbalanced = 0, unequal = 0;
	__u64 now = 0, copies = 0;

	for (int i = 0; i < 1000; i++) {
		links[i] = lab_link(lab, kinds[i % 8]);
		lab_set(links[i], i % 3 ? "seed=5" : "seed=6", 0);
	}
	srandom(1);
	for (__u64 n = 0; n < lab->count; n++) {
		/* Bursts on some. */
		int at = random() % 4 ? random() % 40 : random() % 1000;

		lab->flow = 1 + random() % 9;
		lab_send(lab, links[at], 60 + random() % 1455, now);
		now += random() % 8000;
		if (n % 1000)
			continue;
		one = lab_counters(links[at]);
		unbalanced += one.packets != one.sent + one.lost + one.corrupt_dropped +
						     one.dropped_tail + one.dropped_head +
						     one.dropped_red + one.dropped_codel +
						     one.backlog + one.in_flight;
	}
	lab_run(lab, LAB_END);
	for (int i = 0; i < 1000; i++) {
		one = lab_counters(links[i]);
		for (size_t j = 0; j < sizeof(one) / sizeof(__u64); j++)
			((__u64 *)&all)[j] += ((__u64 *)&one)[j];
		unequal += one.backlog || one.in_flight || one.backlog_bytes;
	}
	for (__u64 n = 0; n < lab->count; n++)
		copies += lab->packets[n].copies;
	tap_is(unbalanced, 0, "1,000 links: what has arrived is accounted for at any time");
	tap_is(unequal, 0, "nothing is left in them");
	tap_is(lab->off, 0, "all leave at their time");
	tap_is(lab->left + lab->dropped, lab->count, "each packet comes out once");
	tap_ok(all.sent == lab->left && copies == all.sent + all.duplicated &&
		       all.packets == lab->count,
	       "as is counted");
	tap_ok(all.lost && all.corrupt_dropped && all.duplicated && all.reordered &&
		       all.dropped_tail && all.dropped_head && all.dropped_red && all.dropped_codel,
	       "of all fates there were some");
	engine_lab_close(lab);
}

/* A million packets at once on their way, on a thousand links, in order and not. */
static void test_million(const char *settings)
{
	static struct engine_link *links[1000];
	struct lab *lab = engine_lab_open(1000000);
	__u64 held, now = 0;

	for (int i = 0; i < 1000; i++)
		links[i] = lab_link(lab, settings);
	srandom(1);
	for (__u64 n = 0; n < lab->count; n++)
		lab_send(lab, links[random() % 1000], 100, now += random() % 1000);
	held = lab->count - lab->left;
	lab_run(lab, LAB_END);
	tap_ok(held == lab->count && lab->left == lab->count && !lab->off,
	       "%s: a million packets are held, and leave at their time", settings);
	engine_lab_close(lab);
}

static void test_close(void)
{
	static const char *const kinds[] = { "rate=10mbit delay=10ms", "delay=1s overtake=on",
					     "rate=1mbit queue=fq", "rate=1mbit queue=drr" };
	struct lab *lab = engine_lab_open(4000);
	struct engine_link *links[4], *stays = lab_link(lab, "delay=1s overtake=on");

	for (int i = 0; i < 4; i++)
		links[i] = lab_link(lab, kinds[i]);
	for (int n = 0; n < 400; n++)
		for (int i = 0; i < 4; i++)
			lab_send(lab, links[i], 100, n * 1000);
	for (int n = 0; n < 10; n++)
		lab_send(lab, stays, 100, LAB_MS);
	for (int i = 0; i < 4; i++)
		engine_link_close(links[i]);
	lab_run(lab, LAB_END);
	tap_is(lab->left + lab->dropped, 1610, "a link that is closed gives back what it holds");
	tap_is(lab->packets[1].engine.drop, ENGINE_CLOSED, "and says why");
	tap_is(lab->packets[1609].copies, 1, "others go on");
	engine_lab_close(lab);
}

/* Links come and go, and one that takes the place of another knows nothing of it. */
static void test_reuse(void)
{
	struct lab *lab = engine_lab_open(3000);
	struct engine_link *links[300];
	struct link_report report;
	unsigned int dirty = 0, same = 0, more = 0;
	struct engine_link *least = NULL, *most = NULL;

	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 300; i++) {
			struct engine_counters c;

			links[i] = lab_link(lab, i % 2 ? "rate=1mbit queue=fq" : "delay=1ms");
			c = lab_counters(links[i]);
			engine_link_meter(links[i], 0, &report);
			dirty += c.packets || c.in_flight || report.delay_p99 || report.passed;
			for (int j = 0; j < i; j++)
				same += links[j] == links[i];
			/* In the memory of those before. */
			more += round && (links[i] < least || links[i] > most);
			least = round || (least && least < links[i]) ? least : links[i];
			most = round || most > links[i] ? most : links[i];
			lab_send(lab, links[i], 100, round * 10 * LAB_MS);
			if (i % 3 == 0)
				lab_send(lab, links[i], 100, round * 10 * LAB_MS);
		}
		lab_run(lab, round * 10 * LAB_MS + 900000); /* some have left */
		for (int i = 0; i < 300; i++)
			engine_link_close(links[i]);
	}
	lab_run(lab, LAB_END);
	tap_is(dirty, 0, "links that come after others begin anew");
	tap_is(same, 0, "each is one of its own");
	tap_is(more, 0, "and takes no more memory");
	tap_is(lab->left + lab->dropped, lab->sent, "and nothing is lost track of");
	engine_lab_close(lab);
}

/* ---- the meter ------------------------------------------------------------------------------ */

/* Quantiles of numbers that are known: the middles of their cells. */
static void test_quantiles(void)
{
	static struct meter_histogram histogram;
	double worst = 0;

	tap_is(meter_quantile(&histogram, 50, ~0ULL), 0, "meter: no quantile of nothing");
	for (__u64 i = 1; i <= 100000; i++)
		meter_histogram_add(&histogram, i * 1000);
	for (__u32 i = 1; i <= 99; i++)
		worst = fmax(worst, fabs(meter_quantile(&histogram, i, ~0ULL) / (i * 1e6) - 1));
	tap_ok(worst < 0.0079, "meter: quantiles are right to %.2f %%", worst * 100);
	tap_is(meter_quantile(&histogram, 100, 99999999), 99999999,
	       "meter: none beyond the largest");
}

static bool near(double got, double want, double part)
{
	return fabs(got - want) <= fabs(want) * part;
}

static void test_meter(void)
{
	struct lab *lab = engine_lab_open(50000);
	struct engine_link *link = lab_link(lab, "rate=10mbit delay=20ms loss=1% limit=100pkt");
	struct link_report report;

	/* Twice what it takes, with a pause in the middle. */
	for (__u64 n = 0; n < 40000; n++)
		lab_send(lab, link, 1000, n * 400000 + (n > 20000) * 5 * LAB_S);
	lab_run(lab, LAB_END);
	engine_link_meter(link, 60 * LAB_S, &report);
	tap_ok(near(report.rate_achieved, 1e7, 0.0001), "meter: rate %llu", report.rate_achieved);
	tap_ok(near(report.delay_p50, 2e7, 0.016) && near(report.delay_p99, 2e7, 0.016) &&
		       report.delay_mean == 20 * LAB_MS,
	       "meter: delay p50 %llu, p99 %llu, mean %llu", report.delay_p50, report.delay_p99,
	       report.delay_mean);
	tap_ok(!report.error_p50 && !report.error_most && !report.late, "meter: no error");
	tap_ok(lab_binomial(report.loss_achieved * report.passed / 1000000000, report.passed, 0.01),
	       "meter: loss %llu", report.loss_achieved);
	tap_ok(report.rate_configured == 10000000 && report.delay_configured == 20 * LAB_MS &&
		       report.loss_configured == 10000000,
	       "meter: and what was asked for");
	engine_link_meter_reset(link, 60 * LAB_S);
	engine_link_meter(link, 61 * LAB_S, &report);
	tap_ok(!report.left && !report.rate_achieved && !report.delay_p99 && !report.passed &&
		       report.since == 60 * LAB_S,
	       "meter: reset");
	lab_set(link, "loss=100%", 61 * LAB_S);
	lab_send(lab, link, 1000, 62 * LAB_S);
	lab_run(lab, LAB_END);
	engine_link_meter(link, 63 * LAB_S, &report);
	tap_ok(report.passed == 1 && report.loss_achieved == 1000000000,
	       "meter: what was lost before does not count any more");
	lab_set(link, "loss=0 ge_p=1% ge_r=9% ge_bad=50% ge_good=1%", 63 * LAB_S);
	engine_link_meter(link, 63 * LAB_S, &report);
	tap_is(report.loss_configured, 59000000, "meter: loss of a link with two states");
	engine_lab_close(lab);
}

/* Clocks that go back, as stamps of several queues may: a packet is never ahead of the last one. */
static void test_back(void)
{
	struct lab *lab = engine_lab_open(2);
	struct engine_link *link = lab_link(lab, "delay=10ms overtake=on");

	engine_link_enqueue(link, &lab->packets[0].engine, 5 * LAB_MS);
	engine_link_enqueue(link, &lab->packets[1].engine, 4 * LAB_MS);
	lab_run(lab, LAB_END);
	tap_is(lab->packets[1].left, 15 * LAB_MS, "a packet of before the last one counts as that");
	engine_lab_close(lab);
}

/* Packets that are held back do not upset the rate that is measured. */
static void test_meter_reordering(void)
{
	struct lab *lab = engine_lab_open(20000);
	struct engine_link *link =
		lab_link(lab, "rate=10mbit limit=100mb loss=5% reorder=10% reorder_by=5ms");
	struct link_report report;

	for (__u64 n = 0; n < lab->count; n++)
		lab_send(lab, link, 1000, n * 500000);
	lab_run(lab, LAB_END);
	engine_link_meter(link, 60 * LAB_S, &report);
	tap_ok(near(report.rate_achieved, 1e7, 0.001), "meter: rate %llu, if packets pass others",
	       report.rate_achieved);
	engine_lab_close(lab);
}

/* A host that is late by 10 µs, and by 3 ms for one packet in 50. */
static void test_late_host(void)
{
	struct lab *lab = engine_lab_open(10000);
	struct engine_link *link = lab_link(lab, "delay=10ms late=1ms");
	struct engine_packet *packet;
	struct link_report report;
	struct engine_counters counters;
	__u64 now = 0, first = 0, last = 0;

	for (__u64 n = 0; n < lab->count; n++) {
		engine_link_enqueue(link, &lab->packets[n].engine, n * 10 * LAB_MS);
		now = (n + 1) * 10 * LAB_MS + (n % 50 == 49 ? 3 * LAB_MS : 10000);
		if (n % 50 == 48)
			now = (n + 1) * 10 * LAB_MS + LAB_MS; /* as late as it may be */
		if (n % 50 == 49) {
			first = first ?: now;
			last = now;
		}
		if (engine_run(lab->engine, now, &packet, 1) != 1)
			tap_bail("no packet");
	}
	engine_link_meter(link, now, &report);
	counters = lab_counters(link);
	tap_ok(near(report.error_p50, 10000, 0.016) && near(report.error_p99, 3e6, 0.016) &&
		       report.error_most == 3 * LAB_MS,
	       "meter: errors p50 %llu, p99 %llu, most %llu", report.error_p50, report.error_p99,
	       report.error_most);
	tap_is(report.late, 200, "meter: the host could not keep up");
	tap_ok(report.late_first == first && report.late_last == last, "and when that was");
	tap_is(counters.late, 200, "which is counted, too");
	engine_link_meter_reset(link, now);
	engine_link_meter(link, now, &report);
	tap_ok(!report.late && !report.late_first, "until the meter is reset");
	engine_lab_close(lab);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		test_rate(i);
	test_pauses();
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++)
		test_delay(i);
	test_seldom(false);
	test_seldom(true);
	test_many();
	test_million("delay=10s");
	test_million("delay=10s jitter=2s overtake=on");
	test_close();
	test_reuse();
	test_back();
	test_quantiles();
	test_meter();
	test_meter_reordering();
	test_late_host();
	return tap_done();
}
