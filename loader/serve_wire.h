/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * serve_wire - what is said between a server of sockets and a program that wants one
 *
 * Over a connection of AF_UNIX, SOCK_SEQPACKET, one socket a connection:
 *
 *	program                         server
 *	connect                         who is it? (SO_PEERCRED, SO_PEERGROUPS)
 *	struct serve_request	->
 *				<-	struct serve_refusal, and the connection is closed;
 *				   or   the socket: struct socket_parts with its descriptors, as
 *					lana_socket_hand_over() sends it
 *	uses the socket                 keeps the connection
 *	closes it, or ends	->	removes the block, its edges and devices, and then closes
 *
 * Each message is one of its kind, of fixed size, with numbers in the machine's byte order: a
 * server speaks to its own machine only. They begin with a magic number that tells which it is, and
 * a version. Descriptors that a program sends along are not taken. A server may refuse before it
 * was asked: then sending fails, or the next call with ECONNRESET, and the refusal can be read.
 */
#ifndef LOADER_SERVE_WIRE_H
#define LOADER_SERVE_WIRE_H

#include <linux/types.h>

#include <lana/socket.h>

#define SERVE_REQUEST 0x6c616e71
#define SERVE_REFUSAL 0x6c616e72
#define SERVE_VERSION 1

enum serve_flag {
	SERVE_TIMESTAMPS = 1,
	SERVE_INDIRECT = 2,
	SERVE_FLAGS = SERVE_TIMESTAMPS | SERVE_INDIRECT
};

/* The members of struct lana_socket_options; 0 asks for what is usual. */
struct serve_request {
	__u32 magic, version;
	char name[LANA_NAME_MAX]; /* of the block, and zeros behind it */
	__u32 mtu;
	__u32 receive_ring, send_ring;
	__u32 hook;  /* enum lana_hook */
	__u32 flags; /* enum serve_flag */
	__u32 zero;
};

struct serve_refusal {
	__u32 magic, version;
	__s32 error;	/* a negative errno */
	char text[512]; /* a line, and zeros behind it */
};

/* Tell the server that a socket is done with, and wait a while until its block has gone. */
void serve_end(int connection);

#endif
