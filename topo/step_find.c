// SPDX-License-Identifier: GPL-2.0-only
/*
 * step_find - the difference of two networks, as steps
 *
 * A link that differs in more than its MTU and properties is removed and made again, and so is all
 * that goes with its interfaces; also one that gets its first property, or loses the last one. Of a
 * segment ends come and go one by one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cleanup.h"
#include "properties.h"
#include "step.h"
#include "twin.h"

struct difference {
	const struct net *from, *to;
	struct steps *steps;
	bool failed;	 /* out of memory */
	bool *disturbed; /* nodes of `to` that lose something routes may lead by */
};

static void add(struct difference *diff, struct step step)
{
	struct steps *steps = diff->steps;
	struct step *added = NET_ADD(steps->list, steps->count);

	if (added)
		*added = step;
	else
		diff->failed = true;
}

/* ---- taking away --------------------------------------------------------------------------- */

static void disturb(struct difference *diff, const struct net_node *node)
{
	long twin = diff->to ? net_find_node(diff->to, node->name) : -1;

	if (twin >= 0)
		diff->disturbed[twin] = true;
}

/* Addresses of an interface: they go by themselves if it does. */
static void remove_addresses(struct difference *diff, struct step step)
{
	const struct net_node *node = step_node(&step);
	const struct net_interface *interface = &node->interfaces[step.item],
				   *y = twin_interface(diff->to, diff->from, node, interface);

	step.kind = STEP_ADDRESS;
	step.implied = !y;
	if (!y)
		disturb(diff, node);
	for (step.part = 0; step.part < interface->addresses_count; step.part++)
		if (!y || !twin_has_address(y, &interface->addresses[step.part])) {
			add(diff, step);
			disturb(diff, node);
		}
}

/* What goes with a node, and has to come again with it. */
static void remove_implied(struct difference *diff, __u32 number)
{
	const struct net_node *node = &diff->from->nodes[number];
	struct step step = { .remove = true, .implied = true, .net = diff->from, .node = number };

	step.kind = STEP_LIMITS;
	if (node->limits.count)
		add(diff, step);
	step.kind = STEP_SYSCTL;
	for (step.item = 0; step.item < node->sysctls.count; step.item++)
		add(diff, step);
	step.kind = STEP_FORWARDING;
	step.item = 0;
	if (node->forwarding)
		add(diff, step);
}

/* Sysctls of interfaces that go, while their node stays. */
static void remove_sysctls(struct difference *diff, struct step step)
{
	const struct net_node *node = step_node(&step);

	step.kind = STEP_SYSCTL;
	step.implied = true;
	for (step.item = 0; step.item < node->sysctls.count; step.item++)
		if (twin_lacks_device(diff->to, diff->from, node, &node->sysctls.list[step.item]))
			add(diff, step);
}

/* All of a node that the new network does not have. */
static void remove_settings(struct difference *diff, __u32 number)
{
	const struct net_node *node = &diff->from->nodes[number], *twin = twin_node(diff->to, node);
	struct step step = { .remove = true, .net = diff->from, .node = number };

	for (step.item = 0; step.item < node->processes_count; step.item++)
		if (!twin_has_process(twin, node, &node->processes[step.item])) {
			step.kind = STEP_PROCESS;
			add(diff, step);
		}
	step.item = 0;
	if (node->stack && (!twin || !twin->stack)) {
		step.kind = STEP_STACK;
		add(diff, step);
	}
	step.implied = !twin;
	for (step.item = 0; step.item < node->routes_count; step.item++)
		if (!twin_has_route(twin, &node->routes[step.item])) {
			step.kind = STEP_ROUTE;
			add(diff, step);
		}
	if (twin)
		remove_sysctls(diff, step);
	for (step.item = 0; step.item < node->interfaces_count; step.item++)
		remove_addresses(diff, step);
	if (!twin)
		remove_implied(diff, number);
}

