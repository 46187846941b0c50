// SPDX-License-Identifier: GPL-2.0-only
/*
 * fanout - send each packet on by all of up to 16 ports, or by one of them
 *
 * Only ports that lead somewhere count, as they are bound at that moment; if none does, the packet
 * is counted as unbound at port 0. Whose turn it is is kept on each CPU and path by itself.
 *
 * copy         by all ports; what one of the ways writes into the packet the others do not see, see
 *              tee
 * hash         all packets of a flow take the same port, those of its other direction too. A flow
 *              is told by the addresses, the protocol and the ports of TCP, UDP, UDP-Lite, DCCP and
 *              SCTP over IPv4 or IPv6, behind one VLAN tag at most. Fragments have no ports but
 *              the first, so all of them go by addresses and protocol alone. Of other packets the
 *              MAC addresses and the type count. Ports have flows in the shares that weights says;
 *              when one is bound or unbound, or its weight changes, only those flows move that
 *              come to it or have to leave it.
 * round-robin  one port after the other
 * weighted     in the shares that weights says: of as many packets as their sum over the bound
 *              ports each port gets its weight exactly, spread evenly. Counting begins anew when
 *              ports are bound or unbound or the sum changes.
 * first        the lowest port that is bound: the others stand by
 * earliest     the port by which the packet arrives first: its weight is a rate, in units of 100
 *              kbit/s, at which what was sent by it is on its way, one packet after the other, and
 *              then it takes as long as delays says. Kept for all CPUs together.
 *
 * in          anything
 * out 0       …
 * out 15
 * config      mode=copy|hash|round-robin|weighted|first|earliest
 *             weights=0..65535,…: of the ports from 0 on; those left out have 0, and get nothing in
 *             any mode but copy. None at all, or nothing but 0: each has 1
 *             delays=0..65535,…: of earliest, in units of 10 us, of the ports from 0 on
 *             down=0..65535: ports that get nothing for now, bit n for port n. Not of copy.
 *             Ports may be named that are not bound, here as in weights: that counts once they
 *             are. If none is left that is bound, up and has a weight, packets are drops, with the
 *             reason "policy"
 *             mark=0..4294967295: packets whose mark is this and 1 to 16 more leave by port 0 to
 *             15, in whatever mode, up or down. Its lowest 5 bits do not count (0: none do)
 * counters    none; copies that the kernel could not make are drops, with the reason "no_copy"
 * state       whose turn it is, by CPU and path; of earliest, until when each port is busy
 * see also    tee, ethertype
 */
#include <stdbool.h>

#include <linux/in.h>
#include <linux/ipv6.h>

#include <lana/block.h>

enum fanout_mode {
	FANOUT_COPY,
	FANOUT_HASH,
	FANOUT_ROUND_ROBIN,
	FANOUT_WEIGHTED,
	FANOUT_FIRST,
	FANOUT_EARLIEST,
};

struct fanout_config {
	enum fanout_mode mode;
	__u32 mark;
	__u16 delays[LANA_PORTS_MAX];
	__u16 weights[LANA_PORTS_MAX];
	__u16 down;
};

struct fanout_counters {
};

enum fanout_port {
	FANOUT_0,
	FANOUT_1,
	FANOUT_2,
	FANOUT_3,
	FANOUT_4,
	FANOUT_5,
	FANOUT_6,
	FANOUT_7,
	FANOUT_8,
	FANOUT_9,
	FANOUT_10,
	FANOUT_11,
	FANOUT_12,
	FANOUT_13,
	FANOUT_14,
	FANOUT_15,
};

/* Whose turn it is. */
struct fanout_turn {
	__u32 last;		       /* port that had the last packet, of round-robin */
	__u32 bound, sum;	       /* of weighted: what the credits are reckoned for */
	__s32 credits[LANA_PORTS_MAX]; /* what a port has too little, in packets × sum */
};

/* Until when what was sent by each port is under way to the narrow place, of earliest. */
struct fanout_busy {
	__u64 until[LANA_PORTS_MAX]; /* ns */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LANA_PATHS);
	__type(key, __u32);
	__type(value, struct fanout_turn);
} fanout_turns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LANA_PATHS);
	__type(key, __u32);
	__type(value, struct fanout_busy);
} fanout_ways SEC(".maps");

/* The lowest bit that is set, of 16. */
static __always_inline int lowest(__u32 bits)
{
	int bit = 0;

	for (int half = LANA_PORTS_MAX / 2; half; half /= 2)
		if (!(bits & ((1U << half) - 1))) {
			bits >>= half;
			bit += half;
		}
	return bit;
}

