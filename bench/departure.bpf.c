// SPDX-License-Identifier: GPL-2.0-only
/*
 * departure - when do stamped frames come, beside when they are due?
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <lana/stamp.h>

#include "departure.h"

/* One queue, which one CPU at a time polls. */
struct departure counted;

SEC("xdp.frags")
int departure_receive(struct xdp_md *ctx)
{
	const __u64 mask = (1ULL << LANA_STAMP_BITS) - 1;
	const __u8 *stamp = (void *)(long)ctx->data + DEPARTURE_STAMP;
	__u64 now = bpf_ktime_get_ns(), time, bucket;

	if ((const void *)(stamp + LANA_STAMP_SIZE) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	time = (__u64)stamp[9] << 32 | (__u32)stamp[14] << 24 | stamp[15] << 16 | stamp[16] << 8 |
	       stamp[17];
	if (!counted.frames++)
		counted.first = now;
	counted.last = now;
	if (((now - time) & mask) < counted.held) {
		counted.early++;
		return XDP_DROP;
	}
	bucket = (((now - time) & mask) - counted.held) / DEPARTURE_NS;
	if (bucket >= DEPARTURE_BUCKETS)
		bucket = DEPARTURE_BUCKETS - 1;
	counted.late[bucket & (DEPARTURE_BUCKETS - 1)]++;
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
