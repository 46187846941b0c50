// SPDX-License-Identifier: GPL-2.0-only
/*
 * kfunc - call functions of the kernel's own: look a flow up that nobody has
 *
 * in          anything
 * out none    the kernel's connection tracking knows no such flow
 * out found   it does
 * out lacking the kernel has no such function
 * config      port=0..65535: source port of the flow, 10.255.0.1 to 10.255.0.2, UDP
 * counters    weak: packets for which a function was found that the kernel need not have
 * state       none
 * see also    conntrack
 */
#include <lana/block.h>

struct kfunc_config {
	__u16 port;
};

struct kfunc_counters {
	__u64 weak;
};

enum kfunc_port { KFUNC_NONE, KFUNC_FOUND, KFUNC_LACKING };

/* Not what it is, but libbpf takes no incomplete types. */
struct nf_conn {
	unsigned long status;
};

struct bpf_ct_opts___kfunc {
	__s32 netns_id;
	__s32 error;
	__u8 l4proto;
	__u8 dir;
	__u16 ct_zone_id;
	__u8 ct_zone_dir;
	__u8 reserved[3];
};

extern struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *xdp, struct bpf_sock_tuple *tuple,
					 __u32 size, struct bpf_ct_opts___kfunc *opts,
					 __u32 opts_size) __ksym;
extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb, struct bpf_sock_tuple *tuple,
					 __u32 size, struct bpf_ct_opts___kfunc *opts,
					 __u32 opts_size) __ksym;
extern void bpf_ct_release(struct nf_conn *ct) __ksym;
extern void bpf_lana_no_such_function(void) __ksym __weak;
extern int bpf_ct_change_timeout(struct nf_conn *ct, __u32 timeout) __ksym __weak;

static __always_inline int kfunc_process(struct lana_pkt *pkt, const struct kfunc_config *config,
					 struct kfunc_counters *counters)
{
	struct bpf_ct_opts___kfunc opts = { .netns_id = -1, .l4proto = 17 };
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	if (bpf_lana_no_such_function) {
		bpf_lana_no_such_function();
		return KFUNC_LACKING;
	}
	tuple.ipv4.saddr = bpf_htonl(0x0aff0001);
	tuple.ipv4.daddr = bpf_htonl(0x0aff0002);
	tuple.ipv4.sport = bpf_htons(config->port);
	tuple.ipv4.dport = bpf_htons(9);
	if (pkt->flavour == LANA_XDP)
		ct = bpf_xdp_ct_lookup(lana_xdp(pkt), &tuple, sizeof(tuple.ipv4), &opts,
				       sizeof(opts));
	else
		ct = bpf_skb_ct_lookup(lana_skb(pkt), &tuple, sizeof(tuple.ipv4), &opts,
				       sizeof(opts));
	if (!ct)
		return KFUNC_NONE;
	if (bpf_ct_change_timeout) {
		bpf_ct_change_timeout(ct, 10000);
		counters->weak++;
	}
	bpf_ct_release(ct);
	return KFUNC_FOUND;
}

LANA_BLOCK(kfunc);
