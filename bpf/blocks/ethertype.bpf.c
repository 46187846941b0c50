// SPDX-License-Identifier: GPL-2.0-only
/*
 * ethertype - divide packets by the type field of their Ethernet header
 *
 * At tc the kernel has taken a VLAN tag out already: the type is the one behind it.
 *
 * in          Ethernet
 * out match   the type is the configured one
 * out other   it is not
 * config      type=0..65535: as IANA lists them, 0x0800 for IPv4 (0: matches type 0 only)
 * counters    none
 * state       none
 * see also    ttl
 */
#include <lana/block.h>

struct ethertype_config {
	__u16 type;
};

struct ethertype_counters {
};

enum ethertype_port { ETHERTYPE_MATCH, ETHERTYPE_OTHER };

static __always_inline int ethertype_process(struct lana_pkt *pkt,
					     const struct ethertype_config *config,
					     struct ethertype_counters *counters)
{
	struct ethhdr *eth = lana_eth(pkt);

	if (!eth)
		return -LANA_DROP_SHORT;
	return eth->h_proto == bpf_htons(config->type) ? ETHERTYPE_MATCH : ETHERTYPE_OTHER;
}

LANA_BLOCK(ethertype);
