/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * log - what happened to a stack, in its registry, for monitors
 *
 * A ring that the holder of the stack's lock writes, and that anybody reads without it. The events
 * of a commit are staged, behind the last one published, before the commit is decided; that it is
 * settled publishes them, together with the generation, by stores that may be repeated. So a commit
 * is told exactly once, whoever had to finish it. What is staged for a commit that is not decided
 * after all is written over by the next one.
 */
#ifndef LOADER_LOG_H
#define LOADER_LOG_H

#include "commit.h"

/* The text of the event that a type was loaded. */
#define LOG_LOAD "load %s (version %u)"

/* Stage the steps of a commit that is about to be decided, and what its generation will be. */
void log_stage(struct commit *commit);

/* The commit that was decided last is settled: publish what was staged for it. */
void log_settle(struct lana_stack *stack);

/* Publish an event that belongs to no commit. Not while one is staged. */
__attribute__((format(printf, 3, 4))) void
log_note(struct lana_stack *stack, enum lana_event_kind kind, const char *format, ...);

/* A descriptor that is readable when there may be something to look at; -1: none can be had. */
int log_watch(const struct lana_stack *stack);

/* Have monitors look. */
void log_wake(const struct lana_stack *stack);

#endif
