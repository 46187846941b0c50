// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/resource.h>

#include "change.h"
#include "keeper.h"
#include "limits.h"
#include "loader/cleanup.h"
#include "loader/error.h"
#include "properties.h"
#include "run.h"

/* While a network is made two descriptors a node are open, and those of sysctl.h. */
int run_with_files(const struct lana_topo_options *options, const struct home *home,
		   struct steps *steps, size_t nodes, struct lana_error *error)
{
	size_t files = 2 * nodes + nodes / 32 + 200;
	struct rlimit before;
	int err;

	if (limits_raise_files(files, &before))
		return refuse(error, -EMFILE,
			      "%zu nodes need %zu open files, and that limit cannot be raised "
			      "(ulimit -Hn, fs.nr_open)",
			      nodes, files);
	err = run_steps(options, home, steps, error);
	setrlimit(RLIMIT_NOFILE, &before);
	return err;
}

/* Is there anything for a keeper to do: processes, or the worker of links that take time? */
static int wants_keeper(const struct lana_topo_options *options, const struct net *net,
			bool *wanted, struct lana_error *error)
{
	struct properties_need need;
	int err = properties_need_of(options, net, &need, error);

	*wanted = need.frames;
	for (size_t i = 0; i < net->nodes_count; i++)
		*wanted |= net->nodes[i].processes_count;
	return err;
}

int keep_network(const struct lana_topo_options *options, const struct home *home,
		 const struct net *net, struct lana_error *error)
{
	bool wanted, there = keeper_find(home);
	int err = wants_keeper(options, net, &wanted, error);

	if (err || (!wanted && !there))
		return err;
	if (!there)
		err = keeper_begin(options, home, error);
	return err ?: keeper_ask(home, KEEPER_START, error);
}

/* End what is to end; the keeper compares by itself. */
static int end_processes(const struct home *home, const struct lana_topo_source *source,
			 const struct net *to, struct lana_error *error)
{
	_cleanup_free_ char *next = NULL;
	int length, err;

	if (!source || !keeper_find(home))
		return 0;
	length = asprintf(&next, "%s\n%.*s", to->folder, (int)source->size, source->text);
	if (length < 0)
		return refuse(error, -ENOMEM, "out of memory");
	err = home_write(home, "next", next, length);
	return err ? home_refuse(home, err, error) : keeper_ask(home, KEEPER_END, error);
}

/* Go back to the network that was, whose file's text is noted again. */
static void undo(const struct lana_topo_options *options, const struct home *home,
		 const struct steps *steps, const struct net *from,
		 const struct lana_topo_source *before, struct lana_error *error)
{
	_cleanup_(steps_free_p) struct steps back = {};
	struct lana_error why = {};
	int err = steps_turn(steps, from, &back);

	if (!err)
		err = run_with_files(options, home, &back, 2 * from->nodes_count, &why);
	if (!err)
		err = end_processes(home, before, from, &why);
	if (!err)
		err = home_store(home, before, from) ?: home_store_set(home, from);
	if (!err)
		err = keep_network(options, home, from, &why);
	if (!err)
		home_end(home);
	else if (error)
		snprintf(error->text + strlen(error->text),
			 sizeof(error->text) - strlen(error->text),
			 "; and it could not be undone (%.200s): take the network down", why.text);
}

int network_change(const struct lana_topo_options *options, const struct home *home,
		   const struct lana_topo_source *source, const struct net *from,
		   const struct net *to, struct steps *steps, struct lana_error *error)
{
	_cleanup_free_ char *text = NULL;
	struct lana_topo_source before = {};
	int err = home_read(home, "text", &text, &before.size);

	if (!err)
		err = home_begin(home);
	if (err)
		return home_refuse(home, err, error);
	before.text = text;
	err = end_processes(home, source, to, error);
	if (!err)
		err = run_with_files(options, home, steps, from->nodes_count + to->nodes_count,
				     error);
	if (!err && ((source && home_store(home, source, to)) || home_store_set(home, to)))
		err = home_refuse(home, -EIO, error);
	if (!err)
		err = keep_network(options, home, to, error);
	if (err) {
		undo(options, home, steps, from, &before, error);
		return err;
	}
	unlinkat(home->fd, "next", 0);
	home_end(home);
	return 0;
}
