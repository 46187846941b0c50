// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include "inspect.h"
#include "router_lab.h"
#include "tap.h"
#include "topology.h"

#define must(...)                              \
	do {                                   \
		if (topology_run(__VA_ARGS__)) \
			tap_bail(__VA_ARGS__); \
	} while (0)

/* Where a kernel says now and then to which multicasts it listens (MLDv2). */
#define LISTENERS     "\x33\x33\0\0\0\x16"

#define SENTINEL_PORT 7777
#define SENTINEL_MS   3000

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

unsigned short lab_checksum(const void *bytes, unsigned int size, unsigned int sum)
{
	const unsigned char *byte = bytes;

	for (unsigned int i = 0; i < size; i++)
		sum += i % 2 ? byte[i] << 8 : byte[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* ---- setting up ----------------------------------------------------------------------------- */

static int open_socket(const char *netns, const char *device)
{
	int home = topology_enter(netns), one = 1, size = 1 << 20;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

	topology_leave(home);
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = topology_ifindex(netns, device),
	};

	if (fd < 0 || bind(fd, (void *)&address, sizeof(address)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)))
		tap_bail("no socket on %s in %s: %s", device, netns, strerror(errno));
	return fd;
}

/* What the kernel's router needs to do all of it, without holding back. */
static void teach_kernel(const char *name)
{
	must("ip netns exec %s sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 "
	     "net.ipv4.icmp_ratemask=0 net.ipv4.icmp_msgs_per_sec=1000000 "
	     "net.ipv4.icmp_msgs_burst=1000000 net.ipv6.icmp.ratelimit=0 "
	     "net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0",
	     name);
	must("ip -n %s address add 10.0.0.9/24 dev west && ip -n %s address add 10.0.1.9/24 dev "
	     "east",
	     name, name);
	must("ip -n %s address add fd00::9/64 dev west nodad && "
	     "ip -n %s address add fd01::9/64 dev east nodad",
	     name, name);
	must("for a in 10.0.0.1 fd00::1; do ip -n %s neighbour add $a dev west lladdr "
	     "02:00:00:00:00:01 nud permanent; done",
	     name);
	must("for a in 10.0.1.1 fd01::1; do ip -n %s neighbour add $a dev east lladdr "
	     "02:00:00:00:01:01 nud permanent; done",
	     name);
	must("ip -n %s route add 10.2.0.0/16 via 10.0.1.1 && ip -n %s route add fd02::/64 via "
	     "fd01::1",
	     name, name);
	must("for t in unreachable:9 prohibit:8 blackhole:6; do "
	     "ip -n %s route add ${t%%:*} 10.${t#*:}.0.0/16; "
	     "ip -n %s -6 route add ${t%%:*} fd0${t#*:}::/64; done",
	     name, name);
}

void lab_open(struct lab *lab, const char *name, bool kernel)
{
	char left[20], right[20];
	cpu_set_t cpus;

	*lab = (struct lab){};
	snprintf(lab->name, sizeof(lab->name), "%s", name);
	snprintf(left, sizeof(left), "%sl", lab->name);
	snprintf(right, sizeof(right), "%sr", lab->name);
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		tap_bail("cannot keep to a CPU: %s", strerror(errno));

	topology_netns(left);
	topology_netns(name);
	topology_netns(right);
	topology_veth(left, "l0", name, "west");
	topology_veth(name, "east", right, "r0");
	must("ip -n %s link set l0 address 02:00:00:00:00:01 && "
	     "ip -n %s link set west address 02:00:00:00:00:09",
	     left, name);
	must("ip -n %s link set r0 address 02:00:00:00:01:01 && "
	     "ip -n %s link set east address 02:00:00:00:01:09 mtu 1300",
	     right, name);
	for (int i = 0; i < 2; i++)
		must("ip netns exec %s sysctl -qw net.ipv6.conf.all.disable_ipv6=1",
		     i ? left : right);
	if (kernel)
		teach_kernel(name);
	else
		must("ip netns exec %s sysctl -qw net.ipv6.conf.all.disable_ipv6=1", name);
	lab->sockets[LAB_LEFT] = open_socket(left, "l0");
	lab->sockets[LAB_RIGHT] = open_socket(right, "r0");
}

