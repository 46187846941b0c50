/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * change - carry a difference of two networks out, so that what is refused is undone
 */
#ifndef TOPO_CHANGE_H
#define TOPO_CHANGE_H

#include <stdlib.h>

#include "home.h"
#include "step.h"

static inline void steps_free_p(struct steps *steps)
{
	free(steps->list);
}

/* Carry steps out with as many open files as so many nodes take. */
int run_with_files(const struct lana_topo_options *options, const struct home *home,
		   struct steps *steps, size_t nodes, struct lana_error *error);

/* Have a keeper start what is to run: processes, and the worker of links that take time. */
int keep_network(const struct lana_topo_options *options, const struct home *home,
		 const struct net *net, struct lana_error *error);

/*
 * Change a network that is up, and note it. source is the file that `to` was read from; NULL: the
 * one of before, of which some properties are others.
 */
int network_change(const struct lana_topo_options *options, const struct home *home,
		   const struct lana_topo_source *source, const struct net *from,
		   const struct net *to, struct steps *steps, struct lana_error *error);

#endif
