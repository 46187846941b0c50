// SPDX-License-Identifier: GPL-2.0-only
/*
 * step_turn - the way back, by the opposites of steps that were done
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "step.h"

/* What a setting was before, in the network that was; false: that is not known. */
static bool find_before(const struct net *from, struct step *step)
{
	const struct net_node *node = step_node(step);
	long found = from ? net_find_node(from, node->name) : -1;
	const struct net_node *twin = found < 0 ? NULL : &from->nodes[found];

	if (!twin)
		return false;
	if (step->kind == STEP_INTERFACE) {
		found = net_find_interface(twin, node->interfaces[step->item].name);
		if (found < 0)
			return false;
		step->item = found;
	} else if (step->kind == STEP_SYSCTL) {
		const char *key = node->sysctls.list[step->item].key;
		const struct net_setting *setting = net_find_setting(&twin->sysctls, key);

		if (!setting)
			return false;
		step->item = setting - twin->sysctls.list;
	} else if (step->kind == STEP_STACK) {
		step->remove = !twin->stack;
		if (step->remove)
			return true;
	} else {
		step->remove = !twin->limits.count;
	}
	step->node = twin - from->nodes;
	step->net = from;
	return true;
}

/* The same direction in the network that was. */
static bool find_direction(const struct net *from, struct step *step)
{
	const struct net_link *link = &step->net->links[step->item];
	const struct net_end *end = &link->ends[step->part];
	const struct net_node *node = &step->net->nodes[end->node];
	long found = from ? net_find_link(from, link->name) : -1;

	if (found < 0)
		return false;
	for (size_t i = 0; i < from->links[found].ends_count; i++) {
		const struct net_end *y = &from->links[found].ends[i];
		const struct net_node *twin = &from->nodes[y->node];

		if (strcmp(twin->name, node->name) || strcmp(twin->interfaces[y->interface].name,
							     node->interfaces[end->interface].name))
			continue;
		step->net = from;
		step->item = found;
		step->part = i;
		return true;
	}
	return false;
}

/* The opposite of a step; false: it has none. */
static bool turn(const struct net *from, struct step *step)
{
	step->done = false;
	switch (step->kind) {
	case STEP_INTERFACE:
	case STEP_SYSCTL:
	case STEP_LIMITS:
		if (step->remove)
			step->remove = false; /* it went with its node */
		else
			return find_before(from, step);
		return step->net == from;
	case STEP_STACK:
		if (step->remove || !find_before(from, step))
			step->remove = !step->remove;
		return true;
	case STEP_PROPERTIES:
		return find_direction(from, step);
	case STEP_PROCESS:
		return false; /* their keeper sees to them */
	default:
		step->remove = !step->remove;
		return true;
	}
}

int steps_turn(const struct steps *steps, const struct net *from, struct steps *back)
{
	struct steps turned = {};

	/* Routes that went with their links come last, once more. */
	for (int again = 0; again < 2; again++)
		for (size_t i = steps->count; i-- > 0;) {
			struct step step = steps->list[i], *added;

			step.implied = false;
			if (step.again != again || (!again && (!step.done || !turn(from, &step))))
				continue;
			if (again && step.kind != STEP_ROUTE)
				continue;
			added = NET_ADD(turned.list, turned.count);
			if (!added) {
				free(turned.list);
				return -ENOMEM;
			}
			*added = step;
			if (i >= steps->first_add && !again)
				turned.first_add = turned.count;
		}
	*back = turned;
	return 0;
}
