// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_engine_aqm - CoDel drops what a model of RFC 8289 drops, RED as its paper says
 *
 * The model of CoDel is a simulation of its own: the whole link, with queues as arrays, after the
 * pseudo-code of the RFC's section 5. Then both must do some good: keep the queue of a source that
 * responds short, at nearly the full rate.
 */
#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/link.h"
#include "engine_lab.h"
#include "tap.h"

#define LENGTH 1250 /* 1 ms at 10 Mbit/s */

/* ---- the model of CoDel --------------------------------------------------------------------- */

#define MODEL_MAX 60000

struct model {
	__u64 target, interval;
	__u64 arrived[MODEL_MAX]; /* when each packet came */
	__u32 length[MODEL_MAX];
	bool dropped[MODEL_MAX];
	__u64 drop_time[MODEL_MAX];
	__u32 head, tail; /* of the queue: numbers */
	__u64 bytes;
	__u32 maxpacket;

	/* codel_queue_t */
	__u64 first_above_time, drop_next;
	__u32 count, lastcount;
	bool dropping;
};

static struct model model;

static __u64 control_law(__u64 t, __u32 count)
{
	return t + model.interval / sqrt(count);
}

/* -1: the queue is empty. */
static int dodequeue(__u64 now, bool *ok_to_drop)
{
	__u32 packet = model.head;

	*ok_to_drop = false;
	if (packet == model.tail) {
		model.first_above_time = 0;
		return -1;
	}
	model.head++;
	model.bytes -= model.length[packet];
	if (now - model.arrived[packet] < model.target || model.bytes <= model.maxpacket) {
		model.first_above_time = 0;
	} else {
		if (model.first_above_time == 0)
			model.first_above_time = now + model.interval;
		else if (now >= model.first_above_time)
			*ok_to_drop = true;
	}
	return packet;
}

static void drop(int packet, __u64 now)
{
	model.dropped[packet] = true;
	model.drop_time[packet] = now;
}

static int dequeue(__u64 now)
{
	bool ok_to_drop;
	int packet = dodequeue(now, &ok_to_drop);
	__u32 delta;

	if (model.dropping) {
		if (!ok_to_drop)
			model.dropping = false;
		while (model.dropping && now >= model.drop_next) {
			drop(packet, now);
			++model.count;
			packet = dodequeue(now, &ok_to_drop);
			if (!ok_to_drop)
				model.dropping = false;
			else
				model.drop_next = control_law(model.drop_next, model.count);
		}
	} else if (ok_to_drop) {
		drop(packet, now);
		packet = dodequeue(now, &ok_to_drop);
		model.dropping = true;
		delta = model.count - model.lastcount;
		model.count = 1;
		if (delta > 1 &&
		    (long long)(now - model.drop_next) < 16 * (long long)model.interval)
			model.count = delta;
		model.drop_next = control_law(now, model.count);
		model.lastcount = model.count;
	}
	return packet;
}

/* All packets of the model over a link of 10 Mbit/s. */
static void run_model(__u32 packets)
{
	__u64 free_at = 0;
	__u32 next = 0;
	int sending;

	while (next < packets || model.head != model.tail) {
		/* The transmitter pauses until a packet comes; it goes through the queue. */
		if (model.head == model.tail && free_at < model.arrived[next])
			free_at = model.arrived[next];
		for (; next < packets && model.arrived[next] <= free_at; next++) {
			model.bytes += model.length[next];
			if (model.length[next] > model.maxpacket)
				model.maxpacket = model.length[next];
			model.tail = next + 1;
			/* Those that come at the same moment find it taken. */
			if (model.arrived[next] == free_at && model.tail - model.head == 1) {
				next++;
				break;
			}
		}
		if (model.head == model.tail)
			continue;
		sending = dequeue(free_at);
		if (sending >= 0)
			free_at += model.length[sending] * 800ULL;
	}
}

/* Load that rises and falls, so that series of drops begin, end, and begin again soon. */
static void make_load(__u32 packets, unsigned int seed)
{
	__u64 now = 0;
	__u32 gap = 1000000;

	srandom(seed);
	for (__u32 n = 0; n < packets; n++) {
		if (n % 500 == 0)
			gap = 600000 + random() % 900000;
		now += random() % 5 ? gap / 2 + random() % gap : 1;
		model.arrived[n] = now;
		model.length[n] = random() % 3 ? LENGTH : 60 + random() % 1400;
	}
}

