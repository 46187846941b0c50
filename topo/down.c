// SPDX-License-Identifier: GPL-2.0-only
/*
 * down - take a network away, whatever state it is in
 *
 * Each step finds what is there by itself, and what an earlier attempt has done is no hindrance: so
 * it may be killed at any moment and begun again. Until then the network is marked as busy, and so
 * known to be broken.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <sys/mount.h>
#include <sys/stat.h>

#include "devices.h"
#include "down.h"
#include "keeper.h"
#include "kill.h"
#include "limits.h"
#include "loader/cleanup.h"
#include "loader/error.h"
#include "private.h"
#include "stacks.h"

/* Call visit for what is in a folder of the network. */
static int each(const struct home *home, const char *folder,
		int (*visit)(const struct home *home, int at, const char *name))
{
	char path[HOME_PATH_MAX];
	DIR *dir = opendir(home_path(home, path, "%s", folder));
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (!err && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			err = visit(home, dirfd(dir), entry->d_name);
	closedir(dir);
	return err;
}

/* The name for ip-netns(8); only if it is one of this network's. */
static int remove_name(const struct home *home, int at, const char *name)
{
	char path[HOME_PATH_MAX], link[HOME_PATH_MAX], target[HOME_PATH_MAX];
	ssize_t length = readlink(home_netns(home, name, link), target, sizeof(target) - 1);

	(void)at;
	if (length < 0)
		return 0;
	target[length] = 0;
	if (strcmp(target, home_path(home, path, "ns/%s", name)))
		return 0;
	return unlink(link) && errno != ENOENT ? -errno : 0;
}

/* Also where else it is mounted: the kernel does that when the file goes. */
static int remove_file(const struct home *home, int at, const char *name)
{
	(void)home;
	return unlinkat(at, name, 0) && errno != ENOENT ? -errno : 0;
}

/* The mark goes last: with it whatever is left is broken. */
static int remove_note(const struct home *home, int at, const char *name)
{
	return strcmp(name, "busy") ? remove_file(home, at, name) : 0;
}

/* All namespaces at once; there may be a mount upon another after a kill. */
static int unmount_all(const struct home *home)
{
	char path[HOME_PATH_MAX];

	home_path(home, path, "ns");
	while (!umount2(path, MNT_DETACH))
		;
	return errno == EINVAL || errno == ENOENT ? 0 : -errno;
}

static int remove_spaces(const struct home *home, struct lana_error *error)
{
	int err = each(home, "ns", remove_name) ?: unmount_all(home) ?:
		  each(home, "ns", remove_file);

	if (!err && unlinkat(home->fd, "ns", AT_REMOVEDIR) && errno != ENOENT)
		err = -errno;
	return err ? refuse(error, err, "cannot remove the network namespaces of '%s': %s",
			    home->name, strerror(-err))
		   : 0;
}

static int remove_folder(const struct home *home, struct lana_error *error)
{
	int err = private_remove(home, NULL) ?: each(home, "logs", remove_file);

	if (!err && unlinkat(home->fd, "logs", AT_REMOVEDIR) && errno != ENOENT)
		err = -errno;
	if (!err)
		err = each(home, "", remove_note);
	if (!err)
		home_end(home);
	if (!err && rmdir(home->folder))
		err = -errno;
	return err ? refuse(error, err, "cannot remove %s: %s", home->folder, strerror(-err)) : 0;
}

int network_remove(const struct lana_topo_options *options, const struct home *home,
		   struct lana_error *error)
{
	int err;

	home_begin(home); /* where that cannot be written it goes all the same */
	if (keeper_find(home))
		keeper_ask(home, KEEPER_QUIT, NULL); /* one that does not answer is killed, too */
	err = kill_all(home);
	if (!err)
		err = keeper_kill(home);
	if (err)
		return refuse(error, err, "cannot end the processes of '%s': %s", home->name,
			      strerror(-err));
	err = stacks_remove(options, home, error) ?: devices_return(home, error);
	if (err)
		return err;
	err = limits_remove_all(home);
	if (err)
		return refuse(error, err, "cannot remove the control groups of '%s': %s",
			      home->name, strerror(-err));
	return remove_spaces(home, error) ?: remove_folder(home, error);
}

int lana_topo_down(const struct lana_topo_options *options, const char *network,
		   struct lana_error *error)
{
	_cleanup_(home_close) struct home home = { .fd = -1 };

	return home_open(options, network, false, &home, error)
		       ?: network_remove(options, &home, error);
}

int lana_topo_list(const struct lana_topo_options *options, char (**names)[32], size_t *count,
		   struct lana_error *error)
{
	char(*list)[32] = NULL;
	DIR *dir = opendir(home_root(options));
	struct dirent *entry;
	size_t found = 0;

	if (!dir && errno != ENOENT)
		return refuse(error, -errno, "%s: %s", home_root(options), strerror(errno));
	while (dir && (entry = readdir(dir))) {
		char(*name)[32];

		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= sizeof(*name))
			continue;
		name = NET_ADD(list, found);
		if (!name) {
			free(list);
			closedir(dir);
			return refuse(error, -ENOMEM, "out of memory");
		}
		memcpy(*name, entry->d_name, strlen(entry->d_name) + 1);
	}
	if (dir)
		closedir(dir);
	qsort(list, found, sizeof(*list), (int (*)(const void *, const void *))strcmp);
	*names = list;
	*count = found;
	return 0;
}
