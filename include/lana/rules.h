/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/rules.h - ordered rules for packets, as a table whose cost does not grow with them
 *
 * A type whose config struct has a field "struct lana_rules_file NAME;" and that says
 * LANA_RULES(hits) has the option NAME=FILE. The loader compiles the file (docs/firewall.md) into
 * the maps declared here; lana_rules_find() looks a packet up in them.
 *
 * Each field of a packet (source, destination, ports, protocol and state) is looked up on its own
 * and gives a vector: bit n is set if rule n takes such a value. The lowest bit that is set in all
 * of them is the first rule that matches (Lakshman and Stiliadis, 1998). A vector begins with a
 * summary, a bit for each word of 64 rules that is not 0 (Baboescu and Varghese, 2001), so that
 * words without a match are hardly ever looked at.
 */
#ifndef LANA_RULES_H
#define LANA_RULES_H

#include <linux/types.h>

#include <lana/conntrack.h>

#define LANA_RULES_MAX	   16384
#define LANA_RULES_WORDS   (LANA_RULES_MAX / 64)
#define LANA_RULES_SUMMARY (LANA_RULES_WORDS / 64)
#define LANA_RULES_SLOTS   (2 * LANA_RULES_MAX) /* old and new ones at a time */

struct lana_rules_file {
	char name[84]; /* as it was given; empty: there are no rules */
	__u32 states;  /* rules ask for the state of connections */
	__u64 sum;     /* of what the file held */
};

enum lana_rule_action { LANA_RULE_ACCEPT, LANA_RULE_DROP, LANA_RULE_REJECT };

/* The key for an address; IPv4 is in the first word. length: 32 bits of version, and the prefix. */
struct lana_rule_address {
	__u32 length;
	__be32 version; /* 4 or 6 */
	__be32 words[4];
};

#define LANA_RULE_NO_PORT 0x10000 /* a packet without ports, or whose ports are not in it */

/* A rule as it was written. Zero: anything. */
struct lana_rule {
	struct lana_rule_address from, to;
	__u16 sport[2], dport[2]; /* first and last; 0 to 65535: any, none too */
	__u16 protocol;		  /* and 0x100; 0: any */
	__u8 states;		  /* bits; 0: any */
	__u8 action;		  /* enum lana_rule_action */
	__u32 slot;		  /* where it counts */
	__u32 line;		  /* of the file */
};

struct lana_rule_vector {
	__u64 summary[LANA_RULES_SUMMARY];
	__u64 words[LANA_RULES_WORDS];
};

#ifdef __bpf__
#include <lana/ip.h>

/* Values are numbers of vectors. */
struct lana_rules_trie {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, LANA_RULES_MAX + 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct lana_rule_address);
	__type(value, __u32);
};

struct lana_rules_trie rules_from SEC(".maps");
struct lana_rules_trie rules_to SEC(".maps");

/* By source port, or LANA_RULE_NO_PORT; then by destination port. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * (LANA_RULE_NO_PORT + 1));
	__type(key, __u32);
	__type(value, __u32);
} rules_ports SEC(".maps");

/* By protocol, and 256 times the state. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256 * LANA_CT_STATES);
	__type(key, __u32);
	__type(value, __u32);
} rules_kinds SEC(".maps");

/* As many as there are: the loader makes these two as large as is needed. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lana_rule_vector);
} rules_vectors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lana_rule);
} rules_list SEC(".maps");

/* Packets by slot. It stays when rules are changed. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LANA_RULES_SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} rules_hits SEC(".maps");

static __always_inline const struct lana_rule_vector *lana_rules_by(__u32 *number)
{
	return number ? bpf_map_lookup_elem(&rules_vectors, number) : NULL;
}

/* What a packet is looked up by. */
struct lana_rules_key {
	struct lana_rule_address from, to;
	__u32 sport, dport; /* or LANA_RULE_NO_PORT */
	__u8 protocol;
	__u8 state; /* enum lana_ct_state */
};

/*
 * Position of the lowest bit that is set: a product with a number of which no six bits are alike.
 */
const __u8 lana_rules_positions[64] SEC(".rodata.rules") = {
	0,  1,	2,  53, 3,  7,	54, 27, 4,  38, 41, 8,	34, 55, 48, 28, 62, 5,	39, 46, 44, 42,
	22, 9,	24, 35, 59, 56, 49, 18, 29, 11, 63, 52, 6,  26, 37, 40, 33, 47, 61, 45, 43, 21,
	23, 58, 17, 10, 51, 25, 36, 32, 60, 20, 57, 16, 50, 31, 19, 15, 30, 14, 13, 12,
};

static __always_inline __u32 lana_rules_lowest(__u64 bits)
{
	return lana_rules_positions[(bits & -bits) * 0x022fdd63cc95386dULL >> 58];
}

/* The first rule that matches, which is counted; NULL: none does. */
static __always_inline const struct lana_rule *lana_rules_find(struct lana_rules_key *key)
{
	__u32 sport = key->sport, dport = LANA_RULE_NO_PORT + 1 + key->dport,
	      kind = key->state << 8 | key->protocol, number;
	const struct lana_rule_vector *from, *to, *source, *dest, *other;
	const struct lana_rule *rule;
	__u64 *hits;

	key->from.length = key->to.length = 8 * (sizeof(key->from) - sizeof(__u32));
	from = lana_rules_by(bpf_map_lookup_elem(&rules_from, &key->from));
	to = lana_rules_by(bpf_map_lookup_elem(&rules_to, &key->to));
	source = lana_rules_by(bpf_map_lookup_elem(&rules_ports, &sport));
	dest = lana_rules_by(bpf_map_lookup_elem(&rules_ports, &dport));
	other = lana_rules_by(bpf_map_lookup_elem(&rules_kinds, &kind));
	if (!from || !to || !source || !dest || !other)
		return NULL; /* there are no rules */

	for (int i = 0; i < LANA_RULES_SUMMARY; i++) {
		__u64 summary = from->summary[i] & to->summary[i] & source->summary[i] &
				dest->summary[i] & other->summary[i];

		for (int j = 0; j < 64 && summary; j++, summary &= summary - 1) {
			__u32 at = i * 64 + lana_rules_lowest(summary);
			__u64 word;

			asm volatile("%[at] &= %[mask]"
				     : [at] "+r"(at)
				     : [mask] "i"(LANA_RULES_WORDS - 1));
			word = from->words[at] & to->words[at] & source->words[at] &
			       dest->words[at] & other->words[at];
			if (!word)
				continue;
			number = at * 64 + lana_rules_lowest(word);
			rule = bpf_map_lookup_elem(&rules_list, &number);
			hits = rule ? bpf_map_lookup_elem(&rules_hits, &rule->slot) : NULL;
			if (hits)
				++*hits;
			return rule;
		}
	}
	return NULL;
}
#endif

#endif
