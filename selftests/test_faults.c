// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_faults - whatever the kernel refuses in the middle of a command, the stack is as before or
 * as wanted
 *
 *	  sender       middle                                          checker
 *	+--------+   +---------------------------------------------+   +--------+
 *	|     g0 |---| m0 -> entry -> split -> a0 … a5 … exit -> m1 |---| c0     |
 *	+--------+   |   side, x0, x1                              |   +--------+
 *	             +---------------------------------------------+
 *
 * strace lets the n-th system call of a kind that lanactl makes fail, for one n after the other:
 * that call alone, or all from there on, as when memory has run out. A command that says that it
 * was refused must have changed nothing; one that says that its change was begun must have it
 * finished by whoever comes next, or by the one behind him, as he meets a fault, too. Nothing else
 * may be said, and nothing may stay behind. Frames pass all the while, and none may be lost.
 *
 * FAULTS_SEED repeats a run, FAULTS_ALL=1 leaves no n out, which takes a quarter of an hour.
 * FAULTS_ONLY=WORDS takes the commands with these words in them, FAULTS_CALL=CALL one kind of
 * system call; FAULTS_VERBOSE=1 shows stacks.
 */
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"
#include "inspect.h"
#include "tap.h"
#include "topology.h"
#include "traced.h"
#include "trickle.h"

#define STACK	   FAULTS_STACK
#define STRIDE_MAX 40 /* calls between two that fail, on average at most */

static unsigned int seed;
static bool all;

/* ---- lanactl ---------------------------------------------------------------------------- */

static void must(const char *command)
{
	struct outcome outcome = traced_run(command, NULL, NULL);

	if (outcome.status)
		tap_bail("lanactl %s: %s", command, outcome.said);
}

/* ---- what there is ------------------------------------------------------------------------ */

/* Kinds of pins that belong to something that the user can name. */
static const char *const pin_kinds[] = { "/types/", "/state/", "/links/", "/shared/", "/filters/" };

#define PIN_KINDS (sizeof(pin_kinds) / sizeof(pin_kinds[0]))

static unsigned int pins[PIN_KINDS];

static int count_pin(const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)info, (void)where;
	for (size_t i = 0; type == FTW_F && i < PIN_KINDS; i++)
		pins[i] += strstr(path, pin_kinds[i]) != NULL;
	return 0;
}

static struct lana_stack *open_stack(const char *name)
{
	const struct lana_stack_options options = { .name = name, .bpffs = topology_bpffs() };
	struct lana_error error = {};
	struct lana_stack *stack;
	int err = lana_stack_open(&options, &stack, &error);

	if (err && err != -ENOENT)
		tap_bail("%s", error.text);
	return err ? NULL : stack;
}

/* A stack as text: what it is, and how much of each kind is pinned for it. Caller frees. */
struct look {
	char *text;
	uint32_t generation;
	int faults;
};

static void write_stack(FILE *out, struct lana_stack *stack, struct look *look)
{
	struct lana_error error = {};
	char *text;

	look->faults = inspect_faults(stack);
	look->generation = lana_stack_generation(stack);
	text = inspect_stack(stack);
	fputs(text, out);
	free(text);
	if (lana_export(stack, &text, &error))
		tap_bail("%s", error.text);
	fputs(text, out);
	free(text);
	lana_stack_close(stack);
}

static struct look look_at(const char *name)
{
	struct lana_stack *stack = open_stack(name);
	struct look look = {};
	char folder[PATH_MAX];
	size_t size;
	FILE *out = open_memstream(&look.text, &size);

	if (!out)
		tap_bail("out of memory");
	if (stack)
		write_stack(out, stack, &look);
	else
		fprintf(out, "no stack; %s\n", leftovers_pinned(name) ? "pins" : "no pins");
	memset(pins, 0, sizeof(pins));
	snprintf(folder, sizeof(folder), "%s/lana/%s", topology_bpffs(), name);
	nftw(folder, count_pin, 16, FTW_PHYS);
	for (size_t i = 0; i < PIN_KINDS; i++)
		fprintf(out, "%s %u\n", pin_kinds[i], pins[i]);
	fclose(out);
	return look;
}

