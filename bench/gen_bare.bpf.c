// SPDX-License-Identifier: GPL-2.0-only
/*
 * gen_bare - the least that makes live frames, and what counts and times frames of any generator
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define TIMES (1 << 20)

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

SEC("xdp.frags")
int bare_send(struct xdp_md *ctx)
{
	return bpf_redirect_map(&target, 0, 0);
}

/* A line of cache a CPU. */
struct {
	__u64 frames, apart[7];
} received[64];

__u64 times[TIMES]; /* of the first frames, when timing is set */
const volatile _Bool timing;

SEC("xdp.frags")
int bare_receive(struct xdp_md *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id() & 63;
	__u64 n = received[cpu].frames++;

	if (timing && n < TIMES)
		times[n] = bpf_ktime_get_ns();
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
