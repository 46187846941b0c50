// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arrivals.h"
#include "engine_lab.h"
#include "live.h"
#include "queue_lab.h"
#include "tap.h"
#include "topology.h"
#include "workers.h"

#define HEADERS 42 /* bytes: Ethernet, IPv4, UDP */

/* It takes time, so the worker always has the frames, and they go at once. */
#define AS_MADE                                                                           \
	"dead=closed delay=1us jitter=0 correlation=0 distribution=uniform overtake=off " \
	"rate=0 queue=fifo limit=0 target=0 interval=0 ecn=off red_min=0 red_max=0 seed=1"

static struct lana_stack *stack;
static pid_t worker;

void queue_lab_begin(void)
{
	live_begin();
	arrivals_watch("checker", "c0");
	stack = live_open(LANA_HOOK_XDP, true);
	live_do(stack, "add b link " AS_MADE);
	live_do(stack, "bind out b ingress");
	live_do(stack, "bind b in ingress");
	worker = worker_start(stack, "live", "ring 8192 frames 32768", "b");
}

void queue_lab_end(void)
{
	worker_end(worker, SIGTERM);
	live_close(stack);
}

bool queue_lab_is_disturbed(void)
{
	return worker_count(stack, "worker", "overruns") +
		       worker_count(stack, "worker", "rejected") >
	       0;
}

/* The link as it was made, empty, with these options in addition: KEY=VALUE separated by blanks. */
__attribute__((format(printf, 1, 2))) static void set_link(const char *format, ...)
{
	char options[256];
	va_list args;

	va_start(args, format);
	vsnprintf(options, sizeof(options), format, args);
	va_end(args);
	live_do(stack, "set b " AS_MADE);
	for (int i = 0; i < 5000 && worker_count(stack, "b", "in_flight"); i++)
		usleep(1000);
	live_do(stack, "set b %s", options);
	arrivals_forget();
}

static uint64_t send_frames(unsigned int length, const char *rate, uint64_t count,
			    unsigned int stream, bool ect)
{
	char packet[128];

	snprintf(packet, sizeof(packet), "eth ip4%s udp(sport=%u) payload(%u)",
		 ect ? "(ecn=2)" : "", 1000 + stream, length - HEADERS);
	return arrivals_send(packet, rate, count, stream);
}

/* ---- jitter --------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	double (*cdf)(double x);
	unsigned int jitter; /* ms: as large as keeps delays above 0 */
} distributions[] = { { "uniform", lab_uniform, 200 },
		      { "normal", lab_normal, 60 },
		      { "pareto", lab_pareto, 200 } };

#define DELAY 300 /* ms */
#define APART 15  /* samples so far from each other are as good as independent, up to 50 % */

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

struct queue_lab_jitter queue_lab_jitter(const char *distribution, const char *correlation,
					 unsigned int seed, uint64_t count)
{
	double *samples = calloc(count, sizeof(*samples));
	struct queue_lab_jitter result = {};
	size_t d = 0, apart = strcmp(correlation, "0") ? APART : 1;

	while (strcmp(distributions[d].name, distribution))
		d++;
	set_link("delay=%dms jitter=%ums distribution=%s correlation=%s overtake=on seed=%u", DELAY,
		 distributions[d].jitter, distribution, correlation, seed);
	count = send_frames(64, "950pps", count, 0, false);
	if (!samples || arrivals_wait(count, 8000) != count)
		tap_bail("frames were lost");
	for (uint64_t i = 0; i < count; i++) {
		const struct arrival *arrival = &arrivals_seen->list[i];

		samples[arrival->number] =
			((arrival->came - arrival->sent) / 1e6 - DELAY) / distributions[d].jitter;
	}
	result.count = count;
	result.correlation = correlation_of(samples, count);
	for (size_t i = 0; i * apart < count; i++)
		samples[i] = samples[i * apart];
	result.distance = lab_distance(samples, (count + apart - 1) / apart, distributions[d].cdf);
	free(samples);
	return result;
}

/* ---- flows ---------------------------------------------------------------------------------- */

#define FLOWS_MAX 16

void queue_lab_shares(const char *queue, struct queue_lab_flow *flows, size_t count)
{
	uint64_t bytes[FLOWS_MAX] = {}, left[FLOWS_MAX] = {}, frames = 0, all = 0;
	size_t begun = 0;

	set_link("rate=100kbit queue=%s limit=3mb target=4s interval=4s", queue);
	for (size_t i = 0; i < count; i++)
		frames += left[i] =
			send_frames(flows[i].length, "100kpps", flows[i].count, i, false);
	live_do(stack, "set b rate=16mbit");
	arrivals_wait(frames, 2000);
	for (uint64_t i = 0; i < arrivals_seen->count; i++) {
		const struct arrival *arrival = &arrivals_seen->list[i];

		begun += left[arrival->stream] == flows[arrival->stream].count;
		if (!--left[arrival->stream])
			break;
		if (begun < count)
			continue;
		bytes[arrival->stream] += arrival->length;
		all += arrival->length;
	}
	for (size_t i = 0; i < count; i++)
		flows[i].share = (double)bytes[i] / all;
}

