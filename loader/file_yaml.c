// SPDX-License-Identifier: GPL-2.0-only
/*
 * file_yaml - the YAML that a stack file is written in
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "file_yaml.h"

int reader_take(struct reader *reader, const yaml_node_t *node, const char *what, char **text)
{
	const char *value = scalar(node);

	if (!value || strlen(value) != node->data.scalar.length)
		return refuse_node(reader, node, "%s must be a word or a number", what);
	free(*text);
	*text = strdup(value);
	return *text ? 0 : no_memory(reader);
}

int reader_take_bool(struct reader *reader, const yaml_node_t *node, const char *what, bool *value)
{
	const char *text = scalar(node);

	if (text && !strcmp(text, "true"))
		*value = true;
	else if (text && !strcmp(text, "false"))
		*value = false;
	else
		return refuse_node(reader, node, "%s must be true or false", what);
	return 0;
}

/* No key of a mapping may come twice; all of those before this one are in the index. */
static int check_key(struct reader *reader, const yaml_node_t *mapping, const yaml_node_t *key,
		     struct index *keys)
{
	const yaml_node_pair_t *pairs = mapping->data.mapping.pairs.start;
	__u32 hash;

	if (!scalar(key) || !*scalar(key))
		return refuse_node(reader, key, "a key must be a word");
	hash = registry_hash(scalar(key));
	index_for_each (keys, hash, number)
		if (!strcmp(scalar(reader_node(reader, pairs[number].key)), scalar(key)))
			return refuse_node(reader, key, "'%s' is there twice", scalar(key));
	return index_add(keys, hash) ? no_memory(reader) : 0;
}

int reader_each_pair(struct reader *reader, const yaml_node_t *mapping, const char *what,
		     int (*visit)(struct reader *reader, const yaml_node_t *key,
				  const yaml_node_t *value, void *cookie),
		     void *cookie)
{
	_cleanup_(index_free) struct index keys = {};

	if (is_nothing(mapping))
		return 0;
	if (mapping->type != YAML_MAPPING_NODE)
		return refuse_node(reader, mapping, "%s must be a mapping (key: value)", what);
	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     pair < mapping->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = reader_node(reader, pair->key);
		int err = check_key(reader, mapping, key, &keys);

		if (!err)
			err = visit(reader, key, reader_node(reader, pair->value), cookie);
		if (err)
			return err;
	}
	return 0;
}

/* Nothing may follow: it would be passed over. */
static int check_end(struct reader *reader, yaml_parser_t *parser)
{
	struct place place = { parser->mark.line + 1, parser->mark.column + 1 };
	yaml_document_t next;
	bool more;

	if (!yaml_parser_load(parser, &next))
		return file_refuse(reader->file, place, reader->error, -EINVAL, "not YAML: %s",
				   parser->problem ?: "?");
	more = yaml_document_get_root_node(&next);
	yaml_document_delete(&next);
	return more ? file_refuse(reader->file, place, reader->error, -EINVAL,
				  "a second document: there is to be one")
		    : 0;
}

static int read_root(struct reader *reader, const char *hint,
		     int (*read)(struct reader *reader, yaml_node_t *root))
{
	yaml_node_t *root = yaml_document_get_root_node(&reader->document);

	if (!root)
		return file_refuse(reader->file, (struct place){ 1, 1 }, reader->error, -EINVAL,
				   "the file is empty; %s", hint);
	return read(reader, root);
}

int reader_run(struct reader *reader, const char *text, size_t size, const char *hint,
	       int (*read)(struct reader *reader, yaml_node_t *root))
{
	yaml_parser_t parser;
	int err;

	if (!yaml_parser_initialize(&parser))
		return no_memory(reader);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	if (yaml_parser_load(&parser, &reader->document)) {
		err = read_root(reader, hint, read);
		yaml_document_delete(&reader->document);
		if (!err)
			err = check_end(reader, &parser);
	} else {
		struct place place = { parser.problem_mark.line + 1,
				       parser.problem_mark.column + 1 };

		err = file_refuse(reader->file, place, reader->error, -EINVAL, "not YAML: %s",
				  parser.problem ?: "?");
	}
	yaml_parser_delete(&parser);
	return err;
}
