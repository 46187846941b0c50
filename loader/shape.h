/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shape - a C type as BTF describes it, without typedefs and qualifiers
 *
 * Numbers are integers (in network order if typed __be16 to __be64), bools and enums. What cannot
 * be taken to pieces is opaque: unions, pointers, floats, and the kernel's own structs (struct
 * bpf_timer).
 */
#ifndef LOADER_SHAPE_H
#define LOADER_SHAPE_H

#include <stdbool.h>

#include <bpf/btf.h>

#include <lana/lana.h>

enum shape_kind { SHAPE_NOTHING, SHAPE_NUMBER, SHAPE_STRUCT, SHAPE_ARRAY, SHAPE_OPAQUE };

struct shape {
	const struct btf *btf;
	const struct btf_type *type; /* NULL: of SHAPE_NOTHING */
	__u32 id;
	const char *name; /* the outermost typedef's, or the type's own; may be empty */
	enum shape_kind kind;
	__u32 size; /* bytes */

	__u32 bits; /* of a number; a bitfield has fewer than its size says */
	bool is_signed, is_bool, is_char, big_endian;

	__u32 count; /* elements of an array */
	__u32 element;
};

/* A field of a struct. */
struct shape_member {
	const char *name;
	__u32 bit; /* from the struct's beginning */
	struct shape shape;
};

/* Bits that the values of a number need. */
static inline unsigned int shape_range(const struct shape *number)
{
	return number->is_bool ? 1 : number->bits;
}

/* id 0 is nothing. -EINVAL: the BTF makes no sense. */
int shape_read(const struct btf *btf, __u32 id, struct shape *shape);

__u32 shape_members(const struct shape *shape);
int shape_member(const struct shape *shape, __u32 index, struct shape_member *member);

/* -ENOENT: there is none of that name. */
int shape_find(const struct shape *shape, const char *name, struct shape_member *member);

/* Does the source declare the field with LANA_SUM? */
bool shape_is_sum(const struct shape *shape, __u32 index);

/*
 * Is every value of the one the same value of the other, byte for byte? Fields have the same names.
 * An enum of the second may have more names.
 */
bool shape_equal(const struct shape *a, const struct shape *b);

/* The name of an enum's value, or NULL; and the value of a name, false: there is none. */
const char *shape_enum_name(const struct shape *shape, __s64 value);
bool shape_enum_value(const struct shape *shape, const char *name, __s64 *value);

/* As C writes it: "__u16", "char[8]", "struct flow". */
void shape_text(const struct shape *shape, char *text, size_t size);

#endif
