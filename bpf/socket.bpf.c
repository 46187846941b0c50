// SPDX-License-Identifier: GPL-2.0-only
/*
 * socket - what stands at the two ends of a socket's device
 *
 *	program ══ AF_XDP ══ end of its own ═══════════ end in the stack's namespace ── stack
 *	                      socket_receive ◀─────────  socket_out (tc egress)
 *	                                     ─────────▶  socket_poll, or the stack's root
 */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#include <lana/hook.h>

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} socket_xsks SEC(".maps");

const volatile bool socket_stamps;

/* Frames that came so far. The device has one queue, which one CPU at a time polls. */
__u64 socket_arrived;

/* Eight bytes in front of the frame, whatever else was there. */
static __always_inline void stamp(struct xdp_md *xdp)
{
	__u64 *time;

	if (xdp->data_meta != xdp->data && bpf_xdp_adjust_meta(xdp, xdp->data - xdp->data_meta))
		return;
	if (bpf_xdp_adjust_meta(xdp, -(int)sizeof(*time)))
		return;
	time = (void *)(long)xdp->data_meta;
	if ((void *)(time + 1) <= (void *)(long)xdp->data)
		*time = bpf_ktime_get_ns();
}

SEC("xdp")
int socket_receive(struct xdp_md *xdp)
{
	socket_arrived++;
	if (socket_stamps)
		stamp(xdp);
	return bpf_redirect_map(&socket_xsks, 0, XDP_DROP);
}

/* Nothing but what the stack sends leaves by the device: the kernel may not talk to the program. */
SEC("tc")
int socket_out(struct __sk_buff *skb)
{
	if (skb->tc_index != LANA_TC_SENT)
		return TC_ACT_SHOT;
	skb->tc_index = 0;
	return TC_ACT_OK;
}

/* As long as there is a program the device has a queue of its own, that makes the sender wait. */
SEC("xdp.frags")
int socket_poll(struct xdp_md *xdp)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
