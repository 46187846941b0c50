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
#include "sysctl.h"

/* What stays of each network: bytes by number, set if the other one has the same. */
struct same {
	const struct net *from, *to;
	struct steps *steps;
	bool failed;	 /* out of memory */
	bool *disturbed; /* nodes of `to` that lose something routes may lead by */
};

static void add(struct same *same, struct step step)
{
	struct steps *steps = same->steps;
	struct step *added = NET_ADD(steps->list, steps->count);

	if (added)
		*added = step;
	else
		same->failed = true;
}

/* ---- what is the same ---------------------------------------------------------------------- */

static const struct net_node *node_in(const struct net *net, const struct net_node *node)
{
	long found = net ? net_find_node(net, node->name) : -1;

	return found < 0 ? NULL : &net->nodes[found];
}

static bool is_same_end(const struct net *a, const struct net_end *x, const struct net *b,
			const struct net_end *y)
{
	const struct net_node *p = &a->nodes[x->node], *q = &b->nodes[y->node];

	return !strcmp(p->name, q->name) &&
	       !strcmp(p->interfaces[x->interface].name, q->interfaces[y->interface].name);
}

/* The link of the other network that is this one; a segment only as such, a veth too. */
static const struct net_link *link_in(const struct net *other, const struct net *net,
				      const struct net_link *link)
{
	long found = other ? net_find_link(other, link->name) : -1;
	const struct net_link *y = found < 0 ? NULL : &other->links[found];

	if (!y || y->segment != link->segment ||
	    (!link->segment && properties_wired(link, 0) != properties_wired(y, 0)))
		return NULL;
	for (size_t i = 0; !link->segment && i < 2; i++)
		if (!is_same_end(net, &link->ends[i], other, &y->ends[i]))
			return NULL;
	return y;
}

/* The end of a link of the other network that is that one of link; -1: it has none. */
static long end_in(const struct net *other, const struct net_link *y, const struct net *net,
		   const struct net_link *link, size_t end)
{
	for (size_t i = 0; y && i < y->ends_count; i++)
		if (is_same_end(net, &link->ends[end], other, &y->ends[i]) &&
		    properties_wired(link, end) == properties_wired(y, i))
			return i;
	return -1;
}

/* The same by the interface. */
static bool has_interface(const struct net *other, const struct net_link *y, const struct net *net,
			  const struct net_interface *interface)
{
	const struct net_link *link = &net->links[interface->link];

	for (size_t i = 0; i < link->ends_count; i++) {
		const struct net_end *end = &link->ends[i];

		if (&net->nodes[end->node].interfaces[end->interface] == interface)
			return end_in(other, y, net, link, i) >= 0;
	}
	return false;
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* The interface of the other network that is this very device; NULL: that one is made anew. */
static const struct net_interface *interface_in(const struct net *other, const struct net *net,
						const struct net_node *node,
						const struct net_interface *interface)
{
	const struct net_node *twin = node_in(other, node);
	long found = twin ? net_find_interface(twin, interface->name) : -1;
	const struct net_interface *y = found < 0 ? NULL : &twin->interfaces[found];
	const struct net_link *link;

	if (!y || (y->link == NET_NONE) != (interface->link == NET_NONE) ||
	    y->vlan != interface->vlan || !is_same_text(y->device, interface->device) ||
	    !is_same_text(y->netns, interface->netns))
		return NULL;
	if (interface->lower != NET_NONE)
		return y->lower != NET_NONE && interface_in(other, net, node,
							    &node->interfaces[interface->lower])
			       ? y
			       : NULL;
	if (interface->link == NET_NONE)
		return y;
	link = link_in(other, net, &net->links[interface->link]);
	return link && link == &other->links[y->link] && has_interface(other, link, net, interface)
		       ? y
		       : NULL;
}

/* Is it a sysctl of an interface that is another device in the other network, or none? */
static bool is_of_another(const struct net *other, const struct net *net,
			  const struct net_node *node, const struct net_setting *sysctl)
{
	for (size_t i = 0; i < node->interfaces_count; i++)
		if (sysctl_is_of(sysctl->key, node->interfaces[i].name))
			return !interface_in(other, net, node, &node->interfaces[i]);
	return false;
}

static bool has_address(const struct net_interface *interface, const struct net_address *address)
{
	for (size_t i = 0; interface && i < interface->addresses_count; i++) {
		const struct net_address *other = &interface->addresses[i];

		if (other->family == address->family && other->length == address->length &&
		    !memcmp(other->bytes, address->bytes, sizeof(other->bytes)))
			return true;
	}
	return false;
}

static bool has_route(const struct net_node *node, const struct net_route *route)
{
	for (size_t i = 0; node && i < node->routes_count; i++)
		if (!strcmp(node->routes[i].text, route->text) &&
		    node->routes[i].to.family == route->to.family)
			return true;
	return false;
}

static bool are_same_settings(const struct net_settings *a, const struct net_settings *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->list[i].key, b->list[i].key) ||
		    strcmp(a->list[i].value, b->list[i].value))
			return false;
	return true;
}

