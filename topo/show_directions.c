// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "show_directions.h"
#include "stacks.h"
#include "wires.h"

/* What the stack tells of all links, and which is called what. */
struct meters {
	struct lana_link_info *list;
	size_t count;
	struct index names;
};

static void meters_free(struct meters *meters)
{
	free(meters->list);
	index_free(&meters->names);
}

static const struct lana_link_info *find(const struct meters *meters, const char *name)
{
	index_for_each (&meters->names, registry_hash(name), number)
		if (!strcmp(meters->list[number].name, name))
			return &meters->list[number];
	return NULL;
}

/* A stack that somebody has removed tells nothing. */
static int read_meters(const struct lana_topo_options *options, const struct home *home,
		       struct meters *meters, struct lana_error *error)
{
	struct lana_stack *stack = NULL;
	int err = stacks_open(options, home, HOME_WIRES, false, &stack, error);

	if (err)
		return err == -ENOENT || err == -ENODEV ? 0 : err;
	err = lana_link_list(stack, NULL, &meters->list, &meters->count, error);
	lana_stack_close(stack);
	for (size_t i = 0; !err && i < meters->count; i++)
		if (index_add(&meters->names, registry_hash(meters->list[i].name)))
			err = refuse(error, -ENOMEM, "out of memory");
	return err;
}

static int add(const struct net *net, const struct net_link *link, size_t end, bool to,
	       const struct meters *meters, struct lana_topo_info *info)
{
	struct lana_topo_direction *direction = NET_ADD(info->directions, info->directions_count);
	const struct lana_link_info *meter;
	char name[LANA_NAME_MAX];

	if (!direction)
		return -ENOMEM;
	memcpy(direction->link, link->name, sizeof(direction->link));
	net_end_text(net, &link->ends[end], to ? direction->to : direction->from);
	if (!link->segment)
		net_end_text(net, &link->ends[1 - end], direction->to);
	wires_name(net, link, end, to ? WIRES_TO : WIRES_FROM, name);
	meter = find(meters, name);
	if (meter)
		direction->info = *meter;
	if (direction->info.takes_time)
		strcpy(info->worker.name, "worker");
	return 0;
}

int show_directions(const struct lana_topo_options *options, const struct home *home,
		    const struct net *net, struct lana_topo_info *info, struct lana_error *error)
{
	_cleanup_(meters_free) struct meters meters = {};
	char log[HOME_PATH_MAX];
	int err = net_has_wires(net) ? read_meters(options, home, &meters, error) : 0;

	if (err)
		return err;
	for (size_t i = 0; i < net->links_count; i++) {
		const struct net_link *link = &net->links[i];

		for (size_t j = 0; j < link->ends_count; j++)
			for (int to = 0; to <= link->segment && properties_wired(link, j); to++)
				if (add(net, link, j, to, &meters, info))
					return refuse(error, -ENOMEM, "out of memory");
	}
	if (!*info->worker.name)
		return 0;
	info->worker.state = LANA_TOPO_ENDED;
	info->unkept = !info->keeper;
	home_path(home, log, "logs/" HOME_WIRES ".worker");
	snprintf(info->worker.log, sizeof(info->worker.log), "%.*s",
		 (int)sizeof(info->worker.log) - 1, log);
	return 0;
}
