// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_engine_change - settings change in place: what is queued and on its way stays, in order
 *
 * That fates stay is test_engine_fate's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine_lab.h"
#include "tap.h"

#define LENGTH 1250 /* 1 ms at 10 Mbit/s */

/* ---- one change ----------------------------------------------------------------------------- */

/*
 * Ten packets come at 0. At 3.5 ms, three are out, the fourth is half out, six wait. When do they
 * leave (in µs)?
 */
static const struct {
	const char *what, *before, *after;
	unsigned int left[10];
} changes[] = {
	{ "nothing changes",
	  "rate=10mbit delay=5ms",
	  "rate=10mbit delay=5ms",
	  { 6000, 7000, 8000, 9000, 10000, 11000, 12000, 13000, 14000, 15000 } },
	{ "twice the rate: the rest of the fourth takes half as long",
	  "rate=10mbit delay=5ms",
	  "rate=20mbit",
	  { 6000, 7000, 8000, 8750, 9250, 9750, 10250, 10750, 11250, 11750 } },
	{ "a tenth of the rate",
	  "rate=10mbit delay=5ms",
	  "rate=1mbit",
	  { 6000, 7000, 8000, 13500, 23500, 33500, 43500, 53500, 63500, 73500 } },
	{ "no rate: what waits is on its way at once",
	  "rate=10mbit delay=5ms",
	  "rate=0",
	  { 6000, 7000, 8000, 8500, 8500, 8500, 8500, 8500, 8500, 8500 } },
	{ "more delay",
	  "rate=10mbit delay=5ms",
	  "delay=50ms",
	  { 6000, 7000, 8000, 54000, 55000, 56000, 57000, 58000, 59000, 60000 } },
	{ "less delay: none passes those on their way",
	  "rate=10mbit delay=5ms",
	  "delay=0",
	  { 6000, 7000, 8000, 8000, 8000, 8000, 8000, 8000, 9000, 10000 } },
	{ "less delay, and they may",
	  "rate=10mbit delay=5ms",
	  "delay=0 overtake=on",
	  { 6000, 7000, 8000, 4000, 5000, 6000, 7000, 8000, 9000, 10000 } },
	{ "a lower limit: what is queued stays",
	  "rate=10mbit delay=5ms",
	  "limit=1pkt",
	  { 6000, 7000, 8000, 9000, 10000, 11000, 12000, 13000, 14000, 15000 } },
	{ "another discipline: the same order",
	  "rate=10mbit delay=5ms",
	  "queue=drr",
	  { 6000, 7000, 8000, 9000, 10000, 11000, 12000, 13000, 14000, 15000 } },
	{ "and from one of flows",
	  "rate=10mbit delay=5ms queue=fq",
	  "queue=red limit=100pkt",
	  { 6000, 7000, 8000, 9000, 10000, 11000, 12000, 13000, 14000, 15000 } },
	{ "overhead: from the fifth on",
	  "rate=10mbit delay=5ms",
	  "overhead=625b",
	  { 6000, 7000, 8000, 9000, 10500, 12000, 13500, 15000, 16500, 18000 } },
	{ "a rate where there was none: for those that come",
	  "delay=5ms",
	  "rate=10mbit",
	  { 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000 } },
};

static void test_change(size_t i)
{
	struct lab *lab = engine_lab_open(10);
	struct engine_link *link = lab_link(lab, changes[i].before);
	unsigned int wrong = 0;

	for (int n = 0; n < 10; n++) {
		lab->flow = 1 + n % 3;
		lab_send(lab, link, LENGTH, 0);
	}
	lab_run(lab, 3500000);
	lab_set(link, changes[i].after, 3500000);
	lab_run(lab, LAB_END);
	if (strstr(changes[i].before, "fq")) {
		/* Flows take turns; but all leave, at these times. */
		for (int n = 0; n < 10; n++)
			wrong += lab->packets[lab->order[n]].left != changes[i].left[n] * 1000;
	} else {
		for (int n = 0; n < 10; n++)
			wrong += lab->packets[n].left != changes[i].left[n] * 1000;
	}
	if (!tap_ok(!wrong && lab->left == 10, "%s", changes[i].what))
		for (int n = 0; n < 10; n++)
			tap_note("%d: %llu", n, lab->packets[n].left);
	engine_lab_close(lab);
}

