/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * file_plan - what planning has found out so far; for file_plan.c and file_resolve.c alone
 */
#ifndef LOADER_FILE_PLAN_H
#define LOADER_FILE_PLAN_H

#include "file.h"

struct planner {
	const struct file *file;
	struct commit *commit;
	struct lana_commit *steps;
	struct lana_error *error;
	const struct type **types; /* of the file's blocks; NULL: a device */
	__u32 *ports;		   /* of the file's edges */
	struct index edges;	   /* of the file, by where they leave */
	bool drop_state;
};

/* The stack's; NULL: none. */
static inline const struct record *planner_record(const struct planner *p, const char *name,
						  __u32 *idp)
{
	return commit_find(p->commit, name, idp, NULL) ? NULL : commit_record(p->commit, *idp);
}

static inline bool is_device(const struct record *record)
{
	return record->device.hook != LANA_HOOK_NONE;
}

/*
 * First of all each of these, in this order: find the types of all blocks, and check their options;
 * is what has a name in the stack, too, of the same kind there; and find the ports of all edges.
 */
int planner_find_types(struct planner *p);
int planner_check_kinds(struct planner *p);
int planner_find_ports(struct planner *p);

/* The file's edge that leaves by a port; -1: none. */
long planner_edge(const struct planner *p, const char *from, int path, __u32 port);

#endif
