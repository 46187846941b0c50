// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_vlinks_faults - tagged links are there or not, whatever fails and whoever is killed
 *
 *	  lab
 *	+----------------------+
 *	|  c0 --- c1   (links) |
 *	+----------------------+
 *
 * strace lets the n-th system call of a kind that lanactl makes fail, for one n after the other;
 * and lanactl is killed at its n-th system call of any kind. A command that says that it was
 * refused must have changed nothing. After a kill the next command must have made the stack as it
 * was before or as it should be: no device, no program and no record may stay behind.
 * FAULTS_SEED repeats a run, FAULTS_ALL=1 leaves no n out, FAULTS_VERBOSE=1 shows stacks.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "inspect.h"
#include "tap.h"
#include "topology.h"
#include "traced.h"
#include "victim.h"

#define STACK "default"

static const char file[] = "vlinks:\n"
			   "  v7: { carrier: c0, id: 7, netns: lab }\n"
			   "  w: { carrier: v7, id: 1, netns: lab }\n"
			   "hooks:\n"
			   "  v7: { hook: tc, netns: lab }\n"
			   "blocks:\n"
			   "  keep: forward\n"
			   "  c: counter\n"
			   "bind:\n"
			   "  - v7 -> c\n";

static const char nothing[] = "blocks:\n"
			      "  keep: forward\n";

/* Commands, each with one that leads there. */
static const struct scenario {
	const char *command, *prepare;
} scenarios[] = {
	{ "-n lab vlink add v7 c0 7", NULL },
	{ "vlink rm v7", "-n lab vlink add v7 c0 7" },
	{ "apply <file>", NULL },
	{ "apply <nothing>", "apply <file>" },
};

/* Kinds of system calls; about so many of each command are tried. */
static const struct kind {
	const char *call, *error;
	unsigned int tries;
} kinds[] = {
	{ "bpf", "ENOMEM", 4 },	      { "sendmsg", "ENOMEM", 4 }, { "recvmsg", "ENOMEM", 2 },
	{ "openat", "EMFILE", 2 },    { "mmap", "ENOMEM", 2 },	  { "socket", "EMFILE", 2 },
	{ "mkdir", "ENOSPC", 2 },     { "unlink", "EPERM", 3 },	  { "setns", "EPERM", 2 },
	{ "getrandom", "EAGAIN", 2 },
};

static unsigned int seed;
static bool all;

static void must(const char *command)
{
	struct outcome outcome = traced_run(command, NULL, NULL);

	if (outcome.status)
		tap_bail("lanactl %s: %s", command, outcome.said);
}

static void write_file(const char *name, const char *text)
{
	FILE *out = fopen(traced_file(name), "we");

	if (!out || fputs(text, out) < 0 || fclose(out))
		tap_bail("no file %s: %s", name, strerror(errno));
}

/* ---- what there is -------------------------------------------------------------------------- */

/* Devices, what stands at the carrier, pins, and the stack as a file. The caller frees it. */
static char *look(void)
{
	const char *path = traced_file("look");
	char *text = NULL;
	size_t size = 0;
	FILE *in;

	/* Of other ends' names the carrier's number is left out: it is another each time. */
	topology_run("exec >%s; ip -n lab -o link show | awk '{ print $2, $3 }' | "
		     "sed 's/@[^:]*//; s/^\\(.ac..\\)[.][^:]*/\\1/'; "
		     "nsenter --net=/run/netns/lab bpftool net show dev c0 | "
		     "grep -o 'ingress vlink[a-z_]*'; ls %s/lana/" STACK
		     "/vlinks 2>/dev/null; %s export 2>/dev/null",
		     path, topology_bpffs(), inspect_lanactl());
	in = fopen(path, "re");
	if (!in || getdelim(&text, &size, 0, in) < 0)
		tap_bail("nothing to look at");
	fclose(in);
	return text;
}

static int faults(void)
{
	const struct lana_stack_options options = { .name = STACK, .bpffs = topology_bpffs() };
	struct lana_error error = {};
	struct lana_stack *stack;
	int count, err = lana_stack_open(&options, &stack, &error);

	if (err)
		tap_bail("%s", error.text);
	count = inspect_faults(stack);
	lana_stack_close(stack);
	return count;
}

/* ---- one fault ------------------------------------------------------------------------------ */

static bool is_line(const char *text)
{
	const char *end = strchr(text, '\n');

	return !strncmp(text, "lanactl: ", 9) && end && end > text + 9 && !end[1];
}

/* NULL, or what is wrong. */
static const char *judge(const struct outcome *outcome, bool old, bool new)
{
	if (outcome->status == -SIGKILL)
		return old || new ? NULL : "killed, and something between is left";
	if (outcome->status != 0 && outcome->status != 1)
		return "another status than 0 and 1";
	if (outcome->status ? !is_line(outcome->said) : *outcome->said)
		return "not one line was said";
	if (!outcome->status)
		return new ? NULL : "done, and it is not as it should be";
	if (strstr(outcome->said, "was begun"))
		return old || new ? NULL : "begun, and the next one leaves it so";
	return old ? NULL : "refused, and it is not as before";
}

static void reset(const struct scenario *scenario)
{
	must("apply <nothing>");
	if (scenario->prepare)
		must(scenario->prepare);
}

