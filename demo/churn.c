// SPDX-License-Identifier: GPL-2.0-only
/*
 * churn SECONDS RATE - rearrange the demo's stack, RATE changes a second, while traffic flows
 *
 * Prints one JSON object: how many changes of each kind, and how long the calls took.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lana/lana.h>

enum verb { BIND, UNBIND, REPLACE, ADD, REMOVE, VERBS };

static const char *const verb_names[] = {
	[BIND] = "bind", [UNBIND] = "unbind", [REPLACE] = "replace", [ADD] = "add", [REMOVE] = "rm",
};

struct step {
	enum verb verb;
	const char *block;
	const char *object; /* the lower block, or a type */
	const char *port;
};

/* One round; it ends with the stack as it began. demo.sh draws the picture. */
/* clang-format off */
static const struct step steps[] = {
	{ BIND,    "n4b",    "split",   "match" },
	{ REPLACE, "way",    "counter", NULL },
	{ BIND,    "n4a",    "split",   "match" },
	{ REPLACE, "way",    "forward", NULL },
	{ REPLACE, "n4a",    "counter", NULL }, /* goes on counting from where it was */
	{ ADD,     "guest",  "counter", NULL },
	{ BIND,    "way",    "guest",   NULL },
	{ BIND,    "guest",  "nother",  NULL },
	{ BIND,    "way",    "nother",  NULL },
	{ UNBIND,  "way",    "guest",   NULL },
	{ REMOVE,  "guest",  NULL,      NULL },
};
/* clang-format on */

#define STEPS (sizeof(steps) / sizeof(steps[0]))

static int take_step(struct lana_stack *stack, const struct step *step, struct lana_error *error)
{
	struct lana_bind_options bind = { .port = step->port, .ingress = true };
	bool drop_state = !strcmp(step->block, "way"); /* a forward has nowhere to keep counts */

	switch (step->verb) {
	case BIND:
		return lana_bind(stack, step->block, step->object, &bind, error);
	case UNBIND:
		return lana_unbind(stack, step->block, step->object, &bind, error);
	case REPLACE:
		return lana_block_replace(stack, step->block, step->object, NULL, drop_state,
					  error);
	case ADD:
		return lana_block_add(stack, step->block, step->object, NULL, error);
	default:
		return lana_block_rm(stack, step->block, error);
	}
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

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int churn(struct lana_stack *stack, double seconds, double rate)
{
	size_t count = 0, rounds = seconds * rate / STEPS, verbs[VERBS] = {};
	double *took = calloc(rounds * STEPS + 1, sizeof(*took));
	struct lana_error error = {};
	double begin = now();
	int verb;

	if (!took)
		return 1;

	for (; count < rounds * STEPS; count++) {
		const struct step *step = &steps[count % STEPS];
		double start;

		sleep_until(begin + count / rate);
		start = now();
		if (take_step(stack, step, &error)) {
			fprintf(stderr, "churn: %s %s: %s\n", verb_names[step->verb], step->block,
				error.text);
			free(took);
			return 1;
		}
		took[count] = (now() - start) * 1e6;
		verbs[step->verb]++;
	}

	printf("{\"changes\":%zu,\"seconds\":%.3f", count, now() - begin);
	for (verb = 0; verb < VERBS; verb++)
		printf(",\"%s\":%zu", verb_names[verb], verbs[verb]);
	qsort(took, count, sizeof(*took), by_value);
	printf(",\"p50_us\":%.0f,\"p99_us\":%.0f}\n", took[count / 2], took[count * 99 / 100]);
	free(took);
	return 0;
}

int main(int argc, char **argv)
{
	struct lana_stack_options options = {};
	struct lana_stack *stack;
	struct lana_error error;
	int status;

	if (argc != 3) {
		fputs("usage: churn SECONDS RATE\n", stderr);
		return 2;
	}
	if (lana_stack_open(&options, &stack, &error)) {
		fprintf(stderr, "churn: %s\n", error.text);
		return 1;
	}
	status = churn(stack, atof(argv[1]), atof(argv[2]));
	lana_stack_close(stack);
	return status;
}
