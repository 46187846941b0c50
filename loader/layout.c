// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "filter.h"
#include "layout.h"
#include "rules.h"
#include "table.h"

/* The text at an offset of the BTF's strings; never NULL, whatever the offset. */
static const char *text_at(const struct btf *btf, __u32 offset)
{
	return btf__name_by_offset(btf, offset) ?: "";
}

/* Strip typedefs and qualifiers; note the first typedef's name on the way if asked. */
static const struct btf_type *resolve(const struct btf *btf, __u32 id, const char **typedef_name)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	for (int depth = 0; t && depth < 32; depth++) {
		if (btf_is_typedef(t) && typedef_name && !*typedef_name)
			*typedef_name = text_at(btf, t->name_off);
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
		name = text_at(btf, element->name_off);
	field->field.size = array->nelems * element->size;
	field->count = array->nelems;
	field->kind = FIELD_LIST;
	if (!strcmp(text_at(btf, element->name_off), "char")) {
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
	const char *name = text_at(btf, t->name_off);

	field->kind = table_field_kind(name, t->size);
	field->address = address_kind(name, t->size);
	if (!strcmp(name, "lana_rules_file") && t->size == sizeof(struct lana_rules_file))
		field->kind = FIELD_RULES;
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
	const char *name = text_at(btf, member->name_off);

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
		type_name = text_at(btf, t->name_off);
	snprintf(field->field.type, sizeof(field->field.type), "%s%s",
		 btf_is_any_enum(t) ? "enum " : "", type_name ?: "");
	field->field.size = t->size;
	if (t->size != 1 && t->size != 2 && t->size != 4 && t->size != 8)
		return -EINVAL;

	if (btf_is_any_enum(t)) {
		field->kind = FIELD_ENUM;
		field->enum_id =
			btf__find_by_name_kind(btf, text_at(btf, t->name_off), btf_kind(t));
		return (int)field->enum_id > 0 && t->size == 4 ? 0 : -EINVAL;
	}
	if (!btf_is_int(t))
		return -EINVAL;
	field->kind = btf_int_encoding(t) & BTF_INT_BOOL ? FIELD_BOOL : FIELD_INTEGER;
	note_integer(t, field->field.type, field);
	return 0;
}

static bool is_filter(const struct btf *btf, const struct btf_type *parent, __u32 index)
{
	const struct btf_type *t = resolve(btf, btf_members(parent)[index].type, NULL);

	return t && btf_is_struct(t) && !t->size &&
	       !strcmp(text_at(btf, t->name_off), "lana_filter");
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
	if (btf_vlen(t) > LAYOUT_FIELDS_MAX)
		return refuse(error, -EINVAL, "struct %s has %u fields, at most %d fit", name,
			      btf_vlen(t), LAYOUT_FIELDS_MAX);

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

static __u64 load(const struct field *field, const void *bytes)
{
	const void *place = bytes + field->field.offset;
	__u64 value = 0;

	memcpy(&value, place, field->field.size); /* little-endian hosts, see doctor */
	if (field->big_endian)
		value = be64toh(value) >> (64 - 8 * field->field.size);
	return value;
}

static void store(const struct field *field, __u64 value, void *bytes)
{
	if (field->big_endian)
		value = htobe64(value << (64 - 8 * field->field.size));
	memcpy(bytes + field->field.offset, &value, field->field.size);
}

static int parse_integer(const struct field *field, const char *text, void *bytes,
			 struct lana_error *error)
{
	unsigned int bits = 8 * field->field.size;
	__u64 unsigned_max = ~0ULL >> (64 - bits);
	__s64 signed_max = unsigned_max >> 1;
	bool negative = *text == '-';
	__u64 value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (!isdigit((unsigned char)text[negative]) || *end)
		return refuse(error, -EINVAL, "%s=%s is not a number", field->field.name, text);
	if (field->is_signed) {
		__s64 number = strtoll(text, &end, 0);

		if (errno || number > signed_max || number < -signed_max - 1)
			return refuse(error, -ERANGE,
				      "%s=%s is out of range (%" PRId64 "..%" PRId64 ")",
				      field->field.name, text, (int64_t)-signed_max - 1,
				      (int64_t)signed_max);
		value = number;
	} else if (errno || negative || value > unsigned_max) {
		return refuse(error, -ERANGE, "%s=%s is out of range (0..%" PRIu64 ")",
			      field->field.name, text, (uint64_t)unsigned_max);
	}
	store(field, value, bytes);
	return 0;
}

static int parse_bool(const struct field *field, const char *text, void *bytes,
		      struct lana_error *error)
{
	static const char *const words[] = { "0", "1", "false", "true", "off", "on", "no", "yes" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(text, words[i])) {
			store(field, i % 2, bytes);
			return 0;
		}
	return refuse(error, -EINVAL, "%s=%s is neither on nor off", field->field.name, text);
}

/* How many letters the names of an enum in capitals all begin with, up to a '_'. */
static size_t common_prefix(const struct btf *btf, const struct btf_type *t)
{
	const struct btf_enum *values = btf_enum(t);
	const char *first = btf_vlen(t) ? text_at(btf, values->name_off) : "";
	size_t length = strlen(first);

	for (const char *c = first; *c; c++)
		if (islower((unsigned char)*c))
			return 0;
	for (int i = 1; i < btf_vlen(t); i++) {
		const char *name = text_at(btf, values[i].name_off);
		size_t same = 0;

		while (same < length && name[same] == first[same])
			same++;
		length = same;
	}
	while (length && first[length - 1] != '_')
		length--;
	return length;
}

/* Write an enumerator as the word that users know. */
static void enum_word(const struct btf *btf, const struct btf_type *t, int i, char *word,
		      size_t size)
{
	const char *name = text_at(btf, btf_enum(t)[i].name_off);
	size_t prefix = common_prefix(btf, t);

	snprintf(word, size, "%s", name + prefix);
	for (char *c = word; prefix && *c; c++)
		*c = *c == '_' ? '-' : tolower((unsigned char)*c);
}

static int parse_enum(const struct btf *btf, const struct field *field, const char *text,
		      void *bytes, struct lana_error *error)
{
	const struct btf_type *t = btf__type_by_id(btf, field->enum_id);
	const struct btf_enum *values = btf_enum(t);
	char known[200] = "";

	for (int i = 0; i < btf_vlen(t) && btf_is_enum(t); i++) {
		size_t length = strlen(known);
		char word[64];

		enum_word(btf, t, i, word, sizeof(word));
		if (!strcmp(word, text)) {
			store(field, (__u32)values[i].val, bytes);
			return 0;
		}
		snprintf(known + length, sizeof(known) - length, "%s%s", i ? ", " : "", word);
	}
	return refuse(error, -EINVAL, "%s=%s is none of %s", field->field.name, text, known);
}

static int parse_text(const struct field *field, const char *text, void *bytes,
		      struct lana_error *error)
{
	if (strlen(text) >= field->field.size)
		return refuse(error, -ERANGE, "%s=%s is longer than %u bytes", field->field.name,
			      text, field->field.size - 1);
	memset(bytes + field->field.offset, 0, field->field.size);
	memcpy(bytes + field->field.offset, text, strlen(text));
	return 0;
}

static int parse_address(const struct field *field, const char *text, void *bytes,
			 struct lana_error *error)
{
	if (!address_parse(field->address, text, bytes + field->field.offset))
		return refuse(error, -EINVAL, "%s=%s is not %s", field->field.name, text,
			      address_noun(field->address));
	return 0;
}

/* An element of a list, as a field of its own. */
static struct field element_of(const struct field *list, __u32 i)
{
	struct field element = *list;

	element.kind = FIELD_INTEGER;
	element.field.size /= list->count;
	element.field.offset += i * element.field.size;
	return element;
}

/* Numbers between commas; those left out at the end are 0. */
static int parse_list(const struct field *field, const char *text, void *bytes,
		      struct lana_error *error)
{
	char copy[2 * LANA_CONFIG_MAX];
	char *rest = copy, *word;
	__u32 count = 0;

	if (strlen(text) >= sizeof(copy))
		return refuse(error, -ERANGE, "%s=%s is too long", field->field.name, text);
	strcpy(copy, text);
	memset(bytes + field->field.offset, 0, field->field.size);
	while ((word = strsep(&rest, ","))) {
		struct field element = element_of(field, count);
		int err;

		if (count++ == field->count)
			return refuse(error, -ERANGE, "%s=%s is more than %u numbers",
				      field->field.name, text, field->count);
		err = parse_integer(&element, word, bytes, error);
		if (err)
			return err;
	}
	return 0;
}

int field_parse(const struct btf *btf, const struct field *field, const char *text, void *bytes,
		struct lana_error *error)
{
	switch (field->kind) {
	case FIELD_INTEGER:
		return parse_integer(field, text, bytes, error);
	case FIELD_BOOL:
		return parse_bool(field, text, bytes, error);
	case FIELD_ENUM:
		return parse_enum(btf, field, text, bytes, error);
	case FIELD_TEXT:
		return parse_text(field, text, bytes, error);
	case FIELD_LIST:
		return parse_list(field, text, bytes, error);
	case FIELD_ADDRESS:
		return parse_address(field, text, bytes, error);
	case FIELD_TABLE:
		return table_option(field->field.name, text, bytes + field->field.offset, error);
	case FIELD_RULES:
		return rules_option(field->field.name, text, bytes + field->field.offset, error);
	case FIELD_DEVICE:
		break; /* table_file.c knows the devices */
	}
	return -EINVAL;
}

static void format_enum(const struct btf *btf, const struct field *field, __u32 value, char *text,
			size_t size)
{
	const struct btf_type *t = btf__type_by_id(btf, field->enum_id);
	const struct btf_enum *values = btf_enum(t);

	for (int i = 0; i < btf_vlen(t) && btf_is_enum(t); i++)
		if ((__u32)values[i].val == value) {
			enum_word(btf, t, i, text, size);
			return;
		}
	snprintf(text, size, "%u", value);
}

static void format_integer(const struct field *field, const void *bytes, char *text, size_t size)
{
	unsigned int unused = 64 - 8 * field->field.size;

	if (field->is_signed)
		snprintf(text, size, "%" PRId64, (int64_t)(load(field, bytes) << unused) >> unused);
	else
		snprintf(text, size, "%" PRIu64, (uint64_t)load(field, bytes));
}

/* Up to the last that is not 0. */
static void format_list(const struct field *field, const void *bytes, char *text, size_t size)
{
	size_t length = 0, shown = 0;

	for (__u32 i = 0; i < field->count && length + 2 < size; i++) {
		struct field element = element_of(field, i);

		if (i)
			text[length++] = ',';
		format_integer(&element, bytes, text + length, size - length);
		length += strlen(text + length);
		if (!i || load(&element, bytes))
			shown = length;
	}
	text[shown] = 0;
}

void field_format(const struct btf *btf, const struct field *field, const void *bytes, char *text,
		  size_t size)
{
	const __u8 *place = bytes + field->field.offset;

	switch (field->kind) {
	case FIELD_INTEGER:
		format_integer(field, bytes, text, size);
		break;
	case FIELD_LIST:
		format_list(field, bytes, text, size);
		break;
	case FIELD_BOOL:
		snprintf(text, size, "%s", load(field, bytes) ? "on" : "off");
		break;
	case FIELD_ENUM:
		format_enum(btf, field, load(field, bytes), text, size);
		break;
	case FIELD_TEXT:
		snprintf(text, size, "%.*s", (int)field->field.size, place);
		break;
	case FIELD_ADDRESS:
		address_format(field->address, place, text, size);
		break;
	case FIELD_TABLE:
		snprintf(text, size, "%.*s", LANA_TABLE_NAME_MAX, place);
		break;
	case FIELD_RULES:
		snprintf(text, size, "%s", (const char *)place);
		break;
	case FIELD_DEVICE:
		break;
	}
}

static int refuse_option(const struct layout *layout, const char *type, const char *key,
			 struct lana_error *error)
{
	char known[256] = "none";
	__u32 length = 0;

	if (layout->has_filter)
		length = snprintf(known, sizeof(known), "expr, asm, code");
	for (__u32 i = 0; i < layout->count && length < sizeof(known); i++)
		length += snprintf(known + length, sizeof(known) - length, "%s%s",
				   length ? ", " : "", layout->fields[i].field.name);
	return refuse(error, -EINVAL, "type '%s' has no option '%s' (it has %s)", type, key, known);
}

int layout_apply(const struct btf *btf, const struct layout *layout, const char *type,
		 const char *const *options, void *bytes, struct lana_error *error)
{
	__u8 result[LANA_CONFIG_MAX];
	__u32 done = 0; /* bit n: field n */
	int err;

	memcpy(result, bytes, layout->size);
	for (; options && *options; options++) {
		const char *equals = strchr(*options, '=');
		const struct field *field;
		char key[LANA_NAME_MAX];

		if (!equals || equals == *options)
			return refuse(error, -EINVAL, "'%s' is not of the form KEY=VALUE",
				      *options);
		snprintf(key, sizeof(key), "%.*s", (int)(equals - *options), *options);
		if (layout->has_filter && filter_kind(key) != LANA_FILTER_NONE)
			continue;
		field = equals - *options < LANA_NAME_MAX ? layout_find(layout, key) : NULL;
		if (!field)
			return refuse_option(layout, type, key, error);
		if (done & 1U << (field - layout->fields))
			return refuse(error, -EINVAL, "option '%s' is given twice", key);
		done |= 1U << (field - layout->fields);
		err = field_parse(btf, field, equals + 1, result, error);
		if (err)
			return err;
	}
	memcpy(bytes, result, layout->size);
	return 0;
}
