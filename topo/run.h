/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run - carry out steps, in batches
 */
#ifndef TOPO_RUN_H
#define TOPO_RUN_H

#include <pthread.h>

#include "properties.h"
#include "rt.h"
#include "space.h"
#include "step.h"

struct run {
	const struct lana_topo_options *options;
	const struct home *home;
	struct steps *steps;
	struct spaces spaces;
	struct properties *properties; /* NULL: no link has any */
	struct lana_stack *wires;      /* that of links, if it is open already */
	pthread_mutex_t lock;	       /* of what follows, as threads fail at the same time */
	size_t failed;		       /* the first step that did */
	int err;
	char why[200];
};

/* Carry out all steps, up to the first that is refused. What was done is marked so. */
int run_steps(const struct lana_topo_options *options, const struct home *home, struct steps *steps,
	      struct lana_error *error);

/* Note that a step was refused. why may be NULL. */
void run_fail(struct run *run, size_t number, int err, const char *why);

/* 0, or the first step that was refused. */
int run_judge(const struct run *run, struct lana_error *error);

/* As rt's callback, cookie being the run and tags numbers of steps. */
void run_refused(void *cookie, __u32 tag, int err, const char *why);

/* Parts of it. Of steps [first, last) those of other kinds are passed over. */
int run_links(struct run *run, size_t first, size_t last);
void run_device(struct run *run, size_t number);
void run_settings(struct run *run, struct space *space, const size_t *numbers, size_t count);
void run_stack(struct run *run, size_t number);

#define RUN_GSO_SEGS 65535 /* a super-segment may be of so many: the kernel's own default */

/* Wait until the interfaces of links that were made can be used. */
int run_await(struct run *run);

/* What a device of that index in the namespace of wires is called. */
const char *run_wire(__u32 index, char name[IFNAMSIZ]);

/* The MAC address that it shall have. */
void net_mac(const struct net *net, const struct net_node *node,
	     const struct net_interface *interface, __u8 mac[6]);

#endif
