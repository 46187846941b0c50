// SPDX-License-Identifier: GPL-2.0-only
/* lanactl topo generate, import - print topology files of known shapes, and of other programs */
#include <errno.h>
#include <string.h>

#include "topo.h"

static enum cli_status print(char *text)
{
	text[strlen(text) - 1] = 0; /* the last newline is the printer's */
	out_string("file", text);
	return CLI_DONE;
}

static enum cli_status run_generate(const struct cli_args *args)
{
	struct lana_topo_shape shape = { .kind = cli_word(args, "KIND") };
	const char *size = cli_word(args, "SIZE");
	_cleanup_free_ char *text = NULL;
	struct lana_error error = {};
	uint64_t by = 0, seed = 1;
	char *end;
	int err;

	shape.size = strtoul(size, &end, 10);
	if (*end || end == size || strspn(size, "0123456789") != strlen(size) || strlen(size) > 9)
		return cli_usage("'%.60s' is no size (topo generate %s)", size,
				 args->words.command->args);
	if (!cli_count(args, "N", 100000, &by) || !cli_whole(args, "SEED", UINT32_MAX, &seed))
		return CLI_USAGE;
	shape.by = by;
	shape.seed = seed;
	err = lana_topo_generate(&shape, &text, &error);
	return err ? cli_refused(err, &error) : print(text);
}

static enum cli_status run_import(const struct cli_args *args)
{
	_cleanup_(topo_file_free) struct topo_file file = {};
	_cleanup_free_ char *text = NULL;
	struct lana_error error = {};
	int err;

	if (!topo_read(args, &file))
		return CLI_REFUSED;
	err = lana_topo_import(&file.source, cli_flag(args, "bare"), &text, &error);
	return err ? cli_refused(err, &error) : print(text);
}

static const char *const generate_examples[] = { "topo generate line 200 >line.yaml",
						 "topo generate fat-tree 4 >fat.yaml",
						 "topo generate random 50 by 4 seed 7 >random.yaml",
						 NULL };
static const char *const import_examples[] = { "topo import Geant2012.graphml >geant.yaml",
					       "topo import ospf.imn bare >ospf.yaml", NULL };

const struct cli_command topo_generate_command = {
	.name = "topo generate",
	.args = "KIND SIZE [by N] [seed SEED]",
	.summary = "print a topology file of a known shape",
	.details =
		"Print the file of a network: 'line' and 'ring' of SIZE nodes, 'star' of SIZE "
		"leaves, 'tree' of SIZE levels with N children a node (2), 'grid' of SIZE columns "
		"and N rows (as many), 'fat-tree' of switches with SIZE ports, 'random' of SIZE "
		"nodes with N links a node on average (3), always connected; the same for the same "
		"SEED (1). Nodes get routes to each other; all but leaves and hosts forward.",
	.examples = generate_examples,
	.run = run_generate,
};

const struct cli_command topo_import_command = {
	.name = "topo import",
	.args = "FILE [bare]",
	.summary = "print another program's network as a topology file",
	.details = "Print the topology file of what FILE describes: GraphML, as of the Internet "
		   "Topology "
		   "Zoo (nodes, edges, their speed, and their delay by the places of their nodes), "
		   "or a "
		   "network of IMUNES (.imn, as lists of Tcl or as JSON: nodes, addresses, routes, "
		   "links; "
		   "switches become Ethernet segments; where routers run a protocol, nodes get the "
		   "routes of "
		   "shortest paths). 'bare' leaves out the properties of links.",
	.examples = import_examples,
	.run = run_import,
};
