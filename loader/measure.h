/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * measure - which probes are in which block, and what those that measure have counted
 */
#ifndef LOADER_MEASURE_H
#define LOADER_MEASURE_H

#include "stack.h"

/* Probes that the block of that name shall have. */
__u16 probes_of(const struct registry *registry, const char *name);

/* Let a record have them. */
void probes_set(struct record *record, __u16 probes);

/*
 * Let every block have the probes that it shall have. If this is refused, all is as before, unless
 * with -EINPROGRESS.
 */
int probes_agree(struct lana_stack *stack, struct lana_error *error);

/* Finish or undo what a killed process had begun with probes, and tidy up behind it. */
int probes_recover(struct lana_stack *stack, struct lana_error *error);

/* Where a block is measured. */
int measure_find(struct lana_stack *stack, __u32 idp, struct weave_probes *probes,
		 struct lana_error *error);

/* Forget what was measured of an IDP. */
void measure_clear(struct lana_stack *stack, __u32 idp);

/* The sum over all CPUs; false: it is not measured. */
bool measure_read(struct lana_stack *stack, __u32 idp, enum lana_path path, struct probe_path *sum);

/* Close the pages that this handle has opened. */
void measure_close(struct lana_stack *stack);

#endif
