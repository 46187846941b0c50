// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_link.h>
#include <sys/ioctl.h>

#include "loader/cleanup.h"
#include "loader/error.h"
#include "loader/netns.h"
#include "devices.h"
#include "rt.h"
#include "space.h"

/* The first refusal of a socket's messages. */
struct refusal {
	int err;
	char why[100];
};

static void note(void *cookie, __u32 tag, int err, const char *why)
{
	struct refusal *refusal = cookie;

	(void)tag;
	if (!refusal->err) {
		refusal->err = err;
		snprintf(refusal->why, sizeof(refusal->why), "%s", why ?: "");
	}
}

/* Index and flags of a device of the namespace that the thread is in. -ENODEV */
static int look(const char *name, int *index, int *up)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {};

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &request))
		return -errno;
	*up = !!(request.ifr_flags & IFF_UP);
	if (ioctl(fd, SIOCGIFINDEX, &request))
		return -errno;
	*index = request.ifr_ifindex;
	return 0;
}

/* Move a device of the thread's namespace, under another name; new_index 0: as it comes. */
static int move(int index, int to, const char *name, __u32 new_index, struct refusal *refusal)
{
	struct ifinfomsg info = { .ifi_index = index };
	struct rt rt;
	int err = rt_open(&rt, note, refusal);

	if (err)
		return err;
	rt_begin(&rt, RTM_NEWLINK, 0, 0);
	rt_put(&rt, &info, sizeof(info));
	rt_attr_u32(&rt, IFLA_NET_NS_FD, to);
	rt_attr_text(&rt, IFLA_IFNAME, name);
	if (new_index)
		rt_attr_u32(&rt, IFLA_NEW_IFINDEX, new_index);
	rt_end(&rt);
	err = rt_flush(&rt);
	rt_close(&rt);
	return err ?: refusal->err;
}

/* Switch a device on, in the namespace of descriptor in. */
static int raise(int in, const char *name)
{
	struct ifinfomsg info = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct refusal refusal = {};
	int before = -1, err, up;
	struct rt rt;

	err = netns_enter_fd(in, &before);
	if (err)
		return err;
	err = look(name, &info.ifi_index, &up) ?: rt_open(&rt, note, &refusal);
	if (!err) {
		rt_begin(&rt, RTM_NEWLINK, 0, 0);
		rt_put(&rt, &info, sizeof(info));
		rt_end(&rt);
		err = rt_flush(&rt) ?: refusal.err;
		rt_close(&rt);
	}
	netns_leave(before);
	return err;
}

int device_lend(const struct home *home, const struct device_loan *loan, int to, __u32 index,
		struct lana_error *error)
{
	_cleanup_close_ int from = space_outside(loan->netns);
	_cleanup_(netns_leave_p) int before = -1;
	struct refusal refusal = {};
	char line[400];
	int err, number, up;

	if (from < 0)
		return refuse(error, from, "no network namespace '%s'", loan->netns);
	err = netns_enter_fd(from, &before);
	if (!err)
		err = look(loan->device, &number, &up);
	if (err)
		return refuse(error, err, "no device '%s' in '%s'", loan->device, loan->netns);
	snprintf(line, sizeof(line), "%s %s %s %d %s", loan->node, loan->interface, loan->device,
		 up, loan->netns);
	err = home_note(home, "devices", line);
	if (!err)
		err = move(number, to, loan->interface, index, &refusal);
	if (!err)
		err = raise(to, loan->interface);
	return err ? refuse(error, err, "%s", refusal.why) : 0;
}

static bool read_loan(const char *line, struct device_loan *loan)
{
	return sscanf(line, "%31s %15s %15s %d %199[^\n]", loan->node, loan->interface,
		      loan->device, &loan->up, loan->netns) == 5;
}

bool device_loan_find(const struct home *home, const char *node, const char *interface,
		      struct device_loan *loan)
{
	_cleanup_free_ char *text = NULL;
	struct device_loan other;
	char *line, *save;

	if (home_read(home, "devices", &text, NULL))
		return false;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (read_loan(line, &other) && !strcmp(other.node, node) &&
		    !strcmp(other.interface, interface)) {
			*loan = other;
			return true;
		}
	return false;
}

/* Strike out what was noted of a device, so that nobody touches it again. */
static int forget(const struct home *home, const struct device_loan *loan, struct lana_error *error)
{
	_cleanup_free_ char *text = NULL, *left = NULL;
	struct device_loan other;
	char *line, *save;
	size_t used = 0, size;
	int err = home_read(home, "devices", &text, &size);

	if (err == -ENOENT)
		return 0;
	left = err ? NULL : malloc(size + 1);
	if (!left)
		return home_refuse(home, err ?: -ENOMEM, error);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (read_loan(line, &other) &&
		    (strcmp(other.node, loan->node) || strcmp(other.interface, loan->interface)))
			used += sprintf(left + used, "%s\n", line);
	err = home_write(home, "devices", left, used);
	return err ? home_refuse(home, err, error) : 0;
}

/* Move it out of the node; 0 as well: it is not there. */
static int take_back(const struct home *home, const struct device_loan *loan, int to,
		     struct refusal *refusal)
{
	_cleanup_(netns_leave_p) int before = -1;
	_cleanup_close_ int node = -1;
	char path[HOME_PATH_MAX];
	int number, up;

	node = open(home_path(home, path, "ns/%s", loan->node), O_RDONLY | O_CLOEXEC);
	if (node < 0 || netns_enter_fd(node, &before) || look(loan->interface, &number, &up))
		return 0;
	return to < 0 ? to : move(number, to, loan->device, 0, refusal);
}

/* Whoever was killed may have moved it back and not switched it on. */
int device_return(const struct home *home, const struct device_loan *loan, struct lana_error *error)
{
	_cleanup_close_ int to = space_outside(loan->netns);
	struct refusal refusal = {};
	int err = take_back(home, loan, to, &refusal);

	if (!err && loan->up && to >= 0)
		err = raise(to, loan->device);
	if (err == -ENODEV)
		err = 0; /* it has gone */
	if (err)
		return refuse(error, err, "device '%s' cannot be given back to '%s': %s%s%s",
			      loan->device, loan->netns, strerror(-err), *refusal.why ? ": " : "",
			      refusal.why);
	return forget(home, loan, error);
}

int devices_return(const struct home *home, struct lana_error *error)
{
	_cleanup_free_ char *text = NULL;
	struct device_loan loan;
	char *line, *save;
	int err = home_read(home, "devices", &text, NULL), first = 0;

	if (err)
		return err == -ENOENT ? 0 : home_refuse(home, err, error);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!read_loan(line, &loan))
			continue; /* the command was killed while it wrote it */
		err = device_return(home, &loan, first ? NULL : error);
		first = first ?: err;
	}
	return first;
}
