// SPDX-License-Identifier: GPL-2.0-only
/*
 * table_file - the text form of tables
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "cleanup.h"
#include "commit.h"
#include "error.h"
#include "table.h"
#include "tag.h"

#define WORDS_MAX    40	       /* of a line */
#define COMPILED_MAX (1 << 24) /* prefixes */

static const char *struct_name(const struct btf *btf, __u32 id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	return t && btf_is_struct(t) ? btf__name_by_offset(btf, t->name_off) ?: "" : "";
}

/* Of what a struct is an array that holds nothing else; 0: it is none. */
static __u32 element_of(const struct btf *btf, __u32 id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	if (!t || !btf_is_struct(t) || btf_vlen(t) != 1)
		return 0;
	t = btf__type_by_id(btf, btf_members(t)->type);
	return t && btf_is_array(t) ? btf_array(t)->type : 0;
}

int table_describe(const struct type *type, __u32 i, struct table *table, struct lana_error *error)
{
	const struct bpf_map *map = type->own[i];
	const char *key = struct_name(type->btf, bpf_map__btf_key_type_id(map));
	__u32 value;

	*table = (struct table){
		.name = bpf_map__name(map),
		.kind = bpf_map__type(map),
		.key_size = bpf_map__key_size(map),
		.value_size = bpf_map__value_size(map),
		.entries_max = bpf_map__max_entries(map),
	};
	table->first = table_has_tag(type->btf, table->name, FROM_1_TAG);
	if (!strcmp(key, "lana_prefix4") && table->key_size == sizeof(struct lana_prefix4))
		table->key = KEY_PREFIX4;
	else if (!strcmp(key, "lana_prefix6") && table->key_size == sizeof(struct lana_prefix6))
		table->key = KEY_PREFIX6;
	else if (*key || table->key_size > sizeof(__u64) || !table->key_size)
		return refuse(error, -EINVAL, "type '%s': keys of table '%s' have no text form",
			      type->name, table->name);
	value = bpf_map__btf_value_type_id(map);
	if (table_has_tag(type->btf, table->name, TABLE4_TAG)) {
		if (table->kind != BPF_MAP_TYPE_ARRAY || table->entries_max != LANA_TRIE_FIRST ||
		    !(bpf_map__map_flags(map) & BPF_F_MMAPABLE) ||
		    table->value_size != LANA_TRIE_STEP * sizeof(__u32))
			return refuse(
				error, -EINVAL,
				"type '%s': map '%s' is not as an array of prefixes has to be",
				type->name, table->name);
		table->compiled = true;
		table->key = KEY_PREFIX4;
		table->key_size = sizeof(struct lana_prefix4);
		table->value_size = sizeof(__u32);
		table->entries_max = COMPILED_MAX;
		value = element_of(type->btf, value);
	} else if ((table->key == KEY_NUMBER) == (table->kind == BPF_MAP_TYPE_LPM_TRIE) ||
		   (table->kind != BPF_MAP_TYPE_LPM_TRIE && table->kind != BPF_MAP_TYPE_ARRAY &&
		    table->kind != BPF_MAP_TYPE_HASH))
		return refuse(error, -EINVAL, "type '%s': map '%s' is of a kind that is no table",
			      type->name, table->name);
	return layout_read_id(type->btf, value, struct_name(type->btf, value), table->value_size,
			      &table->value, error);
}

/* ---- one line ------------------------------------------------------------------------------- */

struct line {
	const char *file;
	__u32 number;
	struct lana_error *error;
};

__attribute__((format(printf, 3, 4))) static int refuse_line(const struct line *line, int err,
							     const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return refuse(line->error, err, "%s:%u: %s", line->file, line->number, text);
}

/* Cut a line into words, up to a '#'. -E2BIG: there are too many. */
static int split(char *text, char *words[WORDS_MAX])
{
	int count = 0;

	for (;;) {
		while (isspace((unsigned char)*text))
			text++;
		if (!*text || *text == '#')
			return count;
		if (count == WORDS_MAX)
			return -E2BIG;
		words[count++] = text;
		while (*text && !isspace((unsigned char)*text))
			text++;
		if (*text)
			*text++ = 0;
	}
}

static bool has_bits_beyond(const __u8 *address, __u32 length, __u32 size)
{
	for (__u32 bit = length; bit < 8 * size; bit++)
		if (address[bit / 8] & 0x80 >> bit % 8)
			return true;
	return false;
}

