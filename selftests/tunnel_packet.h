/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tunnel_packet.h - packets in tunnels, written by hand from the RFCs
 */
#ifndef TUNNEL_PACKET_H
#define TUNNEL_PACKET_H

#include "workbench.h"

/* Of the network's byte order; sum: what else is to be summed up. */
unsigned short checksum(const void *bytes, unsigned int size, unsigned int sum);

/* What is carried: ipv4, df, ect0, ect1, ce, dscp, ipv6, "ipv6 ect0", arp, vlan. */
void make_inner(struct packet *packet, const char *what, unsigned int payload);

/* What is put around it. Flaws are for decap to find. */
struct outer {
	const char *mode; /* as encap has it, and "keyed" */
	int tos, frag;
	unsigned int key, gre_flags, vxlan_flags;
	const char *flaw;   /* NULL: none */
	const char *from;   /* NULL: 192.0.2.1 */
	unsigned int sport; /* of UDP; 0: 50000 */
};

void make_outer(struct packet *packet, const struct outer *outer, const struct packet *inner);

#endif
