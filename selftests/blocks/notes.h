/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * notes.h - where note and sieve blocks leave word of packets, for a test to read
 *
 * owner       the first block of such a type
 * key         0
 * value       a word: bit n for the block with that number
 * lifetime    the stack's
 */
#ifndef NOTES_H
#define NOTES_H

#define NOTES_END 63 /* the bit of the block behind all others */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} notes SEC(".maps");

static __always_inline void take_note(__u8 bit)
{
	__u32 zero = 0;
	__u64 *word = bpf_map_lookup_elem(&notes, &zero);

	if (word)
		*word |= 1ULL << (bit & 63);
}

#endif
