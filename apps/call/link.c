// SPDX-License-Identifier: GPL-2.0-only
/* link - the call's socket, as its threads use it */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "link.h"
#include "packet.h"

#define SEND_WAIT (20 * CLOCK_MILLISECOND)

struct link {
	struct lana_socket *socket;
	uint8_t address[6];
	pthread_mutex_t sending;
};

int link_new(struct lana_socket *socket, const uint8_t address[6], struct link **link)
{
	struct link *new;

	if (lana_socket_mtu(socket) + LANA_SOCKET_FRAME_MIN < CALL_PACKET_MAX)
		return -EMSGSIZE;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->socket = socket;
	memcpy(new->address, address, sizeof(new->address));
	pthread_mutex_init(&new->sending, NULL);
	*link = new;
	return 0;
}

void link_free(struct link *link)
{
	if (!link)
		return;
	pthread_mutex_destroy(&link->sending);
	free(link);
}

const uint8_t *link_address(const struct link *link)
{
	return link->address;
}

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
