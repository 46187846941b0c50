/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/translate.h - replace who sends an IPv4 packet and who receives it, with all checksums
 *
 * That is addresses and ports of TCP and UDP, addresses and identifier of an ICMP query, and both
 * of the packet that an ICMP error quotes (RFC 3022, RFC 5508). Checksums are amended, not made
 * anew: one that was wrong before is wrong after.
 */
#ifndef LANA_TRANSLATE_H
#define LANA_TRANSLATE_H

#include <lana/checksum.h>
#include <lana/icmp.h>

/* The ends of a packet as it is, or as it is to be. */
struct lana_ends {
	__be32 saddr, daddr;
	__be16 sport, dport;
};

static __always_inline struct lana_ends lana_turned(const struct lana_ends *ends)
{
	return (struct lana_ends){ ends->daddr, ends->saddr, ends->dport, ends->sport };
}

static __always_inline bool lana_is_same(const struct lana_ends *a, const struct lana_ends *b)
{
	return a->saddr == b->saddr && a->daddr == b->daddr && a->sport == b->sport &&
	       a->dport == b->dport;
}

/* The beginning of any ICMP message; the last two of queries alone. */
struct lana_query {
	__u8 type, code;
	__be16 check, id, sequence;
};

/* Of a question and its answer, the question's type; 0: it is neither (RFC 792, RFC 950). */
static __always_inline __u8 lana_question_of(__u8 type)
{
	if (type == LANA_ICMP4_ECHO_REPLY)
		return LANA_ICMP4_ECHO;
	if (type == LANA_ICMP4_ECHO)
		return type;
	if (type < LANA_ICMP4_TIMESTAMP || type > LANA_ICMP4_ADDRESS_REPLY)
		return 0;
	return (type - 1) | 1;
}

static __always_inline bool lana_is_question(__u8 type)
{
	return type == lana_question_of(type);
}

/*
 * Put other addresses into the packet's header. *difference: what a checksum over them has to take
 * account of. False: the packet is shorter.
 */
static __always_inline bool lana_set_addresses(const struct lana_pkt *pkt, __be32 saddr,
					       __be32 daddr, __u64 *difference)
{
	struct iphdr *ip = lana_header(pkt, ETH_HLEN, sizeof(*ip));
	__be32 addresses[2] = { saddr, daddr };

	if (!ip)
		return false;
	*difference = lana_difference(&ip->saddr, addresses, sizeof(addresses));
	lana_amend(&ip->check, *difference);
	ip->saddr = saddr;
	ip->daddr = daddr;
	return true;
}

/* Replace the ends of a packet of TCP or UDP. False: it is shorter. */
static __always_inline bool lana_set_ends(const struct lana_pkt *pkt, const struct lana_ip *ip,
					  const struct lana_ends *from, const struct lana_ends *to)
{
	bool is_tcp = ip->protocol == IPPROTO_TCP;
	__u32 check = ip->transport + (is_tcp ? 16 : 6);
	__u64 flags = is_tcp ? 0 : BPF_F_MARK_MANGLED_0, difference = 0;
	__be16 was[2] = { from->sport, from->dport }, is[2] = { to->sport, to->dport };

	return lana_set_addresses(pkt, to->saddr, to->daddr, &difference) &&
	       !lana_amend_transport(pkt, check, difference, flags | BPF_F_PSEUDO_HDR) &&
	       !lana_amend_transport(pkt, check, lana_difference(was, is, sizeof(is)), flags) &&
	       !lana_store(pkt, ip->transport, is, sizeof(is));
}

/* Replace the addresses of an ICMP query, or of an answer to one, and its identifier. */
static __always_inline bool lana_set_query(const struct lana_pkt *pkt, const struct lana_ip *ip,
					   __be32 saddr, __be32 daddr, __be16 was, __be16 is)
{
	__u64 difference = 0;

	return lana_set_addresses(pkt, saddr, daddr, &difference) &&
	       !lana_amend_transport(pkt, ip->transport + offsetof(struct lana_query, check),
				     lana_difference(&was, &is, sizeof(is)), 0) &&
	       !lana_store(pkt, ip->transport + offsetof(struct lana_query, id), &is, sizeof(is));
}

/* ---- what an error quotes ------------------------------------------------------------------- */

/*
 * A packet that went the other way, as it is on this side. Turned round it is one of the error's
 * direction.
 */
