/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bytes - questions to values whose type is known at run time only
 */
#ifndef LOADER_BYTES_H
#define LOADER_BYTES_H

#include <stdbool.h>

#include <linux/types.h>

static inline bool is_zero(const void *bytes, __u32 size)
{
	const __u8 *byte = bytes;

	for (__u32 i = 0; i < size; i++)
		if (byte[i])
			return false;
	return true;
}

#endif
