// SPDX-License-Identifier: GPL-2.0-only
#include "spread.h"

void spread_note(struct spread *spread, uint64_t late, uint64_t now)
{
	if (!spread->begun) {
		spread->begun = now;
		spread->before = UINT64_MAX;
	}
	if (now - spread->begun > SPREAD_WINDOW_NS && spread->gaps >= SPREAD_GAPS) {
		spread->begun = now;
		spread->gaps = 0;
		spread->before = spread->now;
		spread->now = 0;
	}
	spread->gaps++;
	if (late > spread->now)
		spread->now = late;
}

uint64_t spread_patience(const struct spread *spread, uint64_t most)
{
	uint64_t greatest = spread->now > spread->before ? spread->now : spread->before;

	if (!spread->begun || greatest >= most / 2)
		return most;
	greatest = 2 * greatest + SPREAD_SLACK_NS;
	return greatest < most ? greatest : most;
}

bool spread_is_again(const struct gap *gap, uint32_t stamp)
{
	return gap->stamp && stamp && (int32_t)(stamp - gap->stamp) > 0;
}
