/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * serve - the server of sockets: one thread, one poll(2), nothing in it that waits for a program
 *
 *	serve.c		open, close, the loop, who connects and who goes
 *	serve_listen.c	where it listens
 *	serve_open.c	what is done to the stack for a program
 *	serve_memory.c	what programs keep of sockets that have been removed
 *	serve_policy.c	who may have what
 *	serve_wire.h	what is said
 *	serve_client.c	the other side
 */
#ifndef LOADER_SERVE_H
#define LOADER_SERVE_H

#include <lana/serve.h>

#include "serve_policy.h"
#include "serve_wire.h"

/*
 * Memory of frames is charged to the server, as long as it is there. A program can keep it when its
 * socket has been removed; what it keeps is taken away, but for pages that something in the kernel
 * refers to. Its AF_XDP sockets have pinned them all: they stay in a map for such sockets until the
 * last copy of each is closed. Pipes that the program has put pages into (vmsplice(2)) the server
 * does not see: the kernel lets a user keep 64 MB in 1,024 pipes, and 8 KB in each further one
 * (fs.pipe-user-pages-soft).
 */
struct serve_memory {
	struct serve_memory *next; /* of those that were removed */
	uid_t uid;
	__u32 xsks;
	int frames; /* the memory; -1: it was taken away */
	int held;   /* map */
};

/* A connection: of a program that has not asked yet, or of one that has a socket. */
struct serve_client {
	int fd;
	struct policy_peer peer;
	__s64 deadline;	 /* to ask by; of one that has gone: to try again */
	char device[16]; /* of its socket; empty: it has none */
	char name[LANA_NAME_MAX];
	struct serve_memory *memory; /* of its socket */
	bool gone; /* but its block is still there: that could not be removed yet */
};

/* What a user has opened of late. */
struct serve_rate {
	uid_t uid;
	__u32 opened;
	__s64 until;
};

struct lana_server {
	struct lana_stack_options stack;
	char stack_name[LANA_NAME_MAX], policy_path[4096];
	char path[108]; /* empty: not ours */
	int listener;
	dev_t path_device; /* of the socket that was made at path */
	ino_t path_inode;
	void (*log)(void *cookie, const char *text);
	void *cookie;
	struct policy policy;

	struct serve_client *clients;
	__u32 count, room;
	struct serve_memory *kept; /* by programs, of sockets that were removed */
	int probe;		   /* an AF_XDP socket; -1: none yet */
	struct serve_rate *rates;
	__u32 rates_count;
	__s64 pause; /* no connections are taken until then: there are no descriptors */
	__s64 reap;  /* when to look for sockets that a server before this one has given */
	__s64 quiet; /* until when lines are counted in: */
	__u32 said, unsaid;
};

/* Make the socket that is listened at, or take it over. */
int serve_listen(struct lana_server *server, const struct lana_server_options *options,
		 struct lana_error *error);
void serve_listen_end(struct lana_server *server);

/*
 * Open the socket that a client asks for, bind it, and hand it over. On success the client has a
 * device. Nothing is left if it fails.
 */
int serve_open(struct lana_server *server, struct serve_client *client,
	       const struct serve_request *request, struct lana_error *error);

/* Note what is handed to a user with a socket. */
int serve_memory_note(const struct lana_socket *socket, uid_t uid, struct serve_memory **memory);

/* The socket has been removed: take its memory away, and keep account of what cannot be. */
void serve_memory_end(struct lana_server *server, struct serve_memory *memory);

/* How many sockets that were removed a user, or (-1) all users, still keep. */
__u32 serve_memory_kept(struct lana_server *server, uid_t uid);

/* Forget it; NULL is none. */
void serve_memory_free(struct serve_memory *memory);

/* Remove the socket's block; that it has gone is fine. */
int serve_drop(const struct lana_server *server, const char *device, struct lana_error *error);

/* Remove the sockets of processes that have gone. */
void serve_reap(const struct lana_server *server);

#endif
