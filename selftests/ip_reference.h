/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ip_reference.h - IP packets with everything right, and what the RFCs say of any packet
 *
 * Slow and plain, and with nothing in common with include/lana: what blocks are compared with. All
 * packets begin with an Ethernet header; all of it follows from random().
 */
#ifndef IP_REFERENCE_H
#define IP_REFERENCE_H

#include <stdbool.h>

#include "workbench.h"

/*
 * Make a sound packet, IPv4 or IPv6: options, extension headers, fragments, TCP, UDP, ICMP and
 * others, all checksums right, sometimes bytes behind its end. payload: at most so many bytes.
 */
void ip_make(struct packet *packet, unsigned int payload);

/* Spoil it: turn bits, put a number in the place of a length, or cut it. */
void ip_spoil(struct packet *packet);

/* By which port block ipv4 or ipv6 has to let it go, as workbench_run() says it. */
const char *ip_verdict(const struct packet *packet, int version);

/* The same for checksum, with both options the same; set: and make the packet what it has to be. */
const char *ip_checksum_verdict(struct packet *packet, bool set);

#endif