static void test_codel(const char *settings, unsigned int seed)
{
	struct lab *lab = engine_lab_open(MODEL_MAX);
	struct engine_link *link = lab_link(lab, "rate=10mbit queue=codel limit=100mb");
	unsigned int wrong = 0, times = 0, drops = 0;

	lab_set(link, settings, 0);
	memset(&model, 0, sizeof(model));
	model.target = engine_link_config(link)->target;
	model.interval = engine_link_config(link)->interval;
	make_load(MODEL_MAX, seed);
	run_model(MODEL_MAX);
	for (__u32 n = 0; n < MODEL_MAX; n++)
		lab_send(lab, link, model.length[n], model.arrived[n]);
	lab_run(lab, LAB_END);
	for (__u32 n = 0; n < MODEL_MAX; n++) {
		const struct lab_packet *packet = &lab->packets[n];

		wrong += model.dropped[n] != (packet->engine.drop == ENGINE_CODEL);
		drops += model.dropped[n];
		times += model.dropped[n] && model.drop_time[n] != packet->left;
	}
	tap_is(wrong, 0, "codel, %s, load %u: the %u packets that the model drops", settings, seed,
	       drops);
	tap_is(times, 0, "at the same times");
	tap_ok(drops > 100, "of which there are enough");
	engine_lab_close(lab);
}

/* Under constant load, drop n + 1 follows drop n after interval / sqrt(n). */
static void test_control_law(void)
{
	struct lab *lab = engine_lab_open(20000);
	struct engine_link *link = lab_link(lab, "rate=10mbit queue=codel limit=100mb");
	__u64 times[100];
	unsigned int count = 0, wrong = 0;

	/* Three times the rate: no drops of this pace end the series. */
	for (__u64 n = 0; n < lab->count && count < 100; n++) {
		__u64 before = lab->dropped;

		lab_send(lab, link, LENGTH, n * 333333);
		if (lab->dropped != before)
			times[count++] = n * 333333;
	}
	for (unsigned int n = 1; n < count; n++) {
		double due = times[0];

		for (unsigned int i = 1; i <= n; i++)
			due += 100e6 / sqrt(i);
		/* At the next end of a packet, seen at the next arrival. */
		wrong += times[n] < due - 1e6 || times[n] > due + 2.4e6;
	}
	tap_is(count, 100, "codel: drops go on");
	tap_is(wrong, 0, "codel: drop n follows after interval / sqrt(n)");
	engine_lab_close(lab);
}

/* One that never responds is marked again and again, and nothing is dropped that can be marked. */
static void test_marks(void)
{
	unsigned char frame[LAB_FRAME] = { [12] = 8, [14] = 0x45, [15] = 2 };
	struct lab *lab = engine_lab_open(10000);
	struct engine_link *link = lab_link(lab, "rate=10mbit queue=codel ecn=on limit=100mb");
	struct engine_counters counters;
	__u64 marked = 0;

	lab->frame = frame;
	for (__u64 n = 0; n < lab->count; n++)
		lab_send(lab, link, LENGTH, n * 900000);
	lab_run(lab, LAB_END);
	counters = lab_counters(link);
	for (__u64 n = 0; n < lab->count; n++)
		marked += lab->frames[n][15] == 3 && lab->packets[n].engine.marked;
	tap_ok(marked > 100 && marked == counters.ecn_marked && !lab->dropped,
	       "codel with ECN: %llu marks", marked);
	engine_lab_close(lab);
}

/* ---- a source that responds ----------------------------------------------------------------- */

struct source {
	double window;
	__u64 outstanding, delivered, recovery; /* until when no loss counts */
	double delay_sum;
};

/* Additive increase, multiplicative decrease, once a round trip. */
static void respond(struct lab *lab, struct lab_packet *packet, __u64 now)
{
	struct source *source = lab->cookie;

	source->outstanding--;
	if (packet->engine.drop || packet->engine.marked) {
		if (now < source->recovery)
			return;
		source->window = fmax(source->window / 2, 2);
		source->recovery = now + 40 * LAB_MS;
	} else {
		source->window += 1 / source->window;
		source->delivered++;
		source->delay_sum += now - packet->sent;
	}
}

