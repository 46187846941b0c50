/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maps/users.h - which worker has which block: where packets for user space go
 *
 * owner       the worker: entries are made when it takes a block up and removed when it lets go of
 *             it. The kernel removes those of lana_user_xsks when the worker ends, in whatever
 *             manner, at once, and those of the device maps when its device goes, some time later
 * key         IDP of the block
 * lifetime    the stack's
 */
#ifndef LANA_MAPS_USERS_H
#define LANA_MAPS_USERS_H

/* → the worker's device, in the network namespace of the stack's devices. */
struct lana_users {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, LANA_BLOCKS_MAX);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct bpf_devmap_val));
	__uint(pinning, LIBBPF_PIN_BY_NAME); /* one for the whole stack */
};

/* Two alike, as a device map is for programs of one type. tc only looks into its own. */
struct lana_users lana_users_xdp SEC(".maps");
struct lana_users lana_users_tc SEC(".maps");

/* → the worker's AF_XDP socket: it lives. Nothing is redirected by this map. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, LANA_BLOCKS_MAX);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} lana_user_xsks SEC(".maps");

#endif