/* ---- one fault ---------------------------------------------------------------------------- */

struct tally {
	unsigned int faults, refused, begun, done;
	unsigned int wrong;
};

static bool is_line(const char *text)
{
	const char *end = strchr(text, '\n');

	return !strncmp(text, "lanactl: ", 9) && end && end > text + 9 && !end[1];
}

/* NULL, or what is wrong with what a command that met a fault has left. */
static const char *judge(const struct outcome *outcome, const struct look *before,
			 const struct look *wanted, const struct look *after, bool once, bool busy,
			 struct tally *tally)
{
	bool is_old = !strcmp(before->text, after->text);
	bool is_new = !strcmp(wanted->text, after->text);

	if (outcome->status != 0 && outcome->status != 1)
		return "another status than 0 and 1";
	if (outcome->status ? !is_line(outcome->said) : *outcome->said)
		return "not one line was said";
	if (after->faults)
		return "the stack is not sound";
	if (!outcome->status) {
		tally->done++;
		return is_new ? NULL : "done, and the stack is not as it should be";
	}
	if (strstr(outcome->said, "takes it back")) {
		tally->begun++;
		return is_old ? NULL : "begun, and not taken back by the next one";
	}
	if (strstr(outcome->said, "was begun")) {
		tally->begun++;
		return is_new ? NULL : "begun, and not finished by the next one";
	}
	tally->refused++;
	if (!is_old)
		return "refused, and the stack is not as before";
	if (once && before->generation != after->generation)
		return "refused, and the generation is another";
	return once && busy ? "refused, and the next one has to tidy up" : NULL;
}

/* The stack as the scenario finds it. */
static void restore(const struct faults_scenario *scenario)
{
	static const char *const guests[] = { "tally", "recall", "swap_mac" };
	struct lana_error error = {};
	struct lana_stack *stack;

	if (strcmp(scenario->stack, STACK)) {
		stack = open_stack(scenario->stack);
		if (stack && lana_stack_flush(stack, &error))
			tap_bail("flush: %s", error.text);
		lana_stack_close(stack);
	} else {
		stack = open_stack(STACK);
		if (lana_stack_fuse(stack, true, &error) ||
		    lana_apply(stack, faults_base, strlen(faults_base),
			       &(struct lana_apply_options){ .drop_state = true }, NULL, &error))
			tap_bail("%s", error.text);
		for (size_t i = 0; i < sizeof(guests) / sizeof(guests[0]); i++)
			lana_type_unload(stack, guests[i], NULL);
		lana_stack_close(stack);
	}
	if (scenario->prepare)
		must(scenario->prepare);
}

static void free_look(struct look *look)
{
	free(look->text);
	look->text = NULL;
}

/* Who is to finish what was begun meets a fault as well; the one behind him has to do it, then. */
static const char *disturb_next(const struct faults_scenario *scenario, const char *call)
{
	char command[64], inject[64];
	struct outcome outcome;

	snprintf(command, sizeof(command), "-s %s show", scenario->stack);
	snprintf(inject, sizeof(inject), "error=ENOMEM:when=%u+", 1 + rand_r(&seed) % 80);
	outcome = traced_run(command, call, inject);
	if (outcome.status != 0 && outcome.status != 1)
		return "the next one ends with another status than 0 and 1";
	return outcome.status && !is_line(outcome.said) ? "the next one does not say one line"
							: NULL;
}

/* Let calls fail from the n-th on, or that one alone. */
static void fail(const struct faults_scenario *scenario, const char *call, const char *error,
		 size_t n, bool once, const struct look *wanted, struct look *before,
		 struct tally *tally)
{
	struct outcome outcome;
	struct look after;
	const char *wrong;
	char inject[64];
	bool busy;

