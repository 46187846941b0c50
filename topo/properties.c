// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lana/worker.h>

#include "engine/config.h"
#include "loader/cleanup.h"
#include "loader/error.h"
#include "loader/tag.h"
#include "loader/types.h"
#include "properties.h"
#include "set.h"

struct properties {
	struct type *type;
};

int properties_open(const struct lana_topo_options *options, struct properties **result,
		    struct lana_error *error)
{
	const char *folders = options && options->stack ? options->stack->types : NULL;
	struct properties *properties = calloc(1, sizeof(*properties));
	int err;

	if (!properties)
		return refuse(error, -ENOMEM, "out of memory");
	err = types_parse(folders, PROPERTIES_TYPE, &properties->type, error);
	if (!err && properties->type->config.size != sizeof(struct link_config))
		err = refuse(error, -EINVAL, "type '%s' is of another version of lana",
			     PROPERTIES_TYPE);
	if (err)
		properties_close(properties);
	else
		*result = properties;
	return err;
}

void properties_close(struct properties *properties)
{
	if (properties && properties->type)
		type_free(properties->type);
	free(properties);
}

static void properties_close_p(struct properties **properties)
{
	properties_close(*properties);
}

/* ---- which there are ----------------------------------------------------------------------- */

/* What is said of a link as a whole holds for what its ends send. */
static bool concerns(const struct net_property *property, size_t end, bool to)
{
	return property->to == to && (property->end < 0 || property->end == (long)end);
}

bool properties_given(const struct net_link *link, size_t end, bool to)
{
	for (size_t i = 0; i < link->properties_count; i++)
		if (concerns(&link->properties[i], end, to))
			return true;
	return false;
}

bool properties_wired(const struct net_link *link, size_t end)
{
	if (!link->segment)
		return link->properties_count;
	return properties_given(link, end, false) || properties_given(link, end, true);
}

bool net_has_wires(const struct net *net)
{
	for (size_t i = 0; i < net->links_count; i++)
		if (net->links[i].properties_count)
			return true;
	return false;
}

/* ---- settings ------------------------------------------------------------------------------ */

/* Is the same said more narrowly? */
static bool is_overruled(const struct net_link *link, const struct net_property *property,
			 size_t end, bool to)
{
	for (size_t i = 0; property->end < 0 && i < link->properties_count; i++)
		if (link->properties[i].end >= 0 && concerns(&link->properties[i], end, to) &&
		    !strcmp(link->properties[i].setting.key, property->setting.key))
			return true;
	return false;
}

bool properties_holds(const struct net_link *link, size_t number, size_t end, bool to)
{
	const struct net_property *property = &link->properties[number];

	return concerns(property, end, to) && !is_overruled(link, property, end, to);
}

/* The value that holds for a direction; NULL: none is given. */
static const char *value_of(const struct net_link *link, const char *key, size_t end, bool to)
{
	for (size_t i = 0; i < link->properties_count; i++)
		if (properties_holds(link, i, end, to) &&
		    !strcmp(link->properties[i].setting.key, key))
			return link->properties[i].setting.value;
	return NULL;
}

static bool has_all(const struct net_link *link, size_t end, const struct net_link *other,
		    size_t other_end, bool to)
{
	for (size_t i = 0; i < link->properties_count; i++) {
		const char *value;

		if (!properties_holds(link, i, end, to))
			continue;
		value = value_of(other, link->properties[i].setting.key, other_end, to);
		if (!value || strcmp(value, link->properties[i].setting.value))
			return false;
	}
	return true;
}

bool properties_same(const struct net_link *link, size_t end, const struct net_link *other,
		     size_t other_end, bool to)
{
	return has_all(link, end, other, other_end, to) && has_all(other, other_end, link, end, to);
}

static int apply(const struct properties *properties, const char *option,
		 struct link_config *config, __u64 *done, struct lana_error *error)
{
	const struct type *type = properties->type;

	return layout_apply_one(type->btf, &type->config, type->name, option, config, done, error);
}

