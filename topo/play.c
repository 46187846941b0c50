// SPDX-License-Identifier: GPL-2.0-only
/*
 * play - run through the events of a network: lana_topo_run()
 *
 * The calling thread sleeps until an event is due, to an absolute time and with no slack. What is
 * expected is looked at by a thread each, so that the events behind it are not late for it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/prctl.h>

#include "expect.h"
#include "link_switch.h"
#include "loader/cleanup.h"
#include "loader/clock.h"
#include "loader/error.h"
#include "set.h"
#include "show_directions.h"
#include "stacks.h"
#include "wires.h"

#define LOOK_NS 100000000ULL /* how often is asked whether to stop */

/* Of one event that expects something. */
struct watch {
	struct play *play;
	size_t number;
	pthread_t thread;
	bool started;
};

struct play {
	const struct lana_topo_options *options;
	const char *network;
	struct net net;
	struct lana_topo_event *events;
	struct watch *watches;
	bool *parted;		       /* links that a partition took down */
	struct properties *properties; /* NULL: no link has any */
	struct lana_stack *wires;
};

static void play_free(struct play *play)
{
	net_free(&play->net);
	free(play->events);
	free(play->watches);
	free(play->parted);
	properties_close(play->properties);
	lana_stack_close(play->wires);
}

static void settle(struct lana_topo_event *event, int err, const char *found)
{
	if (err)
		event->outcome = LANA_TOPO_FAILED;
	snprintf(event->found, sizeof(event->found), "%.*s", (int)sizeof(event->found) - 1, found);
}

/* ---- links ----------------------------------------------------------------------------------- */

static int switch_link(struct play *play, const char *link, const char *from, bool up,
		       struct lana_error *error)
{
	_cleanup_(home_close) struct home home = { .fd = -1 };

	return home_open(play->options, play->network, false, &home, error)
		       ?: link_switch(play->options, &home, &play->net, link, from, up, error);
}

static int set_link(struct play *play, const struct net_event *event, struct lana_error *error)
{
	const struct set_choice choice = { event->link, event->from, event->to };
	_cleanup_(home_close) struct home home = { .fd = -1 };
	int err = home_open(play->options, play->network, false, &home, error) ?:
		  set_put(&play->net, &choice, (const char *const *)event->settings, error) ?:
		  set_run(play->options, &home, play->properties, play->wires, &play->net,
			  &choice, error);

	if (!err && home_store_set(&home, &play->net))
		err = home_refuse(&home, -EIO, error);
	return err;
}

/* Does a link lead from the members to others? */
static bool leads_out(const struct net_link *link, const bool *members)
{
	for (size_t i = 1; i < link->ends_count; i++)
		if (members[link->ends[i].node] != members[link->ends[0].node])
			return true;
	return false;
}

/* members NULL: what was taken down comes up. */
static int part(struct play *play, const bool *members, struct lana_error *error)
{
	int err = 0;

	for (size_t i = 0; !err && i < play->net.links_count; i++) {
		const struct net_link *link = &play->net.links[i];

		if (members ? play->parted[i] || !leads_out(link, members) : !play->parted[i])
			continue;
		err = switch_link(play, link->name, NULL, !members, error);
		play->parted[i] = members;
	}
	return err;
}

/* ---- events ---------------------------------------------------------------------------------- */

static void *run_watch(void *cookie)
{
	const struct watch *watch = cookie;
	struct play *play = watch->play;
	struct lana_topo_event *event = &play->events[watch->number];
	_cleanup_(home_close) struct home home = { .fd = -1 };
	char found[sizeof(event->found)] = "";
	struct lana_error error = {};
	int result = home_open(play->options, play->network, false, &home, &error);

	home_close(&home); /* what is wanted is its name: nobody is to wait for this thread */
	if (!result)
		result = expect(&home, &play->net, &play->net.events[watch->number], found,
				sizeof(found));
	event->outcome = result > 0 ? LANA_TOPO_PASSED : LANA_TOPO_FAILED;
	snprintf(event->found, sizeof(event->found), "%s", result < 0 ? strerror(-result) : found);
	return NULL;
}

static void begin_watch(struct play *play, size_t number)
{
	struct watch *watch = &play->watches[number];
	int err;

	watch->play = play;
	watch->number = number;
	err = pthread_create(&watch->thread, NULL, run_watch, watch);
	watch->started = !err;
	if (err)
		settle(&play->events[number], -err, strerror(err));
}

static void do_event(struct play *play, size_t number)
{
	const struct net_event *event = &play->net.events[number];
	struct lana_error error = {};
	int err = 0;

	switch (event->kind) {
	case EVENT_LINK:
		err = switch_link(play, play->net.links[event->link].name,
				  event->from < 0 ? NULL : play->net.nodes[event->from].name,
				  event->up, &error);
		break;
	case EVENT_SET:
		err = set_link(play, event, &error);
		break;
	case EVENT_PARTITION:
		err = part(play, event->members, &error);
		break;
	case EVENT_HEAL:
		err = part(play, NULL, &error);
		break;
	default:
		begin_watch(play, number);
		return;
	}
	settle(&play->events[number], err, error.text);
}

