/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netns - work in another network namespace, with this thread alone
 */
#ifndef LOADER_NETNS_H
#define LOADER_NETNS_H

#include <linux/types.h>

#include <lana/lana.h>

/*
 * Enter a namespace (a name of ip-netns(8), a path, or "" for none) and store a descriptor of
 * the one left into *before, for netns_leave().
 */
int netns_enter(const char *netns, int *before, struct lana_error *error);

/* Is there such a namespace? "" is the current one. -ENOENT: there is none, -EINVAL: it is none. */
int netns_check(const char *netns, struct lana_error *error);

/* The same as netns_enter() by a descriptor. */
int netns_enter_fd(int netns, int *before);

/* The same for a new one, that goes with whatever is opened in it. */
int netns_enter_new(int *before);

/* Go back; closes before. A value of -1 does nothing. */
void netns_leave(int before);

/* As a cleanup. */
void netns_leave_p(int *before);

/* A descriptor of the namespace that the thread is in, or a negative errno. */
int netns_own(void);

/* Inode of the namespace that the thread is in: its identity. 0 on failure. */
__u64 netns_inode(void);

/* Descriptor of the namespace with that inode, searched in the same way. -ENOENT, -EMFILE, … */
int netns_by_inode(__u64 inode);

/*
 * Descriptor of the namespace that the current one knows by that id: searched among the
 * named ones and those of processes. -ENOENT: none of these.
 */
int netns_by_id(__s32 id);

#endif
