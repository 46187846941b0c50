/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filter_wire.h - packets whose bytes lie in several places, sent past filters at tc
 *
 *	socket ── (run at tc egress) w1 ──── w2
 *
 * Test runs at tc make none, but the kernel takes apart what a packet socket sends, from 4 KiB on.
 */
#ifndef FILTER_WIRE_H
#define FILTER_WIRE_H

#include "filter_run.h"

#define FILTER_WIRE_SIZE 4200 /* bytes of every packet */
#define FILTER_WIRE_TAGS 16   /* bytes of VLAN tags, which the kernel takes into the first place */

struct filter_wire {
	int socket, netns; /* netns: to return to */
	unsigned int device;
};

/* Set it up, and go to its namespace. Ends the test if that fails. */
void filter_wire_open(struct filter_wire *wire);
void filter_wire_close(struct filter_wire *wire);

/* Let a run of flavour LANA_TC see what is sent from now on, in the place of the one before. */
void filter_wire_attach(const struct filter_wire *wire, const struct filter_run *run);

/*
 * Send a packet, the first `linear` bytes and its tags in one place; returns when the filters have
 * run.
 */
void filter_wire_send(const struct filter_wire *wire, const unsigned char bytes[FILTER_WIRE_SIZE],
		      unsigned int linear);

#endif
