// SPDX-License-Identifier: GPL-2.0-only
/*
 * icmp_error - answer a packet by an ICMP or ICMPv6 error, and drop it
 *
 * The packet is turned round: it becomes the message to its sender (RFC 792, 4443), quoting as much
 * of it as the message has room for, 576 bytes for IPv4 and 1280 for IPv6. It leaves by where the
 * packet came from; behind a route block, by where the routes lead.
 *
 * No errors are sent about errors, redirects, later fragments of IPv4, packets to or from more than
 * one host (RFC 1122, section 3.2.2; RFC 4443, section 2.4), nor more than rate a second.
 *
 * in          IPv4 or IPv6 over Ethernet
 * out next    on the other path: the message. All other packets are dropped ("policy")
 * config      kind=expired, net, host, port, prohibited, big: time exceeded; no route, host or
 *             port; forbidden; packet too big (IPv4: fragmentation needed)
 *             mtu=0..65535: of kind big (0: the MTU that route has noted)
 *             source=ADDRESS, source6=ADDRESS: the router's own, in messages (0: the address from
 *             which the kernel would send to that host; it tells only if it forwards for the
 *             device: net.ipv4.ip_forward=1, net.ipv6.conf.all.forwarding=1)
 *             rate=0..4294967295: messages a second (0: 1000), of which burst=0..4294967295 may
 *             come at once (0: 50)
 * counters    sent: messages
 *             ineligible: no error may be sent about it
 *             limited: too many messages
 *             no_source: neither option nor kernel has a source address
 * state       limit: when the next message is due
 * see also    route, ttl, fragment
 */
#include <lana/address.h>
#include <lana/fib.h>
#include <lana/icmp.h>

enum icmp_error_kind {
	ICMP_ERROR_KIND_EXPIRED,
	ICMP_ERROR_KIND_NET,
	ICMP_ERROR_KIND_HOST,
	ICMP_ERROR_KIND_PORT,
	ICMP_ERROR_KIND_PROHIBITED,
	ICMP_ERROR_KIND_BIG,
};

struct icmp_error_config {
	enum icmp_error_kind kind;
	__u32 rate;
	__u32 burst;
	__u16 mtu;
	struct lana_ip4 source;
	struct lana_ip6 source6;
};

struct icmp_error_counters {
	__u64 sent;
	__u64 ineligible;
	__u64 limited;
	__u64 no_source;
};

enum icmp_error_port { ICMP_ERROR_NEXT };

struct icmp_error_limit {
	__u64 due; /* ns: when all messages sent are paid for */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct icmp_error_limit);
} limit SEC(".maps");

#define RATE  1000
#define BURST 50
#define TTL   64 /* RFC 1700 */

/* ---- may it be? --------------------------------------------------------------------------- */

/* RFC 1122, section 3.2.2.1, and what Linux takes for a question; anything else is an error. */
static __always_inline bool is_question(__u8 type)
{
	return type == LANA_ICMP4_ECHO_REPLY || type == LANA_ICMP4_ECHO ||
	       (type >= LANA_ICMP4_TIMESTAMP && type <= LANA_ICMP4_ADDRESS_REPLY);
}

static __always_inline bool may_answer4(struct lana_pkt *pkt, const struct lana_ip *ip)
{
	struct ethhdr *eth = lana_header(pkt, 0, sizeof(*eth) + sizeof(struct iphdr));
	struct iphdr *header;
	__u8 type;

	if (!eth || eth->h_dest[0] & 1 || ip->headless)
		return false;
	header = (void *)(eth + 1);
	if (!lana_is_host4(header->saddr) || !lana_is_host4(header->daddr))
		return false;
	if (ip->protocol != IPPROTO_ICMP)
		return true;
	return !lana_load(pkt, ip->transport, &type, sizeof(type)) && is_question(type);
}

static __always_inline bool may_answer6(struct lana_pkt *pkt, const struct lana_ip *ip,
					const struct icmp_error_config *config)
{
	struct ethhdr *eth = lana_header(pkt, 0, sizeof(*eth) + sizeof(struct ipv6hdr));
	struct ipv6hdr *header;
	bool to_many;
	__u8 type;

	if (!eth)
		return false;
	header = (void *)(eth + 1);
	to_many = eth->h_dest[0] & 1 || header->daddr.s6_addr[0] == 0xff;
	if (header->saddr.s6_addr[0] == 0xff || (to_many && config->kind != ICMP_ERROR_KIND_BIG) ||
	    !(header->saddr.s6_addr32[0] | header->saddr.s6_addr32[1] | header->saddr.s6_addr32[2] |
	      header->saddr.s6_addr32[3]))
		return false;
	if (ip->protocol != IPPROTO_ICMPV6 || ip->headless)
		return true;
	return !lana_load(pkt, ip->transport, &type, sizeof(type)) && type >= LANA_ICMP6_ECHO &&
	       type != LANA_ICMP6_REDIRECT;
}

