// SPDX-License-Identifier: GPL-2.0-only
/*
 * net_nodes - read what a topology file says of its nodes
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/address.h"
#include "loader/cleanup.h"
#include "net_reader.h"

/* Copy a path, seen from the file's folder, in the place of *path. */
static int take_path(struct net_reader *reader, const yaml_node_t *node, const char *what,
		     char **path)
{
	_cleanup_free_ char *given = NULL;
	int err = reader_take(&reader->reader, node, what, &given);

	if (err)
		return err;
	free(*path);
	if (*given == '/')
		*path = TAKE_PTR(given);
	else if (asprintf(path, "%s/%s", reader->net->folder, given) < 0)
		*path = NULL;
	return *path ? 0 : no_memory(&reader->reader);
}

/* ---- interfaces ---------------------------------------------------------------------------- */

static int read_addresses(struct net_reader *reader, yaml_node_t *list,
			  struct net_interface *interface)
{
	struct reader *base = &reader->reader;

	for (yaml_node_item_t *item = list->data.sequence.items.start;
	     item < list->data.sequence.items.top; item++) {
		yaml_node_t *node = reader_node(base, *item);
		struct net_address *address =
			NET_ADD(interface->addresses, interface->addresses_count);

		if (!address)
			return no_memory(base);
		if (!net_parse_address(scalar(node), true, address))
			return refuse_node(base, node, "'%s' is no address with a prefix length",
					   scalar(node));
		address->place = place_of(node);
	}
	interface->given = true;
	return 0;
}

static struct net_interface *add_interface(struct net_node *node, const char *name,
					   struct place place)
{
	struct net_interface *interface = NET_ADD(node->interfaces, node->interfaces_count);

	if (!interface)
		return NULL;
	snprintf(interface->name, sizeof(interface->name), "%s", name);
	interface->place = place;
	interface->link = interface->lower = NET_NONE;
	return interface;
}

static int read_vlan(struct reader *base, const yaml_node_t *key, const yaml_node_t *value,
		     void *cookie)
{
	struct net_reader *reader = (struct net_reader *)base;
	struct net_node *node = cookie;
	__u32 lower = node->interfaces_count - 1;
	char name[IFNAMSIZ];
	yaml_node_t *list;
	int vlan = atoi(scalar(key));

	while (node->interfaces[lower].lower != NET_NONE)
		lower--;
	if (vlan > 4094)
		return refuse_node(base, key, "%d is no VLAN: 1 to 4094", vlan);
	if (snprintf(name, sizeof(name), "%s.%d", node->interfaces[lower].name, vlan) >=
	    (int)sizeof(name))
		return refuse_node(base, key, "the name of an interface '%s.%d' is too long",
				   node->interfaces[lower].name, vlan);
	if (!add_interface(node, name, place_of(key)))
		return no_memory(base);
	node->interfaces[node->interfaces_count - 1].lower = lower;
	node->interfaces[node->interfaces_count - 1].vlan = vlan;
	node->interfaces[node->interfaces_count - 1].given = true;
	list = form_get(base, value, "addresses");
	return list ? read_addresses(reader, list, &node->interfaces[node->interfaces_count - 1])
		    : 0;
}

static int read_device(struct reader *base, const yaml_node_t *value,
		       struct net_interface *interface)
{
	yaml_node_t *device = form_get(base, value, "device"),
		    *netns = form_get(base, value, "netns");
	int err;

	if (!device)
		return 0;
	interface->given = true;
	err = reader_take(base, device, "device", &interface->device);
	return err ?: reader_take(base, netns, "netns", &interface->netns);
}

static int read_interface(struct reader *base, const yaml_node_t *key, const yaml_node_t *value,
			  void *cookie)
{
	struct net_reader *reader = (struct net_reader *)base;
	struct net_node *node = cookie;
	yaml_node_t *found;
	struct net_interface *interface;
	int err;

	if (!strcmp(scalar(key), "lo"))
		return refuse_node(base, key,
				   "addresses of lo stand under 'addresses' of the node");
	if (net_find_interface(node, scalar(key)) >= 0)
		return refuse_node(base, key, "'%s' is there twice", scalar(key));
	interface = add_interface(node, scalar(key), place_of(key));
	if (!interface)
		return no_memory(base);
	err = read_device(base, value, interface);
	found = form_get(base, value, "addresses");
	if (!err && found)
		err = read_addresses(reader, found, interface);
	found = form_get(base, value, "mac");
	if (!err && found) {
		interface->has_mac = address_parse(ADDRESS_MAC, scalar(found), interface->mac);
		if (interface->mac[0] & 1)
			err = refuse_node(base, found, "'%s' is a group's address", scalar(found));
	}
	found = form_get(base, value, "mtu");
	if (!err && found)
		interface->mtu = atoi(scalar(found));
	found = form_get(base, value, "vlans");
	return !err && found ? reader_each_pair(base, found, "vlans", read_vlan, node) : err;
}

