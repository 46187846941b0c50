/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * red - random early detection: packets are dropped, or marked, before the queue is full
 *
 * Floyd, Jacobson: Random early detection gateways for congestion avoidance (1993), figure 2, in
 * integers: with q the queue's length in the measure of its limit when a packet arrives, and w =
 * 2^-red_weight, the average is
 *
 *	avg = avg + w (q - avg)		if there is a queue
 *	avg = avg (1 - w)^m		if there was none for the time of m packets like this one,
 *					or since one that was dropped when there was none
 *
 * Below red_min nothing happens. From red_max on every packet is marked (gentle, Floyd 2000: from
 * twice that on). In between,
 *
 *	p_b = red_chance (avg - min) / (max - min)
 *		(gentle, above max: red_chance + (1 - red_chance) (avg - max) / max)
 *	p_a = p_b / (1 - count p_b)
 *
 * where count is how many packets were spared since one was marked: so marks are evenly spread.
 */
#ifndef ENGINE_RED_H
#define ENGINE_RED_H

#include <stdbool.h>

#include <linux/types.h>

struct engine_link;
struct engine_packet;

#define RED_PART 16 /* averages and thresholds are in 2^-16ths of the measure */

struct red {
	__u64 average, min, max;
	__u64 chance;	  /* red_chance, times 2^32 */
	__u64 idle_since; /* if the queue is empty */
	__u64 draws;
	__s64 count;
};

/* A packet arrives: is it to be marked? */
bool red_judges(struct engine_link *link, const struct engine_packet *packet, __u64 now);

/* The queue is empty from now on. */
void red_idle(struct engine_link *link, __u64 now);

/* Thresholds and the like from the config; anew: with an average of 0. */
void red_configure(struct engine_link *link, bool anew);

/* p_b of an average, times 2^32: what is tested. */
__u64 red_chance(const struct red *red, bool gentle);

#endif
