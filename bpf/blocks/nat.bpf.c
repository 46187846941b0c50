// SPDX-License-Identifier: GPL-2.0-only
/*
 * nat - let hosts behind one IPv4 address talk to the world, and the world to some of their ports
 *
 * Both directions of a connection pass this block: at tc on both paths of the outer device, so that
 * the kernel routes with the inner addresses; at XDP, where there is no egress, on the way from
 * each device to the kernel or to route, and then outside must be no address that the kernel has
 * itself. What comes from inside to anywhere else leaves with the outside address, and a port that
 * no other connection to the same end has; what comes to the outside address goes to whom it
 * belongs, or, if a line of the file says so, to an inside host:
 *
 *	tcp 8080 to=10.0.0.5 port=80
 *	udp 53 to=10.0.0.6
 *
 * TCP and UDP are kept in the kernel's connection tracking, which also chooses ports; ICMP echo,
 * which the kernel does not offer to BPF, in maps of the block's own. Errors (ICMP) about a
 * translated packet are translated back, with the header that they quote.
 *
 * in          Ethernet; IPv4 is looked at, anything else leaves by next
 * out next    translated, or in no need of it
 * out other   unchanged: what cannot be told apart behind one address, which is other protocols and
 *             fragments; TCP of no connection that begins none; and what nobody expects at the
 *             outside address (it may be for the machine itself)
 * config      outside=ADDRESS
 *             inside=ADDRESS inside_length=0..32: the prefix of the hosts inside
 *             forwards=FILE: ports that lead inside; value port: 0 for the same
 * counters    begun: connections; failed: no port or no room for one; translated: packets
 *             errors: ICMP errors translated
 * state       ICMP echo: 16384 pairs of hosts, the oldest make room. All else is the kernel's, of
 *             the device's network namespace, and outlasts the block
 * see also    conntrack, firewall, route
 *
 * Timeouts are those of conntrack. A kernel that lacks the functions (before 6.1) translates ICMP
 * echo alone; TCP and UDP leave by other. Hosts inside reach each other directly, not by outside.
 */
#include <lana/address.h>
#include <lana/checksum.h>
#include <lana/conntrack.h>
#include <lana/table.h>

struct nat_config {
	struct lana_table_file forwards;
	struct lana_ip4 outside;
	struct lana_ip4 inside;
	__u8 inside_length;
};

struct nat_counters {
	__u64 begun;
	__u64 failed;
	__u64 translated;
	__u64 errors;
};

enum nat_port { NAT_NEXT, NAT_OTHER };

/* Where packets to a port of the outside address go. */
struct forward {
	struct lana_ip4 to;
	__u16 port; /* 0: the same */
	__u16 unused;
};

struct forwards {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u16);
	__type(value, struct forward);
};

struct forwards tcp LANA_TABLE;
struct forwards udp LANA_TABLE;

/* An echo's identifier stands for a port, on the side of whoever asks. */
struct echo {
	__be32 host, peer;
	__be16 id;
	__u16 unused;
};

struct echoes {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct echo);
	__type(value, struct echo);
};

struct echoes echoes_out SEC(".maps"); /* from inside: what it becomes */
struct echoes echoes_in SEC(".maps");  /* and back */

/*
 * The ends of a packet as it is, or as it is to be. Of an echo, sport or dport is the identifier.
 */
struct ends {
	__be32 saddr, daddr;
	__be16 sport, dport;
};

static __always_inline bool is_inside(const struct nat_config *config, __be32 address)
{
	__u32 length = config->inside_length > 32 ? 32 : config->inside_length;
	__u64 mask = 0xffffffffULL << (32 - length);

	return !((bpf_ntohl(address) ^ bpf_ntohl(config->inside.word)) & (__u32)mask);
}

static __always_inline struct ends reversed(const struct ends *ends)
{
	return (struct ends){ ends->daddr, ends->saddr, ends->dport, ends->sport };
}

static __always_inline bool is_same(const struct ends *a, const struct ends *b)
{
	return a->saddr == b->saddr && a->daddr == b->daddr && a->sport == b->sport &&
	       a->dport == b->dport;
}

/* ---- the kernel's connections --------------------------------------------------------------- */

