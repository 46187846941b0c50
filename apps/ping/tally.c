// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>

#include "tally.h"

/* ---- times -------------------------------------------------------------------------------- */

/* Up to TALLY_PARTS a cell each; then TALLY_PARTS cells from each power of two to the next. */
static unsigned int cell_of(uint64_t ns)
{
	unsigned int shift;

	if (ns < TALLY_PARTS)
		return ns;
	shift = 63 - __builtin_clzll(ns) - __builtin_ctz(TALLY_PARTS);
	return (shift + 1) * TALLY_PARTS + (ns >> shift) - TALLY_PARTS;
}

/* The middle of a cell. */
static uint64_t time_of(unsigned int cell)
{
	unsigned int shift;

	if (cell < 2 * TALLY_PARTS)
		return cell;
	shift = cell / TALLY_PARTS - 1;
	return ((uint64_t)(cell % TALLY_PARTS + TALLY_PARTS) << shift) + (1ULL << shift) / 2;
}

/* Mean and squares by Welford, Technometrics 4 (1962), p. 419: no sum loses the small digits. */
static void add_time(struct tally *tally, uint64_t ns)
{
	double distance = ns - tally->mean;

	if (tally->received == 1 || ns < tally->least)
		tally->least = ns;
	if (ns > tally->most)
		tally->most = ns;
	tally->mean += distance / tally->received;
	tally->squares += distance * (ns - tally->mean);
	tally->cells[cell_of(ns)]++;
}

uint64_t tally_quantile(const struct tally *tally, double share)
{
	uint64_t rank = ceil(share * tally->received), passed = 0, time = tally->most;

	for (unsigned int i = 0; i < TALLY_CELLS; i++) {
		passed += tally->cells[i];
		if (passed < rank || !passed)
			continue;
		time = time_of(i);
		break;
	}
	if (time > tally->most)
		return tally->most;
	return time < tally->least ? tally->least : time;
}

double tally_deviation(const struct tally *tally)
{
	return tally->received ? sqrt(tally->squares / tally->received) : 0;
}

/* ---- frames ------------------------------------------------------------------------------- */

static bool test_and_set(struct tally *tally, uint64_t sequence)
{
	uint8_t *byte = &tally->came[sequence % TALLY_WINDOW / 8], bit = 1 << sequence % 8;
	bool was = *byte & bit;

	*byte |= bit;
	return was;
}

void tally_sent(struct tally *tally)
{
	uint64_t sequence = tally->sent++;

	tally->came[sequence % TALLY_WINDOW / 8] &= ~(1 << sequence % 8);
}

enum tally_kind tally_received(struct tally *tally, uint64_t sequence, uint64_t ns)
{
	if (sequence >= tally->sent)
		return TALLY_BOGUS;
	if (tally->sent - sequence > TALLY_WINDOW) {
		tally->late++;
		return TALLY_LATE;
	}
	if (test_and_set(tally, sequence)) {
		tally->duplicates++;
		return TALLY_DUPLICATE;
	}
	tally->received++;
	if (sequence < tally->highest)
		tally->reordered++;
	else
		tally->highest = sequence + 1;
	add_time(tally, ns);
	return TALLY_NEW;
}
