// SPDX-License-Identifier: GPL-2.0-only
/* report - print how a call goes */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/out.h"
#include "report.h"

#define COUNT(s, member, always)                                       \
	{                                                              \
#member, offsetof(struct call_stats, s.member), always \
	}

/* What is counted, in the order in which it is printed. */
static const struct {
	const char *name;
	size_t at;
	bool always; /* told as text even if it is 0 */
} counts[] = {
	COUNT(counts, sent, true),
	COUNT(counts, sent_bytes, false),
	COUNT(counts, unsent, false),
	COUNT(jitter_counts, expected, true),
	COUNT(jitter_counts, received, true),
	{ "lost", offsetof(struct call_stats, lost), true },
	COUNT(jitter_counts, late, true),
	COUNT(jitter_counts, early, false),
	COUNT(jitter_counts, duplicates, false),
	COUNT(jitter_counts, reordered, false),
	COUNT(jitter_counts, played, false),
	COUNT(jitter_counts, concealed, true),
	COUNT(jitter_counts, inserted, false),
	COUNT(jitter_counts, skipped, false),
	COUNT(jitter_counts, resyncs, false),
	COUNT(counts, undecoded, false),
	COUNT(counts, restarts, false),
	COUNT(counts, bad, false),
	COUNT(counts, foreign, false),
	COUNT(losses, overruns, false),
	{ "link_full", offsetof(struct call_stats, losses.full), false },
	COUNT(counts, xruns, false),
};

#define COUNTS (sizeof(counts) / sizeof(counts[0]))

static double us(double ns)
{
	return ns / 1e3;
}

static double ms(double ns)
{
	return ns / 1e6;
}

static double mean(const struct call_range *range)
{
	return range->count ? (double)range->sum / range->count : 0;
}

static void show_range(const char *name, const struct call_range *range)
{
	out_open(name, OUT_ASSIGN);
	if (range->count) {
		out_real("min_us", us(range->least));
		out_real("mean_us", us(mean(range)));
		out_real("max_us", us(range->most));
	}
	out_close();
	out_hide();
}

static void show_peer(const struct call_stats *stats)
{
	char address[18];

	snprintf(address, sizeof(address), "%02x:%02x:%02x:%02x:%02x:%02x", stats->peer[0],
		 stats->peer[1], stats->peer[2], stats->peer[3], stats->peer[4], stats->peer[5]);
	out_open("peer", OUT_ASSIGN);
	out_string("address", address);
	out_number("received", stats->peer_received);
	out_number("lost", stats->peer_lost);
	out_number("late", stats->peer_late);
	out_real("jitter_us", us(stats->peer_jitter));
	out_close();
	out_hide();
}

static uint64_t count_of(const struct call_stats *stats, size_t n)
{
	return *(const uint64_t *)((const char *)stats + counts[n].at);
}

/* All but the first stands for itself in JSON only. */
static void show_members(const struct call_stats *stats)
{
	out_real("seconds", stats->seconds);
	out_hide();
	for (size_t i = 0; i < COUNTS; i++) {
		out_number(counts[i].name, count_of(stats, i));
		out_hide();
	}
	out_real("jitter_us", us(stats->jitter));
	out_hide();
	out_real("target_us", us(stats->target));
	out_hide();
	out_number("depth", stats->depth);
	out_hide();
	out_real("round_trip_us", us(stats->round_trip));
	out_hide();
	show_range("mouth_to_ear", &stats->delay);
	show_range("sent_late", &stats->sent_late);
	out_bool("muted", stats->muted);
	out_hide();
	show_peer(stats);
}

int report_now(const struct call_stats *stats, bool json)
{
	const struct jitter_counts *heard = &stats->jitter_counts;

	out_string("state", call_state_name(stats->state));
	out_as("%6.1f s %s%s: sent %" PRIu64 ", received %" PRIu64 ", lost %" PRIu64
	       ", late %" PRIu64 ", concealed %" PRIu64
	       "; jitter %.2f, round trip %.2f, mouth to ear %.1f ms",
	       stats->seconds, call_state_name(stats->state), stats->muted ? " (muted)" : "",
	       stats->counts.sent, heard->received, stats->lost, heard->late, heard->concealed,
	       ms(stats->jitter), ms(stats->round_trip), ms(mean(&stats->delay)));
	show_members(stats);
	return out_print_part(json);
}

/* Counts that are not 0, four a line. */
static void put_counts(FILE *file, const struct call_stats *stats)
{
	unsigned int column = 0;

	for (size_t i = 0; i < COUNTS; i++) {
		if (!count_of(stats, i) && !counts[i].always)
			continue;
		fprintf(file, "%s%-11s%10" PRIu64, column % 4 ? "  " : "\n  ", counts[i].name,
			count_of(stats, i));
		column++;
	}
	fputc('\n', file);
}

static void put_range(FILE *file, const char *name, const struct call_range *range)
{
	if (range->count)
		fprintf(file, "  %-14s mean %.2f ms, from %.2f to %.2f\n", name, ms(mean(range)),
			ms(range->least), ms(range->most));
}

int report_end(const struct call_stats *stats, bool json)
{
	char text[2048] = "";
	FILE *file = fmemopen(text, sizeof(text), "w");

	if (file) {
		fprintf(file, "after %.1f s, %s:", stats->seconds, call_state_name(stats->state));
		put_counts(file, stats);
		put_range(file, "mouth to ear", &stats->delay);
		put_range(file, "sent late", &stats->sent_late);
		fprintf(file, "  the other end   received %u, lost %u, late %u, jitter %.2f ms",
			stats->peer_received, stats->peer_lost, stats->peer_late,
			ms(stats->peer_jitter));
		fclose(file);
	}
	out_string("state", call_state_name(stats->state));
	out_as("%s", text);
	show_members(stats);
	out_bool("final", true);
	out_hide();
	return out_print_part(json);
}
