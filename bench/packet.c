// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_packet.h>

#include "bench.h"
#include "packet.h"
#include "selftests/topology.h"

#define BATCH	  256
#define FRAME_MAX 2048

static int open_at(const char *device)
{
	int home = topology_enter("near");
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	const struct sockaddr_ll address = { .sll_family = AF_PACKET,
					     .sll_protocol = htons(ETH_P_ALL),
					     .sll_ifindex = topology_ifindex("near", device) };
	const int ignore = 1, buffer = 8 << 20;

	bench_must(fd < 0 ? -errno : 0, NULL, "packet socket");
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &ignore, sizeof(ignore));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	bench_must(bind(fd, (void *)&address, sizeof(address)) ? -errno : 0, NULL, "bind");
	topology_leave(home);
	return fd;
}

uint64_t packet_recvfrom(const char *device, double until)
{
	int fd = open_at(device);
	char frame[FRAME_MAX];
	uint64_t count = 0;

	while (bench_now() < until) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };

		poll(&wait, 1, 10);
		for (int i = 0;
		     i < BATCH && recvfrom(fd, frame, sizeof(frame), MSG_DONTWAIT, NULL, NULL) > 0;
		     i++)
			count++;
	}
	close(fd);
	return count;
}

uint64_t packet_mapped(const char *device, double until)
{
	const int version = TPACKET_V3;
	const struct tpacket_req3 ring = { .tp_block_size = 1 << 18,
					   .tp_block_nr = 64,
					   .tp_frame_size = FRAME_MAX,
					   .tp_frame_nr = 64 * ((1 << 18) / FRAME_MAX),
					   .tp_retire_blk_tov = 10 };
	const size_t size = (size_t)ring.tp_block_size * ring.tp_block_nr;
	int fd = open_at(device);
	uint64_t count = 0;
	char *blocks;

	bench_must(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
				   setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring))
			   ? -errno
			   : 0,
		   NULL, "TPACKET_V3");
	blocks = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	bench_must(blocks == MAP_FAILED ? -errno : 0, NULL, "TPACKET_V3");
	for (unsigned int i = 0; bench_now() < until;) {
		struct tpacket_block_desc *block =
			(void *)(blocks + (size_t)i * ring.tp_block_size);
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		uint32_t *status = &block->hdr.bh1.block_status;

		if (!(__atomic_load_n(status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) {
			poll(&wait, 1, 10);
			continue;
		}
		count += block->hdr.bh1.num_pkts;
		__atomic_store_n(status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		i = (i + 1) % ring.tp_block_nr;
	}
	munmap(blocks, size);
	close(fd);
	return count;
}

uint64_t packet_sendmmsg(const char *device, size_t size, double until, int bypass)
{
	static char bytes[FRAME_MAX] = { [12] = 0x88, 0xb5 };
	struct iovec data = { bytes, size };
	struct mmsghdr messages[BATCH];
	int fd = open_at(device);
	uint64_t count = 0;

	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof(bypass));
	for (int i = 0; i < BATCH; i++)
		messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &data, .msg_iovlen = 1 } };
	while (bench_now() < until) {
		int sent = sendmmsg(fd, messages, BATCH, 0);

		count += sent > 0 ? sent : 0;
	}
	close(fd);
	return count;
}
