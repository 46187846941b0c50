// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "layout.h"
#include "shape.h"

#define DEPTH_MAX 16 /* of types in types */

static void read_integer(struct shape *shape)
{
	__u8 encoding = btf_int_encoding(shape->type);

	shape->kind = SHAPE_NUMBER;
	shape->bits = 8 * shape->size;
	shape->is_bool = encoding & BTF_INT_BOOL;
	shape->is_char = !strcmp(btf_text(shape->btf, shape->type->name_off), "char");
	shape->is_signed = encoding & BTF_INT_SIGNED && !shape->is_char;
}

static void read_enum(struct shape *shape)
{
	shape->kind = SHAPE_NUMBER;
	shape->bits = 8 * shape->size;
	shape->is_signed = btf_kflag(shape->type);
	for (int i = 0; btf_is_enum(shape->type) && i < btf_vlen(shape->type); i++)
		shape->is_signed |= btf_enum(shape->type)[i].val < 0;
}

static int read_array(struct shape *shape)
{
	const struct btf_array *array = btf_array(shape->type);
	__s64 size = btf__resolve_size(shape->btf, shape->id);

	if (size < 0)
		return -EINVAL;
	shape->kind = SHAPE_ARRAY;
	shape->size = size;
	shape->count = array->nelems;
	shape->element = array->type;
	return 0;
}

/*
 * What the kernel treats in its own way when it copies a value, or what means something elsewhere.
 */
static bool is_kernels(const struct shape *shape)
{
	return !strncmp(btf_text(shape->btf, shape->type->name_off), "bpf_", 4);
}

int shape_read(const struct btf *btf, __u32 id, struct shape *shape)
{
	*shape = (struct shape){ .btf = btf, .id = id, .name = "" };
	for (int depth = 0; id && depth < DEPTH_MAX; depth++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (!t)
			return -EINVAL;
		if (btf_is_mod(t) || btf_is_typedef(t)) {
			if (btf_is_typedef(t) && !*shape->name)
				shape->name = btf_text(btf, t->name_off);
			shape->big_endian |= !strncmp(btf_text(btf, t->name_off), "__be", 4);
			id = t->type;
			continue;
		}
		shape->type = t;
		shape->id = id;
		break;
	}
	if (!id)
		return 0;
	if (!shape->type)
		return -EINVAL;
	if (!*shape->name)
		shape->name = btf_text(btf, shape->type->name_off);

	shape->size = shape->type->size;
	shape->kind = SHAPE_OPAQUE;
	if (btf_is_array(shape->type))
		return read_array(shape);
	if (btf_is_ptr(shape->type))
		shape->size = 8;
	else if (btf_is_struct(shape->type) && !is_kernels(shape))
		shape->kind = SHAPE_STRUCT;
	else if (btf_is_int(shape->type) && shape->size <= 8)
		read_integer(shape);
	else if (btf_is_any_enum(shape->type) && shape->size <= 8)
		read_enum(shape);
	return 0;
}

__u32 shape_members(const struct shape *shape)
{
	return shape->kind == SHAPE_STRUCT ? btf_vlen(shape->type) : 0;
}

int shape_member(const struct shape *shape, __u32 index, struct shape_member *member)
{
	const struct btf_member *m = btf_members(shape->type) + index;
	__u32 bits = btf_member_bitfield_size(shape->type, index);
	int err = shape_read(shape->btf, m->type, &member->shape);
	__u64 end;

	if (err)
		return err;
	member->name = btf_text(shape->btf, m->name_off);
	member->bit = btf_member_bit_offset(shape->type, index);
	if (bits && (member->shape.kind != SHAPE_NUMBER || bits > member->shape.bits))
		return -EINVAL;
	if (bits)
		member->shape.bits = bits;
	end = member->bit + (bits ?: 8ULL * member->shape.size);
	return end > 8ULL * shape->size || (!bits && member->bit % 8) ? -EINVAL : 0;
}

int shape_find(const struct shape *shape, const char *name, struct shape_member *member)
{
	for (__u32 i = 0; i < shape_members(shape); i++) {
		int err = shape_member(shape, i, member);

		if (err)
			return err;
		if (!strcmp(member->name, name))
			return 0;
	}
	return -ENOENT;
}

bool shape_is_sum(const struct shape *shape, __u32 index)
{
	for (__u32 id = 1; id < btf__type_cnt(shape->btf); id++) {
		const struct btf_type *t = btf__type_by_id(shape->btf, id);

		if (btf_is_decl_tag(t) && t->type == shape->id &&
		    btf_decl_tag(t)->component_idx == (int)index &&
		    !strcmp(btf_text(shape->btf, t->name_off), "lana:sum"))
			return true;
	}
	return false;
}

