// SPDX-License-Identifier: GPL-2.0-only
/*
 * step - steps in words
 */
#include <stdio.h>
#include <string.h>

#include "properties.h"
#include "step.h"

bool step_is_wired(const struct step *step)
{
	return (step->kind == STEP_LINK || step->kind == STEP_PORT) &&
	       properties_wired(&step->net->links[step->item], step->part);
}

struct place step_place(const struct step *step)
{
	const struct net *net = step->net;
	const struct net_node *node = &net->nodes[step->node];

	switch (step->kind) {
	case STEP_NODE:
	case STEP_FORWARDING:
	case STEP_LIMITS:
		return node->place;
	case STEP_BRIDGE:
	case STEP_LINK:
		return net->links[step->item].place;
	case STEP_PROPERTIES:
	case STEP_PORT:
		return net->links[step->item].ends[step->part].place;
	case STEP_DEVICE:
	case STEP_INTERFACE:
	case STEP_VLAN:
		return node->interfaces[step->item].place;
	case STEP_SYSCTL:
		return node->sysctls.list[step->item].place;
	case STEP_ADDRESS:
		return node->interfaces[step->item].addresses[step->part].place;
	case STEP_ROUTE:
		return node->routes[step->item].to.place;
	case STEP_STACK:
		return node->stack_place;
	case STEP_PROCESS:
		return node->processes[step->item].place;
	}
	return (struct place){};
}

static void link_text(const struct step *step, char *text, size_t size)
{
	const struct net_link *link = &step->net->links[step->item];
	char a[NET_END_TEXT_MAX], b[NET_END_TEXT_MAX];

	net_end_text(step->net, &link->ends[0], a);
	net_end_text(step->net, &link->ends[1], b);
	snprintf(text, size, "%s link %s (%s -- %s)%s", step->remove ? "remove" : "add", link->name,
		 a, b, properties_wired(link, 0) ? " with properties" : "");
}

static void port_text(const struct step *step, char *text, size_t size)
{
	const struct net_link *link = &step->net->links[step->item];
	char end[NET_END_TEXT_MAX];

	net_end_text(step->net, &link->ends[step->part], end);
	snprintf(text, size, "%s %s %s segment %s%s", step->remove ? "remove" : "add", end,
		 step->remove ? "of" : "to", link->name,
		 properties_wired(link, step->part) ? " with properties" : "");
}

static void properties_step_text(const struct step *step, char *text, size_t size)
{
	const struct net_link *link = &step->net->links[step->item];
	size_t used;
	char end[NET_END_TEXT_MAX];

	net_end_text(step->net, &link->ends[step->part], end);
	used = snprintf(text, size, "set link %s %s %s:", link->name, step->to ? "to" : "from",
			end);
	for (size_t i = 0; i < link->properties_count && used < size; i++)
		if (properties_holds(link, i, step->part, step->to))
			used += snprintf(text + used, size - used, " %s=%s",
					 link->properties[i].setting.key,
					 link->properties[i].setting.value);
	if (used < size && !properties_given(link, step->part, step->to))
		snprintf(text + used, size - used, " nothing");
}

static void address_text(const struct step *step, char *text, size_t size)
{
	const struct net_interface *interface = &step_node(step)->interfaces[step->item];
	char address[64];

	net_format_address(&interface->addresses[step->part], true, address, sizeof(address));
	snprintf(text, size, "%s address %s %s %s:%s", step->remove ? "remove" : "add", address,
		 step->remove ? "of" : "to", step_node(step)->name, interface->name);
}

static void sysctl_text(const struct step *step, char *text, size_t size)
{
	const struct net_setting *sysctl = &step_node(step)->sysctls.list[step->item];

	if (step->remove)
		snprintf(text, size, "leave sysctl %s of %s as it is", sysctl->key,
			 step_node(step)->name);
	else
		snprintf(text, size, "set %s=%s of %s", sysctl->key, sysctl->value,
			 step_node(step)->name);
}

void step_text(const struct step *step, char *text, size_t size)
{
	const struct net_node *node = step_node(step);
	const char *verb = step->remove ? "remove" : "add";

	switch (step->kind) {
	case STEP_NODE:
		snprintf(text, size, "%s node %s", verb, node->name);
		break;
	case STEP_BRIDGE:
		snprintf(text, size, "%s segment %s", verb, step->net->links[step->item].name);
		break;
	case STEP_LINK:
		link_text(step, text, size);
		break;
	case STEP_PORT:
		port_text(step, text, size);
		break;
	case STEP_PROPERTIES:
		properties_step_text(step, text, size);
		break;
	case STEP_DEVICE:
		snprintf(text, size, "%s device %s %s %s:%s", step->remove ? "give back" : "take",
			 node->interfaces[step->item].device, step->remove ? "of" : "as",
			 node->name, node->interfaces[step->item].name);
		break;
	case STEP_FORWARDING:
		snprintf(text, size, "switch forwarding %s in %s", step->remove ? "off" : "on",
			 node->name);
		break;
	case STEP_SYSCTL:
		sysctl_text(step, text, size);
		break;
	case STEP_LIMITS:
		snprintf(text, size, "%s limits of %s", step->remove ? "remove" : "set",
			 node->name);
		break;
	case STEP_INTERFACE:
		snprintf(text, size, "set MTU and MAC address of %s:%s", node->name,
			 node->interfaces[step->item].name);
		break;
	case STEP_VLAN:
		snprintf(text, size, "%s tagged interface %s:%s", verb, node->name,
			 node->interfaces[step->item].name);
		break;
	case STEP_ADDRESS:
		address_text(step, text, size);
		break;
	case STEP_ROUTE:
		snprintf(text, size, "%s route %.150s %s %s", verb, node->routes[step->item].text,
			 step->remove ? "of" : "to", node->name);
		break;
	case STEP_STACK:
		snprintf(text, size, "%s stack of %s", step->remove ? "remove" : "apply",
			 node->name);
		break;
	case STEP_PROCESS:
		snprintf(text, size, "%s process %s in %s", step->remove ? "end" : "start",
			 node->processes[step->item].name, node->name);
		break;
	}
}
