// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mount.h>

#include "loader/cleanup.h"
#include "net.h"
#include "sysctl.h"

#define SPACES_A_MOUNT 32 /* 16 to 64 take the same time */
#define SYSCTL_MAX     200

static int mount_proc(void)
{
	_cleanup_close_ int context = fsopen("proc", FSOPEN_CLOEXEC);
	int fd = -1;

	if (context >= 0 && !fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		fd = fsmount(context, FSMOUNT_CLOEXEC, 0);
	return fd < 0 ? open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC) : fd;
}

static int mount_for(struct sysctl_mounts *mounts, size_t number)
{
	int fd = -ENOMEM;

	pthread_mutex_lock(&mounts->lock);
	while (mounts->count <= number / SPACES_A_MOUNT) {
		int *added = NET_ADD(mounts->fds, mounts->count);

		if (!added)
			break;
		*added = -1;
	}
	if (mounts->count > number / SPACES_A_MOUNT) {
		int *one = &mounts->fds[number / SPACES_A_MOUNT];

		if (*one < 0)
			*one = mount_proc();
		fd = *one < 0 ? -errno : *one;
	}
	pthread_mutex_unlock(&mounts->lock);
	return fd;
}

/* As in sysctl(8): dots part names, unless a slash comes first. */
static int make_path(const char *name, char *path, size_t size)
{
	bool dots = strcspn(name, ".") < strcspn(name, "/");

	if (strlen(name) >= size)
		return -ENAMETOOLONG;
	for (; *name; name++)
		*path++ = !dots ? *name : *name == '.' ? '/' : *name == '/' ? '.' : *name;
	*path = 0;
	return 0;
}

bool sysctl_is_of(const char *name, const char *interface)
{
	char path[SYSCTL_MAX], kind[8];
	size_t length = strlen(interface);
	int used = 0;

	return !make_path(name, path, sizeof(path)) &&
	       sscanf(path, "net/%*[^/]/%7[^/]/%n", kind, &used) == 1 && used &&
	       (!strcmp(kind, "conf") || !strcmp(kind, "neigh")) &&
	       !strncmp(path + used, interface, length) && path[used + length] == '/';
}

int sysctl_write(struct sysctl_mounts *mounts, size_t number, const char *name, const char *value)
{
	_cleanup_close_ int fd = -1;
	int folder = mount_for(mounts, number);
	char path[SYSCTL_MAX] = "sys/";
	int err;

	if (folder < 0)
		return folder;
	err = make_path(name, path + strlen(path), sizeof(path) - strlen(path));
	if (err)
		return err;
	fd = openat(folder, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

void sysctl_mounts_free(struct sysctl_mounts *mounts)
{
	for (size_t i = 0; i < mounts->count; i++)
		close_p(&mounts->fds[i]);
	free(mounts->fds);
	mounts->fds = NULL;
	mounts->count = 0;
}
