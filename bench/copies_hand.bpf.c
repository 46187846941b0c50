// SPDX-License-Identifier: GPL-2.0-only
/*
 * copies_hand - a packet that goes two ways, as one writes it by hand
 *
 * At tc clone sends a copy to a device and drops the packet; end stands at that device's egress.
 * Both set the mark and count. At XDP broadcast sends a packet to both ends of a veth pair, and
 * single to one; what comes in by the other end arrive counts and drops.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

struct count {
	__u64 packets, bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct count);
} counts SEC(".maps");

const volatile int device;

static __always_inline int branch(struct __sk_buff *skb, __u32 key)
{
	struct count *count = bpf_map_lookup_elem(&counts, &key);

	skb->mark = 1 + key;
	if (count) {
		count->packets++;
		count->bytes += skb->len;
	}
	return TC_ACT_SHOT;
}

SEC("tc")
int end(struct __sk_buff *skb)
{
	return branch(skb, 1);
}

SEC("tc")
int clone(struct __sk_buff *skb)
{
	bpf_clone_redirect(skb, device, 0);
	return branch(skb, 0);
}

SEC("tc")
int alone(struct __sk_buff *skb)
{
	return branch(skb, 0);
}

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} loops SEC(".maps");

SEC("xdp.frags")
int broadcast(struct xdp_md *xdp)
{
	return bpf_redirect_map(&loops, 0, BPF_F_BROADCAST);
}

SEC("xdp.frags")
int single(struct xdp_md *xdp)
{
	return bpf_redirect_map(&loops, 0, 0);
}

__u64 arrived; /* all on one CPU */

SEC("xdp.frags")
int arrive(struct xdp_md *xdp)
{
	arrived++;
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
