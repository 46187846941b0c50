// SPDX-License-Identifier: GPL-2.0-only
/*
 * swap_mac - turn packets round: exchange the MAC addresses and send them back
 *
 * A packet that came on ingress leaves on egress, by the way the block is bound downwards, and
 * the other way about.
 *
 * in          Ethernet
 * out next    on the other path: source and destination address exchanged
 * config      none
 * counters    none
 * state       none
 * see also    forward
 */
#include <lana/block.h>

struct swap_mac_config {
};

struct swap_mac_counters {
};

enum swap_mac_port { SWAP_MAC_NEXT };

static __always_inline int swap_mac_process(struct lana_pkt *pkt,
					    const struct swap_mac_config *config,
					    struct swap_mac_counters *counters)
{
	struct ethhdr *eth = lana_eth(pkt);
	__u8 dest[ETH_ALEN];

	if (!eth)
		return -LANA_DROP_SHORT;

	__builtin_memcpy(dest, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, dest, ETH_ALEN);
	return LANA_TURN + SWAP_MAC_NEXT;
}

LANA_TURNING_BLOCK(swap_mac);