/* ---- settings ------------------------------------------------------------------------------ */

static int read_setting(struct reader *base, const yaml_node_t *key, const yaml_node_t *value,
			void *cookie)
{
	struct net_settings *settings = cookie;
	struct net_setting *setting = NULL;

	/* A node's own stand in the place of defaults. */
	for (size_t i = 0; i < settings->count; i++)
		if (!strcmp(settings->list[i].key, scalar(key)))
			setting = &settings->list[i];
	if (!setting)
		setting = NET_ADD(settings->list, settings->count);
	if (!setting)
		return no_memory(base);
	setting->place = place_of(key);
	return reader_take(base, key, "a key", &setting->key)
		       ?: reader_take(base, value, "a value", &setting->value);
}

/* Where something is put over, and what: a path, or nothing if it is a folder of the node's own. */
static int read_mount(struct reader *base, const yaml_node_t *key, const yaml_node_t *value,
		      void *cookie)
{
	struct net_node *node = cookie;
	struct net_setting *mount = NET_ADD(node->mounts.list, node->mounts.count);
	int err;

	if (!mount)
		return no_memory(base);
	mount->place = place_of(key);
	err = reader_take(base, key, "a path", &mount->key)
		      ?: take_path((struct net_reader *)base, value, "a path", &mount->value);
	if (!err && !strcmp(scalar(value), "private"))
		*mount->value = 0;
	return err;
}

static int read_settings(struct net_reader *reader, const yaml_node_t *value, const char *key,
			 struct net_settings *settings)
{
	yaml_node_t *found = form_get(&reader->reader, value, key);

	return found ? reader_each_pair(&reader->reader, found, key, read_setting, settings) : 0;
}

/* What may stand under defaults as well. */
static int read_common(struct net_reader *reader, const yaml_node_t *value, struct net_node *node)
{
	yaml_node_t *found = form_get(&reader->reader, value, "forwarding");

	if (found)
		node->forwarding = !strcmp(scalar(found), "true");
	return read_settings(reader, value, "sysctls", &node->sysctls)
		       ?: read_settings(reader, value, "limits", &node->limits);
}

/* ---- processes ----------------------------------------------------------------------------- */

static int take_words(struct reader *base, const yaml_node_t *run, struct net_process *process)
{
	bool list = run->type == YAML_SEQUENCE_NODE;
	size_t count = list ? run->data.sequence.items.top - run->data.sequence.items.start : 3;
	int err = 0;

	if (!count)
		return refuse_node(base, run, "a command of no words");
	process->words = calloc(count + 1, sizeof(*process->words));
	if (!process->words)
		return no_memory(base);
	for (size_t i = 0; list && !err && i < count; i++)
		err = reader_take(base, reader_node(base, run->data.sequence.items.start[i]),
				  "a word", &process->words[i]);
	if (list)
		return err;
	process->words[0] = strdup("/bin/sh");
	process->words[1] = strdup("-c");
	return process->words[0] && process->words[1]
		       ? reader_take(base, run, "a command", &process->words[2])
		       : no_memory(base);
}

/*
 * The program's name without its folder, as far as it is a name; a number if there is one
 * already.
 */
static int name_process(struct net_node *node, struct net_process *process)
{
	char *const *words = process->words;
	bool shell = words[1] && !strcmp(words[1], "-c") && words[2];
	const char *program = words[shell ? 2 : 0];
	const char *slash;
	char name[NET_NAME_MAX - 4];
	int number = 1;

	program += strspn(program, " ");
	for (slash = program; *slash && *slash != ' '; slash++)
		if (*slash == '/')
			program = slash + 1;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(program, " ;&|<>()$\"'`\\/"), program);
	if (!*name)
		snprintf(name, sizeof(name), "process");
	process->name = strdup(name);
	for (struct net_process *other = node->processes; process->name && other < process;)
		if (other->name && !strcmp(other->name, process->name)) {
			free(process->name);
			if (asprintf(&process->name, "%s.%d", name, ++number) < 0)
				process->name = NULL;
			other = node->processes;
		} else {
			other++;
		}
	return process->name ? 0 : -ENOMEM;
}

