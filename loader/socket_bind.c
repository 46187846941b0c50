// SPDX-License-Identifier: GPL-2.0-only
/* socket_bind - put a socket's block on another one, whose packets nobody has yet */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lana/lana.h>

#include "error.h"

struct wish {
	const char *name, *lower, *port; /* port: NULL: the first one */
};

static bool is_port(const struct lana_edge *edge, const char *port)
{
	if (!port)
		return !edge->port;
	if (isdigit((unsigned char)*port))
		return edge->port == strtoul(port, NULL, 10);
	return !strcmp(edge->port_name, port);
}

static int check_free(const struct lana_block_info *lower, const char *port,
		      struct lana_error *error)
{
	for (size_t i = 0; i < lower->edges_count; i++) {
		const struct lana_edge *edge = &lower->edges[i];

		if (edge->path == LANA_INGRESS && is_port(edge, port))
			return refuse(error, -EBUSY, "port '%s' of '%s' leads to '%s' already",
				      edge->port_name, lower->name, edge->to_name);
	}
	return 0;
}

/* If there is no such block, binding says so. */
static int collect(struct lana_commit *commit, const struct lana_block_info *blocks, size_t count,
		   void *cookie, struct lana_error *error)
{
	const struct wish *wish = cookie;
	const struct lana_bind_options in = { .port = wish->port, .ingress = true };
	const struct lana_bind_options out = { .egress = true };
	int err = 0;

	for (size_t i = 0; i < count && !err; i++)
		if (!strcmp(blocks[i].name, wish->lower))
			err = check_free(&blocks[i], wish->port, error);
	if (err)
		return err;
	err = lana_commit_bind(commit, wish->name, wish->lower, &in);
	err = err ?: lana_commit_bind(commit, wish->name, wish->lower, &out);
	return err ? refuse(error, err, "cannot bind '%s': %s", wish->name, strerror(-err)) : 0;
}

int lana_socket_bind(struct lana_stack *stack, const char *name, const char *lower,
		     const char *port, struct lana_error *error)
{
	struct wish wish = { name, lower, port && *port ? port : NULL };

	return lana_stack_change(stack, collect, &wish, error);
}
