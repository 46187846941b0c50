// SPDX-License-Identifier: GPL-2.0-only
/*
 * import - networks as other programs describe them
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "sketch.h"

/* What the first character that is none of a blank says of a file. */
static const struct {
	char first;
	const char *what;
	int (*import)(const struct lana_topo_source *source, struct net *net,
		      struct lana_error *error);
} formats[] = {
	{ '<', "GraphML", import_graphml },
	{ '{', "IMUNES", import_imn_json },
	{ 0, "IMUNES", import_imn },
};

static void strip(struct net *net)
{
	for (size_t i = 0; i < net->links_count; i++) {
		struct net_link *link = &net->links[i];

		for (size_t j = 0; j < link->properties_count; j++) {
			free(link->properties[j].setting.key);
			free(link->properties[j].setting.value);
		}
		link->properties_count = 0;
	}
}

int lana_topo_import(const struct lana_topo_source *source, bool bare, char **text,
		     struct lana_error *error)
{
	const char *first = source->text, *end = source->text + source->size;
	_cleanup_(net_free) struct net net = {};
	char comment[120];
	size_t format = 0;
	int err;

	if (end - first >= 3 && !memcmp(first, "\xef\xbb\xbf", 3))
		first += 3; /* a byte order mark */
	while (first < end && isspace((unsigned char)*first))
		first++;
	if (first == end)
		return refuse(error, -EINVAL, "%s:1:1: the file is empty", source->name);
	while (formats[format].first && formats[format].first != *first)
		format++;
	err = formats[format].import(source, &net, error);
	if (err)
		return err;
	if (!net.nodes_count)
		return refuse(error, -EINVAL, "%s:1:1: there are no nodes in it", source->name);
	if (bare)
		strip(&net);
	snprintf(comment, sizeof(comment), "Made by lanactl topo import of a file of %s.",
		 formats[format].what);
	return sketch_write(&net, comment, text) ? refuse(error, -ENOMEM, "out of memory") : 0;
}
