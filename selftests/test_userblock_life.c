// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_userblock_life - blocks in user space come, change and go while numbered frames pass
 *
 * What was sent is what was received, or is counted somewhere, exactly.
 */
#include <signal.h>
#include <unistd.h>

#include "account.h"
#include "tap.h"
#include "workers.h"

#define RATE 20000

/* ---- under load ------------------------------------------------------------------------------ */

/* A kernel block and one in user space take turns. */
static void test_rebinding(enum lana_hook hook)
{
	struct lana_stack *stack = account_open(hook, "userforward dead=closed");
	pid_t worker = worker_start(stack, "live", NULL, "b");
	struct traffic_report report;
	struct traffic *traffic;

	live_do(stack, "add k forward");
	live_do(stack, "bind out k ingress");
	traffic = account_start(RATE);
	for (int i = 0; i < 1000; i++)
		live_do(stack, "bind %s in ingress", i & 1 ? "b" : "k");
	tap_ok(account_goes_on(traffic, 1000), "%s: traffic goes on", account_hook);
	report = account_stop(traffic);
	account_expect(stack, &report, true, "rebound 1,000 times");
	tap_ok(worker_count(stack, "b", "packets") > 0, "%s: the worker had some", account_hook);
	worker_end(worker, SIGTERM);
	account_close(stack);
}

/* One block moves between the kernel and user space, and keeps its edges. */
static void test_moving(enum lana_hook hook)
{
	struct lana_stack *stack = account_open(hook, "forward");
	pid_t worker = worker_start(stack, "live", NULL, NULL);
	struct traffic *traffic = account_start(RATE);
	struct traffic_report report;

	for (int i = 0; i < 20; i++) {
		live_do(stack, "replace b userforward");
		worker_wait(stack, "b", "worker");
		tap_ok(account_goes_on(traffic, 200), "%s: it goes on by the worker", account_hook);
		live_do(stack, "replace b forward drop-state");
		if (i % 4 == 0)
			tap_ok(account_goes_on(traffic, 200), "%s: and by the kernel",
			       account_hook);
	}
	report = account_stop(traffic);
	account_expect(stack, &report, true, "moved to and fro");
	worker_end(worker, SIGTERM);
	account_close(stack);
}

/* The delay of a block that holds packets is set, and none is lost or overtaken. */
static void test_setting(enum lana_hook hook)
{
	struct lana_stack *stack = account_open(hook, "hold delay=1000000");
	pid_t worker = worker_start(stack, "live", NULL, "b");
	struct traffic *traffic = account_start(RATE);
	struct traffic_report report;

	for (int i = 0; i < 100; i++) {
		live_do(stack, "set b delay=%d", (i % 10) * 500000);
		usleep(2000);
	}
	tap_ok(account_goes_on(traffic, 1000), "%s: traffic goes on", account_hook);
	report = account_stop(traffic);
	account_expect(stack, &report, true, "set 100 times");
	tap_is(report.reordered, 0, "%s: none is overtaken", account_hook);
	worker_end(worker, SIGTERM);
	account_close(stack);
}

/* ---- going ----------------------------------------------------------------------------------- */

/*
 * A block that holds packets is removed, and another gets its IDP: what was held goes nowhere, and
 * the worker has its memory again. It has so little that it would run out otherwise.
 */
static void test_removal(enum lana_hook hook)
{
	struct lana_stack *stack = account_open(hook, "userkit dead=closed keep=1");
	pid_t worker = worker_start(stack, "live", "ring 256 frames 256", "b");
	struct traffic *traffic = account_start(2000);
	unsigned long long held;
	uint64_t received;

	for (int i = 0; i < 20; i++) {
		for (int j = 0; j < 5000 && worker_count(stack, "b", "packets") < 100; j++)
			usleep(1000);
		live_do(stack, "unbind b in ingress");
		live_do(stack, "unbind out b ingress");
		live_do(stack, "rm b");
		live_do(stack, "add b userkit dead=closed keep=1");
		live_do(stack, "bind out b ingress");
		live_do(stack, "bind b in ingress");
	}
	held = worker_count(stack, "b", "packets");
	for (int j = 0; j < 5000 && held < 100; j++, usleep(1000))
		held = worker_count(stack, "b", "packets");
	tap_ok(held >= 100, "%s: the worker has memory after 20 blocks that kept packets",
	       account_hook);
	received = account_report(traffic).received;
	tap_is(received, 0, "%s: nothing that was kept has got out", account_hook);
	traffic_stop(traffic);
	traffic_close(traffic);
	worker_end(worker, SIGTERM);
	account_close(stack);
}

int main(void)
{
	static const enum lana_hook hooks[] = { LANA_HOOK_XDP, LANA_HOOK_TC };

	live_begin();
	for (int i = 0; i < 2; i++) {
		test_rebinding(hooks[i]);
		test_moving(hooks[i]);
		test_setting(hooks[i]);
		test_removal(hooks[i]);
	}
	return tap_done();
}
