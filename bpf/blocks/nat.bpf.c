// SPDX-License-Identifier: GPL-2.0-only
/*
 * nat - let hosts behind one IPv4 address talk to the world, and the world to some of their ports
 *
 * What comes from inside to anywhere else leaves with an outside address, and a port that no other
 * connection to the same end has; what comes to an outside address goes to whom it belongs. Hosts
 * inside reach forwarded ports by the outside address, too, where what they send passes this block.
 * Errors (ICMP) about a translated packet are translated back, with the header that they quote.
 *
 * Both directions of a connection pass this block: at tc on both paths of the outer device, so that
 * the kernel routes with the inner addresses; or behind a route block, with devices as many as it
 * has (docs/firewall.md); or at XDP, where there is no egress, on the way from each device to the
 * kernel, and then outside must be no address that the kernel has itself. The table's file names
 * ports that lead inside, and the outside addresses by device, if there are several (0 to 7):
 *
 *	tcp 8080 to=10.0.0.5 port=80
 *	udp 53 to=10.0.0.6
 *	uplink 0 dev=wan0 address=192.0.2.1
 *	uplink 1 dev=wan1 address=198.51.100.1
 *
 * TCP and UDP are kept in the kernel's connection tracking, which also chooses ports; ICMP queries,
 * which the kernel does not offer to BPF, in maps of the block's own. Fragments follow the first.
 *
 * in          Ethernet; IPv4 is looked at, anything else leaves by next
 * out next    translated, or in no need of it
 * out other   unchanged: what is from inside and cannot be told apart behind one address, which is
 *             other protocols, and fragments before the first; TCP that is of no connection and
 *             begins none
 * out in      translated, to a host inside: for a route block; by next unless this is bound
 * out local   unchanged: what nobody inside expects at an outside address, and may be for the
 *             machine itself; by other unless this is bound. If in is bound, too: whatever else a
 *             route block has found no device for
 * config      outside=ADDRESS: whichever way packets leave, unless there are uplinks
 *             inside=ADDRESS inside_length=0..32: the prefix of the hosts inside
 *             table=FILE: forwarded ports (port 0: the same) and uplinks
 *             first_port, last_port=1..65535: ports of outside that are used (0: those that the
 *             kernel likes; one alone: from 1 on, or to 65535)
 *             tcp_new, tcp_established, tcp_closing, tcp_reset, udp_new, udp_established: timeouts
 *             in seconds, as conntrack has them
 * counters    begun: connections; failed: no port or no room for one; translated: packets
 *             errors: ICMP errors translated
 * state       ICMP queries: 16384 pairs of hosts; fragments: 4096 packets; the oldest make room.
 *             All else is the kernel's, of the device's network namespace, and outlasts the block
 * see also    conntrack, firewall, route, lana/translation.h
 *
 * A kernel that lacks the functions (before 6.1) translates ICMP queries alone. Ports of outside
 * that sockets of the machine itself use are not known: give them others, by first_port. There is
 * no NAT of IPv6.
 */
#include <lana/address.h>
#include <lana/route.h>
#include <lana/table.h>
#include <lana/translation.h>

struct nat_config {
	struct lana_table_file table;
	struct lana_ip4 outside;
	struct lana_ip4 inside;
	__u16 tcp_new;
	__u16 tcp_established;
	__u16 tcp_closing;
	__u16 tcp_reset;
	__u16 udp_new;
	__u16 udp_established;
	__u16 first_port LANA_UP_TO(last_port);
	__u16 last_port;
	__u8 inside_length LANA_RANGE(0, 32);
};

struct nat_counters {
	__u64 begun;
	__u64 failed;
	__u64 translated;
	__u64 errors;
};

enum nat_port { NAT_NEXT, NAT_OTHER, NAT_IN, NAT_LOCAL };

/* Where packets to a port of an outside address go. */
struct forward {
	struct lana_ip4 to LANA_REQUIRED;
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

/* The outside address of what leaves by a device. */
struct uplink {
	struct lana_device_ref dev LANA_REQUIRED;
	struct lana_ip4 address LANA_REQUIRED;
};

#define UPLINKS 8

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, UPLINKS);
	__type(key, __u32);
	__type(value, struct uplink);
} uplink LANA_TABLE;

/* A query's identifier stands for a port, on the side of whoever asks. */
struct query {
	__be32 host, peer;
	__be16 id;
	__u16 type;
};

struct queries {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct query);
	__type(value, struct query);
};

struct queries queries_out SEC(".maps"); /* from inside: what it becomes */
struct queries queries_in SEC(".maps");	 /* and back */

struct fragment {
	__be32 saddr, daddr;
	__be16 id;
	__u16 protocol;
};

