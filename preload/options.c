// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_packet.h>

#include <lana/af_lana.h>

#include "preload.h"

/* ---- setsockopt ---------------------------------------------------------------------------- */

static int set_timeout(const void *value, socklen_t size, int64_t *timeout)
{
	const struct timeval *time = value;

	if (size < sizeof(*time))
		return fail(EINVAL, "a time has more bytes");
	*timeout = time->tv_sec * 1000000000LL + time->tv_usec * 1000LL;
	return 0;
}

static int set_buffer(const void *value, socklen_t size, int *buffer)
{
	if (size < sizeof(int))
		return fail(EINVAL, "a size has more bytes");
	*buffer = 2 * *(const int *)value; /* as the kernel does */
	return 0;
}

/* Loads from beside the packet are what libpcap's machine does not know. */
static bool is_plain(const struct sock_fprog *program)
{
	for (int i = 0; i < program->len; i++)
		if (BPF_CLASS(program->filter[i].code) == BPF_LD &&
		    BPF_MODE(program->filter[i].code) == BPF_ABS &&
		    program->filter[i].k >= (__u32)SKF_NET_OFF)
			return false;
	return true;
}

static int set_filter(struct endpoint *endpoint, const struct sock_fprog *program)
{
	struct bpf_insn *filter = NULL, *before;

	_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter), "the same machine");
	if (program) {
		size_t size = program->len * sizeof(*filter);

		if (!is_plain(program))
			return fail(ENOPROTOOPT, "the filter asks for what is beside the packet");
		filter = malloc(size);
		if (!filter)
			return fail(ENOMEM, "no memory for the filter");
		memcpy(filter, program->filter, size);
		if (!bpf_validate(filter, program->len)) {
			free(filter);
			return fail(EINVAL, "the filter is none");
		}
	}
	pthread_mutex_lock(&endpoint->mutex);
	before = endpoint->filter;
	endpoint->filter = filter;
	pthread_mutex_unlock(&endpoint->mutex);
	free(before);
	return 0;
}

static int set_device(struct endpoint *endpoint, int fd, const void *value, socklen_t size)
{
	char device[IFNAMSIZ] = "";

	if (endpoint->family != AF_PACKET)
		return fail(ENOPROTOOPT, "a socket of AF_LANA has no device");
	memcpy(device, value, size < IFNAMSIZ ? size : IFNAMSIZ - 1);
	return endpoint_bind_device(endpoint, fd, device);
}

static int set_common(struct endpoint *endpoint, int fd, int option, const void *value,
		      socklen_t size)
{
	switch (option) {
	case SO_RCVTIMEO:
		return set_timeout(value, size, &endpoint->receive_timeout);
	case SO_SNDTIMEO:
		return set_timeout(value, size, &endpoint->send_timeout);
	case SO_RCVBUF:
	case SO_RCVBUFFORCE:
		return set_buffer(value, size, &endpoint->buffers[0]);
	case SO_SNDBUF:
	case SO_SNDBUFFORCE:
		return set_buffer(value, size, &endpoint->buffers[1]);
	case SO_ATTACH_FILTER:
		if (size < sizeof(struct sock_fprog))
			return fail(EINVAL, "a filter has more bytes");
		return set_filter(endpoint, value);
	case SO_DETACH_FILTER:
		return set_filter(endpoint, NULL);
	case SO_BINDTODEVICE:
		return set_device(endpoint, fd, value, size);
	case SO_BROADCAST: /* these change nothing for frames as they are */
	case SO_REUSEADDR:
	case SO_DONTROUTE:
	case SO_PRIORITY:
	case SO_LOCK_FILTER:
		return 0;
	}
	return fail(ENOPROTOOPT, "option %d of SOL_SOCKET is not known here", option);
}

PUBLIC int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);

	if (!endpoint)
		return REAL(setsockopt)(fd, level, option, value, size);
	if (level == SOL_SOCKET)
		return set_common(endpoint, fd, option, value, size);
	/* Which frames come is the stack's affair; rings that are mapped are not to be had. */
	if (level == SOL_PACKET &&
	    (option == PACKET_ADD_MEMBERSHIP || option == PACKET_DROP_MEMBERSHIP ||
	     option == PACKET_QDISC_BYPASS || option == PACKET_IGNORE_OUTGOING))
		return 0;
	return fail(ENOPROTOOPT, "option %d of level %d is not known here", option, level);
}

