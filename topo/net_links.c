// SPDX-License-Identifier: GPL-2.0-only
/*
 * net_links - read what a topology file says of the links between its nodes
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cleanup.h"
#include "net_reader.h"

/* ---- interfaces ---------------------------------------------------------------------------- */

/* May an end have it that names none? */
static bool is_free(const struct net_interface *interface)
{
	return interface->link == NET_NONE && interface->lower == NET_NONE && !interface->device;
}

/* The lowest ethN that is free, whether or not the file says something of it. */
static void name_interface(const struct net_node *node, char name[IFNAMSIZ])
{
	const struct net_interface *last = &node->interfaces[node->interfaces_count - 1];
	unsigned int number = 0;
	long found;

	/* In a node of many links the last one is often the highest. */
	if (node->interfaces_count > 16 && sscanf(last->name, "eth%u", &number) == 1 &&
	    number == node->interfaces_count - 2)
		number++;
	else
		number = 0;
	do {
		snprintf(name, IFNAMSIZ, "eth%u", number++ % 1000000);
		found = net_find_interface(node, name);
	} while (found >= 0 && !is_free(&node->interfaces[found]));
}

/* Give an interface to an end; it is made if nothing was said of it before. */
static int take_interface(struct net_reader *reader, __u32 link, struct net_end *end,
			  const char *name)
{
	struct net_node *node = &reader->net->nodes[end->node];
	struct net_interface *interface;
	long found = net_find_interface(node, name);

	if (found >= 0 && (!found || !is_free(&node->interfaces[found])))
		return file_refuse(reader->reader.file, end->place, reader->reader.error, -EINVAL,
				   "interface '%s' of node '%s' is %s", name, node->name,
				   !found				       ? "lo"
				   : node->interfaces[found].device	       ? "a real device"
				   : node->interfaces[found].lower != NET_NONE ? "a tagged one"
									       : "in another link");
	if (found < 0) {
		found = node->interfaces_count;
		interface = NET_ADD(node->interfaces, node->interfaces_count);
		if (!interface)
			return no_memory(&reader->reader);
		snprintf(interface->name, sizeof(interface->name), "%s", name);
		interface->lower = NET_NONE;
		interface->place = end->place;
	}
	end->interface = found;
	node->interfaces[found].link = link;
	return 0;
}

/*
 * The name of the interface that an end had before: the link's, of a node of that name, at the same
 * turn if the node has several. NULL: none.
 */
static const char *name_before(const struct net_reader *reader, const struct net_link *link,
			       size_t number)
{
	const struct net *before = reader->before, *net = reader->net;
	long found = before ? net_find_link(before, link->name) : -1;
	size_t turn = 0;

	for (size_t i = 0; i < number; i++)
		turn += link->ends[i].node == link->ends[number].node;
	for (size_t i = 0; found >= 0 && i < before->links[found].ends_count; i++) {
		const struct net_end *end = &before->links[found].ends[i];
		const struct net_node *node = &before->nodes[end->node];

		if (!strcmp(node->name, net->nodes[link->ends[number].node].name) && !turn--)
			return node->interfaces[end->interface].name;
	}
	return NULL;
}

/* Interfaces for ends that name none: those that they had, if they are free, then others. */
static int give_interfaces(struct net_reader *reader, bool old)
{
	struct net *net = reader->net;
	int err = 0;

	for (size_t i = 0; i < net->links_count; i++)
		for (size_t j = 0; !err && j < net->links[i].ends_count; j++) {
			struct net_end *end = &net->links[i].ends[j];
			const struct net_node *node = &net->nodes[end->node];
			char name[IFNAMSIZ] = "";
			const char *had;
			long found;

			if (end->interface != NET_NONE)
				continue;
			had = old ? name_before(reader, &net->links[i], j) : NULL;
			found = had ? net_find_interface(node, had) : -1;
			if (had && (found < 0 || is_free(&node->interfaces[found])))
				snprintf(name, sizeof(name), "%s", had);
			else if (!old)
				name_interface(node, name);
			if (*name)
				err = take_interface(reader, i, end, name);
		}
	return err;
}

/* ---- ends ---------------------------------------------------------------------------------- */

