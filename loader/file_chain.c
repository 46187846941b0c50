// SPDX-License-Identifier: GPL-2.0-only
/*
 * file_chain - a chain of a stack file, such as "eth0 -> f[match] -> eth1 hot"
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "file_yaml.h"

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

int reader_bind(struct reader *reader, const yaml_node_t *list)
{
	int err = 0;

	if (is_nothing(list))
		return 0;
	if (list->type != YAML_SEQUENCE_NODE)
		return refuse_node(reader, list, "bind must be a list of chains");
	for (yaml_node_item_t *item = list->data.sequence.items.start;
	     !err && item < list->data.sequence.items.top; item++)
		err = read_chain(reader, reader_node(reader, *item));
	return err;
}
