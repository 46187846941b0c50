// SPDX-License-Identifier: GPL-2.0-only
/*
 * miss - lose the packet with a certain byte of a connection, once (for the tests of several paths)
 *
 * What is lost is up to the connection's server, the end of the lesser port: entry n of at counts
 * if n is that port's remainder of 16. The same behind the header of block sequence.
 *
 * in          Ethernet
 * out next    the packet, unchanged; the one that is lost is dropped ("policy")
 * config      at=0..65535,…: of TCP over IPv4: 1 is the SYN, 2 the first byte of data, and so
 *             on to the FIN; of UDP: the first packet, the second (0: nothing is lost)
 * counters    missed: packets
 * state       miss_flows: where each direction of a connection began, and whether it has lost it
 * see also    loss, sequence
 */
#include <stdbool.h>

#include <linux/in.h>
#include <linux/tcp.h>

#include <lana/ip.h>
#include <lana/sequence.h>

#define ENTRIES 16

struct miss_config {
	__u16 at[ENTRIES];
};

struct miss_counters {
	__u64 missed;
};

enum miss_port { MISS_NEXT };

struct miss_key {
	__be32 source, dest;
	__be16 ports[2];
};

struct miss_flow {
	__u32 first; /* number; of UDP: packets that have come */
	bool missed;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, struct miss_key);
	__type(value, struct miss_flow);
} miss_flows SEC(".maps");

/* Numbers of the first byte and behind the last; false: it has neither. */
static __always_inline bool find(const struct lana_pkt *pkt, struct lana_ip *ip, struct tcphdr *tcp)
{
	struct lana_sequence header;

	if (!lana_ipv4(pkt) || lana_find_ipv4(pkt, ETH_HLEN, ip))
		return false;
	if (ip->protocol == LANA_SEQUENCE_PROTOCOL) {
		if (lana_load(pkt, ip->transport, &header, sizeof(header)))
			return false;
		ip->protocol = header.protocol;
		ip->transport += sizeof(header);
	}
	if (ip->protocol == IPPROTO_UDP)
		return !lana_load(pkt, ip->transport, tcp, 8);
	return ip->protocol == IPPROTO_TCP && !lana_load(pkt, ip->transport, tcp, sizeof(*tcp));
}

/* Its place in the flow: packets from 1 on, or bytes, from first to before end. */
static __always_inline void place(struct miss_flow *flow, const struct lana_ip *ip,
				  const struct tcphdr *tcp, __u32 *first, __u32 *end)
{
	if (ip->protocol == IPPROTO_UDP) {
		*first = __sync_add_and_fetch(&flow->first, 1);
		*end = *first + 1;
		return;
	}
	if (tcp->syn)
		flow->first = bpf_ntohl(tcp->seq);
	*first = bpf_ntohl(tcp->seq) - flow->first + 1;
	*end = *first + (ip->end - ip->transport - tcp->doff * 4) + tcp->syn + tcp->fin;
}

static __always_inline int miss_process(struct lana_pkt *pkt, const struct miss_config *config,
					struct miss_counters *counters)
{
	struct tcphdr tcp = {};
	struct miss_flow *flow, none = {};
	struct miss_key key = {};
	struct lana_ip ip = {};
	__u32 at, first, end, server, client;
	struct iphdr *header;

	if (!find(pkt, &ip, &tcp))
		return MISS_NEXT;
	header = lana_ipv4(pkt);
	if (!header)
		return MISS_NEXT;
	key.source = header->saddr;
	key.dest = header->daddr;
	key.ports[0] = tcp.source;
	key.ports[1] = tcp.dest;
	bpf_map_update_elem(&miss_flows, &key, &none, BPF_NOEXIST);
	flow = bpf_map_lookup_elem(&miss_flows, &key);
	if (!flow)
		return MISS_NEXT;
	place(flow, &ip, &tcp, &first, &end);
	server = bpf_ntohs(tcp.source);
	client = bpf_ntohs(tcp.dest);
	at = config->at[(server < client ? server : client) % ENTRIES];
	if (!at || flow->missed || at < first || at >= end)
		return MISS_NEXT;
	flow->missed = true;
	counters->missed++;
	return -LANA_DROP_POLICY;
}

LANA_BLOCK(miss);
