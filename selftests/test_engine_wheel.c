// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_engine_wheel - the timing wheel gives out what a sorted list would, to the nanosecond
 *
 * Random additions, removals and steps of time of all sizes. What comes out is compared with a list
 * that is sorted by time and, of one time, by the order of additions. WHEEL_SEED repeats a run.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/wheel.h"
#include "tap.h"

#define ENTRIES 4000

struct waiting {
	struct wheel_entry entry; /* first */
	unsigned long number;	  /* of its addition */
};

static struct wheel wheel;
static struct waiting entries[ENTRIES];
static struct waiting *sorted[ENTRIES]; /* what is in the wheel */
static size_t count;
static unsigned long additions, wrong, early;
static __u64 now;

static __u64 random_below(__u64 bound)
{
	return ((__u64)random() << 33 ^ (__u64)random() << 11 ^ random()) % bound;
}

/* From one tick to years. */
static __u64 random_time(void)
{
	static const int bits[] = { 0, 5, 9, 10, 14, 17, 20, 25, 26, 33, 34, 41, 50 };

	return random_below(1ULL << bits[random() % (sizeof(bits) / sizeof(bits[0]))]);
}

static bool is_before(const struct waiting *a, const struct waiting *b)
{
	return a->entry.when != b->entry.when ? a->entry.when < b->entry.when
					      : a->number < b->number;
}

static void add(struct waiting *one)
{
	size_t at;

	if (wheel_waits(&one->entry))
		return;
	one->number = additions++;
	/* Times that have passed, too; and many that are equal. */
	wheel_add(&wheel, &one->entry,
		  random() % 20 ? now + random_time() : now - random_below(now + 1));
	for (at = count++; at && is_before(one, sorted[at - 1]); at--)
		sorted[at] = sorted[at - 1];
	sorted[at] = one;
}

static void remove_some(struct waiting *one)
{
	size_t at = 0;

	if (!wheel_waits(&one->entry))
		return;
	while (sorted[at] != one)
		at++;
	memmove(&sorted[at], &sorted[at + 1], (--count - at) * sizeof(sorted[0]));
	wheel_remove(&wheel, &one->entry);
	wrong += wheel_waits(&one->entry);
}

/* All that is due comes out, in order, and nothing else. */
static void pop_all(void)
{
	struct wheel_entry *entry;
	size_t popped = 0;

	early += count ? wheel_next(&wheel) > sorted[0]->entry.when
		       : wheel_next(&wheel) != WHEEL_NEVER;
	while ((entry = wheel_pop(&wheel, now))) {
		wrong += popped == count || entry != &sorted[popped]->entry;
		popped++;
		early += popped < count && wheel_next(&wheel) > sorted[popped]->entry.when;
	}
	wrong += popped < count && sorted[popped]->entry.when <= now;
	memmove(&sorted[0], &sorted[popped], (count - popped) * sizeof(sorted[0]));
	count -= popped;
}

static void test_random(unsigned int seed, int operations)
{
	srandom(seed);
	now = seed % 2 ? random_time() : 0;
	memset(&wheel, 0, sizeof(wheel));
	wheel_init(&wheel, now);
	memset(entries, 0, sizeof(entries));
	count = 0;
	for (int i = 0; i < operations; i++) {
		int many = random() % 30 ? 1 : random() % 200;

		for (int j = 0; j < many; j++)
			add(&entries[random() % ENTRIES]);
		if (random() % 4 == 0)
			remove_some(&entries[random() % ENTRIES]);
		if (random() % 3 == 0) {
			/* To the next one exactly, or anywhere. */
			__u64 next = wheel_next(&wheel);

			now = random() % 2 && next != WHEEL_NEVER && next > now
				      ? next
				      : now + random_time() / 64;
			pop_all();
		}
	}
	while (count) {
		now = wheel_next(&wheel) > now ? wheel_next(&wheel) : now;
		pop_all();
	}
}

/* ---- by hand -------------------------------------------------------------------------------- */

static void test_exact(void)
{
	static const __u64 times[] = {
		1000000, 1000001, 999999, 1000000, 5, 1ULL << 40, ~0ULL - 1
	};
	static const int order[] = { 4, 2, 0, 3, 1, 5, 6 };
	bool right = true, looked = true;
	struct wheel_entry *entry;

	memset(entries, 0, sizeof(entries));
	memset(&wheel, 0, sizeof(wheel));
	wheel_init(&wheel, 0);
	tap_ok(wheel_next(&wheel) == WHEEL_NEVER, "an empty wheel has no next time");
	for (int i = 0; i < 7; i++)
		wheel_add(&wheel, &entries[i].entry, times[i]);
	for (int i = 0; i < 7; i++) {
		__u64 when = times[order[i]];

		looked &= wheel_next(&wheel) <= when;
		if (when && wheel_pop(&wheel, when - 1))
			right = i && times[order[i - 1]] == when;
		entry = wheel_pop(&wheel, when);
		right &= entry == &entries[order[i]].entry;
	}
	tap_ok(right, "entries come out at their time, not a nanosecond before");
	tap_ok(looked, "and never before it is looked at");
}

/* How often one must look until the next entry is out, if one always sleeps as long as one may. */
static void test_looks(void)
{
	int worst = 0;

	memset(entries, 0, sizeof(entries));
	memset(&wheel, 0, sizeof(wheel));
	wheel_init(&wheel, 12345);
	now = 12345;
	for (int bits = 0; bits < 55; bits++) {
		__u64 when = now + (1ULL << bits) + 77;
		int looks = 0;

		wheel_add(&wheel, &entries[0].entry, when);
		wheel_add(&wheel, &entries[1].entry, when + 1);
		do {
			now = wheel_next(&wheel);
			looks++;
		} while (!wheel_pop(&wheel, now) && looks < 100);
		if (now != when)
			looks = 100;
		wheel_remove(&wheel, &entries[1].entry);
		worst = looks > worst ? looks : worst;
	}
	tap_ok(worst <= WHEEL_LEVELS + 1, "an entry is out after %d looks at most", worst);
}

int main(void)
{
	unsigned int seed = getenv("WHEEL_SEED") ? atoi(getenv("WHEEL_SEED")) : 1;

	test_exact();
	test_looks();
	for (unsigned int i = 0; i < 40; i++)
		test_random(seed + i, 3000);
	tap_note("WHEEL_SEED=%u: %lu additions", seed, additions);
	tap_is(wrong, 0, "what comes out is what a sorted list has");
	tap_is(early, 0, "nothing is due before the time to look again");
	return tap_done();
}
