/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * preload - calls of raw sockets, made to work on a stack's sockets
 *
 *	programs' descriptor		an epoll descriptor, in which the lana socket's is once it
 *					is bound: so whatever waits for descriptors waits for it
 *	table.c		which descriptors are ours; close, dup, fork
 *	kept.c		descriptors that the library itself has, which the program cannot close
 *	places.c	what LANA_PRELOAD says
 *	open.c		socket, bind: how one gets its lana socket
 *	receive.c	recv and its like
 *	send.c		send and its like
 *	wait.c		poll, select and epoll_ctl, for the sake of who waits until he may send
 *	signal.c	whether a call goes on that a signal has interrupted
 *	options.c	setsockopt, getsockopt, getsockname, ioctl
 *
 * The library itself calls these functions too, for descriptors that are not ours.
 */
#ifndef PRELOAD_H
#define PRELOAD_H

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>

#include <pcap/bpf.h>

#include <lana/socket.h>

/* The function that the program would have called. */
#define REAL(function)                                       \
	({                                                   \
		static __typeof__(function) *_real;          \
		if (!_real)                                  \
			_real = dlsym(RTLD_NEXT, #function); \
		_real;                                       \
	})

#define PUBLIC	     __attribute__((visibility("default")))
#define HEADER_SIZE  14 /* of Ethernet */
#define ADDRESS_SIZE 6

struct endpoint {
	unsigned int references;  /* descriptors, and calls at work; of the table */
	unsigned int descriptors; /* of the table */
	bool forked;		  /* it may be another process's too; of the table */
	bool lost;    /* a thread was using it when the process forked: it is not this child's */
	int writable; /* always: for epoll(7). -1: not needed yet */
	int holding;  /* readable while a frame is held: the same. Of the mutex */
	int family, type;
	unsigned short protocol;    /* that is received, in network order */
	struct lana_socket *socket; /* NULL: not bound */
	char name[LANA_NAME_MAX];
	int ifindex; /* of AF_PACKET: the device whose place the socket takes */
	unsigned char address[ADDRESS_SIZE];
	int64_t receive_timeout, send_timeout; /* ns; 0: none */
	int buffers[2];			       /* SO_RCVBUF, SO_SNDBUF: as asked for */
	uint64_t received;
	struct bpf_insn *filter; /* of SO_ATTACH_FILTER; NULL: none. Of the mutex */
	pthread_mutex_t looking; /* one thread takes frames, or looks ahead, at a time; before: */
	pthread_mutex_t mutex;	 /* of binding, and of showing that a frame is held */
	struct lana_frame held;	 /* that was looked at; changed with both mutexes */
	bool holds;
};

/* Ours, with a reference for the caller; NULL: it is not. errno stays. */
struct endpoint *endpoint_get(int fd);
void endpoint_put(struct endpoint *endpoint);
void endpoint_put_p(struct endpoint **endpoint);
#define _cleanup_endpoint_ __attribute__((cleanup(endpoint_put_p)))

/* Make a descriptor that is ours, with flags of socket(2). -1: errno. */
int endpoint_make(int family, int type, int protocol);

/* Its lana socket. If it has none yet, that of the device. NULL: errno says why. */
struct lana_socket *endpoint_socket(struct endpoint *endpoint, int fd, int ifindex);

/* Bind it to a device of AF_PACKET, by name. NULL: any. -1: errno. */
int endpoint_bind_device(struct endpoint *endpoint, int fd, const char *device);

/* errno, and -1. What is said is for LANA_PRELOAD_DEBUG; of EAGAIN nothing is. */
int fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* May the call wait, and how long? As lana/socket.h has it. */
int64_t patience(int fd, int flags, int64_t timeout);

/* -EINTR was the answer: does the call go on? timeout: as patience() has it. */
bool call_goes_on(int64_t timeout);

/* Is there a frame that the program wants, or an error? It is held then until it is received. */
bool endpoint_is_readable(struct endpoint *endpoint);

/* From now on its descriptor is readable while a frame is held, too. -1: errno. */
int endpoint_show_held(struct endpoint *endpoint, int fd);

ssize_t receive_message(struct endpoint *endpoint, int fd, struct msghdr *message, int flags);
ssize_t send_message(struct endpoint *endpoint, int fd, const struct msghdr *message, int flags);

#endif
