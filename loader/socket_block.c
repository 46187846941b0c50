// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "commit.h"
#include "error.h"
#include "hook.h"
#include "notice.h"
#include "socket_block.h"

/* ---- folders ------------------------------------------------------------------------------- */

/* bpffs knows no names with a dot in them. */
static const char *folder_path(const struct lana_stack *stack, char path[320], const char *device)
{
	const char *dot = strchr(device, '.');

	return stack_path(stack, path, 320, "sockets/%s", dot ? dot + 1 : device);
}

/*
 * The folder as the root of a mount of its own, which nothing can be written to: who is handed the
 * descriptor, in a container as its root perhaps, has no way up from there. Locks are the inode's.
 */
static int open_apart(const char *path)
{
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV };
	_cleanup_close_ int tree = open_tree(
		AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);

	if (tree < 0 || mount_setattr(tree, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)))
		return -1;
	return openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* -EWOULDBLOCK: its process lives. */
static int lock_folder(int opened, int *fd)
{
	_cleanup_close_ int folder = opened;

	if (folder < 0 || flock(folder, LOCK_EX | LOCK_NB))
		return -errno;
	*fd = TAKE_FD(folder);
	return 0;
}

int socket_folder_make(const struct lana_stack *stack, const char *device, int *fd)
{
	char path[320];
	int err;

	if (mkdir(folder_path(stack, path, device), 0700))
		return -errno;
	err = lock_folder(open_apart(path), fd);
	if (err)
		rmdir(path);
	return err;
}

void socket_folder_remove(const struct lana_stack *stack, const char *device)
{
	char path[320];

	rmdir(folder_path(stack, path, device));
}

/* Only a lock that can be had, or a folder that is not there, says that the process has gone. */
static bool is_dead(const struct lana_stack *stack, const char *device)
{
	_cleanup_close_ int folder = -1;
	char path[320];
	int opened = open(folder_path(stack, path, device),
			  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int err = lock_folder(opened, &folder);

	return !err || err == -ENOENT;
}

static bool has_record(const struct lana_stack *stack, const char *tag)
{
	registry_for_each (stack->registry, idp) {
		const struct device_record *device = &stack->registry->records[idp].device;
		const char *dot = strchr(device->name, '.');

		if (device->is_socket && dot && !strcmp(dot + 1, tag))
			return true;
	}
	return false;
}

void sockets_tidy(const struct lana_stack *stack)
{
	struct dirent *entry;
	char path[320];
	DIR *dir = opendir(stack_path(stack, path, sizeof(path), "sockets"));

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !has_record(stack, entry->d_name) &&
		    is_dead(stack, entry->d_name))
			socket_folder_remove(stack, entry->d_name);
	if (dir)
		closedir(dir);
}

/* ---- blocks -------------------------------------------------------------------------------- */

static void cut_edge(struct commit *commit, __u32 from, int path, __u32 port)
{
	__u32 to = commit_record(commit, from)->edges[path][port];

	notice_add(commit, from, LANA_ON_UNBIND);
	notice_add(commit, to, LANA_ON_UNBIND);
	commit_edge(commit, from, path, port, 0);
}

/* All edges from it and to it. */
static void cut_edges(struct commit *commit, __u32 idp)
{
	for (__u32 from = 1; from < commit_limit(commit); from++)
		for (int path = 0; path < LANA_PATHS; path++)
			for (__u32 port = 0; port < LANA_PORTS_MAX; port++) {
				__u32 to = commit_record(commit, from)->edges[path][port];

				if (to && (from == idp || to == idp))
					cut_edge(commit, from, path, port);
			}
}

int socket_drop(struct lana_stack *stack, __u32 idp, struct lana_error *error)
{
	const struct record *record = &stack->registry->records[idp];
	const struct op op = { .run = op_rm, .name = record->name };
	_cleanup_(commit_end) struct commit commit = { .stack = stack,
						       .steps = &op,
						       .steps_count = 1 };
	int err;

	cut_edges(&commit, idp);
	hook_leave(&commit, idp);
	err = commit_run(&commit, error);
	return err ?: unhook_now(stack, idp, true, error);
}

int socket_drop_device(struct lana_stack *stack, const char *name, struct lana_error *error)
{
	int err = stack_lock(stack, error);

	if (err)
		return err;
	LOCKED(stack);

	registry_for_each (stack->registry, idp) {
		const struct device_record *device = &stack->registry->records[idp].device;

		if (device->is_socket && !strcmp(device->name, name))
			return socket_drop(stack, idp, error);
	}
	return 0;
}

int sockets_reap(struct lana_stack *stack, struct lana_error *error)
{
	bool any = false;

	if (!stack->registry->sockets)
		return 0;
	registry_for_each (stack->registry, idp) {
		const struct device_record *device = &stack->registry->records[idp].device;
		int err = 0;

		if (!device->is_socket)
			continue;
		any = true;
		if (is_dead(stack, device->name))
			err = socket_drop(stack, idp, error);
		if (err && stack->registry->pending)
			return err;
	}
	stack->registry->sockets = any;
	return 0;
}
