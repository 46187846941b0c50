// SPDX-License-Identifier: GPL-2.0-only
/* lanactl show peers - tell where the far ends of tunnels are that were learnt */
#include "cli.h"

static enum cli_status run_show_peers(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	_cleanup_free_ struct lana_endpoint_info *endpoints = NULL;
	struct lana_error error = {};
	size_t count;
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;
	err = lana_endpoint_list(stack, &endpoints, &count, &error);
	if (err)
		return cli_refused(err, &error);

	out_open_list("peers", OUT_TABLE);
	for (size_t i = 0; i < count; i++) {
		out_open(NULL, OUT_ASSIGN);
		out_number("peer", endpoints[i].peer);
		out_string("address", endpoints[i].address);
		out_number("port", endpoints[i].port);
		out_close();
	}
	out_close();
	return CLI_DONE;
}

static const char *const examples[] = { "show peers", NULL };

const struct cli_command show_peers_command = {
	.name = "show peers",
	.args = "",
	.summary = "show where the far ends of tunnels are, as was learnt",
	.details = "Show the address and the UDP port from which each tunnel came last that a "
		   "block of type decap learns (option peer, or mask), and to which blocks of type "
		   "encap with that number send.",
	.examples = examples,
	.run = run_show_peers,
};
