// SPDX-License-Identifier: GPL-2.0-only
/* lanactl monitor - tell what happens to a stack */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "cli.h"

static void lana_monitor_closep(struct lana_monitor **monitor)
{
	lana_monitor_close(*monitor);
}

#define LOOK_MS 1000 /* a signal that comes before the wait begins is seen then */

/* As text, an event is the line that stands for its time. */
static void show_event(const struct lana_event *event)
{
	time_t seconds = event->time / 1000000000;
	unsigned int rest = event->time % 1000000000;
	char clock[32], date[32], whole[64];
	struct tm tm;

	strftime(clock, sizeof(clock), "%T", localtime_r(&seconds, &tm));
	strftime(date, sizeof(date), "%FT%T", gmtime_r(&seconds, &tm));
	snprintf(whole, sizeof(whole), "%s.%09uZ", date, rest);
	out_string("time", whole);
	if (event->kind == LANA_EVENT_COMMIT)
		out_as("%s.%06u  %5u  %s: %llu step%s, prepared in %.3f ms, published in %.3f ms",
		       clock, rest / 1000, event->generation, event->text,
		       (unsigned long long)event->count, event->count == 1 ? "" : "s",
		       event->prepare_us / 1e3, event->publish_us / 1e3);
	else
		out_as("%s.%06u  %5u  %s", clock, rest / 1000, event->generation, event->text);
}

static void show_members(const struct lana_event *event)
{
	out_number("number", event->number);
	out_hide();
	out_number("generation", event->generation);
	out_hide();
	out_string("kind", lana_event_kind_name(event->kind));
	out_hide();
	out_string("text", event->text);
	out_hide();
	if (event->kind == LANA_EVENT_PUBLISHED) {
		out_string("block", event->block);
		out_hide();
		out_string("event", event->event);
		out_hide();
		out_number("value", event->value);
		out_hide();
		out_string("path", lana_path_name(event->path));
		out_hide();
	} else if (event->kind == LANA_EVENT_LOST) {
		out_bool("published", event->published);
		out_hide();
		out_number("lost", event->count);
		out_hide();
	} else if (event->kind == LANA_EVENT_COMMIT) {
		out_number("steps", event->count);
		out_hide();
		out_number("prepare_us", event->prepare_us);
		out_hide();
		out_number("publish_us", event->publish_us);
		out_hide();
	}
}

/* False: it is over. */
static bool tell_next(const struct cli_args *args, struct lana_monitor *monitor, uint64_t *left,
		      enum cli_status *status)
{
	struct lana_event event;
	int err = lana_monitor_next(monitor, LOOK_MS, &event);

	if (err == -EAGAIN || err == -EINTR)
		return true;
	if (err == -ENOENT)
		return false;
	if (err) {
		*status = cli_error("cannot wait for events: %s", strerror(-err));
		return false;
	}
	show_event(&event);
	show_members(&event);
	--*left;
	return cli_stream_print(args, status);
}

static enum cli_status run_monitor(const struct cli_args *args)
{
	_cleanup_(lana_monitor_closep) struct lana_monitor *monitor = NULL;
	_cleanup_stack_ struct lana_stack *stack = NULL;
	enum cli_status status = CLI_DONE;
	struct lana_error error = {};
	uint64_t left = UINT64_MAX;
	int err;

	if (!cli_count(args, "N", UINT32_MAX, &left))
		return CLI_USAGE;
	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;
	err = lana_monitor_open(stack, &monitor, &error);
	if (err)
		return cli_refused(err, &error);

	cli_stream_begin();
	while (left && !cli_stream_ended() && tell_next(args, monitor, &left, &status))
		;
	return status;
}

static const char *const examples[] = { "monitor", "-j monitor count 10", NULL };

const struct cli_command monitor_command = {
	.name = "monitor",
	.args = "[count N]",
	.summary = "tell what happens to the stack, as it happens",
	.details =
		"Print a line for each event from now on, whoever causes it: the time, the "
		"stack's generation, and what happened. A commit is told as its steps, in the "
		"words of these commands, and then the commit itself: how many steps they were, "
		"how long it took to weave and verify what they need, and how long until it "
		"was carried out (in an instant, or when no packet was left on its way through "
		"what "
		"was before, where that matters). Types that are loaded or "
		"unloaded, 'fuse' and 'fuse off', and what was finished or undone for a process "
		"that was killed are told too, that the stack is measured, traced or captured "
		"from, and what blocks publish: the block, the event, its value and the path of "
		"the packet that caused it.\n\n"
		"With 'count', end after N events. 'monitor' also ends when the stack is flushed, "
		"which is the last event, when it is interrupted, and when nobody reads its "
		"output any more.\n\n"
		"The stack keeps the latest 4,096 events, and as many published ones. If more "
		"happen while 'monitor' cannot "
		"print, it says how many it has lost. With '-j', each event is an object on a "
		"line of its own.",
	.examples = examples,
	.run = run_monitor,
};
