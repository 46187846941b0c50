// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostile_read - refused when it is loaded: it reads beyond the end of the packet
 *
 * in          anything
 * out         none
 * config      none
 * counters    none
 * state       none
 * see also    objects.sh
 */
#include <lana/block.h>

struct hostile_read_config {
};

struct hostile_read_counters {
};

static __always_inline int hostile_read_process(struct lana_pkt *pkt,
						const struct hostile_read_config *config,
						struct hostile_read_counters *counters)
{
	return -((__u8 *)lana_data(pkt))[100];
}

LANA_BLOCK(hostile_read);