/* struct lana_prefix4 and struct lana_prefix6 are the length, and then the address. */
static int parse_prefix(const struct line *line, const struct table *table, char *text, __u8 *key)
{
	bool is_ipv4 = table->key == KEY_PREFIX4;
	enum address_kind kind = is_ipv4 ? ADDRESS_IP4 : ADDRESS_IP6;
	__u32 size = is_ipv4 ? 4 : 16, length = 8 * size;
	char *slash = strchr(text, '/'), *end;
	__u8 address[ADDRESS_MAX];

	if (slash) {
		*slash = 0;
		length = strtoul(slash + 1, &end, 10);
		if (!isdigit((unsigned char)slash[1]) || *end || length > 8 * size)
			return refuse_line(line, -EINVAL, "'%s' is no length of an %s prefix",
					   slash + 1, table->name);
	}
	if (!address_parse(kind, text, address))
		return refuse_line(line, -EINVAL, "'%s' is not %s", text, address_noun(kind));
	if (has_bits_beyond(address, length, size))
		return refuse_line(line, -EINVAL, "%s has more than the %u bits of its prefix",
				   text, length);
	memcpy(key, &length, sizeof(length));
	memcpy(key + sizeof(length), address, size);
	return 0;
}

static int parse_number(const struct line *line, const struct table *table, const char *text,
			__u8 *key)
{
	__u64 most = ~0ULL >> (64 - 8 * table->key_size), number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 0);
	if (!isdigit((unsigned char)*text) || *end)
		return refuse_line(line, -EINVAL, "'%s' is not a number", text);
	if (table->kind == BPF_MAP_TYPE_ARRAY)
		most = table->entries_max - 1;
	if (errno || number < table->first || number > most)
		return refuse_line(line, -ERANGE, "%s %s is out of range (%u..%llu)", table->name,
				   text, table->first, (unsigned long long)most);
	memcpy(key, &number, table->key_size); /* little-endian hosts */
	return 0;
}

static int parse_device(const struct line *line, const struct table_file *file,
			const struct field *field, const char *text, __u8 *value)
{
	struct lana_device_ref ref = { .name = registry_hash(text) };

	if (commit_find(file->commit, text, &ref.slot, NULL) ||
	    commit_record(file->commit, ref.slot)->device.hook == LANA_HOOK_NONE)
		return refuse_line(line, -ENOENT, "%s=%s is not a hooked device", field->field.name,
				   text);
	memcpy(value + field->field.offset, &ref, sizeof(ref));
	return 0;
}

static int parse_field(const struct line *line, const struct table_file *file,
		       const struct table *table, char *word, __u64 *done, __u8 *value)
{
	char *equals = strchr(word, '=');
	const struct field *field;
	struct lana_error why = {};
	int err;

	if (!equals)
		return refuse_line(line, -EINVAL, "'%s' is not of the form FIELD=VALUE", word);
	*equals = 0;
	field = layout_find(&table->value, word);
	if (!field)
		return refuse_line(line, -EINVAL, "table %s has no field '%s'", table->name, word);
	if (*done & 1ULL << (field - table->value.fields))
		return refuse_line(line, -EINVAL, "field '%s' is given twice", word);
	*done |= 1ULL << (field - table->value.fields);
	if (field->kind == FIELD_DEVICE)
		return parse_device(line, file, field, equals + 1, value);
	err = field_parse(file->btf, field, equals + 1, value, &why);
	return err ? refuse_line(line, err, "%s", why.text) : 0;
}

/* ---- the file ------------------------------------------------------------------------------- */

static int make_room(struct table *table)
{
	size_t room = table->room ? 2 * table->room : 256;
	__u8 *keys = reallocarray(table->keys, room, table->key_size);
	__u8 *values = keys ? reallocarray(table->values, room, table->value_size) : NULL;
	__u32 *lines = values ? reallocarray(table->lines, room, sizeof(*lines)) : NULL;

	table->keys = keys ?: table->keys;
	table->values = values ?: table->values;
	table->lines = lines ?: table->lines;
	if (!lines)
		return -ENOMEM;
	table->room = room;
	return 0;
}

static struct table *find_table(struct table_file *file, const char *name)
{
	for (__u32 i = 0; i < file->tables_count; i++)
		if (!strcmp(file->tables[i].name, name))
			return &file->tables[i];
	return NULL;
}

static int refuse_table(const struct line *line, const struct table_file *file, const char *name)
{
	char known[200] = "";

	for (__u32 i = 0, length = 0; i < file->tables_count && length < sizeof(known); i++)
		length += snprintf(known + length, sizeof(known) - length, "%s%s", i ? ", " : "",
				   file->tables[i].name);
	return refuse_line(line, -EINVAL, "there is no table '%.60s' (there is %s)", name, known);
}

