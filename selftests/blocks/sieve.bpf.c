// SPDX-License-Identifier: GPL-2.0-only
/*
 * sieve - ask a filter twice, in the middle of other work, and note what it says (for the tests of
 * filters)
 *
 * Words of the stack and registers hold values meanwhile, which the filter must not touch. It is
 * asked once in the main program, once in a function of its own.
 *
 * in          anything
 * out next    the packet, unchanged
 * config      bit=0..63: of the word in map notes that is set if the filter takes the packet;
 *             seed=0..4294967295: to make the values from; expr, asm, code: the filter
 * counters    none
 * state       notes, shared by the stack
 * see also    note
 */
#include <lana/block.h>

#include "notes.h"

struct sieve_config {
	__u32 seed;
	struct lana_filter filter;
	__u8 bit;
};

struct sieve_counters {
};

enum sieve_port { SIEVE_NEXT };

#define WORDS 8

static __noinline int ask_again(struct lana_pkt *pkt, __u32 yes)
{
	return lana_match(pkt) ? yes : 0;
}

static __always_inline int sieve_process(struct lana_pkt *pkt, const struct sieve_config *config,
					 struct sieve_counters *counters)
{
	__u32 length = lana_len(pkt), first, second;
	volatile __u64 words[WORDS];
	__u64 sum = 0;

	for (int i = 0; i < WORDS; i++)
		words[i] = length + config->seed * i;
	first = lana_match(pkt);
	for (int i = 0; i < WORDS; i++)
		sum += words[i] ^ (length + config->seed * i);
	second = ask_again(pkt, 7);
	for (int i = 0; i < WORDS; i++)
		sum += words[i] ^ (length + config->seed * i);
	if (sum || !first != !second || lana_len(pkt) != length)
		return -LANA_DROP_MALFORMED;
	if (first)
		take_note(config->bit);
	return SIEVE_NEXT;
}

LANA_BLOCK(sieve);
