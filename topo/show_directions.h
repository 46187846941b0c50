/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * show_directions - what links with properties do, and how true they are
 */
#ifndef TOPO_SHOW_DIRECTIONS_H
#define TOPO_SHOW_DIRECTIONS_H

#include "home.h"

/* Add them to what is shown; and the worker, if one is wanted, without what its keeper says. */
int show_directions(const struct lana_topo_options *options, const struct home *home,
		    const struct net *net, struct lana_topo_info *info, struct lana_error *error);

#endif