struct looks {
	char *before, *wanted;
};

/* Who comes next finds what an outcome has left. Returns 1 if something is wrong. */
static unsigned int examine(const struct scenario *scenario, struct outcome *outcome,
			    const char *what, const struct looks *looks)
{
	int left = faults();
	char *after = look();
	const char *wrong =
		judge(outcome, !strcmp(after, looks->before), !strcmp(after, looks->wanted));

	if (left)
		wrong = "the stack is not sound";
	if (wrong) {
		outcome->said[strcspn(outcome->said, "\n")] = 0;
		tap_note("%s; %s: %s (status %d: %s)", scenario->command, what, wrong,
			 outcome->status, outcome->said);
		if (getenv("FAULTS_VERBOSE"))
			fprintf(stderr, "--- before\n%s--- after\n%s--- wanted\n%s", looks->before,
				after, looks->wanted);
	}
	if (strcmp(after, looks->before))
		reset(scenario);
	free(after);
	return wrong != NULL;
}

static unsigned int fail(const struct scenario *scenario, const struct kind *kind,
			 const struct looks *looks, unsigned int *met)
{
	size_t first = traced_run("--version", kind->call, NULL).calls + 1;
	size_t calls = traced_run(scenario->command, kind->call, NULL).calls;
	size_t step = all ? 1 : (calls - first + 1) / kind->tries + 1;
	unsigned int wrong = 0;

	reset(scenario);
	for (size_t n = first + (all ? 0 : rand_r(&seed) % step); n <= calls; n += step) {
		struct outcome outcome;
		char inject[64], what[128];

		snprintf(inject, sizeof(inject), "error=%s:when=%zu%s", kind->error, n,
			 rand_r(&seed) & 64 ? "+" : "");
		snprintf(what, sizeof(what), "%s %s", kind->call, inject);
		outcome = traced_run(scenario->command, kind->call, inject);
		*met += outcome.injected;
		wrong += examine(scenario, &outcome, what, looks);
	}
	return wrong;
}

/* ---- one kill -------------------------------------------------------------------------------- */

static const char *doomed; /* command */

static void run_doomed(void *state, unsigned int n)
{
	char text[128], *rest = text, *words[16] = { (char *)inspect_lanactl() };
	int count = 1;

	(void)state, (void)n;
	snprintf(text, sizeof(text), "%s", doomed);
	while (count < 15 && (words[count] = strsep(&rest, " "))) {
		if (*words[count] == '<')
			words[count] = (char *)traced_file(strtok(words[count], "<>"));
		count++;
	}
	dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
	execv(words[0], words);
	_exit(127);
}

/* Let lanactl go to its n-th stop at a system call, and no further. How many there were. */
static size_t run_to(const char *command, size_t n, int *status)
{
	const struct victim victim = { .work = run_doomed };

	doomed = command;
	return victim_run_to(&victim, n, NULL, status);
}

#define KILLS 8

static unsigned int kill_all(const struct scenario *scenario, const struct looks *looks,
			     unsigned int *met)
{
	size_t stops, first, step;
	unsigned int wrong = 0;
	int status;

	first = run_to("--version", SIZE_MAX, &status) * 9 / 10;
	stops = run_to(scenario->command, SIZE_MAX, &status);
	step = all ? 1 : (stops - first) / KILLS + 1;
	reset(scenario);
	for (size_t n = first + (all ? 0 : rand_r(&seed) % step); n < stops; n += step) {
		struct outcome outcome = {};
		char what[64];

		run_to(scenario->command, n, &status);
		outcome.status = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
		*met += outcome.status == -SIGKILL;
		snprintf(what, sizeof(what), "killed at %zu of %zu", n, stops);
		wrong += examine(scenario, &outcome, what, looks);
	}
	return wrong;
}

static void try_command(const struct scenario *scenario)
{
	unsigned int wrong = 0, met = 0;
	struct looks looks;

	if (scenario->prepare)
		must(scenario->prepare);
	looks.before = look();
	must(scenario->command);
	looks.wanted = look();
	reset(scenario);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		wrong += fail(scenario, &kinds[i], &looks, &met);
	tap_ok(!wrong && met, "%s: %u system calls fail", scenario->command, met);
	met = 0;
	wrong = kill_all(scenario, &looks, &met);
	tap_ok(!wrong && met > KILLS / 2, "%s: %u kills", scenario->command, met);
	must("apply <nothing>");
	free(looks.before);
	free(looks.wanted);
}

int main(void)
{
	const char *wanted = getenv("FAULTS_SEED");
	char *before, *after;

	seed = wanted ? strtoul(wanted, NULL, 0) : (unsigned int)time(NULL);
	all = getenv("FAULTS_ALL");
	tap_note("FAULTS_SEED=%u", seed);
	topology_begin();
	if (!traced_works())
		tap_skip_all("no strace, or it may not trace here");
	setenv("LANA_BPFFS", topology_bpffs(), 1);
	topology_netns("lab");
	topology_veth("lab", "c0", "lab", "c1");
	write_file("file", file);
	write_file("nothing", nothing);

	must("apply <nothing>");
	before = look();
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		try_command(&scenarios[i]);
	after = look();
	tap_is_text(after, before, "nothing is left");
	free(before);
	free(after);
	return tap_done();
}
