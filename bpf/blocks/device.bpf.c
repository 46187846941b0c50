// SPDX-License-Identifier: GPL-2.0-only
/*
 * device - a hooked network device: transmit whatever arrives, on whichever path
 *
 * Made by "lanactl vlink hook", not by "add". What the device itself receives does not pass
 * through this code: the root at its hook jumps to where port next leads.
 *
 * in          Ethernet
 * out next    ingress: packets that the device received; egress, if hooked at tc: packets that
 *             the kernel wants to send by the device (they lead to the device itself at first)
 * config      slot: of the device in the device map
 *             egress_hook: the device has a root at tc egress
 * counters    none
 * state       none
 * see also    pass, lanactl(8)
 */
#include <lana/block.h>
#include <lana/hook.h>
#include <maps/devices.h>

struct device_config {
	__u32 slot;
	__u8 egress_hook;
};

struct device_counters {
};

enum device_port { DEVICE_NEXT };

static __always_inline int transmit_skb(struct __sk_buff *skb, const struct device_config *config)
{
	__u32 slot = config->slot;
	struct bpf_devmap_val *device = bpf_map_lookup_elem(&lana_devices_tc, &slot);

	if (!device)
		return -LANA_DROP_NO_DEVICE;
	/* Already on its way out of this very device: sending it again would come back here. */
	if (skb->cb[LANA_CB_HOOK] == LANA_CB_EGRESS && skb->ifindex == device->ifindex)
		return LANA_PASS;
	if (config->egress_hook)
		skb->tc_index = LANA_TC_SENT;
	bpf_redirect(device->ifindex, 0);
	return LANA_SENT;
}

static __always_inline int device_process(struct lana_pkt *pkt, const struct device_config *config,
					  struct device_counters *counters)
{
	if (pkt->flavour == LANA_TC)
		return transmit_skb(lana_skb(pkt), config);
	if (bpf_redirect_map(&lana_devices_xdp, config->slot, 0) != XDP_REDIRECT)
		return -LANA_DROP_NO_DEVICE;
	return LANA_SENT;
}

LANA_BLOCK(device);
