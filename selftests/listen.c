// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "inspect.h"
#include "listen.h"
#include "tap.h"

void listen_pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

void listen_send(struct workbench *bench, enum lana_flavour flavour, unsigned int count)
{
	static const unsigned char bytes[64];
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = bytes, .data_size_in = sizeof(bytes),
		    .repeat = count);

	if (bpf_prog_test_run_opts(bench->roots[flavour], &options))
		tap_bail("test run: %s", strerror(errno));
}

unsigned long long listen_count(struct lana_stack *stack, const char *block, const char *name)
{
	unsigned long long value = ~0ULL;
	struct lana_block_stats *stats;
	struct lana_error error = {};
	size_t count;

	if (lana_block_stats(stack, block, &stats, &count, &error))
		tap_bail("%s", error.text);
	for (size_t i = 0; i < stats->path[LANA_INGRESS].own_count; i++)
		if (!strcmp(stats->path[LANA_INGRESS].own[i].name, name))
			value = stats->path[LANA_INGRESS].own[i].value;
	if (!strcmp(name, "published"))
		value = stats->events_published;
	if (!strcmp(name, "suppressed"))
		value = stats->events_suppressed;
	free(stats);
	if (value == ~0ULL)
		tap_bail("'%s' has no counter '%s'", block, name);
	return value;
}

void listen_expect(struct lana_stack *stack, const char *block, const char *name,
		   unsigned long long wanted, const char *what)
{
	tap_is(listen_count(stack, block, name), wanted, "%s: %s has counted %llu %s", what, block,
	       wanted, name);
}

void listen_end(struct lana_stack *stack)
{
	static const char hooks[] = "hooks: { wb1: { netns: bench }, wb2: { netns: bench, "
				    "hook: tc } }";
	struct lana_error error = {};

	tap_is(inspect_faults(stack), 0, "the stack is sound");
	if (lana_apply(stack, hooks, strlen(hooks), NULL, NULL, &error))
		tap_bail("%s", error.text);
}
