// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_ping - what lana-ping makes of the answers that it gets, in whatever order
 */
#include <string.h>

#include "apps/ping/packet.h"
#include "apps/ping/tally.h"
#include "tap.h"

/* ---- the tally ----------------------------------------------------------------------------- */

static struct tally tally;

static void begin(unsigned int sent)
{
	memset(&tally, 0, sizeof(tally));
	while (sent--)
		tally_sent(&tally);
}

static const struct {
	const char *name;
	unsigned int sent;
	uint64_t answers[8]; /* sequences, plus one; 0 ends them */
	uint64_t received, duplicates, reordered;
} orders[] = {
	{ "in order", 4, { 1, 2, 3, 4 }, 4, 0, 0 },
	{ "none", 4, {}, 0, 0, 0 },
	{ "with a gap", 4, { 1, 2, 4 }, 3, 0, 0 },
	{ "one is overtaken", 4, { 1, 3, 2, 4 }, 4, 0, 1 },
	{ "one overtakes two", 4, { 3, 1, 2 }, 3, 0, 2 },
	{ "doubled", 2, { 1, 1, 2, 2, 2 }, 2, 3, 0 },
	{ "doubled and late", 3, { 3, 1, 3, 1 }, 2, 2, 1 },
};

static void test_orders(void)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		begin(orders[i].sent);
		for (const uint64_t *answer = orders[i].answers; *answer; answer++)
			tally_received(&tally, *answer - 1, 1000);
		tap_ok(tally.received == orders[i].received &&
			       tally.duplicates == orders[i].duplicates &&
			       tally.reordered == orders[i].reordered,
		       "answers %s", orders[i].name);
	}
}

static void test_window(void)
{
	begin(TALLY_WINDOW + 10);
	tap_is(tally_received(&tally, 9, 1), TALLY_LATE, "an answer that is too old to tell");
	tap_is(tally_received(&tally, 10, 1), TALLY_NEW, "one that is not");
	tap_is(tally_received(&tally, 10, 1), TALLY_DUPLICATE, "it is known a second time");
	for (unsigned int i = 0; i < TALLY_WINDOW; i++)
		tally_sent(&tally);
	tap_is(tally_received(&tally, 10 + TALLY_WINDOW, 1), TALLY_NEW,
	       "the next in its place is another one");
	tap_is(tally_received(&tally, tally.sent, 1), TALLY_BOGUS,
	       "an answer to what was not sent");
	tap_is(tally.received, 2, "only new ones are received");
}

static void test_times(void)
{
	bool near = true;

	begin(10000);
	for (unsigned int i = 0; i < 10000; i++)
		tally_received(&tally, i, (i + 1) * 1000ULL);
	for (unsigned int percent = 1; percent <= 100; percent++) {
		double got = tally_quantile(&tally, percent / 100.0), want = percent * 100000.0;

		near &= got > want * (1 - 1.0 / TALLY_PARTS) &&
			got < want * (1 + 1.0 / TALLY_PARTS);
	}
	tap_ok(near, "of even times each hundredth is found to a part in %d", TALLY_PARTS);
	tap_ok(tally.least == 1000 && tally.most == 10000000, "the least and the most are exact");
	tap_ok(tally.mean > 5000499 && tally.mean < 5000501, "and the mean is right");
	/* Of the numbers 1 to n: sqrt((n^2 - 1) / 12). */
	tap_ok(tally_deviation(&tally) > 2886750 && tally_deviation(&tally) < 2886752,
	       "and so is the deviation");
	begin(2);
	tally_received(&tally, 0, UINT64_MAX);
	tally_received(&tally, 1, 0);
	tap_ok(tally_quantile(&tally, 0.5) == 0 &&
		       tally_quantile(&tally, 1) > UINT64_MAX / TALLY_PARTS * (TALLY_PARTS - 1),
	       "no time is too short or too long");
}

/* ---- packets --------------------------------------------------------------------------------- */

static const uint8_t here[APP_MAC] = { 2, 0, 0, 0, 0, 1 }, there[APP_MAC] = { 2, 0, 0, 0, 0, 2 };

static void test_packets(void)
{
	uint8_t sent[200], got[200];
	struct ping_stamp stamp = {};

	ping_packet_init(sent, sizeof(sent), there, here, 0x0123456789abcdef);
	ping_packet_stamp(sent, 7, 1234567890123);
	memcpy(got, sent, sizeof(got));
	tap_is(ping_packet_read(got, sizeof(got), sent, sizeof(sent), &stamp), PING_FOREIGN,
	       "what was sent is no answer");
	memcpy(got, here, APP_MAC);
	memcpy(got + APP_MAC, there, APP_MAC);
	tap_is(ping_packet_read(got, sizeof(got), sent, sizeof(sent), &stamp), PING_ANSWER,
	       "turned round it is");
	tap_ok(stamp.run == 0x0123456789abcdef && stamp.sequence == 7 &&
		       stamp.time == 1234567890123,
	       "with all that was stamped on it");
	tap_is(ping_packet_read(got, 199, sent, sizeof(sent), &stamp), PING_DAMAGED, "cut off");
	got[199] ^= 1;
	tap_is(ping_packet_read(got, sizeof(got), sent, sizeof(sent), &stamp), PING_DAMAGED,
	       "with a bit turned");
	got[18] ^= 1;
	tap_is(ping_packet_read(got, sizeof(got), sent, sizeof(sent), &stamp), PING_FOREIGN,
	       "of another run");
	for (uint32_t length = 0; length < PING_HEADER; length++)
		if (ping_packet_read(got, length, sent, sizeof(sent), &stamp) != PING_FOREIGN)
			tap_ok(false, "%u bytes", length);
}

int main(void)
{
	test_orders();
	test_window();
	test_times();
	test_packets();
	return tap_done();
}
