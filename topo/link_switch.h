/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * link_switch - take links down and up again
 */
#ifndef TOPO_LINK_SWITCH_H
#define TOPO_LINK_SWITCH_H

#include "home.h"

/* As lana_topo_link(), of a network that is open and was read. */
int link_switch(const struct lana_topo_options *options, const struct home *home,
		const struct net *net, const char *link, const char *from, bool up,
		struct lana_error *error);

#endif
