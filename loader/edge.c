// SPDX-License-Identifier: GPL-2.0-only
/*
 * edge - bind and unbind
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "commit.h"
#include "error.h"
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
static int resolve_port(struct lana_stack *stack, __u32 idp, const char *text, __u32 *port,
			struct lana_error *error)
{
	const struct record *record = &stack->registry->records[idp];
	const struct type *type;
	int err = types_get(stack, record->type, record->version, &type, error);

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
static int resolve(struct lana_stack *stack, const char *upper, const char *lower,
		   const struct lana_bind_options *options, struct half halves[LANA_PATHS],
		   size_t *count, struct lana_error *error)
{
	static const struct lana_bind_options none;
	bool ingress, egress;
	__u32 up, low;
	int err;

	if (!options)
		options = &none;
	egress = options->egress || (!options->ingress && !options->port);
	ingress = options->ingress || !options->egress;

	err = stack_find(stack, upper, &up, error);
	if (!err)
		err = stack_find(stack, lower, &low, error);
	if (err)
		return err;
	if (!options->egress && stack->registry->records[up].device.hook != LANA_HOOK_NONE)
		egress = false;

	*count = 0;
	if (egress) {
		halves[*count] = (struct half){ up, low, 0, LANA_EGRESS };
		err = resolve_port(stack, up, options->egress ? options->port : NULL,
				   &halves[*count].port, error);
		if (!err)
			++*count;
		else if (err != -ENXIO || options->egress)
			return err;
	}
	if (ingress) {
		halves[*count] = (struct half){ low, up, 0, LANA_INGRESS };
		err = resolve_port(stack, low, options->port, &halves[*count].port, error);
		if (err)
			return err;
		++*count;
	}
	return 0;
}

int lana_bind(struct lana_stack *stack, const char *upper, const char *lower,
	      const struct lana_bind_options *options, struct lana_error *error)
{
	_cleanup_(commit_end) struct commit commit = { .stack = stack };
	struct half halves[LANA_PATHS];
	size_t count;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	err = resolve(stack, upper, lower, options, halves, &count, error);
	if (err)
		return err;
	for (size_t i = 0; i < count; i++)
		commit_edge(&commit, halves[i].from, halves[i].path, halves[i].port, halves[i].to);
	return commit_run(&commit, error);
}

int lana_unbind(struct lana_stack *stack, const char *upper, const char *lower,
		const struct lana_bind_options *options, struct lana_error *error)
{
	bool both = !options || (!options->port && !options->ingress && !options->egress);
	_cleanup_(commit_end) struct commit commit = { .stack = stack };
	struct half halves[LANA_PATHS];
	size_t count, bound = 0;
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	err = resolve(stack, upper, lower, options, halves, &count, error);
	if (err)
		return err;
	for (size_t i = 0; i < count; i++) {
		const struct half *half = &halves[i];
		const struct record *from = &stack->registry->records[half->from];

		if (from->edges[half->path][half->port] != half->to) {
			if (both) /* one of the two ways will do */
				continue;
			bound = 0;
			break;
		}
		commit_edge(&commit, half->from, half->path, half->port, 0);
		bound++;
	}
	if (!bound)
		return refuse(error, -ENOENT, "'%s' is not bound to '%s' there", upper, lower);
	return commit_run(&commit, error);
}
