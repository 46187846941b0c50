// SPDX-License-Identifier: GPL-2.0-only
/*
 * sequence - number packets, so that the other end of several paths can put them into order again
 *
 * mode=number puts a header of 8 bytes behind the IPv4 header (lana/sequence.h), with the number of
 * the packet among those from its source to its destination; a sender that begins anew begins
 * anywhere. mode=path, on each of the paths, writes into it which path that is, and the packet's
 * number on it. mode=remove takes it off. It is no part of any tunnel, and goes through all.
 *
 * in          Ethernet
 * out next    numbered; as it was before, by remove
 * out other   unchanged. By number: no IPv4, or with options, or with a VLAN tag, or a
 *             super-segment (tc, GSO), of which the kernel would cut several with one number. By
 *             path and remove: there is no such header
 * config      mode=number|path|remove
 *             path=0..31: by path (0: it is not said)
 * counters    begun: pairs of source and destination that numbers were begun for
 * state       sequence_pairs: the next number of each pair, on each path of the stack
 * see also    reorder, fanout, encap, docs/reorder.md
 */
#include <stdbool.h>

#include <lana/checksum.h>
#include <lana/sequence.h>

enum sequence_mode { SEQUENCE_NUMBER, SEQUENCE_PATH, SEQUENCE_REMOVE };

struct sequence_config {
	enum sequence_mode mode;
	__u8 path LANA_RANGE(0, 31);
};

struct sequence_counters {
	__u64 begun;
};

enum sequence_port { SEQUENCE_NEXT, SEQUENCE_OTHER };

struct sequence_pair {
	__be32 source, dest;
	__u32 path; /* enum lana_path */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct sequence_pair);
	__type(value, __u32);
} sequence_pairs SEC(".maps");

#define SIZE	sizeof(struct lana_sequence)
#define HEADERS (ETH_HLEN + sizeof(struct iphdr))

static __always_inline __u32 next_number(const struct lana_pkt *pkt, const struct iphdr *ip,
					 struct sequence_counters *counters)
{
	struct sequence_pair pair = { ip->saddr, ip->daddr, lana_path(pkt) };
	__u32 *next = bpf_map_lookup_elem(&sequence_pairs, &pair), first;

	if (!next) {
		first = bpf_get_prandom_u32();
		counters->begun +=
			!bpf_map_update_elem(&sequence_pairs, &pair, &first, BPF_NOEXIST);
		next = bpf_map_lookup_elem(&sequence_pairs, &pair);
	}
	return next ? __sync_fetch_and_add(next, 1) : 0;
}

/* The packet becomes one of that protocol, and so much longer. */
static __always_inline void rewrite(struct iphdr *ip, __u8 protocol, int longer)
{
	ip->protocol = protocol;
	ip->tot_len = bpf_htons(bpf_ntohs(ip->tot_len) + longer);
	ip->check = 0;
	ip->check = ~lana_fold(lana_sum_of(ip, sizeof(*ip)));
}

/* What a device has summed up lacks this; without such a sum the kernel says no. */
static __always_inline void amend(const struct lana_pkt *pkt, const struct lana_sequence *was,
				  const struct lana_sequence *is)
{
	if (pkt->flavour == LANA_TC)
		bpf_csum_update(lana_skb(pkt), bpf_csum_diff((void *)was, sizeof(*was), (void *)is,
							     sizeof(*is), 0));
}

/* ---- room ----------------------------------------------------------------------------------- */

struct headers {
	__be16 words[HEADERS / 2];
};

_Static_assert(HEADERS % 2 == 0, "headers are words");

static __always_inline long insert(const struct lana_pkt *pkt)
{
	struct headers *headers, copy;

	if (pkt->flavour == LANA_TC)
		return bpf_skb_adjust_room(lana_skb(pkt), SIZE, BPF_ADJ_ROOM_NET, 0);
	headers = lana_header(pkt, 0, sizeof(*headers));
	if (!headers)
		return -1;
	copy = *headers;
	if (bpf_xdp_adjust_head(lana_xdp(pkt), -(int)SIZE))
		return -1;
	headers = lana_header(pkt, 0, sizeof(*headers));
	if (!headers)
		return -1; /* cannot be */
	*headers = copy;
	return 0;
}