void lab_apply(struct lab *lab, const char *text)
{
	struct lana_stack_options options = {
		.name = lab->name,
		.bpffs = topology_bpffs(),
		.types = inspect_build("bpf/blocks"),
		.netns = lab->name,
		.create = true,
	};
	struct lana_error error = {};

	if (!lab->stack && lana_stack_open(&options, &lab->stack, &error))
		tap_bail("%s", error.text);
	if (lana_apply(lab->stack, text, strlen(text), NULL, NULL, &error))
		tap_bail("%s", error.text);
}

void lab_close(struct lab *lab)
{
	for (int side = 0; side < LAB_SIDES; side++)
		close(lab->sockets[side]);
	if (lab->stack)
		lana_stack_flush(lab->stack, NULL);
	lana_stack_close(lab->stack);
	must("ip netns delete %sl; ip netns delete %sr; ip netns delete %s", lab->name, lab->name,
	     lab->name);
}

/* ---- probing -------------------------------------------------------------------------------- */

struct sentinel {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	unsigned int serial;
} __attribute__((packed));

static void make_sentinel(struct sentinel *s, enum lab_side from, unsigned int serial)
{
	bool is_left = from == LAB_LEFT;

	*s = (struct sentinel){
		.eth = { .h_proto = htons(ETH_P_IP) },
		.ip = { .version = 4,
			.ihl = 5,
			.ttl = 64,
			.protocol = IPPROTO_UDP,
			.tot_len = htons(sizeof(*s) - ETH_HLEN),
			.saddr = htonl(is_left ? 0x0a000001 : 0x0a000101),
			.daddr = htonl(is_left ? 0x0a000101 : 0x0a000001) },
		.udp = { htons(SENTINEL_PORT), htons(SENTINEL_PORT),
			 htons(sizeof(s->udp) + sizeof(s->serial)), 0 },
		.serial = serial,
	};
	memcpy(s->eth.h_source, is_left ? LAB_MAC_LEFT : LAB_MAC_RIGHT, ETH_ALEN);
	memcpy(s->eth.h_dest, is_left ? LAB_MAC_WEST : LAB_MAC_EAST, ETH_ALEN);
	s->ip.check = lab_checksum(&s->ip, sizeof(s->ip), 0);
}

static void put(struct lab *lab, enum lab_side from, const void *bytes, unsigned int size)
{
	if (send(lab->sockets[from], bytes, size, 0) != (ssize_t)size)
		tap_bail("%s: cannot send %u bytes: %s", lab->name, size, strerror(errno));
}

static bool is_sentinel(const struct lab_frame *frame, unsigned int serial)
{
	const struct sentinel *s = (const void *)frame->bytes;

	return frame->size >= sizeof(*s) && s->ip.protocol == IPPROTO_UDP &&
	       s->udp.dest == htons(SENTINEL_PORT) && s->serial == serial;
}

/* Collect what came out at a side, up to the sentinel. */
static void collect(struct lab *lab, enum lab_side side, struct lab_seen *seen)
{
	struct pollfd ready = { .fd = lab->sockets[side], .events = POLLIN };
	struct lab_frame frame;
	ssize_t size;

	while (poll(&ready, 1, SENTINEL_MS) > 0) {
		size = recv(ready.fd, frame.bytes, sizeof(frame.bytes), 0);
		if (size < 0)
			tap_bail("%s: cannot receive: %s", lab->name, strerror(errno));
		frame.size = size;
		if (is_sentinel(&frame, lab->serial))
			return;
		if (!memcmp(frame.bytes, LISTENERS, ETH_ALEN))
			continue;
		if (seen->count[side] < LAB_SEEN_MAX)
			seen->frames[side][seen->count[side]++] = frame;
	}
	tap_bail("%s: nothing comes through any more", lab->name);
}

void lab_probe(struct lab *lab, enum lab_side from, const struct lab_frame *frame,
	       struct lab_seen *seen)
{
	struct sentinel sentinel;

	memset(seen->count, 0, sizeof(seen->count));
	put(lab, from, frame->bytes, frame->size);
	/* Twice, as copies at XDP make a detour. */
	for (int i = 0; i < 2 * LAB_SIDES; i++) {
		enum lab_side side = i % 2 ? !from : from;

		make_sentinel(&sentinel, side, ++lab->serial);
		put(lab, side, &sentinel, sizeof(sentinel));
		collect(lab, !side, seen);
	}
}
