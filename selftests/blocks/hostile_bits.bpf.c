// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostile_bits - refused when it is loaded: an option is a bit field
 *
 * in          anything
 * out         none
 * config      few: three bits
 * counters    none
 * state       none
 * see also    objects.sh
 */
#include <lana/block.h>

struct hostile_bits_config {
	__u32 few : 3;
};

struct hostile_bits_counters {
};

static __always_inline int hostile_bits_process(struct lana_pkt *pkt,
						const struct hostile_bits_config *config,
						struct hostile_bits_counters *counters)
{
	return -LANA_DROP_POLICY;
}

LANA_BLOCK(hostile_bits);
