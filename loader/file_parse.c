// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "filter.h"
#include "vlink.h"

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

struct reader {
	struct file *file;
	yaml_document_t document;
	struct lana_error *error;
};

static int no_memory(struct reader *reader)
{
	return refuse(reader->error, -ENOMEM, "out of memory");
}

static struct place place_of(const yaml_node_t *node)
{
	return (struct place){ node->start_mark.line + 1, node->start_mark.column + 1 };
}

#define refuse_node(reader, node, ...) \
	file_refuse((reader)->file, place_of(node), (reader)->error, -EINVAL, __VA_ARGS__)

/* ---- YAML ------------------------------------------------------------------------------- */

static yaml_node_t *node_at(struct reader *reader, int index)
{
	return yaml_document_get_node(&reader->document, index);
}

static const char *scalar(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

static bool is_nothing(const yaml_node_t *node)
{
	const char *text = scalar(node);

	return text && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || !strcmp(text, "~") || !strcmp(text, "null"));
}

/* Copy a scalar. */
static int take(struct reader *reader, const yaml_node_t *node, const char *what, char **text)
{
	const char *value = scalar(node);

	if (!value || strlen(value) != node->data.scalar.length)
		return refuse_node(reader, node, "%s must be a word or a number", what);
	free(*text);
	*text = strdup(value);
	return *text ? 0 : no_memory(reader);
}

static int take_bool(struct reader *reader, const yaml_node_t *node, const char *what, bool *value)
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
	index_for_each(keys, hash,
		       number) if (!strcmp(scalar(node_at(reader, pairs[number].key)),
					   scalar(key))) return refuse_node(reader, key,
									    "'%s' is there twice",
									    scalar(key));
	return index_add(keys, hash) ? no_memory(reader) : 0;
}

/* Call visit for each pair of a mapping, whose keys are words and all different. */
static int each_pair(struct reader *reader, const yaml_node_t *mapping, const char *what,
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
		const yaml_node_t *key = node_at(reader, pair->key);
		int err = check_key(reader, mapping, key, &keys);

		if (!err)
			err = visit(reader, key, node_at(reader, pair->value), cookie);
		if (err)
			return err;
	}
	return 0;
}

/* ---- tagged links ------------------------------------------------------------------------- */

static int take_id(struct reader *reader, const yaml_node_t *value, struct file_vlink *vlink)
{
	const char *text = scalar(value) ?: "";
	int base = strncmp(text, "0x", 2) ? 10 : 16, end = 0;

	if (sscanf(text, base == 16 ? "0x%3x%n" : "%3u%n", &vlink->id, &end) != 1 || text[end] ||
	    text[0] == '-' || text[0] == '+' || vlink->id >= LANA_VLINK_IDS)
		return refuse_node(reader, value, "an id is a number from 0 to %d",
				   LANA_VLINK_IDS - 1);
	vlink->has_id = true;
	return 0;
}

static int read_vlink_key(struct reader *reader, const yaml_node_t *key, const yaml_node_t *value,
			  void *cookie)
{
	struct file_vlink *vlink = cookie;

	if (!strcmp(scalar(key), "carrier"))
		return take(reader, value, "carrier", &vlink->carrier);
	if (!strcmp(scalar(key), "netns"))
		return take(reader, value, "netns", &vlink->netns);
	if (!strcmp(scalar(key), "id"))
		return take_id(reader, value, vlink);
	return refuse_node(reader, key, "a tagged link has no '%s' (carrier, id and netns)",
			   scalar(key));
}

static int read_vlink(struct reader *reader, const yaml_node_t *key, const yaml_node_t *value,
		      void *cookie __attribute__((unused)))
{
	struct file *file = reader->file;
	struct file_vlink *vlink =
		reallocarray(file->vlinks, file->vlinks_count + 1, sizeof(*vlink));
	int err;

	if (!vlink)
		return no_memory(reader);
	file->vlinks = vlink;
	vlink = &file->vlinks[file->vlinks_count++];
	*vlink = (struct file_vlink){ .name = strdup(scalar(key)), .place = place_of(key) };
	if (!vlink->name)
		return no_memory(reader);
	err = each_pair(reader, value, "a tagged link", read_vlink_key, vlink);
	if (!err && (!vlink->carrier || !vlink->has_id))
		err = refuse_node(reader, key, "tagged link '%s' has no %s", vlink->name,
				  vlink->carrier ? "id" : "carrier");
	return err;
}

/* ---- hooks and blocks ------------------------------------------------------------------- */