static bool is_same_process(const struct net_process *a, const struct net_process *b)
{
	size_t i = 0;

	if (strcmp(a->name, b->name) || a->restart != b->restart || !is_same_text(a->log, b->log))
		return false;
	for (; a->words[i] && b->words[i]; i++)
		if (strcmp(a->words[i], b->words[i]))
			return false;
	return a->words[i] == b->words[i];
}

/*
 * Mounts are a process's own: it begins anew if they differ. So it does if its node gets its first
 * limits, as it is in no control group, or loses the last ones.
 */
static bool has_process(const struct net_node *other, const struct net_node *node,
			const struct net_process *process)
{
	if (!other || !are_same_settings(&other->mounts, &node->mounts) ||
	    !other->limits.count != !node->limits.count)
		return false;
	for (size_t i = 0; i < other->processes_count; i++)
		if (is_same_process(&other->processes[i], process))
			return true;
	return false;
}

/* ---- taking away --------------------------------------------------------------------------- */

static void disturb(struct same *same, const struct net_node *node)
{
	long twin = same->to ? net_find_node(same->to, node->name) : -1;

	if (twin >= 0)
		same->disturbed[twin] = true;
}

/* Addresses of an interface: they go by themselves if it does. */
static void remove_addresses(struct same *same, struct step step)
{
	const struct net_node *node = step_node(&step);
	const struct net_interface *interface = &node->interfaces[step.item],
				   *y = interface_in(same->to, same->from, node, interface);

	step.kind = STEP_ADDRESS;
	step.implied = !y;
	if (!y)
		disturb(same, node);
	for (step.part = 0; step.part < interface->addresses_count; step.part++)
		if (!y || !has_address(y, &interface->addresses[step.part])) {
			add(same, step);
			disturb(same, node);
		}
}

/* What goes with a node, and has to come again with it. */
static void remove_implied(struct same *same, __u32 number)
{
	const struct net_node *node = &same->from->nodes[number];
	struct step step = { .remove = true, .implied = true, .net = same->from, .node = number };

	step.kind = STEP_LIMITS;
	if (node->limits.count)
		add(same, step);
	step.kind = STEP_SYSCTL;
	for (step.item = 0; step.item < node->sysctls.count; step.item++)
		add(same, step);
	step.kind = STEP_FORWARDING;
	step.item = 0;
	if (node->forwarding)
		add(same, step);
}

/* Sysctls of interfaces that go, while their node stays. */
static void remove_sysctls(struct same *same, struct step step)
{
	const struct net_node *node = step_node(&step);

	step.kind = STEP_SYSCTL;
	step.implied = true;
	for (step.item = 0; step.item < node->sysctls.count; step.item++)
		if (is_of_another(same->to, same->from, node, &node->sysctls.list[step.item]))
			add(same, step);
}