/*
 * A message costs 1 / rate seconds, and up to burst of them may be owed. Where CPUs meet, one of
 * them tries again, and then sends nothing.
 */
static __always_inline bool is_due(const struct icmp_error_config *config)
{
	__u64 cost = 1000000000 / (config->rate ?: RATE), now = bpf_ktime_get_ns();
	__u64 credit = cost * (config->burst ?: BURST);
	__u32 zero = 0;
	struct icmp_error_limit *l = bpf_map_lookup_elem(&limit, &zero);

	for (int i = 0; l && i < 2; i++) {
		__u64 due = l->due, from = due > now ? due : now;

		if (from + cost > now + credit)
			return false;
		if (__sync_val_compare_and_swap(&l->due, due, from + cost) == due)
			return true;
	}
	return false;
}

/* ---- from where? -------------------------------------------------------------------------- */

static __always_inline bool find_source4(struct lana_pkt *pkt,
					 const struct icmp_error_config *config, __be32 sender,
					 __be32 *source)
{
	struct bpf_fib_lookup fib = { .family = LANA_FAMILY_IPV4 };

	*source = config->source.word;
	if (*source)
		return true;
	fib.ipv4_dst = sender;
	if (!lana_fib_source(pkt, &fib))
		return false;
	*source = fib.ipv4_src;
	return *source;
}

static __always_inline bool find_source6(struct lana_pkt *pkt,
					 const struct icmp_error_config *config,
					 const struct in6_addr *sender, struct in6_addr *source)
{
	struct bpf_fib_lookup fib = { .family = LANA_FAMILY_IPV6 };

	__builtin_memcpy(source, &config->source6, sizeof(*source));
	if (source->s6_addr32[0])
		return true;
	__builtin_memcpy(fib.ipv6_dst, sender, sizeof(*sender));
	if (!lana_fib_source(pkt, &fib))
		return false;
	__builtin_memcpy(source, fib.ipv6_src, sizeof(*source));
	return source->s6_addr32[0];
}

/* ---- the message -------------------------------------------------------------------------- */

struct message4 {
	struct iphdr ip;
	struct lana_icmp icmp;
};

struct message6 {
	struct ipv6hdr ip;
	struct lana_icmp icmp;
};

/* Its headers, and how much follows of the packet that it is about. */
struct message {
	union {
		struct message4 v4;
		struct message6 v6;
	};
	__u32 quote;
};

#define ROOM4 (576 - sizeof(struct message4))  /* RFC 1812, section 4.3.2.3 */
#define ROOM6 (1280 - sizeof(struct message6)) /* RFC 4443, section 2.4 (c) */

static __always_inline struct lana_icmp icmp4(const struct icmp_error_config *config, __u16 mtu)
{
	struct lana_icmp icmp = { .type = LANA_ICMP4_UNREACHABLE };

	switch (config->kind) {
	case ICMP_ERROR_KIND_EXPIRED:
		icmp.type = LANA_ICMP4_EXPIRED;
		break;
	case ICMP_ERROR_KIND_NET:
		icmp.code = LANA_ICMP4_NET;
		break;
	case ICMP_ERROR_KIND_HOST:
		icmp.code = LANA_ICMP4_HOST;
		break;
	case ICMP_ERROR_KIND_PORT:
		icmp.code = LANA_ICMP4_PORT;
		break;
	case ICMP_ERROR_KIND_PROHIBITED:
		icmp.code = LANA_ICMP4_PROHIBITED;
		break;
	case ICMP_ERROR_KIND_BIG:
		icmp.code = LANA_ICMP4_BIG;
		icmp.rest = bpf_htonl(mtu);
		break;
	}
	return icmp;
}

static __always_inline int make4(struct lana_pkt *pkt, const struct icmp_error_config *config,
				 struct icmp_error_counters *counters, struct message *message)
{
	struct iphdr *header = lana_ipv4(pkt), *ip = &message->v4.ip;

	if (!header)
		return -LANA_DROP_SHORT;
	if (message->quote > ROOM4)
		message->quote = ROOM4;
	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	/* RFC 1812, section 4.3.2.5: network control, and the same service */
	ip->tos = (header->tos & 0x1e) | 0xc0;
	ip->tot_len = bpf_htons(sizeof(message->v4) + message->quote);
	ip->id = bpf_get_prandom_u32();
	ip->ttl = TTL;
	ip->protocol = IPPROTO_ICMP;
	ip->daddr = header->saddr;
	if (!find_source4(pkt, config, ip->daddr, &ip->saddr)) {
		counters->no_source++;
		return -LANA_DROP_POLICY;
	}
	ip->check = ~lana_fold(lana_sum_of(ip, sizeof(*ip)));
	message->v4.icmp = icmp4(config, config->mtu ?: LANA_ROUTE_MTU(lana_route(pkt)));
	if (lana_resize(pkt, ETH_HLEN + message->quote) || lana_insert(pkt, sizeof(message->v4), 0))
		return -LANA_DROP_NO_MEMORY;
	return 0;
}

