/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * topo - what the commands on networks have in common
 */
#ifndef CLI_TOPO_H
#define CLI_TOPO_H

#include <lana/topo.h>

#include "cli.h"

/* A file as it was read, and the options for liblana. */
struct topo_file {
	struct lana_topo_source source;
	char *text; /* owned */
};

void topo_file_free(struct topo_file *file);

/* Read FILE; the network is called as "as NETWORK" says. False: why not was said. */
bool topo_read(const struct cli_args *args, struct topo_file *file);

struct lana_topo_options topo_options(const struct cli_args *args);

/*
 * The network that NETWORK names: a name, or, with a dot or a slash in it, a file, whose network it
 * is. False: why not was said.
 */
bool topo_network(const struct cli_args *args, char network[32]);

/* A row of a table: a direction of a link, what it does, and how true it is. */
void topo_show_direction(const struct lana_topo_direction *direction);

/* Look at the network that NETWORK names. NULL: why not was said. */
struct lana_topo_info *topo_look(const struct cli_args *args);
void topo_info_free(struct lana_topo_info **info);

/* Call offer for each name that a value of a synopsis may have: "NETWORK", "NODE", "LINK", … */
void topo_complete(const struct cli_args *args, const char *value,
		   void (*offer)(const void *cookie, const char *name), const void *cookie);

#endif
