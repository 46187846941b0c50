/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * crypt_reference.h - encrypted packets, made and taken apart by OpenSSL as docs/crypt.md says
 */
#ifndef CRYPT_REFERENCE_H
#define CRYPT_REFERENCE_H

#include <stdbool.h>

#include "workbench.h"

#define REFERENCE_KEYS 3 /* encrypt, iv, mac */

/* What is derived from a file of 32 bytes for what one side sends. */
struct reference_keys {
	unsigned char all[REFERENCE_KEYS][16];
	unsigned char id, fingerprint[8];
};

void reference_derive(const unsigned char file[32], char side, struct reference_keys *keys);

/* What stands in a packet's header. */
struct reference_header {
	unsigned int version, side, key, length;
	unsigned int salt;
	unsigned long long number;
};

/*
 * Encrypt the packet: header->length bytes behind its addresses are said to be used, and as many
 * are encrypted as there are, filled up with zeros to whole blocks.
 */
void reference_seal(const struct reference_keys *keys, const struct reference_header *header,
		    struct packet *packet);

/* The packet's header, whatever it holds. */
void reference_header(const struct packet *packet, struct reference_header *header);

#endif
