// SPDX-License-Identifier: GPL-2.0-only
/*
 * mark - set bits of the packet's mark
 *
 * mark becomes (mark & ~mask) | (value & mask). At tc this is skb->mark, which the kernel's
 * routing rules and firewall see; at XDP the mark lasts as long as the packet is in the stack.
 *
 * in          anything
 * out next    marked
 * config      value=0..4294967295: the bits to set
 *             mask=0..4294967295: the bits to touch (0: all of them)
 * counters    none
 * state       none
 * see also    ip-rule(8), fwmark
 */
#include <lana/block.h>

struct mark_config {
	__u32 value;
	__u32 mask;
};

struct mark_counters {
};

enum mark_port { MARK_NEXT };

static __always_inline int mark_process(struct lana_pkt *pkt, const struct mark_config *config,
					struct mark_counters *counters)
{
	__u32 mask = config->mask ?: ~0U;

	lana_set_mark(pkt, (lana_mark(pkt) & ~mask) | (config->value & mask));
	return MARK_NEXT;
}

LANA_BLOCK(mark);
