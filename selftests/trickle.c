// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_packet.h>

#include "tap.h"
#include "topology.h"
#include "traffic.h"
#include "trickle.h"

#define PAUSE_US 1000

static struct traffic_options options;
static struct traffic *traffic;
static pthread_t sender;
static int sender_socket;
static uint64_t sent;
static bool stop;

static void *send_frames(void *cookie)
{
	unsigned char frame[2048];
	int size;

	(void)cookie;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		size = traffic_frame(&options, sent, frame, sizeof(frame));
		if (send(sender_socket, frame, size, 0) != size)
			break;
		sent++;
		usleep(PAUSE_US);
	}
	return NULL;
}

void trickle_start(const char *netns, const char *device, const char *check)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_ifindex = topology_ifindex(netns, device) };
	int home = topology_enter(netns);

	options.check = check;
	sender_socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (sender_socket < 0 || bind(sender_socket, (void *)&address, sizeof(address)))
		tap_bail("no socket: %s", strerror(errno));
	topology_leave(home);
	if (traffic_open(&options, &traffic) || pthread_create(&sender, NULL, send_frames, NULL))
		tap_bail("no traffic");
}

void trickle_end(void)
{
	struct traffic_report r = {};

	tap_ok(!__atomic_exchange_n(&stop, true, __ATOMIC_RELEASE) && !pthread_join(sender, NULL),
	       "the sender is stopped");
	for (int i = 0; i < 100 && r.received < sent; i++) {
		usleep(20000);
		traffic_report(traffic, &r);
	}
	tap_ok(sent && r.received == sent && !r.duplicated && !r.reordered && !r.corrupt,
	       "of %lu frames none was lost, doubled or overtaken", sent);
	if (r.received != sent)
		tap_note("received %lu", r.received);
	traffic_close(traffic);
}
