/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/part.h - blocks that make two packets of one, at XDP
 *
 * Such a block ends in LANA_PARTING_BLOCK. It calls lana_divide() and returns LANA_ALL; both copies
 * come to where the port of parts leads, which is to be the block itself, and there lana_part()
 * tells which of the two it is.
 */
#ifndef LANA_PART_H
#define LANA_PART_H

#include <lana/block.h>

/* Have two copies made, and say something about both: a number of 16 bits, not 0. */
static __always_inline void lana_divide(const struct lana_pkt *pkt, __u16 about)
{
	struct lana_context *context;

	if (pkt->flavour != LANA_XDP)
		return;
	context = LANA_THIS_CPU(lana_context, LANA_CONTEXT_SHIFT);
	context->part = about;
}

/* LANA_PART(1 or 2, about) of a copy that was made so, once; 0 of all other packets. */
static __always_inline __u32 lana_part(const struct lana_pkt *pkt)
{
	struct lana_context *context;
	__u32 part;

	if (pkt->flavour != LANA_XDP)
		return 0;
	context = LANA_THIS_CPU(lana_context, LANA_CONTEXT_SHIFT);
	if (!context->origin)
		return 0;
	part = context->part;
	context->part = 0;
	return part >> 16 ? part : 0; /* what lana_divide() said may be all, if none was made */
}

#endif
