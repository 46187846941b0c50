// SPDX-License-Identifier: GPL-2.0-only
/*
 * mark_is - divide packets by their mark (for the tests of mark)
 *
 * in          anything
 * out match   the mark is the configured one
 * out other   it is not
 * config      mark=0..4294967295
 * counters    none
 * state       none
 * see also    mark
 */
#include <lana/block.h>

struct mark_is_config {
	__u32 mark;
};

struct mark_is_counters {
};

enum mark_is_port { MARK_IS_MATCH, MARK_IS_OTHER };

static __always_inline int mark_is_process(struct lana_pkt *pkt,
					   const struct mark_is_config *config,
					   struct mark_is_counters *counters)
{
	return lana_mark(pkt) == config->mark ? MARK_IS_MATCH : MARK_IS_OTHER;
}

LANA_BLOCK(mark_is);
