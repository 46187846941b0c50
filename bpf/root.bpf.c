// SPDX-License-Identifier: GPL-2.0-only
/*
 * root - the programs that stay attached to a device for as long as it is hooked
 *
 * Each leads to where port next of the device's block leads: on ingress what the device
 * received, on egress what the kernel wants to send by it. Woven like a block of one port. A socket
 * is turned round: what its device received has come from a program, and is on egress.
 */
#include <lana/block.h>
#include <lana/hook.h>

SEC("xdp.frags")
int root_xdp(struct xdp_md *xdp)
{
	struct lana_context *context = LANA_THIS_CPU(lana_context, LANA_CONTEXT_SHIFT);

	*(__u64 *)context = 0;	       /* mark and side */
	*(__u64 *)&context->route = 0; /* and origin */
	bpf_tail_call(xdp, &lana_table_xdp, 0);
	return 0;
}

SEC("tc")
int root_tc_ingress(struct __sk_buff *skb)
{
	skb->cb[LANA_CB_HOOK] = 0;
	skb->cb[LANA_CB_SIDE] = LANA_SIDE_OPEN;
	skb->cb[LANA_CB_ROUTE] = 0;
	if (skb->tc_index == LANA_TC_PASSED) {
		skb->tc_index = 0;
		bpf_tail_call(skb, &lana_table_tc, LANA_PASS);
	} else {
		bpf_tail_call(skb, &lana_table_tc, 0);
	}
	return 0;
}

/* A copy that begins goes on where it is to. */
static __always_inline void begin_copy(struct __sk_buff *skb)
{
	skb->tc_index = 0;
	if (!skb->cb[LANA_CB_HOOK])
		skb->cb[LANA_CB_HOOK] = LANA_CB_COPIED;
	bpf_tail_call(skb, &lana_table_tc, LANA_ROOT_COPY);
}

SEC("tc")
int root_tc_egress(struct __sk_buff *skb)
{
	if (skb->tc_index == LANA_TC_COPY) {
		begin_copy(skb);
		return 0;
	}
	skb->cb[LANA_CB_HOOK] = LANA_CB_EGRESS;
	skb->cb[LANA_CB_SIDE] = LANA_SIDE_OPEN;
	skb->cb[LANA_CB_ROUTE] = 0;
	if (skb->tc_index == LANA_TC_SENT) {
		skb->tc_index = 0;
		bpf_tail_call(skb, &lana_table_tc, LANA_PASS);
	} else {
		bpf_tail_call(skb, &lana_table_tc, 0);
	}
	return 0;
}

/* Nothing but what the stack sends leaves by the device of a socket. */
SEC("tc")
int root_tc_socket(struct __sk_buff *skb)
{
	if (skb->tc_index == LANA_TC_COPY) {
		begin_copy(skb);
	} else if (skb->tc_index == LANA_TC_SENT) {
		/* A copy goes up by the device that it came by, unless it is on its way out. */
		skb->cb[LANA_CB_HOOK] = LANA_CB_EGRESS;
		skb->tc_index = 0;
		bpf_tail_call(skb, &lana_table_tc, LANA_PASS);
	} else {
		bpf_tail_call(skb, &lana_table_tc, -LANA_DROP_POLICY);
	}
	return 0;
}

char _license[] SEC("license") = "GPL";
