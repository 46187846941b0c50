// SPDX-License-Identifier: GPL-2.0-only
/*
 * pass - give every packet to the kernel's own network stack
 *
 * The packet goes on as if the hook it came by were not there: up from a device, or, at tc
 * egress, out of the device it was bound for.
 *
 * in          anything
 * out         none
 * config      none
 * counters    none
 * state       none
 * see also    drop, device
 */
#include <lana/block.h>

struct pass_config {
};

struct pass_counters {
};

static __always_inline int pass_process(struct lana_pkt *pkt, const struct pass_config *config,
					struct pass_counters *counters)
{
	return LANA_PASS;
}

LANA_BLOCK(pass);
