// SPDX-License-Identifier: GPL-2.0-only
/*
 * loop - the two programs of the devices by which copies come back at XDP
 *
 *	block ══ broadcast ══▶ end ═══ other end ── loop_root ──▶ the port's slot
 *	                                        └── PASS ── loop_pass ──▶ the packet's first device
 *
 * A copy carries struct lana_copy in front of it. It stays there: it tells loop_pass where the
 * packet came from, and taking it off would cost a call.
 */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include "reentry.h"

const volatile __u32 loop_number;   /* of the copy that comes back here */
const volatile __u32 loop_cpu_mask; /* of the stack: a power of two less one */

static __always_inline int lose(struct lana_loops *loops)
{
	__sync_fetch_and_add(&loops->stale, 1);
	return XDP_DROP;
}

/*
 * What the kernel, or another program, sends by such a device means nothing. A copy is on no side
 * of a commit: it decides anew.
 */
SEC("xdp.frags")
int loop_root(struct xdp_md *xdp)
{
	const struct lana_copy *copy = (void *)(long)xdp->data_meta;
	struct lana_context *context;
	struct lana_loops *loops;
	__u32 zero = 0, idp, slot;
	bool egress;

	if ((void *)(copy + 1) > (void *)(long)xdp->data || copy->magic != LANA_COPY_MAGIC)
		return XDP_DROP;
	loops = bpf_map_lookup_elem(&lana_loops, &zero);
	if (!loops)
		return XDP_DROP;
	egress = copy->idp & LANA_COPY_EGRESS;
	idp = copy->idp & ~(LANA_COPY_EGRESS | LANA_COPY_PART);
	if (idp >= LANA_BLOCKS_MAX || (__u16)loops->lives[idp] != copy->life)
		return lose(loops);

	context = reentry_begin(loop_cpu_mask, copy->mark, copy->route, copy->trace, copy->device);
	if (!context)
		return XDP_DROP;
	if (copy->idp & LANA_COPY_PART)
		context->part = LANA_PART(loop_number + 1, copy->ports[1]);
	slot = copy->ports[loop_number / 8 & 1] >> loop_number % 8 * 4 & (LANA_PORTS_MAX - 1);
	slot += LANA_SLOT_PORT(idp, 0);
	reentry_jump(xdp, egress, slot);
	return lose(loops);
}

/* A copy that was let go is received by the device that its packet came by. */
SEC("tc")
int loop_pass(struct __sk_buff *skb)
{
	const struct lana_copy *copy = (void *)(long)skb->data_meta;

	if ((void *)(copy + 1) > (void *)(long)skb->data || copy->magic != LANA_COPY_MAGIC)
		return TC_ACT_SHOT;
	return bpf_redirect(copy->device, BPF_F_INGRESS);
}

char _license[] SEC("license") = "GPL";
