/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ramp - values of a property between two others
 */
#ifndef TOPO_RAMP_H
#define TOPO_RAMP_H

#include <stddef.h>

#include <linux/types.h>

#include <lana/stack.h>

/*
 * Write the value that is `step` of `steps` on the way from one to another; rounded to what can be
 * kept, and exactly these at both ends. -EINVAL: they have no common unit.
 */
int ramp_value(const char *key, const char *from, const char *to, __u64 step, __u64 steps,
	       char *text, size_t size, struct lana_error *error);

#endif
