// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/netlink.h>
#include <netlink/route/link.h>

#include "cleanup.h"
#include "socket.h"
#include "stack.h"
#include "vlink.h"

/* What was sent, and the device has refused for good. */
static int read_device(const struct lana_socket *socket, __u64 *refused)
{
	struct nl_sock *query = nl_socket_alloc();
	int fd = fcntl(socket->parts.fds[SOCKET_FD_QUERY], F_DUPFD_CLOEXEC, 0);
	struct rtnl_link *link = NULL;
	int err = query && fd >= 0 ? 0 : -ENOMEM;

	if (!err)
		err = nl_socket_set_fd(query, NETLINK_ROUTE, fd);
	if (err && fd >= 0)
		close(fd);
	if (!err) {
		nl_socket_disable_auto_ack(query);
		err = vlink_errno(rtnl_link_get_kernel(query, socket->parts.ifindex, NULL, &link));
	}
	if (!err) {
		*refused = rtnl_link_get_stat(link, RTNL_LINK_TX_DROPPED);
		rtnl_link_put(link);
	}
	nl_socket_free(query);
	return err;
}

/* The other side of a socket that was handed over may have written anything. */
static __u32 count_used(const __u32 *producer, const __u32 *consumer, __u32 size)
{
	return socket_used(__atomic_load_n(producer, __ATOMIC_RELAXED),
			   __atomic_load_n(consumer, __ATOMIC_RELAXED), size);
}

static void read_xsk(const struct socket_xsk *xsk, struct lana_socket_stats *stats)
{
	struct xdp_statistics counts = {};
	socklen_t size = sizeof(counts);

	if (!getsockopt(xsk->fd, SOL_XDP, XDP_STATISTICS, &counts, &size)) {
		stats->overruns += counts.rx_dropped + counts.rx_ring_full;
		stats->refused += counts.tx_invalid_descs;
	}
	stats->waiting +=
		count_used(xsk->receive.producer, xsk->receive.consumer, xsk->receive.size);
}

/*
 * What the block has let through to the socket's own device, or (the socket has been taken over)
 * nothing: the counters delivered less direct.
 */
static __u64 read_delivered(const struct lana_socket *socket)
{
	struct lana_cell *cell = socket->stack ? stack_cell(socket->stack, socket->cell) : NULL;
	__u64 sum = 0;

	for (__u32 cpu = 0; cell && cpu < socket->stack->cpus; cpu++)
		for (int path = 0; path < LANA_PATHS; path++) {
			const __u64 *own = (__u64 *)cell_on_cpu(cell, cpu)->path[path].own;

			sum += own[0] - own[1];
		}
	return sum;
}

int lana_socket_stats(struct lana_socket *socket, struct lana_socket_stats *result)
{
	struct lana_socket_stats stats = { .direct = socket->parts.xsks - 1 };
	__u64 refused = 0, arrived = __atomic_load_n(socket->arrived, __ATOMIC_RELAXED), delivered;

	pthread_mutex_lock(&socket->receiving.mutex);
	stats.received = socket->receiving.frames;
	stats.received_bytes = socket->receiving.bytes;
	stats.forged = socket->receiving.forged;
	for (__u32 i = 0; i < socket->parts.xsks; i++)
		read_xsk(&socket->xsks[i], &stats);
	pthread_mutex_unlock(&socket->receiving.mutex);

	pthread_mutex_lock(&socket->sending.mutex);
	stats.sent = socket->sending.frames;
	stats.sent_bytes = socket->sending.bytes;
	stats.forged += socket->sending.forged;
	stats.unsent = count_used(socket->sending.ring.producer, socket->sending.ring.consumer,
				  socket->parts.send_ring);
	pthread_mutex_unlock(&socket->sending.mutex);

	stats.down = socket_is_down(socket);
	if (!stats.down && !read_device(socket, &refused))
		stats.refused += refused;
	delivered = read_delivered(socket);
	if (delivered > arrived)
		stats.link_full = delivered - arrived;
	*result = stats;
	return 0;
}
