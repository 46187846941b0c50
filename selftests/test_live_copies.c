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
 * branch only reads, at XDP and at tc; and if copies are made for it. At XDP these go through
 * veths, whose rings may be full: what they have counted is missing, and no more.
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

/* Frames that did not fit into a ring of the devices by which copies come back. */
static uint64_t overrun(void)
{
	FILE *pipe = popen("ip -n stack -s -j link show | jq '[.[] | select(.ifname | "
			   "startswith(\"lana.\")) | .stats64.rx.dropped] | add // 0'",
			   "r");
	unsigned long frames;

	if (!pipe || fscanf(pipe, "%lu", &frames) != 1)
		tap_bail("the devices do not say what they lost");
	pclose(pipe);
	return frames;
}

/* Copies at XDP: what both branches miss is what rings had no room for. */
static void settle_broadcast(struct lana_stack *stack, const char *name,
			     const struct traffic_report *report)
{
	uint64_t side = count(stack, "one") + count(stack, "two"), lost = overrun();

	tap_note("%s: %lu did not fit into a ring", name, lost);
	tap_ok(!report->duplicated && !report->reordered && !report->corrupt && !report->stale,
	       "%s: no frame is doubled or reordered", name);
	tap_is(report->received, count(stack, "main"), "%s: what the first branch saw came out",
	       name);
	tap_is(side + count(stack, "main") + lost, 2 * report->sent,
	       "%s: each branch has seen each, while one was rebound, or a ring was full", name);
	tap_ok(count(stack, "two") > 0, "%s: which it was", name);
}

static void show_copies(struct lana_stack *stack, const char *name, bool cloned, bool xdp)
{
	struct lana_block_info *info;
	size_t found;

	if (lana_block_list(stack, "split", &info, &found, NULL))
		tap_bail("no block");
	tap_ok(info->copies[LANA_INGRESS].inlined == !cloned &&
		       info->copies[LANA_INGRESS].cloned == (cloned && !xdp) &&
		       info->copies[LANA_INGRESS].broadcast == (cloned && xdp ? 2 : 0),
	       "%s: the second branch is %s", name, cloned ? "a copy's" : "in line");
	free(info);
}

static void settle(struct lana_stack *stack, const char *name, const struct traffic_report *report)
{
	tap_ok(traffic_report_good(report), "%s: no frame is lost, doubled or reordered", name);
	tap_is(count(stack, "one") + count(stack, "two"), report->sent,
	       "%s: the second branch has seen each, while it was rebound", name);
	tap_ok(count(stack, "two") > 0, "%s: which it was", name);
	tap_is(count(stack, "main"), report->sent, "%s: the first has too", name);
}

static void test(enum lana_hook hook, bool cloned)
{
	struct lana_stack *stack = live_open(hook, true);
	struct traffic_report report;
	struct traffic *traffic;
	uint64_t lost;
	char name[32];

	snprintf(name, sizeof(name), "%s%s", lana_hook_name(hook), cloned ? ", copies" : "");
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
	show_copies(stack, name, cloned, hook == LANA_HOOK_XDP);

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
	if (cloned && hook == LANA_HOOK_XDP)
		settle_broadcast(stack, name, &report);
	else
		settle(stack, name, &report);
	show_copies(stack, name, cloned, hook == LANA_HOOK_XDP);

	traffic = start();
	for (int i = 0; i < TURNS / 2; i++) {
		live_do(stack, "unbind side split port 1 ingress");
		let_flow(traffic, 300);
		live_do(stack, "bind side split port 1 ingress");
		let_flow(traffic, 300);
	}
	report = stop(traffic);
	lost = hook == LANA_HOOK_XDP && cloned ? overrun() : 0; /* by either branch */
	tap_ok(report.lost <= (int64_t)lost && !report.duplicated && !report.corrupt,
	       "%s: nothing of the first branch is lost when the second comes and goes", name);
	live_close(stack);
}

int main(void)
{
	live_begin();
	test(LANA_HOOK_XDP, false);
	test(LANA_HOOK_XDP, true);
	test(LANA_HOOK_TC, false);
	test(LANA_HOOK_TC, true);
	return tap_done();
}
