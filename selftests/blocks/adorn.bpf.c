// SPDX-License-Identifier: GPL-2.0-only
/*
 * adorn - give packets all that filters can ask for beside them (for the tests of filters)
 *
 * in          anything
 * out next    at tc with a queue, a hash and a VLAN tag, everywhere with a mark
 * config      mark, queue, hash=0..4294967295; vlan_tci, vlan_tpid=0..65535: what they are
 * counters    none
 * state       none
 * see also    sieve, mark
 */
#include <lana/block.h>

struct adorn_config {
	__u32 mark, queue, hash;
	__u16 vlan_tci, vlan_tpid;
};

struct adorn_counters {
};

enum adorn_port { ADORN_NEXT };

static __always_inline int adorn_process(struct lana_pkt *pkt, const struct adorn_config *config,
					 struct adorn_counters *counters)
{
	lana_set_mark(pkt, config->mark);
	if (pkt->flavour == LANA_XDP)
		return ADORN_NEXT;
	lana_skb(pkt)->queue_mapping = config->queue;
	bpf_set_hash(lana_skb(pkt), config->hash);
	if (bpf_skb_vlan_push(lana_skb(pkt), bpf_htons(config->vlan_tpid), config->vlan_tci))
		return -LANA_DROP_NO_MEMORY;
	return ADORN_NEXT;
}

LANA_BLOCK(adorn);
