// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
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

int segments_sender(void)
{
	return open_socket("generator", "g0");
}

int segments_receiver(void)
{
	return open_socket("checker", "c0");
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

		size += sizeof(*tcp);
		tcp = make_ip(segment, number, IPPROTO_TCP, size, frame);
		tcp->source = htons(segment->flow);
		tcp->dest = htons(80);
		tcp->seq = htonl(segment->seq);
		tcp->doff = 5;
		tcp->th_flags = segment->flags;
		fill(segment, (void *)(tcp + 1));
	}
	return sizeof(*frame) + size;
}

void segment_send(int fd, const struct segment *segments, unsigned int number)
{
	unsigned char frame[FRAME_MAX];
	size_t length = make(&segments[number], number, (void *)frame);

	if (send(fd, frame, length, 0) != (ssize_t)length)
		tap_bail("a segment cannot be sent: %s", strerror(errno));
}

int segment_receive(int fd, int patience, const struct segment *segments, unsigned int count)
{
	unsigned char got[FRAME_MAX], want[FRAME_MAX];
	const struct frame *frame = (void *)got;
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
	if (number >= count || make(&segments[number], number, (void *)want) != (size_t)length ||
	    memcmp(got, want, length))
		return SEGMENT_OTHER;
	return number;
}
