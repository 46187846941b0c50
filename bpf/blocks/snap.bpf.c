// SPDX-License-Identifier: GPL-2.0-only
/*
 * snap - cut packets off behind so many bytes, for onlookers that want headers only
 *
 * What is cut off is gone; lengths in headers still count it, and checksums too, as in captures
 * that were cut short. So it belongs on the way of copies: behind the mirror port of mirror, say.
 * The kernel's TCP must not get them; by generic XDP it appends to such packets at a wrong place.
 *
 * in          anything
 * out next    at most so long
 * config      bytes=0..65535: to keep, from the Ethernet header on (0: all; less than 60 count as
 *             60, what the shortest frame has)
 * counters    cut: packets that were longer
 * state       none
 * see also    mirror; lanactl capture
 */
#include <lana/block.h>
#include <lana/packet.h>

#define LEAST ETH_ZLEN

struct snap_config {
	__u16 bytes;
};

struct snap_counters {
	__u64 cut;
};

enum snap_port { SNAP_NEXT };

static __always_inline int snap_process(struct lana_pkt *pkt, const struct snap_config *config,
					struct snap_counters *counters)
{
	__u32 length = config->bytes < LEAST ? LEAST : config->bytes;

	if (!config->bytes || lana_len(pkt) <= length)
		return SNAP_NEXT;
	if (lana_resize(pkt, length))
		return -LANA_DROP_NO_MEMORY;
	counters->cut++;
	return SNAP_NEXT;
}

LANA_BLOCK(snap);
