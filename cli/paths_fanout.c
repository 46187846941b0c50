// SPDX-License-Identifier: GPL-2.0-only
/* paths_fanout - what fanouts have, and what they are told */
#include <errno.h>
#include <string.h>

#include "paths.h"

#define MARK_LOW     31 /* bits of a mark that say a path */
#define OPTION_MAX   128
#define WEIGHT_LEAST 1

/* ---- what they have ------------------------------------------------------------------------- */

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

/* Without any weight, ports that are bound have 1. Others keep theirs for when they are. */
static void learn_weights(struct fanout *fanout, const char *text)
{
	bool none = !strcmp(text, "0");

	for (uint32_t port = 0; port < PATHS_MAX; port++) {
		bool bound = *fanout->counter[port];

		fanout->weight[port] = none ? bound : strtoul(text, NULL, 0);
		fanout->uses[port] = bound && fanout->weight[port];
		text += none ? 0 : strcspn(text, ",");
		text += *text == ',';
	}
}

/* A counter of two of them counts once. */
static void forget_counters(const struct watch *watch, struct fanout *fanout)
{
	for (const struct fanout *earlier = watch->fanouts; earlier < fanout; earlier++)
		for (uint32_t port = 0; port < PATHS_MAX; port++)
			if (earlier->uses[port] &&
			    !strcmp(earlier->counter[port], fanout->counter[port]))
				*fanout->counter[port] = '\0';
}

/* Add its paths to those that are asked. False: there are none. */
static bool learn_paths(struct watch *watch, const struct fanout *fanout)
{
	bool first = fanout == watch->fanouts, any = false;

	for (uint32_t port = 0; port < PATHS_MAX; port++) {
		struct path *path = &watch->paths.path[port];

		path->up |= first;
		path->up &= !(fanout->uses[port] && fanout->down >> port & 1);
		path->used |= fanout->uses[port];
		path->weight =
			first || path->weight == fanout->weight[port] ? fanout->weight[port] : 0;
		any |= fanout->uses[port];
	}
	return any;
}

static enum cli_status learn(struct watch *watch, const char *name)
{
	struct fanout *fanout = &watch->fanouts[watch->fanouts_count++];
	_cleanup_free_ struct lana_block_info *block = NULL;
	struct lana_error error = {};
	size_t count = 0;
	uint32_t mark;
	int err = lana_block_list(watch->stack, name, &block, &count, &error);

	if (err)
		return cli_refused(err, &error);
	if (strcmp(block->type, "fanout"))
		return no_fanout(name, "is no fanout");
	if (!strcmp(config_of(block, "mode"), "copy"))
		return no_fanout(name, "sends by all ports, up or down, as its mode is copy");
	mark = strtoul(config_of(block, "mark"), NULL, 0) & ~MARK_LOW;
	if (!mark)
		return no_fanout(name, "has no mark by which probes could say their path "
				       "(set mark=0x700)");
	if (watch->paths.mark && watch->paths.mark != mark)
		return no_fanout(name,
				 "has another mark than the fanouts before: probes carry one");
	watch->paths.mark = mark;
	if (!block->edges_count)
		return no_fanout(name, "has no port that is bound: there is no path to ask by");
	watch->rates |= !strcmp(config_of(block, "mode"), "earliest");
	fanout->name = name;
	fanout->down = strtoul(config_of(block, "down"), NULL, 0);
	for (size_t i = 0; i < block->edges_count; i++)
		strcpy(fanout->counter[block->edges[i].port], block->edges[i].to_name);
	learn_weights(fanout, config_of(block, "weights"));
	forget_counters(watch, fanout);
	return learn_paths(watch, fanout) ? CLI_DONE
					  : no_fanout(name, "has no weight for any port that is "
							    "bound: there is no path to ask by");
}

/* Ports that get nothing. If none has an answer it is not the paths that fail. */
static uint32_t down_of(const struct watch *watch, const struct fanout *fanout)
{
	uint32_t down = 0, used = 0;

	for (uint32_t port = 0; port < PATHS_MAX; port++) {
		used |= (uint32_t)fanout->uses[port] << port;
		down |= (uint32_t)(fanout->uses[port] && !watch->paths.path[port].up) << port;
	}
	return down == used ? 0 : down;
}

