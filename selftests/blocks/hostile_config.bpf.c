// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostile_config - refused when it is loaded: its config is larger than a config may be
 *
 * in          anything
 * out         none
 * config      much: more than fits
 * counters    none
 * state       none
 * see also    objects.sh
 */
#include <lana/block.h>

/* Else the compiler would refuse it already. */
#undef LANA_CONFIG_MAX
#define LANA_CONFIG_MAX 4096

struct hostile_config_config {
	char much[1000];
};

struct hostile_config_counters {
};

static __always_inline int hostile_config_process(struct lana_pkt *pkt,
						  const struct hostile_config_config *config,
						  struct hostile_config_counters *counters)
{
	return -LANA_DROP_POLICY;
}

LANA_BLOCK(hostile_config);
