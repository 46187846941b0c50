// SPDX-License-Identifier: GPL-2.0-only
/*
 * sink - take stamped packets out of a device's traffic, and check that each comes once, in order
 *
 * All other packets go on to the kernel as if the program were not there.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <lana/stamp.h>
#include <loader/sink_counts.h>

const volatile bool concurrent = true; /* several CPUs may have packets of the device at once */
const volatile __u32 cpu_mask;

/* Packets that are not stamped; stamped ones for which there is no place. */
struct {
	__u64 other, unchecked, apart[6];
} aside[1024];

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SINK_STREAMS_MAX);
	__type(key, __u32);
	__type(value, __u32);
} places SEC(".maps");

__u32 places_count;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SINK_STREAMS_MAX);
	__type(key, __u32);
	__type(value, struct sink_stream);
} streams SEC(".maps");

/* All of a stream's words are in a row; those of CPUs are one behind the other in counts. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SINK_STREAMS_MAX *SINK_WORDS);
	__type(key, __u32);
	__type(value, __u64);
} window SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SINK_STREAMS_MAX);
	__type(key, __u32);
	__type(value, struct sink_counts);
} counts SEC(".maps");

struct stamp {
	__be32 magic, key;
	__u8 sequence_high, time_high;
	__be32 sequence, time;
} __attribute__((packed));

_Static_assert(sizeof(struct stamp) == LANA_STAMP_SIZE, "as lana/stamp.h says");

/* ---- where the stamp is ------------------------------------------------------------------ */

struct cursor {
	void *at, *end;
};

static __always_inline void *take(struct cursor *cursor, __u32 size)
{
	void *header = cursor->at;

	if (header + size > cursor->end)
		return NULL;
	cursor->at += size;
	return header;
}

static __always_inline int skip_options(struct cursor *cursor, __u32 size)
{
	size &= 63;
	if (cursor->at + size > cursor->end)
		return -1;
	cursor->at += size;
	return 0;
}

/* Behind the transport's header, or where it would be. */
static __always_inline int skip_transport(struct cursor *cursor, __u8 protocol)
{
	struct tcphdr *tcp;

	switch (protocol) {
	case IPPROTO_UDP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return take(cursor, 8) ? 0 : -1;
	case IPPROTO_TCP:
		tcp = take(cursor, sizeof(*tcp));
		return tcp ? skip_options(cursor, tcp->doff * 4 - sizeof(*tcp)) : -1;
	}
	return 0;
}

static __always_inline int skip_network(struct cursor *cursor, __be16 type)
{
	struct ipv6hdr *ip6;
	struct iphdr *ip;

	switch (type) {
	case bpf_htons(ETH_P_IP):
		ip = take(cursor, sizeof(*ip));
		if (!ip || skip_options(cursor, ip->ihl * 4 - sizeof(*ip)))
			return -1;
		return skip_transport(cursor, ip->protocol);
	case bpf_htons(ETH_P_IPV6):
		ip6 = take(cursor, sizeof(*ip6));
		return ip6 ? skip_transport(cursor, ip6->nexthdr) : -1;
	}
	return 0;
}

static __always_inline const struct stamp *find(void *data, void *data_end)
{
	struct cursor cursor = { data, data_end };
	struct ethhdr *eth = take(&cursor, sizeof(*eth));
	const struct stamp *stamp;
	__be16 type;
	int i;

	if (!eth)
		return NULL;
	type = eth->h_proto;
	for (i = 0; i < 2; i++) {
		__be16 *tag;

		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		tag = take(&cursor, 4);
		if (!tag)
			return NULL;
		type = tag[1];
	}
	if (skip_network(&cursor, type))
		return NULL;
	stamp = take(&cursor, sizeof(*stamp));
	return stamp && stamp->magic == bpf_htonl(LANA_STAMP_MAGIC) ? stamp : NULL;
}

/* ---- counting -------------------------------------------------------------------------- */

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

/* A number that came for the first time: is it in order? */
static __always_inline void count_fresh(struct sink_stream *stream, struct sink_counts *count,
					__u64 sequence)
{
	__u64 next = stream->next;
	int i;

	count->fresh++;
	for (i = 0; i < 16; i++) {
		__u64 before;

		if (sequence < next) {
			count->reordered++;
			return;
		}
		before = compare_and_swap(&stream->next, next, sequence + 1);
		if (before == next)
			return;
		next = before;
	}
}

