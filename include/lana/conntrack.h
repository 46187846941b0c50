/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/conntrack.h - the kernel's connection tracking, as it offers it to BPF
 *
 * The functions are those of net/netfilter/nf_conntrack_bpf.c and nf_nat_bpf.c. Looked up are the
 * connections of the packet's network namespace: those that blocks have begun, and those that the
 * kernel tracks of its own accord, if anything makes it (nftables, iptables).
 *
 * A kernel may lack them: they are weak, and lana_ct_offered() tells.
 */
#ifndef LANA_CONNTRACK_H
#define LANA_CONNTRACK_H

/* What connection tracking says of a packet. */
enum lana_ct_state {
	LANA_CT_UNTRACKED, /* it was not asked, or does not know such packets */
	LANA_CT_NEW,	   /* the other end has not answered */
	LANA_CT_ESTABLISHED,
	LANA_CT_RELATED, /* an error about a connection's packet; or one that was announced */
	LANA_CT_INVALID, /* an error, or an answer, of no connection */
	LANA_CT_STATES
};

#ifdef __bpf__
#include <lana/ip.h>

/* Of the kernel's structs, only what is read: libbpf finds the fields in the kernel's own. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

union nf_inet_addr {
	__u32 all[4];
	__be32 ip;
};

union nf_conntrack_man_proto {
	__be16 all;
};

struct nf_conntrack_man {
	union nf_inet_addr u3;
	union nf_conntrack_man_proto u;
};

struct nf_conntrack_tuple {
	struct nf_conntrack_man src;
	struct {
		union nf_inet_addr u3;
		union {
			__be16 all;
		} u;
	} dst;
};

struct nf_conntrack_tuple_hash {
	struct nf_conntrack_tuple tuple;
};

/* As packets come in each direction, before they are translated. */
struct nf_conn {
	unsigned long status;
	struct nf_conntrack_tuple_hash tuplehash[2];
};

/* One that is not known to others yet. */
struct nf_conn___init {
	unsigned long status;
};

#pragma clang attribute pop

enum nf_nat_manip_type { NF_NAT_MANIP_SRC, NF_NAT_MANIP_DST };

/* Bits of status (linux/netfilter/nf_conntrack_common.h). */
enum lana_ct_status {
	LANA_CT_EXPECTED = 1 << 0,
	LANA_CT_SEEN_REPLY = 1 << 1,
	LANA_CT_ASSURED = 1 << 2,
	LANA_CT_CONFIRMED = 1 << 3,
	LANA_CT_CLOSING =
		1 << 13, /* IPS_HELPER: of the kernel's helpers, which these have none of */
};

enum lana_ct_direction { LANA_CT_ORIGINAL, LANA_CT_REPLY };

/* struct bpf_ct_opts of kernel 6.10 and later; before, it ends behind dir and two bytes. */
struct bpf_ct_opts___lana {
	__s32 netns_id; /* -1: the packet's own */
	__s32 error;	/* written */
	__u8 l4proto;
	__u8 dir; /* written by look-ups */
	__u16 ct_zone_id;
	__u8 ct_zone_dir;
	__u8 reserved[3];
};

#define LANA_CT_OPTS_SIZE 12 /* what all kernels take: the default zone */

extern struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *xdp, struct bpf_sock_tuple *tuple,
					 __u32 size, struct bpf_ct_opts___lana *opts,
					 __u32 opts_size) __ksym __weak;
extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb, struct bpf_sock_tuple *tuple,
					 __u32 size, struct bpf_ct_opts___lana *opts,
					 __u32 opts_size) __ksym __weak;
extern void bpf_ct_release(struct nf_conn *ct) __ksym __weak;
extern struct nf_conn___init *bpf_xdp_ct_alloc(struct xdp_md *xdp, struct bpf_sock_tuple *tuple,
					       __u32 size, struct bpf_ct_opts___lana *opts,
					       __u32 opts_size) __ksym __weak;
extern struct nf_conn___init *bpf_skb_ct_alloc(struct __sk_buff *skb, struct bpf_sock_tuple *tuple,
					       __u32 size, struct bpf_ct_opts___lana *opts,
					       __u32 opts_size) __ksym __weak;
