// SPDX-License-Identifier: GPL-2.0-only
/*
 * table_trie - prefixes of IPv4 as one array: the form of lana_find_prefix4()
 *
 * Shorter prefixes are written before longer ones, each over all the words that it covers, so that
 * every word holds what the longest prefix says. Where a prefix ends inside a word, 256 words take
 * the word's place.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "table.h"

#define STEP  LANA_TRIE_STEP
#define FIRST (LANA_TRIE_FIRST * STEP) /* words */

struct trie {
	__u32 *words;
	size_t count, room;
};

static int make_room(struct trie *trie, size_t count)
{
	size_t room = trie->room ?: FIRST;
	__u32 *words;

	while (room < count)
		room *= 2;
	if (room == trie->room)
		return 0;
	words = reallocarray(trie->words, room, sizeof(*words));
	if (!words)
		return -ENOMEM;
	trie->words = words;
	trie->room = room;
	return 0;
}

/* The first of the words that stand for the next 8 bits of a word: made, if it has none. */
static int descend(struct trie *trie, size_t word, size_t *next)
{
	__u32 was = trie->words[word];
	int err;

	if (was & LANA_TRIE_DEEPER) {
		*next = (size_t)(was & ~LANA_TRIE_DEEPER) * STEP;
		return 0;
	}
	err = make_room(trie, trie->count + STEP);
	if (err)
		return err;
	*next = trie->count;
	for (size_t i = 0; i < STEP; i++)
		trie->words[trie->count++] = was;
	trie->words[word] = LANA_TRIE_DEEPER | *next / STEP;
	return 0;
}

static int add(struct trie *trie, __u32 address, __u32 length, __u32 value)
{
	size_t word = address >> 16, next;
	__u32 bits = 16;

	while (length > bits) {
		int err = descend(trie, word, &next);

		if (err)
			return err;
		bits += 8;
		word = next + (address >> (32 - bits) & (STEP - 1));
	}
	for (size_t i = 0; i < 1UL << (bits - length); i++)
		trie->words[word + i] = value;
	return 0;
}

int table_compile(const struct table *table, const char *file, __u32 **words, size_t *count,
		  struct lana_error *error)
{
	struct trie trie = {};
	int err = make_room(&trie, FIRST);

	if (!err) {
		memset(trie.words, 0, FIRST * sizeof(*trie.words));
		trie.count = FIRST;
	}
	for (__u32 length = 0; !err && length <= 32; length++)
		for (__u32 i = 0; !err && i < table->count; i++) {
			struct lana_prefix4 key;
			__u32 value;

			memcpy(&key, table->keys + (size_t)i * sizeof(key), sizeof(key));
			memcpy(&value, table->values + (size_t)i * sizeof(value), sizeof(value));
			if (key.length != length)
				continue;
			if (value & LANA_TRIE_DEEPER) {
				free(trie.words);
				return refuse(error, -ERANGE, "%s:%u: %u is too large", file,
					      table->lines[i], value);
			}
			err = add(&trie, __builtin_bswap32(key.address.word), length, value);
		}
	if (err) {
		free(trie.words);
		return refuse(error, err, "%s: out of memory", file);
	}
	*words = trie.words;
	*count = trie.count / STEP;
	return 0;
}
