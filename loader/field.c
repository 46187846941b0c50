// SPDX-License-Identifier: GPL-2.0-only
/*
 * field - values of fields as text, both ways
 */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "key.h"
#include "layout.h"
#include "rules.h"
#include "table.h"
#include "units.h"

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
	__u64 unsigned_max = ~0ULL >> (64 - bits), most = field->field.most ?: unsigned_max;
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
	} else if (errno || negative || value < field->field.least || value > most) {
		return refuse(error, -ERANGE, "%s=%s is out of range (%" PRIu64 "..%" PRIu64 ")",
			      field->field.name, text, field->field.least, (uint64_t)most);
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
	const char *first = btf_vlen(t) ? btf_text(btf, values->name_off) : "";
	size_t length = strlen(first);

	for (const char *c = first; *c; c++)
		if (islower((unsigned char)*c))
			return 0;
	for (int i = 1; i < btf_vlen(t); i++) {
		const char *name = btf_text(btf, values[i].name_off);
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
	const char *name = btf_text(btf, btf_enum(t)[i].name_off);
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

static int parse_units(const struct field *field, const char *text, void *bytes,
		       struct lana_error *error)
{
	__u64 most = field->field.most ?: ~0ULL >> (64 - 8 * field->field.size), value;
	char from[UNITS_TEXT_MAX], to[UNITS_TEXT_MAX];
	struct lana_error why;
	int err;

	err = units_parse(field->units, text, &value, &why);
	if (err)
		return refuse(error, err, "%s: %.400s", field->field.name, why.text);
	if (value > most || (value && value < field->field.least))
		return refuse(error, -ERANGE, "%s=%s is out of range (%s..%s)", field->field.name,
			      text, units_print(field->units, field->field.least, from),
			      units_print(field->units, most, to));
	store(field, value, bytes);
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
	case FIELD_KEY:
		return key_option(field->field.name, text, bytes + field->field.offset, error);
	case FIELD_UNITS:
		return parse_units(field, text, bytes, error);
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

static void format_units(const struct field *field, const void *bytes, char *text, size_t size)
{
	char number[UNITS_TEXT_MAX];

	snprintf(text, size, "%s", units_print(field->units, load(field, bytes), number));
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
	case FIELD_KEY:
		snprintf(text, size, "%s", (const char *)place);
		break;
	case FIELD_UNITS:
		format_units(field, bytes, text, size);
		break;
	case FIELD_DEVICE:
		break;
	}
}