/* ---- hash ------------------------------------------------------------------------------ */

/* Clang 14 would go on with the packet's end as it has loaded it before, cut to 32 bits. */
static __always_inline void *header(const struct lana_pkt *pkt, __u32 offset, __u32 size)
{
	barrier();
	return lana_header(pkt, offset, size);
}

/* Each bit of the result depends on each bit of x: the last steps of MurmurHash3. */
static __always_inline __u32 mix(__u32 x)
{
	x ^= x >> 16;
	x *= 0x85ebca6b;
	x ^= x >> 13;
	x *= 0xc2b2ae35;
	return x ^ x >> 16;
}

static __always_inline bool has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
	       protocol == IPPROTO_DCCP || protocol == IPPROTO_SCTP;
}

/* Sums do not tell which end is the sender's. */
static __always_inline __u32 sum_ends(__u32 source, __u32 dest, const __be16 *ports)
{
	if (ports) {
		source ^= ports[0] * 0x9e3779b9;
		dest ^= ports[1] * 0x9e3779b9;
	}
	return mix(source) + mix(dest);
}

/* The ports behind an IPv4 header; options are so rare that their length need not be fast. */
static __always_inline const __be16 *ports_behind(const struct lana_pkt *pkt, __u32 offset,
						  __u32 ihl, __be16 room[2])
{
	__u32 size = 2 * sizeof(*room);

	if (ihl == 5)
		return header(pkt, offset + sizeof(struct iphdr), size);
	offset += ihl * 4;
	if (pkt->flavour == LANA_XDP ? bpf_xdp_load_bytes(lana_xdp(pkt), offset, room, size)
				     : bpf_skb_load_bytes(lana_skb(pkt), offset, room, size))
		return NULL;
	return room;
}

static __always_inline __u32 hash_ipv4(const struct lana_pkt *pkt, __u32 offset)
{
	struct iphdr *ip = header(pkt, offset, sizeof(*ip));
	const __be16 *ports = NULL;
	__u32 source, dest, ihl;
	__be16 room[2];
	__u8 protocol;
	bool whole;

	if (!ip)
		return 0;
	source = ip->saddr;
	dest = ip->daddr;
	protocol = ip->protocol;
	ihl = ip->ihl;
	whole = !(ip->frag_off & bpf_htons(0x3fff)); /* neither more to come nor an offset */
	if (whole && has_ports(protocol))
		ports = ports_behind(pkt, offset, ihl, room);
	return mix(sum_ends(source, dest, ports) + protocol);
}

static __always_inline __u32 fold_ipv6(const struct in6_addr *address)
{
	__u32 folded = 0;

	for (int i = 0; i < 4; i++)
		folded = mix(folded + address->in6_u.u6_addr32[i]);
	return folded;
}

static __always_inline __u32 hash_ipv6(const struct lana_pkt *pkt, __u32 offset)
{
	struct ipv6hdr *ip = header(pkt, offset, sizeof(*ip));
	__be16 *ports = NULL;
	__u32 source, dest;
	__u8 protocol;

	if (!ip)
		return 0;
	source = fold_ipv6(&ip->saddr);
	dest = fold_ipv6(&ip->daddr);
	protocol = ip->nexthdr;
	if (has_ports(protocol))
		ports = header(pkt, offset + sizeof(*ip), 2 * sizeof(*ports));
	return mix(sum_ends(source, dest, ports) + protocol);
}

static __always_inline __u32 hash_macs(const struct ethhdr *eth)
{
	const __be16 *dest = (void *)eth->h_dest, *source = (void *)eth->h_source;

	return mix(mix(source[0] ^ mix(source[1] ^ source[2] << 16)) +
		   mix(dest[0] ^ mix(dest[1] ^ dest[2] << 16)) + eth->h_proto);
}

static __always_inline __u32 hash_flow(const struct lana_pkt *pkt)
{
	struct ethhdr *eth = header(pkt, 0, sizeof(*eth));
	__be16 *tagged, type;
	__u32 macs;

	if (!eth)
		return 0;
	type = eth->h_proto;
	if (type == bpf_htons(ETH_P_IP))
		return hash_ipv4(pkt, sizeof(*eth));
	if (type == bpf_htons(ETH_P_IPV6))
		return hash_ipv6(pkt, sizeof(*eth));
	macs = hash_macs(eth);
	if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
		return macs;
	tagged = header(pkt, sizeof(*eth) + 2, sizeof(*tagged));
	type = tagged ? *tagged : 0;
	if (type == bpf_htons(ETH_P_IP))
		return hash_ipv4(pkt, sizeof(*eth) + 4);
	if (type == bpf_htons(ETH_P_IPV6))
		return hash_ipv6(pkt, sizeof(*eth) + 4);
	return macs;
}

