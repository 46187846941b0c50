// SPDX-License-Identifier: GPL-2.0-only
/* lanactl topo run - go through the events of a network, and look whether it does as expected */
#include <errno.h>

#include "topo.h"

static void show_event(const struct lana_topo_event *event)
{
	static const char *const outcomes[] = { [LANA_TOPO_DONE] = "done",
						[LANA_TOPO_PASSED] = "passed",
						[LANA_TOPO_FAILED] = "failed" };

	out_open(NULL, OUT_ASSIGN);
	out_number("at", event->at);
	out_as("%.3f s", event->at / 1e9);
	out_number("late", event->late);
	out_as("%.3f ms", event->late / 1e6);
	out_string("event", event->text);
	out_string("outcome", outcomes[event->outcome]);
	out_tone(event->outcome == LANA_TOPO_FAILED   ? OUT_BAD
		 : event->outcome == LANA_TOPO_PASSED ? OUT_GOOD
						      : OUT_NEUTRAL);
	out_string("found", event->found);
	out_number("line", event->line);
	out_hide();
	out_close();
}

static void show_end(const struct lana_topo_report *report)
{
	out_number("failed", report->failed);
	if (report->failed)
		out_as("network %s: %zu of %zu events failed", report->network, report->failed,
		       report->events_count);
	else
		out_as("network %s: all %zu events went well", report->network,
		       report->events_count);
	out_number("late", report->late);
	if (report->late) {
		out_as("the host could not keep up: packets left late on %zu of %zu directions "
		       "of links",
		       report->late, report->directions_count);
		out_tone(OUT_BAD);
	} else if (report->directions_count) {
		out_as("the host kept up: no packet left a link late");
	} else {
		out_hide();
	}
}

static enum cli_status run_run(const struct cli_args *args)
{
	_cleanup_(topo_file_free) struct topo_file file = {};
	struct lana_topo_options options = topo_options(args);
	struct lana_topo_report report = {};
	struct lana_error error = {};
	enum cli_status status;
	int err;

	if (!topo_read(args, &file))
		return CLI_REFUSED;
	cli_stream_begin();
	err = lana_topo_run(&options, &file.source, cli_stream_ended, &report, &error);
	if (err)
		return cli_refused(err, &error);
	out_open_list("events", OUT_TABLE);
	for (size_t i = 0; i < report.events_count; i++)
		show_event(&report.events[i]);
	out_close();
	out_open_list("directions", OUT_TABLE);
	for (size_t i = 0; i < report.directions_count; i++)
		topo_show_direction(&report.directions[i]);
	out_close();
	show_end(&report);
	free(report.events);
	free(report.directions);
	cli_stream_print(args, &status);
	return status || !report.failed ? status : CLI_REFUSED;
}

static const char *const examples[] = { "topo run lab.yaml", "-j topo run lab.yaml", NULL };

const struct cli_command topo_run_command = {
	.name = "topo run",
	.args = "FILE [as NETWORK]",
	.summary = "go through a network's events and expectations",
	.details =
		"Make the network of FILE, do what its 'events' say at the times that they say, "
		"and "
		"look whether what they expect is so; then take the network away. Each event is "
		"printed with the time by which it was late, and each direction of a link with "
		"properties with how true it was: whether the host could not keep up. The status "
		"is 1 if an event failed. SIGINT (^C) ends the run, and the network.",
	.examples = examples,
	.run = run_run,
};
