// SPDX-License-Identifier: GPL-2.0-only
/* address - a program's Ethernet address is that of the device below */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app.h"

#define STEPS_MAX 64 /* blocks between the socket and a device */

static const struct lana_block_info *find(const struct lana_block_info *blocks, size_t count,
					  const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(blocks[i].name, name))
			return &blocks[i];
	return NULL;
}

/* The block to which port 0 of the egress path leads; NULL: nowhere. */
static const char *lower_of(const struct lana_block_info *block)
{
	for (size_t i = 0; i < block->edges_count; i++)
		if (block->edges[i].path == LANA_EGRESS && !block->edges[i].port)
			return block->edges[i].to_name;
	return NULL;
}

/* The socket's own block has no device: it is of type "socket". */
static const struct lana_device_info *device_below(const struct lana_block_info *blocks,
						   size_t count, const char *name)
{
	const struct lana_block_info *block = find(blocks, count, name);

	for (unsigned int i = 0; i < STEPS_MAX && block; i++) {
		if (!strcmp(block->type, "device"))
			return &block->device;
		name = lower_of(block);
		block = name ? find(blocks, count, name) : NULL;
	}
	return NULL;
}

static bool ask(const char *device, uint8_t mac[APP_MAC])
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {};
	bool known;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	known = fd >= 0 && !ioctl(fd, SIOCGIFHWADDR, &request);
	if (known)
		memcpy(mac, request.ifr_hwaddr.sa_data, APP_MAC);
	if (fd >= 0)
		close(fd);
	return known;
}

static void close_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* In the device's network namespace; no other thread runs. */
static bool ask_there(const struct lana_device_info *device, uint8_t mac[APP_MAC])
{
	_cleanup_(close_p) int here = -1;
	_cleanup_(close_p) int there = -1;
	char path[128];
	bool known;

	if (!*device->netns)
		return ask(device->name, mac);
	snprintf(path, sizeof(path), "%s%s", strchr(device->netns, '/') ? "" : "/run/netns/",
		 device->netns);
	here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (here < 0 || there < 0 || setns(there, CLONE_NEWNET))
		return false;
	known = ask(device->name, mac);
	return !setns(here, CLONE_NEWNET) && known;
}

static void draw(uint8_t mac[APP_MAC])
{
	if (getrandom(mac, APP_MAC, 0) != APP_MAC)
		memset(mac, 0, APP_MAC);
	mac[0] = (mac[0] & 0xfc) | 2; /* one host's, administered locally */
}

bool app_address(const struct app *app, uint8_t mac[APP_MAC])
{
	_cleanup_free_ struct lana_block_info *blocks = NULL;
	const struct lana_device_info *device;
	size_t count;

	draw(mac);
	if (!app->stack || lana_block_list(app->stack, NULL, &blocks, &count, NULL))
		return false;
	device = device_below(blocks, count, app->name);
	return device && ask_there(device, mac);
}
