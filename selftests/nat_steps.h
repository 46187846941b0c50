/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nat_steps.h - frames that go through a gateway of router_lab.h, one after the other
 *
 * Inside is the left, with hosts 10.0.0.1 and 10.0.0.2 (and a router, 10.0.0.7); outside is
 * 10.0.1.9; the world has 10.2.0.0/16. Ports tcp 8080 and udp 53 of outside lead to 10.0.0.1, ports
 * 80 and 53. Many steps answer, or quote in an error, what came out of one before.
 */
#ifndef NAT_STEPS_H
#define NAT_STEPS_H

#include "router_lab.h"

#define NAT_OUTSIDE "10.0.1.9"

enum nat_what { NAT_SEND, NAT_ANSWER, NAT_QUOTE };

#define NAT_NEEDS_ROUTE	 1 /* nat stands behind a route block */
#define NAT_NEEDS_COPIES 2 /* and can make two packets of one */

struct nat_step {
	const char *name;
	enum lab_side side;
	enum nat_what what;
	unsigned int back;	/* ANSWER, QUOTE: of what came out so many steps before */
	unsigned char protocol; /* IPPROTO_… */
	const char *source, *target;
	unsigned short sport, dport; /* sport: of ICMP the identifier */
	unsigned int type;	     /* flags of TCP; of ICMP type << 8 | code */
	unsigned int size;	     /* from the IP header on; 0: 60 */
	unsigned int ttl;	     /* 0: 64 */
	unsigned short frag;
	unsigned short whole; /* of a first fragment: bytes of what IP carries; 0: it is whole */
	bool no_checksum;     /* UDP */
	bool more;	      /* what comes of it counts with the next step */
	unsigned int left, right;
	unsigned int needs;
};

extern const struct nat_step nat_steps[];
extern const unsigned int nat_steps_count;

/* Make the frame of a step. before: what came out, that it refers to; NULL if it does not. */
void nat_make(const struct nat_step *step, const struct lab_frame *before, struct lab_frame *frame);

/*
 * Have a frame say of outside's ports what another, of the same step, says, wherever they are: in
 * its own headers, or in those that it quotes. *ports: what was replaced by what so far, which is
 * to be the same each time. Checksums are amended.
 */
struct nat_ports {
	unsigned int count;
	unsigned int got[64], want[64]; /* protocol << 16 | port */
};

bool nat_rename(struct lab_frame *got, const struct lab_frame *want, struct nat_ports *ports);

#endif
