// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "carry.h"
#include "cleanup.h"
#include "error.h"
#include "state.h"
#include "table.h"
#include "types.h"

/* ---- types ---------------------------------------------------------------------------------- */

bool table_is(const struct type *type, __u32 i)
{
	return type->tables & 1U << i;
}

enum field_kind table_field_kind(const char *name, size_t size)
{
	if (!strcmp(name, "lana_table_file") && size == sizeof(struct lana_table_file))
		return FIELD_TABLE;
	if (!strcmp(name, "lana_device_ref") && size == sizeof(struct lana_device_ref))
		return FIELD_DEVICE;
	return FIELD_ADDRESS;
}

static const struct field *option_of(const struct type *type)
{
	for (__u32 i = 0; i < type->config.count; i++)
		if (type->config.fields[i].kind == FIELD_TABLE)
			return &type->config.fields[i];
	return NULL;
}

bool table_has_tag(const struct btf *btf, const char *map, const char *wanted)
{
	for (__u32 id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *tag = btf__type_by_id(btf, id), *of;
		const char *text, *name;

		if (!btf_is_decl_tag(tag) || btf_decl_tag(tag)->component_idx != -1)
			continue;
		of = btf__type_by_id(btf, tag->type);
		text = btf__name_by_offset(btf, tag->name_off);
		name = of && btf_is_var(of) ? btf__name_by_offset(btf, of->name_off) : NULL;
		if (text && name && !strcmp(text, wanted) && !strcmp(name, map))
			return true;
	}
	return false;
}

int table_find(struct type *type, struct lana_error *error)
{
	__u32 options = 0;

	for (__u32 i = 0; i < type->config.count; i++)
		options += type->config.fields[i].kind == FIELD_TABLE;
	if (options > 1)
		return refuse(error, -EINVAL, "type '%s' has more than one option for tables",
			      type->name);
	for (__u32 i = 0; i < type->own_count; i++) {
		struct table table;
		int err;

		if (!table_has_tag(type->btf, bpf_map__name(type->own[i]), TABLE_TAG) &&
		    !table_has_tag(type->btf, bpf_map__name(type->own[i]), TABLE4_TAG))
			continue;
		err = table_describe(type, i, &table, error);
		if (err)
			return err;
		type->tables |= 1U << i;
	}
	if (options && !type->tables)
		return refuse(error, -EINVAL, "type '%s' has an option for tables and no table",
			      type->name);
	if (!options && type->tables)
		return refuse(error, -EINVAL, "type '%s' has tables and no option for them",
			      type->name);
	return 0;
}

/* ---- the option ----------------------------------------------------------------------------- */

int table_read(const char *name, char **text, size_t *size, struct lana_error *error)
{
	_cleanup_close_ int fd = open(name, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *read_text = NULL;
	struct stat stat = {};
	size_t length = 0;
	ssize_t got;

	if (fd < 0 || fstat(fd, &stat))
		return refuse(error, -errno, "cannot read '%s': %s", name, strerror(errno));
	if (!S_ISREG(stat.st_mode))
		return refuse(error, -EINVAL, "'%s' is not a file", name);
	read_text = malloc(stat.st_size + 1);
	if (!read_text)
		return refuse(error, -ENOMEM, "out of memory");
	while (length < (size_t)stat.st_size) {
		got = read(fd, read_text + length, stat.st_size - length);
		if (got < 0)
			return refuse(error, -errno, "cannot read '%s': %s", name, strerror(errno));
		if (!got)
			break;
		length += got;
	}
	read_text[length] = 0;
	*text = TAKE_PTR(read_text);
	*size = length;
	return 0;
}

__u64 table_sum(const char *text, size_t size)
{
	__u64 sum = 14695981039346656037ULL;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ (__u8)text[i]) * 1099511628211ULL;
	return sum;
}

int table_option(const char *name, const char *file, void *bytes, struct lana_error *error)
{
	_cleanup_free_ char *text = NULL;
	struct lana_table_file option = {};
	size_t size = 0;
	int err;

	if (strlen(file) >= sizeof(option.name))
		return refuse(error, -ERANGE, "%s=%s is longer than %zu bytes", name, file,
			      sizeof(option.name) - 1);
	if (*file) {
		err = table_read(file, &text, &size, error);
		if (err)
			return err;
		strcpy(option.name, file);
		option.sum = table_sum(text, size);
	}
	memcpy(bytes, &option, sizeof(option));
	return 0;
}

/* ---- filling -------------------------------------------------------------------------------- */

#define BATCH 32768 /* entries a system call */