static int read_process(struct net_reader *reader, const yaml_node_t *item, struct net_node *node)
{
	struct reader *base = &reader->reader;
	struct net_process *process = NET_ADD(node->processes, node->processes_count);
	yaml_node_t *name = form_get(base, item, "name"), *log = form_get(base, item, "log"),
		    *restart = form_get(base, item, "restart"), *run = form_get(base, item, "run");
	int err;

	if (!process)
		return no_memory(base);
	process->place = place_of(item);
	err = take_words(base, run ?: item, process);
	if (!err && log)
		err = take_path(reader, log, "log", &process->log);
	if (err)
		return err;
	if (restart)
		process->restart = !strcmp(scalar(restart), "always")	? NET_ALWAYS
				   : !strcmp(scalar(restart), "failed") ? NET_FAILED
									: NET_NEVER;
	if (!name)
		return name_process(node, process) ? no_memory(base) : 0;
	for (struct net_process *other = node->processes; other < process; other++)
		if (!strcmp(other->name, scalar(name)))
			return refuse_node(base, name, "there are two processes '%s'",
					   scalar(name));
	return reader_take(base, name, "name", &process->name);
}

/* ---- nodes --------------------------------------------------------------------------------- */

static int read_routes(struct net_reader *reader, const yaml_node_t *list, struct net_node *node)
{
	struct reader *base = &reader->reader;

	for (yaml_node_item_t *item = list->data.sequence.items.start;
	     item < list->data.sequence.items.top; item++) {
		const yaml_node_t *text = reader_node(base, *item);
		struct net_route *route = NET_ADD(node->routes, node->routes_count);

		if (!route)
			return no_memory(base);
		if (!net_parse_route(scalar(text), route))
			return refuse_node(base, text, "'%.100s' is no route", scalar(text));
		route->to.place = place_of(text);
	}
	return 0;
}

static int read_lists(struct net_reader *reader, const yaml_node_t *value, struct net_node *node)
{
	struct reader *base = &reader->reader;
	yaml_node_t *found = form_get(base, value, "routes");
	int err = found ? read_routes(reader, found, node) : 0;

	found = form_get(base, value, "processes");
	for (yaml_node_item_t *item = found ? found->data.sequence.items.start : NULL;
	     !err && item && item < found->data.sequence.items.top; item++)
		err = read_process(reader, reader_node(base, *item), node);
	return err;
}

static int read_node(struct reader *base, const yaml_node_t *key, const yaml_node_t *value,
		     void *cookie)
{
	struct net_reader *reader = (struct net_reader *)base;
	struct net *net = cookie;
	struct net_node *node = NET_ADD(net->nodes, net->nodes_count);
	struct net_interface *lo = node ? add_interface(node, "lo", place_of(key)) : NULL;
	yaml_node_t *found;
	int err;

	if (!lo || index_add(&net->names, registry_hash(scalar(key))))
		return no_memory(base);
	snprintf(node->name, sizeof(node->name), "%s", scalar(key));
	node->place = place_of(key);
	lo->given = true;
	err = read_common(reader, reader->node_defaults, node);
	err = err ?: read_common(reader, value, node) ?: read_lists(reader, value, node);
	found = form_get(base, value, "addresses");
	if (!err && found)
		err = read_addresses(reader, found, lo);
	found = form_get(base, value, "mounts");
	if (!err && found)
		err = reader_each_pair(base, found, "mounts", read_mount, node);
	found = form_get(base, value, "interfaces");
	if (!err && found)
		err = reader_each_pair(base, found, "interfaces", read_interface, node);
	found = form_get(base, value, "stack");
	if (!err && found) {
		node->stack_place = place_of(found);
		err = take_path(reader, found, "stack", &node->stack);
	}
	return err;
}

int net_read_nodes(struct net_reader *reader, yaml_node_t *nodes)
{
	return reader_each_pair(&reader->reader, nodes, "nodes", read_node, reader->net);
}