/* The port that draws the highest number for the flow: Thaler and Ravishankar, 1998. */
static __always_inline int by_hash(__u32 flow, __u32 bound)
{
	__u32 highest = 0;
	int chosen = 0;

	for (__u32 port = 0; port < LANA_PORTS_MAX; port++) {
		__u32 number = mix(flow + (port + 1) * 0x9e3779b9) | 1;

		if (bound & 1U << port && number > highest) {
			highest = number;
			chosen = port;
		}
	}
	return chosen;
}

/* How many bits of x are set. */
static __always_inline __u32 count_bits(__u32 x)
{
	x -= x >> 1 & 0x55555555;
	x = (x & 0x33333333) + (x >> 2 & 0x33333333);
	return ((x + (x >> 4)) & 0x0f0f0f0f) * 0x01010101 >> 24;
}

/*
 * - log2(number / 2^32), in units of 2^-16, of a number other than 0; the polynomial is off by less
 * than 0.001. No branches, which the verifier would follow for each port's.
 */
static __always_inline __u64 log_of(__u32 number)
{
	__u32 below = number | number >> 1, zeros;
	__s64 rest, sum;

	below |= below >> 2;
	below |= below >> 4;
	below |= below >> 8;
	below |= below >> 16;
	zeros = 32 - count_bits(below);
	rest = (number << zeros << 1) >> 16; /* behind the first bit */
	sum = 10435;
	sum = -38147 + (sum * rest >> 16);
	sum = 93248 + (sum * rest >> 16);
	return (zeros + 1) * 65536ULL - (sum * rest >> 16);
}

/*
 * The same in shares: Schindelhauer and Schomaker, 2005. A port's number becomes the time of the
 * first event of a process of that rate; so equal weights choose as none do.
 */
static __always_inline int by_weighted_hash(__u32 flow, const struct fanout_config *config,
					    __u32 usable)
{
	__u64 first = ~0ULL;
	int chosen = 0;

	for (__u32 port = 0; port < LANA_PORTS_MAX; port++) {
		__u32 number = mix(flow + (port + 1) * 0x9e3779b9) | 1;
		__u64 time = (log_of(number) << 32) / (config->weights[port] ?: 1);

		if (usable & 1U << port && time < first) {
			first = time;
			chosen = port;
		}
	}
	return chosen;
}

/* ---- turns ----------------------------------------------------------------------------- */

static __always_inline int by_turn(struct fanout_turn *turn, __u32 bound)
{
	__u32 next = bound & (~1U << (turn->last & (LANA_PORTS_MAX - 1)));

	turn->last = lowest(next ?: bound);
	return turn->last;
}

static __always_inline bool has_weights(const struct fanout_config *config)
{
	__u16 all = 0;

	for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
		all |= config->weights[port];
	return all;
}

/*
 * Each port is given its weight with each packet, and the one that has most pays the sum for it:
 * the smooth weighted round-robin of nginx.
 */
static __always_inline int by_weight(struct fanout_turn *turn, const struct fanout_config *config,
				     __u32 bound)
{
	bool weighted = has_weights(config);
	int chosen = -LANA_DROP_POLICY;
	__s32 most = 0;
	__u32 sum = 0;

	for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
		if (bound & 1U << port)
			sum += weighted ? config->weights[port] : 1;
	if (turn->bound != bound || turn->sum != sum) {
		turn->bound = bound;
		turn->sum = sum;
		for (__u32 port = 0; port < LANA_PORTS_MAX; port++)
			turn->credits[port] = 0;
	}
	for (__u32 port = 0; port < LANA_PORTS_MAX; port++) {
		__s32 weight = weighted ? config->weights[port] : 1;

		if (!weight || !(bound & 1U << port))
			continue;
		turn->credits[port] += weight;
		if (chosen < 0 || turn->credits[port] > most) {
			most = turn->credits[port];
			chosen = port;
		}
	}
	if (chosen >= 0)
		turn->credits[chosen & (LANA_PORTS_MAX - 1)] -= sum;
	return chosen;
}

/* ---- arrival --------------------------------------------------------------------------- */

