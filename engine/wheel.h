/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wheel - a hierarchical timing wheel: what is due first, of millions that wait
 *
 *	wheel_init(&wheel, now);
 *	wheel_add(&wheel, &entry, when);
 *	while ((entry = wheel_pop(&wheel, now)))
 *		...
 *
 * Scheme 7 of Varghese and Lauck (Hashed and hierarchical timing wheels, 1987): five levels of 4096
 * slots, the first of 512 ns each, every other one 4096 times as coarse as the one before; so all
 * times that 64 bits of nanoseconds hold have a place. An entry moves down a level when its slot
 * comes up (once if it waits for less than 8 s, never for less than 2 ms) and from the first level
 * to a list in which entries are in order to the nanosecond. So they come out by their exact time,
 * and those of one time in the order in which they were added.
 *
 * Levels are this large so that few entries move at once, as others are late meanwhile: of a
 * million a second, two thousand.
 *
 * Entries are part of what waits: nothing is allocated. Adding and removing cost the same however
 * many there are. Times are in nanoseconds of any clock; the wheel never reads one.
 */
#ifndef ENGINE_WHEEL_H
#define ENGINE_WHEEL_H

#include <stdbool.h>

#include <linux/types.h>

#define WHEEL_TICK_SHIFT 9 /* a slot of the first level is 2^9 ns */
#define WHEEL_BITS	 12
#define WHEEL_SLOTS	 (1U << WHEEL_BITS)
#define WHEEL_LEVELS	 5 /* 9 + 5 * 12 bits: more than there are */
#define WHEEL_WORDS	 (WHEEL_SLOTS / 64)
#define WHEEL_NEVER	 (~0ULL)

struct wheel_node {
	struct wheel_node *next, *prev;
};

/* 0 in all bytes: it is in no wheel. */
struct wheel_entry {
	struct wheel_node node;
	__u64 when;
};

struct wheel {
	__u64 tick;		   /* of all up to this one, entries are in due */
	struct wheel_node due;	   /* in order */
	__u32 levels;		   /* bit n: there is something at level n */
	__u64 words[WHEEL_LEVELS]; /* bit n: so is it in its word n of occupied */
	__u64 occupied[WHEEL_LEVELS][WHEEL_WORDS];
	struct wheel_node slots[WHEEL_LEVELS][WHEEL_SLOTS]; /* 0: never used */
};

/*
 * Make an empty wheel, at a time, of memory that is all zeros (of which it uses no more pages than
 * it must). It points into itself: it cannot be moved.
 */
void wheel_init(struct wheel *wheel, __u64 now);

/* Is it in a wheel? */
static inline bool wheel_waits(const struct wheel_entry *entry)
{
	return entry->node.next;
}

/* Add an entry that is in no wheel. A time that has passed is as good as any. */
void wheel_add(struct wheel *wheel, struct wheel_entry *entry, __u64 when);

/* Take an entry out that is in this wheel. */
void wheel_remove(struct wheel *wheel, struct wheel_entry *entry);

/* Take out the first entry, if its time is now or has passed; else NULL. */
struct wheel_entry *wheel_pop(struct wheel *wheel, __u64 now);

/* Call a function for each entry, in no particular order; it may remove that one. */
void wheel_walk(struct wheel *wheel, void (*visit)(struct wheel_entry *entry, void *cookie),
		void *cookie);

/*
 * When to look again: no entry is due before. It is the time of the first entry, or up to a slot
 * (of its level) earlier, in which case looking then makes it more exact. WHEEL_NEVER: there is no
 * entry.
 */
__u64 wheel_next(const struct wheel *wheel);

#endif
