/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * keeper - the process that starts a network's processes, and starts them again
 *
 * It is there if the file has processes, or links that take time, which want a worker
 * (lana/worker.h). In the network's folder are
 *
 *	keeper		its pid; locked as long as it lives
 *	socket		where it is asked: a byte, and an answer
 *	processes	a line each: NODE NAME STATE PID STATUS STARTS; the worker is @wires worker
 *	next		the file that the network is about to be changed to
 *
 * What it starts is killed by the kernel when it is killed; what that has started in turn is ended
 * before the next keeper starts anything.
 */
#ifndef TOPO_KEEPER_H
#define TOPO_KEEPER_H

#include "home.h"
#include "properties.h"

enum keeper_question {
	KEEPER_END = 'e',   /* end what `next` does not have, or has otherwise */
	KEEPER_START = 's', /* start what `text` has and does not run */
	KEEPER_QUIT = 'q',  /* start nothing again */
};

/* What it answers: 0, or what was refused. */
struct keeper_answer {
	int err;
	struct lana_error error;
};

/* Does it live? Its pid, or 0. */
int keeper_find(const struct home *home);

/* Start one, which has not started anything. */
int keeper_begin(const struct lana_topo_options *options, const struct home *home,
		 struct lana_error *error);

int keeper_ask(const struct home *home, enum keeper_question question, struct lana_error *error);

/* Kill it, and with it what it has started. */
int keeper_kill(const struct home *home);

/* ---- keep.c: the process itself -------------------------------------------------------------- */

/* Serve until it is killed. The lock and the socket that listens are its own. */
void keep(const struct lana_topo_options *options, const struct home *home, int listener)
	__attribute__((noreturn));

/* In a child of the keeper: be killed with it, also if that has happened by now. */
void keep_end_with(pid_t keeper);

/*
 * Make a child that tells by a pipe how it got on: 0 in the child, whose *end is to be written to,
 * and its pid in the keeper, which reads. What is refused has an *end to be closed, or none.
 */
pid_t keep_fork(int *end, struct lana_error *error);

/*
 * Move and start a process of a node: its pid, or a negative errno. view is what it sees if the
 * node has no mounts (enter.h).
 */
int keep_start(const struct home *home, const struct net *net, const struct net_node *node,
	       const struct net_process *process, int view, struct lana_error *error);

/*
 * ---- keep_worker.c ---------------------------------------------------------------------------
 */

/* How many frames a worker gets that has to do with such links. */
__u32 keep_worker_frames(const struct properties_need *need);

/* Start the worker of links, and wait until it has taken them up: its pid, or a negative errno. */
int keep_worker_start(const struct lana_topo_options *options, const struct home *home,
		      const struct properties_need *need, struct lana_error *error);

#endif
