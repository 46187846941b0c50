/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/fates.h - what becomes of a link's packets, one by one, as the seed has it
 *
 * The same code decides in the kernel and in the link engine, so packets have the same fates
 * wherever they are. Packets are numbered as they leave the transmitter. Everything that is drawn
 * is drawn by number (lana/random.h), from a stream of its own, so nothing that is switched on or
 * off changes what becomes of packets otherwise. The order is that of blocks loss, corrupt and
 * duplicate one behind the other, with the fates that these give.
 *
 * All is for one thread at a time: BPF has a lock around.
 */
#ifndef LANA_FATES_H
#define LANA_FATES_H

#include <lana/random.h>
#include <lana/units.h>

#define LANA_FATE static inline __attribute__((always_inline))

/* What is kept from packet to packet. */
struct lana_fates {
	__u64 packets; /* that have been numbered */
	__u64 gone;    /* of these, lost or dropped for bit errors */
	__u64 gap;     /* bits until the next one that is hit, */
	__u64 gaps;    /* that were drawn, */
	__u64 ber;     /* by this rate, */
	__u64 twice;   /* which is that, see lana_random_twice(), */
	__u32 part;
	__u32 bad;  /* the state of the Gilbert-Elliott model */
	__u64 seed; /* where the settings have none */
	__u32 path; /* which one of its seed's it is: enum lana_path */
	__u32 reserved;
};

LANA_FATE __u64 lana_fate_draw(const struct lana_fates *fates, __u64 seed, __u32 stream, __u64 n)
{
	return lana_random(seed ? seed : fates->seed, stream + fates->path, n);
}

/*
 * Gilbert (1960) and Elliott (1963): a chain of two states, in which packets are lost with the
 * chance good and bad. After each packet it goes from good to bad with p, back with r. So it is bad
 * for a share of p / (p + r) of the time, for 1 / r packets on average.
 */
LANA_FATE int lana_fate_bursts(struct lana_fates *fates, __u64 seed, __u64 n, __u32 p, __u32 r,
			       __u32 bad, __u32 good)
{
	__u64 number = lana_fate_draw(fates, seed, LANA_STREAM_GILBERT, n);
	int lost = lana_random_happens(number >> 32, fates->bad ? bad : good);

	if (lana_random_happens((__u32)number, fates->bad ? r : p))
		fates->bad = !fates->bad;
	return lost;
}

#define LANA_FATE_SPARED (~0ULL)

LANA_FATE void lana_fate_draw_gap(struct lana_fates *fates, __u64 seed)
{
	fates->gap =
		lana_random_gap_of(lana_fate_draw(fates, seed, LANA_STREAM_CORRUPT, fates->gaps++),
				   fates->twice, fates->part);
}

/* A gap that was drawn for another rate says nothing about this one. */
LANA_FATE void lana_fate_set_ber(struct lana_fates *fates, __u64 seed, __u64 ber)
{
	if (fates->ber == ber)
		return;
	fates->ber = ber;
	if (!ber)
		return;
	fates->twice = lana_random_twice(ber, &fates->part);
	lana_fate_draw_gap(fates, seed);
}

/*
 * How many of the next bits are spared before one is hit; LANA_FATE_SPARED: all of them. Each is
 * hit on its own, so what is drawn is how many are spared in between: a packet of n bits stays
 * whole with exactly (1 - ber)^n, however small that or ber may be, and a whole packet costs one
 * subtraction. ber is not 0.
 */
LANA_FATE __u64 lana_fate_hit(struct lana_fates *fates, __u64 seed, __u64 bits)
{
	__u64 gap = fates->gap;

	if (gap >= bits) {
		fates->gap -= bits;
		return LANA_FATE_SPARED;
	}
	lana_fate_draw_gap(fates, seed);
	return gap;
}

#define LANA_FATE_HITS_MAX 32 /* of a packet */

#endif