enum cli_status fanout_learn_all(struct watch *watch, const char *const *names)
{
	enum cli_status status = CLI_DONE;
	size_t count = 0;

	while (names[count])
		count++;
	watch->fanouts = calloc(count, sizeof(*watch->fanouts));
	if (!watch->fanouts)
		return cli_error("out of memory");
	for (size_t i = 0; i < count && status == CLI_DONE; i++)
		status = learn(watch, names[i]);
	for (size_t i = 0; i < watch->fanouts_count; i++)
		watch->due |= watch->fanouts[i].down != down_of(watch, &watch->fanouts[i]);
	return status;
}

enum cli_status fanout_measure(struct watch *watch, bool first)
{
	static const char *const counters[] = { "bytes", "packets", NULL };

	for (size_t i = 0; i < watch->fanouts_count * PATHS_MAX; i++) {
		struct fanout *fanout = &watch->fanouts[i / PATHS_MAX];
		uint32_t port = i % PATHS_MAX;
		const char *counter = fanout->counter[port];
		uint64_t values[2], bytes, packets;

		if (!fanout->uses[port] || !*counter)
			continue;
		if (lana_block_counts(watch->stack, counter, counters, values, NULL)) {
			if (first)
				return cli_error("port %u of '%.64s' leads to '%.64s', which "
						 "counts no bytes: 'adapt' needs a block of type "
						 "counter there",
						 port, fanout->name, counter);
			continue;
		}
		bytes = values[0];
		packets = values[1];
		if (bytes > fanout->bytes[port] && packets > fanout->packets[port]) {
			watch->paths.path[port].bytes += bytes - fanout->bytes[port];
			watch->paths.path[port].packets += packets - fanout->packets[port];
		}
		fanout->bytes[port] = bytes;
		fanout->packets[port] = packets;
	}
	return CLI_DONE;
}

/* ---- what they are told --------------------------------------------------------------------- */

static unsigned int weight_of(const struct watch *watch, const struct fanout *fanout, uint32_t port)
{
	unsigned int weight = watch->paths.path[port].weight + 0.5;

	if (!watch->weighed || !fanout->uses[port])
		return fanout->weight[port];
	return weight ?: WEIGHT_LEAST;
}

static void print_weights(const struct watch *watch, const struct fanout *fanout,
			  char text[OPTION_MAX])
{
	size_t length = strlen(strcpy(text, "weights="));

	for (uint32_t port = 0; port < PATHS_MAX; port++)
		length += snprintf(text + length, OPTION_MAX - length, "%s%u", port ? "," : "",
				   weight_of(watch, fanout, port));
}

/* Of earliest: half of the least time there and back, in its units. */
static void print_delays(const struct paths *paths, char text[OPTION_MAX])
{
	size_t length = strlen(strcpy(text, "delays="));

	for (uint32_t port = 0; port < PATHS_MAX; port++) {
		double delay = paths->path[port].least / 2 / 10e3;

		length += snprintf(text + length, OPTION_MAX - length, "%s%u", port ? "," : "",
				   delay < 65534 ? (unsigned int)(delay + 0.99) : 65535);
	}
}

static int set(struct watch *watch, struct fanout *fanout, struct lana_error *error)
{
	char down[32], weights[OPTION_MAX], delays[OPTION_MAX];
	const char *options[] = { down, watch->weighed ? weights : NULL,
				  watch->rates ? delays : NULL, NULL };
	int err;

	snprintf(down, sizeof(down), "down=%u", down_of(watch, fanout));
	print_weights(watch, fanout, weights);
	print_delays(&watch->paths, delays);
	err = lana_block_set(watch->stack, fanout->name, options, error);
	if (err)
		return err;
	fanout->down = down_of(watch, fanout);
	for (uint32_t port = 0; port < PATHS_MAX; port++)
		fanout->weight[port] = weight_of(watch, fanout, port);
	return 0;
}

enum cli_status fanout_set(struct watch *watch)
{
	struct lana_error error = {};
	int err = 0;

	for (size_t i = 0; i < watch->fanouts_count && !err; i++)
		err = set(watch, &watch->fanouts[i], &error);
	if (err == -ENOENT)
		return cli_refused(err, &error);
	if (err && !watch->refused)
		fprintf(stderr, "lanactl: %s\n", error.text);
	watch->refused = watch->due = err;
	return CLI_DONE;
}
