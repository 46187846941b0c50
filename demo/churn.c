// SPDX-License-Identifier: GPL-2.0-only
/*
 * churn SECONDS RATE - rearrange the demo's stack, at most RATE changes a second, under load
 *
 * Prints JSON: how many changes of each kind were made, and how long the calls took.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <lana/lana.h>

enum verb { BIND, SET, REPLACE, REPLACE_DROP, ADD, UNBIND, REMOVE };

static const char *const verb_names[] = {
	[BIND] = "bind",       [SET] = "set filter",
	[REPLACE] = "replace", [REPLACE_DROP] = "replace drop-state",
	[ADD] = "add",	       [UNBIND] = "unbind",
	[REMOVE] = "rm",
};

struct step {
	enum verb verb;
	const char *block;
	const char *object; /* the lower block, a type, or an option */
	const char *port;
};

/*
 * A turn of each leaves the stack as it was; demo.sh draws the picture. Calls that discard code
 * or counts return when no packet can be in there any more, which takes the kernel milliseconds,
 * so the quick ones have many turns for each of theirs.
 */
/* clang-format off */
static const struct step quick[] = {
	{ BIND,         "n4b",    "v4",           "match" },
	{ REPLACE,      "n4b",    "wire_counter", NULL }, /* goes on from where counter was */
	{ REPLACE,      "n4b",    "counter",      NULL },
	{ BIND,         "n4",     "v4",           "match" },
};

/* The expressions say the same in other words, so that the sums are known. */
static const struct step slow[] = {
	{ SET,          "v4",     "expr=ether[12:2] = 0x800 and not arp", NULL },
	{ SET,          "arp",    "expr=not (ip or ip6)", NULL },
	{ REPLACE_DROP, "way",    "counter",      NULL },
	{ ADD,          "guest",  "counter",      NULL },
	{ BIND,         "way",    "guest",        NULL },
	{ BIND,         "guest",  "look",         "1" },
	{ BIND,         "way",    "look",         "1" },
	{ UNBIND,       "way",    "guest",        NULL },
	{ REMOVE,       "guest",  NULL,           NULL },
	{ REPLACE_DROP, "way",    "forward",      NULL }, /* has no place for counts */
	{ SET,          "v4",     "expr=ip",      NULL },
	{ SET,          "arp",    "expr=arp",     NULL },
};
/* clang-format on */

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define QUICK	      (25 * LENGTH(quick))

static const struct step *step_of(size_t change)
{
	size_t n = change % (QUICK + LENGTH(slow));

	return n < QUICK ? &quick[n % LENGTH(quick)] : &slow[n - QUICK];
}

static int take_step(struct lana_stack *stack, const struct step *step, struct lana_error *error)
{
	struct lana_bind_options bind = { .port = step->port, .ingress = true };
	const char *options[] = { step->object, NULL };

	switch (step->verb) {
	case BIND:
		return lana_bind(stack, step->block, step->object, &bind, error);
	case UNBIND:
		return lana_unbind(stack, step->block, step->object, &bind, error);
	case SET:
		return lana_block_set(stack, step->block, options, error);
	case REPLACE:
	case REPLACE_DROP:
		return lana_block_replace(stack, step->block, step->object, NULL,
					  step->verb == REPLACE_DROP, error);
	case ADD:
		return lana_block_add(stack, step->block, step->object, NULL, error);
	case REMOVE:
		return lana_block_rm(stack, step->block, error);
	}
	return -EINVAL;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void sleep_until(double when)
{
	struct timespec t = { .tv_sec = when };

	t.tv_nsec = (when - t.tv_sec) * 1e9;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
		;
}

struct change {
	enum verb verb;
	double took; /* µs */
};

static int by_verb_and_time(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	if (x->verb != y->verb)
		return (int)x->verb - (int)y->verb;
	return (x->took > y->took) - (x->took < y->took);
}

static void print(struct change *changes, size_t count)
{
	size_t begin, end;

	qsort(changes, count, sizeof(*changes), by_verb_and_time);
	putchar('[');
	for (begin = 0; begin < count; begin = end) {
		enum verb verb = changes[begin].verb;

		for (end = begin; end < count && changes[end].verb == verb; end++)
			;
		printf("%s{\"change\":\"%s\",\"times\":%zu,\"p50_us\":%.0f,\"p99_us\":%.0f}",
		       begin ? "," : "", verb_names[verb], end - begin,
		       changes[begin + (end - begin - 1) / 2].took,
		       changes[begin + (end - begin - 1) * 99 / 100].took);
	}
	puts("]");
}

static int churn(struct lana_stack *stack, double seconds, double rate, struct change *changes)
{
	struct lana_error error = {};
	double begin = now(), start;
	size_t count;

	for (count = 0; count < seconds * rate && now() < begin + seconds; count++) {
		const struct step *step = step_of(count);

		sleep_until(begin + count / rate);
		start = now();
		if (take_step(stack, step, &error)) {
			fprintf(stderr, "churn: %s %s: %s\n", verb_names[step->verb], step->block,
				error.text);
			return 1;
		}
		changes[count] = (struct change){ step->verb, (now() - start) * 1e6 };
	}
	print(changes, count);
	return 0;
}

int main(int argc, char **argv)
{
	struct lana_stack_options options = {};
	struct change *changes;
	struct lana_stack *stack;
	struct lana_error error;
	double seconds, rate;
	int status;

	if (argc != 3) {
		fputs("usage: churn SECONDS RATE\n", stderr);
		return 2;
	}
	seconds = atof(argv[1]);
	rate = atof(argv[2]);

	if (lana_stack_open(&options, &stack, &error)) {
		fprintf(stderr, "churn: %s\n", error.text);
		return 1;
	}
	changes = calloc(seconds * rate + 1, sizeof(*changes));
	status = changes ? churn(stack, seconds, rate, changes) : 1;
	free(changes);
	lana_stack_close(stack);
	return status;
}
