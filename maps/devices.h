/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maps/devices.h - the stack's devices: where blocks transmit, and what they know of them
 *
 * owner       the loader: entries are made when a device is hooked and removed when it is
 *             unhooked; the kernel removes those of the device maps when the device goes
 * lifetime    the stack's
 */
#ifndef LANA_MAPS_DEVICES_H
#define LANA_MAPS_DEVICES_H

/* IDP of the device's block → ifindex, in the network namespace of the device. */
struct lana_devices {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, LANA_BLOCKS_MAX);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct bpf_devmap_val));
	__uint(pinning, LIBBPF_PIN_BY_NAME); /* one for the whole stack */
};

/* Two alike, as a device map is for programs of one type. tc only looks into its own. */
struct lana_devices lana_devices_xdp SEC(".maps");
struct lana_devices lana_devices_tc SEC(".maps");

/* IDP of the device's block → the device as it was when it was hooked; all 0: there is none. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LANA_BLOCKS_MAX);
	__type(key, __u32);
	__type(value, struct lana_device_facts);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} lana_facts SEC(".maps");

/*
 * ifindex → IDP of the device's block; 0: devices of several network namespaces have that number.
 * An entry may outlive its device: it counts if the facts name the same ifindex.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LANA_BLOCKS_MAX);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} lana_slots SEC(".maps");

#endif
