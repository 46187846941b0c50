// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <sys/stat.h>

#include <lana/apply.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "stacks.h"

static void close_stack(struct lana_stack **stack)
{
	if (*stack)
		lana_stack_close(*stack);
}

/* bpffs takes no dots, and no node's name begins with a +. */
static int name_stack(const struct home *home, const char *node, char name[LANA_NAME_MAX],
		      struct lana_error *error)
{
	bool own = *node == '@';

	if (snprintf(name, LANA_NAME_MAX, "%s+%s%s", home->name, own ? "+" : "", node + own) <
	    LANA_NAME_MAX)
		return 0;
	if (!own)
		return refuse(error, -ENAMETOOLONG, "the name of a stack '%s+%s' is too long",
			      home->name, node);
	snprintf(name, LANA_NAME_MAX, "%.12s%08x++%s", home->name, registry_hash(home->name),
		 node + 1);
	return 0;
}

int stacks_open(const struct lana_topo_options *options, const struct home *home, const char *node,
		bool create, struct lana_stack **stack, struct lana_error *error)
{
	struct lana_stack_options stack_options = {};
	char name[LANA_NAME_MAX], netns[2 * NET_NAME_MAX];
	int err = name_stack(home, node, name, error);

	if (err)
		return err;
	if (options && options->stack)
		stack_options = *options->stack;
	stack_options.name = name;
	snprintf(netns, sizeof(netns), "%s%s%s", home->name, *node == '@' ? "" : ".", node);
	stack_options.netns = netns;
	stack_options.create = create;
	stack_options.fuse = true;
	return lana_stack_open(&stack_options, stack, error);
}

static int read_file(const char *path, char **text, size_t *size, struct lana_error *error)
{
	struct home folder = { .fd = AT_FDCWD };
	int err = home_read(&folder, path, text, size);

	return err ? refuse(error, err, "%s: %s", path, strerror(-err)) : 0;
}

int stack_make(const struct lana_topo_options *options, const struct home *home,
	       const struct net_node *node, struct lana_error *error)
{
	_cleanup_(close_stack) struct lana_stack *stack = NULL;
	const struct lana_apply_options apply = { .name = node->stack };
	_cleanup_free_ char *text = NULL;
	size_t size;
	int err = read_file(node->stack, &text, &size, error);

	if (err)
		return err;
	err = home_note(home, "stacks", node->name);
	if (err)
		return home_refuse(home, err, error);
	return stacks_open(options, home, node->name, true, &stack, error)
		       ?: lana_apply(stack, text, size, &apply, NULL, error);
}

int stack_remove(const struct lana_topo_options *options, const struct home *home, const char *node,
		 struct lana_error *error)
{
	_cleanup_(close_stack) struct lana_stack *stack = NULL;
	int err = stacks_open(options, home, node, true, &stack, error);

	/* One that was half made by a command that was killed is completed, and goes. */
	/* Without bpffs there are none. */
	if (err)
		return err == -ENOENT || err == -ENODEV ? 0 : err;
	return lana_stack_flush(stack, error);
}

int stacks_remove(const struct lana_topo_options *options, const struct home *home,
		  struct lana_error *error)
{
	_cleanup_free_ char *text = NULL;
	char *line, *save;
	int err = home_read(home, "stacks", &text, NULL);

	if (err)
		return err == -ENOENT ? 0 : home_refuse(home, err, error);
	for (line = strtok_r(text, "\n", &save); line && !err; line = strtok_r(NULL, "\n", &save))
		err = stack_remove(options, home, line, error);
	return err;
}
