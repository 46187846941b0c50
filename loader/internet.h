/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef LANA_INTERNET_H
#define LANA_INTERNET_H

#include <stddef.h>

#include <linux/types.h>

/* The checksum of RFC 1071 over an even number of bytes, as it stands in a header. */
static inline __u16 internet_checksum(const void *bytes, size_t size)
{
	const __u16 *words = bytes;
	__u32 sum = 0;

	for (size_t i = 0; i < size / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

#endif
