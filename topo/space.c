// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mount.h>
#include <sys/stat.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "parallel.h"
#include "rt.h"
#include "space.h"

#define OWN_NETNS "/proc/thread-self/ns/net"

/* ---- lists --------------------------------------------------------------------------------- */

struct space *space_find(const struct spaces *spaces, const char *name)
{
	index_for_each (&spaces->names, registry_hash(name), number)
		if (!strcmp(spaces->list[number].name, name))
			return &spaces->list[number];
	return NULL;
}

struct space *space_add(struct spaces *spaces, const char *name)
{
	struct space *space = NET_ADD(spaces->list, spaces->count);

	if (!space || index_add(&spaces->names, registry_hash(name)))
		return NULL;
	snprintf(space->name, sizeof(space->name), "%s", name);
	space->netns = space->socket = -1;
	space->next_index = SPACE_FIRST_INDEX;
	return space;
}

void spaces_free(struct spaces *spaces)
{
	for (size_t i = 0; i < spaces->count; i++) {
		close_p(&spaces->list[i].netns);
		close_p(&spaces->list[i].socket);
		free(spaces->list[i].devices);
	}
	free(spaces->list);
	index_free(&spaces->names);
	sysctl_mounts_free(&spaces->sysctls);
	*spaces = (struct spaces){};
}

const struct space_device *space_device(const struct space *space, const char *name)
{
	for (size_t i = space->devices_count; i-- > 0;)
		if (!strcmp(space->devices[i].name, name))
			return &space->devices[i];
	return NULL;
}

__u32 space_index(const struct space *space, const char *device)
{
	const struct space_device *found = space_device(space, device);

	return found ? found->index : 0;
}

static bool note_device(struct space *space, const char *name, __u32 index, __u32 peer)
{
	struct space_device *device = NET_ADD(space->devices, space->devices_count);

	if (!device)
		return false;
	snprintf(device->name, sizeof(device->name), "%s", name);
	device->index = index;
	device->peer = peer;
	if (index >= space->next_index)
		space->next_index = index + 1;
	return true;
}

__u32 space_new_index(struct space *space, const char *device)
{
	__u32 index = space->next_index;

	return note_device(space, device, index, 0) ? index : 0;
}

void space_raise(struct space *space, size_t step)
{
	if (space->devices_count)
		space->devices[space->devices_count - 1].raise = step + 1;
}

void space_forget(struct space *space, const char *device)
{
	for (size_t i = 0; i < space->devices_count; i++)
		if (!strcmp(space->devices[i].name, device))
			space->devices[i].name[0] = 0;
}

/* ---- namespaces ---------------------------------------------------------------------------- */

int space_sysctl(struct spaces *spaces, const struct space *space, const char *name,
		 const char *value)
{
	return sysctl_write(&spaces->sysctls, space - spaces->list, name, value);
}