/* ---- getsockopt ---------------------------------------------------------------------------- */

static int give(const void *from, socklen_t length, void *value, socklen_t *size)
{
	if (length < *size)
		*size = length;
	memcpy(value, from, *size);
	return 0;
}

static int error_of(struct endpoint *endpoint)
{
	struct lana_socket_stats stats = {};

	return endpoint->socket && !endpoint->lost &&
			       !lana_socket_stats(endpoint->socket, &stats) && stats.down
		       ? ENETDOWN
		       : 0;
}

static int get_time(int64_t timeout, void *value, socklen_t *size)
{
	const struct timeval time = { timeout / 1000000000, timeout % 1000000000 / 1000 };

	return give(&time, sizeof(time), value, size);
}

static int get_common(struct endpoint *endpoint, int option, void *value, socklen_t *size)
{
	int number;

	switch (option) {
	case SO_RCVTIMEO:
		return get_time(endpoint->receive_timeout, value, size);
	case SO_SNDTIMEO:
		return get_time(endpoint->send_timeout, value, size);
	case SO_TYPE:
		number = endpoint->type;
		break;
	case SO_DOMAIN:
		number = endpoint->family;
		break;
	case SO_PROTOCOL:
		number = endpoint->protocol;
		break;
	case SO_ERROR:
		number = error_of(endpoint);
		break;
	case SO_RCVBUF:
		number = endpoint->buffers[0];
		break;
	case SO_SNDBUF:
		number = endpoint->buffers[1];
		break;
	default:
		return fail(ENOPROTOOPT, "option %d of SOL_SOCKET is not known here", option);
	}
	return give(&number, sizeof(number), value, size);
}

/* Since it was asked for last, as packet(7) has it. */
static int get_statistics(struct endpoint *endpoint, void *value, socklen_t *size)
{
	const struct tpacket_stats counts = {
		.tp_packets = __atomic_exchange_n(&endpoint->received, 0, __ATOMIC_RELAXED),
	};

	return give(&counts, sizeof(counts), value, size);
}

PUBLIC int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict size)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);

	if (!endpoint)
		return REAL(getsockopt)(fd, level, option, value, size);
	if (level == SOL_SOCKET)
		return get_common(endpoint, option, value, size);
	if (level == SOL_PACKET && option == PACKET_STATISTICS)
		return get_statistics(endpoint, value, size);
	return fail(ENOPROTOOPT, "option %d of level %d is not known here", option, level);
}

PUBLIC int getsockname(int fd, struct sockaddr *restrict address, socklen_t *restrict size)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);
	struct sockaddr_lana lana = { .slana_family = AF_LANA };
	struct sockaddr_ll link = { .sll_family = AF_PACKET };
	socklen_t room = *size;

	if (!endpoint)
		return REAL(getsockname)(fd, address, size);
	if (endpoint->family == AF_LANA) {
		memcpy(lana.slana_name, endpoint->name, sizeof(endpoint->name));
		*size = sizeof(lana);
		memcpy(address, &lana, room < *size ? room : *size);
		return 0;
	}
	link.sll_protocol = endpoint->protocol;
	link.sll_ifindex = endpoint->ifindex;
	if (endpoint->socket) {
		link.sll_hatype = ARPHRD_ETHER;
		link.sll_halen = ADDRESS_SIZE;
		memcpy(link.sll_addr, endpoint->address, ADDRESS_SIZE);
	}
	*size = sizeof(link);
	memcpy(address, &link, room < *size ? room : *size);
	return 0;
}

/* ---- ioctl --------------------------------------------------------------------------------- */

/* Questions about devices are answered by any socket; the rest is the epoll descriptor's. */
PUBLIC int ioctl(int fd, unsigned long request, ...)
{
	_cleanup_endpoint_ struct endpoint *endpoint = endpoint_get(fd);
	int other, result;
	va_list args;
	void *word;

	va_start(args, request);
	word = va_arg(args, void *);
	va_end(args);
	if (!endpoint || request >> 8 != SIOCGIFNAME >> 8)
		return REAL(ioctl)(fd, request, word);
	other = REAL(socket)(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (other < 0)
		return -1;
	result = REAL(ioctl)(other, request, word);
	REAL(close)(other);
	return result;
}