/* 20 s over 10 Mbit/s and 40 ms. What it gets of the rate, and the mean delay in ms. */
static void run_source(const char *settings, const void *frame, double *share, double *delay,
		       struct engine_counters *counters)
{
	struct source source = { .window = 10 };
	struct lab *lab = engine_lab_open(40000);
	struct engine_link *link = lab_link(lab, "rate=10mbit delay=40ms limit=2mb");
	__u64 now = 0;

	lab_set(link, settings, 0);
	lab->gone = respond;
	lab->cookie = &source;
	lab->frame = frame;
	while (now < 20 * LAB_S) {
		while (source.outstanding < source.window) {
			source.outstanding++;
			lab_send(lab, link, LENGTH, now);
		}
		now = engine_next(lab->engine);
		lab_run(lab, now);
	}
	*share = source.delivered * LENGTH * 8 / 20.0 / 1e7;
	*delay = source.delay_sum / source.delivered / 1e6 - 41;
	*counters = lab_counters(link);
	engine_lab_close(lab);
}

static void test_source(void)
{
	unsigned char frame[LAB_FRAME] = { [12] = 8, [14] = 0x45, [15] = 2 };
	struct engine_counters counters;
	double share, fifo, delay;

	run_source("queue=fifo", NULL, &share, &fifo, &counters);
	tap_ok(fifo > 60, "a source that responds fills a long fifo: %.1f ms of queue", fifo);
	run_source("queue=codel", NULL, &share, &delay, &counters);
	tap_ok(share > 0.8 && delay < 15, "codel: %.3f of the rate, %.1f ms of queue", share,
	       delay);
	tap_ok(counters.dropped_codel > 3, "codel: by drops");
	run_source("queue=codel ecn=on", frame, &share, &delay, &counters);
	tap_ok(share > 0.8 && delay < 15 && counters.ecn_marked > 3 && !counters.dropped_codel,
	       "codel with ECN: %.3f of the rate, %.1f ms of queue, and no drops", share, delay);
	run_source("queue=fq", NULL, &share, &delay, &counters);
	tap_ok(share > 0.8 && delay < 15 && counters.dropped_codel > 3,
	       "fq: %.3f of the rate, %.1f ms of queue", share, delay);
	run_source("queue=red red_min=10kb red_max=60kb", NULL, &share, &delay, &counters);
	tap_ok(share > 0.8 && delay < 60 && counters.dropped_red > 3,
	       "red: %.3f of the rate, %.1f ms of queue", share, delay);
	run_source("queue=red ecn=on red_min=10kb red_max=60kb", frame, &share, &delay, &counters);
	tap_ok(share > 0.8 && delay < 60 && counters.ecn_marked > 3,
	       "red with ECN: %.3f of the rate, %.1f ms of queue", share, delay);
}

/* ---- RED ------------------------------------------------------------------------------------ */

/* Figure 2 of the paper, and gentle; lengths in packets. */
static double probability(double average, double min, double max, double chance, bool gentle)
{
	if (average < min)
		return 0;
	if (average < max)
		return chance * (average - min) / (max - min);
	if (gentle && average < 2 * max)
		return chance + (1 - chance) * (average - max) / max;
	return 1;
}

static void test_red_chance(bool gentle)
{
	struct red red = { .min = 10ULL << RED_PART,
			   .max = 30ULL << RED_PART,
			   .chance = 0.1 * 4294967296.0 };
	double worst = 0;

	for (int i = 0; i < 7000; i++) {
		red.average = i / 100.0 * (1 << RED_PART);
		worst = fmax(worst, fabs(red_chance(&red, gentle) / 4294967296.0 -
					 probability(i / 100.0, 10, 30, 0.1, gentle)));
	}
	tap_ok(worst < 1e-4, "red%s: the chance is that of the paper, to %.0e",
	       gentle ? ", gentle" : "", worst);
}

/*
 * The average after random arrivals, with pauses, beside the formula in floating point. drops: some
 * are dropped, also by a queue that is empty, which stays so for all that.
 */
