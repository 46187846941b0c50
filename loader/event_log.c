// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "error.h"
#include "event_log.h"

int event_log_open(struct lana_stack *stack, struct lana_error *error)
{
	int err = 0;

	if (!stack->events.cells)
		err = stack_map_page(stack, "lana_events", EVENT_LOG_PIN, sizeof(struct event_log),
				     &stack->events);
	if (err)
		return refuse(error, err, "no memory for a log of events: %s", strerror(-err));
	__atomic_store_n(&stack->registry->events, 1, __ATOMIC_RELEASE);
	return 0;
}

static bool names_are_of(const struct event_name *name, const struct type *type)
{
	return name->version == type->version && !name->event && !strcmp(name->type, type->name);
}

/* The number is written last: monitors read without the lock. */
__u32 event_log_names(struct lana_stack *stack, const struct type *type)
{
	struct event_log *log = stack->events.cells;
	__u32 first = log->names_count;

	for (__u32 i = 0; i < first; i++)
		if (names_are_of(&log->names[i], type))
			return i;
	if (first + type->events_count > EVENT_NAMES_MAX)
		return EVENT_NAMES_MAX;
	for (__u32 i = 0; i < type->events_count; i++) {
		struct event_name *name = &log->names[first + i];

		*name = (struct event_name){ .version = type->version, .event = i };
		strcpy(name->type, type->name);
		strcpy(name->name, type->events[i]);
	}
	__atomic_store_n(&log->names_count, first + type->events_count, __ATOMIC_RELEASE);
	return first;
}
