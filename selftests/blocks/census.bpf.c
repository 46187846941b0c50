// SPDX-License-Identifier: GPL-2.0-only
/*
 * census - count packets by their numbers, in maps of several kinds (for the tests of state)
 *
 * in          a test frame; ARP is dropped
 * out next    the packet, unchanged
 * config      none
 * counters    packets; bytes
 * state       flows, lanes, prefixes, slots, cells: packets by key; recent, recents: nothing
 * see also    survey
 */
#include <lana/block.h>

struct entry {
	__u32 packets LANA_SUM;
	__u16 last;
};

#include "census.h"

struct census_config {
};

struct census_counters {
	__u64 packets;
	__u64 bytes;
};

enum census_port { CENSUS_NEXT };

static __always_inline int census_process(struct lana_pkt *pkt, const struct census_config *config,
					  struct census_counters *counters)
{
	int err = count_all(pkt);

	if (err)
		return err;
	counters->bytes += lana_len(pkt);
	counters->packets++;
	return CENSUS_NEXT;
}

LANA_BLOCK(census);