static void test_red_average(const char *settings, double packet, bool drops)
{
	struct lab *lab = engine_lab_open(50000);
	struct engine_link *link = lab_link(lab, "rate=10mbit queue=red red_weight=6");
	double average = 0, worst = 0;
	__u64 now = 0, empty_since = 0, before = 0, pause = 0, in_vain = 0;
	bool empty = true, gone;

	lab_set(link, settings, 0);
	srandom(1);
	for (__u64 n = 0; n < lab->count; n++) {
		struct engine_counters counters;

		now += n % 400 < 200 ? random() % 1600000 : random() % 2600000;
		lab_run(lab, now);
		engine_link_counters(link, now, &counters);
		/* It was empty when the last one was taken out, a packet ago or more. */
		if (!counters.backlog && before)
			empty = true, empty_since = link->queue.red.idle_since;
		if (empty) {
			pause = (now - empty_since) / LAB_MS;
			average *= pow(1 - 1 / 64.0, pause);
		} else {
			average += (counters.backlog - average) / 64;
		}
		lab_send(lab, link, LENGTH, now);
		worst = fmax(worst, fabs(average - link->queue.red.average / 65536.0 / packet));
		engine_link_counters(link, now, &counters);
		before = counters.backlog;
		gone = lab->packets[n].engine.drop;
		in_vain += empty && gone;
		empty_since = empty && gone ? empty_since + pause * LAB_MS : now;
		empty = !before;
	}
	tap_ok(worst < 0.05 && (drops ? in_vain > 100 : !lab->dropped),
	       "red, %s: the average is that of the paper (%.4f off)", settings, worst);
	engine_lab_close(lab);
}

/*
 * At an average that stays, packets from one mark to the next are as many as any number below
 * 1/p_b, with equal chance (section 7, method 2).
 */
static void test_red_spread(void)
{
	struct lab *lab = engine_lab_open(400000);
	struct engine_link *link =
		lab_link(lab, "rate=10mbit queue=red red_weight=1 limit=100pkt red_min=10pkt "
			      "red_max=30pkt red_chance=4%");
	__u64 gaps[60] = {}, gap = 0, drops = 0;
	double chi = 0, each;

	/* 20 in the queue: half way, 2 %. Each ms one leaves and one comes, until one stays. */
	lab_set(link, "queue=fifo", 0);
	for (int i = 0; i < 22; i++)
		lab_send(lab, link, LENGTH, 0);
	lab_set(link, "queue=red", 0);
	for (__u64 n = 1; lab->sent < lab->count; n++) {
		__u64 before;

		do {
			before = lab->dropped;
			lab_send(lab, link, LENGTH, n * LAB_MS);
			gap++;
			if (lab->dropped == before)
				continue;
			gaps[gap < 59 ? gap : 59] += drops++ > 0;
			gap = 0;
		} while (lab->dropped != before && lab->sent < lab->count);
	}
	each = (drops - 1) / 49.0;
	for (int i = 1; i <= 49; i++)
		chi += (gaps[i] - each) * (gaps[i] - each) / each;
	tap_ok(fabs(400000.0 / drops / 25 - 1) < 0.02, "red: one in %.2f is marked, of 25",
	       400000.0 / drops);
	/* 48 degrees of freedom. */
	tap_ok(chi < 73.68, "red: gaps from 1 to 49 are alike (chi squared %.1f)", chi);
	tap_is(gaps[0] + gaps[50] + gaps[51] + gaps[59], 0, "red: there are no others");
	engine_lab_close(lab);
}

int main(void)
{
	for (unsigned int seed = 1; seed <= 3; seed++) {
		test_codel("target=5ms interval=100ms", seed);
		test_codel("target=15ms interval=30ms", seed);
		test_codel("target=900us interval=20ms", seed); /* less than a packet takes */
		test_codel("target=5ms interval=269ms", seed);	/* 16 of it: more than 2^32 ns */
	}
	test_control_law();
	test_marks();
	test_source();
	test_red_chance(false);
	test_red_chance(true);
	test_red_average("limit=900pkt red_min=800pkt red_max=850pkt", 1, false);
	test_red_average("limit=2mb red_min=1000kb red_max=1.5mb", LENGTH, false);
	test_red_average("limit=900ms red_min=800ms red_max=850ms", 1000, false);
	test_red_average("limit=900pkt red_min=1pkt red_max=2pkt", 1, true);
	test_red_average("limit=900kb red_min=1250b red_max=5kb", LENGTH, true);
	test_red_spread();
	return tap_done();
}
