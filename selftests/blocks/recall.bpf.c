// SPDX-License-Identifier: GPL-2.0-only
/*
 * recall - tell the source addresses that learn has remembered (for the tests of state)
 *
 * in          Ethernet
 * out known   the address is remembered
 * out new     it is not, and will not be
 * config      none
 * counters    none
 * state       addresses: as of learn
 * see also    learn
 */
#include <lana/block.h>

#include "addresses.h"

struct recall_config {
};

struct recall_counters {
};

enum recall_port { RECALL_KNOWN, RECALL_NEW };

static __always_inline int recall_process(struct lana_pkt *pkt, const struct recall_config *config,
					  struct recall_counters *counters)
{
	struct address address;

	if (read_source(pkt, &address))
		return -LANA_DROP_SHORT;
	return bpf_map_lookup_elem(&addresses, &address) ? RECALL_KNOWN : RECALL_NEW;
}

LANA_BLOCK(recall);