/* Tagged interfaces, then real devices: these are given back even if the node goes. */
static void remove_devices(struct difference *diff, __u32 number)
{
	const struct net_node *node = &diff->from->nodes[number];
	struct step step = { .remove = true, .net = diff->from, .node = number };

	for (step.item = 0; step.item < node->interfaces_count; step.item++) {
		const struct net_interface *interface = &node->interfaces[step.item];

		if ((interface->lower == NET_NONE && !interface->device) ||
		    twin_interface(diff->to, diff->from, node, interface))
			continue;
		step.kind = interface->device ? STEP_DEVICE : STEP_VLAN;
		step.implied = !interface->device && !twin_node(diff->to, node);
		add(diff, step);
	}
}

static void remove_links(struct difference *diff)
{
	const struct net *net = diff->from;
	struct step step = { .remove = true, .net = net };

	for (step.item = 0; step.item < net->links_count; step.item++) {
		const struct net_link *link = &net->links[step.item], *y;

		y = twin_link(diff->to, net, link);
		for (step.part = 0; link->segment && step.part < link->ends_count; step.part++)
			if (twin_end(diff->to, y, net, link, step.part) < 0) {
				step.kind = STEP_PORT;
				add(diff, step);
			}
		step.part = 0;
		step.kind = link->segment ? STEP_BRIDGE : STEP_LINK;
		if (!y)
			add(diff, step);
	}
}

static void take_away(struct difference *diff)
{
	const struct net *net = diff->from;
	struct step step = { .kind = STEP_NODE, .remove = true, .net = net };

	for (size_t i = 0; i < net->nodes_count; i++)
		remove_settings(diff, i);
	for (size_t i = 0; i < net->nodes_count; i++)
		remove_devices(diff, i);
	remove_links(diff);
	for (step.node = 0; step.node < net->nodes_count; step.node++)
		if (!twin_node(diff->to, &net->nodes[step.node]))
			add(diff, step);
}

/* ---- adding -------------------------------------------------------------------------------- */

/* Directions of a link that stays, of which something else is said. */
static void add_properties(struct difference *diff, __u32 number, const struct net_link *before)
{
	const struct net_link *link = &diff->to->links[number];
	struct step step = { .kind = STEP_PROPERTIES, .net = diff->to, .item = number };

	for (; step.part < link->ends_count; step.part++) {
		long end = twin_end(diff->from, before, diff->to, link, step.part);

		for (int to = 0; end >= 0 && to < 2; to++) {
			step.to = to;
			if (!properties_same(link, step.part, before, end, to))
				add(diff, step);
		}
	}
}

static void add_links(struct difference *diff)
{
	const struct net *net = diff->to;
	struct step step = { .net = net };

	for (step.item = 0; step.item < net->links_count; step.item++) {
		const struct net_link *link = &net->links[step.item], *y;

		y = twin_link(diff->from, net, link);
		step.kind = link->segment ? STEP_BRIDGE : STEP_LINK;
		if (!y)
			add(diff, step);
		step.kind = STEP_PORT;
		for (step.part = 0; link->segment && step.part < link->ends_count; step.part++)
			if (twin_end(diff->from, y, net, link, step.part) < 0)
				add(diff, step);
		step.part = 0;
		if (y)
			add_properties(diff, step.item, y);
	}
	for (step.node = 0; step.node < net->nodes_count; step.node++)
		for (step.item = 0; step.item < net->nodes[step.node].interfaces_count;
		     step.item++) {
			const struct net_node *node = &net->nodes[step.node];

			step.kind = STEP_DEVICE;
			if (node->interfaces[step.item].device &&
			    !twin_interface(diff->from, net, node, &node->interfaces[step.item]))
				add(diff, step);
		}
}

static bool is_set_alike(const struct difference *diff, const struct net_interface *x,
			 const struct net_interface *y)
{
	return net_mtu(diff->from, x) == net_mtu(diff->to, y) && x->has_mac == y->has_mac &&
	       !memcmp(x->mac, y->mac, sizeof(x->mac));
}

