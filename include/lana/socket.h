/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/socket.h - programs send and receive frames as blocks of a stack
 *
 *	lana_socket_open(stack, "app", NULL, &socket, &error);
 *	lana_bind(stack, "app", "eth0", NULL, &error);
 *	n = lana_socket_recv(socket, frame, sizeof(frame), NULL, LANA_SOCKET_FOREVER);
 *	lana_socket_send(socket, frame, n, LANA_SOCKET_FOREVER);
 *
 * An open socket is a block of type "socket". It is bound like any other, by this or any other
 * program: what reaches it, on whichever path, the program receives; what the program sends leaves
 * the block by port 0 of the egress path. The block, its edges and its devices go when the socket
 * is closed or the process ends, in whatever manner.
 *
 * A frame is what Ethernet carries: destination, source, type, payload; no checksum behind it. It
 * has at least LANA_SOCKET_FRAME_MIN bytes and at most lana_socket_mtu() + 14, or, as the kernel's
 * packet sockets have it, 18 if its type is that of a VLAN tag (0x8100, IEEE 802.1Q).
 *
 * Times to wait are in nanoseconds: 0 does not wait, LANA_SOCKET_FOREVER (any negative number)
 * waits until it is done. Functions return 0, a number that is positive, or a negative errno:
 *
 *	-EAGAIN		nothing could be done in that time
 *	-EINTR		a signal came before anything was done
 *	-ENETDOWN	the block or its device was removed: by rm or flush, with its network
 *			namespace (which a socket that takes frames directly keeps), or by hand.
 *			Frames that came before can still be received. It stays so: close the
 *			socket, and open another one
 *	-EBADF		it was handed over
 *
 * A thread that waits to receive looks for 50 us before it sleeps: being woken takes longer.
 *
 * Threads: calls that receive (recv, recvm, borrow, give_back) exclude each other, and so do calls
 * that send (send, sendm, reserve, submit, flush), but not one kind the other: a thread that
 * receives and one that sends never wait for each other. All other functions may be called at any
 * time, but close, which is the last call. A socket is not to be used by both sides of a fork.
 */
#ifndef LANA_SOCKET_H
#define LANA_SOCKET_H

#include <sys/types.h>

#include <lana/stack.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LANA_SOCKET_FOREVER   ((int64_t)-1)
#define LANA_SOCKET_FRAME_MIN 14
#define LANA_SOCKET_MTU_MAX   3490
#define LANA_SOCKET_RING_MAX  65536

struct lana_socket;

struct lana_socket_options {
	uint32_t mtu;	       /* bytes behind the Ethernet header: 68 to LANA_SOCKET_MTU_MAX;
				  0: 1500 */
	uint32_t receive_ring; /* frames that may wait to be received, a power of two; 0: 2048 */
	uint32_t send_ring;    /* frames that may wait to be sent, a power of two; 0: 2048 */
	/*
	 * Where its frames enter the stack: XDP or tc, which decides what blocks may do with them.
	 * LANA_HOOK_NONE: tc if all devices of the stack are hooked there, else XDP.
	 */
	enum lana_hook hook;
	bool timestamps; /* note when frames reached the socket; implies indirect */
	/*
	 * Frames that come by a device in whose driver the stack is hooked (LANA_HOOK_XDP) can be
	 * had directly, at twice the speed, if it was hooked when the socket is opened, no other
	 * socket has its queues, and they keep the order of frames. True: all take the way by the
	 * socket's own device.
	 */
	bool indirect;
};

/*
 * Make a block of that name and open it. The stack is locked meanwhile and may be closed before the
 * socket. -EEXIST: there is such a block. -ENOENT: there is no such network namespace. -EPERM:
 * CAP_NET_ADMIN, CAP_BPF and CAP_SYS_ADMIN are needed. -EINVAL, -ERANGE: an option is none. options
 * may be NULL.
 */
int lana_socket_open(struct lana_stack *stack, const char *name,
		     const struct lana_socket_options *options, struct lana_socket **socket,
		     struct lana_error *error);

/*
 * Put a socket's block on lower, in one commit: lower's ingress port leads to it (port: name or
 * number; NULL: 0), and what the program sends leaves by lower. Nothing is taken from anybody:
 * -EBUSY if the port leads somewhere already. lana_bind() takes it from there.
 */
