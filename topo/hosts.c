// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sys/mount.h>
#include <sys/stat.h>

#include "hosts.h"
#include "loader/cleanup.h"

#define HOSTS "/etc/hosts"
#define BLANK " \t\r\n"

/* What is meant by "localhost" programs know, in nodes as elsewhere (RFC 6761). */
static bool is_node(const struct net *net, const char *name)
{
	return strcmp(name, "localhost") && net_find_node(net, name) >= 0;
}

/* A line of the machine's, without the names that nodes have: they would be two hosts' then. */
static void put_line(const struct net *net, char *line, FILE *file)
{
	char *save, *address, *name;
	bool any = false;

	line[strcspn(line, "#\n")] = 0;
	address = strtok_r(line, BLANK, &save);
	while (address && (name = strtok_r(NULL, BLANK, &save)))
		if (!is_node(net, name)) {
			fprintf(file, "%s %s", any ? "" : address, name);
			any = true;
		}
	if (any)
		putc('\n', file);
}

static void put_machine(const struct net *net, FILE *file)
{
	FILE *own = fopen(HOSTS, "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;

	if (!own)
		return;
	while (getline(&line, &room, own) >= 0)
		put_line(net, line, file);
	fclose(own);
}

/* The node's name stands first, so that it is what its address is called. */
static void put_address(const struct net *net, const struct net_node *node,
			const struct net_interface *interface, const struct net_address *address,
			FILE *file)
{
	bool first =
		address == net_first_address(node, address->family) && is_node(net, node->name);
	char name[NET_END_TEXT_MAX], text[64];

	net_format_address(address, false, text, sizeof(text));
	snprintf(name, sizeof(name), "%s-%s", node->name, interface->name);
	fprintf(file, "%s%s%s", text, first ? " " : "", first ? node->name : "");
	if (net_find_node(net, name) < 0)
		fprintf(file, " %s", name);
	putc('\n', file);
}

int hosts_write(const struct home *home, const struct net *net)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return -ENOMEM;
	put_machine(net, file);
	for (size_t i = 0; i < net->nodes_count; i++)
		for (size_t j = 0; j < net->nodes[i].interfaces_count; j++) {
			const struct net_interface *interface = &net->nodes[i].interfaces[j];

			for (size_t k = 0; k < interface->addresses_count; k++)
				put_address(net, &net->nodes[i], interface,
					    &interface->addresses[k], file);
		}
	if (fclose(file))
		return -ENOMEM;
	return home_overwrite(home, "hosts", text, size);
}

int hosts_mount(const struct home *home)
{
	char path[HOME_PATH_MAX];
	struct stat own, there;

	home_path(home, path, "hosts");
	if (!stat(path, &own) && !stat(HOSTS, &there) && own.st_ino == there.st_ino &&
	    own.st_dev == there.st_dev)
		return 0;
	return mount(path, HOSTS, NULL, MS_BIND, NULL) && errno != ENOENT ? -errno : 0;
}
