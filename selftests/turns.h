/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * turns.h - whose a flow of block reorder is, as its two halves have noted it in their maps
 *
 * Flows are those of TCP that segments.h sends, by their source port. Functions end the test where
 * they cannot do what they say.
 */
#ifndef TURNS_H
#define TURNS_H

#include <stdint.h>

#include "user/reorder.h"

/* What the kernel half has noted of the flow. */
struct reorder_turn turns_read(uint16_t flow);

/* The kernel half has sent one packet more to the worker than there are: a ring has lost it. */
void turns_lose(uint16_t flow);

/* The worker offers the flow, as if so many packets of it had come, all in order. */
void turns_offer(uint16_t flow, struct reorder_turn turn, uint16_t count, uint32_t expected);

/* What it has offered last; all is 0 if nothing. */
struct reorder_turn turns_offered(uint16_t flow);

#endif
