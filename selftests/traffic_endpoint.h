/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * traffic_endpoint.h - a device in a network namespace
 */
#ifndef TRAFFIC_ENDPOINT_H
#define TRAFFIC_ENDPOINT_H

#include <net/if.h>
#include <stdint.h>

struct traffic_endpoint {
	int netns, socket; /* file descriptors, -1: not open */
	int ifindex;
	char device[IFNAMSIZ];
};

#define TRAFFIC_ENDPOINT_CLOSED            \
	{                                  \
		.netns = -1, .socket = -1, \
	}

/* text: "NETNS:DEV", where NETNS is a name of ip-netns(8) or a path, or "DEV" for the caller's. */
int traffic_endpoint_open(struct traffic_endpoint *endpoint, const char *text);
void traffic_endpoint_close(struct traffic_endpoint *endpoint);

/*
 * Take the calling thread into the device's network namespace; *home is what leave() needs to
 * bring it back. Mounts, and so bpffs, stay as they are.
 */
int traffic_endpoint_enter(const struct traffic_endpoint *endpoint, int *home);
void traffic_endpoint_leave(int home);

/*
 * How many frames that XDP redirected into the device found the receive ring of its peer full
 * (or were longer than the peer's MTU), since it exists. -EOPNOTSUPP: the device is no veth.
 */
int traffic_endpoint_overrun(const struct traffic_endpoint *endpoint, uint64_t *frames);

/* Receive queues; 0: the device does not tell. */
unsigned int traffic_endpoint_queues(const struct traffic_endpoint *endpoint);

#endif
