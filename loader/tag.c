// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "tag.h"
#include "units.h"

/* ---- reading -------------------------------------------------------------------------------- */

/* LOW..HIGH */
static int read_range(const char *text, struct field *field)
{
	char *end;

	if (field->is_signed || (field->kind != FIELD_INTEGER && field->kind != FIELD_LIST &&
				 field->kind != FIELD_UNITS))
		return -EINVAL;
	field->field.least = strtoull(text, &end, 0);
	if (strncmp(end, "..", 2) || !isdigit((unsigned char)end[2]))
		return -EINVAL;
	field->field.most = strtoull(end + 2, &end, 0);
	return *end || field->field.most < field->field.least ? -EINVAL : 0;
}

static const char *behind(const char *text, const char *word)
{
	size_t length = strlen(word);

	return strncmp(text, word, length) ? NULL : text + length;
}

static int read_one(const char *text, struct field *field)
{
	const char *value;

	if ((value = behind(text, "lana:range=")))
		return read_range(value, field);
	if ((value = behind(text, "lana:up_to=")))
		field->up_to = value;
	else if ((value = behind(text, "lana:with=")))
		field->with = value;
	else if ((value = behind(text, "lana:unless=")))
		field->unless = value;
	else if ((value = behind(text, "lana:entry=")))
		field->entry = value;
	else if (!strcmp(text, "lana:required"))
		field->required = true;
	return 0;
}

int tag_read(const struct btf *btf, __u32 id, __u32 index, struct field *field)
{
	for (__u32 i = 1; i < btf__type_cnt(btf); i++) {
		const struct btf_type *t = btf__type_by_id(btf, i);

		if (btf_is_decl_tag(t) && t->type == id &&
		    btf_decl_tag(t)->component_idx == (int)index &&
		    read_one(btf_text(btf, t->name_off), field))
			return -EINVAL;
	}
	return 0;
}

/* ---- checking ------------------------------------------------------------------------------- */

static __u64 number_at(const struct field *field, const void *bytes)
{
	__u64 value = 0;

	if ((field->kind == FIELD_INTEGER || field->kind == FIELD_UNITS) && !field->big_endian)
		memcpy(&value, bytes + field->field.offset, field->field.size);
	return value;
}

static int check_up_to(const struct field *field, const struct field *other, const void *bytes,
		       struct lana_error *error)
{
	char one[LANA_CONFIG_MAX + 1], two[LANA_CONFIG_MAX + 1];
	__u64 least = number_at(field, bytes), most = number_at(other, bytes);

	if (!least || !most)
		return 0;
	field_format(NULL, field, bytes, one, sizeof(one));
	field_format(NULL, other, bytes, two, sizeof(two));
	if (field->kind == FIELD_UNITS && field->units == UNITS_LIMIT &&
	    LANA_LIMIT_MEASURE(least) != LANA_LIMIT_MEASURE(most))
		return refuse(error, -ERANGE,
			      "%s=%s and %s=%s are not both in packets, or in bytes, or in time",
			      field->field.name, one, other->field.name, two);
	if (least > most)
		return refuse(error, -ERANGE, "%s=%s is more than %s=%s", field->field.name, one,
			      other->field.name, two);
	return 0;
}

int tag_check_options(const struct layout *layout, const void *bytes, struct lana_error *error)
{
	for (__u32 i = 0; i < layout->count; i++) {
		const struct field *field = &layout->fields[i];
		const struct field *other = field->up_to ? layout_find(layout, field->up_to) : NULL;
		const struct field *with = field->with ? layout_find(layout, field->with) : NULL;
		int err = other ? check_up_to(field, other, bytes, error) : 0;

		if (err)
			return err;
		if (with && number_at(field, bytes) && !number_at(with, bytes))
			return refuse(error, -EINVAL, "%s without %s", field->field.name,
				      with->field.name);
	}
	return 0;
}

static bool is_given(const struct layout *layout, __u64 given, const char *name)
{
	const struct field *field = layout_find(layout, name);

	return field && given & 1ULL << (field - layout->fields);
}

int tag_check_given(const struct layout *layout, __u64 given, char *text, size_t size)
{
	for (__u32 i = 0; i < layout->count; i++) {
		const struct field *field = &layout->fields[i];
		const char *name = field->field.name;
		bool there = given & 1ULL << i;

		*text = 0;
		if (field->required && !there)
			snprintf(text, size, "%s=... is missing", name);
		else if (field->unless && there == is_given(layout, given, field->unless))
			snprintf(text, size,
				 there ? "%s= and %s= exclude each other"
				       : "%s=... or %s=... is missing",
				 name, field->unless);
		else if (field->with && there && !is_given(layout, given, field->with))
			snprintf(text, size, "%s= needs %s=..., too", name, field->with);
		if (*text)
			return -EINVAL;
	}
	return 0;
}
