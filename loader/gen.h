/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen - a generator: what it sends, where to, and the threads that send
 */
#ifndef LOADER_GEN_H
#define LOADER_GEN_H

#include <pthread.h>

#include "gen_code.h"
#include "gen_plan.h"
#include "gen_target.h"

/* A thread that sends. It alone writes all but limit. */
struct gen_sender {
	struct lana_gen *gen;
	__u32 index;		 /* from 0 on */
	__u32 cpu;		 /* that it runs on */
	struct gen_state *state; /* of live frames, mapped; else allocated */
	int state_map, program;
	pthread_t thread;
	bool started; /* there is a thread to join */
	bool finished;
	int err;
};

struct session;

struct lana_gen {
	struct gen_plan plan;
	struct gen_target target;
	struct session *session; /* NULL: frames go to a device, or else: */
	struct {
		char name[LANA_NAME_MAX];
		__u32 slot, cpu_mask;
		int table, context; /* the stack's */
	} entry;
	enum lana_gen_way way;
	const char *why;
	char netns[128];
	__u64 count, time, seed;
	__u16 stream, run;
	struct gen_sender *senders;
	__u32 cpus;
	int data, devices;    /* maps */
	__u64 began;	      /* CLOCK_MONOTONIC, ns; 0: not yet */
	__u64 refused_before; /* what the device had counted when it began */
	bool refused_known;
	__u64 refused; /* once it has ended */
};

#define gen_read(place)		(__atomic_load_n(&(place), __ATOMIC_RELAXED))
#define gen_write(place, value) (__atomic_store_n(&(place), (value), __ATOMIC_RELAXED))

/* Of a sender's stamps: run << 16 | stream. */
static inline __u32 gen_key(const struct gen_sender *sender)
{
	return (__u32)sender->gen->run << 16 | (__u16)(sender->gen->stream + sender->index);
}

/* Frames that a sender has to make in all. */
static inline bool gen_is_done(const struct gen_sender *sender)
{
	return gen_read(sender->state->sent) >= gen_read(sender->state->limit);
}

/* The ways: make ready, in the namespace of the device; and run as a thread, until all is sent. */
/* Let frames enter a stack at a block; session_end(gen->session) undoes it. */
int gen_block_open(struct lana_gen *gen, struct lana_stack *stack, const char *block,
		   struct lana_error *error);

int gen_live_prepare(struct lana_gen *gen, struct lana_error *error);
int gen_live_run(struct gen_sender *sender);
int gen_socket_prepare(struct lana_gen *gen, struct lana_error *error);
int gen_socket_run(struct gen_sender *sender);

#endif