/* What the first has become. */
struct whole {
	__be32 saddr, daddr;
	__u64 until; /* ns */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct fragment);
	__type(value, struct whole);
} fragments SEC(".maps");

#define FRAGMENT_NS 30000000000ULL /* as long as Linux waits for the others */

/* ---- which way a packet goes ---------------------------------------------------------------- */

struct way {
	bool concerned; /* it may have to be translated, or what it quotes */
	bool inwards;	/* to an outside address */
	__be32 outside; /* of what is from inside: with which it leaves; 0: it stays */
};

static __always_inline bool is_inside(const struct nat_config *config, __be32 address)
{
	__u32 length = config->inside_length > 32 ? 32 : config->inside_length;
	__u64 mask = 0xffffffffULL << (32 - length);

	return !((bpf_ntohl(address) ^ bpf_ntohl(config->inside.word)) & (__u32)mask);
}

/* The device by which the packet leaves: chosen by a route, or by the kernel, which is at it. */
static __always_inline __u32 device_of(const struct lana_pkt *pkt)
{
	__u32 slot = LANA_ROUTE_SLOT(lana_route(pkt));

	if (slot || pkt->flavour == LANA_XDP || lana_skb(pkt)->cb[LANA_CB_HOOK] != LANA_CB_EGRESS)
		return slot;
	return lana_slot_of(lana_skb(pkt)->ifindex);
}

static __always_inline void find_way(const struct lana_pkt *pkt, const struct nat_config *config,
				     const struct lana_ends *from, struct way *way)
{
	bool is_from_inside = is_inside(config, from->saddr);
	bool to_inside = is_inside(config, from->daddr);
	bool has_uplinks = false;
	__u32 slot;

	way->inwards = from->daddr == config->outside.word;
	if (config->table.name[0]) {
		slot = device_of(pkt);
		for (__u32 i = 0; i < UPLINKS; i++) {
			const struct uplink *up = bpf_map_lookup_elem(&uplink, &i);

			if (!up || !up->address.word)
				continue;
			has_uplinks = true;
			if (up->address.word == from->daddr)
				way->inwards = true;
			if (slot && up->dev.slot == slot)
				way->outside = up->address.word;
		}
	}
	if (!has_uplinks && is_from_inside != to_inside)
		way->outside = config->outside.word;
	way->concerned = way->inwards || way->outside || from->saddr == config->outside.word;
	if (way->inwards || !is_from_inside)
		way->outside = 0;
}

/* The port of what is not to be translated. Behind a route block, the machine's has no device. */
static __always_inline int pass_by(const struct lana_pkt *pkt)
{
	__u32 routed = 1 << NAT_IN | 1 << NAT_LOCAL;

	if ((lana_bound(pkt) & routed) == routed && !LANA_ROUTE_SLOT(lana_route(pkt)))
		return NAT_LOCAL;
	return NAT_NEXT;
}

/* The port of a packet that stays as it is. */
static __always_inline int unchanged(const struct lana_pkt *pkt, const struct way *way)
{
	if (way->inwards)
		return lana_bound(pkt) & 1 << NAT_LOCAL ? NAT_LOCAL : NAT_OTHER;
	return way->outside ? NAT_OTHER : pass_by(pkt);
}

/* And of one that was translated. */
static __always_inline int changed(const struct lana_pkt *pkt, const struct way *way)
{
	return way->inwards && lana_bound(pkt) & 1 << NAT_IN ? NAT_IN : NAT_NEXT;
}

/* ---- connections ---------------------------------------------------------------------------- */

static __always_inline struct lana_ct_times times_of(const struct nat_config *config)
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

static __always_inline const struct forward *find_forward(__u8 protocol, __be16 port)
{
	__u16 key = bpf_ntohs(port);

	if (protocol == IPPROTO_TCP)
		return bpf_map_lookup_elem(&tcp, &key);
	return bpf_map_lookup_elem(&udp, &key);
}

