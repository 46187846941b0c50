// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "loader/address.h"
#include "loader/cleanup.h"
#include "sketch.h"

/* ---- drawing ------------------------------------------------------------------------------- */

/* What is no letter, digit or _ becomes a -, of which none stand at the ends or in a row. */
static void make_name(const char *text, char name[NET_NAME_MAX - 6])
{
	size_t used = 0;

	for (; *text && used < NET_NAME_MAX - 7; text++) {
		bool good = isascii((unsigned char)*text) &&
			    (isalnum((unsigned char)*text) || *text == '_');

		if (good)
			name[used++] = *text;
		else if (used && name[used - 1] != '-')
			name[used++] = '-';
	}
	while (used && name[used - 1] == '-')
		used--;
	name[used] = 0;
	if (!used)
		strcpy(name, "node");
}

long sketch_node(struct net *net, const char *name, bool forwarding)
{
	struct net_node *node = NET_ADD(net->nodes, net->nodes_count);
	char good[NET_NAME_MAX - 6], unique[NET_NAME_MAX];
	int number = 1;

	if (!node)
		return -1;
	make_name(name, good);
	snprintf(unique, sizeof(unique), "%s", good);
	while (net_find_node(net, unique) >= 0)
		snprintf(unique, sizeof(unique), "%s-%d", good, ++number % 10000);
	if (index_add(&net->names, registry_hash(unique)))
		return -1;
	memcpy(node->name, unique, sizeof(unique));
	node->forwarding = forwarding;
	return sketch_interface(net, net->nodes_count - 1, "lo") < 0 ? -1
								     : (long)net->nodes_count - 1;
}

long sketch_interface(struct net *net, long node, const char *name)
{
	struct net_node *of = &net->nodes[node];
	struct net_interface *interface = NET_ADD(of->interfaces, of->interfaces_count);

	if (!interface)
		return -1;
	snprintf(interface->name, sizeof(interface->name), "%s", name);
	interface->link = interface->lower = NET_NONE;
	return of->interfaces_count - 1;
}

long sketch_link(struct net *net, bool segment)
{
	struct net_link *link = NET_ADD(net->links, net->links_count);

	if (!link)
		return -1;
	link->segment = segment;
	return net->links_count - 1;
}

bool sketch_end(struct net *net, long link, long node, long interface)
{
	struct net_end *end = NET_ADD(net->links[link].ends, net->links[link].ends_count);

	if (!end)
		return false;
	end->node = node;
	end->interface = interface < 0 ? NET_NONE : (__u32)interface;
	return true;
}

bool sketch_pair(struct net *net, long from, long to)
{
	long link = from < 0 || to < 0 ? -1 : sketch_link(net, false);

	return link >= 0 && sketch_end(net, link, from, -1) && sketch_end(net, link, to, -1);
}