/* What each of them means was looked at: do they go together? */
static int check_all(const struct properties *properties, const struct link_config *config,
		     __u32 mtu, struct lana_error *error)
{
	int err = tag_check_options(&properties->type->config, config, error);

	if (!err)
		err = link_config_check(config, error);
	if (!err && link_takes_time(config) && mtu > LANA_WORKER_MTU_MAX)
		err = refuse(error, -ERANGE,
			     "a link with rate, delay, jitter or reorder has an MTU of at most "
			     "%u, and this one's is %u",
			     LANA_WORKER_MTU_MAX, mtu);
	return err;
}

static __u32 mtu_of(const struct net *net, const struct net_link *link)
{
	__u32 most = link->mtu;

	for (size_t i = 0; i < link->ends_count; i++) {
		const struct net_end *end = &link->ends[i];
		__u32 mtu = net->nodes[end->node].interfaces[end->interface].mtu;

		most = mtu > most ? mtu : most;
	}
	return most ?: 1500;
}

int properties_settle(const struct properties *properties, const struct net *net,
		      const struct net_link *link, size_t end, bool to, struct link_config *config,
		      struct place *place, struct lana_error *error)
{
	struct link_config made = {};
	__u64 done = 0;
	int err = 0;

	for (size_t i = 0; !err && i < link->properties_count; i++) {
		const struct net_setting *setting = &link->properties[i].setting;
		char option[200];

		if (!properties_holds(link, i, end, to))
			continue;
		if (place)
			*place = setting->place;
		if (snprintf(option, sizeof(option), "%s=%s", setting->key, setting->value) >=
		    (int)sizeof(option))
			err = refuse(error, -EINVAL, "%s: the value is too long", setting->key);
		else
			err = apply(properties, option, &made, &done, error);
	}
	if (!err)
		err = check_all(properties, &made, mtu_of(net, link), error);
	if (!err)
		*config = made;
	return err;
}

int properties_config(const struct properties *properties, const struct net *net,
		      const struct net_link *link, size_t end, bool to, struct link_config *config,
		      struct lana_error *error)
{
	struct place place = link->place;
	struct lana_error why = {};
	int err = properties_settle(properties, net, link, end, to, config, &place, &why);

	return err ? file_refuse(&net->file, place, error, err, "%s", why.text) : 0;
}

const char *properties_text(const struct properties *properties, const struct link_config *config,
			    size_t number, char *text, size_t size)
{
	const struct type *type = properties->type;
	int length;

	if (number >= type->config.count)
		return NULL;
	length = snprintf(text, size, "%s=", type->config.fields[number].field.name);
	field_format(type->btf, &type->config.fields[number], config, text + length, size - length);
	return text;
}

/* ---- all of a network ---------------------------------------------------------------------- */

/* Call visit with the settings of each direction that has some. */
static int each(const struct properties *properties, const struct net *net,
		void (*visit)(void *cookie, const struct net_link *link,
			      const struct link_config *config),
		void *cookie, struct lana_error *error)
{
	int err = 0;

	for (size_t i = 0; i < net->links_count; i++)
		for (size_t j = 0; j < 2 * net->links[i].ends_count; j++) {
			const struct net_link *link = &net->links[i];
			struct link_config config;

			if (!properties_given(link, j / 2, j % 2))
				continue;
			err = properties_config(properties, net, link, j / 2, j % 2, &config,
						error);
			if (err)
				return err;
			if (visit)
				visit(cookie, link, &config);
		}
	return 0;
}

/* Let an event change the settings of a direction. */
static int pass_event(const struct properties *properties, const struct net *net,
		      const struct net_event *event, struct link_config *config,
		      struct lana_error *error)
{
	const struct net_link *link = &net->links[event->link];
	struct lana_error why = {};
	__u64 done = 0;
	int err = 0;

	for (char **setting = event->settings; !err && *setting; setting++)
		err = apply(properties, *setting, config, &done, &why);
	if (!err)
		err = check_all(properties, config, mtu_of(net, link), &why);
	return err ? file_refuse(&net->file, event->place, error, err, "%s", why.text) : 0;
}

/*
 * Events one after the other, as a run goes through them: what holds then has to go together. Call
 * visit, or none, with each direction's settings.
 */