/*
 * Settings are made at 3.5 ms, and a packet whose stamp is older is handed over only then: it is
 * behind those that were there.
 */
static void test_stamp(const char *before, const char *after)
{
	struct lab *lab = engine_lab_open(11);
	struct engine_link *link = lab_link(lab, before);

	for (int n = 0; n < 10; n++)
		lab_send(lab, link, LENGTH, 0);
	lab_run(lab, 3500000);
	lab_set(link, after, 3500000);
	lab_send(lab, link, LENGTH, 3400000);
	lab_run(lab, LAB_END);
	tap_ok(lab->left == 11 && !lab_disorder(lab) && lab->packets[10].left >= 3500000,
	       "%s, then %s: a packet that was on its way to the link meanwhile passes none",
	       before, after);
	engine_lab_close(lab);
}

/* What one discipline knew of its flows is forgotten when another one takes its place. */
static void test_forgets(const char *between)
{
	struct lab *lab = engine_lab_open(4000);
	struct engine_link *link = lab_link(lab, "rate=10mbit queue=fq limit=100mb");
	__u64 now = 0, before, first = 0;

	lab->flow = 5;
	for (; lab->sent < 2000; now += LAB_MS / 2)
		lab_send(lab, link, LENGTH, now);
	before = lab_counters(link).dropped_codel;
	lab_set(link, between, now);
	lab_set(link, "queue=fq", now);
	for (__u64 begin = now; lab->sent < lab->count && !first; now += LAB_MS / 2) {
		lab_send(lab, link, LENGTH, now);
		if (lab_counters(link).dropped_codel != before)
			first = now - begin;
	}
	tap_ok(before > 10 && first >= 100 * LAB_MS,
	       "fq, %s, fq: CoDel drops none for an interval, as at first (%.1f ms)", between,
	       first / 1e6);
	engine_lab_close(lab);
}

/* ---- many changes --------------------------------------------------------------------------- */

static const char *const steps[] = {
	"rate=10mbit",
	"rate=100mbit",
	"rate=0",
	"rate=1gbit",
	"delay=1ms",
	"delay=30ms",
	"delay=0",
	"jitter=3ms",
	"jitter=0",
	"queue=fq",
	"queue=drr",
	"queue=fifo",
	"queue=codel",
	"queue=red",
	"limit=50pkt",
	"limit=100kb",
	"limit=5ms",
	"limit=0",
	"overhead=24b mpu=84b",
	"overhead=0 mpu=0",
	"drop=head",
	"drop=tail",
	"loss=1%",
	"loss=0",
	"ecn=on",
	"ber=1e-6",
	"ber=0",
	"duplicate=1%",
};

/* At random, under load: nothing is lost track of, and packets of a flow keep their order. */
static void test_many(unsigned int seed)
{
	struct lab *lab = engine_lab_open(60000);
	struct engine_link *link = lab_link(lab, "rate=100mbit delay=10ms");
	__u64 now = 0, latest[8] = {}, passed = 0, early = 0;
	struct engine_counters c;

	srandom(seed);
	for (__u64 n = 0; n < lab->count; n++) {
		now += random() % 100000;
		if (n % 100 == 0) {
			lab_run(lab, now);
			lab_set(link, steps[random() % (sizeof(steps) / sizeof(steps[0]))], now);
		}
		lab->flow = lab->stream = 1 + random() % 7;
		lab_send(lab, link, 60 + random() % 1455, now);
	}
	lab_run(lab, LAB_END);
	for (__u64 n = 0; n < lab->left; n++) {
		const struct lab_packet *packet = &lab->packets[lab->order[n]];

		passed += lab->order[n] + 1 < latest[packet->stream];
		early += packet->left < packet->sent;
		latest[packet->stream] = lab->order[n] + 1;
	}
	c = lab_counters(link);
	tap_is(lab->left + lab->dropped, lab->count, "600 changes, seed %u: all comes out", seed);
	tap_is(passed, 0, "no packet passes another of its flow");
	tap_is(early, 0, "none leaves before it came");
	tap_ok(c.packets == c.sent + c.lost + c.corrupt_dropped + c.dropped_tail + c.dropped_head +
				       c.dropped_red + c.dropped_codel &&
		       !c.backlog && !c.backlog_bytes && !c.in_flight,
	       "and is counted");
	engine_lab_close(lab);
}

