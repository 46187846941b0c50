/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * down - take a network away, whatever state it is in
 */
#ifndef TOPO_DOWN_H
#define TOPO_DOWN_H

#include "home.h"

int network_remove(const struct lana_topo_options *options, const struct home *home,
		   struct lana_error *error);

#endif
