// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_live_copies - each branch gets each packet once while branches are rebound under load
 *
 *	 generator        stack                              checker
 *	+--------+    +---------------------------------+    +--------+
 *	|     g0 |----| in ─► split ─► … ─► out         |----| c0     |
 *	+--------+    |         └────► … ─► one or two  |    +--------+
 *	              +---------------------------------+
 *
 * What comes out is what was sent, and one and two have counted all of it together: if the second
 * branch only reads, at XDP and at tc; and if copies are made for it, at tc.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "live.h"
#include "tap.h"

#define TURNS 40

static uint64_t count(struct lana_stack *stack, const char *name)
{
	struct lana_block_stats *stats;
	struct lana_error error;
	uint64_t packets;
	size_t found;

	if (lana_block_stats(stack, name, &stats, &found, &error))
		tap_bail("%s", error.text);
	packets = stats->path[LANA_INGRESS].own[0].value;
	free(stats);
	return packets;
}

static void let_flow(struct traffic *traffic, uint64_t frames)
{
	struct traffic_report report;
	uint64_t goal;

	traffic_report(traffic, &report);
	for (goal = report.sent + frames; report.sent < goal; traffic_report(traffic, &report)) {
		if (traffic_done(traffic))
			tap_bail("the generator ended: %s", strerror(-traffic_stop(traffic)));
		usleep(200);
	}
}

static struct traffic *start(void)
{
	const struct traffic_options options = { .send = "generator:g0",
						 .check = "checker:c0",
						 .rate = 300000 };
	struct traffic *traffic;

	if (traffic_open(&options, &traffic) || traffic_start(traffic))
		tap_bail("no traffic");
	let_flow(traffic, 2000);
	return traffic;
}

static struct traffic_report stop(struct traffic *traffic)
{
	struct traffic_report report;

	let_flow(traffic, 2000);
	if (traffic_stop(traffic) || traffic_report(traffic, &report))
		tap_bail("the generator failed");
	traffic_close(traffic);
	return report;
}

static void show_copies(struct lana_stack *stack, const char *name, bool cloned)
{
	struct lana_block_info *info;
	size_t found;

	if (lana_block_list(stack, "split", &info, &found, NULL))
		tap_bail("no block");
	tap_ok(info->copies[LANA_INGRESS].inlined == !cloned &&
		       info->copies[LANA_INGRESS].cloned == cloned,
	       "%s: the second branch is %s", name, cloned ? "a clone's" : "in line");
	free(info);
}

static void test(enum lana_hook hook, bool cloned)
{
	struct lana_stack *stack = live_open(hook, true);
	struct traffic_report report;
	struct traffic *traffic;
	char name[32];

	snprintf(name, sizeof(name), "%s%s", lana_hook_name(hook), cloned ? ", clones" : "");
	live_do(stack, "add split tee");
	live_do(stack, "add main counter");
	live_do(stack, "add side %s", cloned ? "mark value=7" : "forward");
	live_do(stack, "add one counter");
	live_do(stack, "add two counter");
	live_do(stack, "bind main split port 0 ingress");
	live_do(stack, "bind out main ingress");
	live_do(stack, "bind side split port 1 ingress");
	live_do(stack, "bind one side ingress");
	live_do(stack, "bind split in ingress");
	show_copies(stack, name, cloned);

	traffic = start();
	for (int i = 0; i < TURNS; i++) {
		live_do(stack, "bind two side ingress");
		let_flow(traffic, 300);
		live_do(stack, "bind one side ingress");
		let_flow(traffic, 300);
	}
	report = stop(traffic);
	tap_note("%s: sent %lu, received %lu, lost %ld; one %lu, two %lu", name, report.sent,
		 report.received, report.lost, count(stack, "one"), count(stack, "two"));
	tap_ok(traffic_report_good(&report), "%s: no frame is lost, doubled or reordered", name);
	tap_is(count(stack, "one") + count(stack, "two"), report.sent,
	       "%s: the second branch has seen each, while it was rebound", name);
	tap_ok(count(stack, "two") > 0, "%s: which it was", name);
	tap_is(count(stack, "main"), report.sent, "%s: the first has too", name);
	show_copies(stack, name, cloned);

	traffic = start();
	for (int i = 0; i < TURNS / 2; i++) {
		live_do(stack, "unbind side split port 1 ingress");
		let_flow(traffic, 300);
		live_do(stack, "bind side split port 1 ingress");
		let_flow(traffic, 300);
	}
	report = stop(traffic);
	tap_ok(traffic_report_good(&report),
	       "%s: nothing of the first branch is lost when the second comes and goes", name);
	live_close(stack);
}

int main(void)
{
	live_begin();
	test(LANA_HOOK_XDP, false);
	test(LANA_HOOK_TC, false);
	test(LANA_HOOK_TC, true);
	return tap_done();
}
