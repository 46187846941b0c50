/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * socket_lab.h - where sockets are measured: a stack in the namespace "near", with a socket
 *
 *	far                      near
 *	f0 ──────────────────── n0 ── stack ── app
 */
#ifndef SOCKET_LAB_H
#define SOCKET_LAB_H

#include <lana/socket.h>

struct socket_lab {
	struct lana_stack *stack;
	struct lana_socket *app; /* while it is open */
};

extern struct socket_lab socket_lab;

/* The namespaces, their devices, the stack. */
void socket_lab_begin(void);

/* Hook n0, and open the socket on top of it. */
void socket_lab_open(enum lana_hook hook);
void socket_lab_close(void);

/* socket_trip.c: there and back, waiting and spinning, beside UDP: rows of a table, and a goal */
void socket_trip(void);

#endif