/* Begin the connection of a packet that has none. A port to leave by, or why it is dropped. */
static __always_inline int begin_for(const struct lana_pkt *pkt, const struct lana_ip *ip,
				     const struct nat_config *config, struct nat_counters *counters,
				     const struct way *way, const struct lana_ct_times *times,
				     const struct lana_ends *from, struct lana_ends *to)
{
	__u16 first = 0, last = 0;
	struct lana_change change = { .saddr = way->outside };
	const struct forward *forward;

	if (way->inwards) {
		forward = find_forward(ip->protocol, from->dport);
		if (!forward)
			return unchanged(pkt, way);
		change.daddr = forward->to.word;
		change.dport = forward->port ?: bpf_ntohs(from->dport);
		/* Answers have to come back this way (RFC 4787, section 6). */
		if (is_inside(config, from->saddr))
			change.saddr = from->daddr;
	} else if (!way->outside) {
		return NAT_NEXT;
	}
	if (lana_ct_missed(pkt, ip) == LANA_CT_INVALID)
		return unchanged(pkt, way);
	if (config->first_port || config->last_port) {
		first = config->first_port ?: 1;
		last = config->last_port ?: 65535;
	}
	if (!lana_nat_begin(pkt, ip->protocol, lana_ct_timeout(times, ip->protocol, 0, 0), first,
			    last, from, &change, to)) {
		counters->failed++;
		return -LANA_DROP_NO_MEMORY;
	}
	counters->begun++;
	return NAT_NEXT;
}

static __always_inline int translate(const struct lana_pkt *pkt, const struct lana_ip *ip,
				     const struct nat_config *config, struct nat_counters *counters,
				     const struct way *way, struct lana_ends *from)
{
	struct lana_ct_times times = times_of(config);
	struct lana_ends to;
	int port;

	if (lana_load(pkt, ip->transport, &from->sport, 4))
		return -LANA_DROP_SHORT;
	to = *from;
	if (!lana_nat_offered(pkt))
		return unchanged(pkt, way);
	if (!lana_nat_find(pkt, ip, from, &times, &to)) {
		port = begin_for(pkt, ip, config, counters, way, &times, from, &to);
		if (port != NAT_NEXT)
			return port;
	}
	if (lana_is_same(from, &to))
		return way->inwards ? unchanged(pkt, way) : pass_by(pkt);
	if (!lana_set_ends(pkt, ip, from, &to))
		return -LANA_DROP_SHORT;
	counters->translated++;
	return changed(pkt, way);
}

/* ---- ICMP ----------------------------------------------------------------------------------- */

/* Any identifier that nobody has towards that end; few are tried. */
static __always_inline bool begin_query(const struct query *inner, __be32 outside,
					struct query *outer)
{
	*outer = *inner;
	outer->host = outside;
	for (int i = 0; i < 8; i++) {
		if (!bpf_map_update_elem(&queries_in, outer, inner, BPF_NOEXIST))
			return !bpf_map_update_elem(&queries_out, inner, outer, BPF_ANY);
		outer->id = bpf_get_prandom_u32();
	}
	return false;
}

/*
 * See that answers find back: the way may have been the oldest, and gone, and what has become of
 * it since may be another host's.
 */
static __always_inline bool keep_way_back(const struct query *outer, const struct query *inner)
{
	const struct query *back = bpf_map_lookup_elem(&queries_in, outer);

	if (!back)
		return !bpf_map_update_elem(&queries_in, outer, inner, BPF_NOEXIST);
	return back->host == inner->host && back->id == inner->id;
}

static __always_inline int translate_query(const struct lana_pkt *pkt, const struct lana_ip *ip,
					   struct nat_counters *counters, const struct way *way,
					   const struct lana_ends *from,
					   const struct lana_query *query)
{
	struct query key = { .id = query->id, .type = lana_question_of(query->type) }, *known, to;

	if (way->outside && lana_is_question(query->type)) {
		key.host = from->saddr;
		key.peer = from->daddr;
		known = bpf_map_lookup_elem(&queries_out, &key);
		if (known)
			to = *known;
		if (known && keep_way_back(&to, &key)) {
			/* as before */
		} else if (begin_query(&key, way->outside, &to)) {
			counters->begun++;
		} else {
			counters->failed++;
			return -LANA_DROP_NO_MEMORY;
		}
		if (!lana_set_query(pkt, ip, to.host, from->daddr, query->id, to.id))
			return -LANA_DROP_SHORT;
	} else if (way->inwards && key.type && !lana_is_question(query->type)) {
		key.host = from->daddr;
		key.peer = from->saddr;
		known = bpf_map_lookup_elem(&queries_in, &key);
		if (!known)
			return unchanged(pkt, way);
		if (!lana_set_query(pkt, ip, from->saddr, known->host, query->id, known->id))
			return -LANA_DROP_SHORT;
	} else {
		return unchanged(pkt, way);
	}
	counters->translated++;
	return changed(pkt, way);
}

/* What was asked from inside, and its id there; false: nobody knows of it. */
static __always_inline bool find_quoted_query(const struct lana_quote *quote, struct lana_ends *is,
					      __be16 *id)
{
	struct query key = { .id = quote->id, .type = lana_question_of(quote->type) }, *known;
	bool asks = lana_is_question(quote->type);

	if (!key.type)
		return false;
	key.host = asks ? quote->ends.saddr : quote->ends.daddr;
	key.peer = asks ? quote->ends.daddr : quote->ends.saddr;
	known = asks ? bpf_map_lookup_elem(&queries_in, &key)
		     : bpf_map_lookup_elem(&queries_out, &key);
	if (!known)
		return false;
	is->saddr = asks ? known->host : quote->ends.saddr;
	is->daddr = asks ? quote->ends.daddr : known->host;
	*id = known->id;
	return true;
}

