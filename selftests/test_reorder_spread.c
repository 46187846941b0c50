// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_reorder_spread - how long block reorder waits by timer=adapt, in simulated time
 *
 * test_reorder_random has what it measures.
 */
#include "tap.h"
#include "user/reorder/spread.h"

#define MS     1000000ULL
#define SECOND (1000 * MS)
#define MOST   (100 * MS)

static uint64_t now = 12345 * SECOND;

/* So many gaps, a while apart, at which packets were so late. */
static void note(struct spread *spread, unsigned int gaps, uint64_t apart, uint64_t late)
{
	for (unsigned int i = 0; i < gaps; i++) {
		now += apart;
		spread_note(spread, late, now);
	}
}

/* One that knows a first window, in which the greatest was that late. */
static struct spread known(uint64_t late)
{
	struct spread spread = {};

	note(&spread, 8, SECOND, late);
	note(&spread, 1, SECOND, 0);
	return spread;
}

static void test_patience(void)
{
	struct spread spread = {};

	tap_is(spread_patience(&spread, MOST), MOST, "nothing is known: as long as can be");
	note(&spread, 8, SECOND, MS);
	tap_is(spread_patience(&spread, MOST), MOST, "nor before a window is over");
	note(&spread, 1, SECOND, MS);
	tap_is(spread_patience(&spread, MOST), 7 * MS, "twice the difference, and 5 ms");
	spread = known(0);
	tap_is(spread_patience(&spread, MOST), 5 * MS, "all was lost: 5 ms");
	note(&spread, 1, MS, 10 * MS);
	tap_is(spread_patience(&spread, MOST), 25 * MS, "who is later counts at once");
	note(&spread, 3, MS, 2 * MS);
	tap_is(spread_patience(&spread, MOST), 25 * MS, "the greatest does, not the last one");
	note(&spread, 1, MS, 48 * MS);
	tap_is(spread_patience(&spread, MOST), MOST, "but no longer than can be");
	tap_is(spread_patience(&spread, 2 * MOST), 101 * MS, "which may change");
	note(&spread, 1, MS, UINT64_MAX - 1);
	tap_is(spread_patience(&spread, MOST), MOST, "however late one was");
}

/* The greatest is remembered for a window and the next; each takes a second and eight gaps. */
static void test_windows(void)
{
	struct spread spread = known(20 * MS);

	note(&spread, 7, 60 * SECOND, MS);
	tap_is(spread_patience(&spread, MOST), 45 * MS, "rare gaps are remembered");
	note(&spread, 1, 60 * SECOND, MS);
	tap_is(spread_patience(&spread, MOST), 7 * MS, "for the next window, and no longer");

	spread = known(20 * MS);
	note(&spread, 1000, MS, MS);
	tap_is(spread_patience(&spread, MOST), 45 * MS, "of many gaps a window has a second");
	note(&spread, 1, MS, MS);
	tap_is(spread_patience(&spread, MOST), 7 * MS, "and then it is over");
}

static void test_again(void)
{
	const struct gap gap = { .stamp = 1000 }, wraps = { .stamp = UINT32_MAX }, none = {};

	tap_ok(spread_is_again(&gap, 1001), "a later timestamp: it was sent again");
	tap_ok(!spread_is_again(&gap, 1000) && !spread_is_again(&gap, 999),
	       "the same, or an earlier one: it was not");
	tap_ok(spread_is_again(&wraps, 5) && !spread_is_again(&gap, UINT32_MAX),
	       "timestamps wrap around");
	tap_ok(!spread_is_again(&gap, 0) && !spread_is_again(&none, 1000),
	       "without timestamps nobody knows");
}

int main(void)
{
	test_patience();
	test_windows();
	test_again();
	return tap_done();
}
