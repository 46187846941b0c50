// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include "copied.h"
#include "tap.h"
#include "topology.h"

/* Sockets of one protocol get what has passed the hooks of a device, and no more than that. */
static const unsigned short types[] = { 0x0800, 0x0806, 0x86dd, 0x1234, ETH_P_802_2, ETH_P_802_3 };

#define TYPES	    (sizeof(types) / sizeof(types[0]))
#define SOCKETS_MAX (COPIED_DEVICES_MAX * (TYPES + 1))

struct copied {
	struct pollfd sockets[SOCKETS_MAX];
	size_t sockets_count;
	struct {
		int device;
		bool passed;
	} ends[SOCKETS_MAX]; /* what each socket watches */
	int senders[COPIED_DEVICES_MAX][2];
	struct copied_frames frames;
};

static int open_socket(unsigned int ifindex, unsigned short type)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(type),
				       .sll_ifindex = ifindex };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;

	if (fd < 0 ||
	    (type && setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one))) ||
	    bind(fd, (void *)&address, sizeof(address)))
		tap_bail("no packet socket: %s", strerror(errno));
	return fd;
}

static void watch(struct copied *copied, unsigned int ifindex, unsigned short type, int device,
		  bool passed)
{
	size_t n = copied->sockets_count++;

	copied->sockets[n] = (struct pollfd){ .fd = open_socket(ifindex, type), .events = POLLIN };
	copied->ends[n].device = device;
	copied->ends[n].passed = passed;
}

static void watch_passed(struct copied *copied, unsigned int ifindex, int device)
{
	for (size_t i = 0; i < TYPES; i++)
		watch(copied, ifindex, types[i], device, true);
}

static void forget(struct copied *copied, int device)
{
	size_t kept = 0;

	for (size_t i = 0; i < copied->sockets_count; i++) {
		if (copied->ends[i].device == device) {
			close(copied->sockets[i].fd);
			continue;
		}
		copied->sockets[kept] = copied->sockets[i];
		copied->ends[kept++] = copied->ends[i];
	}
	copied->sockets_count = kept;
}

void copied_watch(struct copied *copied, const char *netns, unsigned int ifindex, int device)
{
	int home = topology_enter(netns);

	forget(copied, device);
	watch_passed(copied, ifindex, device);
	topology_leave(home);
}

struct copied *copied_open(const char *netns, const char *const *devices, size_t count)
{
	struct copied *copied = calloc(1, sizeof(*copied));
	int home = topology_enter(netns);

	if (!copied)
		tap_bail("out of memory");
	for (size_t i = 0; i < count; i++) {
		unsigned int ifindex = topology_ifindex(netns, devices[i]), other;
		char name[32];

		snprintf(name, sizeof(name), "%s_", devices[i]);
		other = topology_ifindex(netns, name);
		watch(copied, other, ETH_P_ALL, i, false);
		watch_passed(copied, ifindex, i);
		copied->senders[i][false] = open_socket(other, 0);
		copied->senders[i][true] = open_socket(ifindex, 0);
	}
	topology_leave(home);
	return copied;
}

void copied_close(struct copied *copied)
{
	for (size_t i = 0; i < copied->sockets_count; i++)
		close(copied->sockets[i].fd);
	for (size_t i = 0; i < COPIED_DEVICES_MAX; i++)
		for (int out = 0; out < 2; out++)
			if (copied->senders[i][out])
				close(copied->senders[i][out]);
	free(copied);
}

void copied_send(struct copied *copied, size_t device, bool out, const void *bytes, size_t size)
{
	if (send(copied->senders[device][out], bytes, size, 0) != (ssize_t)size && errno != ENOBUFS)
		tap_bail("send: %s", strerror(errno));
}

static void take(struct copied *copied, size_t n)
{
	struct copied_frames *frames = &copied->frames;
	struct copied_frame *frame = &frames->frames[frames->count];
	ssize_t size;

	while (frames->count < COPIED_FRAMES_MAX) {
		memset(frame, 0, sizeof(*frame));
		size = recv(copied->sockets[n].fd, frame->bytes, sizeof(frame->bytes), 0);
		if (size < 0)
			return;
		frame->size = size;
		frame->device = copied->ends[n].device;
		frame->passed = copied->ends[n].passed;
		frame = &frames->frames[++frames->count];
	}
}

static void take_all(struct copied *copied, int timeout_ms)
{
	if (poll(copied->sockets, copied->sockets_count, timeout_ms) <= 0)
		return;
	for (size_t i = 0; i < copied->sockets_count; i++)
		if (copied->sockets[i].revents)
			take(copied, i);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct copied_frame));
}

size_t copied_compare(struct copied *copied, struct copied_frames *expected)
{
	struct copied_frames *got = &copied->frames;
	size_t wrong, i = 0, j = 0;

	got->count = 0;
	take_all(copied, 0);
	for (int tries = 0; got->count < expected->count && tries < 100; tries++)
		take_all(copied, 10);
	qsort(got->frames, got->count, sizeof(*got->frames), compare);
	qsort(expected->frames, expected->count, sizeof(*expected->frames), compare);
	for (wrong = 0; i < got->count || j < expected->count;) {
		int order = i == got->count	   ? 1
			    : j == expected->count ? -1
						   : compare(&got->frames[i], &expected->frames[j]);

		wrong += order != 0;
		i += order <= 0;
		j += order >= 0;
	}
	return wrong;
}
