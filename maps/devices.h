/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maps/devices.h - where device blocks transmit
 *
 * owner       the loader: an entry is made when a device is hooked and removed when it is
 *             unhooked; the kernel removes it when the device goes
 * key         IDP of the device's block
 * value       ifindex, in the network namespace of the device
 * lifetime    the stack's
 */
#ifndef LANA_MAPS_DEVICES_H
#define LANA_MAPS_DEVICES_H

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

#endif
