// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>

#include <sys/mount.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "enter.h"
#include "hosts.h"
#include "limits.h"
#include "parallel.h"
#include "private.h"

/* What is mounted from now on is seen by this thread and its children alone. */
static int leave_mounts(const struct home *home, struct lana_error *error)
{
	int err;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL))
		return refuse(error, -errno, "cannot make a mount namespace: %s", strerror(errno));
	err = hosts_mount(home);
	return err ? refuse(error, err, "cannot mount %s/hosts at /etc/hosts: %s", home->folder,
			    strerror(-err))
		   : 0;
}

struct view {
	const struct home *home;
	int fd; /* or -errno */
};

static void make_view(void *cookie, size_t number)
{
	struct view *view = cookie;

	(void)number;
	view->fd = leave_mounts(view->home, NULL);
	if (view->fd)
		return;
	view->fd = open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (view->fd < 0)
		view->fd = -errno;
}

int node_view(const struct home *home)
{
	struct view view = { home, -EINVAL };

	return parallel(1, make_view, &view) ?: view.fd;
}

/* What the user wants to see stands before what he gets. */
static int make_mounts(const struct home *home, const struct net_node *node,
		       struct lana_error *error)
{
	char own[2 * HOME_PATH_MAX];

	for (size_t i = 0; i < node->mounts.count; i++) {
		const struct net_setting *one = &node->mounts.list[i];

		const char *from = *one->value ? one->value : own;
		int err = from == own ? private_folder(home, node->name, one->key, own) : 0;

		if (!err && mount(from, one->key, NULL, MS_BIND | MS_REC, NULL))
			err = -errno;
		if (err)
			return refuse(error, err, "cannot mount %s at %s: %s",
				      from == own ? "a private folder" : from, one->key,
				      strerror(-err));
	}
	return 0;
}

static int enter_view(const struct home *home, int view, struct lana_error *error)
{
	int err = setns(view, CLONE_NEWNS) ? -errno : hosts_mount(home);

	return err ? refuse(error, err, "cannot enter a mount namespace: %s", strerror(-err)) : 0;
}

int node_enter(const struct home *home, const struct net_node *node, int view,
	       struct lana_error *error)
{
	_cleanup_close_ int netns = -1;
	char path[HOME_PATH_MAX];
	int err;

	netns = open(home_path(home, path, "ns/%s", node->name), O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return refuse(error, -errno, "cannot enter node '%s': %s", node->name,
			      strerror(errno));
	err = limits_enter(home, node->name);
	if (err)
		return refuse(error, err, "cannot enter the control group of '%s': %s", node->name,
			      strerror(-err));
	if (setns(netns, CLONE_NEWNET))
		return refuse(error, -errno, "cannot enter node '%s': %s", node->name,
			      strerror(errno));
	return view >= 0 && !node->mounts.count
		       ? enter_view(home, view, error)
		       : leave_mounts(home, error) ?: make_mounts(home, node, error);
}

int lana_topo_enter(const struct lana_topo_options *options, const char *network, const char *node,
		    struct lana_error *error)
{
	_cleanup_(home_close) struct home home = { .fd = -1 };
	_cleanup_(net_free) struct net net = {};
	int err = home_open(options, network, false, &home, error);
	long found;

	if (!err)
		err = home_load(&home, &net, error);
	if (err)
		return err;
	found = net_find_node(&net, node);
	if (found < 0)
		return refuse(error, -ENOENT, "network '%s' has no node '%s'", network, node);
	return node_enter(&home, &net.nodes[found], -1, error);
}
