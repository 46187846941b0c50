// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <xdp/xsk.h>

#include "cleanup.h"
#include "socket_parts.h"

/* Kernel 6.18's; how many frames one call sends at most. Older kernels send 32. */
#define XDP_MAX_TX_SKB_BUDGET 9
#define SEND_BUDGET	      1024

void socket_parts_init(struct socket_parts *parts)
{
	for (int i = 0; i < SOCKET_FDS_MAX; i++)
		parts->fds[i] = -1;
}

void socket_parts_close(struct socket_parts *parts)
{
	for (int i = 0; i < SOCKET_FDS_MAX; i++)
		close_p(&parts->fds[i]);
	socket_parts_init(parts);
}

/* Its size is fixed: whoever gets it relies on that. */
static int make_memory(struct socket_parts *parts)
{
	int fd = memfd_create("lana_socket", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	parts->fds[SOCKET_FD_MEMORY] = fd;
	if (fd < 0 || ftruncate(fd, socket_memory(parts)) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -errno;
	return 0;
}

/* Nothing comes but that a device has gone: there is only one that can. */
static int hear_removals(int netlink)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELLINK), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ~0U),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog filter = { ARRAY_SIZE(insns), insns };

	return setsockopt(netlink, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) ? -errno
											  : 0;
}

static int open_netlink(__u32 groups, int *result)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	int err = fd < 0 ? -errno : 0;

	if (!err && groups)
		err = hear_removals(fd);
	if (err)
		return err;
	if (bind(fd, (void *)&address, sizeof(address)))
		return -errno;
	*result = TAKE_FD(fd);
	return 0;
}

/* ---- AF_XDP -------------------------------------------------------------------------------- */

/*
 * libxdp's view of it, which lasts while it is made. The descriptors are copied; who uses them maps
 * the rings from these, as the other side of a socket that is handed over has to.
 */
struct socket_making {
	void *memory;
	size_t size;
	struct xsk_umem *umem;
	struct xsk_socket *xsks[SOCKET_XSKS_MAX];
	struct xsk_ring_prod fill[SOCKET_XSKS_MAX], send;
	struct xsk_ring_cons completion[SOCKET_XSKS_MAX], receive[SOCKET_XSKS_MAX];
};

void socket_parts_end(struct socket_making *making)
{
	for (int i = SOCKET_XSKS_MAX; i-- > 0;)
		if (making->xsks[i])
			xsk_socket__delete(making->xsks[i]);
	if (making->umem)
		xsk_umem__delete(making->umem);
	if (making->memory)
		munmap(making->memory, making->size);
	free(making);
}

void socket_parts_end_p(struct socket_making **making)
{
	if (*making)
		socket_parts_end(*making);
}

static int map_memory(const struct socket_parts *parts, struct socket_making *making)
{
	void *memory = mmap(NULL, socket_memory(parts), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_POPULATE, parts->fds[SOCKET_FD_MEMORY], 0);

	if (memory == MAP_FAILED)
		return -errno;
	making->memory = memory;
	making->size = socket_memory(parts);
	return 0;
}

static int make_umem(const struct socket_parts *parts, struct socket_making *making)
{
	const struct xsk_umem_config config = {
		.fill_size = parts->receive_ring,
		.comp_size = parts->send_ring,
		.frame_size = parts->frame_size,
	};

	return xsk_umem__create(&making->umem, making->memory, making->size, &making->fill[0],
				&making->completion[0], &config);
}

/* All frames of its share are free. */
static void fill(const struct socket_parts *parts, __u32 share, struct xsk_ring_prod *ring)
{
	__u32 at = 0;

	xsk_ring_prod__reserve(ring, parts->receive_ring, &at);
	for (__u32 i = 0; i < parts->receive_ring; i++)
		*xsk_ring_prod__fill_addr(ring, at + i) =
			((__u64)share * parts->receive_ring + i) * parts->frame_size;
	xsk_ring_prod__submit(ring, parts->receive_ring);
}

/* Only the first one sends. Frames are there before anything can be received. */
int socket_parts_add(struct socket_parts *parts, struct socket_making *making, const char *device,
		     __u32 queue)
{
	const struct xsk_socket_config config = {
		.rx_size = parts->receive_ring,
		.tx_size = parts->send_ring,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP,
	};
	const int budget = SEND_BUDGET;
	__u32 n = parts->xsks;
	int *fd = &parts->fds[SOCKET_FD_XSK + n];
	int err;

	err = xsk_socket__create_shared(&making->xsks[n], device, queue, making->umem,
					&making->receive[n], n ? NULL : &making->send,
					&making->fill[n], &making->completion[n], &config);
	if (err)
		return err;
	*fd = fcntl(xsk_socket__fd(making->xsks[n]), F_DUPFD_CLOEXEC, 0);
	if (*fd < 0)
		return -errno;
	fill(parts, n, &making->fill[n]);
	setsockopt(*fd, SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &budget, sizeof(budget));
	parts->xsks++;
	return 0;
}

void socket_parts_drop(struct socket_parts *parts, __u32 xsks)
{
	while (parts->xsks > xsks) {
		int *fd = &parts->fds[SOCKET_FD_XSK + --parts->xsks];

		close_p(fd);
		*fd = -1;
	}
}

int socket_parts_begin(struct socket_parts *parts, const char *device,
		       struct socket_making **result)
{
	_cleanup_(socket_parts_end_p) struct socket_making *making = calloc(1, sizeof(*making));
	int err = making ? make_memory(parts) : -ENOMEM;

	if (!err)
		err = open_netlink(RTMGRP_LINK, &parts->fds[SOCKET_FD_EVENTS]);
	if (!err)
		err = open_netlink(0, &parts->fds[SOCKET_FD_QUERY]);
	if (!err)
		err = map_memory(parts, making);
	if (!err)
		err = make_umem(parts, making);
	if (!err)
		err = socket_parts_add(parts, making, device, 0);
	if (err)
		return err;
	*result = TAKE_PTR(making);
	return 0;
}
