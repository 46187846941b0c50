// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostile_option - refused when it is loaded: an option has no text form
 *
 * in          anything
 * out         none
 * config      inner: a struct
 * counters    none
 * state       none
 * see also    objects.sh
 */
#include <lana/block.h>

struct hostile_option_config {
	__u8 sound;
	struct {
		__u16 a, b;
	} inner;
};

struct hostile_option_counters {
};

static __always_inline int hostile_option_process(struct lana_pkt *pkt,
						  const struct hostile_option_config *config,
						  struct hostile_option_counters *counters)
{
	return -LANA_DROP_POLICY;
}

LANA_BLOCK(hostile_option);
