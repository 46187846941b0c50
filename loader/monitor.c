// SPDX-License-Identifier: GPL-2.0-only
/*
 * monitor - read a stack's log while others write it
 *
 * No lock is taken: an entry is copied, and the copy counts if its number is the one wanted before
 * and after. Each number from the first one on is either told or counted as lost.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "error.h"
#include "log.h"
#include "monitor_events.h"

/*
 * Should a writer be killed between its event and its call, or no watch be had, the log is looked
 * at all the same.
 */
#define LOOK_MS	      1000
#define LOOK_BLIND_MS 20

/* Programs cannot call: where blocks publish, that is looked at so often. */
#define LOOK_EVENTS_MS 20

struct lana_monitor {
	const struct lana_stack *stack;
	int watch;  /* inotify; -1: none could be had */
	__u64 seen; /* the event told last, or counted as lost */
	bool ended; /* that the stack was flushed is told */
	struct monitor_events events;
};

static const char *const kind_names[] = {
	[LANA_EVENT_STEP] = "step",	    [LANA_EVENT_COMMIT] = "commit",
	[LANA_EVENT_TYPE] = "type",	    [LANA_EVENT_FUSE] = "fuse",
	[LANA_EVENT_DEVICE] = "device",	    [LANA_EVENT_PROBE] = "probe",
	[LANA_EVENT_RECOVERY] = "recovery", [LANA_EVENT_LOST] = "lost",
	[LANA_EVENT_FLUSH] = "flush",	    [LANA_EVENT_PUBLISHED] = "published",
};

const char *lana_event_kind_name(enum lana_event_kind kind)
{
	return kind < ARRAY_SIZE(kind_names) ? kind_names[kind] : "?";
}

int lana_monitor_open(struct lana_stack *stack, struct lana_monitor **result,
		      struct lana_error *error)
{
	struct lana_monitor *monitor = calloc(1, sizeof(*monitor));

	if (!monitor)
		return refuse(error, -ENOMEM, "out of memory");
	monitor->stack = stack;
	monitor->seen = __atomic_load_n(&stack->registry->logged, __ATOMIC_ACQUIRE);
	monitor_events_open(&monitor->events, stack);
	monitor->watch = log_watch(stack);
	*result = monitor;
	return 0;
}

void lana_monitor_close(struct lana_monitor *monitor)
{
	if (!monitor)
		return;
	if (monitor->watch >= 0)
		close(monitor->watch);
	monitor_events_close(&monitor->events);
	free(monitor);
}

/* False: it is being, or has been, written over. */
static bool copy(struct registry *registry, __u64 number, struct lana_event *event)
{
	const struct log_entry *entry = log_entry(registry, number);
	struct log_entry found;

	if (__atomic_load_n(&entry->number, __ATOMIC_ACQUIRE) != number)
		return false;
	memcpy(&found, entry, sizeof(found));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&entry->number, __ATOMIC_RELAXED) != number)
		return false;

	*event = (struct lana_event){
		.kind = found.kind,
		.number = number,
		.time = found.time,
		.generation = found.generation,
		.count = found.steps,
		.prepare_us = found.prepare_us,
		.publish_us = found.publish_us,
	};
	snprintf(event->text, sizeof(event->text), "%.*s", (int)sizeof(found.text) - 1, found.text);
	return true;
}

/* An event that the log does not hold. */
static void make(struct lana_monitor *monitor, enum lana_event_kind kind, struct lana_event *event)
{
	*event = (struct lana_event){
		.kind = kind,
		.number = monitor->seen,
		.time = clock_ns(CLOCK_REALTIME),
		.generation =
			__atomic_load_n(&monitor->stack->registry->generation, __ATOMIC_RELAXED),
	};
}

/*
 * The next event of the log, or that some were lost; *next is what will have been seen once it is
 * taken. False: there is none.
 */
static bool peek(struct lana_monitor *monitor, struct lana_event *event, __u64 *next)
{
	struct registry *registry = monitor->stack->registry;
	__u64 logged = __atomic_load_n(&registry->logged, __ATOMIC_ACQUIRE), lost = 0;

	*next = monitor->seen;
	if (logged - *next > LOG_MAX)
		lost = logged - *next - LOG_MAX;
	*next += lost;
	for (; *next < logged; ++*next, lost++) {
		if (!copy(registry, *next + 1, event))
			continue;
		if (lost) /* first things first */
			break;
		++*next;
		return true;
	}
	if (!lost)
		return false;
	make(monitor, LANA_EVENT_LOST, event);
	event->number = *next;
	event->count = lost;
	snprintf(event->text, sizeof(event->text), "%llu event%s lost", lost, lost > 1 ? "s" : "");
	return true;
}

/* Of what commands have done and what blocks have published the earlier. */
static bool take(struct lana_monitor *monitor, struct lana_event *event)
{
	struct lana_event published;
	__u64 next, next_published;
	bool is_published = monitor_events_peek(&monitor->events, &published, &next_published);
	bool is_done = peek(monitor, event, &next);

	if (is_published && (!is_done || published.time < event->time)) {
		*event = published;
		monitor->events.seen = next_published;
	} else if (is_done) {
		monitor->seen = next;
	}
	return is_published || is_done;
}

static bool take_end(struct lana_monitor *monitor, struct lana_event *event)
{
	make(monitor, LANA_EVENT_FLUSH, event);
	strcpy(event->text, "flush");
	monitor->ended = true;
	return true;
}

static int64_t milliseconds(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

/* Until somebody calls, or it is time to look anyway. */
static int wait_for_writer(struct lana_monitor *monitor, int64_t left)
{
	struct pollfd call = { .fd = monitor->watch, .events = POLLIN };
	int look = monitor->watch < 0 ? LOOK_BLIND_MS : LOOK_MS;
	char calls[1024];

	if (monitor_events_any(&monitor->events))
		look = LOOK_EVENTS_MS;
	if (poll(&call, 1, left >= 0 && left < look ? left : look) < 0)
		return -errno;
	if (call.revents & POLLIN && read(monitor->watch, calls, sizeof(calls)) < 0 &&
	    errno != EAGAIN)
		return -errno;
	return 0;
}

int lana_monitor_next(struct lana_monitor *monitor, int timeout_ms, struct lana_event *event)
{
	const struct registry *registry = monitor->stack->registry;
	int64_t end = timeout_ms < 0 ? -1 : milliseconds() + timeout_ms;

	for (;;) {
		bool flushed =
			__atomic_load_n(&registry->magic, __ATOMIC_ACQUIRE) != REGISTRY_MAGIC;
		int64_t left = end < 0 ? -1 : end - milliseconds();
		int err;

		if (monitor->ended)
			return -ENOENT;
		if (take(monitor, event) || (flushed && take_end(monitor, event)))
			return 0;
		if (end >= 0 && left <= 0)
			return -EAGAIN;
		err = wait_for_writer(monitor, left);
		if (err)
			return err;
	}
}
