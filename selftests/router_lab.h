/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * router_lab.h - a router between two hosts that only do as they are told
 *
 *	NAMEl                NAME                    NAMEr
 *	l0 ───────────── west    east ───────────── r0
 *	10.0.0.1      10.0.0.9   10.0.1.9      10.0.1.1
 *	fd00::1        fd00::9   fd01::9        fd01::1
 *
 * The addresses of the hosts are the router's static neighbours; the hosts themselves have none, so
 * that nobody there answers by itself. All labs have the same MAC addresses: what two of them do
 * with a frame can be compared byte by byte. east has an MTU of 1300.
 */
#ifndef ROUTER_LAB_H
#define ROUTER_LAB_H

#include <stdbool.h>

#include <lana/lana.h>

#define LAB_FRAME_MAX 2048
#define LAB_SEEN_MAX  8

enum lab_side { LAB_LEFT, LAB_RIGHT, LAB_SIDES };

struct lab {
	char name[16];
	int sockets[LAB_SIDES];
	unsigned int serial; /* of the last sentinel */
	struct lana_stack *stack;
};

struct lab_frame {
	unsigned int size;
	unsigned char bytes[LAB_FRAME_MAX];
};

/* Frames that came out, by the side where they did. */
struct lab_seen {
	unsigned int count[LAB_SIDES];
	struct lab_frame frames[LAB_SIDES][LAB_SEEN_MAX];
};

#define LAB_MAC_LEFT  "\x02\0\0\0\0\x01"
#define LAB_MAC_WEST  "\x02\0\0\0\0\x09"
#define LAB_MAC_EAST  "\x02\0\0\0\x01\x09"
#define LAB_MAC_RIGHT "\x02\0\0\0\x01\x01"

/* All of these end the test if they fail. Without kernel the router's own kernel knows nothing. */
void lab_open(struct lab *lab, const char *name, bool kernel);
void lab_close(struct lab *lab);

/* Let a lana stack do it: the text of a stack file. */
void lab_apply(struct lab *lab, const char *text);

/*
 * Send a frame in from a side, and wait until all that comes of it has come out: sentinels are sent
 * behind it both ways, twice, which nothing overtakes as all of it runs on one CPU.
 */
void lab_probe(struct lab *lab, enum lab_side from, const struct lab_frame *frame,
	       struct lab_seen *seen);

/* The Internet checksum of bytes, in memory order; sum: of what else belongs to it. */
unsigned short lab_checksum(const void *bytes, unsigned int size, unsigned int sum);

#endif
