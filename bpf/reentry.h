/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reentry.h - how packets at XDP that have left a stack for a while go on in it
 *
 * For programs at the ends of devices of lana's own. They check what stands in front of a packet;
 * it then goes on by a slot of the stack's tables, as whatever it was when it left.
 */
#ifndef BPF_REENTRY_H
#define BPF_REENTRY_H

#include <stdbool.h>

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include <lana/abi.h>
#include <maps/loops.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct lana_loops);
} lana_loops SEC(".maps");

/* The stack's: its value is as large as there are CPUs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct lana_context);
} lana_context SEC(".maps");

struct table {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, LANA_SLOTS);
	__type(key, __u32);
	__type(value, __u32);
};

struct table lana_ingress SEC(".maps");
struct table lana_egress SEC(".maps");

/*
 * This CPU's context, for a packet that is on no side of a commit, as it decides anew. cpu_mask is
 * of the stack: a power of two less one. NULL: cannot be.
 */
static __always_inline struct lana_context *reentry_begin(__u32 cpu_mask, __u32 mark, __u32 route,
							  __u32 trace, __u32 device)
{
	struct lana_context *context;
	__u32 zero = 0;

	context = bpf_map_lookup_elem(&lana_context, &zero);
	if (!context)
		return NULL;
	context += bpf_get_smp_processor_id() & cpu_mask;
	context->mark = mark;
	context->side = LANA_SIDE_OPEN;
	context->route = route;
	context->trace = trace;
	context->origin = device;
	context->part = 0;
	return context;
}

/* Returns only if the slot leads nowhere. */
static __always_inline void reentry_jump(struct xdp_md *xdp, bool egress, __u32 slot)
{
	if (!egress)
		bpf_tail_call(xdp, &lana_ingress, slot);
	else
		bpf_tail_call(xdp, &lana_egress, slot);
}

#endif
