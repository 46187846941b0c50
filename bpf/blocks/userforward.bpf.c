// SPDX-License-Identifier: GPL-2.0-only
/*
 * userforward - hand every packet on, unchanged, by way of a worker: the smallest block there
 *
 * in          anything
 * out next    the packet
 * config      dead=bypass|closed: while no worker has the block, packets leave at once, or are
 *             dropped
 * counters    to_user: packets that went to the worker
 *             bypassed, closed: packets while no worker had the block
 *             oversized: packets longer than the worker's frames, which are dropped
 *             packets, bytes: what the worker has handed on
 * state       none
 * see also    forward, hold, docs/userblock.md
 */
#include <lana/user.h>
#include <user/userforward.h>

static __always_inline int userforward_process(struct lana_pkt *pkt,
					       const struct userforward_config *config,
					       struct userforward_counters *counters)
{
	return lana_to_user(pkt, config, counters);
}

LANA_USER_BLOCK(userforward);