/* All of a node that the new network does not have. */
static void remove_settings(struct same *same, __u32 number)
{
	const struct net_node *node = &same->from->nodes[number], *twin = node_in(same->to, node);
	struct step step = { .remove = true, .net = same->from, .node = number };

	for (step.item = 0; step.item < node->processes_count; step.item++)
		if (!has_process(twin, node, &node->processes[step.item])) {
			step.kind = STEP_PROCESS;
			add(same, step);
		}
	step.item = 0;
	if (node->stack && (!twin || !twin->stack)) {
		step.kind = STEP_STACK;
		add(same, step);
	}
	step.implied = !twin;
	for (step.item = 0; step.item < node->routes_count; step.item++)
		if (!has_route(twin, &node->routes[step.item])) {
			step.kind = STEP_ROUTE;
			add(same, step);
		}
	if (twin)
		remove_sysctls(same, step);
	for (step.item = 0; step.item < node->interfaces_count; step.item++)
		remove_addresses(same, step);
	if (!twin)
		remove_implied(same, number);
}

/* Tagged interfaces, then real devices: these are given back even if the node goes. */
static void remove_devices(struct same *same, __u32 number)
{
	const struct net_node *node = &same->from->nodes[number];
	struct step step = { .remove = true, .net = same->from, .node = number };

	for (step.item = 0; step.item < node->interfaces_count; step.item++) {
		const struct net_interface *interface = &node->interfaces[step.item];

		if ((interface->lower == NET_NONE && !interface->device) ||
		    interface_in(same->to, same->from, node, interface))
			continue;
		step.kind = interface->device ? STEP_DEVICE : STEP_VLAN;
		step.implied = !interface->device && !node_in(same->to, node);
		add(same, step);
	}
}

static void remove_links(struct same *same)
{
	const struct net *net = same->from;
	struct step step = { .remove = true, .net = net };

	for (step.item = 0; step.item < net->links_count; step.item++) {
		const struct net_link *link = &net->links[step.item], *y;

		y = link_in(same->to, net, link);
		for (step.part = 0; link->segment && step.part < link->ends_count; step.part++)
			if (end_in(same->to, y, net, link, step.part) < 0) {
				step.kind = STEP_PORT;
				add(same, step);
			}
		step.part = 0;
		step.kind = link->segment ? STEP_BRIDGE : STEP_LINK;
		if (!y)
			add(same, step);
	}
}

static void take_away(struct same *same)
{
	const struct net *net = same->from;
	struct step step = { .kind = STEP_NODE, .remove = true, .net = net };

	for (size_t i = 0; i < net->nodes_count; i++)
		remove_settings(same, i);
	for (size_t i = 0; i < net->nodes_count; i++)
		remove_devices(same, i);
	remove_links(same);
	for (step.node = 0; step.node < net->nodes_count; step.node++)
		if (!node_in(same->to, &net->nodes[step.node]))
			add(same, step);
}

/* ---- adding -------------------------------------------------------------------------------- */

/* Directions of a link that stays, of which something else is said. */
static void add_properties(struct same *same, __u32 number, const struct net_link *before)
{
	const struct net_link *link = &same->to->links[number];
	struct step step = { .kind = STEP_PROPERTIES, .net = same->to, .item = number };

	for (; step.part < link->ends_count; step.part++) {
		long end = end_in(same->from, before, same->to, link, step.part);

		for (int to = 0; end >= 0 && to < 2; to++) {
			step.to = to;
			if (!properties_same(link, step.part, before, end, to))
				add(same, step);
		}
	}
}

static void add_links(struct same *same)
{
	const struct net *net = same->to;
	struct step step = { .net = net };

	for (step.item = 0; step.item < net->links_count; step.item++) {
		const struct net_link *link = &net->links[step.item], *y;

		y = link_in(same->from, net, link);
		step.kind = link->segment ? STEP_BRIDGE : STEP_LINK;
		if (!y)
			add(same, step);
		step.kind = STEP_PORT;
		for (step.part = 0; link->segment && step.part < link->ends_count; step.part++)
			if (end_in(same->from, y, net, link, step.part) < 0)
				add(same, step);
		step.part = 0;
		if (y)
			add_properties(same, step.item, y);
	}
	for (step.node = 0; step.node < net->nodes_count; step.node++)
		for (step.item = 0; step.item < net->nodes[step.node].interfaces_count;
		     step.item++) {
			const struct net_node *node = &net->nodes[step.node];

			step.kind = STEP_DEVICE;
			if (node->interfaces[step.item].device &&
			    !interface_in(same->from, net, node, &node->interfaces[step.item]))
				add(same, step);
		}
}

