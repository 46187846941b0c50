// SPDX-License-Identifier: GPL-2.0-only
/*
 * survey - count as census does, in another layout (for the tests of state)
 *
 * in          a test frame; ARP is dropped
 * out next    the packet, unchanged
 * config      none
 * counters    bytes; packets
 * state       flows, lanes, prefixes, slots, cells: packets by key; recent, recents: nothing
 * see also    census
 */
#include <lana/block.h>

struct entry {
	__u32 last;
	__u64 packets LANA_SUM;
};

#include "census.h"

struct survey_config {
};

struct survey_counters {
	__u64 bytes;
	__u64 packets;
};

enum survey_port { SURVEY_NEXT };

static __always_inline int survey_process(struct lana_pkt *pkt, const struct survey_config *config,
					  struct survey_counters *counters)
{
	int err = count_all(pkt);

	if (err)
		return err;
	counters->bytes += lana_len(pkt);
	counters->packets++;
	return SURVEY_NEXT;
}

LANA_BLOCK(survey);
