// SPDX-License-Identifier: GPL-2.0-only
/*
 * edge - bind and unbind
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "graph.h"
#include "notice.h"
#include "op.h"
#include "types.h"

static const char *const path_names[] = {
	[LANA_INGRESS] = "ingress",
	[LANA_EGRESS] = "egress",
};

const char *lana_path_name(enum lana_path path)
{
	return path < LANA_PATHS ? path_names[path] : "?";
}

/* One direction of a bind, as the user's words resolve to it. */
struct half {
	__u32 from, to, port;
	enum lana_path path;
};

/* -ENXIO: the block has no ports at all. */
static int resolve_port(const struct commit *commit, __u32 idp, const char *text, __u32 *port,
			struct lana_error *error)
{
	const struct record *record = commit_record(commit, idp);
	const struct type *type;
	int err = types_get(commit->stack, record->type, record->version, &type, error);

	if (err)
		return err;
	if (!type->ports_count)
		return refuse(error, -ENXIO,
			      "'%s' (type '%s') has no ports: nothing leads on from it",
			      record->name, type->name);
	if (text && type_port(type, text, port)) {
		char known[256] = "";

		for (__u32 i = 0, length = 0; i < type->ports_count && length < sizeof(known); i++)
			length += snprintf(known + length, sizeof(known) - length, "%s%s",
					   i ? ", " : "", type->ports[i]);
		return refuse(error, -EINVAL, "'%s' (type '%s') has no port '%s' (it has %s)",
			      record->name, type->name, text, known);
	}
	if (!text)
		*port = 0;
	return 0;
}

/*
 * Upper on lower: ingress leads from lower to upper, egress from upper to lower; without words
 * both. But nothing leads on from a block without ports, and a device on top is where packets
 * leave: what the kernel wants to send by it is led elsewhere only if egress is asked for.
 */
static int resolve(const struct commit *commit, const struct op *op, struct half halves[LANA_PATHS],
		   size_t *count, struct lana_error *error)
{
	const struct lana_bind_options *where = &op->where;
	bool egress = where->egress || (!where->ingress && !where->port);
	bool ingress = where->ingress || !where->egress;
	__u32 up, low;
	int err;

	err = commit_find(commit, op->name, &up, error);
	if (!err)
		err = commit_find(commit, op->other, &low, error);
	if (err)
		return err;
	if (commit_record(commit, up)->device.is_worker ||
	    commit_record(commit, low)->device.is_worker)
		return refuse(error, -EINVAL, "'%s' is a worker: bind its blocks",
			      commit_record(commit, up)->device.is_worker ? op->name : op->other);
	if (!where->egress && commit_record(commit, up)->device.hook != LANA_HOOK_NONE &&
	    !commit_record(commit, up)->device.is_socket)
		egress = false;

	*count = 0;
	if (egress) {
		halves[*count] = (struct half){ up, low, 0, LANA_EGRESS };
		err = resolve_port(commit, up, where->egress ? where->port : NULL,
				   &halves[*count].port, error);
		if (!err)
			++*count;
		else if (err != -ENXIO || where->egress)
			return err;
	}
	if (ingress) {
		halves[*count] = (struct half){ low, up, 0, LANA_INGRESS };
		err = resolve_port(commit, low, where->port, &halves[*count].port, error);
		if (err)
			return err;
		++*count;
	}
	return 0;
}

/* Both ends are told, and so is the one that was there before. */
static void note_edge(struct commit *commit, const struct half *half, enum lana_occasion occasion)
{
	__u32 before = commit_record(commit, half->from)->edges[half->path][half->port];

	if (before && before != half->to)
		notice_add(commit, before, LANA_ON_UNBIND);
	notice_add(commit, half->from, occasion);
	notice_add(commit, half->to, occasion);
}

/* Can packets come by the edge, as far as a device is concerned that it leaves? */
static int check_source(const struct commit *commit, const struct half *half,
			struct lana_error *error)
{
	const struct record *record = commit_record(commit, half->from);
	const struct device_record *device = &record->device;

	if (half->path != LANA_EGRESS || device->is_socket ||
	    (device->hook != LANA_HOOK_XDP && device->hook != LANA_HOOK_SKB))
		return 0;
	return refuse(error, -EINVAL,
		      "'%s' is hooked at XDP, where what the kernel sends by it does not pass: "
		      "hook it with tc",
		      record->name);
}