	snprintf(inject, sizeof(inject), "error=%s:when=%zu%s", error, n, once ? "" : "+");
	outcome = traced_run(scenario->command, call, inject);
	busy = access(traced_file("bpf/lana/default/registry"), F_OK) ? false
								      : inspect_journal(STACK).busy;
	wrong = busy && outcome.injected ? disturb_next(scenario, "bpf") : NULL;
	after = look_at(scenario->stack);
	tally->faults++;
	if (!wrong && outcome.injected)
		wrong = judge(&outcome, before, wanted, &after, once, busy, tally);
	if (wrong) {
		tally->wrong++;
		outcome.said[strcspn(outcome.said, "\n")] = 0;
		tap_note("%s; %s %s: %s (status %d: %s)", scenario->command, call, inject, wrong,
			 outcome.status, outcome.said);
		if (getenv("FAULTS_VERBOSE"))
			fprintf(stderr, "--- before %u\n%s--- after %u\n%s--- wanted\n%s",
				before->generation, before->text, after.generation, after.text,
				wanted->text);
	}
	if (strcmp(before->text, after.text) || before->generation != after.generation) {
		free_look(before);
		restore(scenario);
		*before = look_at(scenario->stack);
	}
	free_look(&after);
}

/* ---- all faults of a command ------------------------------------------------------------- */

static const struct kind {
	const char *call;
	const char *errors[3];
	unsigned int tries; /* about so many of its calls, of each command */
	bool needed;	    /* to remove a stack: not if all of them fail */
} kinds[] = {
	{ "bpf", { "ENOSPC", "ENOMEM", "EPERM" }, 14, false },
	{ "openat", { "EMFILE", "ENOMEM", "ENFILE" }, 4, true },
	{ "unlink", { "ENOMEM", "EPERM", "ENOSPC" }, 4, false },
	{ "mkdir", { "ENOSPC", "ENOMEM", "EPERM" }, 2, false },
	{ "rmdir", { "ENOMEM", "EPERM", "ENOSPC" }, 3, false },
	{ "flock", { "ENOLCK", "ENOMEM", "ENOLCK" }, 2, true },
	{ "mmap", { "ENOMEM", "ENOMEM", "ENOMEM" }, 4, false },
};

/*
 * How far on the next n is: so that about as many are tried as the kind wants, each with the same
 * chance.
 */
static size_t stride(const struct kind *kind, size_t calls)
{
	size_t step = calls / kind->tries;

	if (step > STRIDE_MAX)
		step = STRIDE_MAX;
	return all || step < 2 ? 1 : 1 + rand_r(&seed) % (2 * step - 1);
}

static void try_kind(const struct faults_scenario *scenario, const struct kind *kind,
		     const struct look *wanted, struct look *before, struct tally *tally)
{
	/* What any command does, the dynamic linker and the locale, is not lana's. */
	size_t first = traced_run("--version", kind->call, NULL).calls + 1;
	size_t calls = traced_run(scenario->command, kind->call, NULL).calls, turn = 0;
	bool only_once = kind->needed && strcmp(scenario->stack, STACK);

	free_look(before);
	restore(scenario);
	*before = look_at(scenario->stack);
	for (size_t n = first + stride(kind, calls - first + 1) - 1; n <= calls;
	     n += stride(kind, calls - first + 1), turn++)
		for (int once = 1; once >= 0; once--)
			if (only_once ? once : all || once == (int)(rand_r(&seed) >> 8) % 2)
				fail(scenario, kind->call, kind->errors[turn % 3], n, once, wanted,
				     before, tally);
}

/*
 * Programs of the stack once nothing holds on to old ones: removing a block lets go of those in
 * slots that are not used any more. They are freed a little later.
 */
