// SPDX-License-Identifier: GPL-2.0-only
/*
 * file_filter - the filters that blocks of a stack file have
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "filter.h"

const struct file_option *file_filter_option(const struct file_block *block)
{
	for (size_t i = block->options_count; i-- > 0;) {
		const char *text = block->options[i].text;
		char key[8] = "";

		memcpy(key, text, strnlen(text, sizeof(key) - 1));
		if (strchr(key, '='))
			*strchr(key, '=') = 0;
		if (filter_kind(key) != LANA_FILTER_NONE)
			return &block->options[i];
	}
	return NULL;
}

/* The folder that the file is in; NULL: where the process is. */
static int folder_of(const struct file *file, char **folder)
{
	const char *slash = strrchr(file->name, '/');

	*folder = slash ? strndup(file->name, slash - file->name + 1) : NULL;
	return slash && !*folder ? -ENOMEM : 0;
}

static int compile(struct file_block *block, const char *folder, struct filter *none)
{
	_cleanup_free_ const char **options = NULL;

	if (!file_filter_option(block)) {
		block->filter = filter_get(none);
		return 0;
	}
	options = file_options(block);
	if (!options)
		return -ENOMEM;
	return filter_given(options, folder, &block->filter);
}

int file_filters(struct file *file, struct lana_error *error)
{
	_cleanup_(filter_put_p) struct filter *none = NULL;
	_cleanup_free_ char *folder = NULL;
	int err = folder_of(file, &folder);

	if (!err)
		err = filter_new(LANA_FILTER_NONE, "", NULL, &none);
	for (size_t i = 0; !err && i < file->blocks_count; i++)
		err = compile(&file->blocks[i], folder, none);
	return err ? refuse(error, err, "out of memory") : 0;
}
