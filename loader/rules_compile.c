// SPDX-License-Identifier: GPL-2.0-only
/*
 * rules_compile - make vectors of rules
 *
 * A vector is a set of rules. Many keys have the same one, so vectors are kept once and found again
 * by their hash.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "rules.h"

#define INDEX_SIZE  (1 << 18) /* of a hash table that is never more than half full */
#define VECTORS_MAX (INDEX_SIZE / 2)

/* ---- vectors -------------------------------------------------------------------------------- */

static void set(struct lana_rule_vector *vector, __u32 rule)
{
	vector->words[rule / 64] |= 1ULL << rule % 64;
}

static void clear(struct lana_rule_vector *vector, __u32 rule)
{
	vector->words[rule / 64] &= ~(1ULL << rule % 64);
}

static void summarise(struct lana_rule_vector *vector)
{
	memset(vector->summary, 0, sizeof(vector->summary));
	for (__u32 i = 0; i < LANA_RULES_WORDS; i++)
		if (vector->words[i])
			vector->summary[i / 64] |= 1ULL << i % 64;
}

static __u64 hash_of(const struct lana_rule_vector *vector)
{
	__u64 hash = 0;

	for (__u32 i = 0; i < LANA_RULES_WORDS; i++) {
		hash = (hash ^ vector->words[i]) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	return hash;
}

static int grow(struct rules_tables *tables)
{
	__u32 room = tables->vectors_room ? 2 * tables->vectors_room : 16;
	void *grown;

	if (tables->vectors_count < tables->vectors_room)
		return 0;
	if (tables->vectors_count == VECTORS_MAX)
		return -ENOMEM;
	grown = reallocarray(tables->vectors, room, sizeof(*tables->vectors));
	if (!grown)
		return -ENOMEM;
	tables->vectors = grown;
	tables->vectors_room = room;
	return 0;
}

/* The number of an equal vector, which is kept. */
static int intern(struct rules_tables *tables, struct lana_rule_vector *vector, __u32 *number)
{
	__u32 at = hash_of(vector) % INDEX_SIZE;

	for (; tables->index[at]; at = (at + 1) % INDEX_SIZE) {
		*number = tables->index[at] - 1;
		if (!memcmp(tables->vectors[*number].words, vector->words, sizeof(vector->words)))
			return 0;
	}
	if (grow(tables))
		return -ENOMEM;
	summarise(vector);
	*number = tables->vectors_count++;
	tables->vectors[*number] = *vector;
	tables->index[at] = *number + 1;
	return 0;
}

/* ---- addresses ------------------------------------------------------------------------------ */

/* A prefix that a rule has. */
struct prefix {
	struct lana_rule_address address;
	__u32 rule;
};

static int compare_prefixes(const void *a, const void *b)
{
	const struct prefix *p = a, *q = b;
	int order = memcmp(&p->address.version, &q->address.version,
			   sizeof(p->address) - sizeof(p->address.length));

	if (!order)
		order = (p->address.length > q->address.length) -
			(p->address.length < q->address.length);
	return order ?: (p->rule > q->rule) - (p->rule < q->rule);
}

/* Does one prefix hold the other? */
static bool holds(const struct lana_rule_address *outer, const struct lana_rule_address *inner)
{
	const __u8 *a = (const void *)&outer->version, *b = (const void *)&inner->version;
	__u32 bytes = outer->length / 8, bits = outer->length % 8;

	return outer->length <= inner->length && !memcmp(a, b, bytes) &&
	       (!bits || (a[bytes] ^ b[bytes]) >> (8 - bits) == 0);
}

#define NESTED_MAX 162 /* one of each length, and the root */

/*
 * Sorted, a prefix comes before those that it holds: the ones around the present one are a stack.
 */
static int compile_prefixes(struct rules_tables *tables, const struct prefix *prefixes, __u32 count,
			    struct rules_trie *trie)
{
	_cleanup_free_ struct lana_rule_vector *stack = calloc(NESTED_MAX, sizeof(*stack));
	struct lana_rule_address around[NESTED_MAX] = {};
	__u32 depth = 0, i = 0;

	trie->keys = calloc(count + 1, sizeof(*trie->keys));
	trie->values = calloc(count + 1, sizeof(*trie->values));
	if (!stack || !trie->keys || !trie->values)
		return -ENOMEM;
	do {
		struct lana_rule_address address = count ? prefixes[i].address : around[0];

		if (!trie->count) /* the root is there, whether a rule has it or not */
			address = around[0];
		while (depth && !holds(&around[depth], &address))
			depth--;
		if (trie->count) {
			stack[depth + 1] = stack[depth];
			depth++;
		}
		around[depth] = address;
		for (; i < count && !memcmp(&prefixes[i].address, &address, sizeof(address)); i++)
			set(&stack[depth], prefixes[i].rule);
		trie->keys[trie->count] = address;
		if (intern(tables, &stack[depth], &trie->values[trie->count]))
			return -ENOMEM;
		trie->count++;
	} while (i < count);
	return 0;
}

static int compile_addresses(const struct rules *rules, struct rules_tables *tables, size_t field,
			     struct rules_trie *trie)
{
	_cleanup_free_ struct prefix *prefixes = calloc(rules->count + 1, sizeof(*prefixes));

	if (!prefixes)
		return -ENOMEM;
	for (__u32 i = 0; i < rules->count; i++) {
		const struct lana_rule_address *address = (void *)&rules->all[i] + field;

		prefixes[i] = (struct prefix){ *address, i };
	}
	if (rules->count)
		qsort(prefixes, rules->count, sizeof(*prefixes), compare_prefixes);
	return compile_prefixes(tables, prefixes, rules->count, trie);
}

/* ---- ports ---------------------------------------------------------------------------------- */

static bool any_port(const __u16 ports[2])
{
	return !ports[0] && ports[1] == 65535;
}

/* A rule begins or ends at a port. */
struct bound {
	__u32 port, rule;
	bool ends;
};

static int compare_bounds(const void *a, const void *b)
{
	const struct bound *p = a, *q = b;

	return (p->port > q->port) - (p->port < q->port);
}

static int compile_ports(const struct rules *rules, struct rules_tables *tables, size_t field,
			 __u32 *numbers)
{
	_cleanup_free_ struct bound *bounds = calloc(2 * rules->count + 1, sizeof(*bounds));
	struct lana_rule_vector vector = {};
	__u32 count = 0, next = 0;

	if (!bounds)
		return -ENOMEM;
	for (__u32 i = 0; i < rules->count; i++) {
		const __u16 *ports = (void *)&rules->all[i] + field;

		if (any_port(ports)) {
			set(&vector, i);
			continue;
		}
		bounds[count++] = (struct bound){ ports[0], i, false };
		bounds[count++] = (struct bound){ ports[1] + 1U, i, true };
	}
	if (intern(tables, &vector, &numbers[LANA_RULE_NO_PORT]))
		return -ENOMEM;
	if (count)
		qsort(bounds, count, sizeof(*bounds), compare_bounds);
	for (__u32 port = 0; port < LANA_RULE_NO_PORT; port++) {
		__u32 begun = next;

		for (; next < count && bounds[next].port == port; next++)
			if (bounds[next].ends)
				clear(&vector, bounds[next].rule);
			else
				set(&vector, bounds[next].rule);
		if (port && next == begun)
			numbers[port] = numbers[port - 1];
		else if (intern(tables, &vector, &numbers[port]))
			return -ENOMEM;
	}
	return 0;
}

/* ---- protocols and states ------------------------------------------------------------------- */

static bool takes_state(const struct lana_rule *rule, int state)
{
	return !rule->states || rule->states & 1 << state;
}

static int compile_kind(const struct rules *rules, struct rules_tables *tables, int state,
			__u32 protocol, __u32 *number)
{
	struct lana_rule_vector vector = {};

	for (__u32 i = 0; i < rules->count; i++) {
		const struct lana_rule *rule = &rules->all[i];

		if (takes_state(rule, state) &&
		    (!rule->protocol || (rule->protocol & 0xff) == protocol))
			set(&vector, i);
	}
	return intern(tables, &vector, number);
}

static int compile_kinds(const struct rules *rules, struct rules_tables *tables)
{
	bool named[256] = {};

	for (__u32 i = 0; i < rules->count; i++)
		if (rules->all[i].protocol)
			named[rules->all[i].protocol & 0xff] = true;
	for (int state = 0; state < LANA_CT_STATES; state++) {
		__u32 *numbers = &tables->kinds[state << 8], other = 256;

		for (__u32 protocol = 0; protocol < 256; protocol++) {
			if (!named[protocol] && other < 256) {
				numbers[protocol] = numbers[other];
				continue;
			}
			if (compile_kind(rules, tables, state, protocol, &numbers[protocol]))
				return -ENOMEM;
			if (!named[protocol])
				other = protocol;
		}
	}
	return 0;
}

/* --------------------------------------------------------------------------------------------- */

int rules_compile(const struct rules *rules, struct rules_tables *tables)
{
	int err;

	*tables = (struct rules_tables){
		.ports = calloc(2 * (LANA_RULE_NO_PORT + 1), sizeof(*tables->ports)),
		.kinds = calloc(256 * LANA_CT_STATES, sizeof(*tables->kinds)),
		.index = calloc(INDEX_SIZE, sizeof(*tables->index)),
	};
	if (!tables->ports || !tables->kinds || !tables->index)
		return -ENOMEM;
	err = compile_addresses(rules, tables, offsetof(struct lana_rule, from), &tables->from);
	if (!err)
		err = compile_addresses(rules, tables, offsetof(struct lana_rule, to), &tables->to);
	if (!err)
		err = compile_ports(rules, tables, offsetof(struct lana_rule, sport),
				    tables->ports);
	if (!err)
		err = compile_ports(rules, tables, offsetof(struct lana_rule, dport),
				    tables->ports + LANA_RULE_NO_PORT + 1);
	return err ?: compile_kinds(rules, tables);
}

void rules_tables_free(struct rules_tables *tables)
{
	free(tables->from.keys);
	free(tables->from.values);
	free(tables->to.keys);
	free(tables->to.values);
	free(tables->ports);
	free(tables->kinds);
	free(tables->vectors);
	free(tables->index);
}