static __always_inline struct lana_icmp icmp6(const struct icmp_error_config *config, __u16 mtu)
{
	struct lana_icmp icmp = { .type = LANA_ICMP6_UNREACHABLE };

	switch (config->kind) {
	case ICMP_ERROR_KIND_EXPIRED:
		icmp.type = LANA_ICMP6_EXPIRED;
		break;
	case ICMP_ERROR_KIND_NET:
		icmp.code = LANA_ICMP6_NET;
		break;
	case ICMP_ERROR_KIND_HOST:
		icmp.code = LANA_ICMP6_HOST;
		break;
	case ICMP_ERROR_KIND_PORT:
		icmp.code = LANA_ICMP6_PORT;
		break;
	case ICMP_ERROR_KIND_PROHIBITED:
		icmp.code = LANA_ICMP6_PROHIBITED;
		break;
	case ICMP_ERROR_KIND_BIG:
		icmp.type = LANA_ICMP6_BIG;
		icmp.rest = bpf_htonl(mtu);
		break;
	}
	return icmp;
}

static __always_inline int make6(struct lana_pkt *pkt, const struct icmp_error_config *config,
				 struct icmp_error_counters *counters, struct message *message)
{
	struct ipv6hdr *header = lana_ipv6(pkt), *ip = &message->v6.ip;

	if (!header)
		return -LANA_DROP_SHORT;
	if (message->quote > ROOM6)
		message->quote = ROOM6;
	ip->version = 6;
	ip->payload_len = bpf_htons(sizeof(message->v6.icmp) + message->quote);
	ip->nexthdr = IPPROTO_ICMPV6;
	ip->hop_limit = TTL;
	ip->daddr = header->saddr;
	if (!find_source6(pkt, config, &ip->daddr, &ip->saddr)) {
		counters->no_source++;
		return -LANA_DROP_POLICY;
	}
	message->v6.icmp = icmp6(config, config->mtu ?: LANA_ROUTE_MTU(lana_route(pkt)));
	if (lana_resize(pkt, ETH_HLEN + message->quote) || lana_insert(pkt, sizeof(message->v6), 0))
		return -LANA_DROP_NO_MEMORY;
	return 0;
}

/* Add the checksum, and put the headers before the quote. */
static __always_inline int finish(struct lana_pkt *pkt, struct message *message, int version)
{
	struct message4 *v4 = &message->v4;
	struct message6 *v6 = &message->v6;
	__u32 offset = ETH_HLEN + sizeof(*v4);
	struct ethhdr *eth;
	__u64 sum;

	if (version == 4) {
		sum = lana_sum_of(&v4->icmp, sizeof(v4->icmp));
	} else {
		sum = lana_sum_of(&v6->icmp, sizeof(v6->icmp)) +
		      lana_sum_pseudo_ipv6(&v6->ip, IPPROTO_ICMPV6,
					   sizeof(v6->icmp) + message->quote);
		offset = ETH_HLEN + sizeof(*v6);
	}
	if (lana_sum_icmp(pkt, offset, message->quote, &sum))
		return -LANA_DROP_SHORT;
	if (version == 4) {
		v4->icmp.checksum = ~lana_fold(sum);
		eth = lana_header(pkt, 0, sizeof(*eth) + sizeof(*v4));
		if (!eth)
			return -LANA_DROP_SHORT;
		__builtin_memcpy(eth + 1, v4, sizeof(*v4));
	} else {
		v6->icmp.checksum = ~lana_fold(sum);
		eth = lana_header(pkt, 0, sizeof(*eth) + sizeof(*v6));
		if (!eth)
			return -LANA_DROP_SHORT;
		__builtin_memcpy(eth + 1, v6, sizeof(*v6));
	}
	lana_turn_round(pkt, eth);
	return LANA_TURN + ICMP_ERROR_NEXT;
}

static __always_inline int icmp_error_process(struct lana_pkt *pkt,
					      const struct icmp_error_config *config,
					      struct icmp_error_counters *counters)
{
	struct message message = {};
	struct lana_ip ip = {};
	int version = 0, err = lana_find_ip(pkt, &ip, &version);

	if (err)
		return err;
	if (version == 4 ? !may_answer4(pkt, &ip) : !may_answer6(pkt, &ip, config)) {
		counters->ineligible++;
		return -LANA_DROP_POLICY;
	}
	if (!is_due(config)) {
		counters->limited++;
		return -LANA_DROP_POLICY;
	}
	message.quote = ip.end - ETH_HLEN;
	err = version == 4 ? make4(pkt, config, counters, &message)
			   : make6(pkt, config, counters, &message);
	if (!err)
		err = finish(pkt, &message, version);
	if (err >= 0)
		counters->sent++;
	return err;
}

LANA_TURNING_BLOCK(icmp_error);