static struct file_block *add_block(struct reader *reader, const yaml_node_t *key)
{
	struct file *file = reader->file;
	struct file_block *grown =
		reallocarray(file->blocks, file->blocks_count + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	file->blocks = grown;
	grown = &file->blocks[file->blocks_count++];
	*grown = (struct file_block){ .name = strdup(scalar(key)), .place = place_of(key) };
	return grown->name && !index_add(&file->names, registry_hash(grown->name)) ? grown : NULL;
}

long file_find(const struct file *file, const char *name)
{
	index_for_each(&file->names, registry_hash(name),
		       number) if (!strcmp(file->blocks[number].name, name)) return number;
	return -1;
}

/* A name is of one block alone, hooked devices included. */
static int check_name_free(struct reader *reader, const yaml_node_t *key)
{
	if (file_find(reader->file, scalar(key)) >= 0)
		return refuse_node(reader, key, "'%s' is there twice", scalar(key));
	return check_name("block", scalar(key), NULL)
		       ? refuse_node(reader, key, "'%s' is no name for a block", scalar(key))
		       : 0;
}

static int read_hook_kind(struct reader *reader, const yaml_node_t *value, enum lana_hook *hook)
{
	static const enum lana_hook kinds[] = { LANA_HOOK_XDP, LANA_HOOK_SKB, LANA_HOOK_TC };

	for (size_t i = 0; scalar(value) && i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(scalar(value), lana_hook_name(kinds[i]))) {
			*hook = kinds[i];
			return 0;
		}
	return refuse_node(reader, value, "a hook is xdp, skb or tc");
}

static int read_hook_key(struct reader *reader, const yaml_node_t *key, const yaml_node_t *value,
			 void *cookie)
{
	struct file_block *block = cookie;

	if (!strcmp(scalar(key), "dev"))
		return take(reader, value, "dev", &block->device);
	if (!strcmp(scalar(key), "netns"))
		return take(reader, value, "netns", &block->netns);
	if (!strcmp(scalar(key), "hook"))
		return read_hook_kind(reader, value, &block->hook);
	return refuse_node(reader, key, "a hook has no '%s' (dev, hook and netns)", scalar(key));
}

static int read_hook(struct reader *reader, const yaml_node_t *key, const yaml_node_t *value,
		     void *cookie __attribute__((unused)))
{
	struct file_block *block;
	int err = check_name_free(reader, key);

	if (err)
		return err;
	block = add_block(reader, key);
	if (block)
		block->device = strdup(block->name);
	if (!block || !block->device)
		return no_memory(reader);
	return each_pair(reader, value, "a hook", read_hook_key, block);
}

/* The elements of an array, with commas in between, as all other places have them. */
static char *join(struct reader *reader, const yaml_node_t *list)
{
	char *text = strdup("");

	for (yaml_node_item_t *item = list->data.sequence.items.start;
	     text && item < list->data.sequence.items.top; item++) {
		_cleanup_free_ char *before = text;

		if (asprintf(&text, "%s%s%s", before, *before ? "," : "",
			     scalar(node_at(reader, *item))) < 0)
			text = NULL;
	}
	return text;
}

static bool is_list(struct reader *reader, const yaml_node_t *node)
{
	if (node->type != YAML_SEQUENCE_NODE ||
	    node->data.sequence.items.start == node->data.sequence.items.top)
		return false;
	for (yaml_node_item_t *item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top; item++) {
		const char *text = scalar(node_at(reader, *item));

		if (!text || !*text || strchr(text, ','))
			return false;
	}
	return true;
}

static int read_option(struct reader *reader, const yaml_node_t *key, const yaml_node_t *value,
		       void *cookie)
{
	struct file_block *block = cookie;
	_cleanup_free_ char *joined = NULL;
	struct file_option *grown;

	if (is_list(reader, value)) {
		joined = join(reader, value);
		if (!joined)
			return no_memory(reader);
	} else if (!scalar(value)) {
		return refuse_node(reader, value,
				   "option %s must be a word, a number or a list of them",
				   scalar(key));
	}
	grown = reallocarray(block->options, block->options_count + 1, sizeof(*grown));
	if (!grown)
		return no_memory(reader);
	block->options = grown;
	grown = &grown[block->options_count];
	grown->place = place_of(key);
	if (asprintf(&grown->text, "%s=%s", scalar(key), joined ?: scalar(value)) < 0)
		return no_memory(reader);
	block->options_count++;
	return 0;
}

/* Options stand beside type and hot; those of the same names, under config. */
static int read_block_key(struct reader *reader, const yaml_node_t *key, const yaml_node_t *value,
			  void *cookie)
{
	struct file_block *block = cookie;

	if (!strcmp(scalar(key), "type")) {
		block->type_place = place_of(value);
		return take(reader, value, "type", &block->type);
	}
	if (!strcmp(scalar(key), "hot"))
		return take_bool(reader, value, "hot", &block->hot);
	if (!strcmp(scalar(key), "config"))
		return each_pair(reader, value, "config", read_option, block);
	return read_option(reader, key, value, block);
}

static int read_block(struct reader *reader, const yaml_node_t *key, const yaml_node_t *value,
		      void *cookie __attribute__((unused)))
{
	struct file_block *block;
	int err = check_name_free(reader, key);

	if (err)
		return err;
	block = add_block(reader, key);
	if (!block)
		return no_memory(reader);
	if (scalar(value) && !is_nothing(value)) {
		block->type_place = place_of(value);
		return take(reader, value, "type", &block->type);
	}
	err = each_pair(reader, value, "a block", read_block_key, block);
	if (!err && !block->type)
		err = refuse_node(reader, key, "block '%s' has no type", scalar(key));
	return err;
}

/* ---- bind -------------------------------------------------------------------------------- */

/* A block in a chain, "NAME" or "NAME[PORT]". */
struct stop {
	char name[LANA_NAME_MAX], port[LANA_NAME_MAX];
	struct place place;
};

static bool split_stop(const char *word, size_t length, struct stop *stop)
{
	const char *open = memchr(word, '[', length);
	size_t name = open ? (size_t)(open - word) : length;
	size_t port = open ? length - name - 2 : 0;

	if (!name || name >= sizeof(stop->name) ||
	    (open && (length < name + 3 || word[length - 1] != ']' || port >= sizeof(stop->port))))
		return false;
	snprintf(stop->name, sizeof(stop->name), "%.*s", (int)name, word);
	snprintf(stop->port, sizeof(stop->port), "%.*s", (int)port, open ? open + 1 : "");
	return true;
}

static int add_edge(struct reader *reader, const struct stop *from, const struct stop *to,
		    enum lana_path path, struct place place)
{
	struct file *file = reader->file;
	struct file_edge *grown = reallocarray(file->edges, file->edges_count + 1, sizeof(*grown));

