// SPDX-License-Identifier: GPL-2.0-only
/*
 * arrivals - write down each stamped frame that comes; all others go on to the kernel
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <lana/stamp.h>

#include "arrivals.h"

/* One queue, which one CPU at a time polls. */
struct arrivals arrivals;

static __u64 number(const __u8 *high, const __u8 *low)
{
	return (__u64)*high << 32 | (__u32)low[0] << 24 | low[1] << 16 | low[2] << 8 | low[3];
}

SEC("xdp.frags")
int arrivals_receive(struct xdp_md *ctx)
{
	const __u64 mask = (1ULL << LANA_STAMP_BITS) - 1;
	const __u8 *frame = (void *)(long)ctx->data, *stamp = frame + ARRIVALS_STAMP;
	__u64 now = bpf_ktime_get_ns(), n = arrivals.count;
	struct arrival *arrival;

	if ((const void *)(stamp + LANA_STAMP_SIZE) > (void *)(long)ctx->data_end ||
	    *(__u32 *)stamp != bpf_htonl(LANA_STAMP_MAGIC))
		return XDP_PASS;
	if (n >= ARRIVALS_MAX)
		return XDP_DROP;
	arrival = &arrivals.list[n & (ARRIVALS_MAX - 1)];
	arrival->came = now;
	arrival->sent = now - ((now - number(stamp + 9, stamp + 14)) & mask);
	arrival->number = number(stamp + 8, stamp + 10);
	arrival->stream = stamp[6] << 8 | stamp[7];
	arrival->length = ctx->data_end - ctx->data;
	arrival->ecn = frame[15] & 3;
	arrivals.count = n + 1;
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
