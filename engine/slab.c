// SPDX-License-Identifier: GPL-2.0-only
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "slab.h"

#define CHUNK ((size_t)2 << 20)
#define LINE  ((size_t)64)

static bool add_chunk(struct slab *slab)
{
	char *chunk = aligned_alloc(CHUNK, CHUNK);

	if (!chunk)
		return false;
	madvise(chunk, CHUNK, MADV_HUGEPAGE); /* or else in small pages */
	*(void **)chunk = slab->chunks;
	slab->chunks = chunk;
	for (size_t at = LINE; at + slab->size <= CHUNK; at += slab->size)
		slab_give(slab, chunk + at);
	return true;
}

void *slab_take(struct slab *slab, size_t size)
{
	void *object;

	slab->size = ((size + LINE - 1) / LINE | 1) * LINE;
	if (!slab->free && !add_chunk(slab))
		return NULL;
	object = slab->free;
	slab->free = *(void **)object;
	return memset(object, 0, size);
}

void slab_give(struct slab *slab, void *object)
{
	*(void **)object = slab->free;
	slab->free = object;
}

void slab_close(struct slab *slab)
{
	void *next;

	for (void *chunk = slab->chunks; chunk; chunk = next) {
		next = *(void **)chunk;
		free(chunk);
	}
	*slab = (struct slab){};
}
