// SPDX-License-Identifier: GPL-2.0-only
/*
 * retype - write the type field of the Ethernet header (for the tests of folding)
 *
 * in          Ethernet
 * out next    the type is the configured one
 * config      type=0..65535; helper: let the kernel write it, where no store is to be seen
 * counters    none
 * state       none
 * see also    ethertype
 */
#include <lana/block.h>

struct retype_config {
	__u16 type;
	_Bool helper;
};

struct retype_counters {
};

enum retype_port { RETYPE_NEXT };

static __always_inline void write_by_helper(struct lana_pkt *pkt, __be16 type)
{
	__u32 offset = offsetof(struct ethhdr, h_proto);

	if (pkt->flavour == LANA_XDP)
		bpf_xdp_store_bytes(lana_xdp(pkt), offset, &type, sizeof(type));
	else
		bpf_skb_store_bytes(lana_skb(pkt), offset, &type, sizeof(type), 0);
}

static __always_inline int retype_process(struct lana_pkt *pkt, const struct retype_config *config,
					  struct retype_counters *counters)
{
	struct ethhdr *eth = lana_eth(pkt);
	__be16 type = bpf_htons(config->type);

	if (!eth)
		return -LANA_DROP_SHORT;
	if (config->helper)
		write_by_helper(pkt, type);
	else
		eth->h_proto = type;
	return RETYPE_NEXT;
}

LANA_BLOCK(retype);