/* ---- CoDel ---------------------------------------------------------------------------------- */

#define CODEL_FRAME 1000 /* bytes: 1 ms at 8 Mbit/s */
#define CODEL_COUNT 1600
#define INTERVAL    100.0 /* ms, so frames */

/*
 * The series began at a time; the n-th drop is due when so much has gone by. It happens as soon as
 * the transmitter is ready for another frame then.
 */
struct series {
	size_t drops;
	double begun, due, off;
};

static void note_drop(struct series *series, double now)
{
	if (!series->drops++)
		series->begun = now;
	else
		series->due += INTERVAL / sqrt(series->drops - 1);
	series->off = fmax(series->off, fabs(now - series->begun - series->due));
}

struct queue_lab_codel queue_lab_codel(bool ecn)
{
	struct queue_lab_codel result = {};
	struct series series = {};
	uint64_t next = 0;

	set_link("rate=8mbit queue=codel limit=3mb ecn=%s", ecn ? "on" : "off");
	send_frames(CODEL_FRAME, "100kpps", CODEL_COUNT, 0, ecn);
	arrivals_wait(CODEL_COUNT, 1000);
	for (uint64_t i = 0; i < arrivals_seen->count; i++) {
		const struct arrival *arrival = &arrivals_seen->list[i];

		for (; next < arrival->number; next++, result.drops++)
			note_drop(&series, i);
		next = arrival->number + 1;
		if (arrival->ecn != 3)
			continue;
		result.marks++;
		note_drop(&series, i);
	}
	result.off = series.off;
	return result;
}

/* ---- RED ------------------------------------------------------------------------------------ */

#define RED_BURST  1200
#define RED_MIN	   200.0 /* packets */
#define RED_MAX	   1000.0
#define RED_CHANCE 0.2

/*
 * Floyd and Jacobson, figure 2: the n-th frame since one that was marked is marked with the chance
 * p / (1 - n p), so the gaps between marks are any number below 1 / p, and 2 p of all are marked.
 */
static double share_of(double average)
{
	return 2 * RED_CHANCE * (average - RED_MIN) / (RED_MAX - RED_MIN);
}

/* One burst: the average as it was at each frame's arrival, w = 1/2, from who came and when. */
static void judge_burst(struct queue_lab_red *red, const struct arrival **by_number, uint64_t count)
{
	uint64_t queued = 0, gone = 0;
	double average = 0;

	for (uint64_t n = 0; n < count; n++) {
		const struct arrival *arrival = by_number[n];
		double length;
		int part;

		/* A frame without a time is one that was dropped: it came just before the next. */
		while (arrival && gone < arrivals_seen->count &&
		       arrivals_seen->list[gone].came < arrival->sent)
			gone++;
		length = queued > gone + 1 ? queued - gone - 1 : 0;
		average += (length - average) / 2;
		queued += arrival != NULL;
		part = floor((average - RED_MIN) / (RED_MAX - RED_MIN) * QUEUE_LAB_PARTS);
		red->lost += !arrival;
		red->marks += arrival && arrival->ecn == 3;
		if (average < RED_MIN || part >= QUEUE_LAB_PARTS)
			continue;
		red->frames[part]++;
		red->drops[part] += !arrival || arrival->ecn == 3;
		red->expected[part] += share_of(average);
	}
}

struct queue_lab_red queue_lab_red(bool ecn, unsigned int bursts)
{
	const struct arrival *by_number[RED_BURST];
	struct queue_lab_red result = {};

	set_link("delay=1us queue=red limit=2000pkt red_min=200pkt red_max=1000pkt "
		 "red_chance=20%% red_weight=1 ecn=%s",
		 ecn ? "on" : "off");
	for (unsigned int burst = 0; burst < bursts; burst++) {
		arrivals_forget();
		live_do(stack, "set b rate=100kbit seed=%u", burst + 1);
		send_frames(64, "100kpps", RED_BURST, 0, ecn);
		live_do(stack, "set b rate=0"); /* all leave, and the average falls to 0 */
		arrivals_wait(RED_BURST, 100);
		memset(by_number, 0, sizeof(by_number));
		for (uint64_t i = 0; i < arrivals_seen->count; i++)
			by_number[arrivals_seen->list[i].number] = &arrivals_seen->list[i];
		judge_burst(&result, by_number, RED_BURST);
	}
	return result;
}
