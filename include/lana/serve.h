/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/serve.h - hand sockets of a stack to programs without privilege
 *
 *	lana_server_open(&options, &server, &error);
 *	while (!ended)
 *		lana_server_serve(server, 1000, &error);
 *	lana_server_close(server);
 *
 * Programs ask by lana_socket_request() of lana/socket.h. Who may have which socket is in a file,
 * the policy, a rule a line; # begins a comment:
 *
 *	user WHO NAME ... [bind LOWER] [port PORT] [mtu BYTES] [rings FRAMES] [sockets COUNT]
 *	     [indirect]
 *	group WHO NAME ... [the same]
 *	limit [sockets COUNT] [connections COUNT] [waiting COUNT] [rate COUNT]
 *
 * WHO is a name or a number; a group's members are those whose process is in it. NAME is a block's
 * name, in which * stands for any characters and ? for one. The first rule that has both the user
 * and the name decides:
 *
 *	bind	 the socket's block is put on top of LOWER at once, at its port PORT
 *	mtu	 largest that may be asked for, and the usual one if that is more (1500)
 *	rings	 frames that may wait, each way; a power of two (2048)
 *	sockets	 that the user may have at a time, of whatever rules (4); those that were closed
 *		 count as long as he keeps AF_XDP sockets of theirs
 *	indirect they take no frames from devices but by their own, see lana/socket.h
 *
 * The limits hold for the whole server: sockets that are open (64), connections that have not asked
 * yet (256), those of one user (16), and sockets that one user may open in ten seconds (50).
 *
 * A server is for one thread at a time.
 */
#ifndef LANA_SERVE_H
#define LANA_SERVE_H

#include <lana/stack.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LANA_SERVER_FOLDER "/run/lana"

struct lana_server;

struct lana_server_options {
	const struct lana_stack_options
		*stack;	    /* NULL: the default one; it need not be there yet */
	const char *policy; /* path of the file */
	const char *path;   /* to listen at; NULL: LANA_SERVER_FOLDER "/STACK.sock" */
	int listener;	    /* a descriptor that listens already, 3 and up, to be used instead */
	/* Told what it does, a line at a time; may be NULL. */
	void (*log)(void *cookie, const char *text);
	void *cookie;
};

/*
 * Begin to listen. Nobody but the caller may write the policy, and anybody may connect: each one is
 * asked who he is. -EADDRINUSE: there is a server at that path. -EINVAL: the policy is wrong, and
 * error says where.
 */
int lana_server_open(const struct lana_server_options *options, struct lana_server **server,
		     struct lana_error *error);

/* Serve whoever comes, once: wait for that so long, or until a signal comes. */
int lana_server_serve(struct lana_server *server, int timeout_ms, struct lana_error *error);

/* Read the policy again. If it is wrong the old one stays. What was given stays given. */
int lana_server_reload(struct lana_server *server, struct lana_error *error);

/*
 * Listen no more. Sockets that programs have are theirs, and last until these end; their blocks are
 * removed by the next command on the stack then, as after a server that was killed.
 */
void lana_server_close(struct lana_server *server);

#ifdef __cplusplus
}
#endif

#endif
