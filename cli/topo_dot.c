// SPDX-License-Identifier: GPL-2.0-only
/* lanactl topo dot - draw a network */
#include <string.h>

#include "dot.h"
#include "topo.h"

static const struct lana_topo_interface *find_interface(const struct lana_topo_info *info,
							const struct lana_topo_end *end)
{
	for (size_t i = 0; i < info->nodes_count; i++)
		for (size_t j = 0; j < info->nodes[i].interfaces_count; j++)
			if (!strcmp(info->nodes[i].name, end->node) &&
			    !strcmp(info->nodes[i].interfaces[j].name, end->interface))
				return &info->nodes[i].interfaces[j];
	return NULL;
}

/* What stands at an end: its interface, and its first address. */
static void put_end(FILE *file, const struct lana_topo_info *info, const struct lana_topo_end *end)
{
	const struct lana_topo_interface *interface = find_interface(info, end);
	char text[128];

	snprintf(text, sizeof(text), "%s%s%s", end->interface,
		 interface && interface->addresses_count ? "\n" : "",
		 interface && interface->addresses_count ? interface->addresses[0].text : "");
	dot_put(file, text);
}

static void put_style(FILE *file, const struct lana_topo_link *link)
{
	fputs(link->up ? "];\n" : ", style=dashed, color=red];\n", file);
}

static void put_cable(FILE *file, const struct lana_topo_info *info,
		      const struct lana_topo_link *link)
{
	fputc('\t', file);
	dot_put(file, link->ends[0].node);
	fputs(" -- ", file);
	dot_put(file, link->ends[1].node);
	fputs(" [label=", file);
	dot_put(file, link->name);
	fputs(", taillabel=", file);
	put_end(file, info, &link->ends[0]);
	fputs(", headlabel=", file);
	put_end(file, info, &link->ends[1]);
	put_style(file, link);
}

/* A node of its own, which no node of the network can be called. */
static void put_segment(FILE *file, const struct lana_topo_info *info,
			const struct lana_topo_link *link)
{
	char name[40];

	snprintf(name, sizeof(name), "=%s", link->name);
	fputc('\t', file);
	dot_put(file, name);
	fputs(" [shape=underline, label=", file);
	dot_put(file, link->name);
	fputs("];\n", file);
	for (size_t i = 0; i < link->ends_count; i++) {
		fputc('\t', file);
		dot_put(file, link->ends[i].node);
		fputs(" -- ", file);
		dot_put(file, name);
		fputs(" [taillabel=", file);
		put_end(file, info, &link->ends[i]);
		put_style(file, link);
	}
}

static void put_network(FILE *file, const void *thing)
{
	const struct lana_topo_info *info = thing;

	fputs("graph ", file);
	dot_put(file, info->name);
	fputs(" {\n\tnodesep=1;\n\tranksep=1.2;\n"
	      "\tnode [fontname=\"sans-serif\"];\n"
	      "\tedge [fontname=\"sans-serif\", fontsize=8];\n",
	      file);
	for (size_t i = 0; i < info->nodes_count; i++) {
		fputc('\t', file);
		dot_put(file, info->nodes[i].name);
		fprintf(file, " [shape=%s];\n", info->nodes[i].forwarding ? "ellipse" : "box");
	}
	for (size_t i = 0; i < info->links_count; i++)
		if (info->links[i].segment)
			put_segment(file, info, &info->links[i]);
		else
			put_cable(file, info, &info->links[i]);
	fputs("}\n", file);
}

static enum cli_status run_dot(const struct cli_args *args)
{
	_cleanup_(topo_info_free) struct lana_topo_info *info = topo_look(args);

	return info ? dot_show(put_network, info) : CLI_REFUSED;
}

static const char *const examples[] = { "topo dot lab | dot -Tsvg >lab.svg", NULL };

const struct cli_command topo_dot_command = {
	.name = "topo dot",
	.args = "NETWORK",
	.summary = "draw a network for Graphviz",
	.details = "Print a running network as a graph for dot(1): nodes that forward "
		   "are round and others are boxes, an Ethernet segment is a line, links carry "
		   "their name, and their ends the interface and its first address. What is down "
		   "is dashed and red.",
	.examples = examples,
	.run = run_dot,
};