int lana_socket_bind(struct lana_stack *stack, const char *name, const char *lower,
		     const char *port, struct lana_error *error);

/*
 * Close it; NULL is no socket. The block and its edges go at once. Should that be impossible, the
 * next command on the stack removes them.
 */
void lana_socket_close(struct lana_socket *socket);

/*
 * A descriptor for poll(2) and the like, the socket's own. It is readable if frames wait, or if the
 * socket is down. (Sending needs no such: it waits for room by itself, and with a time of 0 tells
 * that there is none.)
 */
int lana_socket_fd(const struct lana_socket *socket);

/* The largest payload of a frame behind its Ethernet header. */
uint32_t lana_socket_mtu(const struct lana_socket *socket);

/* The name of its block, when it was opened. */
const char *lana_socket_name(const struct lana_socket *socket);

struct lana_frame {
	void *data;
	uint32_t length; /* of the frame, bytes */
	uint32_t size;	 /* bytes that there is room for at data */
	uint64_t time;	 /* it reached the socket: CLOCK_MONOTONIC, ns. 0: unknown */
	uint64_t handle; /* the library's */
};

/* ---- with a copy ---------------------------------------------------------------------- */

/*
 * Receive a frame into size bytes at data. Returns its length; if that is more than size, the rest
 * of it is lost. time may be NULL; see struct lana_frame.
 */
ssize_t lana_socket_recv(struct lana_socket *socket, void *data, size_t size, uint64_t *time,
			 int64_t timeout_ns);

/*
 * Receive up to count frames, each into size bytes at its data, and write its length and time.
 * Returns how many there were: it waits for the first one only.
 */
int lana_socket_recvm(struct lana_socket *socket, struct lana_frame *frames, uint32_t count,
		      int64_t timeout_ns);

/* Send a frame. -EMSGSIZE: it is too short or too long. Returns 0. */
int lana_socket_send(struct lana_socket *socket, const void *data, size_t length,
		     int64_t timeout_ns);

/*
 * Send count frames, of length bytes at data each. Returns how many were sent, from the first one
 * on: all of them, if there was time enough and none has a wrong size.
 */
int lana_socket_sendm(struct lana_socket *socket, const struct lana_frame *frames, uint32_t count,
		      int64_t timeout_ns);

/* ---- without a copy ------------------------------------------------------------------- */

/*
 * Receive up to count frames where they are: data, length, size and time are written, and the frame
 * belongs to the caller until it is given back or submitted. Those that are kept are missing in the
 * receive ring. Returns how many there were, as lana_socket_recvm().
 */
int lana_socket_borrow(struct lana_socket *socket, struct lana_frame *frames, uint32_t count,
		       int64_t timeout_ns);

/*
 * Give frames back that were borrowed, in any order. Returns 0. -EINVAL: some were none that the
 * caller had borrowed and still had; the others are given back.
 */
int lana_socket_give_back(struct lana_socket *socket, const struct lana_frame *frames,
			  uint32_t count);

/*
 * Get up to count empty frames to be filled in at data, up to size bytes, with length then set.
 * They belong to the caller until they are submitted; one that is not wanted after all is submitted
 * with length 0, which needs no room in the ring. Returns how many there were: it waits for the
 * first one only.
 */
int lana_socket_reserve(struct lana_socket *socket, struct lana_frame *frames, uint32_t count,
			int64_t timeout_ns);

/*
 * Send frames that were reserved, or borrowed: these are turned round without a copy, and data may
 * be moved within the frame, and length changed, to take a header off or put one on. Returns how
 * many were taken, from the first one on: these are no longer the caller's. If that is none:
 * -EMSGSIZE: the first is too short or too long. -EINVAL: it is not the caller's, or not any more,
 * or its data are not where it is. That two threads pass one frame at once is not noticed.
 */
int lana_socket_submit(struct lana_socket *socket, const struct lana_frame *frames, uint32_t count,
		       int64_t timeout_ns);

/*
 * Frames that were accepted may wait in the ring if a call had no time left and the stack's entry
 * was full. The next call that sends takes them along; so does this. Returns 0 if none waits.
 */
