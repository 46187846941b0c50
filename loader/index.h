/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * index - find things that are numbered from 0 on by a hash of what they are called
 *
 *	index_for_each (&index, hash, number)
 *		if (!strcmp(names[number], name))
 *			return number;
 */
#ifndef LOADER_INDEX_H
#define LOADER_INDEX_H

#include <stddef.h>

#include <linux/types.h>

/* Begins as {}, ends with index_free(). */
struct index {
	__u32 *first;  /* by hash: 1 + the last number of that hash; 0: none */
	__u32 *next;   /* by number: 1 + the one before it */
	__u32 *hashes; /* by number */
	size_t count, room;
};

/* Note the next number. -ENOMEM */
int index_add(struct index *index, __u32 hash);

void index_free(struct index *index);

/* 1 + the first number to look at; 0: none. Others than those asked for may be among them. */
static inline __u32 index_first(const struct index *index, __u32 hash)
{
	return index->room ? index->first[hash % index->room] : 0;
}

#define index_for_each(index, hash, number)                               \
	for (__u32 _at = index_first(index, hash), number = _at - 1; _at; \
	     _at = (index)->next[number], number = _at - 1)

#endif
