// SPDX-License-Identifier: GPL-2.0-only
/* link - the call's socket */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "link.h"

#define SEND_WAIT (20 * CLOCK_MILLISECOND)
#define WAYS_MAX  64 /* blocks between the socket and a device */

struct link {
	struct lana_stack *stack;
	struct lana_socket *socket;
	uint8_t address[6];
	pthread_mutex_t sending;
};

static int fail(struct lana_error *error, int err, const char *what, const char *name)
{
	snprintf(error->text, sizeof(error->text), "%s '%.100s': %s", what, name, strerror(-err));
	return err;
}

/* ---- the device's address --------------------------------------------------------------- */

static const struct lana_block_info *find_block(const struct lana_block_info *blocks, size_t count,
						const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(blocks[i].name, name))
			return &blocks[i];
	return NULL;
}

/* The block to which port 0 of the egress path leads. */
static const char *lower_of(const struct lana_block_info *block)
{
	for (size_t i = 0; i < block->edges_count; i++)
		if (block->edges[i].path == LANA_EGRESS && !block->edges[i].port)
			return block->edges[i].to_name;
	return NULL;
}

static const struct lana_device_info *device_below(const struct lana_block_info *blocks,
						   size_t count, const char *name)
{
	const struct lana_block_info *block = NULL;

	for (unsigned int i = 0; i < WAYS_MAX && name; i++) {
		block = find_block(blocks, count, name);
		if (!block || block->device.hook != LANA_HOOK_NONE)
			break;
		name = lower_of(block);
	}
	return block && block->device.hook != LANA_HOOK_NONE ? &block->device : NULL;
}

static int ask_address(const char *device, uint8_t address[6])
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {};
	int err = fd < 0 ? -errno : 0;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	if (!err && ioctl(fd, SIOCGIFHWADDR, &request))
		err = -errno;
	if (!err)
		memcpy(address, request.ifr_hwaddr.sa_data, 6);
	if (fd >= 0)
		close(fd);
	return err;
}

/* In the device's network namespace; no other thread runs yet. */
static int read_address(const struct lana_device_info *device, uint8_t address[6])
{
	char path[128];
	int here, there, err;

	if (!*device->netns)
		return ask_address(device->name, address);
	snprintf(path, sizeof(path), "%s%s", strchr(device->netns, '/') ? "" : "/run/netns/",
		 device->netns);
	here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	there = open(path, O_RDONLY | O_CLOEXEC);
	err = here < 0 || there < 0 || setns(there, CLONE_NEWNET) ? -errno : 0;
	if (!err) {
		err = ask_address(device->name, address);
		if (setns(here, CLONE_NEWNET))
			err = err ?: -errno;
	}
	if (here >= 0)
		close(here);
	if (there >= 0)
		close(there);
	return err;
}

static int find_address(struct link *link, const char *below, struct lana_error *error)
{
	struct lana_block_info *blocks = NULL;
	const struct lana_device_info *device;
	size_t count = 0;
	int err = lana_block_list(link->stack, NULL, &blocks, &count, error);

	if (err)
		return err;
	device = device_below(blocks, count, below);
	if (!device)
		err = fail(error, -ENODEV, "name an address: no device is below", below);
	else if ((err = read_address(device, link->address)))
		fail(error, err, "cannot read the address of", device->name);
	free(blocks);
	return err;
}

/* ---- opening and closing ------------------------------------------------------------ */

int link_open(const struct link_options *options, struct link **link, struct lana_error *error)
{
	const struct lana_socket_options socket = { .timestamps = true };
	struct link *new = calloc(1, sizeof(*new));
	int err;

	if (!new)
		return fail(error, -ENOMEM, "cannot open", options->name);
	pthread_mutex_init(&new->sending, NULL);
	err = lana_stack_open(&options->stack, &new->stack, error);
	if (!err && options->address)
		memcpy(new->address, options->address, sizeof(new->address));
	else if (!err)
		err = find_address(new, options->below, error);
	err = err ?: lana_socket_open(new->stack, options->name, &socket, &new->socket, error);
	err = err
		      ?: lana_socket_bind(new->stack, options->name, options->below, options->port,
					  error);
	if (err)
		link_close(new);
	else
		*link = new;
	return err;
}

void link_close(struct link *link)
{
	if (!link)
		return;
	lana_socket_close(link->socket);
	if (link->stack)
		lana_stack_close(link->stack);
	pthread_mutex_destroy(&link->sending);
	free(link);
}

struct lana_stack *link_stack(struct link *link)
{
	return link->stack;
}

const uint8_t *link_address(const struct link *link)
{
	return link->address;
}

/* ---- frames ------------------------------------------------------------ */

int link_send(struct link *link, const void *frame, size_t length)
{
	int err;

	pthread_mutex_lock(&link->sending);
	err = lana_socket_send(link->socket, frame, length, SEND_WAIT);
	pthread_mutex_unlock(&link->sending);
	return err;
}

ssize_t link_receive(struct link *link, void *frame, size_t size, uint64_t *arrival,
		     uint64_t timeout_ns)
{
	ssize_t length = lana_socket_recv(link->socket, frame, size, arrival, timeout_ns);

	if (length >= 0 && !*arrival)
		*arrival = clock_now();
	return length;
}

struct link_losses link_losses(struct link *link)
{
	struct lana_socket_stats stats = {};

	lana_socket_stats(link->socket, &stats);
	return (struct link_losses){ stats.overruns, stats.link_full };
}
