/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * home - what is noted of a network, for the next command and for whoever cleans up
 *
 *	NETWORK/		locked by whoever works on the network
 *	  text, source		the file that it was made from, its name and folder
 *	  links			which has which network of the pools, and which interfaces
 *	  set			properties changed since: LINK END from|to KEY VALUE
 *	  hosts			see hosts.h
 *	  busy			a command is at work; found without one: it was killed
 *	  ns/NODE		the node's network namespace, mounted; @segments: that of bridges,
 *			@wires: that in which links with properties are what they are
 *	  devices, stacks	real devices and stacks that are to be given back, noted beforehand
 *	  keeper, processes	see keeper.h
 *	  logs/			what processes say
 *	  private/		see private.h
 *
 * /run/netns/NETWORK.NODE is a symbolic link to ns/NODE. All of ns is one tree of mounts, so that
 * one call takes all of it away. What is needed to clean up can be told from this folder alone, in
 * whatever state the file's text is.
 */
#ifndef TOPO_HOME_H
#define TOPO_HOME_H

#include <lana/topo.h>

#include "net.h"

#define HOME_PATH_MAX 320
#define HOME_SEGMENTS "@segments" /* no node is called so, */
#define HOME_WIRES    "@wires"	  /* nor so */
#define NETNS_FOLDER  "/run/netns"

struct home {
	char name[NET_NAME_MAX];
	char folder[HOME_PATH_MAX - 100];
	int fd; /* of the folder, locked */
};

/*
 * Open and lock the folder of a network. With create it is made; -EEXIST: it is there already.
 * -ENOENT: there is none. close_p() as cleanup of fd.
 */
int home_open(const struct lana_topo_options *options, const char *network, bool create,
	      struct home *home, struct lana_error *error);
void home_close(struct home *home);

const char *home_root(const struct lana_topo_options *options);

/* The path of something in the folder. */
__attribute__((format(printf, 3, 4))) const char *
home_path(const struct home *home, char path[HOME_PATH_MAX], const char *format, ...);

/* The path by which ip-netns(8) knows a node. */
const char *home_netns(const struct home *home, const char *node, char path[HOME_PATH_MAX]);

/* Write a whole file, at one instant. */
int home_write(const struct home *home, const char *name, const char *text, size_t size);
/* The same without making it another file: mounts of it show what is written. */
int home_overwrite(const struct home *home, const char *name, const char *text, size_t size);
/* Add a line to a file. */
int home_note(const struct home *home, const char *name, const char *line);
/* Read a whole file; a 0 is put behind it. The caller frees *text. -ENOENT */
int home_read(const struct home *home, const char *name, char **text, size_t *size);

/* Note the file that the network is made from, and what its links were given. */
int home_store(const struct home *home, const struct lana_topo_source *source,
	       const struct net *net);
/* Note what was set of links and is not in the file. */
int home_store_set(const struct home *home, const struct net *net);
/* Read the network again as it was noted. */
int home_load(const struct home *home, struct net *net, struct lana_error *error);

/* Mark the network as being worked on, or as done with. */
int home_begin(const struct home *home);
void home_end(const struct home *home);
bool home_is_busy(const struct home *home);
/* -EBUSY: it is marked so, by a command that was killed. */
int home_check(const struct home *home, struct lana_error *error);

/* Say that the folder, or something in it, could not be written. */
int home_refuse(const struct home *home, int err, struct lana_error *error);

#endif
