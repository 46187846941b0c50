// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "properties.h"
#include "sysctl.h"
#include "twin.h"

const struct net_node *twin_node(const struct net *other, const struct net_node *node)
{
	long found = other ? net_find_node(other, node->name) : -1;

	return found < 0 ? NULL : &other->nodes[found];
}

static bool is_same_end(const struct net *a, const struct net_end *x, const struct net *b,
			const struct net_end *y)
{
	const struct net_node *p = &a->nodes[x->node], *q = &b->nodes[y->node];

	return !strcmp(p->name, q->name) &&
	       !strcmp(p->interfaces[x->interface].name, q->interfaces[y->interface].name);
}

const struct net_link *twin_link(const struct net *other, const struct net *net,
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

long twin_end(const struct net *other, const struct net_link *y, const struct net *net,
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
			return twin_end(other, y, net, link, i) >= 0;
	}
	return false;
}

bool twin_same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

const struct net_interface *twin_interface(const struct net *other, const struct net *net,
					   const struct net_node *node,
					   const struct net_interface *interface)
{
	const struct net_node *twin = twin_node(other, node);
	long found = twin ? net_find_interface(twin, interface->name) : -1;
	const struct net_interface *y = found < 0 ? NULL : &twin->interfaces[found];
	const struct net_link *link;

	if (!y || (y->link == NET_NONE) != (interface->link == NET_NONE) ||
	    y->vlan != interface->vlan || !twin_same_text(y->device, interface->device) ||
	    !twin_same_text(y->netns, interface->netns))
		return NULL;
	if (interface->lower != NET_NONE)
		return y->lower != NET_NONE && twin_interface(other, net, node,
							      &node->interfaces[interface->lower])
			       ? y
			       : NULL;
	if (interface->link == NET_NONE)
		return y;
	link = twin_link(other, net, &net->links[interface->link]);
	return link && link == &other->links[y->link] && has_interface(other, link, net, interface)
		       ? y
		       : NULL;
}

bool twin_lacks_device(const struct net *other, const struct net *net, const struct net_node *node,
		       const struct net_setting *sysctl)
{
	for (size_t i = 0; i < node->interfaces_count; i++)
		if (sysctl_is_of(sysctl->key, node->interfaces[i].name))
			return !twin_interface(other, net, node, &node->interfaces[i]);
	return false;
}

bool twin_has_address(const struct net_interface *interface, const struct net_address *address)
{
	for (size_t i = 0; interface && i < interface->addresses_count; i++) {
		const struct net_address *other = &interface->addresses[i];

		if (other->family == address->family && other->length == address->length &&
		    !memcmp(other->bytes, address->bytes, sizeof(other->bytes)))
			return true;
	}
	return false;
}

bool twin_has_route(const struct net_node *node, const struct net_route *route)
{
	for (size_t i = 0; node && i < node->routes_count; i++)
		if (!strcmp(node->routes[i].text, route->text) &&
		    node->routes[i].to.family == route->to.family)
			return true;
	return false;
}

bool twin_same_settings(const struct net_settings *a, const struct net_settings *b)
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

	if (strcmp(a->name, b->name) || a->restart != b->restart || !twin_same_text(a->log, b->log))
		return false;
	for (; a->words[i] && b->words[i]; i++)
		if (strcmp(a->words[i], b->words[i]))
			return false;
	return a->words[i] == b->words[i];
}

bool twin_has_process(const struct net_node *other, const struct net_node *node,
		      const struct net_process *process)
{
	if (!other || !twin_same_settings(&other->mounts, &node->mounts) ||
	    !other->limits.count != !node->limits.count)
		return false;
	for (size_t i = 0; i < other->processes_count; i++)
		if (is_same_process(&other->processes[i], process))
			return true;
	return false;
}