static int insert(int map, const struct table *table, const char *file, struct lana_error *error)
{
	__u32 done = 0;

	while (done < table->count) {
		__u32 wanted = table->count - done < BATCH ? table->count - done : BATCH;
		__u32 count = wanted;
		int err = 0;

		if (bpf_map_update_batch(map, table->keys + (size_t)done * table->key_size,
					 table->values + (size_t)done * table->value_size, &count,
					 NULL))
			err = -errno;
		if (err && count >= wanted) /* refused as a whole */
			count = 0;
		done += count;
		if (err)
			return refuse(error, err, "%s:%u: table %s takes no more: %s", file,
				      table->lines[done], table->name, strerror(-err));
	}
	return 0;
}

static int fill_compiled(struct lana_stack *stack, const struct type *type, __u32 cell, __u32 i,
			 const struct table *table, const char *file, struct lana_error *error)
{
	_cleanup_free_ __u32 *words = NULL;
	_cleanup_close_ int map = -1;
	size_t count = 0, size;
	void *place;
	int err;

	err = table_compile(table, file, &words, &count, error);
	if (!err)
		err = state_renew(stack, type, i, cell, count, &map, error);
	if (err)
		return err;
	size = count * LANA_TRIE_STEP * sizeof(*words);
	place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (place == MAP_FAILED)
		return refuse(error, -errno, "cannot map table %s: %s", table->name,
			      strerror(errno));
	memcpy(place, words, size);
	munmap(place, size);
	return 0;
}

static int fill_map(struct lana_stack *stack, const struct type *type, __u32 cell, __u32 i,
		    const struct table_file *file, const char *name, struct lana_error *error)
{
	const struct table *table = NULL;
	_cleanup_close_ int map = -1;
	int err;

	for (__u32 t = 0; t < file->tables_count; t++)
		if (!strcmp(file->tables[t].name, bpf_map__name(type->own[i])))
			table = &file->tables[t];
	if (table && table->compiled)
		return fill_compiled(stack, type, cell, i, table, name, error);
	err = state_renew(stack, type, i, cell, 0, &map, error);
	return err || !table ? err : insert(map, table, name, error);
}

/* Parse what the option names; nothing if it names nothing. */
static int parse(const struct commit *commit, const struct type *type,
		 const struct lana_table_file *option, struct table_file *file,
		 struct lana_error *error)
{
	int err;

	*file = (struct table_file){ .btf = type->btf, .commit = commit };
	if (!*option->name)
		return 0;
	for (__u32 i = 0; i < type->own_count; i++)
		if (table_is(type, i)) {
			err = table_describe(type, i, &file->tables[file->tables_count++], error);
			if (err)
				return err;
		}
	err = table_read(option->name, &file->text, &file->size, error);
	if (!err && table_sum(file->text, file->size) != option->sum)
		err = refuse(error, -EAGAIN, "'%s' was changed while it was read", option->name);
	return err ?: table_parse(file, option->name, error);
}

/* Are the tables of both types declared alike, so that new code works on what the old one has? */
static bool tables_equal(const struct type *old, const struct type *new)
{
	for (__u32 i = 0; i < new->own_count; i++) {
		const struct bpf_map *twin = state_twin(old, new->own[i]);

		if (table_is(new, i) && (!twin || !state_maps_equal(old, twin, new, new->own[i])))
			return false;
	}
	return true;
}

/*
 * The option as the block in the stack has it. False: its tables are not those of this cell, or not
 * laid out as this type has them: they are filled anew, as entries of an array of prefixes could
 * not be converted one by one.
 */
static bool option_before(const struct change *change, const struct type *type,
			  struct lana_stack *stack, struct lana_table_file *before)
{
	const struct type *old;
	const struct field *field;

	if (!change->old.name[0] || change->dropped ||
	    types_get(stack, change->old.type, change->old.version, &old, NULL))
		return false;
	field = option_of(old);
	if (!field || strcmp(old->name, type->name) || !tables_equal(old, type))
		return false;
	memcpy(before, change->old.config + field->field.offset, sizeof(*before));
	return true;
}

int table_fill(struct commit *commit, __u32 idp, const struct type *type, struct lana_error *error)
{
	_cleanup_(table_free) struct table_file file = {};
	const struct field *field = option_of(type);
	struct lana_table_file option, before = {};
	struct change *change = commit_change(commit, idp);
	int err;

	if (!field || !change)
		return 0;
	memcpy(&option, change->new.config + field->field.offset, sizeof(option));
	if (option_before(change, type, commit->stack, &before) || !change->old.name[0])
		if (!memcmp(&option, &before, sizeof(option)))
			return 0;
	err = parse(commit, type, &option, &file, error);
	if (!err)
		err = carry_apart(commit, change, type, error);
	for (__u32 i = 0; !err && i < type->own_count; i++)
		if (table_is(type, i))
			err = fill_map(commit->stack, type, change->new.cell, i, &file, option.name,
				       error);
	return err;
}
