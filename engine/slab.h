/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * slab - memory for many objects of one size, in few pages
 *
 * A thousand links that take turns would each want some pages' addresses translated, more than a
 * CPU remembers. So they lie in chunks of 2 MB, which the kernel is asked to back by one page each.
 * Objects begin at cache lines, an odd number of them apart, so that what all have at one place
 * does not compete for one set of the cache.
 */
#ifndef ENGINE_SLAB_H
#define ENGINE_SLAB_H

#include <stddef.h>

struct slab {
	void *chunks; /* each begins with the address of the next one */
	void *free;   /* so do objects that are not taken */
	size_t size;
};

/* An object, all zeros; NULL: no memory. size: of all objects of this slab. */
void *slab_take(struct slab *slab, size_t size);
void slab_give(struct slab *slab, void *object);

/* All objects go. */
void slab_close(struct slab *slab);

#endif
