// SPDX-License-Identifier: GPL-2.0-only
/*
 * file - a stack file as it was read
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "file.h"
#include "filter.h"

int file_refuse(const struct file *file, struct place place, struct lana_error *error, int err,
		const char *format, ...)
{
	char text[sizeof(error->text)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return refuse(error, err, "%s:%u:%u: %s", file->name, place.line, place.column, text);
}

long file_find(const struct file *file, const char *name)
{
	index_for_each (&file->names, registry_hash(name), number)
		if (!strcmp(file->blocks[number].name, name))
			return number;
	return -1;
}

const char **file_options(const struct file_block *block)
{
	const char **options = calloc(block->options_count + 1, sizeof(*options));

	for (size_t i = 0; options && i < block->options_count; i++)
		options[i] = block->options[i].text;
	return options;
}

void file_free(struct file *file)
{
	for (size_t i = 0; i < file->blocks_count; i++) {
		struct file_block *block = &file->blocks[i];

		for (size_t j = 0; j < block->options_count; j++)
			free(block->options[j].text);
		free(block->options);
		filter_put(block->filter);
		free(block->name);
		free(block->type);
		free(block->device);
		free(block->netns);
	}
	for (size_t i = 0; i < file->edges_count; i++) {
		free(file->edges[i].from);
		free(file->edges[i].to);
		free(file->edges[i].port);
	}
	for (size_t i = 0; i < file->vlinks_count; i++) {
		free(file->vlinks[i].name);
		free(file->vlinks[i].carrier);
		free(file->vlinks[i].netns);
	}
	free(file->vlinks);
	for (size_t i = 0; i < file->subscriptions_count; i++) {
		free(file->subscriptions[i].name);
		free(file->subscriptions[i].publisher);
	}
	index_free(&file->names);
	free(file->subscriptions);
	free(file->blocks);
	free(file->edges);
	*file = (struct file){};
}
