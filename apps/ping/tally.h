/* SPDX-License-Identifier: GPL-2.0-only */
/* tally.h - which frames have come back, and how long they took */
#ifndef PING_TALLY_H
#define PING_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#define TALLY_WINDOW 65536 /* frames back to which it is known which ones have come */
#define TALLY_PARTS  128   /* of a power of two, between which times are told apart */
#define TALLY_CELLS  (58 * TALLY_PARTS)

struct tally {
	uint64_t sent, received;
	uint64_t duplicates;
	uint64_t reordered;   /* came after one that was sent later */
	uint64_t late;	      /* too late for it to be known whether they had come already */
	uint64_t highest;     /* sequence that has come, plus one */
	uint64_t least, most; /* ns */
	double mean, squares; /* of the times; sum of the squares of their distances to it */
	uint64_t cells[TALLY_CELLS];
	uint8_t came[TALLY_WINDOW / 8];
};

/* The next frame is sent. */
void tally_sent(struct tally *tally);

enum tally_kind { TALLY_NEW, TALLY_DUPLICATE, TALLY_LATE, TALLY_BOGUS };

/* One has come back after so many nanoseconds; only a new one's time counts. */
enum tally_kind tally_received(struct tally *tally, uint64_t sequence, uint64_t ns);

/* The time that a share of the frames has not exceeded, to one part in TALLY_PARTS. */
uint64_t tally_quantile(const struct tally *tally, double share);

/* Standard deviation, ns. */
double tally_deviation(const struct tally *tally);

#endif
