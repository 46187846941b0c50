/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filter_chain.h - blocks with filters, one behind the other, that packets pass all of
 *
 *	device ─► [adorn ─►] f0 ─ match ─► note 0 ─► f1 ─ match ─► note 1 ─► … ─► end
 *	                      └─── other ────────────┘  └─── other ──────────┘
 *
 * or, of type sieve, which takes its notes itself, device ─► [adorn ─►] f0 ─► f1 ─► … ─► end. One
 * run of a packet asks all filters; a word tells what each one said.
 */
#ifndef FILTER_CHAIN_H
#define FILTER_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include <lana/lana.h>

#define FILTER_CHAIN_MAX   32
#define FILTER_CHAIN_CALLS 15 /* blocks of type filter that need not be fused */

struct filter_chain {
	enum lana_flavour flavour;
	const char *type; /* filter, sieve */
	bool fused;
	bool adorned; /* as filter_ancillary() says */
	unsigned int count;

	struct lana_stack *stack;
	int root;
	uint64_t *notes;
};

/* Make a chain of these properties, with no filters in it as yet. Ends the test if that fails. */
void filter_chain_open(struct filter_chain *chain);
void filter_chain_close(struct filter_chain *chain);

/* Give all blocks their filters, as "expr=…". */
void filter_chain_set(struct filter_chain *chain, const char *const *options);

/*
 * Run a packet through: bit n of *taken tells what filter n says. Only `linear` bytes are in the
 * first buffer, see filter_run_packet(). False: the kernel makes no such packet.
 */
bool filter_chain_run(struct filter_chain *chain, const void *bytes, unsigned int size,
		      unsigned int linear, uint64_t *taken);

/* Programs that packets pass; 1 if all are fused into one, and the root's. */
unsigned int filter_chain_programs(struct filter_chain *chain);

#endif
