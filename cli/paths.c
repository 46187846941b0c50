// SPDX-License-Identifier: GPL-2.0-only
/* lanactl paths - watch the paths of a fanout: leave out those that are down, weigh the others */
#include <errno.h>
#include <string.h>
#include <arpa/inet.h>

#include "loader/clock.h"
#include "loader/netns.h"

#include "cli.h"
#include "paths.h"

#define MARK_LOW    31 /* bits of a mark that say a path */
#define WEIGH_EVERY (PATHS_SECOND / 10)
#define WEIGH_LEAST 5 /* rounds of probes between */
#define FIRST_WORD  5 /* rounds of probes after which it says what it knows */

struct watch {
	const struct cli_args *args;
	struct lana_stack *stack;
	struct paths paths;
	const char *const *fanouts; /* ends in NULL */
	bool weighs, unwilling;	    /* the last change was refused, which was said */
	bool rates;		    /* weights are rates: some mode is earliest */
};

static const char *config_of(const struct lana_block_info *block, const char *name)
{
	for (size_t i = 0; i < block->config_count; i++)
		if (!strcmp(block->config[i].name, name))
			return block->config[i].text;
	return "";
}

static enum cli_status no_fanout(const char *name, const char *why)
{
	return cli_error("block '%.64s' %s", name, why);
}

/* Which paths there are, and what is set. */
static enum cli_status learn(struct watch *watch, const char *name)
{
	_cleanup_free_ struct lana_block_info *block = NULL;
	struct paths *paths = &watch->paths;
	struct lana_error error = {};
	const char *weights, *end;
	unsigned long down;
	size_t count = 0;
	int err = lana_block_list(watch->stack, name, &block, &count, &error);

	if (err)
		return cli_refused(err, &error);
	if (strcmp(block->type, "fanout"))
		return no_fanout(name, "is no fanout");
	paths->mark = strtoul(config_of(block, "mark"), NULL, 0) & ~MARK_LOW;
	if (!paths->mark)
		return no_fanout(name, "has no mark by which probes could say their path "
				       "(set mark=0x700)");
	watch->rates |= !strcmp(config_of(block, "mode"), "earliest");
	for (size_t i = 0; i < block->edges_count; i++) {
		struct path *path = &paths->path[block->edges[i].port];

		path->used = true;
		strcpy(path->counter, block->edges[i].to_name);
	}
	down = strtoul(config_of(block, "down"), NULL, 0);
	weights = config_of(block, "weights");
	end = weights + strlen(weights);
	if (!strcmp(weights, "0"))
		end = weights; /* none is set: all are alike */
	for (uint32_t port = 0; port < PATHS_MAX; port++) {
		struct path *path = &paths->path[port];

		path->up = !(down >> port & 1);
		path->weight = 1;
		if (end == config_of(block, "weights"))
			continue;
		path->weight = weights < end ? strtoul(weights, NULL, 0) : 0;
		path->used &= path->weight > 0;
		weights += strcspn(weights, ",");
		weights += weights < end;
	}
	return CLI_DONE;
}

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

static bool tell(const struct watch *watch, enum cli_status *status)
{
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
		out_real("weight", path->weight);
		out_close();
	}
	out_close();
	return cli_stream_print(watch->args, status);
}

/* ---- what is done ------------------------------------------------------------------------- */

/* Ports that get nothing. If none has an answer it is not the paths that fail. */
static unsigned int down_of(const struct paths *paths)
{
	unsigned int down = 0, used = 0;

	for (uint32_t port = 0; port < PATHS_MAX; port++) {
		used |= paths->path[port].used << port;
		down |= (paths->path[port].used && !paths->path[port].up) << port;
	}
	return down == used ? 0 : down;
}

static void print_weights(const struct paths *paths, char text[128])
{
	size_t length = strlen(strcpy(text, "weights="));

	for (uint32_t port = 0; port < PATHS_MAX; port++) {
		const struct path *path = &paths->path[port];
		unsigned int weight = path->used ? path->weight + 0.5 : 0;

		length += snprintf(text + length, 128 - length, "%s%u", port ? "," : "",
				   path->used && !weight ? 1 : weight);
	}
}

/* Of earliest: half of the least time there and back, in its units. */
static void print_delays(const struct paths *paths, char text[128])
{
	size_t length = strlen(strcpy(text, "delays="));

	for (uint32_t port = 0; port < PATHS_MAX; port++) {
		double delay = paths->path[port].least / 2 / 10e3;

		length += snprintf(text + length, 128 - length, "%s%u", port ? "," : "",
				   delay < 65534 ? (unsigned int)(delay + 0.99) : 65535);
	}
}

