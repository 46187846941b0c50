// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "loader/cleanup.h"
#include "loader/error.h"
#include "run.h"
#include "set.h"
#include "wires.h"

/* ---- what is meant ------------------------------------------------------------------------- */

static int find_node(const struct net *net, const struct net_link *link, const char *name,
		     long *node, struct lana_error *error)
{
	*node = name ? net_find_node(net, name) : -1;
	for (size_t i = 0; i < link->ends_count; i++)
		if (!name || link->ends[i].node == *node)
			return 0;
	return refuse(error, -ENOENT, "'%s' is no node of link '%s'", name, link->name);
}

int set_choose(const struct net *net, const char *name, const char *from, const char *to,
	       struct set_choice *choice, struct lana_error *error)
{
	long found = net_find_link(net, name);
	const struct net_link *link = found < 0 ? NULL : &net->links[found];

	if (!link)
		return refuse(error, -ENOENT, "network '%s' has no link '%s'", net->name, name);
	if (to && !link->segment)
		return refuse(error, -EINVAL,
			      "'to' is for segments: say what is sent 'from' the other end of "
			      "link '%s'",
			      name);
	choice->link = found;
	return find_node(net, link, from, &choice->from, error)
		       ?: find_node(net, link, to, &choice->to, error);
}

bool set_chosen(const struct net *net, const struct set_choice *choice, size_t end)
{
	long node = choice->to >= 0 ? choice->to : choice->from;

	return node < 0 || net->links[choice->link].ends[end].node == node;
}

static int put(struct net *net, const struct set_choice *choice, const char *key, const char *value,
	       struct lana_error *error)
{
	struct net_link *link = &net->links[choice->link];

	for (size_t i = 0; i < link->ends_count; i++)
		if (set_chosen(net, choice, i) &&
		    net_put_property(link, i, choice->to >= 0, key, value))
			return refuse(error, -ENOMEM, "out of memory");
	return 0;
}

int set_put(struct net *net, const struct set_choice *choice, const char *const *settings,
	    struct lana_error *error)
{
	int err = 0;

	for (; !err && *settings; settings++) {
		const char *equals = strchr(*settings, '=');
		char key[LANA_NAME_MAX];

		if (!equals || equals == *settings || equals - *settings >= LANA_NAME_MAX ||
		    strpbrk(*settings, " \n"))
			return refuse(error, -EINVAL, "'%.60s' is not of the form KEY=VALUE",
				      *settings);
		snprintf(key, sizeof(key), "%.*s", (int)(equals - *settings), *settings);
		err = put(net, choice, key, equals + 1, error);
	}
	return err;
}

int set_check(const struct properties *properties, const struct net *net,
	      const struct set_choice *choice, struct lana_error *error)
{
	const struct net_link *link = &net->links[choice->link];
	struct link_config config;
	int err = 0;

	for (size_t i = 0; !err && i < link->ends_count; i++)
		if (set_chosen(net, choice, i))
			err = properties_settle(properties, net, link, i, choice->to >= 0, &config,
						NULL, error);
	return err;
}

/* ---- doing it ------------------------------------------------------------------------------ */

int set_run(const struct lana_topo_options *options, const struct home *home,
	    struct properties *properties, struct lana_stack *wires, const struct net *net,
	    const struct set_choice *choice, struct lana_error *error)
{
	struct steps steps = {};
	struct run run = { .options = options,
			   .home = home,
			   .steps = &steps,
			   .spaces.home = home,
			   .properties = properties,
			   .wires = wires,
			   .lock = PTHREAD_MUTEX_INITIALIZER };
	const struct net_link *link = &net->links[choice->link];
	int err = 0;

	for (size_t i = 0; !err && i < link->ends_count; i++) {
		struct step *step;

		if (!set_chosen(net, choice, i))
			continue;
		step = NET_ADD(steps.list, steps.count);
		if (step)
			*step = (struct step){ .kind = STEP_PROPERTIES,
					       .net = net,
					       .item = choice->link,
					       .part = i,
					       .to = choice->to >= 0 };
		else
			err = refuse(error, -ENOMEM, "out of memory");
	}
	if (!err)
		err = wires_run(&run, 0, steps.count, error) ?: run_judge(&run, error);
	spaces_free(&run.spaces);
	free(steps.list);
	return err;
}

/* Have all chosen directions a block that can be set? */
static bool is_in_place(const struct net *from, const struct set_choice *choice)
{
	for (size_t i = 0; i < from->links[choice->link].ends_count; i++)
		if (set_chosen(from, choice, i) && !properties_wired(&from->links[choice->link], i))
			return false;
	return true;
}

static void close_properties(struct properties **properties)
{
	properties_close(*properties);
}

/* A commit cannot be left half done, so nothing is marked; what is set again is set again. */
static int set_in_place(const struct lana_topo_options *options, const struct home *home,
			struct properties *properties, const struct net *from, const struct net *to,
			const struct set_choice *choice, struct lana_error *error)
{
	int err = home_store_set(home, to);

	if (err)
		return home_refuse(home, err, error);
	err = set_run(options, home, properties, NULL, to, choice, error)
		      ?: keep_network(options, home, to, error);
	if (!err)
		return 0;
	set_run(options, home, properties, NULL, from, choice, NULL);
	home_store_set(home, from);
	return err;
}

int lana_topo_set(const struct lana_topo_options *options, const char *network, const char *link,
		  const char *from, const char *to, const char *const *settings,
		  struct lana_error *error)
{
	_cleanup_(close_properties) struct properties *properties = NULL;
	_cleanup_(home_close) struct home home = { .fd = -1 };
	_cleanup_(net_free) struct net before = {}, after = {};
	_cleanup_(steps_free_p) struct steps steps = {};
	struct set_choice choice;
	int err = home_open(options, network, false, &home, error) ?:
		  home_check(&home, error) ?:
		  home_load(&home, &before, error) ?:
		  home_load(&home, &after, error) ?:
		  set_choose(&after, link, from, to, &choice, error) ?:
		  set_put(&after, &choice, settings, error) ?:
		  properties_open(options, &properties, error) ?:
		  set_check(properties, &after, &choice, error);

	if (err)
		return err;
	if (is_in_place(&before, &choice))
		return set_in_place(options, &home, properties, &before, &after, &choice, error);
	if (steps_find(&before, &after, &steps))
		return refuse(error, -ENOMEM, "out of memory");
	return network_change(options, &home, NULL, &before, &after, &steps, error);
}
