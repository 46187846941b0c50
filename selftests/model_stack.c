// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_stack.h"
#include "tap.h"

#define FAULTS_MAX 5 /* that are told */

unsigned int model_below(unsigned int limit)
{
	return random() % limit;
}

void model_must(int err, const struct lana_error *error, const char *what)
{
	if (err)
		tap_bail("%s: %s", what, error && *error->text ? error->text : strerror(-err));
}

void model_fault(struct model_stack *m, const char *what, unsigned long got, unsigned long want)
{
	if (m->faults++ < FAULTS_MAX)
		tap_note("%s: %lu, the model says %lu", what, got, want);
}

static const char *name_of(const struct model_stack *m, char name[LANA_NAME_MAX], int block)
{
	if (block < MODEL_NOWHERE)
		return m->devices[-2 - block];
	snprintf(name, LANA_NAME_MAX, "b%d", block);
	return name;
}

/* ---- what is random ----------------------------------------------------------------------- */

static int random_target(const struct model_stack *m, int from)
{
	unsigned int kind = model_below(20);
	int behind = m->blocks_count - from - 1;

	if (kind < 3)
		return MODEL_NOWHERE;
	if (kind < 6 || behind <= 0)
		return MODEL_DEVICE((int)model_below(m->devices_count));
	if (kind < 14) /* near: long ways, and joins */
		return from + 1 + model_below(behind < 3 ? behind : 3);
	return from + 1 + model_below(behind);
}

static void random_options(const struct model_stack *m, struct model_block *block)
{
	static const unsigned int ethertypes[] = { 0x0800, 0x0806, 0x86dd, 0x1234, 5 };

	for (int i = 0; i < MODEL_OPTIONS_MAX; i++)
		if (block->type->options[i])
			block->options[i] = model_below(block->type->limits[i]);
	if (!strcmp(block->type->name, "ethertype") || !strcmp(block->type->name, "retype"))
		block->options[0] = ethertypes[model_below(m->seen ? 4 : 5)];
	if (!strcmp(block->type->name, "maze"))
		block->options[2] = !model_below(8);
	if (!strcmp(block->type->name, "duplicate"))
		block->options[0] *= 1000000;
}

void model_random_blocks(struct model_stack *m)
{
	for (int i = 0; i < m->blocks_count; i++) {
		random_options(m, &m->blocks[i]);
		for (int path = 0; path < LANA_PATHS; path++)
			for (int port = 0; port < MODEL_PORTS_MAX; port++)
				m->blocks[i].edges[path][port] = random_target(m, i);
	}
}

/* ---- the stack ---------------------------------------------------------------------------- */

static void options_of(const struct model_block *block, char text[MODEL_OPTIONS_MAX][64],
		       const char *words[MODEL_OPTIONS_MAX + 1])
{
	static const char *const modes[] = { "plain", "twice" };
	int count = 0;

	for (int i = 0; i < MODEL_OPTIONS_MAX; i++) {
		const char *name = block->type->options[i];

		if (!name)
			continue;
		if (!strcmp(name, "mode"))
			snprintf(text[i], 64, "mode=%s", modes[block->options[i]]);
		else
			snprintf(text[i], 64, "%s=%u", name, block->options[i]);
		words[count++] = text[i];
	}
	words[count] = NULL;
}

/* commit NULL: at once, and (on false) not bind but unbind. */
static void bind_edge(const struct model_stack *m, struct lana_commit *commit, int from, int path,
		      int port, int to, bool on)
{
	char from_name[LANA_NAME_MAX], to_name[LANA_NAME_MAX], number[16];
	const char *low = name_of(m, from_name, from), *up = name_of(m, to_name, to);
	const char *upper = path == LANA_INGRESS ? up : low, *lower = upper == up ? low : up;
	const struct lana_bind_options options = { .port = number,
						   .ingress = path == LANA_INGRESS,
						   .egress = path == LANA_EGRESS };
	struct lana_error error = {};
	int err;

	snprintf(number, sizeof(number), "%d", port);
	if (commit)
		err = lana_commit_bind(commit, upper, lower, &options);
	else
		err = on ? lana_bind(m->stack, upper, lower, &options, &error)
			 : lana_unbind(m->stack, upper, lower, &options, &error);
	model_must(err, &error, "bind");
}