static size_t settled_programs(void)
{
	size_t there, before = 0;

	must("add passing forward");
	must("rm passing");
	for (int same = 0; same < 5; same++) {
		usleep(10000);
		there = inspect_programs(STACK).there;
		if (there != before)
			same = 0;
		before = there;
	}
	return there;
}

static void try_command(const struct faults_scenario *scenario)
{
	const char *only = getenv("FAULTS_ONLY");
	struct look before, wanted;
	struct tally tally = {};
	size_t programs;

	if (only && !strstr(scenario->command, only))
		return;
	restore(scenario);
	must(scenario->command);
	wanted = look_at(scenario->stack);
	restore(scenario);
	programs = settled_programs();
	before = look_at(scenario->stack);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!getenv("FAULTS_CALL") || !strcmp(kinds[i].call, getenv("FAULTS_CALL")))
			try_kind(scenario, &kinds[i], &wanted, &before, &tally);

	tap_note("%s: %u faults: %u refused, %u begun, %u done all the same", scenario->command,
		 tally.faults, tally.refused, tally.begun, tally.done);
	tap_is(tally.wrong, 0, "%s: each fault leaves the stack as before or as wanted",
	       scenario->command);

	must(scenario->command);
	restore(scenario);
	tap_is(settled_programs(), programs, "%s: and no program behind", scenario->command);
	free_look(&before);
	free_look(&wanted);
}

/* ---- around it ------------------------------------------------------------------------------ */

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	if (!file || fputs(text, file) < 0 || fclose(file))
		tap_bail("cannot write %s", path);
}

static void write_files(void)
{
	write_file(traced_file("other"), faults_other);
	write_file("/dev/shm/routes", "hop 1 dev=m1 mac=02:00:00:00:00:01\n"
				      "ipv4 10.0.0.0/8 hop=1\n"
				      "ipv6 2001:db8::/32 hop=1\n");
	write_file("/dev/shm/rules", "drop to 10.0.0.0/8 state new\naccept proto tcp\n");
}

static void build(void)
{
	struct lana_stack_options options = { .bpffs = topology_bpffs(), .create = true };
	struct lana_error error = {};
	struct lana_stack *stack;

	options.types = getenv("LANA_TYPES");
	if (lana_stack_open(&options, &stack, &error) ||
	    lana_apply(stack, faults_base, strlen(faults_base), NULL, NULL, &error))
		tap_bail("%s", error.text);
	lana_stack_close(stack);
}

/* ---- around it ------------------------------------------------------------------------------ */

static void set_types(void)
{
	char path[2 * PATH_MAX + 64];
	size_t length = snprintf(path, sizeof(path), "%s:", inspect_build("bpf/blocks"));

	snprintf(path + length, sizeof(path) - length, "%s", inspect_build("selftests/blocks"));
	setenv("LANA_TYPES", path, 1);
}

int main(void)
{
	struct leftovers *left;

	seed = getenv("FAULTS_SEED") ? strtoul(getenv("FAULTS_SEED"), NULL, 10)
				     : (unsigned int)time(NULL);
	all = getenv("FAULTS_ALL");
	topology_begin();
	if (!traced_works())
		tap_skip_all("strace is missing, or may not trace");
	tap_note("FAULTS_SEED=%u", seed);

	topology_netns("sender");
	topology_netns("middle");
	topology_netns("checker");
	topology_veth("sender", "g0", "middle", "m0");
	topology_veth("middle", "m1", "checker", "c0");
	topology_veth("middle", "side", "middle", "side_");
	topology_veth("middle", "x0", "middle", "x1");
	set_types();
	write_files();
	build();
	trickle_start("sender", "g0", "checker:c0");

	for (size_t i = 0; faults_scenarios[i].command; i++)
		try_command(&faults_scenarios[i]);

	trickle_end();
	left = leftovers_note(STACK);
	must("flush");
	tap_ok(!leftovers_pinned(STACK), "no pin is left");
	tap_is(leftovers_wait(left), 0, "no map and no program is left");
	return tap_done();
}
