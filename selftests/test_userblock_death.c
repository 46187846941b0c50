// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_userblock_death - workers end and are killed while numbered frames pass
 *
 * What was sent is what was received, or is counted somewhere, exactly; but for what a worker holds
 * at the moment that it is killed.
 */
#include <signal.h>
#include <unistd.h>

#include "account.h"
#include "inspect.h"
#include "tap.h"
#include "topology.h"
#include "workers.h"

#define RATE	  20000
#define WAYS_HOLD 4096 /* frames that a worker, and rings between generator and checker, hold */

static void test_killing(enum lana_hook hook)
{
	struct lana_stack *stack = account_open(hook, "userforward");
	struct traffic *traffic = account_start(RATE);
	struct traffic_report report;
	uint64_t passed;

	for (int i = 0; i < 5; i++) {
		pid_t worker = worker_start(stack, "live", NULL, "b");

		tap_ok(account_goes_on(traffic, 500), "%s: it goes on by the worker", account_hook);
		passed = worker_count(stack, "b", "packets");
		tap_ok(passed > 0, "%s: which has %lu", account_hook, passed);
		worker_end(worker, SIGKILL);
		tap_ok(account_goes_on(traffic, 500), "%s: it is killed: it goes on past it",
		       account_hook);
	}
	report = account_stop(traffic);
	tap_ok(report.lost >= 0 && report.lost <= 5 * WAYS_HOLD && !report.duplicated,
	       "%s: what is lost is what a worker held", account_hook);
	tap_note("killed: %lu sent, %ld lost", report.sent, report.lost);
	account_close(stack);
}

static void test_closed(enum lana_hook hook)
{
	struct lana_stack *stack = account_open(hook, "userforward dead=closed");
	pid_t worker = worker_start(stack, "live", NULL, "b");
	struct traffic *traffic = account_start(RATE);
	struct traffic_report report;
	uint64_t received;

	tap_ok(account_goes_on(traffic, 500), "%s: it goes on by the worker", account_hook);
	worker_end(worker, SIGKILL);
	usleep(20000);
	received = account_report(traffic).received;
	for (int i = 0; i < 5000 && worker_count(stack, "b", "closed") < 1000; i++)
		usleep(1000);
	tap_is(account_report(traffic).received, received, "%s: nothing passes a closed block",
	       account_hook);
	worker = worker_start(stack, "live", NULL, "b");
	tap_ok(account_goes_on(traffic, 500), "%s: a new worker takes it up", account_hook);
	report = account_stop(traffic);
	tap_ok(report.lost >= (int64_t)worker_count(stack, "b", "closed") &&
		       report.lost <= (int64_t)worker_count(stack, "b", "closed") + WAYS_HOLD,
	       "%s: what did not pass is counted", account_hook);
	worker_end(worker, SIGTERM);
	account_close(stack);
}

/* A worker that is told to end loses nothing, not even what it holds. */
static void test_ending(enum lana_hook hook)
{
	struct lana_stack *stack = account_open(hook, "hold delay=20000000");
	struct traffic *traffic = account_start(RATE);
	struct traffic_report report;
	int64_t lost = 0, overruns = 0; /* of workers that were kept from running */

	for (int i = 0; i < 5; i++) {
		pid_t worker = worker_start(stack, "live", NULL, "b");

		account_goes_on(traffic, 2000);
		overruns += worker_count(stack, "worker", "overruns");
		tap_is(worker_end(worker, SIGTERM), 0, "%s: a worker ends", account_hook);
	}
	report = account_stop(traffic);
	lost = report.lost - account_lost(stack, false) - overruns;
	tap_is(lost, 0, "%s: and nothing is lost by that", account_hook);
	tap_note("ended: %lu sent, %ld lost, %lu reordered", report.sent, report.lost,
		 report.reordered);
	account_close(stack);
}

/* Nothing is left of a worker that was killed once the stack was used, nor of the stack. */
static void test_leftovers(enum lana_hook hook)
{
	struct lana_stack *stack = account_open(hook, "userforward");
	pid_t worker = worker_start(stack, "live", NULL, "b");
	struct leftovers *left;

	left = leftovers_note("live");
	worker_end(worker, SIGKILL);
	worker_wait(stack, "b", NULL);
	for (int i = 0; i < 200 && !topology_run("ip -n stack -o link | grep -q lana[.]"); i++)
		usleep(10000);
	tap_ok(topology_run("ip -n stack -o link | grep -q lana[.]"),
	       "%s: the device of a worker that was killed is gone", account_hook);
	tap_is(inspect_faults(stack), 0, "%s: the stack is consistent", account_hook);
	tap_ok(topology_run("test -n \"$(ls %s/lana/live/sockets)\"", topology_bpffs()),
	       "%s: and its folder", account_hook);
	live_close(stack);
	tap_is(leftovers_wait(left), 0, "%s: nothing is left", account_hook);
}

int main(void)
{
	static const enum lana_hook hooks[] = { LANA_HOOK_XDP, LANA_HOOK_TC };

	live_begin();
	for (int i = 0; i < 2; i++) {
		test_killing(hooks[i]);
		test_closed(hooks[i]);
		test_ending(hooks[i]);
		test_leftovers(hooks[i]);
	}
	return tap_done();
}