static __always_inline void fill_tuple(struct bpf_sock_tuple *tuple, const struct ends *ends)
{
	tuple->ipv4.saddr = ends->saddr;
	tuple->ipv4.daddr = ends->daddr;
	tuple->ipv4.sport = ends->sport;
	tuple->ipv4.dport = ends->dport;
}

/* Who talks to whom in one direction is the other direction's tuple, turned round. */
static __always_inline void read_ends(struct nf_conn *ct, __u8 direction, struct ends *to)
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

/*
 * What a packet with these ends becomes. False: it is of no connection. touch: it is one, no
 * quote.
 */
static __always_inline bool find(const struct lana_pkt *pkt, __u8 protocol, const struct ends *from,
				 bool touch, __u8 flags, struct ends *to)
{
	struct bpf_ct_opts___lana opts = { .netns_id = -1, .l4proto = protocol };
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;

	fill_tuple(&tuple, from);
	ct = lana_ct_find(pkt, &tuple, sizeof(tuple.ipv4), &opts);
	if (!ct)
		return false;
	if (touch)
		lana_ct_touch(ct, opts.dir, protocol, flags);
	read_ends(ct, opts.dir, to);
	bpf_ct_release(ct);
	return true;
}

/* Begin a connection in which one end is replaced. port 0: any that is free. */
static __always_inline bool begin(const struct lana_pkt *pkt, __u8 protocol,
				  const struct ends *from, __be32 address, __u16 port,
				  enum nf_nat_manip_type manip, struct ends *to)
{
	struct bpf_ct_opts___lana opts = { .netns_id = -1, .l4proto = protocol };
	union nf_inet_addr replaced = { .ip = address };
	struct bpf_sock_tuple tuple = {};
	struct nf_conn___init *made;
	struct nf_conn *ct;
	bool good;

	fill_tuple(&tuple, from);
	made = lana_ct_begin(pkt, &tuple, sizeof(tuple.ipv4), &opts);
	if (!made)
		return false;
	bpf_ct_set_timeout(made, lana_ct_timeout(protocol, 0, false));
	good = !bpf_ct_set_nat_info(made, &replaced, port, manip);
	ct = bpf_ct_insert_entry(made);
	if (!ct)
		return false;
	if (good)
		read_ends(ct, LANA_CT_ORIGINAL, to);
	else
		bpf_ct_change_timeout(ct,
				      0); /* no port was left; there is no other way to drop it */
	bpf_ct_release(ct);
	return good;
}

static __always_inline const struct forward *find_forward(__u8 protocol, __be16 port)
{
	__u16 key = bpf_ntohs(port);

	if (protocol == IPPROTO_TCP)
		return bpf_map_lookup_elem(&tcp, &key);
	return bpf_map_lookup_elem(&udp, &key);
}

/* ---- packets -------------------------------------------------------------------------------- */

/* Put other addresses into the IPv4 header at offset (a constant). */
static __always_inline bool set_addresses(const struct lana_pkt *pkt, __u32 offset, __be32 saddr,
					  __be32 daddr, __u64 *difference)
{
	struct iphdr *ip = lana_header(pkt, offset, sizeof(*ip));
	__be32 addresses[2] = { saddr, daddr };

	if (!ip)
		return false;
	*difference = lana_difference(&ip->saddr, addresses, sizeof(addresses));
	lana_amend(&ip->check, *difference);
	ip->saddr = saddr;
	ip->daddr = daddr;
	return true;
}

/* Replace the ends of a packet of TCP or UDP. */
static __always_inline int rewrite(const struct lana_pkt *pkt, const struct lana_ip *ip,
				   const struct ends *from, const struct ends *to)
{
	bool is_tcp = ip->protocol == IPPROTO_TCP;
	__u32 check = ip->transport + (is_tcp ? 16 : 6);
	__u64 flags = is_tcp ? 0 : BPF_F_MARK_MANGLED_0, difference = 0;
	__be16 was[2] = { from->sport, from->dport }, is[2] = { to->sport, to->dport };

	if (!set_addresses(pkt, ETH_HLEN, to->saddr, to->daddr, &difference) ||
	    lana_amend_transport(pkt, check, difference, flags | BPF_F_PSEUDO_HDR) ||
	    lana_amend_transport(pkt, check, lana_difference(was, is, sizeof(is)), flags) ||
	    lana_store(pkt, ip->transport, is, sizeof(is)))
		return -LANA_DROP_SHORT;
	return NAT_NEXT;
}

