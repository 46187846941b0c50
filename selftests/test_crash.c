// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_crash - a writer that is killed at any instant leaves a stack that runs and is consistent
 *
 *	  sender       middle                                          checker
 *	+--------+   +---------------------------------------------+   +--------+
 *	|     g0 |---| m0 -> entry -> left/right -> exit, pick, m1 |---| c0     |
 *	+--------+   |                                             |   +--------+
 *	             |   x0 ----- x1    spare                      |
 *	             +---------------------------------------------+
 *
 * Traffic flows at full speed all the time. Twice CRASH_KILLS times (200 if not set) a writer is
 * killed by SIGKILL: first lanactl, at an instant spread evenly over its usual run time; then a
 * process that does nothing but change the stack by liblana, which is hit inside its changes far
 * more often. After each kill the stack is checked, it is as before or as wanted and nothing
 * between, and a further change works. No frame may be lost, duplicated or reordered by any of
 * it. CRASH_SEED repeats a run, as far as the scheduler lets it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "inspect.h"
#include "tap.h"
#include "topology.h"
#include "traffic.h"

#define STACK	    "default"
#define WORDS_MAX   16
#define PROGRESS_MS 5000 /* without a frame for so long, traffic stands still */

/*
 * A change, and the change back. What is in <> stands for a file. None unbinds what frames pass,
 * so none may lose any.
 */
static const struct change {
	const char *name, *there, *back;
} changes[] = {
	{ "add and rm", "add spare ttl reserve=7", "rm spare" },
	{ "set", "set exit value=7", "set exit value=0" },
	{ "set of a filter", "set pick expr=ip", "set pick code=1,6,0,0,1" },
	{ "bind", "bind right entry ingress", "bind left entry ingress" },
	{ "branch", "bind aside copy port 1 ingress", "unbind aside copy port 1 ingress" },
	{ "replace", "replace left counter drop-state", "replace left forward drop-state" },
	{ "load", "load <ttl1>", "load <ttl2>" },
	{ "hook and unhook", "-n middle vlink hook x0", "vlink unhook x0" },
};

#define CHANGES_COUNT (sizeof(changes) / sizeof(changes[0]))

static unsigned int kills = 200;
static unsigned int seed;
static struct traffic *traffic;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void pause_for(double seconds)
{
	struct timespec time = { .tv_sec = seconds, .tv_nsec = (seconds - (long)seconds) * 1e9 };

	nanosleep(&time, NULL);
}

/* Even over [0, 1). */
static double chance(void)
{
	return rand_r(&seed) / (RAND_MAX + 1.0);
}

/* ---- lanactl ------------------------------------------------------------------------------ */

static const char *type_file(const char *word)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%.*s.bpf.o", topology_scratch(), (int)strlen(word) - 2,
		 word + 1);
	return path;
}

/* Two objects of one type that differ: a byte behind the end means nothing. */
static void make_types(void)
{
	const char *ttl = inspect_build("bpf/blocks/ttl.bpf.o");

	for (int i = 1; i <= 2; i++)
		if (topology_run("{ cat %s; printf %d; } >%s/ttl%d.bpf.o", ttl, i,
				 topology_scratch(), i))
			tap_bail("no %s", ttl);
}

