// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "place.h"

/* The stack as it was seen, and the commit that is made of it. */
struct change {
	const struct place *place;
	const struct lana_block_info *blocks;
	size_t count;
	struct lana_commit *commit;
	struct lana_error *error;
	int (*collect)(const struct change *change);
	char tee[2 * LANA_NAME_MAX], filter[2 * LANA_NAME_MAX];
};

static const struct lana_block_info *find(const struct change *change, const char *name)
{
	for (size_t i = 0; i < change->count; i++)
		if (!strcmp(change->blocks[i].name, name))
			return &change->blocks[i];
	return NULL;
}

/* Where a port leads on the path; NULL: nowhere. */
static const char *target(const struct lana_block_info *block, enum lana_path path, uint32_t port)
{
	for (size_t i = 0; i < block->edges_count; i++)
		if (block->edges[i].path == path && block->edges[i].port == port)
			return block->edges[i].to_name;
	return NULL;
}

/* An edge is a bind of two blocks, of which the upper one is reached by it on ingress. */
static int step_edge(const struct change *change, enum lana_path path, const char *from,
		     const char *port, const char *to, bool bind)
{
	bool up = path == LANA_INGRESS;
	const char *upper = up ? to : from, *lower = up ? from : to;
	const struct lana_bind_options options = { .port = port, .ingress = up, .egress = !up };

	return bind ? lana_commit_bind(change->commit, upper, lower, &options)
		    : lana_commit_unbind(change->commit, upper, lower, &options);
}

static int lead(const struct change *change, const char *from, const char *port, const char *to)
{
	return step_edge(change, change->place->path, from, port, to, true);
}

/* ---- taking away ------------------------------------------------------------------------- */

/* Cut an edge that leads to one of our blocks, or (past is set) let it lead past that. */
static int divert(const struct change *change, const struct lana_block_info *from,
		  const struct lana_edge *edge, const char *past)
{
	char port[16];

	snprintf(port, sizeof(port), "%u", edge->port);
	return past ? step_edge(change, edge->path, from->name, port, past, true)
		    : step_edge(change, edge->path, from->name, port, edge->to_name, false);
}

/* Take one of our blocks out, and lead past it, by its port 0, if it passes packets on. */
static int take_out(const struct change *change, const char *name, bool passes)
{
	const struct lana_block_info *block = find(change, name);
	int err = 0;

	if (!block)
		return 0;
	for (size_t i = 0; i < change->count && !err; i++) {
		const struct lana_block_info *from = &change->blocks[i];

		for (size_t j = 0; j < from->edges_count && !err; j++) {
			const struct lana_edge *edge = &from->edges[j];

			if (!strcmp(edge->to_name, name) && from != block &&
			    strcmp(from->name, change->tee))
				err = divert(change, from, edge,
					     passes ? target(block, edge->path, 0) : NULL);
		}
	}
	for (size_t i = 0; i < block->edges_count && !err; i++)
		err = divert(change, block, &block->edges[i], NULL);
	return err ?: lana_commit_rm(change->commit, name);
}

static int collect_leave(const struct change *change)
{
	int err = take_out(change, change->tee, true);

	return err ?: take_out(change, change->filter, false);
}

/* ---- adding ------------------------------------------------------------------------------ */

static int fail(const struct change *change, int err, const char *format, const char *name)
{
	snprintf(change->error->text, sizeof(change->error->text), format, name);
	return err;
}

static bool copies(const struct lana_block_info *block)
{
	return !strcmp(block->type, "tee") || !strcmp(block->type, "fanout");
}

/* The first port of a block that copies which leads nowhere; *port is its number. */
static bool find_free(const struct change *change, const struct lana_block_info *block, char *port)
{
	uint32_t ports = strcmp(block->type, "tee") ? LANA_PORTS_MAX : 2;

	for (uint32_t i = 0; i < ports; i++)
		if (!target(block, change->place->path, i)) {
			sprintf(port, "%u", i);
			return true;
		}
	return false;
}

/* Where a port that is called so, or has that number, leads. */
static const char *led_to(const struct change *change, const struct lana_block_info *block,
			  const char *port)
{
	char *rest;
	unsigned long number = strtoul(port, &rest, 10);

	for (size_t i = 0; i < block->edges_count; i++) {
		const struct lana_edge *edge = &block->edges[i];

		if (edge->path == change->place->path &&
		    (*rest ? !strcmp(edge->port_name, port) : edge->port == number))
			return edge->to_name;
	}
	return NULL;
}

/* Put a tee behind a port that leads somewhere. */
static int add_tee(const struct change *change, const char *port, const char *upper)
{
	int err = lana_commit_add(change->commit, change->tee, "tee", NULL);

	err = err ?: lead(change, change->tee, "0", upper);
	return err ?: lead(change, change->place->below, port, change->tee);
}

static int collect_take(const struct change *change)
{
	const struct place *place = change->place;
	const struct lana_block_info *below = find(change, place->below);
	const char *lower = place->below, *upper, *port = place->port;
	char number[16] = "0", option[4096];
	const char *const options[] = { option, NULL };
	int err = 0;

	if (!below)
		return fail(change, -ENOENT, "no block '%.31s'", place->below);
	if (find(change, change->tee) || find(change, change->filter))
		return fail(change, -EEXIST, "there is a block '%.40s' already",
			    find(change, change->tee) ? change->tee : change->filter);
	if (!port) {
		port = number;
		if (copies(below))
			find_free(change, below, number);
	}
	upper = led_to(change, below, port);
	if (upper) {
		err = add_tee(change, port, upper);
		lower = change->tee;
		port = "1";
	}
	if (!err && place->expression) {
		snprintf(option, sizeof(option), "expr=%s", place->expression);
		err = lana_commit_add(change->commit, change->filter, "filter", options);
		err = err ?: lead(change, change->filter, "match", place->name);
		err = err ?: lead(change, lower, port, change->filter);
		return err;
	}
	return err ?: lead(change, lower, port, place->name);
}

/* ---- commits ----------------------------------------------------------------------------- */

static int look_and_collect(struct lana_commit *commit, const struct lana_block_info *blocks,
			    size_t count, void *cookie, struct lana_error *error)
{
	struct change *change = cookie;

	change->commit = commit;
	change->blocks = blocks;
	change->count = count;
	change->error = error;
	return change->collect(change);
}

static int commit(const struct place *place, int (*collect)(const struct change *change),
		  struct lana_error *error)
{
	struct change change = { .place = place, .collect = collect };

	snprintf(change.tee, sizeof(change.tee), "%s-tee", place->name);
	snprintf(change.filter, sizeof(change.filter), "%s-filter", place->name);
	return lana_stack_change(place->stack, look_and_collect, &change, error);
}

int place_take(const struct place *place, struct lana_error *error)
{
	int err = commit(place, collect_leave, error);

	return err ?: commit(place, collect_take, error);
}

int place_leave(const struct place *place, struct lana_error *error)
{
	return commit(place, collect_leave, error);
}