static bool is_set_alike(const struct same *same, const struct net_interface *x,
			 const struct net_interface *y)
{
	return net_mtu(same->from, x) == net_mtu(same->to, y) && x->has_mac == y->has_mac &&
	       !memcmp(x->mac, y->mac, sizeof(x->mac));
}

static void add_interface(struct same *same, struct step step)
{
	const struct net_node *node = step_node(&step);
	const struct net_interface *interface = &node->interfaces[step.item], *y;

	y = interface_in(same->from, same->to, node, interface);
	step.kind = STEP_VLAN;
	if (!y && interface->lower != NET_NONE)
		add(same, step);
	step.kind = STEP_INTERFACE;
	if (y && !is_set_alike(same, y, interface))
		add(same, step);
	step.kind = STEP_ADDRESS;
	for (step.part = 0; step.part < interface->addresses_count; step.part++)
		if (!has_address(y, &interface->addresses[step.part]))
			add(same, step);
}

static void add_settings(struct same *same, __u32 number)
{
	const struct net_node *node = &same->to->nodes[number], *twin = node_in(same->from, node);
	struct step step = { .net = same->to, .node = number, .kind = STEP_FORWARDING };

	step.remove = !node->forwarding;
	if (node->forwarding != (twin && twin->forwarding))
		add(same, step);
	step.remove = false;
	for (step.item = 0; step.item < node->interfaces_count; step.item++)
		add_interface(same, step);
	/* Behind interfaces, as some are of one. */
	step.kind = STEP_SYSCTL;
	for (step.item = 0; step.item < node->sysctls.count; step.item++) {
		const struct net_setting *sysctl = &node->sysctls.list[step.item],
					 *y = twin ? net_find_setting(&twin->sysctls, sysctl->key)
						   : NULL;

		step.again = y && !strcmp(y->value, sysctl->value);
		if (!step.again || is_of_another(same->from, same->to, node, sysctl))
			add(same, step);
	}
	step.kind = STEP_ROUTE;
	for (step.item = 0; step.item < node->routes_count; step.item++) {
		step.again = has_route(twin, &node->routes[step.item]);
		if (!step.again || same->disturbed[number])
			add(same, step);
	}
}

static void add_late(struct same *same, __u32 number)
{
	const struct net_node *node = &same->to->nodes[number], *twin = node_in(same->from, node);
	static const struct net_settings none;
	struct step step = { .net = same->to, .node = number, .kind = STEP_LIMITS };

	step.remove = !node->limits.count;
	if (!are_same_settings(twin ? &twin->limits : &none, &node->limits))
		add(same, step);
	step.remove = false;
	step.kind = STEP_STACK;
	step.again = node->stack && twin && is_same_text(node->stack, twin->stack);
	if (node->stack)
		add(same, step);
	step.again = false;
	step.kind = STEP_PROCESS;
	for (; step.item < node->processes_count; step.item++)
		if (!has_process(twin, node, &node->processes[step.item]))
			add(same, step);
}

static void add_all(struct same *same)
{
	const struct net *net = same->to;
	struct step step = { .kind = STEP_NODE, .net = net };

	for (step.node = 0; step.node < net->nodes_count; step.node++)
		if (!node_in(same->from, &net->nodes[step.node]))
			add(same, step);
	add_links(same);
	for (size_t i = 0; i < net->nodes_count; i++)
		add_settings(same, i);
	for (size_t i = 0; i < net->nodes_count; i++)
		add_late(same, i);
}

int steps_find(const struct net *from, const struct net *to, struct steps *steps)
{
	struct steps found = {};
	struct same same = { .from = from, .to = to, .steps = &found };

	same.disturbed = calloc(to ? to->nodes_count + 1 : 1, sizeof(*same.disturbed));
	if (!same.disturbed)
		return -ENOMEM;
	if (from)
		take_away(&same);
	found.first_add = found.count;
	if (to)
		add_all(&same);
	free(same.disturbed);
	if (same.failed) {
		free(found.list);
		return -ENOMEM;
	}
	*steps = found;
	return 0;
}
