// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "limits.h"

#define GROUP	  "lana.topo"
#define PERIOD	  100000 /* us: of cpu.max(5) in cgroup v2, the kernel's default */
#define END_TRIES 1000	 /* 5 ms apart: until what was killed has left its group */

/* Where the hierarchy is mounted. False: nowhere. */
static bool find_root(char root[HOME_PATH_MAX])
{
	FILE *file = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	bool found = false;

	while (file && !found && (entry = getmntent(file)))
		found = !strcmp(entry->mnt_type, "cgroup2") &&
			snprintf(root, HOME_PATH_MAX, "%s", entry->mnt_dir) < HOME_PATH_MAX;
	if (file)
		endmntent(file);
	return found;
}

static int write_file(const char *folder, const char *name, const char *text)
{
	char path[2 * HOME_PATH_MAX];
	_cleanup_close_ int fd = -1;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* Does the hierarchy have a controller? */
static bool has_controller(const char *root, const char *name)
{
	char path[2 * HOME_PATH_MAX], line[500] = "", *word, *save;
	FILE *file;

	snprintf(path, sizeof(path), "%s/cgroup.controllers", root);
	file = fopen(path, "re");
	if (file && !fgets(line, sizeof(line), file))
		line[0] = 0;
	if (file)
		fclose(file);
	for (word = strtok_r(line, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
		if (!strcmp(word, name))
			return true;
	return false;
}

int limits_check(const struct net *net, struct lana_error *error)
{
	char root[HOME_PATH_MAX];
	bool mounted = find_root(root);

	for (size_t i = 0; i < net->nodes_count; i++)
		for (size_t j = 0; j < net->nodes[i].limits.count; j++) {
			const struct net_setting *limit = &net->nodes[i].limits.list[j];

			if (!mounted)
				return file_refuse(&net->file, limit->place, error, -EOPNOTSUPP,
						   "limits need control groups v2, which are not "
						   "mounted here");
			if (!has_controller(root, limit->key))
				return file_refuse(&net->file, limit->place, error, -EOPNOTSUPP,
						   "a limit of %s needs that controller in control "
						   "groups v2 (%s/cgroup.controllers)",
						   limit->key, root);
		}
	return 0;
}

/* "50%" as cpu.max has it, "100MB" as memory.max has it. */
static void translate(const struct net_setting *limit, char *text, size_t size)
{
	static const struct {
		const char *unit;
		unsigned long long bytes;
	} units[] = { { "kB", 1000 },	     { "MB", 1000000 },	    { "GB", 1000000000 },
		      { "KiB", 1ULL << 10 }, { "MiB", 1ULL << 20 }, { "GiB", 1ULL << 30 } };
	char *end;
	double number = strtod(limit->value, &end);

	if (!strcmp(limit->key, "cpu")) {
		snprintf(text, size, "%.0f %d", number * PERIOD / 100, PERIOD);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(end, units[i].unit))
			snprintf(text, size, "%.0f", number * units[i].bytes);
}

static void group_path(const struct home *home, const char *root, const char *node,
		       char path[2 * HOME_PATH_MAX])
{
	snprintf(path, 2 * HOME_PATH_MAX, "%s/" GROUP "/%s%s%s", root, home->name, *node ? "/" : "",
		 node);
}

/* Folders from the root down; each hands its controllers on. */
static int make_group(const struct home *home, const char *root, const char *node,
		      char path[2 * HOME_PATH_MAX])
{
	static const char *const controllers = "+cpu +memory";

	snprintf(path, 2 * HOME_PATH_MAX, "%s/" GROUP, root);
	write_file(root, "cgroup.subtree_control", controllers);
	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	write_file(path, "cgroup.subtree_control", controllers);
	group_path(home, root, "", path);
	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	write_file(path, "cgroup.subtree_control", controllers);
	group_path(home, root, node, path);
	return mkdir(path, 0755) && errno != EEXIST ? -errno : 0;
}

int limits_set(const struct home *home, const struct net_node *node, struct lana_error *error)
{
	char root[HOME_PATH_MAX], path[2 * HOME_PATH_MAX], file[40], text[64];
	bool cpu = false, memory = false;
	int err;

	if (!find_root(root))
		return refuse(error, -EOPNOTSUPP, "control groups v2 are not mounted");
	err = make_group(home, root, node->name, path);
	for (size_t i = 0; !err && i < node->limits.count; i++) {
		const struct net_setting *limit = &node->limits.list[i];

		cpu |= !strcmp(limit->key, "cpu");
		memory |= !strcmp(limit->key, "memory");
		snprintf(file, sizeof(file), "%s.max", limit->key);
		translate(limit, text, sizeof(text));
		err = write_file(path, file, text);
	}
	if (!err && !cpu)
		write_file(path, "cpu.max", "max");
	if (!err && !memory)
		write_file(path, "memory.max", "max");
	return err ? refuse(error, err, "%s", path) : 0;
}

/* What is in a group that has left its node's namespace; before Linux 5.14 one by one. */
static void kill_group(const char *group)
{
	char path[3 * HOME_PATH_MAX];
	FILE *file;
	int pid;

	if (!write_file(group, "cgroup.kill", "1"))
		return;
	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	file = fopen(path, "re");
	while (file && fscanf(file, "%d", &pid) == 1)
		if (pid > 0) /* 0: of another pid namespace */
			kill(pid, SIGKILL);
	if (file)
		fclose(file);
}

void limits_remove(const struct home *home, const char *node)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	char root[HOME_PATH_MAX], path[2 * HOME_PATH_MAX];

	if (!find_root(root))
		return;
	group_path(home, root, node, path);
	for (int i = 0; rmdir(path) && errno == EBUSY && i < END_TRIES; i++) {
		kill_group(path);
		nanosleep(&pause, NULL);
	}
}

int limits_remove_all(const struct home *home)
{
	char root[HOME_PATH_MAX], path[2 * HOME_PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	if (!find_root(root))
		return 0;
	group_path(home, root, "", path);
	dir = opendir(path);
	if (!dir)
		return 0;
	while ((entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			limits_remove(home, entry->d_name);
	closedir(dir);
	if (rmdir(path))
		return -errno;
	snprintf(path, sizeof(path), "%s/" GROUP, root);
	rmdir(path); /* other networks may have it */
	return 0;
}

int limits_enter(const struct home *home, const char *node)
{
	char root[HOME_PATH_MAX], path[2 * HOME_PATH_MAX];
	int err;

	if (!find_root(root))
		return 0;
	group_path(home, root, node, path);
	err = write_file(path, "cgroup.procs", "0");
	return err == -ENOENT ? 0 : err;
}

int limits_raise_files(size_t more, struct rlimit *before)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, before))
		return -errno;
	limit = *before;
	if (limit.rlim_cur >= more)
		return 0;
	limit.rlim_cur = more;
	if (limit.rlim_max < more)
		limit.rlim_max = more; /* takes CAP_SYS_RESOURCE, and fs.nr_open to be as large */
	return setrlimit(RLIMIT_NOFILE, &limit) ? -errno : 0;
}

/* ---- neighbours ------------------------------------------------------------------------------ */

static bool has_family(const struct net *net, const struct net_end *end, int family)
{
	const struct net_interface *interface = &net->nodes[end->node].interfaces[end->interface];

	for (size_t i = 0; i < interface->addresses_count; i++)
		if (interface->addresses[i].family == family)
			return true;
	return false;
}

/* If each of a link's ends talks to each other one. */
static size_t count_neighbours(const struct net *net, int family)
{
	size_t sum = 0;

	for (size_t i = 0; i < net->links_count; i++) {
		size_t ends = 0;

		for (size_t j = 0; j < net->links[i].ends_count; j++)
			ends += has_family(net, &net->links[i].ends[j], family);
		sum += ends ? ends * (ends - 1) : 0;
	}
	return sum;
}

void limits_note(const struct net *net, char *note, size_t size)
{
	static const struct {
		int family;
		const char *name;
	} families[] = { { AF_INET, "ipv4" }, { AF_INET6, "ipv6" } };
	size_t used = 0;

	*note = 0;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		size_t count = count_neighbours(net, families[i].family);
		char path[80];
		long limit;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/sys/net/%s/neigh/default/gc_thresh3",
			 families[i].name);
		file = fopen(path, "re"); /* only the first namespace has it */
		if (!file)
			continue;
		if (fscanf(file, "%ld", &limit) == 1 && count > (size_t)limit && used < size)
			used += snprintf(note + used, size - used,
					 "%sup to %zu neighbours, and net.%s.neigh.default."
					 "gc_thresh3 is %ld",
					 used ? "; " : "", count, families[i].name, limit);
		fclose(file);
	}
}
