/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_edge.h - an input in front of memory that nothing may touch
 *
 * What the sanitizer has built it sees read behind an allocation. It does not see libc do so, as
 * sscanf(3) and strtoul(3) do with a text that does not end: the next page stops those. What is
 * read in front of the input goes unseen instead.
 */
#ifndef FUZZ_EDGE_H
#define FUZZ_EDGE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FUZZ_EDGE_MAX (1 << 20) /* bytes of an input */

/* These bytes at the end of readable memory. There is one place for them. */
static inline const char *fuzz_edge(const uint8_t *data, size_t size)
{
	static char *edge;

	if (!edge) {
		char *pages = mmap(NULL, FUZZ_EDGE_MAX + 1, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (pages == MAP_FAILED)
			abort();
		edge = pages + FUZZ_EDGE_MAX;
		if (mprotect(edge, 1, PROT_NONE))
			abort();
	}
	if (size > FUZZ_EDGE_MAX)
		abort();
	return memcpy(edge - size, data, size);
}

#endif
