// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "op.h"

static __u32 microseconds(__u64 from, __u64 to)
{
	return to > from ? (to - from) / 1000 : 0; /* the clock may have been set back */
}

/* Begin the entry behind those staged: nobody may take it for the event that stood there. */
static struct log_entry *begin(struct registry *registry, enum lana_event_kind kind)
{
	struct log_entry *entry = log_entry(registry, registry->log_decided + 1);

	__atomic_store_n(&entry->number, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	entry->time = clock_ns(CLOCK_REALTIME);
	entry->kind = kind;
	entry->generation = registry->generation_decided;
	entry->steps = entry->prepare_us = entry->publish_us = 0;
	entry->text[0] = 0;
	return entry;
}

static void end(struct registry *registry, struct log_entry *entry)
{
	registry->log_decided++;
	__atomic_store_n(&entry->number, registry->log_decided, __ATOMIC_RELEASE);
}

static void begin_stage(struct registry *registry, bool counts)
{
	registry->log_decided = registry->logged;
	registry->generation_decided = registry->generation + counts;
}

void log_stage(struct commit *commit)
{
	struct registry *registry = commit->stack->registry;
	struct log_entry *entry;

	begin_stage(registry, !commit->unseen);
	if (commit->unseen)
		return;
	for (size_t i = 0; i < commit->types_count; i++) {
		entry = begin(registry, LANA_EVENT_TYPE);
		snprintf(entry->text, sizeof(entry->text), LOG_LOAD, commit->types[i], 1);
		end(registry, entry);
	}
	for (size_t i = 0; i < commit->steps_count; i++) {
		entry = begin(registry, LANA_EVENT_STEP);
		op_text(&commit->steps[i], entry->text, sizeof(entry->text));
		end(registry, entry);
	}
	entry = begin(registry, LANA_EVENT_COMMIT);
	entry->steps = commit->steps_count;
	entry->prepare_us = microseconds(commit->begun, entry->time);
	strcpy(entry->text, "commit");
	end(registry, entry);
}

/* It happens now. Only what is not published yet may be written. */
static void stamp(struct registry *registry)
{
	__u64 time = clock_ns(CLOCK_REALTIME), number = registry->log_decided;

	for (size_t i = 0; i < LOG_MAX && number > registry->logged; i++, number--) {
		struct log_entry *entry = log_entry(registry, number);

		if (entry->kind == LANA_EVENT_COMMIT)
			entry->publish_us = microseconds(entry->time, time);
		entry->time = time;
	}
}

void log_settle(struct lana_stack *stack)
{
	struct registry *registry = stack->registry;

	__atomic_store_n(&registry->generation, registry->generation_decided, __ATOMIC_RELEASE);
	if (registry->logged == registry->log_decided)
		return;
	stamp(registry);
	__atomic_store_n(&registry->logged, registry->log_decided, __ATOMIC_RELEASE);
	log_wake(stack);
}

void log_note(struct lana_stack *stack, enum lana_event_kind kind, const char *format, ...)
{
	struct log_entry *entry;
	va_list args;

	begin_stage(stack->registry, false);
	entry = begin(stack->registry, kind);
	va_start(args, format);
	vsnprintf(entry->text, sizeof(entry->text), format, args);
	va_end(args);
	end(stack->registry, entry);
	log_settle(stack);
}

/* Monitors watch the folder's attributes; nothing else wakes a process that waits for a map. */
int log_watch(const struct lana_stack *stack)
{
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (watch >= 0 && inotify_add_watch(watch, stack->folder, IN_ATTRIB | IN_ONLYDIR) < 0) {
		close(watch);
		return -1;
	}
	return watch;
}

void log_wake(const struct lana_stack *stack)
{
	futimens(stack->folder_fd, NULL);
}
