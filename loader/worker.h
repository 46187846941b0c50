/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * worker - blocks that live in this process
 *
 *	stack ── device ══ own end ══ AF_XDP ══ frames ── a block's half ── its functions
 *
 * The device, the AF_XDP socket and the worker's own block are made as a socket's are (socket.h);
 * how its memory is used differs: any frame serves any purpose, as a block may hold many.
 *
 *	worker.c	 open, close, the loop
 *	worker_device.c	 the programs at both ends of the device
 *	worker_frames.c	 frames and rings
 *	worker_host.c	 taking blocks up and letting them go
 *	worker_maps.c	 what kernel halves know of it
 *	worker_half.c	 packets to halves, and what these call
 *	worker_timer.c	 whose time comes next
 */
#ifndef LOADER_WORKER_H
#define LOADER_WORKER_H

#include <lana/channel.h>
#include <lana/userblock.h>
#include <lana/worker.h>

#include "socket.h"
#include "socket_device.h"
#include "stack.h"

/* A block that the worker has. */
struct hosted {
	struct lana_userblock block;
	struct lana_worker *worker;
	const struct lana_userblock_type *half;
	void *library;
	char name[LANA_NAME_MAX], type[LANA_NAME_MAX];
	__u32 version, idp, life, cell;
	bool turns;
	bool discards; /* it was removed: nothing that it sends has a way to go */
	__u8 config[LANA_CONFIG_MAX];
	struct lana_cell *counts; /* its user part */
	const struct lana_cell *bound;
	__u64 to_user; /* that the kernel half had counted when it was taken up */
	__u64 deadline;
	__u32 place; /* in the heap, from 1 on; 0: no timer is set */
};

/* What all blocks of one type share. */
struct sharing {
	const struct lana_userblock_type *half; /* NULL: the place is free */
	void *memory;
	__u32 users;
};

#define SHARING_MAX 64

/* A block that was let go of a moment ago: what is still on its way may come back. */
struct leaving {
	__u32 idp;
	__u64 until;
};

#define LEAVING_MAX 64

struct lana_worker {
	struct lana_worker_options options;
	struct lana_socket *socket;
	struct lana_stack *stack; /* the socket's handle of its own */
	char halves[1024];
	int watch;		   /* of the stack's folder; -1: none could be had */
	int maps[3];		   /* lana_users_xdp, lana_users_tc, lana_user_xsks */
	__u64 netns;		   /* inode of the namespace of its device */
	__u32 ifindex;		   /* of its device in the stack's namespace */
	__u32 made_device;	   /* that packets which are made at tc have come by */
	enum lana_flavour flavour; /* of packets that are made */
	__u32 generation;	   /* of the stack when it was looked at last */
	__u64 looked;
	struct lana_channel_counts *channel; /* mapped */
	struct lana_cell *counts;	     /* of its own block */

	struct hosted *hosted[LANA_BLOCKS_MAX]; /* by IDP */
	__u32 hosted_count;
	__u32 refused[LANA_BLOCKS_MAX]; /* by IDP: what could not be taken up, which was said */
	struct hosted **heap;		/* [0] is not used */
	__u32 heap_count;
	struct leaving leaving[LEAVING_MAX];
	__u32 leaving_count;
	struct sharing sharing[SHARING_MAX];
	__u64 delivered; /* by kernel halves of blocks that it had */

	/* Frames. */
	struct lana_userpacket *packets; /* one a frame, by its number */
	__u32 *free;
	__u32 free_count, frames;
	struct lana_userpacket *backlog, **backlog_end; /* to be sent, once the ring has room */
	__u32 outward; /* frames that were put into the ring and have not come back */
	__u64 short_of_memory;
};

/* ---- worker_device.c ------------------------------------------------------------------------ */

int worker_load(const struct socket_plan *plan, struct socket_programs *programs);

/* ---- worker_frames.c ------------------------------------------------------------------------ */

#define WORKER_BATCH 64

/* Take over the frames of the socket that was opened. -ENOMEM */
int frames_open(struct lana_worker *worker);
void frames_close(struct lana_worker *worker);

/* What has come: at most WORKER_BATCH packets, which nobody owns yet. */
__u32 frames_receive(struct lana_worker *worker, struct lana_userpacket *packets[WORKER_BATCH]);

/* A frame that was free. NULL: there is none, which is counted. */
struct lana_userpacket *frames_take(struct lana_worker *worker);
void frames_free(struct lana_worker *worker, struct lana_userpacket *packet);

/* Send it as it is, header included, as soon as can be. */
void frames_send(struct lana_worker *worker, struct lana_userpacket *packet);

/* Have the kernel take what waits. True: all is gone. */
bool frames_flush(struct lana_worker *worker);

/* Frames that the kernel is through with are free; the fill ring is as full as can be. */
void frames_turn_over(struct lana_worker *worker);

/* The header in front of a packet. */
static inline struct lana_channel *packet_channel(const struct lana_userpacket *packet)
{
	return (struct lana_channel *)packet->data - 1;
}

/* ---- worker_host.c -------------------------------------------------------------------------- */

/* Open what it takes to look for blocks, and take up those there are. */
int host_open(struct lana_worker *worker, struct lana_error *error);

/*
 * See what has changed, if the stack has; what is wrong with single blocks is logged. -EWOULDBLOCK:
 * somebody changes the stack just now. -ENETDOWN: the worker's own block has gone.
 */
int host_look(struct lana_worker *worker);

/* Let go of all. */
void host_close(struct lana_worker *worker);

/* Write the worker's own counters, and that it still comes round. */
void host_count(struct lana_worker *worker, __u64 now);

__attribute__((format(printf, 2, 3))) void worker_log(const struct lana_worker *worker,
						      const char *format, ...);

/* ---- worker_maps.c -------------------------------------------------------------------------- */

int maps_open(struct lana_worker *worker);

/* Packets for the block come here from now on. */
int maps_enter(struct lana_worker *worker, __u32 idp);

/* Another worker has the block, or its device is only just going. */
bool maps_are_taken(const struct lana_worker *worker, __u32 idp);

/* No packets any more; what is on its way may still come, and go back. */
void maps_end(const struct lana_worker *worker, __u32 idp);
void maps_leave(struct lana_worker *worker, __u32 idp);

/* Forget blocks that were left long enough ago. */
void maps_forget(struct lana_worker *worker, __u64 now);

/* ---- worker_half.c -------------------------------------------------------------------------- */

/* Let halves have what has come. False: there was nothing. */
bool worker_receive(struct lana_worker *worker);

/* ---- worker_timer.c ------------------------------------------------------------------------- */

/* when 0: none. */
void timer_set(struct hosted *hosted, __u64 when);

/* Call the timers of all blocks whose time has come. Returns the next time; 0: there is none. */
__u64 timers_run(struct lana_worker *worker, __u64 now);

#endif
