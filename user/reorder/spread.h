/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * spread - how much later packets come by one path than by another
 *
 * The greatest difference that was seen at the last gaps: of this window and the one before. A
 * window takes a second and SPREAD_GAPS gaps, so that rare gaps are remembered as well. Until the
 * first one is over it is taken to be what a packet may wait at most.
 *
 * A packet that was sent again tells nothing about paths. It is known by its timestamp (RFC 7323),
 * which is later than that of one that was sent behind the first attempt.
 */
#ifndef USER_REORDER_SPREAD_H
#define USER_REORDER_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

#define SPREAD_WINDOW_NS 1000000000ULL
#define SPREAD_GAPS	 8
#define SPREAD_SLACK_NS	 5000000ULL /* for a CPU that does something else */

/* Numbers that are missing. */
struct gap {
	uint32_t seq, end;
	uint64_t since; /* a packet came that was sent behind them, */
	uint32_t stamp; /* with that timestamp; 0: none */
};

struct spread {
	uint64_t now, before;
	uint64_t begun; /* the window; 0: nothing is known */
	uint32_t gaps;	/* in it */
};

/* The missing packet came so late; 0: it was lost. */
void spread_note(struct spread *spread, uint64_t late, uint64_t now);

/* How long to wait, and no longer than that. */
uint64_t spread_patience(const struct spread *spread, uint64_t most);

/* Is that the timestamp of a packet that was sent after the one that told of the gap? */
bool spread_is_again(const struct gap *gap, uint32_t stamp);

#endif
