/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * event_log - what blocks publish, as woven programs write it down and monitors read it
 *
 * A map of one value, written without a lock: a program takes a ticket, clears the number of that
 * entry, fills it in and writes the number last. A reader's copy counts if the number is the one
 * wanted before and after. An entry of a ticket that was taken is complete some nanoseconds later:
 * nobody can be killed in between.
 */
#ifndef LOADER_EVENT_LOG_H
#define LOADER_EVENT_LOG_H

#include "stack.h"

#define EVENT_LOG_PIN	"events"
#define EVENT_LOG_MAX	4096 /* entries; a power of two */
#define EVENT_NAMES_MAX 1024

/* A block may publish once in that time, and up to so many at once. */
#define EVENT_GAP_NS 10000000
#define EVENT_BURST  10

struct event_entry {
	__u64 number; /* of the event, from 1 on */
	__u64 time;   /* CLOCK_MONOTONIC, ns */
	__u64 value;
	__u32 publisher; /* IDP */
	__u32 names;	 /* number of the name of the type's event 0 */
	__u16 event;
	__u8 path;
	__u8 reserved[5];
	char block[LANA_NAME_MAX]; /* as it was called then */
};

struct event_name {
	char type[LANA_NAME_MAX];
	__u32 version, event;
	char name[LANA_NAME_MAX];
};

struct event_log {
	__u64 tickets; /* taken: number of the last event */
	struct event_entry entries[EVENT_LOG_MAX];
	__u32 names_count; /* only ever added to, by the holder of the stack's lock */
	struct event_name names[EVENT_NAMES_MAX];
};

/* Open the stack's log, or make it; the stack is locked. */
int event_log_open(struct lana_stack *stack, struct lana_error *error);

/*
 * The number of the names of a type's events, which are written down if need be. Where there is no
 * room the numbers must do: EVENT_NAMES_MAX.
 */
__u32 event_log_names(struct lana_stack *stack, const struct type *type);

static inline struct event_entry *event_log_entry(struct event_log *log, __u64 number)
{
	return &log->entries[number % EVENT_LOG_MAX];
}

#endif
