/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sha256 - SHA-256 (FIPS 180-4), HMAC with it (RFC 2104) and keys derived by that (HKDF, RFC 5869)
 *
 * Not left to a library or to the kernel (AF_ALG), which not every machine has: a key that is to be
 * the same at both ends is needed everywhere. What is secret in memory is wiped.
 */
#ifndef LOADER_SHA256_H
#define LOADER_SHA256_H

#include <stddef.h>

#include <linux/types.h>

#define SHA256_SIZE 32 /* bytes of a result */

/* HMAC of a message; the key is of 64 bytes at most. */
void sha256_hmac(const void *key, size_t key_size, const void *message, size_t size,
		 __u8 result[SHA256_SIZE]);

/* HKDF: what is extracted from a secret with a salt, a text of 64 bytes at most */
void sha256_extract(const char *salt, const void *secret, size_t size, __u8 extracted[SHA256_SIZE]);

/* and expanded to up to SHA256_SIZE bytes for the purpose that info, of 64 at most, tells. */
void sha256_expand(const __u8 extracted[SHA256_SIZE], const char *info, void *key, size_t size);

#endif
