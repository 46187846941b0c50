// SPDX-License-Identifier: GPL-2.0-only
#include <time.h>

#include "bench.h"
#include "rate.h"

#define WINDOWS	  16
#define WINDOW_MS 3

/* A look at the counter that took longer (seconds) was interrupted. */
#define LOOK_MAX 100e-6

double rate_of(struct rate *rate)
{
	return bench_quantile(rate->rates, rate->count, 0.95);
}

struct traffic *rate_open(struct traffic_options options)
{
	struct traffic *traffic;

	options.pin = true;
	options.cpu = BENCH_CPU_TRAFFIC;
	bench_must(traffic_open(&options, &traffic), NULL, "traffic from %s", options.send);
	return traffic;
}

static void sleep_ms(unsigned int ms)
{
	struct timespec time = { .tv_nsec = ms * 1000000L };

	nanosleep(&time, NULL);
}

static uint64_t sent(struct traffic *traffic)
{
	struct traffic_report report;

	bench_must(traffic_report(traffic, &report), NULL, "report");
	return report.sent;
}

double rate_window(struct traffic *traffic, unsigned int ms)
{
	uint64_t before;
	double begin, rate;

	bench_must(traffic_reset(traffic), NULL, "reset");
	bench_must(traffic_start(traffic), NULL, "start");
	while (!sent(traffic))
		sleep_ms(1);
	before = sent(traffic);
	begin = bench_now();
	sleep_ms(ms);
	rate = (sent(traffic) - before) / (bench_now() - begin);
	bench_must(traffic_stop(traffic), NULL, "stop");
	return rate;
}

/* When so many had been sent. */
struct look {
	double when;
	uint64_t sent;
};

static bool look(struct traffic *traffic, struct look *now)
{
	double begin = bench_now();

	now->sent = sent(traffic);
	now->when = bench_now();
	return now->when - begin < LOOK_MAX;
}

static void watch(struct traffic *traffic, struct rate *rate)
{
	struct look now, last = {};

	for (int window = 0; window <= WINDOWS; window++) {
		if (!look(traffic, &now)) {
			last.sent = 0;
			continue;
		}
		if (last.sent && rate->count < LENGTH(rate->rates))
			rate->rates[rate->count++] =
				(now.sent - last.sent) / (now.when - last.when);
		last = now;
		sleep_ms(WINDOW_MS);
	}
}

/* Setting a sender up takes up to 60 ms, in which nothing is sent. */
void rate_run(struct traffic *traffic, struct rate *rate)
{
	struct traffic_report report;

	bench_must(traffic_reset(traffic), NULL, "reset");
	bench_must(traffic_start(traffic), NULL, "start");
	while (!sent(traffic))
		sleep_ms(1);
	watch(traffic, rate);
	bench_must(traffic_stop(traffic), NULL, "stop");
	bench_must(traffic_report(traffic, &report), NULL, "report");
	rate->lost += report.lost;
	rate->duplicated += report.duplicated;
	rate->reordered += report.reordered;
}
