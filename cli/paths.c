// SPDX-License-Identifier: GPL-2.0-only
/* lanactl paths - watch the paths of a fanout: leave out those that are down, weigh the others */
#include <errno.h>
#include <string.h>
#include <arpa/inet.h>

#include "loader/clock.h"
#include "loader/netns.h"

#include "cli.h"
#include "paths.h"

#define WEIGH_EVERY (PATHS_SECOND / 10)
#define WEIGH_LEAST 5 /* rounds of probes between */
#define FIRST_WORD  5 /* rounds of probes after which it says what it knows */

/* ---- what is told ------------------------------------------------------------------------- */

static void show_time(const char *name, double ns)
{
	if (!ns) {
		out_unknown(name);
		return;
	}
	out_number(name, ns);
	out_as("%.1f ms", ns / 1e6);
}

static void show_rate(double rate)
{
	if (!rate) {
		out_unknown("rate");
		return;
	}
	out_number("rate", rate);
	out_as("%.1f Mbit/s", rate / 1e6);
}

/* Has each fanout the same weights for the paths that are asked? */
static bool are_alike(const struct watch *watch)
{
	for (size_t i = 1; i < watch->fanouts_count; i++)
		for (uint32_t port = 0; port < PATHS_MAX; port++)
			if (watch->paths.path[port].used &&
			    watch->fanouts[i].weight[port] != watch->fanouts->weight[port])
				return false;
	return true;
}

/* As text, each by itself only if they differ. */
static void show_weights(const struct watch *watch, uint32_t port, bool alike)
{
	if (alike)
		out_number("weight", watch->fanouts->weight[port]);
	else
		out_unknown("weight");
	out_open("weights", OUT_ASSIGN);
	for (size_t i = 0; i < watch->fanouts_count; i++)
		out_number(watch->fanouts[i].name, watch->fanouts[i].weight[port]);
	out_close();
	if (alike)
		out_hide();
}

static bool tell(const struct watch *watch, enum cli_status *status)
{
	bool alike = are_alike(watch);

	out_open_list("paths", OUT_TABLE);
	for (uint32_t port = 0; port < PATHS_MAX; port++) {
		const struct path *path = &watch->paths.path[port];

		if (!path->used)
			continue;
		out_open(NULL, OUT_ASSIGN);
		out_number("path", port + 1);
		out_string("state", path->up ? "up" : "down");
		out_tone(path->up ? OUT_GOOD : OUT_BAD);
		show_time("rtt", path->rtt);
		show_time("least", path->least);
		out_number("asked", path->sent);
		out_number("answered", path->received);
		show_rate(path->rate);
		show_weights(watch, port, alike);
		out_close();
	}
	out_close();
	return cli_stream_print(watch->args, status);
}

/* ---- what is done ------------------------------------------------------------------------- */

static uint64_t weigh_every(const struct paths *paths)
{
	uint64_t least = WEIGH_LEAST * paths->interval;

	return WEIGH_EVERY > least ? WEIGH_EVERY : least;
}

static enum cli_status run_rounds(struct watch *watch, uint64_t count)
{
	struct paths *paths = &watch->paths;
	uint64_t next = clock_ns(CLOCK_MONOTONIC), weigh = next;
	enum cli_status status = CLI_DONE;

	for (uint64_t n = 1; n <= count && !cli_stream_ended(); n++) {
		uint64_t now = clock_ns(CLOCK_MONOTONIC);
		bool changed, weighed;

		next = next > now ? next : now; /* rounds that it is late for are left out */
		if (watch->weighs)
			status = fanout_measure(watch, n == 1);
		if (status != CLI_DONE)
			break;
		paths_ask(paths);
		next += paths->interval;
		paths_hear(paths, next);
		if (cli_stream_ended())
			break;
		changed = paths_judge(paths);
		if (watch->weighs && next >= weigh) {
			weigh = next + weigh_every(paths);
			weighed = paths_weigh(paths, watch->rates, clock_ns(CLOCK_MONOTONIC));
			watch->weighed |= weighed;
			changed |= weighed;
		}
		watch->due |= changed;
		if (watch->due)
			status = fanout_set(watch);
		if (status != CLI_DONE)
			break;
		if ((changed || n == FIRST_WORD || n == count) && !tell(watch, &status))
			break;
	}
	return status;
}