struct lana_quote {
	struct iphdr ip;
	struct lana_ends ends; /* ports: of TCP and UDP */
	__u32 transport;       /* offset of what its header carries */
	__be16 id;	       /* of a query */
	__u8 type;
};

/* Of the quotes that there are only those of packets with ports or a query's identifier. */
static __always_inline bool lana_read_quote(const struct lana_pkt *pkt, const struct lana_ip *ip,
					    struct lana_quote *quote)
{
	__u32 offset = ip->transport + sizeof(struct lana_query);
	struct lana_query query;

	if (lana_load(pkt, offset, &quote->ip, sizeof(quote->ip)) || quote->ip.version != 4 ||
	    quote->ip.ihl < 5 || quote->ip.frag_off & bpf_htons(LANA_IPV4_LATER))
		return false;
	quote->transport = offset + quote->ip.ihl * 4;
	quote->ends.saddr = quote->ip.saddr;
	quote->ends.daddr = quote->ip.daddr;
	switch (quote->ip.protocol) {
	case IPPROTO_ICMP:
		if (lana_load(pkt, quote->transport, &query, sizeof(query)))
			return false;
		quote->id = query.id;
		quote->type = query.type;
		return true;
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		return !lana_load(pkt, quote->transport, &quote->ends.sport, 4);
	}
	return false;
}

/* Replace bytes of the packet, and what the ICMP checksum has to take account of. */
static __always_inline bool lana_replace(const struct lana_pkt *pkt, __u32 offset, const void *was,
					 const void *is, __u32 size, __u64 *difference)
{
	*difference += lana_difference(was, is, size);
	return !lana_store(pkt, offset, is, size);
}

/* Its own transport checksum, if the quote is that long: there are who tell packets apart by it. */
static __always_inline bool lana_amend_quoted(const struct lana_pkt *pkt, const struct lana_ip *ip,
					      const struct lana_quote *quote, __u64 numbered,
					      __u64 *difference)
{
	__u32 offset = quote->transport + offsetof(struct lana_query, check);
	__u16 was, is;

	if (quote->ip.protocol == IPPROTO_TCP)
		offset = quote->transport + 16;
	else if (quote->ip.protocol == IPPROTO_UDP)
		offset = quote->transport + 6;
	if (offset + sizeof(was) > ip->end || lana_load(pkt, offset, &was, sizeof(was)))
		return true;
	is = was;
	if (quote->ip.protocol == IPPROTO_UDP && !was)
		return true; /* it has none */
	lana_amend(&is, numbered);
	if (quote->ip.protocol == IPPROTO_UDP && !is)
		is = 0xffff;
	return lana_replace(pkt, offset, &was, &is, sizeof(was), difference);
}

/*
 * Write the quoted packet as it is on the other side. is: its ends there; id: its identifier, if
 * it is a query.
 */
static __always_inline bool lana_set_quote(const struct lana_pkt *pkt, const struct lana_ip *ip,
					   const struct lana_quote *quote,
					   const struct lana_ends *is, __be16 id)
{
	__u32 offset = ip->transport + sizeof(struct lana_query);
	__u64 difference = 0, addressed, numbered;
	__be32 addresses[2] = { is->saddr, is->daddr };
	bool asks = quote->ip.protocol == IPPROTO_ICMP, good;
	__u16 check = quote->ip.check;

	addressed = lana_difference(&quote->ip.saddr, addresses, sizeof(addresses));
	lana_amend(&check, addressed);
	good = lana_replace(pkt, offset + offsetof(struct iphdr, check), &quote->ip.check, &check,
			    sizeof(check), &difference) &&
	       lana_replace(pkt, offset + offsetof(struct iphdr, saddr), &quote->ip.saddr,
			    addresses, sizeof(addresses), &difference);
	if (asks) {
		numbered = lana_difference(&quote->id, &id, sizeof(id));
		good = good && lana_replace(pkt, quote->transport + offsetof(struct lana_query, id),
					    &quote->id, &id, sizeof(id), &difference);
	} else {
		numbered = addressed + lana_difference(&quote->ends.sport, &is->sport, 4);
		good = good && lana_replace(pkt, quote->transport, &quote->ends.sport, &is->sport,
					    4, &difference);
	}
	return good && lana_amend_quoted(pkt, ip, quote, numbered, &difference) &&
	       !lana_amend_transport(pkt, ip->transport + offsetof(struct lana_query, check),
				     difference, 0);
}

#endif
