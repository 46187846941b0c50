// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "cleanup.h"
#include "error.h"
#include "folder.h"

static const char *const inner[] = { "shared",	"types",  "links",  "state",
				     "filters", "probes", "sockets" };

int folder_refuse(int err, struct lana_error *error, const char *what)
{
	if (err == -EPERM || err == -EACCES)
		return refuse(error, err,
			      "not permitted to %s: root, or CAP_SYS_ADMIN and CAP_NET_ADMIN, is "
			      "needed",
			      what);
	return refuse(error, err, "cannot %s: %s", what, strerror(-err));
}

int folder_check_bpffs(const char *bpffs, struct lana_error *error)
{
	struct statfs info;

	if (statfs(bpffs, &info))
		return refuse(error, -ENODEV, "no bpffs at %s: %s", bpffs, strerror(errno));
	if (info.f_type != BPF_FS_MAGIC)
		return refuse(error, -ENODEV,
			      "no bpffs at %s: mount -t bpf -o mode=700 bpf %s (inside 'ip netns "
			      "exec' it is hidden: use lanactl -n)",
			      bpffs, bpffs);
	return 0;
}

/* The folder of all stacks. */
static const char *parent(const struct lana_stack *stack, char path[320])
{
	strcpy(path, stack->folder);
	*strrchr(path, '/') = 0;
	return path;
}

static int make_folder(const char *path)
{
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

static int make_outer(const struct lana_stack *stack)
{
	char path[320];
	int err = make_folder(parent(stack, path));

	return err ?: make_folder(stack->folder);
}

static int make_inner(const struct lana_stack *stack)
{
	char path[320];
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(inner); i++)
		err = make_folder(stack_path(stack, path, sizeof(path), "%s", inner[i]));
	return err;
}

/* Remove the folder again, of which not all could be made. */
static void remove_inner(const struct lana_stack *stack)
{
	char path[320];

	if (!access(stack_path(stack, path, sizeof(path), "registry"), F_OK))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(inner); i++)
		rmdir(stack_path(stack, path, sizeof(path), "%s", inner[i]));
}

/* What was made for the sake of an attempt that is refused is empty. */
static int refuse_folder(const struct lana_stack *stack, int err, struct lana_error *error,
			 const char *what)
{
	char path[320];

	rmdir(stack->folder);
	rmdir(parent(stack, path));
	return folder_refuse(err, error, what);
}

static bool is_ours(const struct stat *info)
{
	return S_ISDIR(info->st_mode) && (!info->st_uid || info->st_uid == geteuid());
}

/* Links are not followed: whoever made them may make them lead elsewhere. */
static int check_trust(const struct lana_stack *stack, struct lana_error *error)
{
	struct stat above, info;
	char path[320];

	if (!lstat(parent(stack, path), &above) && !is_ours(&above))
		return refuse(error, -EPERM, "%s belongs to another user: remove it", path);
	if (!lstat(stack->folder, &info) && !is_ours(&info))
		return refuse(error, -EPERM, "%s belongs to another user: remove it",
			      stack->folder);
	return 0;
}

/* The folder is open and locked; is it still the one that has the name? */
static bool is_named(const struct lana_stack *stack, int fd)
{
	struct stat opened, named;

	return !fstat(fd, &opened) && !lstat(stack->folder, &named) &&
	       opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

/* -ESTALE: another process removed it at this moment. */
static int open_once(const struct lana_stack *stack, bool create, int *fd, struct lana_error *error)
{
	static const char make[] = "make a stack in bpffs";
	_cleanup_close_ int opened = -1;
	int err = check_trust(stack, error);

	if (err)
		return err;
	err = create ? make_outer(stack) : 0;
	if (err && err != -ENOENT)
		return refuse_folder(stack, err, error, make);
	opened = open(stack->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (opened < 0 && errno == ENOENT)
		return create ? -ESTALE : refuse(error, -ENOENT, "no stack '%s'", stack->name);
	if (opened < 0)
		return refuse_folder(stack, -errno, error, "open the stack");
	while (flock(opened, LOCK_EX))
		if (errno != EINTR)
			return refuse_folder(stack, -errno, error, "lock the stack");

	err = check_trust(stack, error); /* now that nobody replaces it */
	if (err)
		return err;
	err = create && is_named(stack, opened) ? make_inner(stack) : 0;
	if (!is_named(stack, opened))
		return -ESTALE;
	if (err) {
		remove_inner(stack);
		return refuse_folder(stack, err, error, make);
	}
	*fd = TAKE_FD(opened);
	return 0;
}

#define TRIES 1000 /* no stack is removed so often while it is opened */

int folder_open(const struct lana_stack *stack, bool create, int *fd, struct lana_error *error)
{
	for (int i = 0; i < TRIES; i++) {
		int err = open_once(stack, create, fd, error);

		if (err != -ESTALE)
			return err;
	}
	return refuse(error, -EBUSY, "%s cannot be made: it disappears again and again",
		      stack->folder);
}

/* Remove what is in a folder of pins, except what is to come last, and then both. */
static int empty_folder(const char *path, const char *last)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char item[640];
	int err = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (!err && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    !strcmp(entry->d_name, last))
			continue;
		snprintf(item, sizeof(item), "%s/%s", path, entry->d_name);
		if (entry->d_type == DT_DIR)
			err = empty_folder(item, "");
		else if (unlink(item) && errno != ENOENT)
			err = -errno;
	}
	closedir(dir);
	if (err)
		return err;
	if (*last) {
		snprintf(item, sizeof(item), "%s/%s", path, last);
		unlink(item);
	}
	return rmdir(path) && errno != ENOENT ? -errno : 0;
}

int folder_remove(const struct lana_stack *stack)
{
	char path[320];
	int err = empty_folder(stack->folder, "registry");

	if (!err)
		rmdir(parent(stack, path)); /* goes with the last stack */
	return err;
}