	if (!grown)
		return no_memory(reader);
	file->edges = grown;
	grown = &grown[file->edges_count++];
	*grown = (struct file_edge){ .from = strdup(from->name),
				     .to = strdup(to->name),
				     .port = *from->port ? strdup(from->port) : NULL,
				     .path = path,
				     .place = place };
	return grown->from && grown->to && (grown->port || !*from->port) ? 0 : no_memory(reader);
}

static int add_edges(struct reader *reader, const struct stop *left, const struct stop *right,
		     const char *arrow, struct place place)
{
	int err = 0;

	if (arrow[0] == '<')
		err = add_edge(reader, right, left, LANA_EGRESS, place);
	if (!err && strchr(arrow, '>'))
		err = add_edge(reader, left, right, LANA_INGRESS, place);
	return err;
}

static bool is_arrow(const char *word, size_t length, char arrow[4])
{
	static const char *const arrows[] = { "->", "<-", "<->" };

	for (size_t i = 0; i < ARRAY_SIZE(arrows); i++)
		if (strlen(arrows[i]) == length && !strncmp(arrows[i], word, length)) {
			strcpy(arrow, arrows[i]);
			return true;
		}
	return false;
}

/* Words of a chain, one after the other. */
static int read_chain(struct reader *reader, const yaml_node_t *node)
{
	const char *text = scalar(node), *at = text;
	size_t first = reader->file->edges_count;
	struct stop left = {}, right;
	char arrow[4] = "";
	bool hot = false;

	if (!text)
		return refuse_node(reader, node, "expected a chain such as \"eth0 -> f -> eth1\"");
	for (int count = 0; *(at += strspn(at, " \t\n")); count++) {
		size_t length = strcspn(at, " \t\n");
		struct place place = place_of(node);
		int err = 0;

		place.column += (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) + (at - text);
		if (hot)
			return file_refuse(reader->file, place, reader->error, -EINVAL,
					   "nothing follows 'hot'");
		if (count % 2 && length == 3 && !strncmp(at, "hot", 3) &&
		    reader->file->edges_count > first) {
			hot = true;
		} else if (count % 2 && !is_arrow(at, length, arrow)) {
			return file_refuse(reader->file, place, reader->error, -EINVAL,
					   "expected ->, <- or <->, not '%.*s'", (int)length, at);
		} else if (!(count % 2)) {
			if (!split_stop(at, length, &right))
				return file_refuse(reader->file, place, reader->error, -EINVAL,
						   "expected NAME or NAME[PORT], not '%.*s'",
						   (int)length, at);
			right.place = place;
			if (*arrow)
				err = add_edges(reader, &left, &right, arrow, left.place);
			left = right;
			*arrow = 0;
		}
		if (err)
			return err;
		at += length;
	}
	if (*arrow || reader->file->edges_count == first)
		return refuse_node(reader, node, "the chain '%s' leads nowhere", text);
	for (size_t i = first; i < reader->file->edges_count; i++)
		reader->file->edges[i].hot = hot;
	return 0;
}

static int read_bind(struct reader *reader, const yaml_node_t *list)
{
	int err = 0;

	if (is_nothing(list))
		return 0;
	if (list->type != YAML_SEQUENCE_NODE)
		return refuse_node(reader, list, "bind must be a list of chains");
	for (yaml_node_item_t *item = list->data.sequence.items.start;
	     !err && item < list->data.sequence.items.top; item++)
		err = read_chain(reader, node_at(reader, *item));
	return err;
}

/* ---- subscribe --------------------------------------------------------------------------- */

static int add_subscription(struct reader *reader, const yaml_node_t *key, const yaml_node_t *value)
{
	struct file *file = reader->file;
	struct file_subscription *grown =
		reallocarray(file->subscriptions, file->subscriptions_count + 1, sizeof(*grown));

	if (!grown)
		return no_memory(reader);
	file->subscriptions = grown;
	grown = &grown[file->subscriptions_count++];
	*grown =
		(struct file_subscription){ .name = strdup(scalar(key)), .place = place_of(value) };
	return grown->name ? take(reader, value, "a publisher", &grown->publisher)
			   : no_memory(reader);
}

/* A block is subscribed to one other, or to a list of them. */
static int read_subscription(struct reader *reader, const yaml_node_t *key,
			     const yaml_node_t *value, void *cookie __attribute__((unused)))
{
	int err = 0;

	if (value->type != YAML_SEQUENCE_NODE)
		return add_subscription(reader, key, value);
	for (yaml_node_item_t *item = value->data.sequence.items.start;
	     !err && item < value->data.sequence.items.top; item++)
		err = add_subscription(reader, key, node_at(reader, *item));
	return err;
}

/* ------------------------------------------------------------------------------------------- */

static int read_part(struct reader *reader, const yaml_node_t *key, const yaml_node_t *value,
		     void *cookie __attribute__((unused)))
{
	if (!strcmp(scalar(key), "vlinks"))
		return each_pair(reader, value, "vlinks", read_vlink, NULL);
	if (!strcmp(scalar(key), "hooks"))
		return each_pair(reader, value, "hooks", read_hook, NULL);
	if (!strcmp(scalar(key), "blocks"))
		return each_pair(reader, value, "blocks", read_block, NULL);
	if (!strcmp(scalar(key), "bind"))
		return read_bind(reader, value);
	if (!strcmp(scalar(key), "subscribe"))
		return each_pair(reader, value, "subscribe", read_subscription, NULL);
	return refuse_node(reader, key,
			   "a stack file has no '%s' (vlinks, hooks, blocks, bind and subscribe)",
			   scalar(key));
}

static int read_document(struct reader *reader)
{
	yaml_node_t *root = yaml_document_get_root_node(&reader->document);

	if (!root)
		return file_refuse(reader->file, (struct place){ 1, 1 }, reader->error, -EINVAL,
				   "the file is empty; 'blocks:' alone is a stack of nothing");
	return each_pair(reader, root, "a stack file", read_part, NULL);
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
				  "a second document: a stack file is one")
		    : 0;
}

int file_parse(const char *name, const char *text, size_t size, struct file *file,
	       struct lana_error *error)
{
	struct file read = { .name = name };
	struct reader reader = { .file = &read, .error = error };
	yaml_parser_t parser;
	int err;

	if (!yaml_parser_initialize(&parser))
		return refuse(error, -ENOMEM, "out of memory");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	if (yaml_parser_load(&parser, &reader.document)) {
		err = read_document(&reader);
		yaml_document_delete(&reader.document);
		if (!err)
			err = check_end(&reader, &parser);
	} else {
		struct place place = { parser.problem_mark.line + 1,
				       parser.problem_mark.column + 1 };

		err = file_refuse(&read, place, error, -EINVAL, "not YAML: %s",
				  parser.problem ?: "?");
	}
	yaml_parser_delete(&parser);
	if (err) {
		file_free(&read);
		return err;
	}
	*file = read;
	return 0;
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
