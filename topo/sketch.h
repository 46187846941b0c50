/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sketch - a network that is drawn by a program, and written as a topology file
 */
#ifndef TOPO_SKETCH_H
#define TOPO_SKETCH_H

#include <stdio.h>

#include "net.h"

/* Add a node. The name is made one that a node can have, and that no other has. -1: no memory. */
long sketch_node(struct net *net, const char *name, bool forwarding);

/* Add an interface to a node; -1: no memory. */
long sketch_interface(struct net *net, long node, const char *name);

/* Add a link without ends; -1: no memory. */
long sketch_link(struct net *net, bool segment);

/* Add an end; interface -1: it is not named. False: no memory. */
bool sketch_end(struct net *net, long link, long node, long interface);

/* Two nodes. False: no memory. */
bool sketch_pair(struct net *net, long from, long to);

/* A property of the direction that begins at an end, or (to) ends there, or of all (-1). */
__attribute__((format(printf, 6, 7))) bool sketch_property(struct net *net, long link, long end,
							   bool to, const char *key,
							   const char *format, ...);

/* Write it down, behind a comment of one line. The caller frees *text. -ENOMEM */
int sketch_write(const struct net *net, const char *comment, char **text);

/* Importers; see lana_topo_import(). */
int import_graphml(const struct lana_topo_source *source, struct net *net,
		   struct lana_error *error);
int import_imn(const struct lana_topo_source *source, struct net *net, struct lana_error *error);
int import_imn_json(const struct lana_topo_source *source, struct net *net,
		    struct lana_error *error);

#endif
