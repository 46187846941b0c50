// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <lana/sequence.h>

#include "account.h"
#include "segments.h"
#include "tap.h"
#include "topology.h"
#include "workers.h"

/* ---- the stack ------------------------------------------------------------------------------ */

struct lana_stack *segments_open(enum lana_hook hook, const char *type)
{
	struct lana_stack *stack = account_open(hook, type);

	live_do(stack, "unbind b in");
	for (int path = 1; path <= SEGMENT_PATHS; path++) {
		live_do(stack, "add f%d filter expr=ether[11]==%d", path, path);
		live_do(stack, "add m%d mark value=%d mask=31", path, path);
		live_do(stack, "bind m%d f%d port match ingress", path, path);
		live_do(stack, "bind b m%d ingress", path);
		if (path > 1)
			live_do(stack, "bind f%d f%d port other ingress", path, path - 1);
	}
	live_do(stack, "bind b f%d port other ingress", SEGMENT_PATHS);
	live_do(stack, "bind f1 in ingress");
	return stack;
}

void segments_close(struct lana_stack *stack)
{
	account_close(stack);
}

/* It sees all changes in their order, a moment after the kernel half. */
void segments_set(struct lana_stack *stack, const char *options)
{
	live_do(stack, "set b %s", options);
	live_do(stack, "add later userforward");
	worker_wait(stack, "later", "worker");
	live_do(stack, "rm later");
}

void segments_await_none(struct lana_stack *stack)
{
	for (int i = 0; i < 5000 && worker_count(stack, "b", "flows"); i++)
		usleep(1000);
}

void segments_await_held(struct lana_stack *stack, unsigned long long count)
{
	for (int i = 0; i < 5000 && worker_count(stack, "b", "holding") != count; i++)
		usleep(1000);
}

/* ---- sockets -------------------------------------------------------------------------------- */

static int open_socket(const char *netns, const char *device)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = topology_ifindex(netns, device),
	};
	const int room = 16 << 20;
	int home = topology_enter(netns);
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));

	topology_leave(home);
	if (fd < 0 || bind(fd, (const void *)&address, sizeof(address)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		tap_bail("no packet socket: %s", strerror(errno));
	return fd;
}

/* In front of each frame the kernel takes a header that says how it is to be cut. */
int segments_sender(void)
{
	int fd = open_socket("generator", "g0"), on = 1;

	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)))
		tap_bail("no super-segments: %s", strerror(errno));
	return fd;
}

int segments_receiver(void)
{
	return open_socket("checker", "c0");
}

