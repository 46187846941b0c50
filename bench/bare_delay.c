// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <xdp/xsk.h>

#include "bare.h"
#include "bare_delay.h"
#include "bare_delay.skel.h"
#include "bench.h"

#define RING  2048
#define BATCH 64

#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET 9 /* since 6.18; frames that one sendto() sends */
#endif

struct held {
	uint64_t addr, due;
	uint32_t len;
};

struct bare_delay {
	void *memory;
	uint32_t frames;
	struct xsk_umem *umem;
	struct xsk_socket *from, *to;
	struct xsk_ring_prod fill, send, unused_fill;
	struct xsk_ring_cons receive, completion, unused_completion;
	struct bare_delay_bpf *program;
	uint64_t *free; /* frames that are nowhere */
	uint32_t free_count;
	struct held *queue; /* as many as there are frames */
	uint32_t first, last;
	uint64_t delay;
	int link;
	unsigned int cpu;
	bool stopping;
	pthread_t thread;
};

/* ---- the loop ------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static void receive(struct bare_delay *bare)
{
	uint64_t delay = __atomic_load_n(&bare->delay, __ATOMIC_RELAXED);
	uint32_t at = 0, count = xsk_ring_cons__peek(&bare->receive, BATCH, &at);

	for (uint32_t i = 0; i < count; i++) {
		const struct xdp_desc *frame = xsk_ring_cons__rx_desc(&bare->receive, at + i);
		const uint64_t *came = (void *)((char *)bare->memory + frame->addr);

		bare->queue[bare->last++ & (bare->frames - 1)] = (struct held){
			.addr = frame->addr,
			.len = frame->len,
			.due = came[-1] + delay,
		};
	}
	xsk_ring_cons__release(&bare->receive, count);
}

static void send_due(struct bare_delay *bare, uint64_t now)
{
	uint32_t at, count = 0;

	while (bare->first != bare->last && count < BATCH) {
		const struct held *held = &bare->queue[bare->first & (bare->frames - 1)];

		if (held->due > now || !xsk_ring_prod__reserve(&bare->send, 1, &at))
			break;
		*xsk_ring_prod__tx_desc(&bare->send, at) =
			(struct xdp_desc){ .addr = held->addr, .len = held->len };
		bare->first++;
		count++;
	}
	if (!count)
		return;
	xsk_ring_prod__submit(&bare->send, count);
	sendto(xsk_socket__fd(bare->to), NULL, 0, MSG_DONTWAIT, NULL, 0);
}

/* What was sent is received into again. */
static void recycle(struct bare_delay *bare)
{
	uint32_t at = 0, count = xsk_ring_cons__peek(&bare->completion, BATCH, &at);

	for (uint32_t i = 0; i < count; i++)
		bare->free[bare->free_count++] =
			*xsk_ring_cons__comp_addr(&bare->completion, at + i) &
			~(uint64_t)(BARE_FRAME - 1);
	xsk_ring_cons__release(&bare->completion, count);

	count = xsk_prod_nb_free(&bare->fill, BATCH);
	count = count < bare->free_count ? count : bare->free_count;
	count = xsk_ring_prod__reserve(&bare->fill, count, &at);
	for (uint32_t i = 0; i < count; i++)
		*xsk_ring_prod__fill_addr(&bare->fill, at + i) = bare->free[--bare->free_count];
	xsk_ring_prod__submit(&bare->fill, count);
}

static void *run(void *cookie)
{
	struct bare_delay *bare = cookie;

	bench_pin(bare->cpu);
	while (!__atomic_load_n(&bare->stopping, __ATOMIC_RELAXED)) {
		receive(bare);
		send_due(bare, now_ns());
		recycle(bare);
	}
	return NULL;
}

/* ---- making it ------------------------------------------------------------------------------ */

static void open_sockets(struct bare_delay *bare, const char *from, const char *to)
{
	const struct xsk_umem_config umem = { .fill_size = RING,
					      .comp_size = RING,
					      .frame_size = BARE_FRAME };
	const struct xsk_socket_config config = {
		.rx_size = RING,
		.tx_size = RING,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_COPY,
	};
	const int budget = 256;

	bench_must(xsk_umem__create(&bare->umem, bare->memory, (size_t)bare->frames * BARE_FRAME,
				    &bare->fill, &bare->unused_completion, &umem),
		   NULL, "memory of AF_XDP");
	bench_must(
		xsk_socket__create(&bare->from, from, 0, bare->umem, &bare->receive, NULL, &config),
		NULL, "AF_XDP at %s", from);
	bench_must(xsk_socket__create_shared(&bare->to, to, 0, bare->umem, NULL, &bare->send,
					     &bare->unused_fill, &bare->completion, &config),
		   NULL, "AF_XDP at %s", to);
	setsockopt(xsk_socket__fd(bare->to), SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &budget,
		   sizeof(budget));
}

static void attach(struct bare_delay *bare, const char *device)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);

	bare->program = bare_delay_bpf__open_and_load();
	bench_must(bare->program ? 0 : -errno, NULL, "bare_delay");
	bench_must(xsk_socket__update_xskmap(bare->from,
					     bpf_map__fd(bare->program->maps.bare_sockets)),
		   NULL, "AF_XDP at %s", device);
	bare->link = bpf_link_create(bpf_program__fd(bare->program->progs.bare_delay_receive),
				     if_nametoindex(device), BPF_XDP, &options);
	bench_must(bare->link < 0 ? -errno : 0, NULL, "XDP at %s", device);
}

struct bare_delay *bare_delay_open(const char *from, const char *to, uint32_t frames,
				   unsigned int cpu)
{
	struct bare_delay *bare = calloc(1, sizeof(*bare));

	bench_must(bare ? 0 : -ENOMEM, NULL, "bare_delay");
	bare->frames = frames;
	bare->cpu = cpu;
	bare->memory = mmap(NULL, (size_t)frames * BARE_FRAME, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	bare->free = calloc(frames, sizeof(*bare->free));
	bare->queue = calloc(frames, sizeof(*bare->queue));
	bench_must(bare->memory == MAP_FAILED || !bare->free || !bare->queue ? -ENOMEM : 0, NULL,
		   "bare_delay");
	while (bare->free_count < frames) {
		bare->free[bare->free_count] = (uint64_t)bare->free_count * BARE_FRAME;
		bare->free_count++;
	}
	open_sockets(bare, from, to);
	attach(bare, from);
	bench_must(-pthread_create(&bare->thread, NULL, run, bare), NULL, "thread");
	return bare;
}

void bare_delay_set(struct bare_delay *bare, uint64_t ns)
{
	__atomic_store_n(&bare->delay, ns, __ATOMIC_RELAXED);
}

void bare_delay_close(struct bare_delay *bare)
{
	__atomic_store_n(&bare->stopping, true, __ATOMIC_RELAXED);
	pthread_join(bare->thread, NULL);
	close(bare->link);
	bare_delay_bpf__destroy(bare->program);
	xsk_socket__delete(bare->to);
	xsk_socket__delete(bare->from);
	xsk_umem__delete(bare->umem);
	munmap(bare->memory, (size_t)bare->frames * BARE_FRAME);
	free(bare->free);
	free(bare->queue);
	free(bare);
}