static int read_end(struct net_reader *reader, struct net_end *end, const yaml_node_t *where,
		    const char *text)
{
	struct net *net = reader->net;
	const char *colon = strchr(text, ':');
	char node[NET_NAME_MAX];
	long found;

	snprintf(node, sizeof(node), "%.*s", (int)(colon ? colon - text : (long)strlen(text)),
		 text);
	found = net_find_node(net, node);
	if (found < 0)
		return refuse_node(&reader->reader, where, "there is no node '%s'", node);
	*end = (struct net_end){ .node = found, .interface = NET_NONE, .place = place_of(where) };
	return colon ? take_interface(reader, net->links_count - 1, end, colon + 1) : 0;
}

static int add_end(struct net_reader *reader, struct net_link *link, const yaml_node_t *where,
		   const char *text)
{
	struct net_end *end = NET_ADD(link->ends, link->ends_count);

	return end ? read_end(reader, end, where, text) : no_memory(&reader->reader);
}

/* "a -- b" */
static int read_pair(struct net_reader *reader, struct net_link *link, const yaml_node_t *node)
{
	_cleanup_free_ char *from = strdup(scalar(node));
	char *to = from ? strstr(from, " -- ") : NULL;

	if (!to)
		return no_memory(&reader->reader);
	*to = 0;
	return add_end(reader, link, node, from) ?: add_end(reader, link, node, to + 4);
}

/* ---- properties ---------------------------------------------------------------------------- */

static bool is_property(const char *key)
{
	return strcmp(key, "ends") && strcmp(key, "name") && strcmp(key, "segment") &&
	       strcmp(key, "mtu") && strcmp(key, "from") && strcmp(key, "to");
}

/* Of which direction properties are read. */
struct direction {
	struct net_reader *reader;
	struct net_link *link;
	long end;
	bool to;
};

static int set_property(const struct direction *direction, const yaml_node_t *key,
			const yaml_node_t *value)
{
	struct net_link *link = direction->link;
	struct reader *base = &direction->reader->reader;
	struct net_property *property = NULL;

	for (size_t i = 0; i < link->properties_count; i++)
		if (link->properties[i].end == direction->end &&
		    link->properties[i].to == direction->to &&
		    !strcmp(link->properties[i].setting.key, scalar(key)))
			property = &link->properties[i];
	if (!property)
		property = NET_ADD(link->properties, link->properties_count);
	if (!property)
		return no_memory(base);
	property->end = direction->end;
	property->to = direction->to;
	property->setting.place = place_of(key);
	return reader_take(base, key, "a key", &property->setting.key)
		       ?: reader_take(base, value, "a value", &property->setting.value);
}

static int read_properties(const struct direction *direction, const yaml_node_t *mapping)
{
	struct reader *base = &direction->reader->reader;
	int err = 0;

	if (!mapping || mapping->type != YAML_MAPPING_NODE)
		return 0;
	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     !err && pair < mapping->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = reader_node(base, pair->key);

		if (is_property(scalar(key)))
			err = set_property(direction, key, reader_node(base, pair->value));
	}
	return err;
}

static int read_direction(struct reader *base, const yaml_node_t *key, const yaml_node_t *value,
			  void *cookie)
{
	struct direction direction = *(struct direction *)cookie;
	struct net *net = direction.reader->net;
	long node = net_find_node(net, scalar(key));

	for (size_t i = 0; i < direction.link->ends_count; i++)
		if (direction.link->ends[i].node == node) {
			if (direction.end >= 0)
				return refuse_node(base, key, "both ends are of node '%s'",
						   scalar(key));
			direction.end = i;
		}
	if (direction.end < 0)
		return refuse_node(base, key, "'%s' is no node of this link", scalar(key));
	return read_properties(&direction, value);
}

/* What is said under from or to. */
static int read_directions(struct net_reader *reader, struct net_link *link,
			   const yaml_node_t *node, bool to)
{
	struct direction direction = { reader, link, -1, to };
	yaml_node_t *found = form_get(&reader->reader, node, to ? "to" : "from");

	if (!found)
		return 0;
	if (to && !link->segment)
		return refuse_node(&reader->reader, found,
				   "'to' is for segments: what comes to one end of this link is "
				   "what is sent 'from' the other");
	return reader_each_pair(&reader->reader, found, to ? "to" : "from", read_direction,
				&direction);
}

/* ---- links --------------------------------------------------------------------------------- */

