// SPDX-License-Identifier: GPL-2.0-only
/*
 * trim - cut bytes off a packet's end (for the tests of folding)
 *
 * in          anything
 * out next    shorter
 * out short   too short for that; unchanged
 * config      bytes=0..255: to cut off
 * counters    none
 * state       none
 * see also    counter
 */
#include <lana/block.h>

#define LEAST 60 /* of what is left */

struct trim_config {
	__u8 bytes;
};

struct trim_counters {
};

enum trim_port { TRIM_NEXT, TRIM_SHORT };

static __always_inline int trim_process(struct lana_pkt *pkt, const struct trim_config *config,
					struct trim_counters *counters)
{
	__u32 length = lana_len(pkt);
	long err;

	if (length < LEAST + config->bytes)
		return TRIM_SHORT;
	if (pkt->flavour == LANA_XDP)
		err = bpf_xdp_adjust_tail(lana_xdp(pkt), -(int)config->bytes);
	else
		err = bpf_skb_change_tail(lana_skb(pkt), length - config->bytes, 0);
	return err ? -LANA_DROP_NO_MEMORY : TRIM_NEXT;
}

LANA_BLOCK(trim);
