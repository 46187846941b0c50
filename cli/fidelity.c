// SPDX-License-Identifier: GPL-2.0-only
#include <time.h>

#include "fidelity.h"

/* What was measured, with so many digits as make sense. */
static uint64_t round_off(uint64_t value)
{
	uint64_t scale = 1;

	while (value / scale >= 10000)
		scale *= 10;
	return (value + scale / 2) / scale * scale;
}

static void show(const char *name, const char *type, uint64_t value)
{
	char text[LANA_UNIT_TEXT_MAX];

	out_number(name, value);
	out_as("%s", lana_unit_print(type, round_off(value), text));
}

/* Nothing where nothing was measured. */
static void show_measured(const char *name, const char *type, uint64_t value, bool measured)
{
	if (measured)
		show(name, type, value);
	else
		out_unknown(name);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

/* A moment of CLOCK_MONOTONIC by the time of day. */
static void show_moment(const char *name, uint64_t when)
{
	uint64_t ago = now_ns(CLOCK_MONOTONIC) - when;
	time_t seconds = (now_ns(CLOCK_REALTIME) - ago) / 1000000000;
	char text[32];
	struct tm tm;

	if (!when) {
		out_unknown(name);
		return;
	}
	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%FT%T%z", &tm);
	out_string(name, text);
}

static void show_late(const struct link_report *report)
{
	out_number("late", report->late);
	if (report->late)
		out_tone(OUT_BAD);
	show_moment("late_first", report->late_first);
	show_moment("late_last", report->late_last);
}

/* In text only where there is room for all. */
static void detail(bool brief)
{
	if (brief)
		out_hide();
}

static void show_room(const struct link_status *status, bool brief)
{
	bool short_of = status->need > status->frames && status->frames;

	out_number("need", status->need);
	if (short_of) {
		out_tone(OUT_BAD);
		out_as("%llu frames, and the worker has %llu", (unsigned long long)status->need,
		       (unsigned long long)status->frames);
	}
	detail(brief && !short_of);
	out_number("frames", status->frames);
	detail(brief);
	out_bool("short_of_frames", short_of);
	out_hide();
}

void fidelity_show(const struct lana_link_info *link, bool brief)
{
	const struct link_report *report = &link->status.report;
	bool in_user = link->takes_time || link->status.turn & LINK_IN_USER;
	bool paced = link->config.rate && report->rate_measured;
	char text[LANA_UNIT_TEXT_MAX];

	out_string("where", !in_user ? "kernel" : *link->worker ? link->worker : "none");
	if (in_user && link->silent_ms)
		out_as("%s, silent for %u s", link->worker, link->silent_ms / 1000);
	if (in_user && (!*link->worker || link->silent_ms))
		out_tone(OUT_BAD);
	out_number("silent_ms", in_user ? link->silent_ms : 0);
	out_hide();
	show("rate", "lana_rate", link->config.rate);
	show_measured("rate_achieved", "lana_rate", report->rate_achieved, paced);
	show("delay", "lana_duration", link->config.delay);
	show("jitter", "lana_duration", link->config.jitter);
	detail(brief && !link->config.jitter);
	show_measured("delay_p50", "lana_duration", report->delay_p50, report->left);
	show_measured("delay_p99", "lana_duration", report->delay_p99, report->left);
	show_measured("error_p50", "lana_duration", report->error_p50, report->left);
	detail(brief && report->left);
	show_measured("error_p99", "lana_duration", report->error_p99, report->left);
	detail(brief && report->left);
	show_measured("error_most", "lana_duration", report->error_most, report->left);
	detail(brief && report->left);
	show("loss", "lana_chance", link_loss(&link->config));
	show_measured("loss_achieved", "lana_chance", report->loss_achieved, report->passed);
	out_number("packets", report->passed);
	show_late(report);
	out_string("limit", lana_unit_print("lana_limit", link->status.limit, text));
	detail(brief);
	show_room(&link->status, brief);
	out_number("seed", link->status.seed);
	detail(brief);
}
