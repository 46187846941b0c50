// SPDX-License-Identifier: GPL-2.0-only
/*
 * traffic_endpoint - a device in a network namespace, and how many frames it refused
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "traffic_endpoint.h"

static int open_netns(const char *name, size_t length)
{
	char path[256];
	int n, fd;

	if (!length)
		n = snprintf(path, sizeof(path), "/proc/thread-self/ns/net");
	else if (memchr(name, '/', length))
		n = snprintf(path, sizeof(path), "%.*s", (int)length, name);
	else
		n = snprintf(path, sizeof(path), "/run/netns/%.*s", (int)length, name);
	if (n >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int traffic_endpoint_enter(const struct traffic_endpoint *endpoint, int *home)
{
	int fd = open_netns("", 0);

	if (fd < 0)
		return fd;
	if (setns(endpoint->netns, CLONE_NEWNET)) {
		int err = -errno;

		close(fd);
		return err;
	}
	*home = fd;
	return 0;
}

void traffic_endpoint_leave(int home)
{
	/* Going on in a foreign namespace would configure the wrong devices. */
	if (setns(home, CLONE_NEWNET))
		abort();
	close(home);
}

static int look_up(struct traffic_endpoint *endpoint)
{
	int home, err;

	err = traffic_endpoint_enter(endpoint, &home);
	if (err)
		return err;
	endpoint->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	err = endpoint->socket < 0 ? -errno : 0;
	endpoint->ifindex = if_nametoindex(endpoint->device);
	if (!err && !endpoint->ifindex)
		err = -errno;
	traffic_endpoint_leave(home);
	return err;
}

int traffic_endpoint_open(struct traffic_endpoint *endpoint, const char *text)
{
	const char *colon = strrchr(text, ':');
	const char *device = colon ? colon + 1 : text;
	struct traffic_endpoint new = TRAFFIC_ENDPOINT_CLOSED;
	int err;

	if (strlen(device) >= sizeof(new.device))
		return -ENAMETOOLONG;
	strcpy(new.device, device);

	new.netns = open_netns(text, colon ? colon - text : 0);
	if (new.netns < 0)
		return new.netns;
	err = look_up(&new);
	if (err) {
		traffic_endpoint_close(&new);
		return err;
	}
	*endpoint = new;
	return 0;
}

void traffic_endpoint_close(struct traffic_endpoint *endpoint)
{
	if (endpoint->netns >= 0)
		close(endpoint->netns);
	if (endpoint->socket >= 0)
		close(endpoint->socket);
	endpoint->netns = endpoint->socket = -1;
}

static int run_ethtool(const struct traffic_endpoint *endpoint, void *command)
{
	struct ifreq request = { .ifr_data = command };

	strcpy(request.ifr_name, endpoint->device);
	return ioctl(endpoint->socket, SIOCETHTOOL, &request) ? -errno : 0;
}

static int count_statistics(const struct traffic_endpoint *endpoint, __u32 *count)
{
	struct {
		struct ethtool_sset_info info;
		__u32 count;
	} set = {
		.info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1 << ETH_SS_STATS },
	};
	int err;

	err = run_ethtool(endpoint, &set);
	if (err)
		return err;
	*count = set.count;
	return 0;
}

static int is_overrun(const char *name)
{
	int end = 0;

	sscanf(name, "tx_queue_%*u_xdp_xmit_errors%n", &end);
	return end && !name[end];
}

int traffic_endpoint_overrun(const struct traffic_endpoint *endpoint, uint64_t *frames)
{
	struct ethtool_gstrings *names;
	struct ethtool_stats *values;
	uint64_t sum = 0;
	__u32 count, i;
	int err, found = 0;

	err = count_statistics(endpoint, &count);
	if (err)
		return err;

	names = calloc(1, sizeof(*names) + count * ETH_GSTRING_LEN);
	values = calloc(1, sizeof(*values) + count * sizeof(values->data[0]));
	err = names && values ? 0 : -ENOMEM;
	if (!err) {
		names->cmd = ETHTOOL_GSTRINGS;
		names->string_set = ETH_SS_STATS;
		names->len = count;
		err = run_ethtool(endpoint, names);
	}
	if (!err) {
		values->cmd = ETHTOOL_GSTATS;
		values->n_stats = count;
		err = run_ethtool(endpoint, values);
	}
	for (i = 0; !err && i < count; i++) {
		if (!is_overrun((const char *)names->data + i * ETH_GSTRING_LEN))
			continue;
		sum += values->data[i];
		found = 1;
	}
	if (!err && !found)
		err = -EOPNOTSUPP;
	if (!err)
		*frames = sum;
	free(names);
	free(values);
	return err;
}

unsigned int traffic_endpoint_queues(const struct traffic_endpoint *endpoint)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };

	if (run_ethtool(endpoint, &channels))
		return 0;
	return channels.rx_count + channels.combined_count;
}
