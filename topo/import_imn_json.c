// SPDX-License-Identifier: GPL-2.0-only
/*
 * import_imn_json - networks of IMUNES as its newer versions write them: JSON, which is YAML as
 * well
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/address.h"
#include "loader/error.h"
#include "form.h"
#include "imn.h"

struct json {
	struct reader reader; /* first: callbacks are given this one */
	struct imn imn;
};

static unsigned long line_of(const yaml_node_t *node)
{
	return node->start_mark.line + 1;
}

static void copy(const yaml_node_t *node, char *text, size_t size)
{
	snprintf(text, size, "%s", node && scalar(node) ? scalar(node) : "");
}

static double number(struct json *json, const yaml_node_t *mapping, const char *key)
{
	yaml_node_t *node = form_get(&json->reader, mapping, key);

	return node && scalar(node) ? atof(scalar(node)) : 0;
}

/* Call visit for the texts of a list. */
static int each(struct json *json, const yaml_node_t *list,
		int (*visit)(struct json *json, void *of, const yaml_node_t *item), void *of)
{
	int err = 0;

	if (!list || list->type != YAML_SEQUENCE_NODE)
		return 0;
	for (yaml_node_item_t *item = list->data.sequence.items.start;
	     !err && item < list->data.sequence.items.top; item++) {
		const yaml_node_t *node = reader_node(&json->reader, *item);

		if (scalar(node))
			err = visit(json, of, node);
	}
	return err;
}

static int take_address(struct json *json, void *of, const yaml_node_t *item)
{
	return imn_address(&json->imn, of, scalar(item), line_of(item));
}

static int take_route(struct json *json, void *of, const yaml_node_t *item)
{
	return imn_route(&json->imn, of, scalar(item), line_of(item));
}

static int read_interface(struct reader *base, const yaml_node_t *key, const yaml_node_t *value,
			  void *cookie)
{
	struct json *json = (struct json *)base;
	struct imn_node *node = cookie;
	struct imn_interface *interface;
	char type[20], mac[20];

	copy(form_get(base, value, "type"), type, sizeof(type));
	if (!strcmp(type, "lo"))
		return 0;
	interface = NET_ADD(node->interfaces, node->interfaces_count);
	if (!interface)
		return no_memory(base);
	copy(key, interface->id, sizeof(interface->id));
	copy(form_get(base, value, "name"), interface->name, sizeof(interface->name));
	copy(form_get(base, value, "mac"), mac, sizeof(mac));
	interface->as.has_mac = address_parse(ADDRESS_MAC, mac, interface->as.mac);
	interface->as.mtu = number(json, value, "mtu");
	return each(json, form_get(base, value, "ipv4_addrs"), take_address, interface)
		       ?: each(json, form_get(base, value, "ipv6_addrs"), take_address, interface);
}

static int read_node(struct reader *base, const yaml_node_t *key, const yaml_node_t *value,
		     void *cookie)
{
	struct json *json = (struct json *)base;
	struct imn_node *node = NET_ADD(json->imn.nodes, json->imn.nodes_count);
	yaml_node_t *interfaces = form_get(base, value, "ifaces");
	int err = 0;

	(void)cookie;
	if (!node)
		return no_memory(base);
	node->line = line_of(key);
	copy(key, node->id, sizeof(node->id));
	copy(form_get(base, value, "type"), node->type, sizeof(node->type));
	copy(form_get(base, value, "name"), node->name, sizeof(node->name));
	node->dynamic = form_get(base, value, "router_config") != NULL;
	if (interfaces)
		err = reader_each_pair(base, interfaces, "ifaces", read_interface, node);
	return err ?: each(json, form_get(base, value, "croutes4"), take_route, node) ?:
		      each(json, form_get(base, value, "croutes6"), take_route, node);
}

static int read_link(struct reader *base, const yaml_node_t *key, const yaml_node_t *value,
		     void *cookie)
{
	struct json *json = (struct json *)base;
	struct imn_link *link = NET_ADD(json->imn.links, json->imn.links_count);
	char ends[2 * NET_NAME_MAX], interfaces[2 * NET_NAME_MAX];

	(void)cookie;
	if (!link)
		return no_memory(base);
	link->line = line_of(key);
	copy(key, link->id, sizeof(link->id));
	copy(form_get(base, value, "peers"), ends, sizeof(ends));
	copy(form_get(base, value, "peers_ifaces"), interfaces, sizeof(interfaces));
	if (sscanf(ends, "%31s %31s", link->nodes[0], link->nodes[1]) != 2)
		return imn_refuse(&json->imn, link->line, "a link needs two nodes (peers)");
	if (sscanf(interfaces, "%31s %31s", link->interfaces[0], link->interfaces[1]) != 2)
		link->interfaces[0][0] = 0;
	link->rate = number(json, value, "bandwidth");
	link->delay = number(json, value, "delay");
	link->ber = number(json, value, "ber");
	link->loss = number(json, value, "loss");
	link->duplicate = number(json, value, "dup");
	return 0;
}

static int read_root(struct reader *base, yaml_node_t *root)
{
	yaml_node_t *nodes = form_get(base, root, "nodes"), *links = form_get(base, root, "links");

	int err;

	if (!nodes)
		return refuse_node(base, root, "there are no nodes in it");
	err = reader_each_pair(base, nodes, "nodes", read_node, NULL);
	return !err && links ? reader_each_pair(base, links, "links", read_link, NULL) : err;
}

int import_imn_json(const struct lana_topo_source *source, struct net *net,
		    struct lana_error *error)
{
	struct file file = { .name = source->name };
	struct json json = { .reader = { .file = &file, .error = error },
			     .imn = { .source = source, .error = error } };
	int err = reader_run(&json.reader, source->text, source->size, "there are no nodes in it",
			     read_root);

	if (!err)
		err = imn_draw(&json.imn, net);
	imn_free(&json.imn);
	return err;
}