#define BUSY_MOST     200000000ULL /* ns: no way is thought to hold more */
#define BYTE_AT_RATE1 80000	   /* ns that a byte takes at 100 kbit/s */
#define DELAY_UNIT    10000ULL	   /* ns */

/* What is sent for long at more than all rates is lost somewhere: it holds nothing up. */
static __always_inline void forget(struct fanout_busy *busy, __u64 excess)
{
	for (__u32 port = 0; port < LANA_PORTS_MAX; port++) {
		__u64 until = busy->until[port];

		busy->until[port] = until > excess ? until - excess : 0;
	}
}

static __always_inline int by_arrival(const struct lana_pkt *pkt, struct fanout_busy *busy,
				      const struct fanout_config *config, __u32 usable)
{
	__u64 now = bpf_ktime_get_ns(), first = ~0ULL, until = 0;
	__u32 length = lana_len(pkt), chosen = 0;

	for (__u32 port = 0; port < LANA_PORTS_MAX; port++) {
		__u32 rate = config->weights[port] ?: 1;
		__u64 end;

		if (!(usable & 1U << port))
			continue;
		end = busy->until[port];
		end = (end > now ? end : now) + (__u64)length * BYTE_AT_RATE1 / rate;
		if (end + config->delays[port] * DELAY_UNIT < first) {
			first = end + config->delays[port] * DELAY_UNIT;
			until = end;
			chosen = port;
		}
	}
	/* CPUs that decide at one instant may miss each other's packet, which shifts it by one. */
	busy->until[chosen & (LANA_PORTS_MAX - 1)] = until;
	if (until > now + BUSY_MOST)
		forget(busy, until - now - BUSY_MOST);
	return chosen;
}

/* ---- which ports ----------------------------------------------------------------------- */

static __always_inline __u32 find_usable(const struct fanout_config *config, __u32 bound)
{
	__u32 usable = bound & ~(__u32)config->down;

	if (!has_weights(config))
		return usable;
	/* Without branches, which the verifier would follow in all their combinations. */
	for (__u32 port = 0; port < LANA_PORTS_MAX; port++) {
		__u32 weight = config->weights[port];

		asm volatile("" : "+r"(weight));
		usable &= ~((weight - 1) >> 31 << port);
	}
	return usable;
}

#define MARK_PORTS 31 /* bits of a mark that say a port: its number and 1 */

/* The port that the packet's mark says; -1: none. */
static __always_inline int by_mark(const struct lana_pkt *pkt, const struct fanout_config *config)
{
	__u32 mark, number;

	if (!(config->mark & ~MARK_PORTS))
		return -1;
	mark = lana_mark(pkt);
	number = mark & MARK_PORTS;
	if ((mark ^ config->mark) & ~MARK_PORTS || !number || number > LANA_PORTS_MAX)
		return -1;
	return number - 1;
}

static __always_inline int fanout_process(struct lana_pkt *pkt, const struct fanout_config *config,
					  struct fanout_counters *counters)
{
	__u32 bound = lana_bound(pkt), path = lana_path(pkt);
	struct fanout_turn *turn;
	struct fanout_busy *busy;
	int port;

	if (config->mode == FANOUT_COPY || config->mode > FANOUT_EARLIEST)
		return LANA_ALL;
	port = by_mark(pkt, config);
	if (port >= 0)
		return lana_port(port);
	if (!bound)
		return FANOUT_0;
	bound = find_usable(config, bound);
	if (!bound)
		return -LANA_DROP_POLICY;
	if (config->mode == FANOUT_FIRST)
		return lana_port(lowest(bound));
	if (config->mode == FANOUT_HASH) {
		__u32 flow = hash_flow(pkt);

		return lana_port(has_weights(config) ? by_weighted_hash(flow, config, bound)
						     : by_hash(flow, bound));
	}
	if (config->mode == FANOUT_EARLIEST) {
		busy = bpf_map_lookup_elem(&fanout_ways, &path);
		return lana_port(busy ? by_arrival(pkt, busy, config, bound) : lowest(bound));
	}

	turn = bpf_map_lookup_elem(&fanout_turns, &path);
	if (!turn)
		return lana_port(lowest(bound));
	if (config->mode == FANOUT_ROUND_ROBIN)
		return lana_port(by_turn(turn, bound));
	port = by_weight(turn, config, bound);
	return port < 0 ? -LANA_DROP_POLICY : lana_port(port);
}

LANA_COPYING_BLOCK(fanout);
