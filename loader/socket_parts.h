/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * socket_parts - what a socket consists of, as it is handed from who makes it to who uses it
 *
 * Numbers and descriptors. Making them takes privileges and is done by libxdp; using them takes
 * none. The program that has opened a socket uses it just as one does that it was handed to.
 *
 * Memory is an array of frames, in a memfd. Each AF_XDP socket receives into a share of
 * receive_ring frames; behind these are send_ring frames for sending, which only the first does.
 * A worker has one AF_XDP socket and takes all frames for all purposes; it has a pool of more.
 */
#ifndef LOADER_SOCKET_PARTS_H
#define LOADER_SOCKET_PARTS_H

#include <stdbool.h>

#include <linux/types.h>

#include <lana/socket.h>

#define SOCKET_XSKS_MAX 16
#define SOCKET_HEADROOM 256 /* XDP_PACKET_HEADROOM: what comes is put there in a frame */

enum socket_fd {
	SOCKET_FD_LOCK,	  /* of its folder */
	SOCKET_FD_MEMORY, /* of frames */
	SOCKET_FD_EVENTS, /* netlink, of its own namespace: what becomes of the device */
	SOCKET_FD_QUERY,  /* netlink, for questions */
	SOCKET_FD_COUNTS, /* map that begins with a number: frames that came by the device */
	SOCKET_FD_XSK,	  /* the first AF_XDP socket, at the end of its own; others follow */
	SOCKET_FDS_MAX = SOCKET_FD_XSK + SOCKET_XSKS_MAX
};

struct socket_parts {
	__u32 magic, version;
	char name[LANA_NAME_MAX]; /* of the block */
	__u32 mtu;
	__u32 frame_size; /* of memory, a power of two */
	__u32 receive_ring, send_ring;
	__u32 ifindex; /* of the end of its own */
	__u32 xsks;
	__u32 shares; /* of memory, as there were to be AF_XDP sockets; not all may have become */
	__u32 stamps; /* there is a time in front of what is received */
	__u32 head;   /* bytes in front of each frame, both ways */
	__u32 pool;   /* frames beside those of the rings */
	int fds[SOCKET_FDS_MAX]; /* -1: none */
};

#define SOCKET_MAGIC   0x6c616e73
#define SOCKET_VERSION 2

/* May a ring have that many places? */
static inline bool socket_is_ring(__u32 places)
{
	return places && !(places & (places - 1)) && places <= LANA_SOCKET_RING_MAX;
}

static inline __u32 socket_frames(const struct socket_parts *parts)
{
	return parts->shares * parts->receive_ring + parts->send_ring + parts->pool;
}

static inline size_t socket_memory(const struct socket_parts *parts)
{
	return (size_t)socket_frames(parts) * parts->frame_size;
}

/* The largest frame: an Ethernet header and a VLAN tag before the payload. */
static inline __u32 socket_frame_max(__u32 mtu)
{
	return mtu + 18;
}

void socket_parts_init(struct socket_parts *parts);

/* Close the descriptors. */
void socket_parts_close(struct socket_parts *parts);

/* What is needed while they are made. */
struct socket_making;

/*
 * Make memory, and the first AF_XDP socket, at a device of the current namespace; shares says how
 * many there are to be.
 */
int socket_parts_begin(struct socket_parts *parts, const char *device,
		       struct socket_making **making);

/* One more, at a queue of a device of what is the current namespace now. -EBUSY: it is taken. */
int socket_parts_add(struct socket_parts *parts, struct socket_making *making, const char *device,
		     __u32 queue);

/* Let the latest ones go again, so that this many are left. */
void socket_parts_drop(struct socket_parts *parts, __u32 xsks);

void socket_parts_end(struct socket_making *making);
void socket_parts_end_p(struct socket_making **making);

#endif