bool sketch_property(struct net *net, long link, long end, bool to, const char *key,
		     const char *format, ...)
{
	struct net_link *of = &net->links[link];
	struct net_property *property = NET_ADD(of->properties, of->properties_count);
	va_list args;
	int length;

	if (!property)
		return false;
	property->end = end;
	property->to = to;
	property->setting.key = strdup(key);
	va_start(args, format);
	length = vasprintf(&property->setting.value, format, args);
	va_end(args);
	if (length < 0)
		property->setting.value = NULL;
	return property->setting.key && property->setting.value;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* "[a, b]" in quotes, as what has a colon in it is no plain scalar in a list. */
static void put_addresses(const struct net_interface *interface, FILE *file)
{
	char text[64];

	putc('[', file);
	for (size_t i = 0; i < interface->addresses_count; i++) {
		net_format_address(&interface->addresses[i], true, text, sizeof(text));
		fprintf(file, "%s\"%s\"", i ? ", " : "", text);
	}
	putc(']', file);
}

static void put_interface(const struct net_interface *interface, FILE *file)
{
	const char *comma = "";
	char mac[20];

	fprintf(file, "      %s: { ", interface->name);
	if (interface->given && !interface->device) {
		fputs("addresses: ", file);
		put_addresses(interface, file);
		comma = ", ";
	}
	if (interface->has_mac) {
		address_format(ADDRESS_MAC, interface->mac, mac, sizeof(mac));
		fprintf(file, "%smac: \"%s\"", comma, mac);
		comma = ", ";
	}
	if (interface->mtu) {
		fprintf(file, "%smtu: %u", comma, interface->mtu);
		comma = ", ";
	}
	if (interface->device)
		fprintf(file, "%sdevice: %s, netns: %s", comma, interface->device,
			interface->netns);
	fputs(" }\n", file);
}

static bool says_something(const struct net_interface *interface)
{
	return interface->given || interface->has_mac || interface->mtu;
}

/* Would YAML take the name for a number, a truth value or nothing? */
static bool needs_quotes(const char *name)
{
	static const char *const words[] = { "null", "true", "false", "yes", "no",
					     "on",   "off",  "y",     "n" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcasecmp(words[i], name))
			return true;
	return isdigit((unsigned char)*name) || *name == '_';
}

static void put_node(const struct net_node *node, FILE *file)
{
	const char *quote = needs_quotes(node->name) ? "\"" : "";
	bool named = false;

	fprintf(file, "  %s%s%s:\n", quote, node->name, quote);
	if (node->forwarding)
		fputs("    forwarding: true\n", file);
	if (node->interfaces[0].addresses_count) {
		fputs("    addresses: ", file);
		put_addresses(&node->interfaces[0], file);
		putc('\n', file);
	}
	for (size_t i = 1; i < node->interfaces_count; i++)
		if (says_something(&node->interfaces[i])) {
			if (!named)
				fputs("    interfaces:\n", file);
			named = true;
			put_interface(&node->interfaces[i], file);
		}
	if (node->routes_count)
		fputs("    routes:\n", file);
	for (size_t i = 0; i < node->routes_count; i++)
		fprintf(file, "      - %s\n", node->routes[i].text);
}

static void put_end(const struct net *net, const struct net_end *end, FILE *file)
{
	const struct net_node *node = &net->nodes[end->node];

	fputs(node->name, file);
	if (end->interface != NET_NONE)
		fprintf(file, ":%s", node->interfaces[end->interface].name);
}

/* The properties of one direction, or of all. */
static void put_properties(const struct net_link *link, long end, bool to, const char *before,
			   FILE *file)
{
	for (size_t i = 0; i < link->properties_count; i++)
		if (link->properties[i].end == end && link->properties[i].to == to) {
			fprintf(file, "%s%s: %s", before, link->properties[i].setting.key,
				link->properties[i].setting.value);
			before = ", ";
		}
}

static bool has_properties(const struct net_link *link, long end, bool to)
{
	for (size_t i = 0; i < link->properties_count; i++)
		if (link->properties[i].end == end && link->properties[i].to == to)
			return true;
	return false;
}

static void put_directions(const struct net *net, const struct net_link *link, bool to, FILE *file)
{
	bool any = false;

	for (size_t i = 0; i < link->ends_count; i++)
		if (has_properties(link, i, to)) {
			fprintf(file, "%s%s: { ",
				any  ? ", "
				: to ? ", to: { "
				     : ", from: { ",
				net->nodes[link->ends[i].node].name);
			put_properties(link, i, to, "", file);
			fputs(" }", file);
			any = true;
		}
	if (any)
		fputs(" }", file);
}

static void put_link(const struct net *net, const struct net_link *link, FILE *file)
{
	if (link->ends_count == 2 && !link->properties_count && !link->segment && !*link->name) {
		fputs("  - ", file);
		put_end(net, &link->ends[0], file);
		fputs(" -- ", file);
		put_end(net, &link->ends[1], file);
		putc('\n', file);
		return;
	}
	fputs("  - { ends: [", file);
	for (size_t i = 0; i < link->ends_count; i++) {
		fputs(i ? ", \"" : "\"", file);
		put_end(net, &link->ends[i], file);
		putc('"', file);
	}
	putc(']', file);
	if (*link->name)
		fprintf(file, ", name: %s", link->name);
	if (link->segment && link->ends_count == 2)
		fputs(", segment: true", file);
	put_properties(link, -1, false, ", ", file);
	put_directions(net, link, false, file);
	put_directions(net, link, true, file);
	fputs(" }\n", file);
}

int sketch_write(const struct net *net, const char *comment, char **text)
{
	char *written = NULL;
	size_t size;
	FILE *file = open_memstream(&written, &size);

	if (!file)
		return -ENOMEM;
	fprintf(file, "# %s\n", comment);
	if (*net->name)
		fprintf(file, "network: %s\n", net->name);
	if (net->shortest)
		fputs("routing: shortest\n", file);
	fputs("nodes:\n", file);
	for (size_t i = 0; i < net->nodes_count; i++)
		put_node(&net->nodes[i], file);
	if (net->links_count)
		fputs("links:\n", file);
	for (size_t i = 0; i < net->links_count; i++)
		put_link(net, &net->links[i], file);
	if (fclose(file)) {
		free(written);
		return -ENOMEM;
	}
	*text = written;
	return 0;
}