static __always_inline long cut(const struct lana_pkt *pkt)
{
	struct headers *headers, copy;

	if (pkt->flavour == LANA_TC)
		return bpf_skb_adjust_room(lana_skb(pkt), -(int)SIZE, BPF_ADJ_ROOM_NET, 0);
	headers = lana_header(pkt, 0, sizeof(*headers) + SIZE);
	if (!headers)
		return -1;
	copy = *headers;
	*(struct headers *)((void *)headers + SIZE) = copy;
	return bpf_xdp_adjust_head(lana_xdp(pkt), SIZE);
}

/* ---- modes ---------------------------------------------------------------------------------- */

static __always_inline int number(const struct lana_pkt *pkt, struct sequence_counters *counters)
{
	struct lana_sequence none = {}, is = {};
	struct iphdr *ip = lana_ipv4(pkt);

	if (!ip || ip->version != 4 || ip->ihl != 5 ||
	    (pkt->flavour == LANA_TC && (lana_skb(pkt)->gso_size || lana_skb(pkt)->vlan_present)))
		return SEQUENCE_OTHER;
	is.protocol = ip->protocol;
	if (insert(pkt))
		return -LANA_DROP_NO_MEMORY;
	ip = lana_header(pkt, ETH_HLEN, sizeof(*ip) + SIZE);
	if (!ip)
		return -LANA_DROP_NO_MEMORY; /* cannot be */
	rewrite(ip, LANA_SEQUENCE_PROTOCOL, SIZE);
	is.number = bpf_htonl(next_number(pkt, ip, counters));
	*(struct lana_sequence *)(ip + 1) = is;
	amend(pkt, &none, &is);
	return SEQUENCE_NEXT;
}

/* The IPv4 header in front of one; NULL: there is none. */
static __always_inline struct iphdr *find(const struct lana_pkt *pkt)
{
	struct ethhdr *eth = lana_header(pkt, 0, HEADERS + SIZE);
	struct iphdr *ip = (void *)(eth + 1);

	if (!eth || eth->h_proto != bpf_htons(ETH_P_IP) || ip->version != 4 || ip->ihl != 5 ||
	    ip->protocol != LANA_SEQUENCE_PROTOCOL || bpf_ntohs(ip->tot_len) < sizeof(*ip) + SIZE)
		return NULL;
	return ip;
}

static __always_inline int path(const struct lana_pkt *pkt, __u8 path,
				struct sequence_counters *counters)
{
	struct iphdr *ip = find(pkt);
	struct lana_sequence was, is;

	if (!ip)
		return SEQUENCE_OTHER;
	was = is = *(struct lana_sequence *)(ip + 1);
	is.path = path;
	is.path_number = bpf_htons(next_number(pkt, ip, counters));
	*(struct lana_sequence *)(ip + 1) = is;
	amend(pkt, &was, &is);
	return SEQUENCE_NEXT;
}

static __always_inline int take_off(const struct lana_pkt *pkt)
{
	struct iphdr *ip = find(pkt);
	__u8 protocol;

	if (!ip)
		return SEQUENCE_OTHER;
	protocol = ((struct lana_sequence *)(ip + 1))->protocol;
	if (cut(pkt))
		return -LANA_DROP_NO_MEMORY;
	ip = lana_ipv4(pkt);
	if (!ip)
		return -LANA_DROP_NO_MEMORY; /* cannot be */
	rewrite(ip, protocol, -(int)SIZE);
	return SEQUENCE_NEXT;
}

static __always_inline int sequence_process(struct lana_pkt *pkt,
					    const struct sequence_config *config,
					    struct sequence_counters *counters)
{
	if (config->mode == SEQUENCE_REMOVE)
		return take_off(pkt);
	if (config->mode == SEQUENCE_PATH)
		return path(pkt, config->path & (LANA_SEQUENCE_PATHS - 1), counters);
	return number(pkt, counters);
}

LANA_BLOCK(sequence);
