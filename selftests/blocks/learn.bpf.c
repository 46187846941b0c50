// SPDX-License-Identifier: GPL-2.0-only
/*
 * learn - remember the source addresses of packets (for the tests of state)
 *
 * in          Ethernet
 * out known   the address was remembered already
 * out new     it is now
 * config      none
 * counters    none
 * state       addresses: a hash map from MAC address to packets seen
 * see also    recall
 */
#include <lana/block.h>

#include "addresses.h"

struct learn_config {
};

struct learn_counters {
};

enum learn_port { LEARN_KNOWN, LEARN_NEW };

static __always_inline int learn_process(struct lana_pkt *pkt, const struct learn_config *config,
					 struct learn_counters *counters)
{
	struct address address;
	__u64 one = 1, *seen;

	if (read_source(pkt, &address))
		return -LANA_DROP_SHORT;
	seen = bpf_map_lookup_elem(&addresses, &address);
	if (seen) {
		__sync_fetch_and_add(seen, 1);
		return LEARN_KNOWN;
	}
	return bpf_map_update_elem(&addresses, &address, &one, BPF_ANY) ? -LANA_DROP_NO_MEMORY
									: LEARN_NEW;
}

LANA_BLOCK(learn);
