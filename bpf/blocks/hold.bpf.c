// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold - hold each packet for a time, in a worker
 *
 * Packets keep their order, also when the delay is changed: none leaves before one that came
 * earlier.
 *
 * in          anything
 * out next    the packet, delay later
 * config      dead=bypass|closed: while no worker has the block, packets leave at once, or are
 *             dropped
 *             delay=0..: nanoseconds
 * counters    to_user: packets that went to the worker
 *             bypassed, closed: packets while no worker had the block
 *             oversized: packets longer than the worker's frames, which are dropped
 *             held: packets that the worker has taken up
 *             late: those that left more than 100 us after their time
 * state       the packets that it holds; when it is replaced, they leave at once
 * see also    userforward, limit
 */
#include <lana/user.h>
#include <user/hold.h>

static __always_inline int hold_process(struct lana_pkt *pkt, const struct hold_config *config,
					struct hold_counters *counters)
{
	return lana_to_user(pkt, config, counters);
}

LANA_USER_BLOCK(hold);
