/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * attach - roots and what holds them to a device: pinned BPF links, or filters of a clsact
 * qdisc where the kernel has no tcx
 */
#ifndef LOADER_ATTACH_H
#define LOADER_ATTACH_H

#include "stack.h"

/* Whether the device was left with filters instead of links; stored in device_record.clsact. */
enum clsact { CLSACT_NONE, CLSACT_USED, CLSACT_MADE /* the qdisc too */ };

/* Does the kernel have tcx? A negative errno: it could not be found out. */
int attach_has_tcx(bool *has);

/*
 * Weave the roots of a device's block and attach them, in the namespace of the device: by
 * filters if record.device.clsact says so. *clsact tells whether the qdisc was made too. On
 * failure nothing is attached.
 */
int attach(struct lana_stack *stack, __u32 idp, const struct record *record, __u8 *clsact,
	   struct lana_error *error);

/*
 * Weave the roots of a block that is attached anew into *programs, the callee's to close; and put
 * them in the place of those that are attached: packets meet the old or the new one. -ENODEV:
 * nothing is attached any more.
 */
int attach_weave(struct lana_stack *stack, __u32 idp, const struct record *record, int programs[2],
		 struct lana_error *error);
int attach_replace(struct lana_stack *stack, __u32 idp, const struct device_record *device,
		   const int programs[2]);

/* Detach whatever is attached. */
void detach(struct lana_stack *stack, __u32 idp, const struct device_record *device);

/* Are all of the block's roots attached, to a device that is where it was? */
bool is_attached(struct lana_stack *stack, __u32 idp, const struct device_record *device);

/*
 * Attach tc programs by filters on a clsact qdisc of a device of the current namespace; *clsact
 * gets CLSACT_USED or CLSACT_MADE. Detach those of that stack's programs (NULL: any's).
 */
int attach_clsact(__u32 ifindex, int ingress, int egress, __u8 *clsact);
void detach_clsact(const struct lana_stack *stack, __u32 ifindex, __u8 clsact);

#endif
