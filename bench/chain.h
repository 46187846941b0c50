/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * chain.h - chains of 0 to 31 like blocks, lana's and by hand, that end in a drop
 *
 * lana's are in a real stack, behind the root of a hooked device. All chains are there all the
 * time, and one is made shorter by letting its root lead further on, so that they can be
 * measured in turns.
 */
#ifndef CHAIN_H
#define CHAIN_H

#include <stdbool.h>
#include <stddef.h>

#include <lana/lana.h>

#define CHAIN_MAX 31

enum chain_id {
	CHAIN_FORWARD,		/* lana's type forward */
	CHAIN_FORWARD_CONSTANT, /* by hand, see baseline.bpf.c */
	CHAIN_FORWARD_VARIABLE,
	CHAIN_COUNTER, /* lana's type counter */
	CHAIN_HELPER_CONSTANT,
	CHAIN_LINEAR, /* lana, with bench/count_linear.bpf.c */
	CHAIN_LINEAR_CONSTANT,
	CHAIN_LINEAR_VARIABLE,
	CHAIN_DROP, /* XDP_DROP alone, of no length */
	CHAIN_IDS,
};

struct chain_kind {
	const char *name;     /* for people */
	const char *type;     /* lana's block type; NULL: by hand */
	const char *baseline; /* name in baseline.bpf.c */
};

extern const struct chain_kind chain_kinds[CHAIN_IDS];

struct chains;

/*
 * Make the namespaces "gen" and "lana", a veth between them for every root, and all chains. Every
 * root is attached: a test run of one that is not would rewrite the kernel's XDP dispatcher, for
 * milliseconds. The process ends if any of this fails.
 */
struct chains *chains_open(void);
void chains_close(struct chains *chains);

struct lana_stack *chains_stack(struct chains *chains);

/* Make the chain that long, and return the descriptor of its root, which stays the chains'. */
int chain_shape(struct chains *chains, enum chain_id id, unsigned int length);

/* Let lana's chains end in another block ("drop" at first). */
void chain_end(struct chains *chains, const char *block);

/* Name of the device in "gen" behind which the chain's root is; lana's share one. */
const char *chain_entry(enum chain_id id);

/* The same for the root's own device, in "lana". */
const char *chain_device(enum chain_id id);

#endif
