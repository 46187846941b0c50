// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_link_turns - of many links that are busy at once, the worker writes the meters of all
 *
 *	          ┌─► l0 ──► … ─► l7 ───┐
 *	in ─► b ──┼─► …                 ├─► out
 *	          └─► l120 ► … ─► l127 ─┘
 *
 * Frames take one of the rows each. Links are as many as the worker looks at in some whole number
 * of steps, so that it meets the same ones in each step of a turn.
 */
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "account.h"
#include "tap.h"
#include "workers.h"

#define LINKS  128
#define LENGTH 8    /* of a row */
#define RATE   2000 /* frames a second */

static void make_rows(struct lana_stack *stack)
{
	live_do(stack, "unbind out b ingress");
	for (int i = 0; i < LINKS; i++) {
		live_do(stack, "add l%d link delay=10us", i);
		if (i % LENGTH)
			live_do(stack, "bind l%d l%d ingress", i, i - 1);
		else
			live_do(stack, "bind l%d b ingress port %d", i, i / LENGTH);
		if (i % LENGTH == LENGTH - 1)
			live_do(stack, "bind out l%d ingress", i);
	}
}

static __u64 clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* Links whose meter was written after that time. */
static unsigned int count_told(struct lana_stack *stack, __u64 since)
{
	struct lana_link_info *links = NULL;
	struct lana_error error = {};
	unsigned int told = 0;
	size_t count;

	if (lana_link_list(stack, NULL, &links, &count, &error))
		tap_bail("%s", error.text);
	for (size_t i = 0; i < count; i++)
		told += links[i].status.report.now >= since;
	free(links);
	return told;
}

int main(void)
{
	struct lana_stack *stack;
	struct traffic *traffic;
	unsigned int told = 0;
	pid_t worker;
	__u64 since;

	live_begin();
	stack = account_open(LANA_HOOK_XDP, "fanout mode=round-robin");
	make_rows(stack);
	worker = worker_start(stack, "live", NULL, "l127");
	traffic = account_start(RATE);
	tap_ok(account_goes_on(traffic, 100), "frames pass by %d links", LINKS);
	since = clock_now();
	for (int i = 0; i < 100 && told < LINKS; i++, usleep(100000))
		told = count_told(stack, since);
	tap_is(told, LINKS, "while they do, the meters of all are written");
	account_stop(traffic);
	worker_end(worker, SIGTERM);
	account_close(stack);
	return tap_done();
}