static enum cli_status begin(struct watch *watch)
{
	_cleanup_(netns_leave_p) int before = -1;
	struct lana_error error = {};
	const char *netns = watch->args->options.stack.netns;
	int err = netns ? netns_enter(netns, &before, &error) : 0;

	if (err)
		return cli_refused(err, &error);
	err = paths_open(&watch->paths);
	return err ? cli_error("cannot send probes to %s: %s", cli_word(watch->args, "ADDRESS"),
			       strerror(-err))
		   : CLI_DONE;
}

static enum cli_status run(const struct cli_args *args)
{
	_cleanup_stack_ struct lana_stack *stack = NULL;
	struct watch watch = { .args = args };
	const char *address = cli_word(args, "ADDRESS");
	enum cli_status status = CLI_DONE;
	uint64_t count = UINT64_MAX;

	watch.paths.socket = -1;
	watch.paths.interval = PATHS_SECOND / 50;
	watch.paths.timeout = PATHS_SECOND / 5;
	watch.paths.target.sin_family = AF_INET;
	watch.weighs = cli_flag(args, "adapt");
	if (inet_pton(AF_INET, address, &watch.paths.target.sin_addr) != 1)
		return cli_usage("'%.64s' is no IPv4 address", address);
	if (!cli_time(args, "INTERVAL", &watch.paths.interval) ||
	    !cli_time(args, "TIMEOUT", &watch.paths.timeout) ||
	    !cli_count(args, "N", UINT32_MAX, &count))
		return CLI_USAGE;
	if (!cli_stack_open(args, &stack))
		return CLI_REFUSED;
	watch.stack = stack;
	status = fanout_learn_all(&watch, cli_list(args));
	if (status == CLI_DONE)
		status = begin(&watch);
	if (status == CLI_DONE) {
		cli_stream_begin();
		status = run_rounds(&watch, count);
	}
	paths_close(&watch.paths);
	free(watch.fanouts);
	return status;
}

static const char *const examples[] = { "paths 10.0.0.2 spread flows",
					"-n lab paths 10.0.0.2 spread adapt",
					"-j paths 10.0.0.2 spread interval 100ms timeout 500ms",
					NULL };

const struct cli_command paths_command = {
	.name = "paths",
	.args = "ADDRESS FANOUT ... [adapt] [interval INTERVAL] [timeout TIMEOUT] [count N]",
	.brief = "ADDRESS FANOUT ... [OPTION ...]",
	.summary = "leave out paths of fanouts that are down",
	.details =
		"Ask ADDRESS, by ICMP echo, by each port of FANOUT that is bound and has a weight, "
		"every INTERVAL (20 ms): path N is port N - 1. The probe's mark says the path, so "
		"FANOUT needs the option 'mark'; what has to be so at the far end for the answer "
		"to come back by the same path, docs/multipath.md says. A path without an answer "
		"for TIMEOUT (200 ms), and twice what answers take, is down, and up again after "
		"three answers in a row: that is FANOUT's option 'down', set at each change, of "
		"all FANOUTs named. If no path of a FANOUT has an answer none is left out. A "
		"FANOUT of mode copy, or without a port to ask by, is refused.\n\n"
		"With 'adapt' the weights are set as well, ten times a second at most, to what a "
		"path carries; a port without a weight keeps none. Where probes tell that packets "
		"wait, at least half as long as anywhere, that is what goes by it from probe to "
		"probe in the time from answer to answer; elsewhere it is taken to be more and "
		"more. What waits longer than the mean gets less. Where hardly more goes than "
		"acknowledgements it is the other end's packets that wait, and nothing is learnt. "
		"Blocks of type counter have to be behind the ports. If FANOUT's mode is earliest "
		"weights are these rates, less 5 %, and "
		"'delays' is set to half of the least time of probes.\n\n"
		"It prints what it knows when something has changed, and after N probes (in JSON, "
		"times are "
		"nanoseconds): least is the least RTT, which is forgotten slowly; weight is what "
		"all FANOUTs have, and if they differ there are the weights of each. Bindings are "
		"those that it began with. It ends after N probes a path, or when the stack or a "
		"FANOUT is gone. If it ends, or is killed, what is set stays so; started again, "
		"it goes on from there.",
	.examples = examples,
	.run = run,
};
