// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probed.h"
#include "tap.h"
#include "topology.h"

struct lana_stack *probed_stack;
static struct traffic *traffic;

void probed_must(int err, const struct lana_error *error, const char *what)
{
	if (err)
		tap_bail("%s: %s", what, error && *error->text ? error->text : strerror(-err));
}

void probed_build(enum lana_hook hook, bool hot)
{
	static const char *const steps[] = {
		"add split ethertype type=2048",
		"add c1 counter",
		"add fork mark value=5",
		"add c2 counter",
		"add narp counter",
		"bind narp split port other",
		"bind out c2 ingress",
		"bind c2 fork ingress",
		"bind fork c1 ingress",
		"bind c1 split port match",
		"bind split in ingress",
	};
	struct lana_error error = {};

	probed_stack = live_open(hook, true);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		live_do(probed_stack, "%s", steps[i]);
	if (hot)
		probed_must(lana_hot(probed_stack, "c1", NULL, true, &error)
				    ?: lana_hot(probed_stack, "c2", NULL, true, &error),
			    &error, "hot");
}

void probed_start(uint64_t rate, uint64_t count)
{
	const struct traffic_options options = { .send = "generator:g0",
						 .check = "checker:c0",
						 .size = PROBED_SIZE,
						 .rate = rate,
						 .count = count,
						 .arp_every = 10,
						 .pin = true,
						 .cpu = 0 };

	probed_must(traffic_open(&options, &traffic), NULL, "traffic");
	probed_must(traffic_start(traffic), NULL, "traffic");
}

struct traffic_report probed_finish(void)
{
	struct traffic_report report;

	probed_must(traffic_stop(traffic), NULL, "traffic");
	probed_must(traffic_report(traffic, &report), NULL, "traffic");
	traffic_close(traffic);
	return report;
}

/* Until so many more frames have been sent. */
void probed_let_flow(uint64_t frames)
{
	struct traffic_report report = {};
	uint64_t goal = 0;

	do {
		probed_must(traffic_report(traffic, &report), NULL, "traffic");
		goal = goal ?: report.sent + frames;
		if (traffic_done(traffic) && report.sent < goal)
			tap_bail("the generator ended: %s", strerror(-traffic_stop(traffic)));
		usleep(200);
	} while (report.sent < goal);
}

/* What left a block by a way on ingress. */
struct lana_way_stats probed_measured(const char *block, const char *way)
{
	struct lana_way_stats found = {};
	struct lana_block_stats *stats;
	struct lana_error error = {};
	size_t count;

	probed_must(lana_block_stats(probed_stack, block, &stats, &count, &error), &error, "stats");
	for (size_t i = 0; i < stats->path[LANA_INGRESS].ways_count; i++)
		if (!strcmp(stats->path[LANA_INGRESS].ways[i].way.name, way))
			found = stats->path[LANA_INGRESS].ways[i];
	free(stats);
	return found;
}

void probed_measure(bool on)
{
	struct lana_error error = {};

	probed_must(lana_measure(probed_stack, on, &error), &error, "measure");
}

void probed_open_all(struct lana_trace **trace, struct lana_capture **capture)
{
	const struct lana_trace_options traced = { .filter = "udp" };
	const struct lana_capture_options captured = { .block = "c1",
						       .way = "next",
						       .filter = "udp port 9" };
	struct lana_error error = {};

	probed_must(lana_trace_open(probed_stack, &traced, trace, &error), &error, "trace");
	probed_must(lana_capture_open(probed_stack, &captured, capture, &error), &error, "capture");
}

bool probed_has_sessions(void)
{
	return !topology_run("[ -n \"$(ls %s/lana/%s/probes)\" ]", topology_bpffs(), PROBED_STACK);
}
