// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <xdp/xsk.h>

#include "bare.h"
#include "bench.h"

struct bare {
	void *memory;
	size_t size;
	struct xsk_umem *umem;
	struct xsk_socket *socket;
	struct xsk_ring_prod fill, send;
	struct xsk_ring_cons receive, completion;
	uint32_t ring, next; /* the frame that is sent next */
	int link;
};

#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET 9 /* since 6.18; frames that one sendto() sends */
#endif

/* return bpf_redirect_map(&map, 0, XDP_DROP); */
static int load(int map)
{
	const struct bpf_insn insns[] = {
		{ BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map },
		{ 0, 0, 0, 0, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, XDP_DROP },
		{ BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "bare", "GPL", insns,
			     sizeof(insns) / sizeof(insns[0]), NULL);
}

static void attach(struct bare *bare, const char *device)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
	int map = bpf_map_create(BPF_MAP_TYPE_XSKMAP, "bare", 4, 4, 1, NULL);
	int program = map < 0 ? map : load(map);

	bare->link = bpf_link_create(program, if_nametoindex(device), BPF_XDP, &options);
	bench_must(bare->link < 0 ? -errno : 0, NULL, "XDP at %s", device);
	bench_must(xsk_socket__update_xskmap(bare->socket, map), NULL, "AF_XDP at %s", device);
	close(program);
	close(map);
}

static void fill(struct bare *bare)
{
	uint32_t at = 0;

	xsk_ring_prod__reserve(&bare->fill, bare->ring, &at);
	for (uint32_t i = 0; i < bare->ring; i++)
		*xsk_ring_prod__fill_addr(&bare->fill, at + i) = (uint64_t)i * BARE_FRAME;
	xsk_ring_prod__submit(&bare->fill, bare->ring);
}

struct bare *bare_open(const char *device, uint32_t ring, bool receives)
{
	const struct xsk_umem_config umem = { .fill_size = ring,
					      .comp_size = ring,
					      .frame_size = BARE_FRAME };
	const struct xsk_socket_config config = {
		.rx_size = ring,
		.tx_size = ring,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_COPY,
	};
	const int budget = 1024;
	struct bare *bare = calloc(1, sizeof(*bare));

	bench_must(bare ? 0 : -ENOMEM, NULL, "AF_XDP");
	bare->ring = ring;
	bare->link = -1;
	bare->size = (size_t)ring * BARE_FRAME;
	bare->memory = mmap(NULL, bare->size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	bench_must(bare->memory == MAP_FAILED ? -errno : 0, NULL, "AF_XDP");
	bench_must(xsk_umem__create(&bare->umem, bare->memory, bare->size, &bare->fill,
				    &bare->completion, &umem),
		   NULL, "memory of AF_XDP");
	bench_must(xsk_socket__create(&bare->socket, device, 0, bare->umem,
				      receives ? &bare->receive : NULL,
				      receives ? NULL : &bare->send, &config),
		   NULL, "AF_XDP at %s", device);
	setsockopt(xsk_socket__fd(bare->socket), SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &budget,
		   sizeof(budget));
	if (receives) {
		fill(bare);
		attach(bare, device);
	}
	return bare;
}

void bare_close(struct bare *bare)
{
	if (bare->link >= 0)
		close(bare->link);
	xsk_socket__delete(bare->socket);
	xsk_umem__delete(bare->umem);
	munmap(bare->memory, bare->size);
	free(bare);
}

uint32_t bare_receive(struct bare *bare)
{
	uint32_t from, to = 0, count = xsk_ring_cons__peek(&bare->receive, 256, &from);

	if (!count)
		return 0;
	/* There is room: the ring has as many places as there are frames. */
	xsk_ring_prod__reserve(&bare->fill, count, &to);
	for (uint32_t i = 0; i < count; i++)
		*xsk_ring_prod__fill_addr(&bare->fill, to + i) =
			xsk_ring_cons__rx_desc(&bare->receive, from + i)->addr &
			~(uint64_t)(BARE_FRAME - 1);
	xsk_ring_prod__submit(&bare->fill, count);
	xsk_ring_cons__release(&bare->receive, count);
	return count;
}

uint32_t bare_send(struct bare *bare, const void *bytes, uint32_t size, uint32_t count)
{
	uint32_t at = 0, done, sent = xsk_ring_prod__reserve(&bare->send, count, &at);

	for (uint32_t i = 0; i < sent; i++) {
		struct xdp_desc *frame = xsk_ring_prod__tx_desc(&bare->send, at + i);

		frame->addr = (uint64_t)bare->next * BARE_FRAME;
		frame->len = size;
		frame->options = 0;
		memcpy((char *)bare->memory + frame->addr, bytes, size);
		bare->next = (bare->next + 1) % bare->ring;
	}
	xsk_ring_prod__submit(&bare->send, sent);
	sendto(xsk_socket__fd(bare->socket), NULL, 0, MSG_DONTWAIT, NULL, 0);
	done = xsk_ring_cons__peek(&bare->completion, bare->ring, &at);
	xsk_ring_cons__release(&bare->completion, done);
	return done;
}
