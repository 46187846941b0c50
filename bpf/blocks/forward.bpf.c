// SPDX-License-Identifier: GPL-2.0-only
/*
 * forward - hand every packet on, unchanged
 *
 * in          anything
 * out next    the packet
 * config      none
 * counters    none
 * state       none
 * see also    drop, pass
 */
#include <lana/block.h>

struct forward_config {
};

struct forward_counters {
};

enum forward_port { FORWARD_NEXT };

static __always_inline int forward_process(struct lana_pkt *pkt,
					   const struct forward_config *config,
					   struct forward_counters *counters)
{
	return FORWARD_NEXT;
}

LANA_BLOCK(forward);
