// SPDX-License-Identifier: GPL-2.0-only
/*
 * topo - make and change networks: lana/topo.h
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>

#include "change.h"
#include "down.h"
#include "form.h"
#include "hosts.h"
#include "limits.h"
#include "loader/cleanup.h"
#include "loader/error.h"
#include "properties.h"
#include "run.h"
#include "home.h"
#include "step.h"

static void result_free(struct lana_topo_result *result)
{
	free(result->steps);
}

static void count(const struct net *net, struct lana_topo_result *result)
{
	snprintf(result->network, sizeof(result->network), "%s", net->name);
	result->nodes = net->nodes_count;
	limits_note(net, result->note, sizeof(result->note));
	hosts_note(net, result->note, sizeof(result->note));
	result->links = net->links_count;
	for (size_t i = 0; i < net->nodes_count; i++) {
		const struct net_node *node = &net->nodes[i];

		for (size_t j = 0; j < node->interfaces_count; j++)
			result->addresses += node->interfaces[j].addresses_count;
		result->routes += node->routes_count;
		result->processes += node->processes_count;
	}
}

static int describe(const struct steps *steps, struct lana_topo_result *result,
		    struct lana_error *error)
{
	result->steps = calloc(steps->count + 1, sizeof(*result->steps));
	if (!result->steps)
		return refuse(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < steps->count; i++) {
		struct lana_topo_step *step = &result->steps[result->steps_count];
		struct place place = step_place(&steps->list[i]);

		if (steps->list[i].again || steps->list[i].implied)
			continue; /* it follows from others */
		step_text(&steps->list[i], step->text, sizeof(step->text));
		if (!steps->list[i].remove) {
			step->line = place.line;
			step->column = place.column;
		}
		result->steps_count++;
	}
	return 0;
}

static int find_steps(const struct net *from, const struct net *to, struct steps *steps,
		      struct lana_topo_result *result, struct lana_error *error)
{
	count(to, result);
	return steps_find(from, to, steps) ? refuse(error, -ENOMEM, "out of memory")
					   : describe(steps, result, error);
}

/* What can be told before anything is done. */
static int check(const struct lana_topo_options *options, const struct net *net,
		 struct lana_error *error)
{
	return properties_check(net, options, error) ?: limits_check(net, error);
}

/* ---- validate ------------------------------------------------------------------------------ */

int lana_topo_validate(const struct lana_topo_source *source, struct lana_topo_result *result,
		       struct lana_error *error)
{
	const struct lana_stack_options types = { .types = source->types };
	const struct lana_topo_options options = { .stack = &types };
	_cleanup_(net_free) struct net net = {};
	struct lana_topo_result found = {};
	int err = net_read(source, NULL, NULL, &net, error)
			  ?: properties_check(&net, &options, error);

	if (err)
		return err;
	count(&net, &found);
	if (result)
		*result = found;
	return 0;
}

int lana_topo_schema(char **text)
{
	size_t size;
	FILE *file = open_memstream(text, &size);

	if (!file)
		return -ENOMEM;
	form_schema(&topology_form, file);
	return fclose(file) ? -ENOMEM : 0;
}

/* ---- up ------------------------------------------------------------------------------------ */

static int make(const struct lana_topo_options *options, const struct home *home,
		const struct lana_topo_source *source, const struct net *net, struct steps *steps,
		struct lana_error *error)
{
	int err = home_begin(home);

	if (!err)
		err = home_store(home, source, net);
	if (err)
		return home_refuse(home, err, error);
	err = spaces_prepare(home, error) ?:
	      run_with_files(options, home, steps, net->nodes_count, error) ?:
	      keep_network(options, home, net, error);
	if (!err)
		home_end(home);
	return err;
}

int lana_topo_up(const struct lana_topo_options *options, const struct lana_topo_source *source,
		 struct lana_topo_result *result, struct lana_error *error)
{
	_cleanup_(home_close) struct home home = { .fd = -1 };
	_cleanup_(result_free) struct lana_topo_result found = {};
	_cleanup_(steps_free_p) struct steps steps = {};
	_cleanup_(net_free) struct net net = {};
	int err = net_read(source, NULL, NULL, &net, error) ?: check(options, &net, error);

	if (!err)
		err = find_steps(NULL, &net, &steps, &found, error);
	if (!err)
		err = home_open(options, net.name, true, &home, error);
	if (err)
		return err;
	err = make(options, &home, source, &net, &steps, error);
	if (err) {
		network_remove(options, &home, NULL);
		return err;
	}
	if (result) {
		*result = found;
		found.steps = NULL;
	}
	return 0;
}

/* ---- apply --------------------------------------------------------------------------------- */

/* Read the file for a network that may be there: links keep their addresses. */
static int read_both(const struct lana_topo_options *options, const struct lana_topo_source *source,
		     bool must, struct home *home, struct net *from, struct net *to,
		     struct lana_error *error)
{
	_cleanup_(net_free) struct net alone = {};
	int err = net_read(source, NULL, NULL, &alone, error) ?: check(options, &alone, error);

	if (err)
		return err;
	err = home_open(options, alone.name, false, home, error);
	if (err == -ENOENT && !must) {
		*to = alone;
		to->file.name = to->file_name;
		alone = (struct net){};
		return 0;
	}
	if (err)
		return err;
	return home_check(home, error) ?:
	       home_load(home, from, error) ?:
	       net_read(source, NULL, from, to, error);
}

int lana_topo_apply(const struct lana_topo_options *options, const struct lana_topo_source *source,
		    struct lana_topo_result *result, struct lana_error *error)
{
	_cleanup_(home_close) struct home home = { .fd = -1 };
	_cleanup_(result_free) struct lana_topo_result found = {};
	_cleanup_(steps_free_p) struct steps steps = {};
	_cleanup_(net_free) struct net from = {}, to = {};
	int err = read_both(options, source, true, &home, &from, &to, error);

	if (!err)
		err = find_steps(&from, &to, &steps, &found, error);
	if (!err)
		err = network_change(options, &home, source, &from, &to, &steps, error);
	if (!err && result) {
		*result = found;
		found.steps = NULL;
	}
	return err;
}

int lana_topo_plan(const struct lana_topo_options *options, const struct lana_topo_source *source,
		   struct lana_topo_result *result, struct lana_error *error)
{
	_cleanup_(home_close) struct home home = { .fd = -1 };
	_cleanup_(result_free) struct lana_topo_result found = {};
	_cleanup_(steps_free_p) struct steps steps = {};
	_cleanup_(net_free) struct net from = {}, to = {};
	int err = read_both(options, source, false, &home, &from, &to, error);

	if (!err)
		err = find_steps(home.fd < 0 ? NULL : &from, &to, &steps, &found, error);
	if (!err && result) {
		*result = found;
		found.steps = NULL;
	}
	return err;
}