static int each_event(const struct properties *properties, const struct net *net,
		      void (*visit)(void *cookie, const struct net_link *link,
				    const struct link_config *config),
		      void *cookie, struct lana_error *error)
{
	_cleanup_free_ struct link_config *configs = NULL;
	_cleanup_free_ size_t *first = calloc(net->links_count + 1, sizeof(*first));
	int err = 0;

	for (size_t i = 0; first && i < net->links_count; i++)
		first[i + 1] = first[i] + 2 * net->links[i].ends_count;
	configs = first ? calloc(first[net->links_count] + 1, sizeof(*configs)) : NULL;
	if (!configs)
		return refuse(error, -ENOMEM, "out of memory");
	for (size_t i = 0; !err && i < net->links_count; i++)
		for (size_t j = 0; !err && j < 2 * net->links[i].ends_count; j++)
			err = properties_config(properties, net, &net->links[i], j / 2, j % 2,
						&configs[first[i] + j], error);
	for (size_t i = 0; !err && i < net->events_count; i++) {
		const struct net_event *event = &net->events[i];
		const struct net_link *link = &net->links[event->link];
		const struct set_choice choice = { event->link, event->from, event->to };

		for (size_t j = 0; !err && event->kind == EVENT_SET && j < link->ends_count; j++) {
			struct link_config *config =
				&configs[first[event->link] + 2 * j + (event->to >= 0)];

			if (!set_chosen(net, &choice, j))
				continue;
			err = pass_event(properties, net, event, config, error);
			if (!err && visit)
				visit(cookie, link, config);
		}
	}
	return err;
}

struct needing {
	const struct net *net;
	struct properties_need *need;
};

static void add_need(void *cookie, const struct net_link *link, const struct link_config *config)
{
	const struct needing *needing = cookie;
	struct properties_need *need = needing->need;
	const struct link_config effective = link_config_effective(config);
	__u32 mtu = mtu_of(needing->net, link);

	if (mtu > need->mtu && mtu <= LANA_WORKER_MTU_MAX)
		need->mtu = mtu;
	if (link_takes_time(config))
		need->frames += link_config_need(&effective) ?: 1;
}

/* What comes by events and takes time wants a worker from the start, so that none waits for it. */
static void add_event_need(void *cookie, const struct net_link *link,
			   const struct link_config *config)
{
	const struct needing *needing = cookie;
	struct properties_need later = {};
	struct needing alone = { needing->net, &later };

	add_need(&alone, link, config);
	if (later.frames > needing->need->frames)
		needing->need->frames = later.frames;
}

static int find_need(const struct properties *properties, const struct net *net,
		     struct properties_need *need, struct lana_error *error)
{
	struct properties_need found = {};
	struct needing needing = { net, &found };
	int err = each(properties, net, add_need, &needing, error)
			  ?: each_event(properties, net, add_event_need, &needing, error);

	if (!err)
		*need = found;
	return err;
}

int properties_need_of(const struct lana_topo_options *options, const struct net *net,
		       struct properties_need *need, struct lana_error *error)
{
	_cleanup_(properties_close_p) struct properties *properties = NULL;

	*need = (struct properties_need){};
	if (!net_has_wires(net))
		return 0;
	return properties_open(options, &properties, error)
		       ?: find_need(properties, net, need, error);
}

/* Blocks that all wires take: two devices each, and a block for each direction. */
static size_t count_blocks(const struct net *net)
{
	size_t count = 0;

	for (size_t i = 0; i < net->links_count; i++)
		for (size_t j = 0; j < net->links[i].ends_count; j++)
			if (properties_wired(&net->links[i], j))
				count += net->links[i].segment ? 4 : 2;
	return count;
}

int properties_check(const struct net *net, const struct lana_topo_options *options,
		     struct lana_error *error)
{
	_cleanup_(properties_close_p) struct properties *properties = NULL;
	int err;

	if (!net_has_wires(net))
		return 0;
	err = properties_open(options, &properties, error)
		      ?: each(properties, net, NULL, NULL, error)
		      ?: each_event(properties, net, NULL, NULL, error);
	if (!err && count_blocks(net) > LANA_BLOCKS_MAX - 2)
		err = refuse(error, -ENOSPC,
			     "%s: links with properties take %zu blocks, and a stack has room for "
			     "%u: that is %u links",
			     net->file.name, count_blocks(net), LANA_BLOCKS_MAX - 2,
			     (LANA_BLOCKS_MAX - 2) / 4);
	return err;
}
