/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * notice - tell subscribers what commits do to the blocks that they are subscribed to
 *
 * Steps note it in the changes, the journal has it once the commit is decided, and when that is
 * settled the event function of each subscriber is run: a program in the kernel, by
 * BPF_PROG_TEST_RUN. The program itself counts in the registry how many have run, and does nothing
 * if that number is not its own. So whoever finishes a killed writer's commit runs each function
 * that has not run yet, and each runs once.
 */
#ifndef LOADER_NOTICE_H
#define LOADER_NOTICE_H

#include "commit.h"

/* Something is done to a block. */
void notice_add(struct commit *commit, __u32 idp, enum lana_occasion occasion);

/* A block is about to go: its subscribers are told, and it is subscribed to nothing any more. */
void notice_removal(struct commit *commit, __u32 idp);

/* Is a block subscribed to that of the record? */
bool notice_hears(const struct record *record, __u32 subscriber);

/* Weave and load the programs that are going to run. */
int notice_prepare(struct commit *commit, struct lana_error *error);

/* Run them; the commit's records are stored. */
int notice_tell(struct commit *commit);

#endif
