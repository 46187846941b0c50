// SPDX-License-Identifier: GPL-2.0-only
/*
 * monolith - what stacks of lana's do, as one writes it by hand: one program, nothing to rearrange
 *
 *	drop	nothing
 *	count_N	packets and bytes in N places of a per-CPU map, then a count of the drop
 *	real	the stack of bench_fused: IPv4 or not, TTL, marks, counts
 *	http	counts what "tcp port 80" takes, and a count of the drop
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define COUNTS_MAX 100

struct count {
	__u64 packets, bytes;
};

struct state {
	struct count counts[COUNTS_MAX];
	__u64 drops, protocol, arrived_zero;
	__u32 mark;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct state);
} states SEC(".maps");

static __always_inline void add(struct count *count, __u32 length)
{
	count->packets++;
	count->bytes += length;
}

SEC("xdp.frags")
int drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

static __always_inline int count(struct xdp_md *ctx, __u32 blocks)
{
	__u32 zero = 0, length = bpf_xdp_get_buff_len(ctx);
	struct state *s = bpf_map_lookup_elem(&states, &zero);

	if (!s)
		return XDP_ABORTED;
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < blocks; i++)
		add(&s->counts[i], length);
	s->drops++;
	return XDP_DROP;
}

#define COUNT(blocks)                          \
	SEC("xdp.frags")                       \
	int count_##blocks(struct xdp_md *ctx) \
	{                                      \
		return count(ctx, blocks);     \
	}

COUNT(1)
COUNT(2)
COUNT(5)
COUNT(10)
COUNT(20)
COUNT(50)
COUNT(100)

SEC("xdp.frags")
int real(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 zero = 0, length = bpf_xdp_get_buff_len(ctx), sum;
	struct state *s = bpf_map_lookup_elem(&states, &zero);
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);

	if (!s || (void *)(eth + 1) > end)
		return XDP_ABORTED;
	s->mark = 0;
	if (eth->h_proto != bpf_htons(ETH_P_IP)) {
		add(&s->counts[2], length);
		goto joined;
	}
	if ((void *)(ip + 1) > end) {
		s->protocol++;
		return XDP_DROP;
	}
	if (!ip->ttl)
		s->arrived_zero++;
	if (ip->ttl <= 1) {
		add(&s->counts[3], length);
		goto dropped;
	}
	sum = ip->check + bpf_htons(0x0100);
	ip->check = sum + (sum >= 0xffff);
	ip->ttl--;
	add(&s->counts[0], length);
	s->mark = (s->mark & ~0xff) | 1;
	s->mark = (s->mark & ~0xff00) | 0x100;
joined:
	add(&s->counts[1], length);
dropped:
	s->drops++;
	return XDP_DROP;
}

/* Where the TCP header is; NULL: there is none, or it is in a later fragment. */
static __always_inline struct tcphdr *find_tcp(void *data, void *end)
{
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct ipv6hdr *ip6 = (void *)(eth + 1);

	if ((void *)(eth + 1) > end)
		return NULL;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		if ((void *)(ip + 1) > end || ip->protocol != IPPROTO_TCP ||
		    ip->frag_off & bpf_htons(0x1fff))
			return NULL;
		return (void *)ip + 4 * ip->ihl;
	}
	if (eth->h_proto != bpf_htons(ETH_P_IPV6) || (void *)(ip6 + 1) > end ||
	    ip6->nexthdr != IPPROTO_TCP)
		return NULL;
	return (void *)(ip6 + 1);
}

SEC("xdp.frags")
int http(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct tcphdr *tcp = find_tcp(data, end);
	__u32 zero = 0;
	struct state *s = bpf_map_lookup_elem(&states, &zero);

	if (!s)
		return XDP_ABORTED;
	if (tcp && (void *)(&tcp->dest + 1) <= end &&
	    (tcp->source == bpf_htons(80) || tcp->dest == bpf_htons(80)))
		add(&s->counts[0], bpf_xdp_get_buff_len(ctx));
	s->drops++;
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
