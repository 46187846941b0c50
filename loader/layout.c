// SPDX-License-Identifier: GPL-2.0-only
/*
 * layout - read a struct's fields from BTF, and give options their places
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "filter.h"
#include "key.h"
#include "layout.h"
#include "rules.h"
#include "settings.h"
#include "table.h"
#include "tag.h"
#include "units.h"

/* Strip typedefs and qualifiers; note the first typedef's name on the way if asked. */
static const struct btf_type *resolve(const struct btf *btf, __u32 id, const char **typedef_name)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	for (int depth = 0; t && depth < 32; depth++) {
		if (btf_is_typedef(t) && typedef_name && !*typedef_name)
			*typedef_name = btf_text(btf, t->name_off);
		if (!btf_is_mod(t) && !btf_is_typedef(t))
			return t;
		t = btf__type_by_id(btf, t->type);
	}
	return NULL;
}

static void note_integer(const struct btf_type *t, const char *type_name, struct field *field)
{
	field->is_signed = btf_int_encoding(t) & BTF_INT_SIGNED;
	field->big_endian = !strncmp(type_name, "__be", 4);
}

static int read_array(const struct btf *btf, const struct btf_type *t, struct field *field)
{
	static const __u32 digits[] = { [1] = 3, [2] = 5, [4] = 10, [8] = 20 }; /* by bytes */
	const struct btf_array *array = btf_array(t);
	const char *name = NULL;
	const struct btf_type *element = resolve(btf, array->type, &name);

	if (!element || !btf_is_int(element) || !array->nelems || array->nelems > LANA_CONFIG_MAX ||
	    element->size >= ARRAY_SIZE(digits) || !digits[element->size])
		return -EINVAL;

	if (!name)
		name = btf_text(btf, element->name_off);
	field->field.size = array->nelems * element->size;
	field->count = array->nelems;
	field->kind = FIELD_LIST;
	if (!strcmp(btf_text(btf, element->name_off), "char")) {
		field->kind = FIELD_TEXT;
	} else if (element->size == 1 && array->nelems == 6) {
		field->kind = FIELD_ADDRESS;
		field->address = ADDRESS_MAC;
	} else if (array->nelems * (digits[element->size] + 1) > LANA_CONFIG_MAX) {
		return -EINVAL; /* its text would be too long */
	}
	note_integer(element, name, field);
	snprintf(field->field.type, sizeof(field->field.type), "%.20s[%u]", name, array->nelems);
	return 0;
}

/* Structs that are one value. */
static int read_struct(const struct btf *btf, const struct btf_type *t, struct field *field)
{
	const char *name = btf_text(btf, t->name_off);

	field->kind = table_field_kind(name, t->size);
	field->address = address_kind(name, t->size);
	if (!strcmp(name, "lana_rules_file") && t->size == sizeof(struct lana_rules_file))
		field->kind = FIELD_RULES;
	if (!strcmp(name, "lana_key_file") && t->size == sizeof(struct lana_key_file))
		field->kind = FIELD_KEY;
	field->field.size = t->size;
	snprintf(field->field.type, sizeof(field->field.type), "struct %s", name);
	return field->kind == FIELD_ADDRESS && field->address == ADDRESS_NONE ? -EINVAL : 0;
}

static int read_field(const struct btf *btf, const struct btf_type *parent, __u32 index,
		      struct field *field)
{
	const struct btf_member *member = btf_members(parent) + index;
	const char *type_name = NULL;
	const struct btf_type *t = resolve(btf, member->type, &type_name);
	__u32 bit = btf_member_bit_offset(parent, index);
	const char *name = btf_text(btf, member->name_off);

	if (!t || !name || !*name || strlen(name) >= LANA_NAME_MAX || bit % 8 ||
	    btf_member_bitfield_size(parent, index))
		return -EINVAL;

	strcpy(field->field.name, name);
	field->field.offset = bit / 8;
	if (btf_is_array(t))
		return read_array(btf, t, field);
	if (btf_is_struct(t))
		return read_struct(btf, t, field);

	if (!type_name)
		type_name = btf_text(btf, t->name_off);
	snprintf(field->field.type, sizeof(field->field.type), "%s%s",
		 btf_is_any_enum(t) ? "enum " : "", type_name ?: "");
	field->field.size = t->size;
	if (t->size != 1 && t->size != 2 && t->size != 4 && t->size != 8)
		return -EINVAL;

	if (btf_is_any_enum(t)) {
		field->kind = FIELD_ENUM;
		field->enum_id =
			btf__find_by_name_kind(btf, btf_text(btf, t->name_off), btf_kind(t));
		return (int)field->enum_id > 0 && t->size <= 4 ? 0 : -EINVAL;
	}
	if (!btf_is_int(t))
		return -EINVAL;
	field->kind = btf_int_encoding(t) & BTF_INT_BOOL ? FIELD_BOOL : FIELD_INTEGER;
	note_integer(t, field->field.type, field);
	field->units = units_of_type(field->field.type);
	if (field->units < UNITS_KINDS && !field->is_signed)
		field->kind = FIELD_UNITS;
	return 0;
}