static int read_record(struct net_reader *reader, struct net_link *link, const yaml_node_t *node)
{
	struct reader *base = &reader->reader;
	const struct direction all = { reader, link, -1, false };
	yaml_node_t *ends = form_get(base, node, "ends"), *found;
	int err = 0;

	for (yaml_node_item_t *item = ends->data.sequence.items.start;
	     !err && item < ends->data.sequence.items.top; item++)
		err = add_end(reader, link, reader_node(base, *item),
			      scalar(reader_node(base, *item)));
	if (!err && link->ends_count < 2)
		err = refuse_node(base, ends, "a link has two ends or more");
	if (err)
		return err;
	found = form_get(base, node, "segment");
	link->segment = link->ends_count > 2;
	if (found && link->segment && strcmp(scalar(found), "true"))
		return refuse_node(base, found, "a link of %zu ends is a segment",
				   link->ends_count);
	if (found)
		link->segment = !strcmp(scalar(found), "true");
	found = form_get(base, node, "mtu");
	if (found)
		link->mtu = atoi(scalar(found));
	return read_properties(&all, node) ?: read_directions(reader, link, node, false) ?:
	       read_directions(reader, link, node, true);
}

/*
 * A segment is called lan1, …, and a link after its two nodes, so long as that is no more than a
 * name can have; what is there already gets a number.
 */
static int name_link(struct net_reader *reader, struct net_link *link, const yaml_node_t *node)
{
	struct net *net = reader->net;
	yaml_node_t *given = form_get(&reader->reader, node, "name");
	const char *from = net->nodes[link->ends[0].node].name,
		   *to = net->nodes[link->ends[1].node].name;
	char name[NET_NAME_MAX];
	int number = 1;

	if (given && net_find_link(net, scalar(given)) >= 0)
		return refuse_node(&reader->reader, given, "there are two links '%s'",
				   scalar(given));
	if (given && link->segment && strlen(scalar(given)) >= IFNAMSIZ)
		return refuse_node(&reader->reader, given,
				   "the name of a segment has at most %d characters", IFNAMSIZ - 1);
	if (given)
		snprintf(name, sizeof(name), "%s", scalar(given));
	else if (link->segment)
		do
			snprintf(name, sizeof(name), "lan%d", number++);
		while (net_find_link(net, name) >= 0);
	else if (snprintf(name, sizeof(name), "%s-%s", from, to) >= (int)sizeof(name) ||
		 net_find_link(net, name) >= 0)
		do
			snprintf(name, sizeof(name), "%.12s-%.12s.%d", from, to, ++number % 100000);
		while (net_find_link(net, name) >= 0);
	memcpy(link->name, name, sizeof(name));
	return index_add(&net->link_names, registry_hash(name)) ? no_memory(&reader->reader) : 0;
}

static int read_link(struct net_reader *reader, const yaml_node_t *node)
{
	struct net_link *link = NET_ADD(reader->net->links, reader->net->links_count);
	const struct direction all = { reader, link, -1, false };
	yaml_node_t *mtu = form_get(&reader->reader, reader->link_defaults, "mtu");
	int err;

	if (!link)
		return no_memory(&reader->reader);
	link->place = place_of(node);
	link->subnet = NET_NONE;
	link->mtu = mtu ? atoi(scalar(mtu)) : 0;
	err = read_properties(&all, reader->link_defaults);
	if (!err)
		err = scalar(node) ? read_pair(reader, link, node)
				   : read_record(reader, link, node);
	return err ?: name_link(reader, link, node);
}

/* What is said of an interface that is nothing would be passed over. */
static int check_interfaces(struct net_reader *reader)
{
	struct net *net = reader->net;

	for (size_t i = 0; i < net->nodes_count; i++)
		for (size_t j = 1; j < net->nodes[i].interfaces_count; j++) {
			struct net_interface *interface = &net->nodes[i].interfaces[j];

			if (interface->link == NET_NONE && interface->lower == NET_NONE &&
			    !interface->device)
				return file_refuse(reader->reader.file, interface->place,
						   reader->reader.error, -EINVAL,
						   "interface '%s' of node '%s' is in no link",
						   interface->name, net->nodes[i].name);
		}
	return 0;
}

int net_read_links(struct net_reader *reader, yaml_node_t *links)
{
	int err = 0;

	for (yaml_node_item_t *item = links ? links->data.sequence.items.start : NULL;
	     !err && item && item < links->data.sequence.items.top; item++)
		err = read_link(reader, reader_node(&reader->reader, *item));
	return err ?: give_interfaces(reader, true) ?: give_interfaces(reader, false) ?:
	       check_interfaces(reader);
}