/* False: it counts none. */
static bool bytes_of(const struct lana_block_stats *stats, uint64_t *bytes)
{
	bool counts = false;

	*bytes = 0;
	for (int path = 0; path < LANA_PATHS; path++)
		for (size_t i = 0; i < stats->path[path].own_count; i++)
			if (!strcmp(stats->path[path].own[i].name, "bytes")) {
				*bytes += stats->path[path].own[i].value;
				counts = true;
			}
	return counts;
}

static const struct lana_block_stats *find_stats(const struct lana_block_stats *stats, size_t count,
						 const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(stats[i].name, name))
			return &stats[i];
	return NULL;
}

/*
 * What has gone by each path. Counters that are gone later, or begin anew, say nothing for a while.
 */
static enum cli_status measure(struct watch *watch, bool first)
{
	_cleanup_free_ struct lana_block_stats *stats = NULL;
	struct lana_error error = {};
	size_t count = 0;
	int err = lana_block_stats(watch->stack, NULL, &stats, &count, &error);

	if (err)
		return first ? cli_refused(err, &error) : CLI_DONE;
	for (uint32_t port = 0; port < PATHS_MAX; port++) {
		struct path *path = &watch->paths.path[port];
		const struct lana_block_stats *own = find_stats(stats, count, path->counter);
		uint64_t counted = 0;
		bool counts = own && bytes_of(own, &counted);

		if (path->used && !counts && first)
			return cli_error("port %u leads to '%.64s', which counts no bytes: "
					 "'adapt' needs a block of type counter there",
					 port, path->counter);
		path->bytes += counted > path->counted ? counted - path->counted : 0;
		path->counted = counts ? counted : path->counted;
	}
	return CLI_DONE;
}

/*
 * A change that is refused is said once, and tried again with the next one; without the stack, or a
 * fanout, there is nothing to watch for.
 */
static enum cli_status set(struct watch *watch)
{
	char down[32], weights[128], delays[128];
	const char *options[] = { down, watch->weighs ? weights : NULL,
				  watch->rates ? delays : NULL, NULL };
	struct lana_error error = {};
	int err = 0;

	snprintf(down, sizeof(down), "down=%u", down_of(&watch->paths));
	print_weights(&watch->paths, weights);
	print_delays(&watch->paths, delays);
	for (size_t i = 0; watch->fanouts[i] && !err; i++)
		err = lana_block_set(watch->stack, watch->fanouts[i], options, &error);
	if (err == -ENOENT)
		return cli_refused(err, &error);
	if (err && !watch->unwilling)
		fprintf(stderr, "lanactl: %s\n", error.text);
	watch->unwilling = err;
	return CLI_DONE;
}

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
		bool changed;

		next = next > now ? next : now; /* rounds that it is late for are left out */
		if (watch->weighs)
			status = measure(watch, n == 1);
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
			changed |= paths_weigh(paths, watch->rates, clock_ns(CLOCK_MONOTONIC));
		}
		if (changed || watch->unwilling)
			status = set(watch);
		if (status != CLI_DONE)
			break;
		if ((changed || n == FIRST_WORD) && !tell(watch, &status))
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
	struct watch watch = { .args = args, .fanouts = cli_list(args) };
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
	for (size_t i = 0; watch.fanouts[i] && status == CLI_DONE; i++)
		status = learn(&watch, watch.fanouts[i]);
	if (status == CLI_DONE)
		status = begin(&watch);
	if (status == CLI_DONE) {
		cli_stream_begin();
		status = run_rounds(&watch, count);
	}
	paths_close(&watch.paths);
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
		"to "
		"come back by the same path, docs/multipath.md says. A path without an answer for "
		"TIMEOUT (200 ms), and twice what answers take, is down, and up again after three "
		"answers in a row: that is "
		"FANOUT's option 'down', set at each change, of all FANOUTs named. If no path has "
		"an "
		"answer none is left out.\n\n"
		"With 'adapt' the weights are set as well, ten times a second at most, to what a "
		"path carries. Where probes tell that packets wait, at least half as long as "
		"anywhere, that is what goes by it from probe to probe in the time from answer to "
		"answer; elsewhere it is taken to be more and more. What waits longer than the "
		"mean gets less. Blocks of type counter have to be behind the ports. If FANOUT's "
		"mode is earliest weights are these rates, less 5 %, and 'delays' is set to half "
		"of the least time of probes.\n\n"
		"It prints what it knows when something has changed (in JSON, times are "
		"nanoseconds), weights of the last FANOUT; least is the least RTT, which is "
		"forgotten slowly. It ends after N probes a path, or when the stack or a FANOUT "
		"is gone. If it ends, or is killed, what is set stays so; started again, it goes "
		"on from there.",
	.examples = examples,
	.run = run,
};