void model_build(struct model_stack *m, const struct model_entry *entries, size_t count)
{
	const struct lana_commit_options options = {};
	struct lana_commit *commit;
	struct lana_error error = {};
	char name[LANA_NAME_MAX], text[MODEL_OPTIONS_MAX][64];
	const char *words[MODEL_OPTIONS_MAX + 1];

	model_must(lana_commit_begin(m->stack, &commit), NULL, "begin");
	for (int i = 0; i < m->blocks_count; i++) {
		options_of(&m->blocks[i], text, words);
		model_must(lana_commit_add(commit, name_of(m, name, i), m->blocks[i].type->name,
					   words),
			   NULL, "add");
	}
	for (int i = 0; i < m->blocks_count; i++)
		for (int path = 0; path < LANA_PATHS; path++)
			for (int port = 0; port < MODEL_PORTS_MAX; port++) {
				int to = m->blocks[i].edges[path][port];

				if (m->blocks[i].type->ports[port] && to != MODEL_NOWHERE)
					bind_edge(m, commit, i, path, port, to, true);
			}
	for (size_t i = 0; i < count; i++)
		bind_edge(m, commit, MODEL_DEVICE(entries[i].device), entries[i].path, 0,
			  entries[i].first, true);
	model_must(lana_commit_commit(commit, &options, NULL, &error), &error, "the stack");
	lana_commit_free(commit);
}

void model_change_some(struct model_stack *m)
{
	struct lana_error error = {};
	char name[LANA_NAME_MAX], text[MODEL_OPTIONS_MAX][64];
	const char *words[MODEL_OPTIONS_MAX + 1];

	for (int i = 0; i < 6; i++) {
		int from = model_below(m->blocks_count), path = model_below(LANA_PATHS);
		int port = model_below(2), to = random_target(m, from);
		struct model_block *block = &m->blocks[from];
		int before = block->edges[path][port];

		random_options(m, block);
		options_of(block, text, words);
		model_must(lana_block_set(m->stack, name_of(m, name, from), words, &error), &error,
			   "set");
		if (!block->type->ports[port] || to == before)
			continue;
		bind_edge(m, NULL, from, path, port, to == MODEL_NOWHERE ? before : to,
			  to != MODEL_NOWHERE);
		block->edges[path][port] = to;
	}
}

void model_take_down(struct model_stack *m)
{
	char empty[256] = "hooks: {";
	struct lana_error error = {};

	for (int i = 0; i < m->devices_count; i++) {
		size_t length = strlen(empty);

		snprintf(empty + length, sizeof(empty) - length, " %s: ,", m->devices[i]);
	}
	strcat(empty, " }");
	model_must(lana_apply(m->stack, empty, strlen(empty), NULL, NULL, &error), &error, "empty");
}

/* ---- counters ----------------------------------------------------------------------------- */

static uint64_t count_of(const struct lana_count *counts, size_t count, const char *name)
{
	for (size_t i = 0; name && i < count; i++)
		if (!strcmp(counts[i].name, name))
			return counts[i].value;
	return 0;
}

static void compare_count(struct model_stack *m, const char *block, const char *name, uint64_t got,
			  uint64_t want)
{
	char what[100];

	if (got == want)
		return;
	snprintf(what, sizeof(what), "%s: %s", block, name);
	model_fault(m, what, got, want);
}

static void compare_side(struct model_stack *m, const struct model_block *block, const char *name,
			 const struct model_side *side, const struct lana_path_stats *stats)
{
	for (size_t i = 0; i < stats->own_count; i++)
		compare_count(m, name, stats->own[i].name, stats->own[i].value, side->own[i]);
	for (int i = 0; i < LANA_DROPS_MAX; i++)
		compare_count(m, name, model_drops[i],
			      count_of(stats->drops, stats->drops_count, model_drops[i]),
			      side->drops[i]);
	for (int i = 0; i < MODEL_PORTS_MAX && block->type->ports[i]; i++)
		compare_count(m, name, block->type->ports[i],
			      count_of(stats->unbound, stats->unbound_count, block->type->ports[i]),
			      side->unbound[i]);
}

void model_compare_counters(struct model_stack *m)
{
	struct lana_error error = {};

	for (int i = 0; i < m->blocks_count; i++) {
		struct lana_block_stats *stats;
		char name[LANA_NAME_MAX];
		size_t count;

		model_must(lana_block_stats(m->stack, name_of(m, name, i), &stats, &count, &error),
			   &error, "stats");
		for (int path = 0; path < LANA_PATHS; path++)
			compare_side(m, &m->blocks[i], name, &m->blocks[i].sides[path],
				     &stats->path[path]);
		free(stats);
	}
}
