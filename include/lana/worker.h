/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/worker.h - a process that has a stack's blocks in user space
 *
 *	lana_worker_open(stack, NULL, &worker, &error);
 *	lana_worker_run(worker, -1, &error);
 *	lana_worker_close(worker);
 *
 * An open worker is a block of type "worker", which packets of its blocks pass by and which is not
 * to be bound. It takes blocks up as they are added, lets them go when they are removed, and sees
 * that options are set. It loads their user-space halves (lana/userblock.h) by the name of their
 * type; so a program that is linked with liblana.a has to export lana_user_*
 * (-Wl,--export-dynamic-symbol=lana_user_*).
 *
 * If it ends, in whatever manner, packets pass its blocks by, or are dropped (option dead), from
 * that moment on.
 */
#ifndef LANA_WORKER_H
#define LANA_WORKER_H

#include <lana/stack.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lana_worker;

#define LANA_WORKER_MTU_MAX    3450
#define LANA_WORKER_FRAMES_MAX (1 << 20)

/* Zero is the default everywhere. */
struct lana_worker_options {
	const char *name;	   /* of its block; NULL: "worker" */
	const char *halves;	   /* folder, or several with ':' between, of NAME.so; NULL: the
				      one that liblana was built for */
	const char *const *blocks; /* names of those that it takes up, ends in NULL; NULL: all */
	uint32_t mtu;	 /* bytes behind the Ethernet header that its packets have at most:
				      68 to LANA_WORKER_MTU_MAX; 0: 1500 */
	uint32_t ring;	 /* packets that may wait for it, a power of two; 0: 2048 */
	uint32_t frames; /* that its blocks may hold beside; 0: 16384 */
	bool busy;	 /* never sleep: times are kept better, and a CPU is taken */
	/* What it does that a user might want to know, a line each; NULL: nobody is told. */
	void (*log)(void *cookie, const char *text);
	void *cookie;
};

/*
 * Make a block of that name and take up all blocks there are. The stack is locked meanwhile and may
 * be closed before the worker. options may be NULL. -EEXIST: there is such a block, perhaps another
 * worker's. -EXDEV: the stack has devices in several network namespaces.
 */
int lana_worker_open(struct lana_stack *stack, const struct lana_worker_options *options,
		     struct lana_worker **worker, struct lana_error *error);

/*
 * Work for timeout_ms milliseconds (negative: for ever), or until a signal comes while it sleeps:
 * 0. -ENETDOWN: its block or its device was removed. What comes between two calls waits.
 */
int lana_worker_run(struct lana_worker *worker, int timeout_ms, struct lana_error *error);

/* Let go of all blocks, as if they were replaced, and remove its own. NULL is none. */
void lana_worker_close(struct lana_worker *worker);

#ifdef __cplusplus
}
#endif

#endif