static bool is_filter(const struct btf *btf, const struct btf_type *parent, __u32 index)
{
	const struct btf_type *t = resolve(btf, btf_members(parent)[index].type, NULL);

	return t && btf_is_struct(t) && !t->size &&
	       !strcmp(btf_text(btf, t->name_off), "lana_filter");
}

int layout_read(const struct btf *btf, const char *name, __u32 size_max, struct layout *layout,
		struct lana_error *error)
{
	struct layout read = {};
	int err = layout_read_id(btf, btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT), name,
				 size_max, &read, error);

	for (__u32 i = 0; !err && i < read.count; i++)
		if (read.fields[i].kind == FIELD_DEVICE)
			err = refuse(error, -EINVAL, "field %u of struct %s may be in tables only",
				     i + 1, name);
	if (!err)
		*layout = read;
	return err;
}

int layout_read_id(const struct btf *btf, __s32 id, const char *name, __u32 size_max,
		   struct layout *layout, struct lana_error *error)
{
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, id) : NULL;
	struct layout read = {};

	if (!t || !btf_vlen(t)) {
		*layout = read;
		return 0;
	}
	if (t->size > size_max)
		return refuse(error, -EINVAL, "struct %s is %u bytes, at most %u fit", name,
			      t->size, size_max);
	if (btf_vlen(t) > LANA_FIELDS_MAX)
		return refuse(error, -EINVAL, "struct %s has %u fields, at most %d fit", name,
			      btf_vlen(t), LANA_FIELDS_MAX);

	read.size = t->size;
	for (__u32 i = 0; i < btf_vlen(t); i++) {
		struct field *field = &read.fields[read.count];

		if (is_filter(btf, t, i)) {
			if (read.has_filter)
				return refuse(error, -EINVAL, "struct %s has two filters", name);
			read.has_filter = true;
			continue;
		}
		if (read_field(btf, t, i, field) || field->field.size > read.size ||
		    field->field.offset > read.size - field->field.size)
			return refuse(error, -EINVAL,
				      "field %u of struct %s is of a kind that has no text form",
				      i + 1, name);
		if (tag_read(btf, id, i, field))
			return refuse(error, -EINVAL,
				      "what is said of field %u of struct %s makes no sense", i + 1,
				      name);
		read.count++;
	}
	for (__u32 i = 0; read.has_filter && i < read.count; i++)
		if (filter_kind(read.fields[i].field.name) != LANA_FILTER_NONE)
			return refuse(error, -EINVAL,
				      "struct %s has a filter, which option '%s' would give", name,
				      read.fields[i].field.name);
	*layout = read;
	return 0;
}

const struct field *layout_find(const struct layout *layout, const char *name)
{
	for (__u32 i = 0; i < layout->count; i++)
		if (!strcmp(layout->fields[i].field.name, name))
			return &layout->fields[i];
	return NULL;
}

static int refuse_option(const struct layout *layout, const char *type, const char *key,
			 struct lana_error *error)
{
	char known[400] = "none";
	__u32 length = 0;

	if (layout->has_filter)
		length = snprintf(known, sizeof(known), "expr, asm, code");
	for (__u32 i = 0; i < layout->count && length < sizeof(known); i++)
		length += snprintf(known + length, sizeof(known) - length, "%s%s",
				   length ? ", " : "", layout->fields[i].field.name);
	return refuse(error, -EINVAL, "type '%s' has no option '%s' (it has %s)", type, key, known);
}

int layout_apply_one(const struct btf *btf, const struct layout *layout, const char *type,
		     const char *option, void *bytes, __u64 *done, struct lana_error *error)
{
	const char *equals = strchr(option, '=');
	const struct field *field;
	char key[LANA_NAME_MAX];

	if (!equals || equals == option)
		return refuse(error, -EINVAL, "'%s' is not of the form KEY=VALUE", option);
	snprintf(key, sizeof(key), "%.*s", (int)(equals - option), option);
	if (layout->has_filter && filter_kind(key) != LANA_FILTER_NONE)
		return 0;
	field = equals - option < LANA_NAME_MAX ? layout_find(layout, key) : NULL;
	if (!field)
		return refuse_option(layout, type, key, error);
	if (*done & 1ULL << (field - layout->fields))
		return refuse(error, -EINVAL, "option '%s' is given twice", key);
	*done |= 1ULL << (field - layout->fields);
	return field_parse(btf, field, equals + 1, bytes, error);
}

int layout_apply(const struct btf *btf, const struct layout *layout, const char *type,
		 const char *const *options, void *bytes, struct lana_error *error)
{
	__u8 result[LANA_CONFIG_MAX];
	__u64 done = 0;
	int err;

	memcpy(result, bytes, layout->size);
	for (; options && *options; options++) {
		err = layout_apply_one(btf, layout, type, *options, result, &done, error);
		if (err)
			return err;
	}
	err = tag_check_options(layout, result, error);
	err = err ?: settings_check(layout, type, result, error);
	if (err)
		return err;
	memcpy(bytes, result, layout->size);
	return 0;
}
