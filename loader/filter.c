// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "filter.h"

/* The options that give a filter, and what they give. */
static const char *const keys[] = {
	[LANA_FILTER_NONE] = "",
	[LANA_FILTER_EXPR] = "expr",
	[LANA_FILTER_ASM] = "asm",
	[LANA_FILTER_CODE] = "code",
};

enum lana_filter_kind filter_kind(const char *option)
{
	for (size_t i = LANA_FILTER_EXPR; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i], option))
			return i;
	return LANA_FILTER_NONE;
}

const char *lana_filter_kind_name(enum lana_filter_kind kind)
{
	return kind < ARRAY_SIZE(keys) ? keys[kind] : "?";
}

struct filter *filter_get(struct filter *filter)
{
	if (filter)
		filter->users++;
	return filter;
}

void filter_put(struct filter *filter)
{
	if (!filter || --filter->users)
		return;
	free(filter->text);
	free(filter);
}

void filter_put_p(struct filter **filter)
{
	filter_put(*filter);
}

bool filter_same(const struct filter *a, const struct filter *b)
{
	enum lana_filter_kind kind = a ? a->kind : LANA_FILTER_NONE;

	return kind == (b ? b->kind : LANA_FILTER_NONE) &&
	       (kind == LANA_FILTER_NONE ||
		(!strcmp(a->text, b->text) && a->program.count == b->program.count &&
		 !memcmp(a->program.insns, b->program.insns,
			 a->program.count * sizeof(*a->program.insns))));
}

/* ---- files -------------------------------------------------------------------------------- */

static void close_file_p(FILE **file)
{
	if (*file)
		fclose(*file);
}

/* The text ends in a new line: so it is told from the name of a file wherever it is given again. */
static int read_file(const char *path, char **text, struct lana_error *error)
{
	_cleanup_free_ char *bytes = calloc(1, FILTER_TEXT_MAX + 2);
	_cleanup_(close_file_p) FILE *file = NULL;
	size_t size;

	if (!bytes)
		return refuse(error, -ENOMEM, "out of memory");
	file = fopen(path, "re");
	size = file ? fread(bytes, 1, FILTER_TEXT_MAX + 1, file) : 0;
	if (!file || ferror(file))
		return refuse(error, -errno, "cannot read '%.400s': %s", path, strerror(errno));
	if (size > FILTER_TEXT_MAX)
		return refuse(error, -E2BIG, "'%.400s' is longer than the %d bytes of a filter",
			      path, FILTER_TEXT_MAX);
	if (memchr(bytes, 0, size))
		return refuse(error, -EINVAL, "'%.400s' is not a text", path);
	if (!size || bytes[size - 1] != '\n')
		bytes[size] = '\n';
	*text = TAKE_PTR(bytes);
	return 0;
}

/* Where the program of an option asm is. */
static int read_named(const char *name, const char *folder, char **path, char **text,
		      struct lana_error *error)
{
	bool inside = folder && *name != '/';

	if (asprintf(path, "%s%s", inside ? folder : "", name) < 0) {
		*path = NULL;
		return refuse(error, -ENOMEM, "out of memory");
	}
	return read_file(*path, text, error);
}

/* ---- compiling ---------------------------------------------------------------------------- */

static int compile(struct filter *filter, const char *text, const char *folder)
{
	_cleanup_free_ char *path = NULL, *read = NULL, *clean = NULL;
	bool is_name = filter->kind == LANA_FILTER_ASM && !strchr(text, '\n');
	int err = is_name ? read_named(text, folder, &path, &read, &filter->why) : 0;

	if (!err)
		err = filter_clean(is_name ? read : text, &clean, &filter->why);
	if (err)
		return err;
	free(filter->text);
	filter->text = TAKE_PTR(clean);
	switch (filter->kind) {
	case LANA_FILTER_EXPR:
		return classic_compile(filter->text, &filter->program, &filter->why);
	case LANA_FILTER_ASM:
		return classic_assemble(is_name ? path : "asm", filter->text, &filter->program,
					&filter->why);
	case LANA_FILTER_CODE:
		return classic_read("code", filter->text, &filter->program, &filter->why);
	default:
		return 0;
	}
}

int filter_new(enum lana_filter_kind kind, const char *text, const char *folder,
	       struct filter **result)
{
	_cleanup_(filter_put_p) struct filter *filter = calloc(1, sizeof(*filter));

	if (!filter)
		return -ENOMEM;
	filter->users = 1;
	filter->kind = text[strspn(text, " \t\n")] ? kind : LANA_FILTER_NONE;
	filter->text = strdup(text);
	if (!filter->text)
		return -ENOMEM;
	if (strlen(text) > FILTER_TEXT_MAX)
		filter->err = refuse(&filter->why, -E2BIG, "a filter has %d bytes at most, not %zu",
				     FILTER_TEXT_MAX, strlen(text));
	else
		filter->err = compile(filter, text, folder);
	if (!filter->err)
		filter->err = classic_check_any(&filter->program, &filter->why);
	if (filter->err == -ENOMEM)
		return -ENOMEM;
	*result = TAKE_PTR(filter);
	return 0;
}

int filter_given(const char *const *options, const char *folder, struct filter **filter)
{
	enum lana_filter_kind kind = LANA_FILTER_NONE, twice = LANA_FILTER_NONE;
	const char *text = NULL;
	int err;

	for (; options && *options; options++)
		for (size_t i = LANA_FILTER_EXPR; i < ARRAY_SIZE(keys); i++) {
			size_t length = strlen(keys[i]);

			if (strncmp(*options, keys[i], length) || (*options)[length] != '=')
				continue;
			twice = kind;
			kind = i;
			text = *options + length + 1;
		}
	if (!text) {
		*filter = NULL;
		return 0;
	}
	err = filter_new(twice == LANA_FILTER_NONE ? kind : LANA_FILTER_NONE, text, folder, filter);
	if (!err && twice == kind)
		(*filter)->err =
			refuse(&(*filter)->why, -EINVAL, "option '%s' is given twice", keys[kind]);
	else if (!err && twice != LANA_FILTER_NONE)
		(*filter)->err = refuse(&(*filter)->why, -EINVAL,
					"'%s' and '%s' both give the filter: it has one",
					keys[twice], keys[kind]);
	return err;
}
