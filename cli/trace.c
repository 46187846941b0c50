// SPDX-License-Identifier: GPL-2.0-only
/* lanactl trace - follow packets through the stack */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "way.h"

#define TIMEOUT_MS    100
#define PATH_MAX_TEXT 4096

/* A way through the stack that packets took. */
struct path {
	char *text;
	uint64_t packets, ns;
};

struct paths {
	struct path *list;
	size_t count;
};

static void paths_free(struct paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->list[i].text);
	free(paths->list);
}

/* "eth0 next → split match → n4 next → up pass"; with times, ns after each. */
static void write_path(const struct lana_traced *packet, bool times, char text[PATH_MAX_TEXT])
{
	char way[CLI_WAY_MAX];
	size_t length = 0;

	*text = 0;
	for (size_t i = 0; i < packet->hops_count; i++) {
		const struct lana_hop *hop = &packet->hops[i];
		size_t room = PATH_MAX_TEXT - length;

		if (room < 256) {
			snprintf(text + length, room, " → …");
			return;
		}
		length += snprintf(text + length, room, "%s%s%s %s", i ? " → " : "", hop->block,
				   hop->path == LANA_EGRESS ? " (egress)" : "",
				   cli_way(&hop->way, hop->path, way));
		if (times && i)
			length += snprintf(text + length, PATH_MAX_TEXT - length, " +%" PRIu64,
					   hop->ns - packet->hops[i - 1].ns);
	}
	if (!packet->whole)
		snprintf(text + length, PATH_MAX_TEXT - length, " → ?");
}

static uint64_t duration(const struct lana_traced *packet)
{
	return packet->hops[packet->hops_count - 1].ns;
}

static bool count_path(struct paths *paths, const struct lana_traced *packet)
{
	char text[PATH_MAX_TEXT];
	struct path *grown;
	size_t i = 0;

	write_path(packet, false, text);
	while (i < paths->count && strcmp(paths->list[i].text, text))
		i++;
	if (i == paths->count) {
		grown = reallocarray(paths->list, i + 1, sizeof(*grown));
		if (!grown)
			return false;
		paths->list = grown;
		grown[i] = (struct path){ .text = strdup(text) };
		if (!grown[i].text)
			return false;
		paths->count++;
	}
	paths->list[i].packets++;
	paths->list[i].ns += duration(packet);
	return true;
}

static void show_hop(const struct lana_hop *hop)
{
	out_open(NULL, OUT_ASSIGN);
	out_string("block", hop->block);
	out_string("path", lana_path_name(hop->path));
	out_string("kind", cli_way_kind(hop->way.kind));
	out_string("way", hop->way.name);
	if (hop->way.path != hop->path)
		out_string("turns", lana_path_name(hop->way.path));
	out_number("length", hop->length);
	out_number("ns", hop->ns);
	out_close();
}

static void show_packet(const struct lana_traced *packet)
{
	time_t seconds = packet->time / 1000000000;
	char text[PATH_MAX_TEXT], when[32];
	struct tm local;

	write_path(packet, true, text);
	strftime(when, sizeof(when), "%T", localtime_r(&seconds, &local));
	out_open("packet", OUT_ASSIGN);
	out_number("time", packet->time);
	out_number("length", packet->hops[0].length);
	out_bool("whole", packet->whole);
	out_open_list("hops", OUT_WORDS);
	for (size_t i = 0; i < packet->hops_count; i++)
		show_hop(&packet->hops[i]);
	out_close();
	out_close();
	out_as("%s.%06" PRIu64 " %4u bytes  %s%s", when, packet->time % 1000000000 / 1000,
	       packet->hops[0].length, text, packet->hops_count > 1 ? " ns" : "");
}

static int compare_paths(const void *a, const void *b)
{
	const struct path *x = a, *y = b;

	return (x->packets < y->packets) - (x->packets > y->packets);
}

static void show_paths(struct paths *paths, uint64_t lost)
{
	if (paths->count)
		qsort(paths->list, paths->count, sizeof(*paths->list), compare_paths);
	out_open_list("paths", OUT_TABLE);
	for (size_t i = 0; i < paths->count; i++) {
		const struct path *path = &paths->list[i];

		out_open(NULL, OUT_ASSIGN);
		out_number("packets", path->packets);
		out_real("ns", (double)path->ns / path->packets);
		out_string("path", path->text);
		out_close();
	}
	out_close();
	out_number("lost", lost);
	if (lost)
		out_as("%" PRIu64 " records were lost, as they came faster than they were read",
		       lost);
	else
		out_hide();
}

/* Print what comes, until that is all. */
static enum cli_status follow(const struct cli_args *args, struct lana_trace *trace,
			      struct paths *paths)
{
	enum cli_status status = CLI_DONE;
	struct lana_error error = {};

	while (!cli_stream_ended()) {
		struct lana_traced packet;
		int err = lana_trace_next(trace, TIMEOUT_MS, &packet, &error);

		if (err == -EAGAIN)
			continue;
		if (err == -ENODATA)
			break;
		if (err)
			return cli_refused(err, &error);
		if (!count_path(paths, &packet))
			return cli_error("out of memory");
		show_packet(&packet);
		if (!cli_stream_print(args, &status))
			return status;
	}
	show_paths(paths, lana_trace_lost(trace));
	return status;
}

static enum cli_status run_trace(const struct cli_args *args)
{
	struct lana_trace_options options = { .filter = cli_word(args, "FILTER") };
	__attribute__((cleanup(paths_free))) struct paths paths = {};
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct lana_error error = {};
	struct lana_trace *trace;
	enum cli_status status;
	int err;

	if (!cli_count(args, "N", UINT32_MAX, &options.count))
		return CLI_USAGE;
	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;
	cli_stream_begin();
	err = lana_trace_open(stack, &options, &trace, &error);
	if (err)
		return cli_refused(err, &error);
	status = follow(args, trace, &paths);
	lana_trace_close(trace);
	return status;
}

static const char *const examples[] = { "trace count 10", "trace \"icmp or arp\"",
					"-j trace \"tcp port 80\" count 1000", NULL };

const struct cli_command trace_command = {
	.name = "trace",
	.args = "[FILTER] [count N]",
	.summary = "follow packets through the stack",
	.details =
		"Follow packets from the hook by which they come, and print for each of them the "
		"blocks that it passes, by which port it leaves each, why it is dropped if it is, "
		"and the nanoseconds from block to block; at the end, the ways that were taken, "
		"and how often. FILTER is an expression of pcap-filter(7), and is asked where the "
		"packet comes in; 'count' N ends the trace after N packets, SIGINT (^C) at any "
		"time.\n\n"
		"For that, probes are woven into the blocks, and out again at the end, however "
		"that "
		"comes; packets do not notice. Times include what the probes themselves take. A "
		"way that "
		"ends in '?' was not seen to its end: records were lost, or the packet was on its "
		"way "
		"when the trace began. A "
		"stack is traced by one at a time. With -j, each packet is a line of its own.",
	.examples = examples,
	.run = run_trace,
};
