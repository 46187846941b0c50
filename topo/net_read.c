// SPDX-License-Identifier: GPL-2.0-only
/*
 * net_read - read a topology file whose form has been looked at
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cleanup.h"
#include "net_reader.h"

/* The file's name, without folders, up to the first dot, as far as it is a name. */
static void name_of_file(const char *file, char name[NET_NAME_MAX])
{
	const char *slash = strrchr(file, '/');
	size_t length;

	file = slash ? slash + 1 : file;
	length = strspn(file, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
	snprintf(name, NET_NAME_MAX, "%.*s", (int)length, file);
	if (!*name || *name == '-' || (file[length] && file[length] != '.'))
		snprintf(name, NET_NAME_MAX, "network");
}

/* Unless the user has named the network. */
static void read_name(struct net_reader *reader, yaml_node_t *root)
{
	struct net *net = reader->net;
	yaml_node_t *node = form_get(&reader->reader, root, "network");

	if (!*net->name && node)
		snprintf(net->name, sizeof(net->name), "%s", scalar(node));
	else if (!*net->name)
		name_of_file(net->file.name, net->name);
}

static int read_pool(struct net_reader *reader, yaml_node_t *addressing, const char *key,
		     const char *otherwise, int family, struct net_pool *pool)
{
	yaml_node_t *node = form_get(&reader->reader, addressing, key);
	const char *text = node ? scalar(node) : otherwise;

	pool->length = family == AF_INET ? 24 : 64;
	if (!strcmp(text, "none"))
		return 0;
	if (!net_parse_address(text, true, &pool->prefix) || pool->prefix.family != family)
		return refuse_node(&reader->reader, node, "'%s' is no %s prefix", text, key);
	if (node)
		pool->prefix.place = place_of(node);
	return 0;
}

static int read_addressing(struct net_reader *reader, yaml_node_t *root)
{
	yaml_node_t *addressing = form_get(&reader->reader, root, "addressing"), *length;
	struct net_pool *pools = reader->net->pools;
	int err =
		read_pool(reader, addressing, "ipv4", "10.0.0.0/8", AF_INET, &pools[0])
			?: read_pool(reader, addressing, "ipv6", "fd00::/32", AF_INET6, &pools[1]);

	if (err)
		return err;
	length = form_get(&reader->reader, addressing, "ipv4-length");
	if (length)
		pools[0].length = atoi(scalar(length));
	for (int i = 0; i < 2; i++)
		if (pools[i].prefix.family && pools[i].prefix.length > pools[i].length)
			return refuse_node(&reader->reader, length ?: addressing,
					   "a link's network of /%u is larger than all, a /%u",
					   pools[i].length, pools[i].prefix.length);
	return 0;
}

static int read_topology(struct reader *base, yaml_node_t *root)
{
	struct net_reader *reader = (struct net_reader *)base;
	yaml_node_t *defaults, *routing;
	int err = form_check(base, &topology_form, root);

	if (err)
		return err;
	read_name(reader, root);
	defaults = form_get(base, root, "defaults");
	reader->node_defaults = form_get(base, defaults, "node");
	reader->link_defaults = form_get(base, defaults, "link");
	routing = form_get(base, root, "routing");
	reader->net->shortest = routing && !strcmp(scalar(routing), "shortest");
	return read_addressing(reader, root) ?:
	       net_read_nodes(reader, form_get(base, root, "nodes")) ?:
	       net_read_links(reader, form_get(base, root, "links")) ?:
	       net_assign(reader->net, reader->before, base->error) ?:
	       net_read_events(reader, form_get(base, root, "events"));
}

/* "NAME" is a network's name as the forms have it. */
static bool is_name(const char *name)
{
	return *name && *name != '-' && strlen(name) < NET_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
		       strlen(name);
}

/* Where a file's paths begin, as an absolute path. NULL: it cannot be told. */
static char *folder_of(const char *file)
{
	const char *slash = strrchr(file, '/');
	_cleanup_free_ char *here = getcwd(NULL, 0);
	char *folder;

	if (!here)
		return NULL;
	if (!slash)
		return TAKE_PTR(here);
	if (asprintf(&folder, "%s%s%.*s", *file == '/' ? "" : here, *file == '/' ? "" : "/",
		     (int)(slash - file), file) < 0)
		return NULL;
	return folder;
}

int net_read(const struct lana_topo_source *source, const char *folder, const struct net *before,
	     struct net *net, struct lana_error *error)
{
	_cleanup_(net_free) struct net read = { .file_name = strdup(source->name ?: "topology") };
	struct net_reader reader = { .reader = { .file = &read.file, .error = error },
				     .net = &read,
				     .before = before };
	int err;

	read.folder = !read.file_name ? NULL : folder ? strdup(folder) : folder_of(read.file_name);
	read.file.name = read.file_name;
	if (!read.folder)
		return refuse(error, -ENOMEM, "cannot tell which folder %s is in",
			      source->name ?: "the file");
	if (source->network && !is_name(source->network))
		return refuse(error, -EINVAL, "'%.60s' is no name for a network", source->network);
	if (source->network)
		snprintf(read.name, sizeof(read.name), "%s", source->network);
	err = reader_run(&reader.reader, source->text, source->size,
			 "'nodes: { a: }' is a network of one node", read_topology);
	if (!err && read.shortest)
		err = net_route(&read, error);
	if (err)
		return err;
	*net = read;
	net->file.name = net->file_name;
	read = (struct net){};
	return 0;
}
