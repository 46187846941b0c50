/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/trie.h - look an IPv4 address up in a table of prefixes that is an array, see lana/table.h
 */
#ifndef LANA_TRIE_H
#define LANA_TRIE_H

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <lana/table.h>

static __always_inline __u32 lana_trie_word(void *table, __u32 entry, __u32 bits)
{
	__u32 *words = bpf_map_lookup_elem(table, &entry);

	return words ? words[bits & (LANA_TRIE_STEP - 1)] : 0;
}

/* The value of the longest prefix that the address has; 0: it has none. */
static __always_inline __u32 lana_find_prefix4(void *table, __be32 address)
{
	__u32 bits = bpf_ntohl(address);
	__u32 word = lana_trie_word(table, bits >> 24, bits >> 16);

	if (word & LANA_TRIE_DEEPER)
		word = lana_trie_word(table, word & ~LANA_TRIE_DEEPER, bits >> 8);
	if (word & LANA_TRIE_DEEPER)
		word = lana_trie_word(table, word & ~LANA_TRIE_DEEPER, bits);
	return word;
}

#endif
