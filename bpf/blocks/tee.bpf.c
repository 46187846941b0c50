// SPDX-License-Identifier: GPL-2.0-only
/*
 * tee - send each packet on by both ports
 *
 * What one of the two ways writes into the packet the other does not see. Nothing is copied where
 * all blocks on one of the ways only read and all packets end there, unbound or dropped; 'lanactl
 * show' tells how it is done. At XDP copies take frames of one buffer and 3,456 bytes at most, and
 * generic XDP (hook skb) makes none. If one port alone leads somewhere, the packet takes it; if
 * none does, it is counted as unbound at port 0.
 *
 * At tc a copy that 'pass' gives to the kernel comes in by its device once more, and who captures
 * there sees it twice. So where one way may end in the kernel, it gets the packet itself, whichever
 * port it begins at; where both may, one of them has to make do with a copy.
 *
 * in          anything
 * out 0       the packet
 * out 1       the packet
 * config      none
 * counters    none; copies that the kernel could not make are drops, with the reason "no_copy"
 * state       none
 * see also    fanout
 */
#include <lana/block.h>

struct tee_config {
};

struct tee_counters {
};

enum tee_port { TEE_0, TEE_1 };

static __always_inline int tee_process(struct lana_pkt *pkt, const struct tee_config *config,
				       struct tee_counters *counters)
{
	return LANA_ALL;
}

LANA_COPYING_BLOCK(tee);
