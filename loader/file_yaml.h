/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * file_yaml - the nodes of YAML that a stack file is read from; for the files file_*.c alone
 */
#ifndef LOADER_FILE_YAML_H
#define LOADER_FILE_YAML_H

#include <errno.h>
#include <string.h>

#include <yaml.h>

#include "error.h"
#include "file.h"

struct reader {
	struct file *file;
	yaml_document_t document;
	struct lana_error *error;
};

static inline int no_memory(struct reader *reader)
{
	return refuse(reader->error, -ENOMEM, "out of memory");
}

static inline struct place place_of(const yaml_node_t *node)
{
	return (struct place){ node->start_mark.line + 1, node->start_mark.column + 1 };
}

#define refuse_node(reader, node, ...) \
	file_refuse((reader)->file, place_of(node), (reader)->error, -EINVAL, __VA_ARGS__)

/* NULL: it is none. */
static inline const char *scalar(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

static inline bool is_nothing(const yaml_node_t *node)
{
	const char *text = scalar(node);

	return text && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || !strcmp(text, "~") || !strcmp(text, "null"));
}

/* As items and pairs name it. */
static inline yaml_node_t *reader_node(struct reader *reader, int index)
{
	return yaml_document_get_node(&reader->document, index);
}

/*
 * Read text of size bytes, which is to be one document, and call read with its root. hint says what
 * may stand in an empty file. -EINVAL: it is not YAML, or more than one document, or empty.
 */
int reader_run(struct reader *reader, const char *text, size_t size, const char *hint,
	       int (*read)(struct reader *reader, yaml_node_t *root));

/* Copy a scalar in the place of *text, which is freed. */
int reader_take(struct reader *reader, const yaml_node_t *node, const char *what, char **text);

int reader_take_bool(struct reader *reader, const yaml_node_t *node, const char *what, bool *value);

/* Call visit for each pair of a mapping, whose keys are words and all different. */
int reader_each_pair(struct reader *reader, const yaml_node_t *mapping, const char *what,
		     int (*visit)(struct reader *reader, const yaml_node_t *key,
				  const yaml_node_t *value, void *cookie),
		     void *cookie);

/* Read what stands under bind: a list of chains, file_chain.c. */
int reader_bind(struct reader *reader, const yaml_node_t *list);

#endif
