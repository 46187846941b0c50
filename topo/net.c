// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"

void *net_grow(void *list, size_t *count, size_t size)
{
	size_t room = *count;
	char *grown = list;

	/* Room for a power of two. */
	if (!(room & (room - 1)))
		grown = reallocarray(list, room ? 2 * room : 1, size);
	if (grown)
		memset(grown + (*count)++ * size, 0, size);
	return grown;
}

static void free_settings(struct net_settings *settings)
{
	for (size_t i = 0; i < settings->count; i++) {
		free(settings->list[i].key);
		free(settings->list[i].value);
	}
	free(settings->list);
}

static void free_node(struct net_node *node)
{
	for (size_t i = 0; i < node->interfaces_count; i++) {
		free(node->interfaces[i].addresses);
		free(node->interfaces[i].device);
		free(node->interfaces[i].netns);
	}
	for (size_t i = 0; i < node->routes_count; i++) {
		free(node->routes[i].device);
		free(node->routes[i].text);
	}
	for (size_t i = 0; i < node->processes_count; i++) {
		struct net_process *process = &node->processes[i];

		for (size_t j = 0; process->words && process->words[j]; j++)
			free(process->words[j]);
		free(process->words);
		free(process->name);
		free(process->log);
	}
	free_settings(&node->sysctls);
	free_settings(&node->mounts);
	free_settings(&node->limits);
	free(node->interfaces);
	free(node->routes);
	free(node->processes);
	free(node->stack);
}

void net_free(struct net *net)
{
	for (size_t i = 0; i < net->nodes_count; i++)
		free_node(&net->nodes[i]);
	for (size_t i = 0; i < net->links_count; i++) {
		struct net_link *link = &net->links[i];

		for (size_t j = 0; j < link->properties_count; j++) {
			free(link->properties[j].setting.key);
			free(link->properties[j].setting.value);
		}
		free(link->properties);
		free(link->ends);
	}
	for (size_t i = 0; i < net->events_count; i++) {
		free(net->events[i].text);
		free(net->events[i].members);
		for (char **one = net->events[i].settings; one && *one; one++)
			free(*one);
		free(net->events[i].settings);
	}
	free(net->events);
	free(net->nodes);
	free(net->links);
	free(net->file_name);
	free(net->folder);
	index_free(&net->names);
	index_free(&net->link_names);
	*net = (struct net){};
}

int net_put_property(struct net_link *link, size_t end, bool to, const char *key, const char *value)
{
	struct net_property *property = NULL;
	char *copy = strdup(value);

	for (size_t i = 0; i < link->properties_count; i++)
		if (link->properties[i].end == (long)end && link->properties[i].to == to &&
		    !strcmp(link->properties[i].setting.key, key))
			property = &link->properties[i];
	if (!property) {
		property = NET_ADD(link->properties, link->properties_count);
		if (property)
			*property = (struct net_property){ end, to, .setting.place = link->place };
	}
	if (property && !property->setting.key)
		property->setting.key = strdup(key);
	if (!copy || !property || !property->setting.key) {
		free(copy);
		return -ENOMEM;
	}
	free(property->setting.value);
	property->setting.value = copy;
	property->live = true;
	return 0;
}

long net_find_node(const struct net *net, const char *name)
{
	index_for_each (&net->names, registry_hash(name), number)
		if (!strcmp(net->nodes[number].name, name))
			return number;
	return -1;
}

long net_find_link(const struct net *net, const char *name)
{
	index_for_each (&net->link_names, registry_hash(name), number)
		if (!strcmp(net->links[number].name, name))
			return number;
	return -1;
}

long net_find_interface(const struct net_node *node, const char *name)
{
	for (size_t i = 0; i < node->interfaces_count; i++)
		if (!strcmp(node->interfaces[i].name, name))
			return i;
	return -1;
}

const struct net_setting *net_find_setting(const struct net_settings *settings, const char *key)
{
	for (size_t i = 0; i < settings->count; i++)
		if (!strcmp(settings->list[i].key, key))
			return &settings->list[i];
	return NULL;
}

/* FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
static __u64 hash(__u64 sum, const char *text)
{
	do
		sum = (sum ^ (__u8)*text) * 0x100000001b3;
	while (*text++);
	return sum;
}

void net_make_mac(const struct net *net, const struct net_node *node,
		  const struct net_interface *interface, __u8 mac[6])
{
	__u64 sum = hash(hash(hash(0xcbf29ce484222325, net->name), node->name), interface->name);

	sum ^= sum >> 40;
	mac[0] = 0x02;
	for (int i = 1; i < 6; i++)
		mac[i] = sum >> 8 * (i - 1);
}

const char *net_end_text(const struct net *net, const struct net_end *end,
			 char text[NET_END_TEXT_MAX])
{
	const struct net_node *node = &net->nodes[end->node];

	snprintf(text, NET_END_TEXT_MAX, "%s:%s", node->name,
		 node->interfaces[end->interface].name);
	return text;
}

__u32 net_mtu(const struct net *net, const struct net_interface *interface)
{
	if (interface->mtu)
		return interface->mtu;
	return interface->link != NET_NONE ? net->links[interface->link].mtu : 0;
}
