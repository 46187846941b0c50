// SPDX-License-Identifier: GPL-2.0-only
/*
 * The place of an entry follows from its tick and the wheel's: the level is the highest digit, to
 * base 4096, in which they differ, the slot is the entry's own digit there. Moving the wheel's tick
 * on to any place before the first occupied slot leaves that true for all entries; moving it to
 * that slot's beginning makes it false for entries of that slot alone, which then move down. So two
 * entries of one tick are always in one slot, in the order in which they were added.
 */
#include <stddef.h>

#include "wheel.h"

static struct wheel_entry *entry_of(struct wheel_node *node)
{
	return (struct wheel_entry *)node; /* its first member */
}

static void clear(struct wheel_node *list)
{
	list->next = list->prev = list;
}

static void insert_after(struct wheel_node *place, struct wheel_node *node)
{
	node->prev = place;
	node->next = place->next;
	place->next->prev = node;
	place->next = node;
}

void wheel_init(struct wheel *wheel, __u64 now)
{
	wheel->tick = now >> WHEEL_TICK_SHIFT;
	clear(&wheel->due);
}

/* ---- places --------------------------------------------------------------------------------- */

static void put_in_slot(struct wheel *wheel, struct wheel_entry *entry)
{
	__u64 tick = entry->when >> WHEEL_TICK_SHIFT, differs = tick ^ wheel->tick;
	__u32 level = differs ? (63 - __builtin_clzll(differs)) / WHEEL_BITS : 0;
	__u32 slot = (tick >> (level * WHEEL_BITS)) % WHEEL_SLOTS;
	struct wheel_node *list = &wheel->slots[level][slot];

	if (!list->next)
		clear(list);
	wheel->levels |= 1U << level;
	wheel->words[level] |= 1ULL << slot / 64;
	wheel->occupied[level][slot / 64] |= 1ULL << slot % 64;
	insert_after(list->prev, &entry->node);
}

static void mark_empty(struct wheel *wheel, __u32 level, __u32 slot)
{
	__u64 *word = &wheel->occupied[level][slot / 64];

	*word &= ~(1ULL << slot % 64);
	if (!*word)
		wheel->words[level] &= ~(1ULL << slot / 64);
	if (!wheel->words[level])
		wheel->levels &= ~(1U << level);
}

_Static_assert(WHEEL_WORDS == 64, "one word tells of all words of a level");

static void put_in_due(struct wheel *wheel, struct wheel_entry *entry)
{
	struct wheel_node *place = wheel->due.prev;

	while (place != &wheel->due && entry_of(place)->when > entry->when)
		place = place->prev;
	insert_after(place, &entry->node);
}

void wheel_add(struct wheel *wheel, struct wheel_entry *entry, __u64 when)
{
	entry->when = when;
	if (when >> WHEEL_TICK_SHIFT <= wheel->tick)
		put_in_due(wheel, entry);
	else
		put_in_slot(wheel, entry);
}

void wheel_remove(struct wheel *wheel, struct wheel_entry *entry)
{
	struct wheel_node *next = entry->node.next, *prev = entry->node.prev;
	const struct wheel_node *first = wheel->slots[0];

	next->prev = prev;
	prev->next = next;
	entry->node.next = NULL;
	/* Alone in a slot, both its neighbours were the slot itself. */
	if (next == prev && next >= first && next < first + WHEEL_LEVELS * WHEEL_SLOTS)
		mark_empty(wheel, (next - first) / WHEEL_SLOTS, (next - first) % WHEEL_SLOTS);
}

/* ---- order within a tick -------------------------------------------------------------------- */

/* Merge two lists that are in order and end in NULL; of equals, those of a come first. */
static struct wheel_node *merge(struct wheel_node *a, struct wheel_node *b)
{
	struct wheel_node head, *last = &head;

	while (a && b) {
		struct wheel_node **least = entry_of(b)->when < entry_of(a)->when ? &b : &a;

		last->next = *least;
		last = *least;
		*least = last->next;
	}
	last->next = a ? a : b;
	return head.next;
}

/* Sort a list that ends in NULL. Part n of those that wait to be merged has 2^n entries. */
static struct wheel_node *sort(struct wheel_node *list)
{
	struct wheel_node *parts[32] = {}, *one, *sorted = NULL;
	int n;

