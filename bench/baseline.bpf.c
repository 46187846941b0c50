// SPDX-License-Identifier: GPL-2.0-only
/*
 * baseline - chains of tail calls as one writes them by hand
 *
 * A chain NAME is a prog array NAME: its root jumps to slot FIRST, program NAME_k to slot k + 1,
 * and slot LAST drops. Which k is put into slot FIRST makes the chain's length.
 *
 *	forward_constant	nothing but a tail call whose index is a constant: a direct jump
 *	forward_variable	the same with an index read from memory: an indirect jump
 *	linear_constant		packets and bytes (data_end - data) in a per-CPU array map
 *	helper_constant		the same, with bytes as bpf_xdp_get_buff_len() tells them
 *	linear_variable		linear, with an index read from memory
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bench/baseline.h"

struct count {
	__u64 packets, bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BASELINE_LAST);
	__type(key, __u32);
	__type(value, struct count);
} counts SEC(".maps");

/* Read anew for every packet, as a table of successors would be. */
volatile __u32 slots[BASELINE_SLOTS];

static __always_inline void count(__u32 key, __u64 bytes)
{
	struct count *c = bpf_map_lookup_elem(&counts, &key);

	if (c) {
		c->packets++;
		c->bytes += bytes;
	}
}

#define nothing(ctx, k)
#define linear(ctx, k)		 count(k, (ctx)->data_end - (ctx)->data)
#define helper(ctx, k)		 count(k, bpf_xdp_get_buff_len(ctx))

#define constant(ctx, map, slot) bpf_tail_call_static(ctx, map, slot)
#define variable(ctx, map, slot) bpf_tail_call(ctx, map, slots[slot])

#define CHAIN(name)                                    \
	struct {                                       \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY); \
		__uint(max_entries, BASELINE_SLOTS);   \
		__type(key, __u32);                    \
		__type(value, __u32);                  \
	} name SEC(".maps")

#define PROGRAM(name, suffix, slot, work, jump) \
	SEC("xdp.frags")                        \
	int name##_##suffix(struct xdp_md *ctx) \
	{                                       \
		work;                           \
		jump(ctx, &name, slot);         \
		return XDP_ABORTED;             \
	}

#define LINK(name, k, work, jump) PROGRAM(name, k, k + 1, work(ctx, k), jump)

/* clang-format off */
#define TEN(name, tens, work, jump)                                     \
	LINK(name, tens##0, work, jump) LINK(name, tens##1, work, jump) \
	LINK(name, tens##2, work, jump) LINK(name, tens##3, work, jump) \
	LINK(name, tens##4, work, jump) LINK(name, tens##5, work, jump) \
	LINK(name, tens##6, work, jump) LINK(name, tens##7, work, jump) \
	LINK(name, tens##8, work, jump) LINK(name, tens##9, work, jump)
/* clang-format on */

#define LINKS(name, work, jump)                     \
	CHAIN(name);                                \
	PROGRAM(name, root, BASELINE_FIRST, , jump) \
	TEN(name, , work, jump)                     \
	TEN(name, 1, work, jump)                    \
	TEN(name, 2, work, jump)                    \
	LINK(name, 30, work, jump)

LINKS(forward_constant, nothing, constant)
LINKS(forward_variable, nothing, variable)
LINKS(linear_constant, linear, constant)
LINKS(helper_constant, helper, constant)
LINKS(linear_variable, linear, variable)

SEC("xdp.frags")
int drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
