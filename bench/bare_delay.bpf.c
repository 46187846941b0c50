// SPDX-License-Identifier: GPL-2.0-only
/*
 * bare_delay - all that comes goes to a socket, with the time when it came in front
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bare_sockets SEC(".maps");

SEC("xdp")
int bare_delay_receive(struct xdp_md *ctx)
{
	__u64 *time;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*time)))
		return XDP_DROP;
	time = (void *)(long)ctx->data_meta;
	if ((void *)(time + 1) > (void *)(long)ctx->data)
		return XDP_DROP;
	*time = bpf_ktime_get_ns();
	return bpf_redirect_map(&bare_sockets, 0, XDP_DROP);
}

char _license[] SEC("license") = "GPL";
