// SPDX-License-Identifier: GPL-2.0-only
/* socket_bind - put a socket's block on another one, whose packets nobody has yet */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lana/lana.h>

#include "cleanup.h"
#include "error.h"

#define ATTEMPTS 16 /* as often as somebody else may be quicker */

static bool is_port(const struct lana_edge *edge, const char *port)
{
	if (!port || !*port)
		return !edge->port;
	if (isdigit((unsigned char)*port))
		return edge->port == strtoul(port, NULL, 10);
	return !strcmp(edge->port_name, port);
}

static int check_free(struct lana_stack *stack, const char *lower, const char *port,
		      struct lana_error *error)
{
	_cleanup_free_ struct lana_block_info *block = NULL;
	size_t count;
	int err = lana_block_list(stack, lower, &block, &count, error);

	for (size_t i = 0; !err && i < block->edges_count; i++) {
		const struct lana_edge *edge = &block->edges[i];

		if (edge->path == LANA_INGRESS && is_port(edge, port))
			return refuse(error, -EBUSY, "port '%s' of '%s' leads to '%s' already",
				      edge->port_name, lower, edge->to_name);
	}
	return err;
}

static int attempt(struct lana_stack *stack, const char *name, const char *lower, const char *port,
		   struct lana_error *error)
{
	const struct lana_commit_options options = { .compare = true,
						     .generation = lana_stack_generation(stack) };
	const struct lana_bind_options in = { .port = port && *port ? port : NULL,
					      .ingress = true };
	const struct lana_bind_options out = { .egress = true };
	struct lana_commit *commit;
	int err = check_free(stack, lower, port, error);

	if (err)
		return err;
	err = lana_commit_begin(stack, &commit);
	if (err)
		return refuse(error, err, "cannot bind '%s': %s", name, strerror(-err));
	err = lana_commit_bind(commit, name, lower, &in);
	err = err ?: lana_commit_bind(commit, name, lower, &out);
	err = err ?: lana_commit_commit(commit, &options, NULL, error);
	lana_commit_free(commit);
	return err;
}

int lana_socket_bind(struct lana_stack *stack, const char *name, const char *lower,
		     const char *port, struct lana_error *error)
{
	int err = -ESTALE;

	for (unsigned int i = 0; i < ATTEMPTS && err == -ESTALE; i++)
		err = attempt(stack, name, lower, port, error);
	return err;
}
