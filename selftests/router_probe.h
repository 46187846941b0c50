/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * router_probe.h - frames to be sent into a router of router_lab.h, and what it is to do
 */
#ifndef ROUTER_PROBE_H
#define ROUTER_PROBE_H

#include "router_lab.h"

#define NEEDS_KERNEL 1 /* only a router with a kernel behind it can do it */

struct probe {
	const char *name;
	enum lab_side side;
	const char *source, *target; /* addresses; NULL: the host's, and that of the other side */
	unsigned char protocol;	     /* IPPROTO_… */
	unsigned int ttl;	     /* 0: 64 */
	unsigned int size;	     /* from the IP header on; 0: 64 */
	unsigned int type, code;     /* of ICMP */
	unsigned short frag;	     /* IPv4: flags and offset */
	void (*edit)(struct lab_frame *frame); /* at last; NULL: nothing */
	unsigned int left, right;	       /* frames that come out there */
	unsigned int needs;
};

extern const struct probe probes[];
extern const unsigned int probes_count;

void probe_make(const struct probe *probe, struct lab_frame *frame);

#endif
