/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * segments.h - TCP segments, or packets with the header of lana/sequence.h, that a test makes,
 * sends by one device and takes in by another
 *
 *	 generator        stack                                        checker
 *	+--------+    +-------------------------------------------+    +--------+
 *	|     g0 |----| in ─► path by source MAC ─► mark ─► b ─► out|----| c0     |
 *	+--------+    +-------------------------------------------+    +--------+
 *
 * The last byte of the source MAC says by which of SEGMENT_PATHS paths a segment comes; 0: that is
 * not known. Made by live_begin(); functions end the test where they cannot do what they say.
 */
#ifndef SEGMENTS_H
#define SEGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "live.h"

#define SEGMENT_PATHS 3
#define SEGMENT_NONE  (-1)
#define SEGMENT_OTHER (-2)

struct segment {
	uint16_t flow; /* source port */
	uint32_t seq, length;
	uint8_t flags;	/* of TCP */
	uint32_t stamp; /* its timestamp (RFC 7323); 0: none */
	uint8_t path;
	bool fragment;	      /* the first one of several */
	bool cut;	      /* out of a super-segment, by the kernel: it has its checksums */
	bool numbered;	      /* no TCP: it has a header; seq is its number, flow its source, */
	uint16_t path_number; /* and this its number on the path */
};

/* A stack of that hook with block "b" of that type, and options. */
struct lana_stack *segments_open(enum lana_hook hook, const char *type);
void segments_close(struct lana_stack *stack);

/* A flow of block reorder is as old as that: by hold=100ms it is not young any more. */
#define SEGMENTS_YOUNG_US 101000

#define SEGMENTS_DEFAULTS "order=on timer=fixed hold=10s size=0 total=0" /* of block reorder */

/* Set options of block "b". The worker, named "worker", has them too when this returns. */
void segments_set(struct lana_stack *stack, const char *options);

/* Block "b", reorder: the worker has no flow any more. */
void segments_await_none(struct lana_stack *stack);

/* So many packets wait in it. */
void segments_await_held(struct lana_stack *stack, unsigned long long count);

/* Sockets at both ends. */
int segments_sender(void);
int segments_receiver(void);

/*
 * A sender by another device of the stack, hooked at tc as a virtual machine's: its super-segments
 * come as they are made. -1: the machine has no such devices.
 */
int segments_tap(struct lana_stack *stack);
void segments_untap(struct lana_stack *stack, int fd);

/* Send the one of that number. */
void segment_send(int fd, const struct segment *segments, unsigned int number);

/*
 * Send so many from that number on as one super-segment, as TSO has them: they follow each other,
 * are as long as the first, or the last one shorter, and have cut set.
 */
void segments_send_super(int fd, const struct segment *segments, unsigned int number,
			 unsigned int count);

/*
 * Which of these comes next, within so many ms, byte by byte as it was sent; SEGMENT_NONE: none
 * comes; SEGMENT_OTHER: another one, or a damaged one.
 */
int segment_receive(int fd, int patience, const struct segment *segments, unsigned int count);

#endif
