// SPDX-License-Identifier: GPL-2.0-only
/*
 * stamp - refuse packets that have met a block of another version (for the tests of commits)
 *
 * in          anything
 * out next    the packet, unchanged; its mark is the version
 * config      version=0..4294967295; first: packets have met no other block yet
 * counters    packets
 * state       none
 * see also    mark
 */
#include <lana/block.h>

struct stamp_config {
	__u32 version;
	__u8 first;
};

struct stamp_counters {
	__u64 packets;
};

enum stamp_port { STAMP_NEXT };

static __always_inline int stamp_process(struct lana_pkt *pkt, const struct stamp_config *config,
					 struct stamp_counters *counters)
{
	counters->packets++;
	if (config->first)
		lana_set_mark(pkt, config->version);
	else if (lana_mark(pkt) != config->version)
		return -LANA_DROP_MALFORMED;
	return STAMP_NEXT;
}

LANA_BLOCK(stamp);
