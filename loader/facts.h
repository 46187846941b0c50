/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * facts - what the stack's blocks know of its devices: the maps of maps/devices.h
 */
#ifndef LOADER_FACTS_H
#define LOADER_FACTS_H

#include "device.h"
#include "stack.h"

/*
 * Let blocks transmit by a device of the current namespace, and know it. type is that of device
 * blocks, idp and name are the block's.
 */
int facts_write(struct lana_stack *stack, const struct type *type, __u32 idp, const char *name,
		const struct device *device, enum lana_hook hook);

/* Let nothing be known of it any more. */
void facts_clear(struct lana_stack *stack, const struct type *type, __u32 idp);

#endif
