/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * imn - a network of IMUNES, as either form of its files says
 *
 * Routers forward, hosts and PCs do not. A switch or hub, or several that are linked, become one
 * Ethernet segment. What stands for a device of the machine (rj45) becomes that device, in the node
 * at the other end of the link.
 */
#ifndef TOPO_IMN_H
#define TOPO_IMN_H

#include "sketch.h"

struct imn_interface {
	char name[IFNAMSIZ];
	char peer[NET_NAME_MAX]; /* the node at the other end; or empty */
	char id[NET_NAME_MAX];	 /* that links name it by; or empty */
	struct net_interface as; /* addresses, MAC, MTU */
	bool used;
};

struct imn_node {
	char id[NET_NAME_MAX], type[NET_NAME_MAX], name[NET_NAME_MAX];
	struct imn_interface *interfaces;
	size_t interfaces_count;
	struct net_route *routes;
	size_t routes_count;
	bool dynamic; /* it runs a routing protocol */
	long as;      /* number of the node that it becomes; or of the segment; -1: none */
	unsigned long line;
};

struct imn_link {
	char id[NET_NAME_MAX], mirror[NET_NAME_MAX];
	char nodes[2][NET_NAME_MAX];
	char interfaces[2][NET_NAME_MAX];	  /* ids; or empty */
	double rate, delay, ber, duplicate, loss; /* bits a second, us, 1 over it, percent */
	unsigned long line;
};

struct imn {
	const struct lana_topo_source *source;
	struct lana_error *error;
	struct imn_node *nodes;
	size_t nodes_count;
	struct imn_link *links;
	size_t links_count;
};

void imn_free(struct imn *imn);

__attribute__((format(printf, 3, 4))) int imn_refuse(const struct imn *imn, unsigned long line,
						     const char *format, ...);

/* One more address of an interface. -EINVAL: it is none, which is said. */
int imn_address(const struct imn *imn, struct imn_interface *interface, const char *text,
		unsigned long line);

/* One more route; "0.0.0.0/0 10.0.0.1". */
int imn_route(const struct imn *imn, struct imn_node *node, const char *text, unsigned long line);

/* Draw the network. */
int imn_draw(struct imn *imn, struct net *net);

#endif
