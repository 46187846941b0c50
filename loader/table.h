/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * table - tables of a block that are filled from a file (lana/table.h)
 *
 * Tables are maps of the block's own. New entries never go into maps that packets look into: the
 * block gets another cell, with tables of its own and all other maps those of the cell before, and
 * its code is woven anew over that. So packets see all of the old file or all of the new one.
 */
#ifndef LOADER_TABLE_H
#define LOADER_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include <lana/lana.h>
#include <lana/table.h>

#include "layout.h"

struct commit;
struct type;

/* Find out which maps of a type are tables. -EINVAL: they are not as they should be. */
int table_find(struct type *type, struct lana_error *error);

/* The kind of a field that is a struct of that name and size; FIELD_ADDRESS: not one of tables. */
enum field_kind table_field_kind(const char *struct_name, size_t size);

/* Is a map of that name marked so in a type's source? */
#define TABLE_TAG  "lana:table"
#define TABLE4_TAG "lana:table4"
#define FROM_1_TAG "lana:from_1"
bool table_has_tag(const struct btf *btf, const char *map, const char *tag);

/* Is own[i] of a type a table? */
bool table_is(const struct type *type, __u32 i);

/*
 * Convert the option of that name, a file, into struct lana_table_file at *bytes; an empty name is
 * no file. -ENOENT and others: it cannot be read.
 */
int table_option(const char *name, const char *file, void *bytes, struct lana_error *error);

/*
 * Give a block the tables that its options name, if it has not got them. Behind whatever chose the
 * record's type, options and cell.
 */
int table_fill(struct commit *commit, __u32 idp, const struct type *type, struct lana_error *error);

/* ---- files ---------------------------------------------------------------------------------- */

#define TABLES_MAX 8

/* A table and its entries, as a file has them. */
struct table {
	const char *name;
	__u32 kind; /* enum bpf_map_type */
	__u32 key_size, value_size, entries_max;
	enum { KEY_NUMBER, KEY_PREFIX4, KEY_PREFIX6 } key;
	__u32 first;   /* the least key, if they are numbers */
	bool compiled; /* the map is an array of words */
	struct layout value;

	__u32 count;
	__u8 *keys, *values;
	__u32 *lines; /* of the file, by entry */
	size_t room;  /* for entries */
};

struct table_file {
	char *text; /* ends in 0 */
	size_t size;
	const struct btf *btf;	     /* of the type */
	const struct commit *commit; /* that knows the devices */
	struct table tables[TABLES_MAX];
	__u32 tables_count;
};

/* What a map of a type would be as a table. -EINVAL: it cannot be one, and why. */
int table_describe(const struct type *type, __u32 i, struct table *table, struct lana_error *error);

/* Read a file into memory, for free(). */
int table_read(const char *name, char **text, size_t *size, struct lana_error *error);

/* Of a file's bytes (FNV-1a). */
__u64 table_sum(const char *text, size_t size);

/*
 * Convert text, which is cut into words, into entries. -EINVAL, -ERANGE, -ENOENT, -ENOMEM: error
 * says in which line what is wrong; name is the file's.
 */
int table_parse(struct table_file *file, const char *name, struct lana_error *error);

/*
 * Make a compiled table's words, for free(), LANA_TRIE_STEP of them an entry. -ERANGE, -ENOMEM:
 * error says so; file is the file's name.
 */
int table_compile(const struct table *table, const char *file, __u32 **words, size_t *count,
		  struct lana_error *error);

void table_free(struct table_file *file);

#endif
