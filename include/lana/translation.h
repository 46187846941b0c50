/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/translation.h - connections of which an end is replaced: the kernel's NAT, as BPF has it
 *
 * The kernel keeps what was replaced with the connection, and chooses a port if none is asked for;
 * packets are left to lana/translate.h. IPv4 alone. lana_nat_offered() tells whether there is such.
 */
#ifndef LANA_TRANSLATION_H
#define LANA_TRANSLATION_H

#include <lana/conntrack.h>
#include <lana/translate.h>

static __always_inline bool lana_nat_offered(const struct lana_pkt *pkt)
{
	return lana_ct_offered(pkt) && bpf_ct_set_nat_info;
}

static __always_inline void lana_nat_fill(struct bpf_sock_tuple *tuple,
					  const struct lana_ends *ends)
{
	tuple->ipv4.saddr = ends->saddr;
	tuple->ipv4.daddr = ends->daddr;
	tuple->ipv4.sport = ends->sport;
	tuple->ipv4.dport = ends->dport;
}

/* Who talks to whom in one direction is the other direction's tuple, turned round. */
static __always_inline void lana_nat_read(struct nf_conn *ct, __u8 direction, struct lana_ends *to)
{
	if (direction == LANA_CT_ORIGINAL) {
		to->saddr = ct->tuplehash[1].tuple.dst.u3.ip;
		to->daddr = ct->tuplehash[1].tuple.src.u3.ip;
		to->sport = ct->tuplehash[1].tuple.dst.u.all;
		to->dport = ct->tuplehash[1].tuple.src.u.all;
	} else {
		to->saddr = ct->tuplehash[0].tuple.dst.u3.ip;
		to->daddr = ct->tuplehash[0].tuple.src.u3.ip;
		to->sport = ct->tuplehash[0].tuple.dst.u.all;
		to->dport = ct->tuplehash[0].tuple.src.u.all;
	}
}

/* What a quoted packet with these ends becomes. False: it is of no connection. */
static __always_inline bool lana_nat_find_quoted(const struct lana_pkt *pkt, __u8 protocol,
						 const struct lana_ends *from, struct lana_ends *to)
{
	struct bpf_ct_opts___lana opts = { .netns_id = -1, .l4proto = protocol };
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	lana_nat_fill(&tuple, from);
	ct = lana_ct_find(pkt, &tuple, sizeof(tuple.ipv4), &opts);
	if (!ct)
		return false;
	lana_nat_read(ct, opts.dir, to);
	bpf_ct_release(ct);
	return true;
}

/* Likewise of a packet that passes. */
static __always_inline bool lana_nat_find(const struct lana_pkt *pkt, const struct lana_ip *ip,
					  const struct lana_ends *from,
					  const struct lana_ct_times *times, struct lana_ends *to)
{
	struct bpf_ct_opts___lana opts = { .netns_id = -1, .l4proto = ip->protocol };
	__u8 flags = lana_tcp_flags(pkt, ip);
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	lana_nat_fill(&tuple, from);
	ct = lana_ct_find_passing(pkt, &tuple, sizeof(tuple.ipv4), flags, &opts);
	if (!ct)
		return false;
	lana_ct_touch(ct, opts.dir, ip->protocol, flags, times);
	lana_nat_read(ct, opts.dir, to);
	bpf_ct_release(ct);
	return true;
}

/* What is to be replaced in a connection. Ports as numbers; 0: any that is free. */
struct lana_change {
	__be32 saddr, daddr; /* 0: stays */
	__u16 sport, dport;
};

static __always_inline bool lana_nat_try(const struct lana_pkt *pkt, __u8 protocol, __u32 timeout,
					 const struct lana_ends *from,
					 const struct lana_change *change, struct lana_ends *to)
{
	struct bpf_ct_opts___lana opts = { .netns_id = -1, .l4proto = protocol };
	union nf_inet_addr source = { .ip = change->saddr }, target = { .ip = change->daddr };
	struct bpf_sock_tuple tuple = {};
	struct nf_conn___init *made;
	struct nf_conn *ct;
	bool good = true;

	lana_nat_fill(&tuple, from);
	made = lana_ct_begin(pkt, &tuple, sizeof(tuple.ipv4), &opts);
	if (!made)
		return false;
	bpf_ct_set_timeout(made, timeout);
	if (target.ip)
		good = !bpf_ct_set_nat_info(made, &target, change->dport, NF_NAT_MANIP_DST);
	if (good && source.ip)
		good = !bpf_ct_set_nat_info(made, &source, change->sport, NF_NAT_MANIP_SRC);
	ct = bpf_ct_insert_entry(made);
	if (!ct)
		return false;
	if (good)
		lana_nat_read(ct, LANA_CT_ORIGINAL, to);
	else
		bpf_ct_change_timeout(ct, 0); /* there is no other way to drop it */
	bpf_ct_release(ct);
	return good;
}

#define LANA_NAT_TRIES 16

/*
 * Is there a connection to whose answers these ends belong? Looking for it also removes it if its
 * time is up, which the kernel does not where a port is asked for.
 */
static __always_inline bool lana_nat_is_taken(const struct lana_pkt *pkt, __u8 protocol,
					      const struct lana_ends *from,
					      const struct lana_change *change)
{
	struct lana_ends answer = {
		.saddr = change->daddr ?: from->daddr,
		.sport = change->daddr ? bpf_htons(change->dport) : from->dport,
		.daddr = change->saddr,
		.dport = bpf_htons(change->sport),
	}, ends;

	return lana_nat_find_quoted(pkt, protocol, &answer, &ends);
}

/*
 * Begin a connection; what its sender becomes has a port from first to last, if last is not 0: its
 * own, or some others are tried. *to: the ends of its packets then.
 */
static __always_inline bool lana_nat_begin(const struct lana_pkt *pkt, __u8 protocol, __u32 timeout,
					   __u16 first, __u16 last, const struct lana_ends *from,
					   struct lana_change *change, struct lana_ends *to)
{
	__u32 port = bpf_ntohs(from->sport);

	if (!last || !change->saddr)
		return lana_nat_try(pkt, protocol, timeout, from, change, to);
	if (last < first)
		return false;
#pragma clang loop unroll(disable)
	for (int i = 0; i < LANA_NAT_TRIES; i++) {
		if (i || port < first || port > last)
			port = first + bpf_get_prandom_u32() % (last - first + 1);
		change->sport = port;
		if (!lana_nat_is_taken(pkt, protocol, from, change) &&
		    lana_nat_try(pkt, protocol, timeout, from, change, to))
			return true;
	}
	return false;
}

#endif