int lana_socket_flush(struct lana_socket *socket, int64_t timeout_ns);

/* ---- what became of frames ------------------------------------------------------------ */

/*
 * What the block has let through to the socket, its counter "delivered", is
 * received + waiting + overruns + link_full; and what the program has sent is what the block has
 * taken from it + unsent + refused.
 */
struct lana_socket_stats {
	uint64_t received, received_bytes; /* by the program; those borrowed included */
	uint64_t sent, sent_bytes;	   /* accepted from the program */
	uint64_t waiting;		   /* to be received, now */
	uint64_t unsent;		   /* accepted, and not yet in the stack */
	uint64_t overruns;  /* lost: no frame was free, as the program was too slow */
	uint64_t link_full; /* lost on the way: too many came at once from several CPUs, or its
			       device was down; those that are on their way count too. 0 if the
			       socket was taken over */
	uint64_t refused;   /* accepted, and lost before the stack: its entry was full or down */
	uint64_t forged;    /* entries of rings that only another process can have written who has
			       the socket too, see lana_socket_take_over(); passed over */
	uint32_t direct;    /* receive queues of devices from which frames come straight here */
	bool down;	    /* the block or its device has gone */
};

/* Returns 0. If the socket is down, what only its device could tell is 0. */
int lana_socket_stats(struct lana_socket *socket, struct lana_socket_stats *stats);

/* A socket as who looks at its stack sees it. */
struct lana_socket_info {
	char name[LANA_NAME_MAX]; /* of the block */
	char device[16];
	enum lana_hook hook; /* where its frames enter the stack: XDP or tc */
	uint32_t process;    /* that has opened it, or that a server has given it to */
	bool alive;	     /* that process is; if not, there are neither: */
	char user[64];
	char command[32];
	uint64_t delivered, direct, oversized; /* counters of the block: see its type "socket" */
};

/* The sockets of a stack; the caller frees *sockets. */
int lana_socket_list(struct lana_stack *stack, struct lana_socket_info **sockets, size_t *count,
		     struct lana_error *error);

/* ---- handing a socket on -------------------------------------------------------------- */

/*
 * An open socket can be handed to another process, which needs no privilege for it: in a container,
 * or after it has given its own up. It is sent over a connected socket of AF_UNIX, and is from then
 * on the other one's alone; the caller closes its own without any effect on the block. Its frames
 * must all have been given back or submitted. -EBUSY: they were not.
 */
int lana_socket_hand_over(struct lana_socket *socket, int channel, struct lana_error *error);

/*
 * Take over what the other side hands over, waiting for it. A socket that was taken over can do all
 * that it could, but for closing the block at once: that is removed by the next command on the
 * stack. -EPROTO: what came is no socket.
 *
 * Who hands it over may keep what it consists of, whatever lana_socket_hand_over() does. Such a one
 * can read and change frames at any time (also while they are looked at where they are: copy first,
 * then check), have some lost or made up, and have calls find nothing or wait as long as they may.
 * It cannot have the library read or write beyond the frames' memory, nor hand out a frame twice.
 */
int lana_socket_take_over(int channel, struct lana_socket **socket, struct lana_error *error);

/*
 * Ask the server at that path (lanactl socket serve) for a socket: this takes no privilege, no BPF
 * and no access to the stack. It is opened, and bound as the server's policy says; options that are
 * 0 are the server's choice. It is then as one that was taken over, for this process alone, but for
 * being closed: the server is told and removes the block at once, as it does when the process ends.
 * Should the server end, the socket is used on. -EACCES: the name, or what was asked, is not for
 * this user. -EUSERS: he has too many. -EEXIST: there is such a block. -ETIMEDOUT: no answer.
 */
int lana_socket_request(const char *path, const char *name,
			const struct lana_socket_options *options, struct lana_socket **socket,
			struct lana_error *error);

/*
 * Let go of a socket without removing its block: of the two sides of a fork, the one that does not
 * use it. The block goes when the other side has closed it, or has ended.
 */
void lana_socket_leave(struct lana_socket *socket);

#ifdef __cplusplus
}
#endif

#endif
