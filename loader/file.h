/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * file - a stack file: a whole stack as text (YAML 1.1)
 *
 *	vlinks:
 *	  v7: { carrier: eth0, id: 7, netns: lab }	netns may be left out
 *	hooks:
 *	  eth0: { dev: eth0, hook: xdp, netns: lab }	all may be left out; or just eth0:
 *	blocks:
 *	  split: ethertype				name: type
 *	  hops: { type: ttl, reserve: 1, hot: true }	with options
 *	  e: { type: ethertype, config: { type: 2048 }}	with options of these names
 *	  web: { type: filter, expr: tcp port 80 }	asm: FILE, seen from the stack file
 *	bind:
 *	  - eth0 -> split				ingress, port next
 *	  - split[match] -> hops -> n4			a chain; a port by name or number
 *	  - a <- b					egress: b's port leads to a
 *	  - a <-> b hot					both; never to be fused
 *	subscribe:
 *	  gate: meter					a block to one or a list of blocks
 */
#ifndef LOADER_FILE_H
#define LOADER_FILE_H

#include "index.h"
#include "op.h"

/* Where in the file something stands, from 1 on. */
struct place {
	__u32 line, column;
};

struct file_option {
	char *text; /* "key=value" */
	struct place place;
};

struct file_block {
	char *name, *type; /* the type of a device is NULL */
	char *device, *netns;
	enum lana_hook hook;
	bool hot;
	struct file_option *options;
	size_t options_count;
	struct filter *filter; /* that these give, see file_filters() */
	struct place place, type_place;
};

struct file_vlink {
	char *name, *carrier, *netns;
	__u32 id;
	bool has_id;
	struct place place;
};

struct file_edge {
	char *from, *to, *port; /* port NULL: the first */
	enum lana_path path;
	bool hot;
	struct place place;
};

struct file_subscription {
	char *name, *publisher;
	struct place place;
};

struct file {
	const char *name; /* for messages */
	struct file_vlink *vlinks;
	size_t vlinks_count;
	struct file_block *blocks;
	size_t blocks_count;
	struct index names; /* of blocks */
	struct file_edge *edges;
	size_t edges_count;
	struct file_subscription *subscriptions;
	size_t subscriptions_count;
};

/* Read text of size bytes. -EINVAL: it is no stack file, and where and why. */
int file_parse(const char *name, const char *text, size_t size, struct file *file,
	       struct lana_error *error);
void file_free(struct file *file);

/* Compile the blocks' filters: hold no lock meanwhile. -ENOMEM */
int file_filters(struct file *file, struct lana_error *error);

/*
 * The block's options as lana_block_add() takes them, NULL behind the last one; NULL: no memory.
 * The caller frees the array.
 */
const char **file_options(const struct file_block *block);

/* The option that gives a block's filter; NULL: none does. */
const struct file_option *file_filter_option(const struct file_block *block);

/* The number of the block of that name; -1: none. */
long file_find(const struct file *file, const char *name);

/*
 * Parts of file_plan(): tagged links that are to be made, before devices are hooked, and those that
 * the file does not name.
 */
int file_plan_vlinks(const struct file *file, struct lana_commit *steps, struct lana_error *error);
int file_plan_no_vlinks(const struct file *file, struct lana_commit *steps,
			struct lana_error *error);

/* refuse(), with file, line and column in front. */
__attribute__((format(printf, 5, 6))) int file_refuse(const struct file *file, struct place place,
						      struct lana_error *error, int err,
						      const char *format, ...);

/* Are both ends of the file's subscriptions blocks of the file? Is each there once? */
int file_check_subscriptions(const struct file *file, struct lana_error *error);

/*
 * Add the steps for subscriptions: to undo those that the file does not have, before blocks change;
 * and to make those that the stack lacks, when all blocks are there. -ENOMEM
 */
int file_plan_unsubscribe(const struct file *file, const struct commit *commit,
			  struct lana_commit *steps);
int file_plan_subscribe(const struct file *file, const struct commit *commit,
			struct lana_commit *steps);

/*
 * Add the steps that make the stack what the file says: what the file does not name goes. Types are
 * loaded for the commit.
 */
int file_plan(const struct file *file, struct commit *commit, struct lana_commit *steps,
	      bool drop_state, struct lana_error *error);

#endif
