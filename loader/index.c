// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index.h"

static void put(struct index *index, __u32 number)
{
	__u32 *first = &index->first[index->hashes[number] % index->room];

	index->next[number] = *first;
	*first = number + 1;
}

/* Each array that has grown stays, whatever becomes of the others. */
static int grow(struct index *index)
{
	size_t room = index->room ? 2 * index->room : 64;
	__u32 **arrays[] = { &index->first, &index->next, &index->hashes };

	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
		__u32 *grown = reallocarray(*arrays[i], room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		*arrays[i] = grown;
	}
	index->room = room;
	memset(index->first, 0, room * sizeof(*index->first));
	for (size_t i = 0; i < index->count; i++)
		put(index, i);
	return 0;
}

int index_add(struct index *index, __u32 hash)
{
	if (index->count == index->room && grow(index))
		return -ENOMEM;
	index->hashes[index->count] = hash;
	put(index, index->count++);
	return 0;
}

void index_free(struct index *index)
{
	free(index->first);
	free(index->next);
	free(index->hashes);
	*index = (struct index){};
}