/*
 * Begin the connection of a packet that belongs to none. A port to leave by, or a reason to drop.
 */
static __always_inline int begin_for(const struct lana_pkt *pkt, const struct lana_ip *ip,
				     const struct nat_config *config, struct nat_counters *counters,
				     const struct ends *from, struct ends *to)
{
	enum nf_nat_manip_type manip = NF_NAT_MANIP_SRC;
	__be32 address = config->outside.word;
	const struct forward *forward;
	__u16 port = 0;

	if (from->daddr == config->outside.word) {
		forward = find_forward(ip->protocol, from->dport);
		if (!forward)
			return NAT_OTHER;
		manip = NF_NAT_MANIP_DST;
		address = forward->to.word;
		port = forward->port ?: bpf_ntohs(from->dport);
	} else if (!is_inside(config, from->saddr)) {
		return NAT_NEXT;
	}
	if (lana_ct_missed(pkt, ip) == LANA_CT_INVALID)
		return NAT_OTHER;
	if (!begin(pkt, ip->protocol, from, address, port, manip, to)) {
		counters->failed++;
		return -LANA_DROP_NO_MEMORY;
	}
	counters->begun++;
	return NAT_NEXT;
}

static __always_inline int translate(const struct lana_pkt *pkt, const struct lana_ip *ip,
				     const struct nat_config *config, struct nat_counters *counters,
				     struct ends *from)
{
	struct ends to = *from;
	int port;

	if (lana_load(pkt, ip->transport, &from->sport, 4))
		return -LANA_DROP_SHORT;
	to = *from;
	if (!lana_ct_offered(pkt) || !bpf_ct_set_nat_info)
		return NAT_OTHER;
	if (!find(pkt, ip->protocol, from, true, lana_tcp_flags(pkt, ip), &to)) {
		port = begin_for(pkt, ip, config, counters, from, &to);
		if (port != NAT_NEXT)
			return port;
	}
	if (is_same(from, &to))
		return NAT_NEXT;
	counters->translated++;
	return rewrite(pkt, ip, from, &to);
}

/* ---- ICMP ----------------------------------------------------------------------------------- */

struct icmp {
	__u8 type, code;
	__be16 check, id, sequence;
};

enum { ECHO_REPLY = 0, ECHO = 8 };

/* Any that nobody has towards that end; few are tried. */
static __always_inline bool begin_echo(const struct echo *inner, __be32 outside, struct echo *outer)
{
	*outer = (struct echo){ .host = outside, .peer = inner->peer, .id = inner->id };
	for (int i = 0; i < 8; i++) {
		if (!bpf_map_update_elem(&echoes_in, outer, inner, BPF_NOEXIST))
			return !bpf_map_update_elem(&echoes_out, inner, outer, BPF_ANY);
		outer->id = bpf_get_prandom_u32();
	}
	return false;
}

/* An echo's identifier and one address are replaced. */
static __always_inline int rewrite_echo(const struct lana_pkt *pkt, const struct lana_ip *ip,
					__be32 saddr, __be32 daddr, __be16 was, __be16 is)
{
	__u64 difference = 0;

	if (!set_addresses(pkt, ETH_HLEN, saddr, daddr, &difference) ||
	    lana_amend_transport(pkt, ip->transport + 2, lana_difference(&was, &is, sizeof(is)),
				 0) ||
	    lana_store(pkt, ip->transport + offsetof(struct icmp, id), &is, sizeof(is)))
		return -LANA_DROP_SHORT;
	return NAT_NEXT;
}