int op_bind(struct commit *commit, const struct op *op, struct lana_error *error)
{
	struct half halves[LANA_PATHS];
	size_t count;
	int err;

	err = resolve(commit, op, halves, &count, error);
	for (size_t i = 0; !err && i < count; i++)
		err = check_source(commit, &halves[i], error);
	if (err)
		return err;
	for (size_t i = 0; i < count; i++) {
		note_edge(commit, &halves[i], LANA_ON_BIND);
		commit_edge(commit, halves[i].from, halves[i].path, halves[i].port, halves[i].to);
	}
	return 0;
}

int op_unbind(struct commit *commit, const struct op *op, struct lana_error *error)
{
	bool both = !op->where.port && !op->where.ingress && !op->where.egress;
	struct half halves[LANA_PATHS];
	size_t count, bound = 0;
	int err;

	err = resolve(commit, op, halves, &count, error);
	if (err)
		return err;
	for (size_t i = 0; i < count; i++) {
		const struct half *half = &halves[i];
		const struct record *from = commit_record(commit, half->from);

		if (from->edges[half->path][half->port] != half->to) {
			if (both) /* one of the two ways will do */
				continue;
			bound = 0;
			break;
		}
		note_edge(commit, half, LANA_ON_UNBIND);
		commit_edge(commit, half->from, half->path, half->port, 0);
		bound++;
	}
	if (!bound)
		return refuse(error, -ENOENT, "'%s' is not bound to '%s' there", op->name,
			      op->other);
	return 0;
}

/* ---- hot ------------------------------------------------------------------------------ */

static void make_hot(struct commit *commit, __u32 idp, enum lana_path path, __u32 port, bool on)
{
	struct record *record = commit_edit(commit, idp);

	if (on) {
		commit_cut(commit, idp, path, port);
		record->hot[path] |= 1U << port;
	} else {
		record->hot[path] &= ~(1U << port);
	}
}

static void make_block_hot(struct commit *commit, __u32 idp, bool on)
{
	for (__u32 from = 1; on && from < commit_limit(commit); from++)
		for (int path = 0; path < LANA_PATHS; path++)
			for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
				if (from == idp ||
				    commit_record(commit, from)->edges[path][port] == idp)
					commit_cut(commit, from, path, port);
	commit_edit(commit, idp)->hot_block = on;
}

int op_hot(struct commit *commit, const struct op *op, struct lana_error *error)
{
	const struct lana_bind_options *where = &op->where;
	__u32 idp, port;
	int err;

	err = commit_find(commit, op->name, &idp, error);
	if (err)
		return err;
	if (!where->port && !where->ingress && !where->egress) {
		make_block_hot(commit, idp, op->on);
		return 0;
	}
	err = resolve_port(commit, idp, where->port, &port, error);
	if (err)
		return err;
	if (where->egress)
		make_hot(commit, idp, LANA_EGRESS, port, op->on);
	if (where->ingress || !where->egress)
		make_hot(commit, idp, LANA_INGRESS, port, op->on);
	return 0;
}

/* ---- one at a time ---------------------------------------------------------------------- */

static int alone(struct lana_stack *stack,
		 int (*run)(struct commit *commit, const struct op *op, struct lana_error *error),
		 const char *upper, const char *lower, const struct lana_bind_options *where,
		 struct lana_error *error)
{
	static const struct lana_bind_options none;
	const struct op op = {
		.run = run, .name = upper, .other = lower, .where = where ? *where : none
	};

	return op_alone(stack, &op, error);
}

int lana_bind(struct lana_stack *stack, const char *upper, const char *lower,
	      const struct lana_bind_options *options, struct lana_error *error)
{
	return alone(stack, op_bind, upper, lower, options, error);
}

int lana_unbind(struct lana_stack *stack, const char *upper, const char *lower,
		const struct lana_bind_options *options, struct lana_error *error)
{
	return alone(stack, op_unbind, upper, lower, options, error);
}

int lana_hot(struct lana_stack *stack, const char *name, const struct lana_bind_options *options,
	     bool on, struct lana_error *error)
{
	static const struct lana_bind_options none;
	const struct op op = {
		.run = op_hot, .name = name, .where = options ? *options : none, .on = on
	};

	return op_alone(stack, &op, error);
}