extern struct nf_conn *bpf_ct_insert_entry(struct nf_conn___init *ct) __ksym __weak;
extern void bpf_ct_set_timeout(struct nf_conn___init *ct, __u32 ms) __ksym __weak;
extern int bpf_ct_change_timeout(struct nf_conn *ct, __u32 ms) __ksym __weak;
extern int bpf_ct_change_status(struct nf_conn *ct, __u32 status) __ksym __weak;
extern int bpf_ct_set_nat_info(struct nf_conn___init *ct, union nf_inet_addr *address, int port,
			       enum nf_nat_manip_type manip) __ksym __weak;

static __always_inline bool lana_ct_offered(const struct lana_pkt *pkt)
{
	return pkt->flavour == LANA_XDP ? bpf_xdp_ct_lookup != NULL : bpf_skb_ct_lookup != NULL;
}

/* ---- what a packet belongs to --------------------------------------------------------------- */

/* The connection of TCP or UDP that has these ends; NULL: none. For bpf_ct_release(). */
static __always_inline struct nf_conn *lana_ct_find(const struct lana_pkt *pkt,
						    struct bpf_sock_tuple *tuple, __u32 size,
						    struct bpf_ct_opts___lana *opts)
{
	if (!lana_ct_offered(pkt))
		return NULL;
	if (pkt->flavour == LANA_XDP)
		return bpf_xdp_ct_lookup(lana_xdp(pkt), tuple, size, opts, LANA_CT_OPTS_SIZE);
	return bpf_skb_ct_lookup(lana_skb(pkt), tuple, size, opts, LANA_CT_OPTS_SIZE);
}

/* A packet's ends, as functions for conntrack take them. */
struct lana_ct_ends {
	struct bpf_sock_tuple tuple;
	__u32 size; /* 0: it has none */
	__u8 protocol;
};

