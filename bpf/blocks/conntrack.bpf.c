// SPDX-License-Identifier: GPL-2.0-only
/*
 * conntrack - have the kernel's connection tracking know the connections that pass
 *
 * A TCP or UDP packet that begins a connection makes an entry in the kernel's table, of the
 * device's network namespace, where the kernel, conntrack(8), blocks nat and firewall see it; the
 * others keep it alive. The other direction must pass a block of this type too, this one or
 * another.
 *
 * in          Ethernet; IPv4 and IPv6 are looked at, anything else leaves by next
 * out next    packets of connections, errors about them, and what is not tracked
 * out invalid TCP that neither begins a connection nor is of one; an error about none; fragments
 *             but the first
 * config      timeouts in seconds (0: as given):
 *             tcp_new=0..65535: until both ends have agreed to begin (120)
 *             tcp_established (7440), tcp_closing: from a FIN on (240), tcp_reset (10)
 *             udp_new: until there is an answer (30); udp_established (300)
 * counters    begun: connections; failed: there was no room for them in the kernel's table
 *             untracked: IP packets of other protocols
 * state       none of its own
 * see also    firewall, nat, docs/firewall.md
 *
 * Each packet begins the time of its connection anew. conntrack(8) shows what is left of it. A
 * kernel that does not offer its connection tracking to BPF (before 6.0) tracks nothing: all
 * packets leave by next as untracked.
 */
#include <lana/conntrack.h>

struct conntrack_config {
	__u16 tcp_new;
	__u16 tcp_established;
	__u16 tcp_closing;
	__u16 tcp_reset;
	__u16 udp_new;
	__u16 udp_established;
};

struct conntrack_counters {
	__u64 begun;
	__u64 failed;
	__u64 untracked;
};

enum conntrack_port { CONNTRACK_NEXT, CONNTRACK_INVALID };

static __always_inline struct lana_ct_times times_of(const struct conntrack_config *config)
{
	return (struct lana_ct_times){
		.tcp_new = config->tcp_new,
		.tcp_established = config->tcp_established,
		.tcp_closing = config->tcp_closing,
		.tcp_reset = config->tcp_reset,
		.udp_new = config->udp_new,
		.udp_established = config->udp_established,
	};
}

static __always_inline bool begin(const struct lana_pkt *pkt, struct bpf_sock_tuple *tuple,
				  __u32 size, __u32 timeout, struct bpf_ct_opts___lana *opts)
{
	struct nf_conn___init *made = lana_ct_begin(pkt, tuple, size, opts);
	struct nf_conn *ct;

	if (!made)
		return false;
	bpf_ct_set_timeout(made, timeout);
	ct = bpf_ct_insert_entry(made);
	if (!ct)
		return false;
	bpf_ct_release(ct);
	return true;
}

/* A packet of TCP or UDP. */
static __always_inline int track(const struct lana_pkt *pkt, const struct lana_ip *ip,
				 const struct conntrack_config *config,
				 struct bpf_sock_tuple *tuple, __u32 size,
				 struct conntrack_counters *counters)
{
	struct bpf_ct_opts___lana opts = { .netns_id = -1, .l4proto = ip->protocol };
	struct lana_ct_times times = times_of(config);
	__u8 flags = lana_tcp_flags(pkt, ip);
	struct nf_conn *ct = lana_ct_find_passing(pkt, tuple, size, flags, &opts);

	if (ct) {
		lana_ct_touch(ct, opts.dir, ip->protocol, flags, &times);
		bpf_ct_release(ct);
		return CONNTRACK_NEXT;
	}
	if (lana_ct_missed(pkt, ip) == LANA_CT_INVALID)
		return CONNTRACK_INVALID;
	opts.dir = 0;
	if (begin(pkt, tuple, size, lana_ct_timeout(&times, ip->protocol, 0, 0), &opts))
		counters->begun++;
	else
		counters->failed++;
	return CONNTRACK_NEXT;
}

static __always_inline int conntrack_process(struct lana_pkt *pkt,
					     const struct conntrack_config *config,
					     struct conntrack_counters *counters)
{
	struct lana_ct_ends ends = {};
	struct lana_ip ip = {};
	int version = 0, err = lana_find_ip(pkt, &ip, &version);

	if (err == -LANA_DROP_PROTOCOL)
		return CONNTRACK_NEXT;
	if (err)
		return err;
	if (!lana_ct_offered(pkt) || !lana_ct_knows(ip.protocol)) {
		if (lana_ct_state(pkt, &ip, version) == LANA_CT_INVALID)
			return CONNTRACK_INVALID;
		counters->untracked++;
		return CONNTRACK_NEXT;
	}
	if (ip.headless || !lana_ct_read_ends(pkt, version, ETH_HLEN, ip.transport, &ends))
		return CONNTRACK_INVALID;
	if (version == 4)
		return track(pkt, &ip, config, &ends.tuple, sizeof(ends.tuple.ipv4), counters);
	return track(pkt, &ip, config, &ends.tuple, sizeof(ends.tuple.ipv6), counters);
}

LANA_BLOCK(conntrack);
