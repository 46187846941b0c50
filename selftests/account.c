// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account.h"
#include "inspect.h"
#include "tap.h"
#include "workers.h"

const char *account_hook;

struct traffic *account_start(uint64_t rate)
{
	const struct traffic_options options = { .send = "generator:g0",
						 .check = "checker:c0",
						 .rate = rate,
						 .batch = 8,
						 .drain = 500 };
	struct traffic *traffic;
	int err = traffic_open(&options, &traffic);

	err = err ?: traffic_start(traffic);
	if (err)
		tap_bail("no traffic: %s", strerror(-err));
	return traffic;
}

struct traffic_report account_report(struct traffic *traffic)
{
	struct traffic_report report;
	int err = traffic_report(traffic, &report);

	if (err)
		tap_bail("no report: %s", strerror(-err));
	return report;
}

bool account_goes_on(struct traffic *traffic, uint64_t frames)
{
	uint64_t before = account_report(traffic).received;

	for (int i = 0; i < 5000; i++, usleep(1000))
		if (account_report(traffic).received >= before + frames)
			return true;
	return false;
}

struct traffic_report account_stop(struct traffic *traffic)
{
	struct traffic_report report;
	int err = traffic_stop(traffic);

	if (err)
		tap_bail("traffic: %s", strerror(-err));
	report = account_report(traffic);
	traffic_close(traffic);
	return report;
}

int64_t account_lost(struct lana_stack *stack, bool worker)
{
	struct lana_block_stats *stats;
	struct lana_error error = {};
	int64_t sum = 0;
	size_t count;

	if (lana_block_stats(stack, NULL, &stats, &count, &error))
		tap_bail("stats: %s", error.text);
	for (size_t i = 0; i < count; i++)
		for (int path = 0; path < LANA_PATHS; path++) {
			const struct lana_path_stats *s = &stats[i].path[path];

			for (size_t j = 0; j < s->drops_count; j++)
				sum += s->drops[j].value;
			for (size_t j = 0; j < s->unbound_count; j++)
				sum += s->unbound[j].value;
		}
	free(stats);
	if (worker)
		sum += worker_count(stack, "worker", "overruns") +
		       worker_count(stack, "worker", "stale") +
		       worker_count(stack, "worker", "rejected");
	return sum;
}

void account_expect(struct lana_stack *stack, const struct traffic_report *report, bool worker,
		    const char *what)
{
	int64_t counted = account_lost(stack, worker);

	tap_ok(report->sent > 0 && report->lost == counted, "%s: %s: nothing is lost uncounted",
	       account_hook, what);
	if (report->lost != counted)
		tap_note("%ld lost, %ld counted", report->lost, counted);
	tap_ok(!report->duplicated && !report->corrupt, "%s: %s: nor doubled or damaged",
	       account_hook, what);
	tap_note("%s: %lu sent, %lu received, %ld counted, %lu reordered", what, report->sent,
		 report->received, counted, report->reordered);
}

struct lana_stack *account_open(enum lana_hook hook, const char *type)
{
	struct lana_stack *stack = live_open(hook, true);

	account_hook = lana_hook_name(hook);
	live_do(stack, "add b %s", type);
	live_do(stack, "bind out b ingress");
	live_do(stack, "bind b in ingress");
	return stack;
}

void account_close(struct lana_stack *stack)
{
	tap_is(inspect_faults(stack), 0, "%s: the stack is consistent", account_hook);
	live_close(stack);
}