int segments_tap(struct lana_stack *stack)
{
	struct ifreq request = { .ifr_name = "tap",
				 .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	const struct lana_hook_options options = { .hook = LANA_HOOK_TC };
	struct lana_error error;
	int home = topology_enter("stack"), fd;

	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	topology_leave(home);
	if (fd < 0)
		return -1;
	if (ioctl(fd, TUNSETIFF, &request)) {
		close(fd);
		return -1;
	}
	if (topology_run("ip -n stack link set tap addrgenmode none up"))
		tap_bail("the tap cannot be used");
	if (lana_hook(stack, "tap", &options, &error))
		tap_bail("the tap is not hooked: %s", error.text);
	live_do(stack, "bind b tap ingress");
	return fd;
}

void segments_untap(struct lana_stack *stack, int fd)
{
	struct lana_error error;

	live_do(stack, "unbind b tap ingress");
	if (lana_unhook(stack, "tap", &error))
		tap_bail("%s", error.text);
	close(fd);
}

/* ---- segments ------------------------------------------------------------------------------- */

#define FRAME_MAX 2000

struct frame {
	struct ether_header eth;
	struct iphdr ip;
} __attribute__((packed));

/* Its number stands in the IPv4 header. Returns where what it carries begins. */
static void *make_ip(const struct segment *segment, unsigned int number, uint8_t protocol,
		     size_t size, struct frame *frame)
{
	memset(frame, 0, sizeof(*frame) + size);
	frame->eth = (struct ether_header){ .ether_dhost = { 2, 0, 0, 0, 0, 9 },
					    .ether_shost = { 2, 0, 0, 0, 0, segment->path },
					    .ether_type = htons(ETH_P_IP) };
	frame->ip.version = 4;
	frame->ip.ihl = 5;
	frame->ip.ttl = 64;
	frame->ip.protocol = protocol;
	frame->ip.id = htons(number);
	frame->ip.frag_off = htons(segment->fragment ? IP_MF : 0);
	frame->ip.tot_len = htons(sizeof(frame->ip) + size);
	frame->ip.saddr = htonl(0x0a000001);
	frame->ip.daddr = htonl(0x0a000002);
	return frame + 1;
}

static void fill(const struct segment *segment, uint8_t *bytes)
{
	for (uint32_t i = 0; i < segment->length; i++)
		bytes[i] = (segment->seq + i) * 7;
}

#define STAMP_WORDS 3 /* of options */

/* Returns where its data begins. */
static void *put_stamp(struct tcphdr *tcp, uint32_t stamp)
{
	uint8_t *options = (void *)(tcp + 1);

	if (!stamp)
		return options;
	tcp->doff += STAMP_WORDS;
	stamp = htonl(stamp);
	memcpy(options, (uint8_t[]){ TCPOPT_NOP, TCPOPT_NOP, TCPOPT_TIMESTAMP, TCPOLEN_TIMESTAMP },
	       4);
	memcpy(options + 4, &stamp, sizeof(stamp));
	return options + 4 * STAMP_WORDS;
}

/* Returns its length. */
static size_t make(const struct segment *segment, unsigned int number, struct frame *frame)
{
	size_t size = segment->length;

	if (segment->numbered) {
		struct lana_sequence *header;

		size += sizeof(*header);
		header = make_ip(segment, number, LANA_SEQUENCE_PROTOCOL, size, frame);
		frame->ip.saddr = htonl(0x0a010000 + segment->flow);
		header->number = htonl(segment->seq);
		header->path_number = htons(segment->path_number);
		header->path = segment->path;
		header->protocol = IPPROTO_UDP;
		fill(segment, (void *)(header + 1));
	} else {
		struct tcphdr *tcp;

		size += sizeof(*tcp) + (segment->stamp ? 4 * STAMP_WORDS : 0);
		tcp = make_ip(segment, number, IPPROTO_TCP, size, frame);
		tcp->source = htons(segment->flow);
		tcp->dest = htons(80);
		tcp->seq = htonl(segment->seq);
		tcp->doff = 5;
		tcp->th_flags = segment->flags;
		fill(segment, put_stamp(tcp, segment->stamp));
	}
	return sizeof(*frame) + size;
}

static void send_as(int fd, const struct segment *segment, unsigned int number,
		    const struct virtio_net_hdr *header)
{
	unsigned char frame[FRAME_MAX];
	struct iovec parts[] = { { (void *)header, sizeof(*header) },
				 { frame, make(segment, number, (void *)frame) } };

	if (writev(fd, parts, 2) != (ssize_t)(parts[0].iov_len + parts[1].iov_len))
		tap_bail("a segment cannot be sent: %s", strerror(errno));
}

void segment_send(int fd, const struct segment *segments, unsigned int number)
{
	send_as(fd, &segments[number], number, &(struct virtio_net_hdr){});
}

void segments_send_super(int fd, const struct segment *segments, unsigned int number,
			 unsigned int count)
{
	const struct virtio_net_hdr header = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = sizeof(struct frame) + sizeof(struct tcphdr),
		.gso_size = segments[number].length,
		.csum_start = sizeof(struct frame),
		.csum_offset = offsetof(struct tcphdr, check),
	};
	struct segment all = segments[number];

	for (unsigned int i = 1; i < count; i++) {
		all.length += segments[number + i].length;
		all.flags |= segments[number + i].flags;
	}
	send_as(fd, &all, number, &header);
}

/* Those that the kernel has made: the frames of this file have none. */
static void clear_checksums(struct frame *frame)
{
	frame->ip.check = 0;
	((struct tcphdr *)(frame + 1))->check = 0;
}

int segment_receive(int fd, int patience, const struct segment *segments, unsigned int count)
{
	unsigned char got[FRAME_MAX], want[FRAME_MAX];
	struct frame *frame = (void *)got;
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	unsigned int number;
	ssize_t length;

	for (;;) {
		if (poll(&ready, 1, patience) != 1)
			return SEGMENT_NONE;
		length = recv(fd, got, sizeof(got), 0);
		if (length >= (ssize_t)sizeof(*frame) &&
		    (frame->ip.protocol == IPPROTO_TCP ||
		     frame->ip.protocol == LANA_SEQUENCE_PROTOCOL))
			break;
	}
	number = ntohs(frame->ip.id);
	if (number < count && segments[number].cut)
		clear_checksums(frame);
	if (number >= count || make(&segments[number], number, (void *)want) != (size_t)length ||
	    memcmp(got, want, length))
		return SEGMENT_OTHER;
	return number;
}