static __always_inline bool lana_ct_knows(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

/* The ends of the IP packet (version: 4 or 6) whose header is at offset, its ports at transport. */
static __always_inline bool lana_ct_read_ends(const struct lana_pkt *pkt, int version, __u32 offset,
					      __u32 transport, struct lana_ct_ends *ends)
{
	struct bpf_sock_tuple *tuple = &ends->tuple;

	if (version == 4) {
		ends->size = sizeof(tuple->ipv4);
		return !lana_load(pkt, offset + offsetof(struct iphdr, saddr), &tuple->ipv4.saddr,
				  8) &&
		       !lana_load(pkt, transport, &tuple->ipv4.sport, 4);
	}
	ends->size = sizeof(tuple->ipv6);
	return !lana_load(pkt, offset + offsetof(struct ipv6hdr, saddr), &tuple->ipv6.saddr, 32) &&
	       !lana_load(pkt, transport, &tuple->ipv6.sport, 4);
}

/* Turn round who sends and who receives. */
static __always_inline void lana_ct_turn(int version, struct bpf_sock_tuple *tuple)
{
	struct bpf_sock_tuple was = *tuple;

	if (version == 4) {
		tuple->ipv4.saddr = was.ipv4.daddr;
		tuple->ipv4.daddr = was.ipv4.saddr;
		tuple->ipv4.sport = was.ipv4.dport;
		tuple->ipv4.dport = was.ipv4.sport;
		return;
	}
	__builtin_memcpy(tuple->ipv6.saddr, was.ipv6.daddr, sizeof(was.ipv6.daddr));
	__builtin_memcpy(tuple->ipv6.daddr, was.ipv6.saddr, sizeof(was.ipv6.saddr));
	tuple->ipv6.sport = was.ipv6.dport;
	tuple->ipv6.dport = was.ipv6.sport;
}

/*
 * The ends of a packet that would answer the one that an ICMP error tells of: if that was
 * translated on its way here, only answers to it are known by what it says. False: it is of none
 * that is tracked.
 */
static __always_inline bool lana_ct_read_reported(const struct lana_pkt *pkt, int version,
						  __u32 offset, struct lana_ct_ends *ends)
{
	struct iphdr ip;
	__u32 size = sizeof(struct ipv6hdr);

	if (lana_load(pkt, offset, &ip, sizeof(ip)) || ip.version != version)
		return false;
	ends->protocol = version == 4 ? ip.protocol : ((struct ipv6hdr *)&ip)->nexthdr;
	if (version == 4)
		size = ip.ihl * 4;
	if (!lana_ct_knows(ends->protocol) ||
	    !lana_ct_read_ends(pkt, version, offset, offset + size, ends))
		return false;
	lana_ct_turn(version, &ends->tuple);
	return true;
}

/* Is it an error (RFC 792, RFC 4443), with the packet it is about behind 8 bytes? */
static __always_inline bool lana_is_icmp_error(int version, __u8 type)
{
	if (version == 6)
		return type && type < 128;
	return type == 3 || type == 4 || type == 11 || type == 12;
}

static __always_inline enum lana_ct_state lana_ct_missed(const struct lana_pkt *pkt,
							 const struct lana_ip *ip)
{
	__u8 flags;

	if (ip->protocol != IPPROTO_TCP)
		return LANA_CT_NEW;
	if (lana_load(pkt, ip->transport + 13, &flags, sizeof(flags)))
		return LANA_CT_INVALID;
	return (flags & 0x12) == 0x02 ? LANA_CT_NEW : LANA_CT_INVALID; /* SYN and no ACK */
}

/*
 * What a packet is to the connections that are known. Packets in whose first buffer the headers are
 * not, and fragments but the first, are invalid.
 */
static __always_inline enum lana_ct_state lana_ct_state(const struct lana_pkt *pkt,
							const struct lana_ip *ip, int version)
{
	__u8 icmp = version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, type = 0;
	struct bpf_ct_opts___lana opts = { .netns_id = -1 };
	enum lana_ct_state state = LANA_CT_ESTABLISHED;
	struct lana_ct_ends ends = { .protocol = ip->protocol };
	struct nf_conn *ct;
	bool is_error;

	if (!lana_ct_offered(pkt))
		return LANA_CT_UNTRACKED;
	is_error = ip->protocol == icmp && !ip->headless &&
		   !lana_load(pkt, ip->transport, &type, sizeof(type)) &&
		   lana_is_icmp_error(version, type);
	if (!is_error && !lana_ct_knows(ip->protocol))
		return LANA_CT_UNTRACKED;
	if (ip->headless)
		return LANA_CT_INVALID;
	if (is_error ? !lana_ct_read_reported(pkt, version, ip->transport + 8, &ends)
		     : !lana_ct_read_ends(pkt, version, ETH_HLEN, ip->transport, &ends))
		return LANA_CT_INVALID;

	opts.l4proto = ends.protocol;
	if (version == 4)
		ct = lana_ct_find(pkt, &ends.tuple, sizeof(ends.tuple.ipv4), &opts);
	else
		ct = lana_ct_find(pkt, &ends.tuple, sizeof(ends.tuple.ipv6), &opts);
	if (!ct)
		return is_error ? LANA_CT_INVALID : lana_ct_missed(pkt, ip);
	if (is_error)
		state = LANA_CT_RELATED;
	else if (opts.dir == LANA_CT_ORIGINAL && !(ct->status & LANA_CT_SEEN_REPLY))
		state = ct->status & LANA_CT_EXPECTED ? LANA_CT_RELATED : LANA_CT_NEW;
	bpf_ct_release(ct);
	return state;
}

/* ---- beginning and keeping connections ------------------------------------------------------ */

/*
 * For bpf_ct_insert_entry(), which also gives it back if that fails. NULL: it is there, or no
 * memory.
 */
static __always_inline struct nf_conn___init *lana_ct_begin(const struct lana_pkt *pkt,
							    struct bpf_sock_tuple *tuple,
							    __u32 size,
							    struct bpf_ct_opts___lana *opts)
{
	if (pkt->flavour == LANA_XDP)
		return bpf_xdp_ct_alloc(lana_xdp(pkt), tuple, size, opts, LANA_CT_OPTS_SIZE);
	return bpf_skb_ct_alloc(lana_skb(pkt), tuple, size, opts, LANA_CT_OPTS_SIZE);
}

/*
 * How long a connection is remembered without a packet, in seconds; 0: as long as RFC 5382 (TCP)
 * and Linux (UDP) have it.
 */
struct lana_ct_times {
	__u16 tcp_new, tcp_established, tcp_closing, tcp_reset;
	__u16 udp_new, udp_established;
};

enum lana_ct_seconds {
	LANA_CT_TCP_NEW = 120,
	LANA_CT_TCP_ESTABLISHED = 7440,
	LANA_CT_TCP_CLOSING = 240,
	LANA_CT_TCP_RESET = 10,
	LANA_CT_UDP_NEW = 30,
	LANA_CT_UDP_ESTABLISHED = 300,
};

#define LANA_TCP_FIN 0x01
#define LANA_TCP_SYN 0x02
#define LANA_TCP_RST 0x04
#define LANA_TCP_ACK 0x10

/* In milliseconds, of a connection of that status behind a packet with these flags. */
static __always_inline __u32 lana_ct_timeout(const struct lana_ct_times *times, __u8 protocol,
					     __u8 flags, unsigned long status)
{
	__u32 seconds;

	if (protocol == IPPROTO_UDP)
		seconds = status & LANA_CT_SEEN_REPLY
				  ? times->udp_established ?: LANA_CT_UDP_ESTABLISHED
				  : times->udp_new	   ?: LANA_CT_UDP_NEW;
	else if (flags & LANA_TCP_RST)
		seconds = times->tcp_reset ?: LANA_CT_TCP_RESET;
	else if (status & LANA_CT_CLOSING)
		seconds = times->tcp_closing ?: LANA_CT_TCP_CLOSING;
	else if (status & LANA_CT_ASSURED)
		seconds = times->tcp_established ?: LANA_CT_TCP_ESTABLISHED;
	else
		seconds = times->tcp_new ?: LANA_CT_TCP_NEW;
	return seconds * 1000;
}

/*
 * Note that a packet of the connection has passed in that direction. Assured, which the kernel does
 * not drop for others if its table is full, is one whose beginner has gone on after an answer: so
 * made-up senders cannot fill it for long.
 */
static __always_inline void lana_ct_touch(struct nf_conn *ct, __u8 direction, __u8 protocol,
					  __u8 flags, const struct lana_ct_times *times)
{
	unsigned long status = ct->status;

	if (direction == LANA_CT_REPLY)
		status |= LANA_CT_SEEN_REPLY;
	else if (status & LANA_CT_SEEN_REPLY && !(flags & LANA_TCP_SYN))
		status |= LANA_CT_ASSURED;
	if (flags & (LANA_TCP_FIN | LANA_TCP_RST))
		status |= LANA_CT_CLOSING;
	if (status != ct->status)
		bpf_ct_change_status(ct, status);
	bpf_ct_change_timeout(ct, lana_ct_timeout(times, protocol, flags, status));
}

/*
 * As lana_ct_find(), for a packet that passes: if it begins a connection anew, with the ends of one
 * that is closing, that one goes.
 */
static __always_inline struct nf_conn *lana_ct_find_passing(const struct lana_pkt *pkt,
							    struct bpf_sock_tuple *tuple,
							    __u32 size, __u8 flags,
							    struct bpf_ct_opts___lana *opts)
{
	struct nf_conn *ct = lana_ct_find(pkt, tuple, size, opts);

	if (!ct || (flags & (LANA_TCP_SYN | LANA_TCP_ACK)) != LANA_TCP_SYN ||
	    opts->dir != LANA_CT_ORIGINAL || !(ct->status & LANA_CT_CLOSING))
		return ct;
	bpf_ct_change_timeout(ct, 0);
	bpf_ct_release(ct);
	/* The kernel removes what has expired where it comes across it. */
	return lana_ct_find(pkt, tuple, size, opts);
}

static __always_inline __u8 lana_tcp_flags(const struct lana_pkt *pkt, const struct lana_ip *ip)
{
	__u8 flags = 0;

	if (ip->protocol == IPPROTO_TCP)
		lana_load(pkt, ip->transport + 13, &flags, sizeof(flags));
	return flags;
}
#endif

#endif
