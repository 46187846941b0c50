/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * socket - a socket as its program uses it: memory of frames and rings, all mapped
 *
 * The rings are read and written by libxdp's functions (xdp/xsk.h).
 *
 *	socket.c	 open, close, what became of the device, statistics
 *	socket_map.c	 mapping what socket_parts.h names
 *	socket_receive.c
 *	socket_send.c
 *	socket_pass.c	 handing a socket on
 */
#ifndef LOADER_SOCKET_H
#define LOADER_SOCKET_H

#include <pthread.h>

#include <xdp/xsk.h>

#include "socket_parts.h"

/* Memory of a ring. */
struct socket_mapping {
	void *start;
	size_t size;
};

struct socket_xsk {
	int fd;
	struct xsk_ring_cons receive;
	struct xsk_ring_prod fill;
	struct socket_mapping mappings[2];
};

/*
 * Whose a frame is. What stands in rings is believed as far as it agrees with this: who has handed
 * a socket over may still have them mapped, and a program may pass the same frame twice.
 */
enum socket_owner {
	SOCKET_RECEIVED, /* the kernel's, to be received into; or what came waits in a ring */
	SOCKET_SENT,	 /* the kernel's, to be sent */
	SOCKET_TAKEN,	 /* the program's: borrowed or reserved */
	SOCKET_IDLE,	 /* free to be sent, or on its way back to be received into */
};

/* What one thread that receives works with; apart from what others write. */
struct socket_receiving {
	pthread_mutex_t mutex;
	__u32 next;  /* AF_XDP socket to look at first */
	__u32 idle;  /* times that nothing was there, since something was */
	__u32 owned; /* frames that the program has borrowed; atomic */
	__u64 frames, bytes, forged;
} __attribute__((aligned(64)));

struct socket_sending {
	pthread_mutex_t mutex;
	struct xsk_ring_prod ring;
	struct xsk_ring_cons completion;
	struct socket_mapping mappings[2];
	__u32 *free; /* numbers of frames */
	__u32 free_count;
	__u32 owned; /* frames that the program has reserved */
	__u64 frames, bytes, forged;
} __attribute__((aligned(64)));

/* Frames that were received, and sent if they were turned round: on their way back to be filled. */
struct socket_returns {
	pthread_mutex_t mutex;
	__u32 *frames;
	__u32 count; /* may be read without the mutex */
	__u32 away;  /* those of which the kernel has not told that it is through with them */
} __attribute__((aligned(64)));

struct lana_socket {
	struct socket_parts parts;
	__u32 frame_shift, ring_shift; /* of frame_size and receive_ring: no divisions */
	__u32 frames;
	__u8 *owners; /* of each frame, enum socket_owner */
	void *memory;
	const __u64 *arrived; /* frames that came by the device */
	int poll;	      /* epoll descriptor: what lana_socket_fd() gives */
	bool down;
	bool handed; /* on to another process: what becomes of the block is its affair */
	struct socket_xsk xsks[SOCKET_XSKS_MAX];
	struct socket_receiving receiving;
	struct socket_sending sending;
	struct socket_returns returns;

	/* Of who has opened it, not of who has taken it over: */
	struct lana_stack *stack; /* a handle of its own; NULL: none */
	char device[16];
	__u32 cell;

	int server; /* connection to who has opened it for us; -1: nobody */
};

struct socket_plan;
struct socket_programs;

/* What is to be opened: a socket, or what a worker has in its place. */
struct socket_wish {
	const struct lana_socket_options *options;
	__u32 head, pool; /* as of struct socket_parts */
	bool is_worker;
	int (*load)(const struct socket_plan *plan, struct socket_programs *programs);
};

/* As lana_socket_open(). */
int socket_open(struct lana_stack *stack, const char *name, const struct socket_wish *wish,
		struct lana_socket **result, struct lana_error *error);

/* Map everything that parts name, which are taken over on success. */
int socket_map(const struct socket_parts *parts, struct lana_socket **socket);

/* Unmap, close descriptors, free. */
void socket_free(struct lana_socket *socket);
void socket_free_p(struct lana_socket **socket);

/* Has the device gone? Looks at what the kernel has told. */
bool socket_is_down(struct lana_socket *socket);

/* A point of time on CLOCK_MONOTONIC; timeout: as of the functions of lana/socket.h. */
__s64 socket_deadline(__s64 timeout_ns);

/* Nanoseconds until then, 0 if it has passed; negative: for ever. */
__s64 socket_remaining(__s64 deadline);

/* Have the kernel send what waits, in so many ns; the sending side is locked. */
int socket_push(struct lana_socket *socket, __s64 timeout);

/* Let go of what was sent and the kernel is through with; the sending side is locked. */
void socket_reclaim(struct lana_socket *socket);

/* A frame that was received is to be filled again, by the next call that receives. */
void socket_return(struct lana_socket *socket, __u32 frame);

/* Have such frames be filled again; the receiving side is locked. */
void socket_refill(struct lana_socket *socket);

/* The number of the frame that an address belongs to; there may be no such. */
static inline __u64 socket_frame(const struct lana_socket *socket, __u64 address)
{
	return address >> socket->frame_shift;
}

static inline bool socket_is(const struct lana_socket *socket, __u64 frame, enum socket_owner owner)
{
	return frame < socket->frames &&
	       __atomic_load_n(&socket->owners[frame], __ATOMIC_RELAXED) == owner;
}

/* A frame that is known to be the caller's to give. */
static inline void socket_give(struct lana_socket *socket, __u32 frame, enum socket_owner owner)
{
	__atomic_store_n(&socket->owners[frame], owner, __ATOMIC_RELAXED);
}

/* From one owner to another. False: it is not the former's, or no frame. */
static inline bool socket_pass(struct lana_socket *socket, __u64 frame, enum socket_owner from,
			       enum socket_owner to)
{
	if (!socket_is(socket, frame, from))
		return false;
	socket_give(socket, frame, to);
	return true;
}

/* How many places of a ring are in use, whatever its counts are. */
static inline __u32 socket_used(__u32 producer, __u32 consumer, __u32 size)
{
	return producer - consumer < size ? producer - consumer : size;
}

/* Is it one of those that are received into? */
static inline bool socket_is_received(const struct lana_socket *socket, __u32 frame)
{
	return frame < socket->parts.shares * socket->parts.receive_ring;
}

#endif