static void add_interface(struct difference *diff, struct step step)
{
	const struct net_node *node = step_node(&step);
	const struct net_interface *interface = &node->interfaces[step.item], *y;

	y = twin_interface(diff->from, diff->to, node, interface);
	step.kind = STEP_VLAN;
	if (!y && interface->lower != NET_NONE)
		add(diff, step);
	step.kind = STEP_INTERFACE;
	if (y && !is_set_alike(diff, y, interface))
		add(diff, step);
	step.kind = STEP_ADDRESS;
	for (step.part = 0; step.part < interface->addresses_count; step.part++)
		if (!twin_has_address(y, &interface->addresses[step.part]))
			add(diff, step);
}

static void add_settings(struct difference *diff, __u32 number)
{
	const struct net_node *node = &diff->to->nodes[number], *twin = twin_node(diff->from, node);
	struct step step = { .net = diff->to, .node = number, .kind = STEP_FORWARDING };

	step.remove = !node->forwarding;
	if (node->forwarding != (twin && twin->forwarding))
		add(diff, step);
	step.remove = false;
	for (step.item = 0; step.item < node->interfaces_count; step.item++)
		add_interface(diff, step);
	/* Behind interfaces, as some are of one. */
	step.kind = STEP_SYSCTL;
	for (step.item = 0; step.item < node->sysctls.count; step.item++) {
		const struct net_setting *sysctl = &node->sysctls.list[step.item],
					 *y = twin ? net_find_setting(&twin->sysctls, sysctl->key)
						   : NULL;

		step.again = y && !strcmp(y->value, sysctl->value);
		if (!step.again || twin_lacks_device(diff->from, diff->to, node, sysctl))
			add(diff, step);
	}
	step.kind = STEP_ROUTE;
	for (step.item = 0; step.item < node->routes_count; step.item++) {
		step.again = twin_has_route(twin, &node->routes[step.item]);
		if (!step.again || diff->disturbed[number])
			add(diff, step);
	}
}

static void add_late(struct difference *diff, __u32 number)
{
	const struct net_node *node = &diff->to->nodes[number], *twin = twin_node(diff->from, node);
	static const struct net_settings none;
	struct step step = { .net = diff->to, .node = number, .kind = STEP_LIMITS };

	step.remove = !node->limits.count;
	if (!twin_same_settings(twin ? &twin->limits : &none, &node->limits))
		add(diff, step);
	step.remove = false;
	step.kind = STEP_STACK;
	step.again = node->stack && twin && twin_same_text(node->stack, twin->stack);
	if (node->stack)
		add(diff, step);
	step.again = false;
	step.kind = STEP_PROCESS;
	for (; step.item < node->processes_count; step.item++)
		if (!twin_has_process(twin, node, &node->processes[step.item]))
			add(diff, step);
}

static void add_all(struct difference *diff)
{
	const struct net *net = diff->to;
	struct step step = { .kind = STEP_NODE, .net = net };

	for (step.node = 0; step.node < net->nodes_count; step.node++)
		if (!twin_node(diff->from, &net->nodes[step.node]))
			add(diff, step);
	add_links(diff);
	for (size_t i = 0; i < net->nodes_count; i++)
		add_settings(diff, i);
	for (size_t i = 0; i < net->nodes_count; i++)
		add_late(diff, i);
}

int steps_find(const struct net *from, const struct net *to, struct steps *steps)
{
	struct steps found = {};
	struct difference diff = { .from = from, .to = to, .steps = &found };

	diff.disturbed = calloc(to ? to->nodes_count + 1 : 1, sizeof(*diff.disturbed));
	if (!diff.disturbed)
		return -ENOMEM;
	if (from)
		take_away(&diff);
	found.first_add = found.count;
	if (to)
		add_all(&diff);
	free(diff.disturbed);
	if (diff.failed) {
		free(found.list);
		return -ENOMEM;
	}
	*steps = found;
	return 0;
}
