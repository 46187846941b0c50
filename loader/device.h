/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * device - what the kernel says of a network device
 */
#ifndef LOADER_DEVICE_H
#define LOADER_DEVICE_H

#include <linux/types.h>

#include <lana/lana.h>

#include "registry.h"

struct device {
	char name[16];
	__u32 ifindex;
	__u64 netns; /* inode */
	__u8 mac[6]; /* zero: it has none */
	__u32 mtu;
	bool is_veth;
	__u32 peer;	  /* ifindex of a veth's other end */
	__s32 peer_netns; /* id of its namespace; -1: the same one */
};

/* Look a device of the current network namespace up, by its name or index. -ENODEV */
int device_query(const char *name, struct device *device, struct lana_error *error);
int device_query_index(__u32 ifindex, struct device *device);

/*
 * Enter the namespace of a block's device, for netns_leave(before). -ENODEV: the device is not
 * there any more. -ESRCH: its namespace cannot be found from here.
 */
int device_enter(const struct device_record *record, struct device *device, int *before);

/*
 * Frames that XDP redirects into a veth are lost unless its other end polls: GRO is on there,
 * or its driver has an XDP program. *idle: neither is so. -ENOENT: the other end is in a
 * namespace that cannot be found.
 */
int device_peer_is_idle(const struct device *device, bool *idle);

/* Queues that a device of the current namespace receives by; 0: it does not tell. */
__u32 device_queues(const char *name);

/* Are there filters on the clsact qdisc of a device of the current namespace? */
bool device_has_filters(__u32 ifindex);

/* Read what the kernel has counted at a block's device. As device_enter(). */
int device_count(const struct device_record *record, struct lana_device_stats *stats);

/* Switch GRO at the other end on or off. */
int device_switch_peer(const struct device *device, bool on);

#endif
