/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * layout - the structs of a type as its BTF describes them, and their values as text
 *
 * The fields that options may have: integers (of network order too, if typed __be16 to __be64),
 * bool, enums, text (char[n]), addresses (lana/address.h; __u8[6] is a MAC address too) and lists
 * of integers (any other array of these), and what lana/units.h, lana/table.h, lana/rules.h and
 * lana/crypt.h declare. And one may be a packet filter (struct lana_filter), of which nothing is in
 * the struct: see filter.h.
 *
 * Enumerators in capitals are written as users write words: what all of an enum begin with is left
 * out, and FANOUT_ROUND_ROBIN is round-robin. Others are written as they are.
 */
#ifndef LOADER_LAYOUT_H
#define LOADER_LAYOUT_H

#include <bpf/btf.h>

#include <lana/lana.h>

#include "address.h"

enum field_kind {
	FIELD_INTEGER,
	FIELD_BOOL,
	FIELD_ENUM,
	FIELD_TEXT,
	FIELD_ADDRESS,
	FIELD_LIST,
	FIELD_TABLE,  /* struct lana_table_file */
	FIELD_RULES,  /* struct lana_rules_file */
	FIELD_KEY,    /* struct lana_key_file */
	FIELD_UNITS,  /* of lana/units.h */
	FIELD_DEVICE, /* struct lana_device_ref, in tables only */
};

struct field {
	struct lana_field field; /* public part: name, type, offset, size */
	enum field_kind kind;
	bool is_signed, big_endian;
	__u8 units;				   /* enum units_kind, of FIELD_UNITS */
	__u32 enum_id;				   /* BTF id, of FIELD_ENUM */
	__u32 count;				   /* elements, of FIELD_LIST */
	const char *up_to, *with, *unless, *entry; /* lana/tag.h; NULL: nothing is said */
	bool required;
	enum address_kind address;
};

struct layout {
	__u32 size; /* bytes of the struct; 0: there is none */
	bool has_filter;
	__u32 count; /* of fields, a filter left out */
	struct field fields[LANA_FIELDS_MAX];
};

/* The text at an offset of the BTF's strings; never NULL, whatever the offset. */
static inline const char *btf_text(const struct btf *btf, __u32 offset)
{
	return btf__name_by_offset(btf, offset) ?: "";
}

/*
 * Read the struct of that name. An absent or empty one gives an empty layout. -EINVAL: a field
 * is of a kind that options cannot have, or the struct exceeds size_max bytes.
 */
int layout_read(const struct btf *btf, const char *name, __u32 size_max, struct layout *layout,
		struct lana_error *error);

/* The same of the struct of that BTF id; name is for messages. Devices may be fields of it. */
int layout_read_id(const struct btf *btf, __s32 id, const char *name, __u32 size_max,
		   struct layout *layout, struct lana_error *error);

const struct field *layout_find(const struct layout *layout, const char *name);

/* field.c: convert text, and write it to its place in bytes. -EINVAL, -ERANGE: it does not fit. */
int field_parse(const struct btf *btf, const struct field *field, const char *text, void *bytes,
		struct lana_error *error);

/* Write the field's value as field_parse() takes it. */
void field_format(const struct btf *btf, const struct field *field, const void *bytes, char *text,
		  size_t size);

/*
 * Apply an array of "key=value" texts that ends in NULL (or NULL) to bytes. Nothing is written
 * unless all of them are good. type is for the messages. Options that give a filter are passed
 * over, if the struct has one.
 */
int layout_apply(const struct btf *btf, const struct layout *layout, const char *type,
		 const char *const *options, void *bytes, struct lana_error *error);

/*
 * The same of one "key=value", whether or not options fit each other (tag_check_options()). done: a
 * bit a field that was given before, of which there may be one only.
 */
int layout_apply_one(const struct btf *btf, const struct layout *layout, const char *type,
		     const char *option, void *bytes, __u64 *done, struct lana_error *error);

#endif