static int parse_line(const struct line *line, struct table_file *file, char *text)
{
	char *words[WORDS_MAX];
	int count = split(text, words), err;
	struct table *table;
	char wrong[100];
	__u64 done = 0;
	__u8 *key, *value;

	if (count == 0)
		return 0;
	if (count < 0)
		return refuse_line(line, count, "more than %d words", WORDS_MAX);
	table = find_table(file, words[0]);
	if (!table)
		return refuse_table(line, file, words[0]);
	if (count == 1)
		return refuse_line(line, -EINVAL, "the key is missing");
	if (table->count == table->entries_max)
		return refuse_line(line, -E2BIG, "table %s has room for %u entries", table->name,
				   table->entries_max);
	if (table->count == table->room && make_room(table))
		return refuse_line(line, -ENOMEM, "out of memory");

	key = table->keys + (size_t)table->count * table->key_size;
	value = table->values + (size_t)table->count * table->value_size;
	memset(value, 0, table->value_size);
	err = table->key == KEY_NUMBER ? parse_number(line, table, words[1], key)
				       : parse_prefix(line, table, words[1], key);
	for (int i = 2; !err && i < count; i++)
		err = parse_field(line, file, table, words[i], &done, value);
	if (!err && tag_check_given(&table->value, done, wrong, sizeof(wrong)))
		err = refuse_line(line, -EINVAL, "%s", wrong);
	if (!err)
		table->lines[table->count++] = line->number;
	return err;
}

static __u64 hash_key(const __u8 *key, __u32 size)
{
	__u64 hash = 14695981039346656037ULL;

	for (__u32 i = 0; i < size; i++)
		hash = (hash ^ key[i]) * 1099511628211ULL;
	return hash ^ hash >> 32;
}

/* Filling maps by batches, the kernel does not tell if an entry is there already. */
static int check_twice(const struct table *table, const char *name, struct lana_error *error)
{
	_cleanup_free_ __u32 *places = NULL; /* number of an entry + 1, by hash; 0: free */
	size_t room = 16;

	while (room < 2 * (size_t)table->count)
		room *= 2;
	places = calloc(room, sizeof(*places));
	if (!places)
		return refuse(error, -ENOMEM, "out of memory");
	for (__u32 i = 0; i < table->count; i++) {
		const __u8 *key = table->keys + (size_t)i * table->key_size;
		size_t place = hash_key(key, table->key_size) & (room - 1);

		for (; places[place]; place = (place + 1) & (room - 1)) {
			__u32 first = places[place] - 1;

			if (!memcmp(table->keys + (size_t)first * table->key_size, key,
				    table->key_size))
				return refuse(error, -EEXIST,
					      "%s:%u: this entry of table %s is in line %u already",
					      name, table->lines[i], table->name,
					      table->lines[first]);
		}
		places[place] = i + 1;
	}
	return 0;
}

static __u64 key_number(const struct table *table, __u32 i)
{
	__u64 number = 0;

	memcpy(&number, table->keys + (size_t)i * table->key_size, table->key_size);
	return number;
}

/* What names an entry of another table, which is an array, names one that is there. */
static int check_entries(struct table_file *file, const struct table *table,
			 const struct field *field, const char *name, struct lana_error *error)
{
	const struct table *other = find_table(file, field->entry);
	_cleanup_free_ bool *known = NULL;

	if (!other || other->kind != BPF_MAP_TYPE_ARRAY || other->compiled)
		return 0;
	known = calloc(other->entries_max, sizeof(*known));
	if (!known)
		return refuse(error, -ENOMEM, "out of memory");
	for (__u32 i = 0; i < other->count; i++)
		known[key_number(other, i)] = true;
	for (__u32 i = 0; i < table->count; i++) {
		__u64 number = 0;

		memcpy(&number, table->values + (size_t)i * table->value_size + field->field.offset,
		       field->field.size);
		if (number >= other->entries_max || !known[number])
			return refuse(error, -ENOENT, "%s:%u: there is no %s %llu", name,
				      table->lines[i], other->name, (unsigned long long)number);
	}
	return 0;
}

static int check_table(struct table_file *file, const struct table *table, const char *name,
		       struct lana_error *error)
{
	int err = check_twice(table, name, error);

	for (__u32 i = 0; !err && i < table->value.count; i++)
		if (table->value.fields[i].entry)
			err = check_entries(file, table, &table->value.fields[i], name, error);
	return err;
}

int table_parse(struct table_file *file, const char *name, struct lana_error *error)
{
	struct line line = { .file = name, .error = error };
	char *rest = file->text, *text;
	int err = 0;

	if (strlen(file->text) != file->size)
		return refuse(error, -EINVAL, "'%s' is no text", name);
	while (!err && (text = strsep(&rest, "\n"))) {
		line.number++;
		err = parse_line(&line, file, text);
	}
	for (__u32 i = 0; !err && i < file->tables_count; i++)
		err = check_table(file, &file->tables[i], name, error);
	return err;
}

void table_free(struct table_file *file)
{
	for (__u32 i = 0; i < file->tables_count; i++) {
		free(file->tables[i].keys);
		free(file->tables[i].values);
		free(file->tables[i].lines);
	}
	free(file->text);
	*file = (struct table_file){};
}
