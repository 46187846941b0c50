// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <sys/syscall.h>

#include "loader/cleanup.h"
#include "loader/clock.h"
#include "kill.h"

#define TERM_NS 1000000000ULL
#define KILL_NS 5000000000ULL

/* Namespaces by inode, sorted. */
struct targets {
	ino_t *inodes;
	size_t count;
	int *processes; /* descriptors of those found */
	size_t processes_count;
	const char *mark; /* only those with it in their environment; NULL: all */
};

static void targets_free(struct targets *targets)
{
	for (size_t i = 0; i < targets->processes_count; i++)
		close(targets->processes[i]);
	free(targets->processes);
	free(targets->inodes);
}

static int compare(const void *a, const void *b)
{
	ino_t x = *(const ino_t *)a, y = *(const ino_t *)b;

	return (x > y) - (x < y);
}

static int add_target(struct targets *targets, const struct home *home, const char *node)
{
	char path[HOME_PATH_MAX];
	struct stat info;
	ino_t *inode;

	if (stat(home_path(home, path, "ns/%s", node), &info))
		return errno == ENOENT ? 0 : -errno;
	inode = NET_ADD(targets->inodes, targets->count);
	if (!inode)
		return -ENOMEM;
	*inode = info.st_ino;
	return 0;
}

static bool is_marked(const char *pid, const char *mark)
{
	_cleanup_free_ char *line = NULL;
	bool found = false;
	size_t size = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.20s/environ", pid);
	file = fopen(path, "re");
	while (file && !found && getdelim(&line, &size, 0, file) > 0)
		found = !strncmp(line, mark, strlen(mark));
	if (file)
		fclose(file);
	return found;
}

static bool is_target(const struct targets *targets, const char *pid)
{
	char path[64];
	struct stat info;

	snprintf(path, sizeof(path), "/proc/%.20s/ns/net", pid);
	return !stat(path, &info) &&
	       bsearch(&info.st_ino, targets->inodes, targets->count, sizeof(*targets->inodes),
		       compare) &&
	       (!targets->mark || is_marked(pid, targets->mark));
}

/* A descriptor stays with the process, so it is looked at again once there is one. */
static int add_process(struct targets *targets, const char *pid)
{
	int fd = syscall(SYS_pidfd_open, atoi(pid), 0), *process;

	if (fd < 0)
		return errno == ESRCH || errno == EINVAL ? 0 : -errno;
	if (!is_target(targets, pid)) {
		close(fd);
		return 0;
	}
	process = NET_ADD(targets->processes, targets->processes_count);
	if (!process) {
		close(fd);
		return -ENOMEM;
	}
	*process = fd;
	return 0;
}

static int find_processes(struct targets *targets)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]) && atoi(entry->d_name) != getpid() &&
		    is_target(targets, entry->d_name))
			err = add_process(targets, entry->d_name);
	closedir(dir);
	return err;
}

/* Until all have ended, or so long. */
static bool await_end(const struct targets *targets, __u64 ns)
{
	__u64 end = clock_ns(CLOCK_MONOTONIC) + ns, now;

	for (size_t i = 0; i < targets->processes_count; i++) {
		struct pollfd poll_fd = { .fd = targets->processes[i], .events = POLLIN };

		do {
			now = clock_ns(CLOCK_MONOTONIC);
			if (poll(&poll_fd, 1, now < end ? (end - now) / 1000000 + 1 : 0) > 0)
				break;
		} while (now < end);
		if (!poll_fd.revents)
			return false;
	}
	return true;
}

static void signal_all(const struct targets *targets, int number)
{
	for (size_t i = 0; i < targets->processes_count; i++)
		syscall(SYS_pidfd_send_signal, targets->processes[i], number, NULL, 0);
}

/* One that starts others as it ends is looked for again. */
static int kill_targets(struct targets *targets)
{
	bool gentle = true;
	int err;

	qsort(targets->inodes, targets->count, sizeof(*targets->inodes), compare);
	while (!(err = find_processes(targets)) && targets->processes_count) {
		signal_all(targets, gentle ? SIGTERM : SIGKILL);
		if (!await_end(targets, gentle ? TERM_NS : KILL_NS) && !gentle)
			return -EBUSY;
		gentle = false;
		for (size_t i = 0; i < targets->processes_count; i++)
			close(targets->processes[i]);
		free(targets->processes);
		targets->processes = NULL;
		targets->processes_count = 0;
	}
	return err;
}

int kill_node(const struct home *home, const char *node)
{
	_cleanup_(targets_free) struct targets targets = {};

	return add_target(&targets, home, node) ?: kill_targets(&targets);
}

static int add_all(struct targets *targets, const struct home *home)
{
	char path[HOME_PATH_MAX];
	DIR *dir = opendir(home_path(home, path, "ns"));
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (!err && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			err = add_target(targets, home, entry->d_name);
	closedir(dir);
	return err;
}

int kill_all(const struct home *home)
{
	_cleanup_(targets_free) struct targets targets = {};
	int err = add_all(&targets, home);

	return err || !targets.count ? err : kill_targets(&targets);
}

int kill_left(const struct home *home)
{
	_cleanup_(targets_free) struct targets targets = {};
	char mark[sizeof(KILL_MARK) + NET_NAME_MAX + 2];
	int err;

	snprintf(mark, sizeof(mark), KILL_MARK "=%s/", home->name);
	targets.mark = mark;
	err = add_all(&targets, home);
	return err || !targets.count ? err : kill_targets(&targets);
}
