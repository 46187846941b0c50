// SPDX-License-Identifier: GPL-2.0-only
/* lanactl sink - check how stamped traffic arrives */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <lana/gen.h>

#include "cli.h"
#include "loader/clock.h"

#define LOOK_MS 2 /* between two looks at the counts */

static double us(double ns)
{
	return ns / 1e3;
}

static void show_delay(const char *name, double ns)
{
	out_real(name, us(ns));
}

static void show_histogram(const struct lana_sink_stream *stream)
{
	out_open_list("delays", OUT_TABLE);
	for (uint32_t b = 0; b < LANA_DELAY_BUCKETS; b++) {
		if (!stream->delays[b])
			continue;
		out_open(NULL, OUT_ASSIGN);
		out_number("from_ns", lana_delay_bucket(b));
		out_number("to_ns", lana_delay_bucket(b + 1));
		out_number("packets", stream->delays[b]);
		out_close();
	}
	out_close();
	out_hide();
}

static void show_stream(const struct lana_sink_stream *stream)
{
	out_open(NULL, OUT_ASSIGN);
	out_number("run", stream->run);
	out_number("stream", stream->stream);
	out_number("received", stream->received);
	out_number("lost", stream->lost);
	out_tone(stream->lost ? OUT_BAD : OUT_NEUTRAL);
	out_number("duplicated", stream->duplicated);
	out_tone(stream->duplicated ? OUT_BAD : OUT_NEUTRAL);
	out_number("reordered", stream->reordered);
	out_tone(stream->reordered ? OUT_BAD : OUT_NEUTRAL);
	out_number("old", stream->old);
	if (!stream->old)
		out_hide();
	out_number("lowest", stream->lowest);
	out_hide();
	out_number("highest", stream->highest);
	out_hide();
	out_number("bytes", stream->bytes);
	out_hide();
	out_real("pps", stream->seconds > 0 ? (stream->received - 1) / stream->seconds : 0);
	out_real("seconds", stream->seconds);
	show_delay("min_us", stream->delay_min);
	show_delay("mean_us", stream->delay_mean);
	show_delay("p50_us", stream->delay_p50);
	show_delay("p99_us", stream->delay_p99);
	show_delay("max_us", stream->delay_max);
	show_histogram(stream);
	out_close();
}

static void show(const char *device, const struct lana_sink_report *r)
{
	out_string("device", device);
	out_as("%" PRIu64 " stamped packets from %s (%s), %" PRIu64 " others passed on", r->stamped,
	       device, r->hook, r->others);
	out_string("hook", r->hook);
	out_hide();
	out_number("stamped", r->stamped);
	out_hide();
	out_number("others", r->others);
	out_hide();
	out_number("unchecked", r->unchecked);
	out_as("%" PRIu64 " of them not checked: there are more than 64 streams", r->unchecked);
	if (!r->unchecked)
		out_hide();
	out_open_list("streams", OUT_TABLE);
	for (size_t i = 0; i < r->streams_count; i++)
		show_stream(&r->streams[i]);
	out_close();
}

/* Until so many stamped packets have come, so much time is over, or a signal comes. */
static int watch(struct lana_sink *sink, uint64_t count, uint64_t time,
		 struct lana_sink_report *report, struct lana_error *error)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000 };
	uint64_t begin = clock_ns(CLOCK_MONOTONIC);
	int err;

	for (;;) {
		bool ended =
			cli_stream_ended() || (time && clock_ns(CLOCK_MONOTONIC) - begin >= time);

		err = lana_sink_report(sink, report, error);
		if (err || ended || (count && report->stamped >= count))
			return err;
		free(report->streams);
		report->streams = NULL;
		nanosleep(&pause, NULL);
	}
}

static enum cli_status run_sink(const struct cli_args *args)
{
	struct lana_sink_options options = { .device = cli_word(args, "DEV"),
					     .netns = args->options.stack.netns,
					     .running = cli_flag(args, "running") };
	struct lana_sink_report report = {};
	struct lana_error error = {};
	uint64_t count = 0, time = 0;
	struct lana_sink *sink;
	int err;

	if (!cli_count(args, "N", UINT64_MAX, &count) || !cli_time(args, "TIME", &time))
		return CLI_USAGE;
	cli_stream_begin();
	err = lana_sink_open(&options, &sink, &error);
	if (err)
		return cli_refused(err, &error);
	if (isatty(STDERR_FILENO) && !count && !time)
		fprintf(stderr, "checking what %s receives; ^C ends it\n", options.device);
	err = watch(sink, count, time, &report, &error);
	lana_sink_close(sink);
	if (report.streams)
		show(options.device, &report);
	free(report.streams);
	return err ? cli_refused(err, &error) : CLI_DONE;
}

static const char *const examples[] = { "sink eth1 time 10s", "-n right -j sink r0 count 1000000",
					NULL };

const struct cli_command sink_command = {
	.name = "sink",
	.args = "DEV [count N] [time TIME] [running]",
	.summary = "check how stamped traffic arrives",
	.details =
		"Take packets that 'gen' has stamped out of what DEV receives, and check them, "
		"until "
		"N have come, for TIME, or until SIGINT (^C); then print for each stream, and run "
		"of "
		"a generator, how many were received, lost (the number never came, though a higher "
		"one did), duplicated (the number had come already) and reordered (after a higher "
		"number: RFC 4737), and the delays from stamp to sink in microseconds. With '-j' "
		"there is the whole histogram of delays.\n\n"
		"A stream's numbers begin at 0, so what was sent before the sink was there is "
		"lost, "
		"too: start it before the generator, or say 'running' to count from the first "
		"number "
		"that comes. Delays are true if both ends are on one machine. All other packets go "
		"on to the kernel, untouched.\n\n"
		"The packets are checked by an XDP program in the driver; if the device has one "
		"already, at tcx (behind it), and else by generic XDP. It goes with lanactl, "
		"however "
		"that ends.",
	.examples = examples,
	.names_new = true,
	.run = run_sink,
};