static __always_inline int translate_echo(const struct lana_pkt *pkt, const struct lana_ip *ip,
					  const struct nat_config *config,
					  struct nat_counters *counters, const struct ends *from,
					  const struct icmp *icmp)
{
	struct echo key = { .id = icmp->id }, *known, outer;

	if (icmp->type == ECHO && is_inside(config, from->saddr) &&
	    !is_inside(config, from->daddr) && from->daddr != config->outside.word) {
		key.host = from->saddr;
		key.peer = from->daddr;
		known = bpf_map_lookup_elem(&echoes_out, &key);
		if (known) {
			outer = *known;
			/* The way back may have been the oldest. */
			bpf_map_update_elem(&echoes_in, &outer, &key, BPF_ANY);
		} else if (begin_echo(&key, config->outside.word, &outer)) {
			counters->begun++;
		} else {
			counters->failed++;
			return -LANA_DROP_NO_MEMORY;
		}
		counters->translated++;
		return rewrite_echo(pkt, ip, outer.host, from->daddr, icmp->id, outer.id);
	}
	if (icmp->type != ECHO_REPLY || from->daddr != config->outside.word)
		return from->daddr == config->outside.word ? NAT_OTHER : NAT_NEXT;
	key.host = from->daddr;
	key.peer = from->saddr;
	known = bpf_map_lookup_elem(&echoes_in, &key);
	if (!known)
		return NAT_OTHER;
	counters->translated++;
	return rewrite_echo(pkt, ip, from->saddr, known->host, icmp->id, known->id);
}

/*
 * What an error quotes: a packet that went the other way, as it is on this side. Turned round it is
 * one of the error's direction, for which the translation is known.
 */
struct quote {
	struct iphdr ip;
	struct ends ends;
	__u32 transport; /* offset of what its header carries */
	__be16 id;	 /* of an echo */
	__u8 type;
};

static __always_inline bool read_quote(const struct lana_pkt *pkt, const struct lana_ip *ip,
				       struct quote *quote)
{
	__u32 offset = ip->transport + sizeof(struct icmp);
	struct icmp icmp;

	if (lana_load(pkt, offset, &quote->ip, sizeof(quote->ip)) || quote->ip.version != 4 ||
	    quote->ip.frag_off & bpf_htons(LANA_IPV4_LATER))
		return false;
	quote->transport = offset + quote->ip.ihl * 4;
	quote->ends.saddr = quote->ip.saddr;
	quote->ends.daddr = quote->ip.daddr;
	if (quote->ip.protocol == IPPROTO_ICMP) {
		if (lana_load(pkt, quote->transport, &icmp, sizeof(icmp)))
			return false;
		quote->id = icmp.id;
		quote->type = icmp.type;
		return icmp.type == ECHO || icmp.type == ECHO_REPLY;
	}
	return lana_ct_knows(quote->ip.protocol) &&
	       !lana_load(pkt, quote->transport, &quote->ends.sport, 4);
}

/* Replace bytes of the packet, and what the ICMP checksum has to take account of. */
static __always_inline bool replace(const struct lana_pkt *pkt, __u32 offset, const void *was,
				    const void *is, __u32 size, __u64 *difference)
{
	*difference += lana_difference(was, is, size);
	return !lana_store(pkt, offset, is, size);
}

/* Write the quoted packet as it is on the other side. is: its ends there; of an echo, its id. */
static __always_inline bool rewrite_quote(const struct lana_pkt *pkt, const struct lana_ip *ip,
					  const struct quote *quote, const struct ends *is,
					  __be16 id)
{
	__u32 offset = ip->transport + sizeof(struct icmp);
	bool is_echo = quote->ip.protocol == IPPROTO_ICMP;
	__be32 addresses[2] = { is->saddr, is->daddr };
	__u16 check = quote->ip.check;
	__u64 difference = 0;
	bool good;

	lana_amend(&check, lana_difference(&quote->ip.saddr, addresses, sizeof(addresses)));
	good = replace(pkt, offset + offsetof(struct iphdr, check), &quote->ip.check, &check,
		       sizeof(check), &difference) &&
	       replace(pkt, offset + offsetof(struct iphdr, saddr), &quote->ip.saddr, addresses,
		       sizeof(addresses), &difference);
	if (is_echo)
		good = good && replace(pkt, quote->transport + offsetof(struct icmp, id),
				       &quote->id, &id, sizeof(id), &difference);
	else
		good = good && replace(pkt, quote->transport, &quote->ends.sport, &is->sport, 4,
				       &difference);
	return good && !lana_amend_transport(pkt, ip->transport + 2, difference, 0);
}

