// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_userblock_life - blocks in user space come, change and go while numbered frames pass
 *
 * What was sent is what was received, or is counted somewhere, exactly.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "account.h"
#include "tap.h"
#include "topology.h"
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

/* ---- not coming ------------------------------------------------------------------------------ */

/* From now on the kernel lets nobody enter a worker at tc. */
static void freeze_users(void)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/lana/live/shared/lana_users_tc", topology_bpffs());
	fd = bpf_obj_get(path);
	if (fd < 0 || bpf_map_freeze(fd))
		tap_bail("%s: %s", path, strerror(errno));
	close(fd);
}

static bool is_logged(FILE *log, const char *words)
{
	char line[512];

	rewind(log);
	while (fgets(line, sizeof(line), log))
		if (strstr(line, words))
			return true;
	return false;
}

/*
 * A second link gets as far as that it begins, and then no packets can be led to it: nothing of it
 * is left in what links share. Memory that is freed is overwritten, so that this is seen.
 */
static void test_not_entered(enum lana_hook hook)
{
	struct lana_stack *stack = account_open(hook, "link delay=1ms");
	int stderr_fd = dup(STDERR_FILENO);
	struct traffic_report report;
	struct traffic *traffic;
	FILE *log = tmpfile();
	bool refused = false;
	pid_t worker;

	if (!log || stderr_fd < 0)
		tap_bail("no file for the worker's log");
	setenv("MALLOC_PERTURB_", "165", 1);
	dup2(fileno(log), STDERR_FILENO);
	worker = worker_start(stack, "live", NULL, "b");
	dup2(stderr_fd, STDERR_FILENO);
	close(stderr_fd);
	unsetenv("MALLOC_PERTURB_");
	traffic = account_start(RATE);
	freeze_users();
	live_do(stack, "add other link delay=5ms");
	for (int i = 0; i < 5000 && !refused; i++, usleep(1000))
		refused = is_logged(log, "cannot take other (link) up: cannot lead packets to it");
	tap_ok(refused, "%s: the kernel refuses to lead packets to a block", account_hook);
	tap_ok(account_goes_on(traffic, 1000), "%s: the other one goes on", account_hook);
	live_do(stack, "rm other");
	live_do(stack, "set b delay=2ms");
	tap_ok(account_goes_on(traffic, 1000), "%s: and can be set", account_hook);
	report = account_stop(traffic);
	account_expect(stack, &report, true, "another is not taken up");
	tap_is(worker_end(worker, SIGTERM), 0, "%s: the worker ends", account_hook);
	fclose(log);
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
		test_not_entered(hooks[i]);
		test_removal(hooks[i]);
	}
	return tap_done();
}
