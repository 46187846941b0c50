// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "hosts.h"
#include "loader/cleanup.h"

#define HOSTS "/etc/hosts"
#define BLANK " \t\r\n"

/* ---- which names there are ------------------------------------------------------------------- */

/* Nodes by name, as resolvers compare names: whatever the case (RFC 4343). */
struct names {
	const struct net *net;
	struct index folded;
};

static __u32 hash(const char *name)
{
	char folded[NET_END_TEXT_MAX];
	size_t i = 0;

	for (; name[i] && i < sizeof(folded) - 1; i++)
		folded[i] = tolower((unsigned char)name[i]);
	folded[i] = 0;
	return registry_hash(folded);
}

static void names_free(struct names *names)
{
	index_free(&names->folded);
}

static int names_read(struct names *names, const struct net *net)
{
	int err = 0;

	names->net = net;
	for (size_t i = 0; i < net->nodes_count && !err; i++)
		err = index_add(&names->folded, hash(net->nodes[i].name));
	return err;
}

/* A node that is called so, but for the case, other than that one (or NULL). */
static const struct net_node *find_other(const struct names *names, const char *name,
					 const struct net_node *but)
{
	index_for_each (&names->folded, hash(name), number) {
		const struct net_node *node = &names->net->nodes[number];

		if (node != but && !strcasecmp(node->name, name))
			return node;
	}
	return NULL;
}

/* What is meant by "localhost" programs know, in nodes as elsewhere (RFC 6761). */
static bool is_localhost(const char *name)
{
	return !strcasecmp(name, "localhost");
}

/* Resolvers look up no name that reads as an address, as inet(3) has them: "10" is 0.0.0.10. */
static bool is_address(const char *name, struct in_addr *address)
{
	return inet_aton(name, address);
}

static bool is_known(const struct net_node *node)
{
	struct in_addr address;

	return !is_localhost(node->name) && !is_address(node->name, &address);
}

/* Where the file has it, and what there is to say. */
__attribute__((format(printf, 5, 6))) static void add_note(const struct net *net,
							   const struct net_node *node, char *note,
							   size_t size, const char *format, ...)
{
	size_t used = strlen(note);
	va_list args;

	used += snprintf(note + used, size - used, "%s%s:%u:%u: ", used ? "; " : "", net->file.name,
			 node->place.line, node->place.column);
	if (used >= size)
		return;
	va_start(args, format);
	vsnprintf(note + used, size - used, format, args);
	va_end(args);
}

void hosts_note(const struct net *net, char *note, size_t size)
{
	_cleanup_(names_free) struct names names = {};
	bool addresses = false, twins = false;

	if (names_read(&names, net))
		return;
	for (size_t i = 0; i < net->nodes_count; i++) {
		const struct net_node *node = &net->nodes[i], *other;
		struct in_addr address;

		other = find_other(&names, node->name, node);
		if (!addresses && is_address(node->name, &address)) {
			add_note(net, node, note, size, "programs take '%s' for the address %s",
				 node->name, inet_ntoa(address));
			addresses = true;
		}
		if (!twins && other && other < node) {
			add_note(net, node, note, size,
				 "programs know neither '%s' nor '%s' by name, as case does not "
				 "count there",
				 node->name, other->name);
			twins = true;
		}
	}
}

/* ---- the file -------------------------------------------------------------------------------- */

/* A line of the machine's, without the names that nodes have: they would be two hosts' then. */
static void put_line(const struct names *names, char *line, FILE *file)
{
	char *save, *address, *name;
	bool any = false;

	line[strcspn(line, "#\n")] = 0;
	address = strtok_r(line, BLANK, &save);
	while (address && (name = strtok_r(NULL, BLANK, &save)))
		if (is_localhost(name) || !find_other(names, name, NULL)) {
			fprintf(file, "%s %s", any ? "" : address, name);
			any = true;
		}
	if (any)
		putc('\n', file);
}

static void put_machine(const struct names *names, FILE *file)
{
	FILE *own = fopen(HOSTS, "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;

	if (!own)
		return;
	while (getline(&line, &room, own) >= 0)
		put_line(names, line, file);
	fclose(own);
}

/* The node's name stands first, so that it is what its address is called. */
static void put_address(const struct names *names, const struct net_node *node,
			const struct net_interface *interface, const struct net_address *address,
			FILE *file)
{
	bool first = address == net_first_address(node, address->family) && is_known(node);
	char name[NET_END_TEXT_MAX], text[64];
	bool own;

	net_format_address(address, false, text, sizeof(text));
	snprintf(name, sizeof(name), "%s-%s", node->name, interface->name);
	own = !find_other(names, name, NULL);
	if (first || own)
		fprintf(file, "%s%s%s%s%s\n", text, first ? " " : "", first ? node->name : "",
			own ? " " : "", own ? name : "");
}

static void put_node(const struct names *names, const struct net_node *node, FILE *file)
{
	if (find_other(names, node->name, node))
		return; /* which of them is meant nobody could tell */
	for (size_t i = 0; i < node->interfaces_count; i++) {
		const struct net_interface *interface = &node->interfaces[i];

		for (size_t j = 0; j < interface->addresses_count; j++)
			put_address(names, node, interface, &interface->addresses[j], file);
	}
}

int hosts_write(const struct home *home, const struct net *net)
{
	_cleanup_(names_free) struct names names = {};
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *file;

	if (names_read(&names, net))
		return -ENOMEM;
	file = open_memstream(&text, &size);
	if (!file)
		return -ENOMEM;
	put_machine(&names, file);
	for (size_t i = 0; i < net->nodes_count; i++)
		put_node(&names, &net->nodes[i], file);
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