static pid_t start_lanactl(const char *command)
{
	char text[256], output[PATH_MAX], *words[WORDS_MAX] = { (char *)inspect_lanactl() };
	char *rest = text;
	int count = 1;
	pid_t pid;

	snprintf(output, sizeof(output), "%s/output", topology_scratch());
	snprintf(text, sizeof(text), "%s", command);
	while (count < WORDS_MAX - 1 && (words[count] = strsep(&rest, " ")))
		count++;
	for (int i = 1; i < count; i++)
		if (*words[i] == '<')
			words[i] = (char *)type_file(words[i]);

	pid = tap_fork();
	if (pid)
		return pid;
	dup2(open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
	dup2(STDOUT_FILENO, STDERR_FILENO);
	execv(words[0], words);
	_exit(127);
}

/* Its exit status, or -signal. */
static int await(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			tap_bail("waitpid: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Did it succeed? Says what lanactl said if it did not. */
static bool lanactl(const char *command)
{
	int status = await(start_lanactl(command));
	char path[PATH_MAX], line[512] = "";
	FILE *output;

	if (!status)
		return true;
	snprintf(path, sizeof(path), "%s/output", topology_scratch());
	output = fopen(path, "r");
	if (output && !fgets(line, sizeof(line), output))
		*line = 0;
	if (output)
		fclose(output);
	line[strcspn(line, "\n")] = 0;
	tap_note("lanactl %s: status %d: %s", command, status, line);
	return false;
}

static void must(const char *command)
{
	if (!lanactl(command))
		tap_bail("lanactl %s failed", command);
}

/* ---- the stack under load ------------------------------------------------------------------ */

static struct lana_stack *open_stack(void)
{
	const struct lana_stack_options options = { .name = STACK, .bpffs = topology_bpffs() };
	struct lana_error error = {};
	struct lana_stack *stack;

	if (lana_stack_open(&options, &stack, &error))
		tap_bail("%s", error.text);
	return stack;
}

static void build_stack(void)
{
	static const char *const commands[] = {
		"-n middle vlink hook m0",
		"-n middle vlink hook m1",
		"add entry counter",
		"add left forward",
		"add right forward",
		"add exit mark",
		"add copy tee",
		"add aside counter",
		"bind copy exit ingress",
		"add pick filter expr=udp",
		"bind m1 pick ingress",
		"bind pick copy ingress",
		"bind exit left ingress",
		"bind exit right ingress",
		"bind left entry ingress",
		"bind entry m0 ingress",
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		must(commands[i]);
}

static void start_traffic(void)
{
	/* On one CPU: else a ring overflows while its receiver waits on the other. */
	const struct traffic_options options = {
		.send = "sender:g0", .check = "checker:c0", .pin = true, .cpu = sched_getcpu()
	};
	int err = traffic_open(&options, &traffic);

	if (!err)
		err = traffic_start(traffic);
	if (err)
		tap_bail("no traffic: %s", strerror(-err));
}

/* Do frames still arrive? */
static bool flows(void)
{
	struct traffic_report before, after;
	double end = now() + PROGRESS_MS / 1e3;

	traffic_report(traffic, &before);
	do {
		traffic_report(traffic, &after);
		if (after.received > before.received)
			return true;
		usleep(200);
	} while (now() < end);
	return false;
}

/* ---- a lanactl is killed -------------------------------------------------------------------- */

/* What the kills of one kind met. */
struct tally {
	unsigned int killed, ended, happened, busy, decided;
	unsigned int unsound, torn, stuck, refused;
};

static double usual_time[CHANGES_COUNT];
static bool is_there[CHANGES_COUNT];

static const char *next_command(size_t i)
{
	return is_there[i] ? changes[i].back : changes[i].there;
}

static void measure_changes(void)
{
	for (size_t i = 0; i < CHANGES_COUNT; i++)
		for (int run = 0; run < 6; run++) {
			double start = now();

			must(next_command(i));
			is_there[i] = !is_there[i];
			usual_time[i] += (now() - start) / 6;
		}
}

static char *look(void)
{
	struct lana_stack *stack = open_stack();
	char *text = inspect_stack(stack);

	lana_stack_close(stack);
	return text;
}

/*
 * The stack is as it was, or as it should be. In the first case the change can still be made, in
 * the second it can be undone, and then the stack is as it was.
 */
static void go_on(size_t i, const char *before, struct tally *tally)
{
	char *after = look(), *undone;
	bool happened = strcmp(before, after);

	if (!happened) {
		tally->refused += !lanactl(next_command(i));
		is_there[i] = !is_there[i];
	} else {
		tally->happened++;
		is_there[i] = !is_there[i];
		tally->refused += !lanactl(next_command(i));
		is_there[i] = !is_there[i];
		undone = look();
		if (strcmp(before, undone)) {
			tally->torn++;
			tap_note("%s: before\n%s# after the kill\n%s# undone\n%s", changes[i].name,
				 before, after, undone);
		}
		free(undone);
	}
	free(after);
}

static void kill_once(size_t i, struct tally *tally)
{
	char *before = look();
	struct inspect_journal journal;
	pid_t pid = start_lanactl(next_command(i));

	pause_for(chance() * usual_time[i]);
	kill(pid, SIGKILL);
	if (await(pid) == -SIGKILL)
		tally->killed++;
	else
		tally->ended++;

	journal = inspect_journal(STACK);
	tally->busy += journal.busy;
	tally->decided += journal.pending;
	tally->stuck += !flows();
	tally->unsound += !lanactl("check");
	go_on(i, before, tally);
	free(before);
}

static void report(const char *who, const struct tally *tally)
{
	tap_note("%s: %u killed at work, %u ended before; the change had happened %u times; "
		 "recovery had work %u times, %u of them a decided change",
		 who, tally->killed, tally->ended, tally->happened, tally->busy, tally->decided);
}

static void test_lanactl(void)
{
	struct tally sum = {};

	measure_changes();
	for (unsigned int n = 0; n < kills && sum.stuck < 3; n++)
		kill_once(n % CHANGES_COUNT, &sum);

	report("lanactl", &sum);
	tap_ok(sum.killed >= kills / 3, "lanactl was killed while it worked");
	tap_is(sum.stuck, 0, "traffic went on after each kill");
	tap_is(sum.unsound, 0, "the next lanactl finds the stack consistent");
	tap_is(sum.torn, 0, "a change happens wholly or not at all");
	tap_is(sum.refused, 0, "the next change works");
}

/* ---- a process inside liblana is killed ----------------------------------------------------- */

#define LIGHT 5 /* the first changes are done at once */
#define ALL   7 /* the others wait until no program runs that uses what they free */

static int change_once(struct lana_stack *stack, unsigned int which, unsigned int value,
		       struct lana_error *error)
{
	static const struct lana_bind_options ingress = { .ingress = true };
	char option[32];
	const char *options[] = { option, NULL };

	snprintf(option, sizeof(option), "value=%u", value);
	switch (which) {
	case 0:
		return lana_bind(stack, "right", "entry", &ingress, error);
	case 1:
		return lana_block_set(stack, "exit", options, error);
	case 2:
		return lana_bind(stack, "left", "entry", &ingress, error);
	case 3:
		return lana_block_replace(stack, "entry", "counter", NULL, false, error);
	case 4:
		snprintf(option, sizeof(option), "expr=udp or port %u", value % 50000);
		return lana_block_set(stack, "pick", options, error);
	case 5:
		return lana_block_replace(stack, "left", "counter", NULL, true, error);
	default:
		return lana_block_replace(stack, "left", "forward", NULL, true, error);
	}
}

/* Change the stack for ever; a byte to ready says when types are loaded and it goes fast. */
static void change_for_ever(unsigned int kinds, int ready)
{
	struct lana_stack *stack = open_stack();
	struct lana_error error = {};

	for (unsigned int n = 0;; n++) {
		if (change_once(stack, n % kinds, n, &error)) {
			fprintf(stderr, "# a change is refused: %s\n", error.text);
			_exit(1);
		}
		if (n == ALL && write(ready, "", 1) != 1)
			_exit(1);
	}
}

static bool kill_changer(unsigned int kinds, double delay)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		tap_bail("no pipe");
	pid = tap_fork();
	if (!pid)
		change_for_ever(kinds, ready[1]);
	close(ready[1]);
	if (read(ready[0], &byte, 1) == 1)
		pause_for(delay);
	kill(pid, SIGKILL);
	close(ready[0]);
	return await(pid) == -SIGKILL;
}

static void test_liblana(void)
{
	struct lana_stack *stack = open_stack(); /* one that lives through all the kills */
	struct lana_error error = {};
	struct tally sum = {};

	for (unsigned int n = 0; n < kills && sum.stuck < 3; n++) {
		uint32_t generation = lana_stack_generation(stack);
		struct inspect_journal journal;

		if (kill_changer(n % 2 ? LIGHT : ALL, chance() * 5e-3))
			sum.killed++;
		else
			sum.ended++;
		journal = inspect_journal(STACK);
		sum.busy += journal.busy;
		sum.decided += journal.pending;
		sum.stuck += !flows();
		sum.unsound += inspect_faults(stack) != 0;
		sum.happened += lana_stack_generation(stack) != generation;
		if (change_once(stack, n % ALL, n, &error)) {
			tap_note("%s", error.text);
			sum.refused++;
		}
	}
	lana_stack_close(stack);

	report("liblana", &sum);
	tap_is(sum.ended, 0, "no process inside liblana ended before it was killed");
	tap_ok(sum.busy > 0, "some of them in the middle of a change");
	tap_is(sum.stuck, 0, "traffic went on after each kill");
	tap_is(sum.unsound, 0, "a handle that was open before finds the stack consistent");
	tap_is(sum.refused, 0, "and changes it further");
}

/* ---- the end ------------------------------------------------------------------------------- */

static void test_traffic(void)
{
	struct traffic_report r = {};

	tap_is(traffic_stop(traffic), 0, "the sender ran all the time");
	traffic_report(traffic, &r);
	tap_note("sent %lu, received %lu in %.1f s, %.2f Mpps; damaged %lu, foreign %lu", r.sent,
		 r.received, r.seconds, r.sent / r.seconds / 1e6, r.corrupt, r.foreign);
	tap_is(r.lost, 0, "nothing was lost");
	tap_is(r.duplicated, 0, "nothing came twice");
	tap_is(r.reordered, 0, "nothing overtook");
	traffic_close(traffic);
}

/* Programs go some time after their last user: wait for the number. */
static void test_programs(void)
{
	struct inspect_programs programs = inspect_programs(STACK);

	for (int i = 0; i < 500 && programs.there != programs.wanted; i++) {
		usleep(20000);
		programs = inspect_programs(STACK);
	}
	tap_is(programs.there, programs.wanted, "no program stayed behind in the tables");
}

int main(void)
{
	struct leftovers *left;

	if (getenv("CRASH_KILLS"))
		kills = strtoul(getenv("CRASH_KILLS"), NULL, 10);
	seed = getenv("CRASH_SEED") ? strtoul(getenv("CRASH_SEED"), NULL, 10)
				    : (unsigned int)time(NULL);
	topology_begin();
	tap_note("CRASH_SEED=%u CRASH_KILLS=%u", seed, kills);
	prctl(PR_SET_TIMERSLACK, 1);

	topology_netns("sender");
	topology_netns("middle");
	topology_netns("checker");
	topology_veth("sender", "g0", "middle", "m0");
	topology_veth("middle", "m1", "checker", "c0");
	topology_veth("middle", "x0", "middle", "x1");
	make_types();
	build_stack();
	start_traffic();

	test_lanactl();
	test_liblana();
	test_traffic();

	tap_ok(lanactl("check"), "the stack is consistent in the end");
	test_programs();
	left = leftovers_note(STACK);
	tap_ok(lanactl("flush"), "the stack is flushed");
	tap_ok(!leftovers_pinned(STACK), "no pin is left");
	tap_is(leftovers_wait(left), 0, "no map and no program is left");
	return tap_done();
}
