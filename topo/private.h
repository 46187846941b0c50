/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * private - folders of a node's own, which its programs see where the file says
 *
 * They lie in the network's folder, in private/NODE, and are there from when the first program
 * wants them until the node goes.
 */
#ifndef TOPO_PRIVATE_H
#define TOPO_PRIVATE_H

#include "home.h"

/*
 * The folder that stands for `at` in a node; it is made, with the owner and the mode of what it
 * stands for, if it is not there.
 */
int private_folder(const struct home *home, const char *node, const char *at,
		   char path[2 * HOME_PATH_MAX]);

/* Remove those of a node, or of all (NULL). */
int private_remove(const struct home *home, const char *node);

#endif
