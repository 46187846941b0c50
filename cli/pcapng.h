/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pcapng - write captures for Wireshark and tcpdump
 *
 * The format: draft-ietf-opsawg-pcapng. Interfaces are described when they are first named.
 */
#ifndef CLI_PCAPNG_H
#define CLI_PCAPNG_H

#include <stdint.h>
#include <stdio.h>

#include <lana/abi.h>

#define PCAPNG_INTERFACE_MAX (2 * LANA_NAME_MAX + 32)

struct pcapng {
	FILE *file;
	uint32_t snaplen;
	char (*interfaces)[PCAPNG_INTERFACE_MAX];
	uint32_t count;
};

struct pcapng_packet {
	const char *interface;
	const char *comment; /* NULL: none */
	uint64_t time;	     /* CLOCK_REALTIME, ns */
	uint32_t length;     /* of the packet, bytes */
	uint32_t captured;   /* bytes of it */
	const void *bytes;
};

/* Errors of these are found by ferror() of the file; -ENOMEM. */
void pcapng_begin(struct pcapng *pcapng);
int pcapng_interface(struct pcapng *pcapng, const char *name);
int pcapng_packet(struct pcapng *pcapng, const struct pcapng_packet *packet);

/*
 * How many packets were seen in all, and how many of them lost: told of the first interface, which
 * is called so if there is none yet.
 */
int pcapng_end(struct pcapng *pcapng, const char *name, uint64_t time, uint64_t seen,
	       uint64_t lost);
void pcapng_free(struct pcapng *pcapng);

#endif
