/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * event - the code of publishing, as the weaver puts it into the programs of publishers
 */
#ifndef LOADER_EVENT_H
#define LOADER_EVENT_H

#include "code.h"
#include "weave.h"

/*
 * Append the subprogram that publishes an event, r1, with a value, r2, for a block: it counts what
 * comes too fast, writes the others into the log and calls the event functions of the subscribers.
 * Where these are is not known yet: event_aim() leads the calls there.
 */
void event_publish(struct code *code, const struct weave *w, const struct weave_block *block);

/* Append the program that runs an event function, see weave_hearing(). */
void event_run(struct code *code, int map, __u32 offset);

/* Lead the calls among the ops from `from` to `to` to the event functions, ops by hearer. */
void event_aim(struct code *code, size_t from, size_t to, const size_t *hears);

#endif