/* What was asked from inside, and its id there; false: nobody knows of it. */
static __always_inline bool find_quoted_echo(const struct quote *quote, struct ends *is, __be16 *id)
{
	struct echo key = { .id = quote->id }, *known;

	if (quote->type == ECHO) {
		key.host = quote->ends.saddr;
		key.peer = quote->ends.daddr;
		known = bpf_map_lookup_elem(&echoes_in, &key);
	} else {
		key.host = quote->ends.daddr;
		key.peer = quote->ends.saddr;
		known = bpf_map_lookup_elem(&echoes_out, &key);
	}
	if (!known)
		return false;
	is->saddr = quote->type == ECHO ? known->host : quote->ends.saddr;
	is->daddr = quote->type == ECHO ? quote->ends.daddr : known->host;
	*id = known->id;
	return true;
}

static __always_inline int translate_error(const struct lana_pkt *pkt, const struct lana_ip *ip,
					   const struct nat_config *config,
					   struct nat_counters *counters, const struct ends *from)
{
	int stranger = from->daddr == config->outside.word ? NAT_OTHER : NAT_NEXT;
	struct quote quote = {};
	struct ends turned, is = {};
	__be32 saddr, daddr;
	__u64 difference;
	__be16 id = 0;

	if (!read_quote(pkt, ip, &quote))
		return stranger;
	if (quote.ip.protocol == IPPROTO_ICMP) {
		if (!find_quoted_echo(&quote, &is, &id))
			return stranger;
	} else {
		turned = reversed(&quote.ends);
		if (!find(pkt, quote.ip.protocol, &turned, false, 0, &is))
			return stranger;
		is = reversed(&is);
	}
	/* The sender may be a router on the way, whose address stays. */
	saddr = from->saddr == quote.ends.daddr ? is.daddr : from->saddr;
	daddr = from->daddr == quote.ends.saddr ? is.saddr : from->daddr;
	/* A router inside is not to be told of outside. */
	if (is_inside(config, saddr) && !is_inside(config, daddr))
		saddr = config->outside.word;
	if (!rewrite_quote(pkt, ip, &quote, &is, id) ||
	    !set_addresses(pkt, ETH_HLEN, saddr, daddr, &difference))
		return -LANA_DROP_SHORT;
	counters->errors++;
	return NAT_NEXT;
}

static __always_inline int translate_icmp(const struct lana_pkt *pkt, const struct lana_ip *ip,
					  const struct nat_config *config,
					  struct nat_counters *counters, const struct ends *from)
{
	struct icmp icmp;

	if (lana_load(pkt, ip->transport, &icmp, sizeof(icmp)))
		return -LANA_DROP_SHORT;
	if (lana_is_icmp_error(4, icmp.type))
		return translate_error(pkt, ip, config, counters, from);
	return translate_echo(pkt, ip, config, counters, from, &icmp);
}

/* --------------------------------------------------------------------------------------------- */

static __always_inline int nat_process(struct lana_pkt *pkt, const struct nat_config *config,
				       struct nat_counters *counters)
{
	struct iphdr *header = lana_ipv4(pkt);
	struct ends from = {};
	struct lana_ip ip = {};
	bool concerned;
	int err;

	if (!header)
		return NAT_NEXT;
	from.saddr = header->saddr;
	from.daddr = header->daddr;
	concerned = from.daddr == config->outside.word || from.saddr == config->outside.word ||
		    is_inside(config, from.saddr) != is_inside(config, from.daddr);
	if (!concerned)
		return NAT_NEXT;
	err = lana_find_ipv4(pkt, ETH_HLEN, &ip);
	if (err)
		return err;
	if (ip.fragment)
		return NAT_OTHER;
	if (lana_ct_knows(ip.protocol))
		return translate(pkt, &ip, config, counters, &from);
	if (ip.protocol == IPPROTO_ICMP)
		return translate_icmp(pkt, &ip, config, counters, &from);
	return NAT_OTHER;
}

LANA_BLOCK(nat);