static __always_inline void count_number(__u32 place, struct sink_stream *stream,
					 struct sink_counts *count, __u64 sequence)
{
	__u32 index = place * SINK_WORDS + (sequence >> SINK_WORD_SHIFT & (SINK_WORDS - 1));
	/* From 1 on, so that a word that was never written is of an earlier turn. */
	__u64 turn = (sequence >> SINK_WINDOW_SHIFT) + 1;
	__u64 bit = 1ULL << (sequence & ((1 << SINK_WORD_SHIFT) - 1));
	__u64 *word = bpf_map_lookup_elem(&window, &index), seen;

	if (!word)
		return;
	seen = *word;
	if (seen >> 32 < turn) {
		__u64 before = compare_and_swap(word, seen, turn << 32 | bit);

		if (before == seen) {
			count_fresh(stream, count, sequence);
			return;
		}
		seen = before;
	}
	if (seen >> 32 != turn)
		count->old++;
	else if (fetch_and_or(word, bit) & bit)
		count->duplicated++;
	else
		count_fresh(stream, count, sequence);
}

/* The highest bit that is set; 0 of 0. */
static __always_inline __u32 log2(__u64 value)
{
	__u32 log = 0, step;

#pragma unroll
	for (step = 32; step; step /= 2)
		if (value >> step) {
			value >>= step;
			log += step;
		}
	return log;
}

static __always_inline void count_delay(struct sink_counts *count, __u64 delay)
{
	__u32 log = log2(delay), bucket = delay;

	if (log >= SINK_PART_SHIFT)
		bucket = (log - SINK_PART_SHIFT + 1) * SINK_PARTS +
			 (delay >> (log - SINK_PART_SHIFT) & (SINK_PARTS - 1));
	if (bucket < SINK_BUCKETS)
		count->buckets[bucket]++;
	count->delay_sum += delay;
	if (!count->delay_min || delay < count->delay_min - 1)
		count->delay_min = delay + 1;
	if (delay > count->delay_max)
		count->delay_max = delay;
}

/* The place of a stream, one that is new getting the next; SINK_STREAMS_MAX: there is none. */
static __always_inline __u32 find_place(__u32 key)
{
	__u32 *place = bpf_map_lookup_elem(&places, &key), new;

	if (place)
		return *place;
	if (places_count >= SINK_STREAMS_MAX)
		return SINK_STREAMS_MAX;
	new = __sync_fetch_and_add(&places_count, 1);
	if (new >= SINK_STREAMS_MAX)
		return SINK_STREAMS_MAX;
	/* Another CPU may have been first: then its place is the one. */
	bpf_map_update_elem(&places, &key, &new, BPF_NOEXIST);
	place = bpf_map_lookup_elem(&places, &key);
	return place ? *place : SINK_STREAMS_MAX;
}

static __always_inline bool check(void *data, void *data_end, __u32 length)
{
	const struct stamp *stamp = find(data, data_end);
	__u32 cpu = bpf_get_smp_processor_id() & 1023 & cpu_mask, place, index;
	struct sink_stream *stream;
	struct sink_counts *count;
	__u64 sequence, time, now;

	if (!stamp) {
		aside[cpu].other++;
		return false;
	}
	sequence = (__u64)stamp->sequence_high << 32 | bpf_ntohl(stamp->sequence);
	time = (__u64)stamp->time_high << 32 | bpf_ntohl(stamp->time);
	place = find_place(bpf_ntohl(stamp->key));
	stream = bpf_map_lookup_elem(&streams, &place);
	index = cpu * SINK_STREAMS_MAX + place;
	count = bpf_map_lookup_elem(&counts, &index);
	if (!stream || !count) {
		aside[cpu].unchecked++;
		return true;
	}
	now = bpf_ktime_get_ns();
	count->bytes += length;
	count->last = now;
	if (!count->first)
		count->first = now;
	if (!count->least || sequence < count->least - 1)
		count->least = sequence + 1;
	count_delay(count, (now - time) & ((1ULL << LANA_STAMP_BITS) - 1));
	count_number(place, stream, count, sequence);
	return true;
}

SEC("xdp.frags")
int sink_xdp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;

	return check(data, data_end, bpf_xdp_get_buff_len(ctx)) ? XDP_DROP : XDP_PASS;
}

#define TCX_NEXT (-1)

SEC("tc")
int sink_tc(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;

	return check(data, data_end, skb->len) ? TC_ACT_SHOT : TCX_NEXT;
}

char _license[] SEC("license") = "GPL";
