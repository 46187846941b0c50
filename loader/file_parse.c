// SPDX-License-Identifier: GPL-2.0-only
/*
 * file_parse - read a stack file, part by part
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "file_yaml.h"
#include "vlink.h"

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
		return reader_take(reader, value, "carrier", &vlink->carrier);
	if (!strcmp(scalar(key), "netns"))
		return reader_take(reader, value, "netns", &vlink->netns);
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
	err = reader_each_pair(reader, value, "a tagged link", read_vlink_key, vlink);
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
		return reader_take(reader, value, "dev", &block->device);
	if (!strcmp(scalar(key), "netns"))
		return reader_take(reader, value, "netns", &block->netns);
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
	return reader_each_pair(reader, value, "a hook", read_hook_key, block);
}

/* The elements of an array, with commas in between, as all other places have them. */
static char *join(struct reader *reader, const yaml_node_t *list)
{
	char *text = strdup("");

	for (yaml_node_item_t *item = list->data.sequence.items.start;
	     text && item < list->data.sequence.items.top; item++) {
		_cleanup_free_ char *before = text;

		if (asprintf(&text, "%s%s%s", before, *before ? "," : "",
			     scalar(reader_node(reader, *item))) < 0)
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
		const char *text = scalar(reader_node(reader, *item));

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
		return reader_take(reader, value, "type", &block->type);
	}
	if (!strcmp(scalar(key), "hot"))
		return reader_take_bool(reader, value, "hot", &block->hot);
	if (!strcmp(scalar(key), "config"))
		return reader_each_pair(reader, value, "config", read_option, block);
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
		return reader_take(reader, value, "type", &block->type);
	}
	err = reader_each_pair(reader, value, "a block", read_block_key, block);
	if (!err && !block->type)
		err = refuse_node(reader, key, "block '%s' has no type", scalar(key));
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
	return grown->name ? reader_take(reader, value, "a publisher", &grown->publisher)
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
		err = add_subscription(reader, key, reader_node(reader, *item));
	return err;
}

/* ------------------------------------------------------------------------------------------- */

static int read_part(struct reader *reader, const yaml_node_t *key, const yaml_node_t *value,
		     void *cookie __attribute__((unused)))
{
	if (!strcmp(scalar(key), "vlinks"))
		return reader_each_pair(reader, value, "vlinks", read_vlink, NULL);
	if (!strcmp(scalar(key), "hooks"))
		return reader_each_pair(reader, value, "hooks", read_hook, NULL);
	if (!strcmp(scalar(key), "blocks"))
		return reader_each_pair(reader, value, "blocks", read_block, NULL);
	if (!strcmp(scalar(key), "bind"))
		return reader_bind(reader, value);
	if (!strcmp(scalar(key), "subscribe"))
		return reader_each_pair(reader, value, "subscribe", read_subscription, NULL);
	return refuse_node(reader, key,
			   "a stack file has no '%s' (vlinks, hooks, blocks, bind and subscribe)",
			   scalar(key));
}

static int read_document(struct reader *reader, yaml_node_t *root)
{
	return reader_each_pair(reader, root, "a stack file", read_part, NULL);
}

int file_parse(const char *name, const char *text, size_t size, struct file *file,
	       struct lana_error *error)
{
	struct file read = { .name = name };
	struct reader reader = { .file = &read, .error = error };
	int err = reader_run(&reader, text, size, "'blocks:' alone is a stack of nothing",
			     read_document);

	if (err) {
		file_free(&read);
		return err;
	}
	*file = read;
	return 0;
}