/* What is queued is counted anew when overheads change: the limit is right afterwards. */
static void test_limit_after(const char *before, const char *after)
{
	struct lab *lab = engine_lab_open(200);
	struct engine_link *link = lab_link(lab, "rate=10mbit limit=10ms");

	lab_set(link, before, 0);
	for (int n = 0; n < 100; n++)
		lab_send(lab, link, LENGTH, 0);
	lab_set(link, after, 0);
	lab_run(lab, LAB_S);
	lab_set(link, "overhead=0 mpu=0", LAB_S);
	for (int n = 0; n < 100; n++)
		lab_send(lab, link, LENGTH, LAB_S);
	tap_is(lab_counters(link).backlog, 10, "%s, then %s: the limit is right again", before,
	       after);
	engine_lab_close(lab);
}

/* ---- anything ------------------------------------------------------------------------------- */

/* Numbers of any size in all settings: who passes the check is safe, whatever comes. */
static void test_anything(void)
{
	unsigned int refused = 0, taken = 0, unbalanced = 0;
	struct lana_error error;

	srandom(1);
	for (int i = 0; i < 700; i++) {
		struct lab *lab = engine_lab_open(100);
		struct engine_link *link = lab_link(lab, "rate=1mbit queue=fq");
		struct link_config config = {};
		struct engine_counters c;
		const struct btf *btf;
		const struct layout *layout = lab_layout(&btf);

		for (size_t j = 0; j < layout->count; j++) {
			const struct field *field = &layout->fields[j];
			struct link_config with = config;
			char value[LANA_CONFIG_MAX + 1];

			for (int bytes = 1 + random() % 8; bytes; bytes--)
				((char *)&with)[random() % sizeof(with)] =
					random() % 2 ? random() : random() % 5;
			if (link_config_check(&with, &error))
				continue;
			config = with;
			if (!strcmp(field->field.name, "dead"))
				continue; /* the kernel half's */
			field_format(btf, field, &config, value, sizeof(value));
			unbalanced += field_parse(btf, field, value, &config, &error) ||
				      memcmp(&config, &with, sizeof(config));
		}
		for (__u64 n = 0; n < lab->count; n++) {
			if (n == 30 &&
			    engine_link_configure(link, &config, NULL, n * 10000, &error))
				refused++;
			else if (n == 30)
				taken++;
			lab_send(lab, link, 1 + random() % 1500, n * 10000);
		}
		lab_run(lab, LAB_END);
		c = lab_counters(link);
		unbalanced += lab->left + lab->dropped != lab->count || c.backlog || c.in_flight;
		engine_lab_close(lab);
	}
	tap_is(unbalanced, 0, "whatever settings are taken: all packets come out, and all prints");
	tap_ok(taken > 400, "%u configs were taken, %u refused (no table)", taken, refused);
}

/* ---- refusals ------------------------------------------------------------------------------- */

static void test_refused(void)
{
	struct lab *lab = engine_lab_open(10);
	struct engine_link *link = lab_link(lab, "rate=10mbit delay=5ms");
	struct link_config config = *engine_link_config(link);
	struct lana_error error = { "" };

	config.delay = 0;
	config.reorder = 1;
	tap_ok(engine_link_configure(link, &config, NULL, 0, &error) == -EINVAL &&
		       strstr(error.text, "reorder without reorder_by"),
	       "settings that do not go together are refused");
	tap_is(engine_link_config(link)->delay, 5000000, "and none of them is changed");
	engine_lab_close(lab);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		test_change(i);
	test_stamp("rate=10mbit delay=5ms", "rate=0");
	test_stamp("rate=10mbit queue=fq", "rate=0");
	test_stamp("rate=10mbit", "rate=100mbit queue=red");
	test_forgets("queue=fifo");
	test_forgets("queue=drr");
	for (unsigned int seed = 1; seed <= 5; seed++)
		test_many(seed);
	test_limit_after("overhead=0", "overhead=625b");
	test_limit_after("overhead=1kb", "overhead=0");
	test_limit_after("mpu=0", "mpu=1kb overhead=900b");
	test_anything();
	test_refused();
	return tap_done();
}
