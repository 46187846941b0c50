/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pcapng - write captures for Wireshark and tcpdump
 *
 * The format: draft-ietf-opsawg-pcapng. Each way out of a block is an interface; each packet bears
 * a comment that names the block and the way.
 */
#ifndef CLI_PCAPNG_H
#define CLI_PCAPNG_H

#include <stdio.h>

#include <lana/lana.h>

struct pcapng {
	FILE *file;
	uint32_t snaplen;
	char (*interfaces)[2 * LANA_NAME_MAX + 32];
	uint32_t count;
};

/* Errors of these are found by ferror() of the file; -ENOMEM. */
void pcapng_begin(struct pcapng *pcapng);
int pcapng_packet(struct pcapng *pcapng, const struct lana_captured *packet);

/* How many packets were seen in all, and how many of them lost: told of the first interface. */
int pcapng_end(struct pcapng *pcapng, const char *block, uint64_t time,
	       const struct lana_capture_counts *counts);
void pcapng_free(struct pcapng *pcapng);

#endif
