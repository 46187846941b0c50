// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "clock.h"
#include "monitor_events.h"

/* The map is opened when there is one; if that fails, later. */
static void open_log(struct monitor_events *events)
{
	_cleanup_close_ int fd = -1;
	char path[320];
	void *log;

	if (events->log || !__atomic_load_n(&events->stack->registry->events, __ATOMIC_ACQUIRE))
		return;
	fd = bpf_obj_get(stack_path(events->stack, path, sizeof(path), EVENT_LOG_PIN));
	if (fd < 0)
		return;
	log = mmap(NULL, sizeof(struct event_log), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (log != MAP_FAILED)
		events->log = log;
}

void monitor_events_open(struct monitor_events *events, const struct lana_stack *stack)
{
	*events = (struct monitor_events){ .stack = stack };
	open_log(events);
	if (events->log)
		events->seen = __atomic_load_n(&events->log->tickets, __ATOMIC_ACQUIRE);
}

void monitor_events_close(struct monitor_events *events)
{
	if (events->log)
		munmap(events->log, sizeof(struct event_log));
}

bool monitor_events_any(struct monitor_events *events)
{
	open_log(events);
	return events->log;
}

/* What CLOCK_REALTIME is ahead of CLOCK_MONOTONIC. */
static __s64 clock_offset(void)
{
	return clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
}

/* Names are never changed once they are counted. */
static void name_event(struct event_log *log, const struct event_entry *entry, char *name)
{
	__u32 count = __atomic_load_n(&log->names_count, __ATOMIC_ACQUIRE);
	const struct event_name *first = &log->names[entry->names % EVENT_NAMES_MAX];

	if (entry->names < count && count - entry->names > entry->event &&
	    first[entry->event].event == entry->event)
		snprintf(name, LANA_NAME_MAX, "%s", first[entry->event].name);
	else
		snprintf(name, LANA_NAME_MAX, "%u", entry->event);
}

enum copied { COPIED, WRITTEN_OVER, NOT_YET };

static enum copied copy(struct event_log *log, __u64 number, struct event_entry *entry)
{
	const struct event_entry *place = event_log_entry(log, number);
	__u64 found = __atomic_load_n(&place->number, __ATOMIC_ACQUIRE);

	if (found == number) {
		memcpy(entry, place, sizeof(*entry));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		found = __atomic_load_n(&place->number, __ATOMIC_RELAXED);
	}
	if (found == number)
		return COPIED;
	/* So old that another one has its place, or is about to? */
	return __atomic_load_n(&log->tickets, __ATOMIC_ACQUIRE) - number >= EVENT_LOG_MAX
		       ? WRITTEN_OVER
		       : NOT_YET;
}

static void describe(const struct monitor_events *events, const struct event_entry *entry,
		     struct lana_event *event)
{
	*event = (struct lana_event){
		.kind = LANA_EVENT_PUBLISHED,
		.published = true,
		.number = entry->number,
		.time = entry->time + clock_offset(),
		.generation =
			__atomic_load_n(&events->stack->registry->generation, __ATOMIC_RELAXED),
		.value = entry->value,
		.path = entry->path,
	};
	snprintf(event->block, sizeof(event->block), "%.*s", LANA_NAME_MAX - 1, entry->block);
	name_event(events->log, entry, event->event);
	snprintf(event->text, sizeof(event->text), "%s: %s %llu (%s)", event->block, event->event,
		 entry->value, lana_path_name(entry->path));
}

static void describe_lost(const struct monitor_events *events, __u64 lost, __u64 last,
			  struct lana_event *event)
{
	*event = (struct lana_event){
		.kind = LANA_EVENT_LOST,
		.published = true,
		.number = last,
		.time = clock_ns(CLOCK_REALTIME),
		.generation =
			__atomic_load_n(&events->stack->registry->generation, __ATOMIC_RELAXED),
		.count = lost,
	};
	snprintf(event->text, sizeof(event->text), "%llu published event%s lost", lost,
		 lost > 1 ? "s" : "");
}

bool monitor_events_peek(struct monitor_events *events, struct lana_event *event, __u64 *next)
{
	struct event_entry entry;
	struct event_log *log;
	__u64 tickets, number, lost = 0;
	enum copied copied = NOT_YET;

	if (!monitor_events_any(events))
		return false;
	log = events->log;
	tickets = __atomic_load_n(&log->tickets, __ATOMIC_ACQUIRE);
	number = events->seen + 1;
	if (tickets >= number && tickets - events->seen > EVENT_LOG_MAX) {
		lost = tickets - events->seen - EVENT_LOG_MAX;
		number += lost;
	}
	for (; number <= tickets; number++, lost++) {
		copied = copy(log, number, &entry);
		if (copied != WRITTEN_OVER)
			break;
	}
	*next = lost ? number - 1 : number;
	if (lost) /* first things first */
		describe_lost(events, lost, number - 1, event);
	else if (copied == COPIED)
		describe(events, &entry, event);
	return lost || copied == COPIED;
}
