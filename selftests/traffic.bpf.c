// SPDX-License-Identifier: GPL-2.0-only
/*
 * traffic - make numbered frames, and check that each arrives once, in order and undamaged
 *
 * traffic_send runs under BPF_PROG_TEST_RUN with live frames and redirects them into a device.
 * traffic_receive sits on the device where they come out; it sees native frames and, because veth
 * converts them, those that travelled as socket buffers.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "traffic_frame.h"

/* Set before loading: the verifier sees constants and removes what is not asked for. */
const volatile __u64 ipv4_head[TRAFFIC_HEAD], arp_head[TRAFFIC_HEAD];
const volatile __u8 zeros[TRAFFIC_SIZE_MAX];
const volatile __u32 frame_size = TRAFFIC_SIZE_MIN;
const volatile __u32 arp_every; /* every n-th frame is ARP; 0: none is */
const volatile __u32 magic;
const volatile __u64 interval; /* between frames, in 1/16 ns; 0: full speed */
const volatile __u32 window_shift = 26;
const volatile __u32 word_mask;
const volatile bool concurrent = true; /* the checked device has several queues */

__u64 next;	      /* sequence number of the next frame */
__u64 limit;	      /* the first one not to be sent; user space sets 0 to stop */
__u64 started, ended; /* ns */
static __u64 due;     /* 1/16 ns */

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

/* A sender that is later than this (1/16 ns) does not catch up: the burst would be too long. */
#define LATE_MAX (16 * 20000000ULL)

static __always_inline bool too_early(void)
{
	__u64 now;

	if (!interval)
		return false;
	now = bpf_ktime_get_ns() * 16;
	if (now < due)
		return true;
	due = now - due > LATE_MAX ? now + interval : due + interval;
	return false;
}

/*
 * The pages of live frames are recycled, with whatever was done to them on the way, so all of
 * the frame is written each time.
 */
static __always_inline bool write_frame(struct xdp_md *ctx, __u64 sequence)
{
	struct traffic_stamp *stamp;
	void *data, *data_end;
	int i;

	if (frame_size > TRAFFIC_STAMP_AT + sizeof(*stamp) + 8 &&
	    bpf_xdp_store_bytes(ctx, TRAFFIC_STAMP_AT, (void *)zeros,
				frame_size - TRAFFIC_STAMP_AT))
		return false;

	data = (void *)(long)ctx->data;
	data_end = (void *)(long)ctx->data_end;
	if (data + TRAFFIC_SIZE_MIN > data_end || data + frame_size > data_end)
		return false;

	if (arp_every && sequence % arp_every == arp_every - 1) {
		for (i = 0; i < TRAFFIC_HEAD; i++)
			((__u64 *)data)[i] = arp_head[i];
	} else {
		for (i = 0; i < TRAFFIC_HEAD; i++)
			((__u64 *)data)[i] = ipv4_head[i];
	}
	if (frame_size <= TRAFFIC_STAMP_AT + sizeof(*stamp) + 8)
		*(__u64 *)(data + frame_size - 8) = 0;

	stamp = data + TRAFFIC_STAMP_AT;
	stamp->magic = magic;
	stamp->check = traffic_check(sequence);
	stamp->sequence = sequence;
	return true;
}

SEC("xdp")
int traffic_send(struct xdp_md *ctx)
{
	__u64 sequence = next;

	if (sequence >= limit) {
		if (!ended)
			ended = bpf_ktime_get_ns();
		return XDP_DROP;
	}
	if (too_early())
		return XDP_DROP;
	if (!started)
		started = bpf_ktime_get_ns();
	if (!write_frame(ctx, sequence))
		return XDP_ABORTED;
	next = sequence + 1;
	return bpf_redirect_map(&target, 0, XDP_ABORTED);
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} window SEC(".maps");

struct traffic_counts counts[TRAFFIC_CPUS];
__u64 expected; /* one more than the highest sequence number seen */

/* The checksum of an IPv4 header without options, over five words in any byte order. */
static __always_inline bool ipv4_sound(struct xdp_md *ctx, void *data, void *data_end)
{
	const __u32 *words = data + ETH_HLEN;
	const __u8 *ip = data + ETH_HLEN;
	__u64 sum = 0;
	__u32 length;
	int i;

	for (i = 0; i < 5; i++)
		sum += words[i];
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	if (sum != 0xffff || ip[0] != 0x45)
		return false;
	length = ETH_HLEN + (ip[2] << 8 | ip[3]);
	return length <= data_end - data || length <= bpf_xdp_get_buff_len(ctx);
}

/*
 * The queues of a device may run on several CPUs at once; a single queue never does, and need
 * not pay for atomic operations.
 */
static __always_inline __u64 compare_and_swap(__u64 *place, __u64 old, __u64 new)
{
	__u64 before;

	if (concurrent)
		return __sync_val_compare_and_swap(place, old, new);
	before = *place;
	if (before == old)
		*place = new;
	return before;
}

static __always_inline __u64 fetch_and_or(__u64 *place, __u64 bits)
{
	__u64 before;

	if (concurrent)
		return __sync_fetch_and_or(place, bits);
	before = *place;
	*place = before | bits;
	return before;
}

static __always_inline void count_first(struct traffic_counts *c, __u64 sequence)
{
	__u64 seen = expected;
	int i;

	c->fresh++;
	for (i = 0; i < 16; i++) {
		__u64 before;

		if (sequence < seen) {
			c->reordered++;
			return;
		}
		before = compare_and_swap(&expected, seen, sequence + 1);
		if (before == seen)
			return;
		seen = before;
	}
}

static __always_inline void look_up(struct traffic_counts *c, __u64 sequence)
{
	__u32 index = sequence >> TRAFFIC_WORD_SHIFT & word_mask;
	__u64 turn = sequence >> window_shift;
	__u64 bit = 1ULL << (sequence & ((1 << TRAFFIC_WORD_SHIFT) - 1));
	__u64 *word, seen;

	word = bpf_map_lookup_elem(&window, &index);
	if (!word)
		return;

	seen = *word;
	if (seen >> 32 < turn) {
		__u64 before = compare_and_swap(word, seen, turn << 32 | bit);

		if (before == seen) {
			count_first(c, sequence);
			return;
		}
		seen = before;
	}
	if (seen >> 32 != turn)
		c->stale++;
	else if (fetch_and_or(word, bit) & bit)
		c->duplicated++;
	else
		count_first(c, sequence);
}

SEC("xdp.frags")
int traffic_receive(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	const struct traffic_stamp *stamp = data + TRAFFIC_STAMP_AT;
	const struct ethhdr *eth = data;
	struct traffic_counts *c;

	c = &counts[bpf_get_smp_processor_id() & (TRAFFIC_CPUS - 1)];
	if ((void *)(stamp + 1) > data_end || stamp->magic != magic) {
		c->foreign++;
		return XDP_PASS;
	}

	if (stamp->check != traffic_check(stamp->sequence)) {
		c->corrupt++;
		return XDP_DROP;
	}
	if (eth->h_proto == bpf_htons(ETH_P_IP) && !ipv4_sound(ctx, data, data_end))
		c->corrupt++;
	look_up(c, stamp->sequence);
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