	while ((one = list)) {
		list = one->next;
		one->next = NULL;
		for (n = 0; parts[n]; n++) {
			one = merge(parts[n], one);
			parts[n] = NULL;
		}
		parts[n] = one;
	}
	for (n = 0; n < 32; n++)
		sorted = merge(parts[n], sorted);
	return sorted;
}

/* The entries of one tick become what is due. */
static void make_due(struct wheel *wheel, struct wheel_node *list)
{
	struct wheel_node *node, *prev = &wheel->due;
	bool sorted = true;

	for (node = list->next; node->next != list; node = node->next)
		sorted &= entry_of(node)->when <= entry_of(node->next)->when;
	if (sorted) {
		wheel->due = *list;
		wheel->due.next->prev = wheel->due.prev->next = &wheel->due;
		return;
	}
	list->prev->next = NULL;
	for (node = sort(list->next); node; node = node->next) {
		prev->next = node;
		node->prev = prev;
		prev = node;
	}
	prev->next = &wheel->due;
	wheel->due.prev = prev;
}

/* ---- time ----------------------------------------------------------------------------------- */

/* The first occupied slot, and the tick that it begins with. There must be one. */
static __u64 find_first(const struct wheel *wheel, __u32 *level, __u32 *slot)
{
	__u32 word, shift;

	*level = __builtin_ctz(wheel->levels);
	word = __builtin_ctzll(wheel->words[*level]);
	*slot = word * 64 + __builtin_ctzll(wheel->occupied[*level][word]);
	shift = *level * WHEEL_BITS;
	return (wheel->tick >> shift >> WHEEL_BITS << WHEEL_BITS | *slot) << shift;
}

/* Move entries of a slot whose time has come down to where they belong now. */
static void move_down(struct wheel *wheel, struct wheel_node *list)
{
	struct wheel_node *node = list->next, *next;

	list->prev->next = NULL;
	clear(list);
	for (; node; node = next) {
		next = node->next;
		if (next)
			__builtin_prefetch(next->next);
		put_in_slot(wheel, entry_of(node));
	}
}

/* While nothing is due: up to a tick, move on to the next slot. False: there is none. */
static bool move_on(struct wheel *wheel, __u64 tick)
{
	__u64 start = WHEEL_NEVER;
	__u32 level = 0, slot = 0;

	if (wheel->levels)
		start = find_first(wheel, &level, &slot);
	if (start > tick) {
		if (tick > wheel->tick)
			wheel->tick = tick;
		return false;
	}
	wheel->tick = start;
	mark_empty(wheel, level, slot);
	if (level) {
		move_down(wheel, &wheel->slots[level][slot]);
	} else {
		make_due(wheel, &wheel->slots[0][slot]);
		clear(&wheel->slots[0][slot]);
	}
	return true;
}

struct wheel_entry *wheel_pop(struct wheel *wheel, __u64 now)
{
	struct wheel_node *node;

	while ((node = wheel->due.next) == &wheel->due)
		if (!move_on(wheel, now >> WHEEL_TICK_SHIFT))
			return NULL;
	if (entry_of(node)->when > now)
		return NULL;
	wheel->due.next = node->next;
	node->next->prev = &wheel->due;
	node->next = NULL;
	return entry_of(node);
}

__u64 wheel_next(const struct wheel *wheel)
{
	const struct wheel_node *list = &wheel->due;
	__u32 level, slot;
	__u64 start;

	if (list->next != list)
		return entry_of(list->next)->when;
	if (!wheel->levels)
		return WHEEL_NEVER;
	start = find_first(wheel, &level, &slot);
	list = &wheel->slots[level][slot];
	return list->next == list->prev ? entry_of(list->next)->when : start << WHEEL_TICK_SHIFT;
}

static void walk_list(struct wheel_node *list,
		      void (*visit)(struct wheel_entry *entry, void *cookie), void *cookie)
{
	struct wheel_node *next;

	for (struct wheel_node *node = list->next; node && node != list; node = next) {
		next = node->next;
		visit(entry_of(node), cookie);
	}
}

void wheel_walk(struct wheel *wheel, void (*visit)(struct wheel_entry *entry, void *cookie),
		void *cookie)
{
	walk_list(&wheel->due, visit, cookie);
	for (int level = 0; level < WHEEL_LEVELS; level++)
		for (__u32 slot = 0; slot < WHEEL_SLOTS; slot++)
			walk_list(&wheel->slots[level][slot], visit, cookie);
}