/* ---- enums ------------------------------------------------------------------------------ */

static __u32 enum_count(const struct shape *shape)
{
	return shape->type && btf_is_any_enum(shape->type) ? btf_vlen(shape->type) : 0;
}

static const char *enum_at(const struct shape *shape, __u32 index, __s64 *value)
{
	if (btf_is_enum(shape->type)) {
		const struct btf_enum *e = btf_enum(shape->type) + index;

		*value = shape->is_signed ? (__s64)e->val : (__s64)(__u32)e->val;
		return btf_text(shape->btf, e->name_off);
	}
	*value = (__s64)btf_enum64_value(btf_enum64(shape->type) + index);
	return btf_text(shape->btf, btf_enum64(shape->type)[index].name_off);
}

const char *shape_enum_name(const struct shape *shape, __s64 value)
{
	for (__u32 i = 0; i < enum_count(shape); i++) {
		__s64 known;
		const char *name = enum_at(shape, i, &known);

		if (known == value)
			return name;
	}
	return NULL;
}

bool shape_enum_value(const struct shape *shape, const char *name, __s64 *value)
{
	for (__u32 i = 0; i < enum_count(shape); i++)
		if (!strcmp(enum_at(shape, i, value), name))
			return true;
	return false;
}

/* Does every name of the one mean the same in the other? */
static bool enums_agree(const struct shape *a, const struct shape *b)
{
	for (__u32 i = 0; i < enum_count(a) && enum_count(b); i++) {
		__s64 value, other;
		const char *name = enum_at(a, i, &value);

		if (!shape_enum_value(b, name, &other) || value != other)
			return false;
	}
	return true;
}

/* ---- equality --------------------------------------------------------------------------- */

static bool equal(const struct shape *a, const struct shape *b, int depth);

static bool structs_equal(const struct shape *a, const struct shape *b, int depth)
{
	if (btf_vlen(a->type) != btf_vlen(b->type) || (!a->size && btf_vlen(a->type)))
		return false; /* without a size nothing bounds what nests in it */
	for (__u32 i = 0; i < btf_vlen(a->type); i++) {
		struct shape_member m, n;

		if (shape_member(a, i, &m) || shape_member(b, i, &n) || strcmp(m.name, n.name) ||
		    m.bit != n.bit || !equal(&m.shape, &n.shape, depth + 1))
			return false;
	}
	return true;
}

/* A union is one of several structs; all else that is opaque must be called the same. */
static bool opaque_equal(const struct shape *a, const struct shape *b, int depth)
{
	if (btf_kind(a->type) != btf_kind(b->type))
		return false;
	if (btf_is_union(a->type))
		return structs_equal(a, b, depth);
	return !strcmp(a->name, b->name);
}

static bool equal(const struct shape *a, const struct shape *b, int depth)
{
	struct shape m, n;

	if (a->kind != b->kind || a->size != b->size || depth > DEPTH_MAX)
		return false;
	switch (a->kind) {
	case SHAPE_NOTHING:
		return true;
	case SHAPE_NUMBER:
		return a->bits == b->bits && a->is_signed == b->is_signed &&
		       a->is_bool == b->is_bool && a->big_endian == b->big_endian &&
		       enums_agree(a, b);
	case SHAPE_STRUCT:
		return structs_equal(a, b, depth);
	case SHAPE_ARRAY:
		return a->count == b->count && !shape_read(a->btf, a->element, &m) &&
		       !shape_read(b->btf, b->element, &n) && equal(&m, &n, depth + 1);
	case SHAPE_OPAQUE:
		return opaque_equal(a, b, depth);
	}
	return false;
}

bool shape_equal(const struct shape *a, const struct shape *b)
{
	return equal(a, b, 0);
}

/* ----------------------------------------------------------------------------------------- */

void shape_text(const struct shape *shape, char *text, size_t size)
{
	const struct btf_type *t = shape->type;
	size_t length = 0;

	if (!t) {
		*text = 0;
	} else if (shape->kind == SHAPE_ARRAY) {
		struct shape element;

		if (!shape_read(shape->btf, shape->element, &element))
			shape_text(&element, text, size);
		length = strnlen(text, size);
		snprintf(text + length, size - length, "[%u]", shape->count);
	} else {
		bool tagged = *btf_text(shape->btf, t->name_off) &&
			      shape->name == btf_text(shape->btf, t->name_off);

		snprintf(text, size, "%s%s",
			 !tagged	       ? ""
			 : btf_is_composite(t) ? btf_is_union(t) ? "union " : "struct "
			 : btf_is_any_enum(t)  ? "enum "
					       : "",
			 btf_is_ptr(t)	? "pointer"
			 : *shape->name ? shape->name
					: "struct");
	}
}
