/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net_reader - what the files that read a topology file share; for net_*.c alone
 */
#ifndef TOPO_NET_READER_H
#define TOPO_NET_READER_H

#include "form.h"
#include "net.h"

struct net_reader {
	struct reader reader; /* first: callbacks are given this one */
	struct net *net;
	const struct net *before;		    /* whose links keep their interfaces; or NULL */
	yaml_node_t *node_defaults, *link_defaults; /* NULL: there are none */
};

int net_read_nodes(struct net_reader *reader, yaml_node_t *nodes);
int net_read_links(struct net_reader *reader, yaml_node_t *links);
int net_read_events(struct net_reader *reader, yaml_node_t *events);

#endif
