// SPDX-License-Identifier: GPL-2.0-only
/* lanactl link - show how true emulated links are */
#include <time.h>

#include "cli.h"

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

static void show_room(const struct link_status *status)
{
	bool short_of = status->need > status->frames && status->frames;

	out_number("need", status->need);
	if (short_of) {
		out_tone(OUT_BAD);
		out_as("%llu frames, and the worker has %llu", (unsigned long long)status->need,
		       (unsigned long long)status->frames);
	}
	out_number("frames", status->frames);
	out_bool("short_of_frames", short_of);
	out_hide();
}

static void show_link(const struct lana_link_info *link)
{
	const struct link_report *report = &link->status.report;
	bool in_user = link->takes_time || link->status.turn & LINK_IN_USER;
	bool paced = link->config.rate && report->rate_measured;
	char text[LANA_UNIT_TEXT_MAX];

	out_open(NULL, OUT_ASSIGN);
	out_string("name", link->name);
	out_string("path", lana_path_name(link->path));
	out_string("where", !in_user ? "kernel" : *link->worker ? link->worker : "none");
	if (in_user && !*link->worker)
		out_tone(OUT_BAD);
	show("rate", "lana_rate", link->config.rate);
	show_measured("rate_achieved", "lana_rate", report->rate_achieved, paced);
	show("delay", "lana_duration", link->config.delay);
	show("jitter", "lana_duration", link->config.jitter);
	show_measured("delay_p50", "lana_duration", report->delay_p50, report->left);
	show_measured("delay_p99", "lana_duration", report->delay_p99, report->left);
	show_measured("error_p50", "lana_duration", report->error_p50, report->left);
	show_measured("error_p99", "lana_duration", report->error_p99, report->left);
	show_measured("error_most", "lana_duration", report->error_most, report->left);
	show("loss", "lana_chance", link_loss(&link->config));
	show_measured("loss_achieved", "lana_chance", report->loss_achieved, report->passed);
	out_number("packets", report->passed);
	show_late(report);
	out_string("limit", lana_unit_print("lana_limit", link->status.limit, text));
	show_room(&link->status);
	out_number("seed", link->status.seed);
	out_close();
}

static enum cli_status run(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	_cleanup_free_ struct lana_link_info *links = NULL;
	const char *name = cli_word(args, "NAME");
	struct lana_error error = {};
	size_t count = 0;
	int err;

	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;
	err = lana_link_list(stack, name, &links, &count, &error);
	if (err)
		return cli_refused(err, &error);
	out_open_list("links", name ? OUT_RECORDS : OUT_TABLE);
	for (size_t i = 0; i < count; i++)
		show_link(&links[i]);
	out_close();
	return CLI_DONE;
}

static const char *const examples[] = { "link", "link ab", "-j link", NULL };

const struct cli_command link_command = {
	.name = "link",
	.args = "[NAME]",
	.summary = "show how true emulated links are",
	.details =
		"For each link (type link), or one, and each path that it is used on: what was "
		"configured beside what was achieved. The rate is measured while there was always "
		"something to send; delay p50 and p99, from a packet's last bit to its departure; "
		"error, how much later than its time a packet left; loss, of the packets that were "
		"sent. 'late' counts packets that left later than their time and the option 'late' "
		"(1 ms), since the host could not keep up, with the time of the first and the last "
		"one. Beside it: the limit of the queue that is in effect, the seed, how many full "
		"frames the link may have to hold, and how many the worker can ('worker "
		"frames').\n\n"
		"Where a link takes no time, neither rate nor delay, the kernel does it, and loss "
		"is "
		"all that there is to be told. It is read from memory that the worker shares, and "
		"stays there when it ends. In JSON times are nanoseconds, chances billionths, "
		"rates "
		"bits a second.",
	.examples = examples,
	.run = run,
};