static __always_inline int translate_error(const struct lana_pkt *pkt, const struct lana_ip *ip,
					   struct nat_counters *counters, const struct way *way,
					   const struct lana_ends *from)
{
	struct lana_quote quote = {};
	struct lana_ends turned, is = {};
	__be32 saddr, daddr;
	__u64 difference;
	__be16 id = 0;

	if (!lana_read_quote(pkt, ip, &quote))
		return unchanged(pkt, way);
	if (quote.ip.protocol == IPPROTO_ICMP) {
		if (!find_quoted_query(&quote, &is, &id))
			return unchanged(pkt, way);
	} else {
		turned = lana_turned(&quote.ends);
		if (!lana_nat_find_quoted(pkt, quote.ip.protocol, &turned, &is))
			return unchanged(pkt, way);
		is = lana_turned(&is);
	}
	/* The sender may be a router on the way: its address stays, unless it is inside. */
	saddr = from->saddr == quote.ends.daddr || way->outside ? is.daddr : from->saddr;
	daddr = from->daddr == quote.ends.saddr ? is.saddr : from->daddr;
	if (!lana_set_quote(pkt, ip, &quote, &is, id) ||
	    !lana_set_addresses(pkt, saddr, daddr, &difference))
		return -LANA_DROP_SHORT;
	counters->errors++;
	return changed(pkt, way);
}

static __always_inline int translate_icmp(const struct lana_pkt *pkt, const struct lana_ip *ip,
					  struct nat_counters *counters, const struct way *way,
					  const struct lana_ends *from)
{
	struct lana_query query;

	if (lana_load(pkt, ip->transport, &query, sizeof(query)))
		return -LANA_DROP_SHORT;
	if (lana_is_icmp_error(4, query.type))
		return translate_error(pkt, ip, counters, way, from);
	return translate_query(pkt, ip, counters, way, from, &query);
}

/* ---- fragments ------------------------------------------------------------------------------ */

static __always_inline void remember(const struct lana_pkt *pkt, const struct fragment *key)
{
	struct iphdr *header = lana_ipv4(pkt);
	struct whole whole = { .until = bpf_ktime_get_ns() + FRAGMENT_NS };

	if (!header)
		return;
	whole.saddr = header->saddr;
	whole.daddr = header->daddr;
	bpf_map_update_elem(&fragments, key, &whole, BPF_ANY);
}

/* One without ports: to where the first has gone. */
static __always_inline int follow(const struct lana_pkt *pkt, const struct fragment *key,
				  struct nat_counters *counters, const struct way *way)
{
	const struct whole *whole = bpf_map_lookup_elem(&fragments, key);
	__u64 difference;

	if (!whole || whole->until < bpf_ktime_get_ns())
		return unchanged(pkt, way);
	if (!lana_set_addresses(pkt, whole->saddr, whole->daddr, &difference))
		return -LANA_DROP_SHORT;
	counters->translated++;
	return changed(pkt, way);
}

/* --------------------------------------------------------------------------------------------- */

static __always_inline int nat_process(struct lana_pkt *pkt, const struct nat_config *config,
				       struct nat_counters *counters)
{
	struct iphdr *header = lana_ipv4(pkt);
	struct fragment key = {};
	struct lana_ends from = {};
	struct lana_ip ip = {};
	struct way way = {};
	int port;

	if (!header)
		return pass_by(pkt);
	from.saddr = key.saddr = header->saddr;
	from.daddr = key.daddr = header->daddr;
	key.id = header->id;
	key.protocol = header->protocol;
	find_way(pkt, config, &from, &way);
	if (!way.concerned)
		return pass_by(pkt);
	port = lana_find_ipv4(pkt, ETH_HLEN, &ip);
	if (port)
		return port;
	if (ip.headless)
		return follow(pkt, &key, counters, &way);
	if (lana_ct_knows(ip.protocol))
		port = translate(pkt, &ip, config, counters, &way, &from);
	else if (ip.protocol == IPPROTO_ICMP)
		port = translate_icmp(pkt, &ip, counters, &way, &from);
	else
		return unchanged(pkt, &way);
	if (ip.fragment && (port == NAT_NEXT || port == NAT_IN))
		remember(pkt, &key);
	return port;
}

LANA_BLOCK(nat);
