// SPDX-License-Identifier: GPL-2.0-only
/*
 * crier - publish an event for each packet
 *
 * in          anything
 * out next    the packet, unchanged
 * config      event: its number; value: what its value is
 *             twice: from a function that is called, too
 * counters    cries: events, published or suppressed
 * state       none
 * see also    ear, threshold
 */
#include <lana/block.h>

struct crier_config {
	__u32 event;
	__u64 value;
	_Bool twice;
};

struct crier_counters {
	__u64 cries;
};

enum crier_port { CRIER_NEXT };

enum crier_event { CRIER_FIRE, CRIER_THIEVES, CRIER_ALL_WELL };

static __attribute__((noinline)) int cry_again(__u64 value)
{
	lana_publish(0, CRIER_ALL_WELL, value);
	return value != 0;
}

static __always_inline int crier_process(struct lana_pkt *pkt, const struct crier_config *config,
					 struct crier_counters *counters)
{
	counters->cries += 1 + config->twice;
	lana_publish(pkt, config->event, config->value);
	if (config->twice && cry_again(config->value + 1) > 1)
		return -LANA_DROP_POLICY;
	return CRIER_NEXT;
}

LANA_BLOCK(crier);
LANA_PUBLISHES(crier);
