/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rules - ordered rules of a block, compiled from a file (lana/rules.h)
 *
 * As tables (table.h), rules never change in maps that packets look into: the block gets another
 * cell, with maps made anew. Only what rules have counted stays, in slots; a rule that was there
 * before keeps its slot, wherever in the file it stands now.
 */
#ifndef LOADER_RULES_H
#define LOADER_RULES_H

#include <lana/lana.h>
#include <lana/rules.h>

#include "layout.h"

struct commit;
struct type;

/*
 * Convert the option of that name, a file, into struct lana_rules_file at *bytes. -ENOENT and
 * others
 */
int rules_option(const char *name, const char *file, void *bytes, struct lana_error *error);

/*
 * Give a block the rules that its options name, if it has not got them. Behind whatever chose the
 * record's type, options and cell.
 */
int rules_fill(struct commit *commit, __u32 idp, const struct type *type, struct lana_error *error);

/* ---- files ---------------------------------------------------------------------------------- */

struct rules {
	struct lana_rule *all;
	__u32 count;
};

/*
 * Convert the text of a file, which is cut into words. -EINVAL, -E2BIG, -ENOMEM: error says in
 * which line what is wrong; name is the file's.
 */
int rules_parse(char *text, const char *name, struct rules *rules, struct lana_error *error);

/* Write a rule as a file has it. */
void rules_format(const struct lana_rule *rule, char *text, size_t size);

void rules_free(struct rules *rules);

/*
 * Let rules that were there before go on counting where they did, and new ones begin at 0. hits:
 * the map that they count in.
 */
int rules_give_slots(int hits, const struct rules *old, struct rules *rules);

/* ---- maps ----------------------------------------------------------------------------------- */

/* What goes into the maps: numbers of vectors, and the vectors. */
struct rules_tables {
	struct rules_trie {
		struct lana_rule_address *keys;
		__u32 *values;
		__u32 count;
	} from, to;
	__u32 *ports, *kinds;
	struct lana_rule_vector *vectors;
	__u32 vectors_count, vectors_room;
	__u32 *index; /* of vectors by hash */
};

/* -ENOMEM. For rules_tables_free() in any case. */
int rules_compile(const struct rules *rules, struct rules_tables *tables);

void rules_tables_free(struct rules_tables *tables);

#endif