/* False: the run is to stop. */
static bool sleep_until(__u64 moment, bool (*stop)(void))
{
	__u64 now = clock_ns(CLOCK_MONOTONIC);

	while (now < moment) {
		__u64 next = moment - now > LOOK_NS && stop ? now + LOOK_NS : moment;
		struct timespec until = { next / 1000000000, next % 1000000000 };

		if (stop && stop())
			return false;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		now = clock_ns(CLOCK_MONOTONIC);
	}
	return !stop || !stop();
}

/* All events in their order; those that a stop left out have failed. */
static void go_through(struct play *play, bool (*stop)(void))
{
	__u64 begin = clock_ns(CLOCK_MONOTONIC);
	int slack = prctl(PR_GET_TIMERSLACK);
	bool going = true;

	prctl(PR_SET_TIMERSLACK, 1);
	for (size_t i = 0; i < play->net.events_count; i++) {
		__u64 at = play->net.events[i].at;

		going = going && sleep_until(begin + at, stop);
		if (!going) {
			settle(&play->events[i], -EINTR, "the run was stopped before");
			continue;
		}
		play->events[i].late = clock_ns(CLOCK_MONOTONIC) - begin - at;
		do_event(play, i);
	}
	prctl(PR_SET_TIMERSLACK, slack);
	for (size_t i = 0; i < play->net.events_count; i++)
		if (play->watches[i].started)
			pthread_join(play->watches[i].thread, NULL);
}

static void describe(const struct net_event *from, struct lana_topo_event *event)
{
	snprintf(event->text, sizeof(event->text), "%s", from->text);
	event->line = from->place.line;
	event->column = from->place.column;
	event->at = from->at;
}

static int prepare(struct play *play, const struct lana_topo_source *source,
		   struct lana_error *error)
{
	int err = net_read(source, NULL, NULL, &play->net, error);

	if (!err && net_has_wires(&play->net))
		err = properties_open(play->options, &play->properties, error);
	if (err)
		return err;
	play->network = play->net.name;
	play->events = calloc(play->net.events_count + 1, sizeof(*play->events));
	play->watches = calloc(play->net.events_count + 1, sizeof(*play->watches));
	play->parted = calloc(play->net.links_count + 1, sizeof(*play->parted));
	if (!play->events || !play->watches || !play->parted)
		return refuse(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < play->net.events_count; i++)
		describe(&play->net.events[i], &play->events[i]);
	return 0;
}

/* What takes long is done before the first event. */
static int open_wires(struct play *play, struct lana_error *error)
{
	_cleanup_(home_close) struct home home = { .fd = -1 };
	int err =
		play->properties ? home_open(play->options, play->network, false, &home, error) : 0;

	if (err || !play->properties)
		return err;
	return stacks_open(play->options, &home, HOME_WIRES, false, &play->wires, error)
		       ?: wires_warm(play->wires, error);
}

/* How true links were, as long as they are there. */
static int read_meters(const struct play *play, struct lana_topo_info *info,
		       struct lana_error *error)
{
	_cleanup_(home_close) struct home home = { .fd = -1 };

	return home_open(play->options, play->network, false, &home, error)
		       ?: show_directions(play->options, &home, &play->net, info, error);
}

int lana_topo_run(const struct lana_topo_options *options, const struct lana_topo_source *source,
		  bool (*stop)(void), struct lana_topo_report *report, struct lana_error *error)
{
	_cleanup_(play_free) struct play play = { .options = options };
	struct lana_topo_info info = {};
	int err = prepare(&play, source, error), down;

	if (!err)
		err = lana_topo_up(options, source, NULL, error);
	if (err)
		return err;
	err = open_wires(&play, error);
	if (!err) {
		go_through(&play, stop);
		err = read_meters(&play, &info, error);
	}
	lana_stack_close(TAKE_PTR(play.wires));
	down = lana_topo_down(options, play.network, err ? NULL : error);
	if (err || down) {
		free(info.directions);
		return err ?: down;
	}
	*report = (struct lana_topo_report){ .events_count = play.net.events_count,
					     .directions_count = info.directions_count,
					     .directions = info.directions };
	for (size_t i = 0; i < info.directions_count; i++)
		report->late += info.directions[i].info.status.report.late > 0;
	snprintf(report->network, sizeof(report->network), "%s", play.network);
	for (size_t i = 0; i < report->events_count; i++)
		report->failed += play.events[i].outcome == LANA_TOPO_FAILED;
	report->events = TAKE_PTR(play.events);
	return 0;
}
