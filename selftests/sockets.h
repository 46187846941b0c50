/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sockets.h - two stacks, each in a namespace of its own with a device, and sockets on them
 *
 *	 left                              right
 *	+------------------------+        +------------------------+
 *	| "app" ── … ── l0 ●─────|────────|─────● r0 ── … ── "app" |
 *	+------------------------+        +------------------------+
 */
#ifndef SOCKETS_H
#define SOCKETS_H

#include <lana/socket.h>

#define SECOND 1000000000LL /* ns */

struct side {
	const char *netns, *device; /* which is also the stack's name, and the block's */
	struct lana_stack *stack;
	struct lana_socket *socket;
};

/* Make the namespaces, the devices and the stacks, hooked so. Ends the test if that fails. */
void sides_open(struct side *left, struct side *right, enum lana_hook hook);

/* The same, with a socket "app" bound on each side, of which the right one has these options. */
void sides_connect(struct side *left, struct side *right, enum lana_hook hook,
		   const struct lana_socket_options *options);

/* Flush the stacks and remove the namespaces; sockets that are open are closed. */
void sides_close(struct side *left, struct side *right);

/* Open a socket on a side's stack, or end the test. */
struct lana_socket *side_socket(struct side *side, const char *name,
				const struct lana_socket_options *options);

/* A step in the words of lanactl(8) on a side's stack: "bind app l0". Ends the test if refused. */
__attribute__((format(printf, 2, 3))) void side_do(struct side *side, const char *format, ...);

/* Put its blocks "x" and "y" on its device, and "app" on both; x is the way up and down. */
void side_bind_two(struct side *side);

/* Lead the way up and the way down by x and y in turn, each by itself; turns repeat after 4. */
void side_rebind(struct side *side, unsigned int turn);

/* Devices of sockets in a side's namespace. */
int side_devices(const struct side *side);

/*
 * Until there are so many, at most some seconds: the kernel removes those of a process that has
 * gone when it finds the time.
 */
bool side_await_devices(const struct side *side, int count);

/* How many entries a folder of the side's stack has in bpffs: "sockets", "links". */
int side_pins(const struct side *side, const char *folder);

bool side_has_block(const struct side *side, const char *name);

/* Write a frame of that length whose every byte follows from length and seed. */
void frame_make(unsigned char *frame, unsigned int length, unsigned int seed);

/* Is it that frame? */
bool frame_is(const unsigned char *frame, unsigned int length, unsigned int seed);

/* Send it, within a second; or receive it, and nothing else. */
int frame_send(struct lana_socket *socket, unsigned int length, unsigned int seed);
bool frame_receive(struct lana_socket *socket, unsigned int length, unsigned int seed);

#endif
