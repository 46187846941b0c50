// SPDX-License-Identifier: GPL-2.0-only
/* lanactl show dot - draw a stack */
#include <string.h>

#include "dot.h"

static void put_node(FILE *file, const struct lana_block_info *block)
{
	const struct lana_device_info *device = &block->device;
	char label[192];

	fprintf(file, "\tb%u ", block->idp);
	if (device->hook == LANA_HOOK_NONE) {
		snprintf(label, sizeof(label), "%s\n%s", block->name, block->type);
		fputs("[label=", file);
		dot_put(file, label);
		fputs(", shape=box, style=rounded];\n", file);
		return;
	}
	snprintf(label, sizeof(label), "%s\n%s %s%s", block->name,
		 strcmp(block->name, device->name) ? device->name : "device",
		 lana_hook_name(device->hook), device->gone ? ", gone" : "");
	fputs("[label=", file);
	dot_put(file, label);
	fputs(", shape=box, penwidth=2];\n", file);
}

static void put_edge(FILE *file, const struct lana_block_info *block, const struct lana_edge *edge)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", edge->port);
	fprintf(file, "\tb%u -> b%u [label=", block->idp, edge->to);
	dot_put(file, *edge->port_name ? edge->port_name : number);
	/* Ingress alone gives the ranks: up from the devices. */
	fputs(edge->path == LANA_EGRESS ? ", style=dashed, constraint=false];\n" : "];\n", file);
}

/* Events go from publisher to subscriber. */
static void put_subscriptions(FILE *file, const struct lana_block_info *block,
			      const struct lana_block_info *blocks, size_t count)
{
	for (size_t i = 0; i < block->subscribers_count; i++)
		for (size_t j = 0; j < count; j++)
			if (!strcmp(blocks[j].name, block->subscribers[i]))
				fprintf(file,
					"\tb%u -> b%u [style=dotted, arrowhead=vee, "
					"constraint=false];\n",
					block->idp, blocks[j].idp);
}

struct graph {
	const char *name;
	const struct lana_block_info *blocks;
	size_t count;
};

static void put_graph(FILE *file, const void *thing)
{
	const struct graph *graph = thing;

	fputs("digraph ", file);
	dot_put(file, graph->name);
	fputs(" {\n\trankdir=BT;\n\tnode [fontname=\"sans-serif\"];\n"
	      "\tedge [fontname=\"sans-serif\", fontsize=10];\n",
	      file);
	for (size_t i = 0; i < graph->count; i++)
		put_node(file, &graph->blocks[i]);
	for (size_t i = 0; i < graph->count; i++)
		for (size_t j = 0; j < graph->blocks[i].edges_count; j++)
			put_edge(file, &graph->blocks[i], &graph->blocks[i].edges[j]);
	for (size_t i = 0; i < graph->count; i++)
		put_subscriptions(file, &graph->blocks[i], graph->blocks, graph->count);
	fputs("}\n", file);
}

static enum cli_status run_show_dot(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	_cleanup_free_ struct lana_block_info *blocks = NULL;
	struct graph graph = { .name = cli_stack_name(args) };
	struct lana_error error = {};
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;
	err = lana_block_list(stack, NULL, &blocks, &graph.count, &error);
	if (err)
		return cli_refused(err, &error);
	graph.blocks = blocks;
	return dot_show(put_graph, &graph);
}

static const char *const examples[] = { "show dot | dot -Tsvg >stack.svg", NULL };

const struct cli_command show_dot_command = {
	.name = "show dot",
	.args = "",
	.summary = "draw the stack for Graphviz",
	.details = "Print the stack as a graph for dot(1): devices are sharp boxes and blocks "
		   "round ones, ingress is drawn solid and egress dashed, edges carry the "
		   "name of their port, and dotted arrows lead from publishers to subscribers.",
	.examples = examples,
	.run = run_show_dot,
};
