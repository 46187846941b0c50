/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * properties - what links do to packets
 *
 * The one place that knows which properties can be had. A link without any is a plain veth.
 */
#ifndef TOPO_PROPERTIES_H
#define TOPO_PROPERTIES_H

#include "net.h"

/* -EOPNOTSUPP: the file asks for something that is not built in, and where. */
int properties_check(const struct net *net, struct lana_error *error);

#endif