int space_outside(const char *netns)
{
	char path[HOME_PATH_MAX];
	int fd;

	if (!strcmp(netns, NET_HOST))
		snprintf(path, sizeof(path), "/proc/1/ns/net");
	else
		snprintf(path, sizeof(path), "%s%s", strchr(netns, '/') ? "" : NETNS_FOLDER "/",
			 netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int say(struct space *space, int err, const char *what)
{
	space->err = err;
	space->what = what;
	return err;
}

/* Mount the namespace that the thread is in as the node's. */
static int mount_own(const struct home *home, struct space *space)
{
	char path[HOME_PATH_MAX], link[HOME_PATH_MAX];
	int fd;

	home_path(home, path, "ns/%s", space->name);
	fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd < 0)
		return say(space, -errno, "make a file for the network namespace");
	close(fd);
	if (mount(OWN_NETNS, path, NULL, MS_BIND, NULL))
		return say(space, -errno, "mount the network namespace");
	if (symlink(path, home_netns(home, space->name, link)))
		return say(space, -errno, "name the network namespace in " NETNS_FOLDER);
	return 0;
}

/* Addresses can be used at once; nobody else is there who might have them. */
static void set_new(struct spaces *spaces, const struct space *space)
{
	bool segments = *space->name == '@';

	space_sysctl(spaces, space,
		     segments ? "net/ipv6/conf/default/disable_ipv6"
			      : "net/ipv6/conf/default/accept_dad",
		     segments ? "1" : "0");
	if (space->forwarding) {
		space_sysctl(spaces, space, "net/ipv4/ip_forward", "1");
		space_sysctl(spaces, space, "net/ipv6/conf/all/forwarding", "1");
	}
}

static int take_socket(struct space *space)
{
	space->netns = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	if (space->netns < 0)
		return say(space, -errno, "open the network namespace");
	space->socket = rt_socket();
	return space->socket < 0 ? say(space, space->socket, "open a netlink socket") : 0;
}

struct work {
	struct spaces *spaces;
	size_t first;
};

static void make_one(void *cookie, size_t number)
{
	const struct work *work = cookie;
	struct space *space = &work->spaces->list[work->first + number];

	if (unshare(CLONE_NEWNET)) {
		say(space, -errno, "make a network namespace");
		return;
	}
	space->fresh = note_device(space, "lo", 1, 0);
	if (!space->fresh) {
		say(space, -ENOMEM, "note the devices");
		return;
	}
	set_new(work->spaces, space);
	if (!mount_own(work->spaces->home, space))
		take_socket(space);
}

static int note_link(void *cookie, const struct nlmsghdr *header)
{
	const struct ifinfomsg *info = NLMSG_DATA(header);
	const struct rtattr *table[IFLA_MAX + 1];

	rt_parse(header, sizeof(*info), table, IFLA_MAX + 1);
	if (header->nlmsg_type != RTM_NEWLINK || !table[IFLA_IFNAME])
		return 0;
	return note_device(cookie, RTA_DATA(table[IFLA_IFNAME]), info->ifi_index,
			   table[IFLA_LINK] ? rt_u32(table[IFLA_LINK]) : 0)
		       ? 0
		       : -ENOMEM;
}

static int list_devices(struct space *space)
{
	struct ifinfomsg info = {};
	struct rt rt;
	int err = rt_use(&rt, space->socket, rt_tell_nobody, NULL);

	if (err)
		return err;
	rt_begin(&rt, RTM_GETLINK, NLM_F_DUMP, 0);
	rt_put(&rt, &info, sizeof(info));
	rt_end(&rt);
	err = rt_dump(&rt, note_link, space);
	rt_release(&rt);
	return err;
}

static void open_one(void *cookie, size_t number)
{
	const struct work *work = cookie;
	struct space *space = &work->spaces->list[work->first + number];
	_cleanup_close_ int fd = -1;
	char path[HOME_PATH_MAX];
	int err;

	fd = open(home_path(work->spaces->home, path, "ns/%s", space->name), O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		say(space, -errno, "enter the network namespace");
		return;
	}
	err = take_socket(space) ? 0 : list_devices(space);
	if (err)
		say(space, err, "list the devices");
}

/* What keeps namespaces from being made; the kernel's number alone says little. */
static const char *hint(int err)
{
	switch (err) {
	case -ENOSPC:
		return ": the sysctl user.max_net_namespaces, or fs.mount-max, is reached";
	case -EMFILE:
		return ": the limit of open files (ulimit -Hn) is too low";
	case -EEXIST:
		return ": somebody else has one of that name";
	}
	return "";
}

static int judge(const struct spaces *spaces, size_t first, struct lana_error *error)
{
	for (size_t i = first; i < spaces->count; i++)
		if (spaces->list[i].err)
			return refuse(error, spaces->list[i].err,
				      "cannot %s of node '%s' (%s.%s): %s%s", spaces->list[i].what,
				      spaces->list[i].name, spaces->home->name,
				      spaces->list[i].name, strerror(-spaces->list[i].err),
				      hint(spaces->list[i].err));
	return 0;
}

int spaces_make(struct spaces *spaces, size_t first, struct lana_error *error)
{
	struct work work = { spaces, first };
	int err = parallel(spaces->count - first, make_one, &work);

	return err ? refuse(error, err, "cannot start a thread: %s", strerror(-err))
		   : judge(spaces, first, error);
}

int spaces_open(struct spaces *spaces, size_t first, struct lana_error *error)
{
	struct work work = { spaces, first };
	int err = parallel(spaces->count - first, open_one, &work);

	return err ? refuse(error, err, "cannot start a thread: %s", strerror(-err))
		   : judge(spaces, first, error);
}

int spaces_prepare(const struct home *home, struct lana_error *error)
{
	char path[HOME_PATH_MAX];

	if (mkdir("/run/netns", 0755) && errno != EEXIST)
		return refuse(error, -errno, "cannot make " NETNS_FOLDER ": %s", strerror(errno));
	if (mkdirat(home->fd, "ns", 0755) && errno != EEXIST)
		return home_refuse(home, -errno, error);
	home_path(home, path, "ns");
	/* A mount of its own: what is mounted in it goes with it, by one call; and nowhere else. */
	if (mount(path, path, NULL, MS_BIND, NULL) || mount(NULL, path, NULL, MS_PRIVATE, NULL))
		return refuse(error, -errno, "cannot mount %s: %s", path, strerror(errno));
	return 0;
}

int space_remove(const struct home *home, const char *name)
{
	char path[HOME_PATH_MAX], link[HOME_PATH_MAX], target[HOME_PATH_MAX];
	ssize_t length;

	home_path(home, path, "ns/%s", name);
	length = readlink(home_netns(home, name, link), target, sizeof(target) - 1);
	if (length > 0) {
		target[length] = 0;
		if (!strcmp(target, path))
			unlink(link);
	}
	if (umount2(path, MNT_DETACH) && errno != EINVAL && errno != ENOENT)
		return -errno;
	return unlink(path) && errno != ENOENT ? -errno : 0;
}
