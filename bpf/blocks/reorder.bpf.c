// SPDX-License-Identifier: GPL-2.0-only
/*
 * reorder - put packets into order again that came by several paths
 *
 * sequence=tcp: each direction of a TCP connection over IPv4 is a flow, and its sequence numbers
 * are the order. sequence=header: all packets from one IPv4 address to another are one, by the
 * header that block sequence has put in, which stays. As long as packets come in order they leave
 * in the kernel. Once one is missing, those behind it wait in a worker, until it comes, or is known
 * to be lost, or their time is up. docs/reorder.md says what becomes of which packet.
 *
 * in          Ethernet; what has no such numbers (or has a VLAN tag, or, by tcp, is a fragment or a
 *             pure ACK) leaves at once
 * out next    the packet
 * config      dead=bypass|closed: what becomes of packets behind a missing one while no worker has
 *             the block
 *             sequence=tcp|header
 *             order=on|off: off: packets leave as they come
 *             timer=adapt|fixed|none: how long packets wait: as much as paths differ, and hold at
 *             most; hold; or a minute
 *             hold=TIME (0: 100ms)
 *             size=0..65535: packets that may wait of a flow (0: 2048)
 *             total=0..: and of all (0: 12288)
 *             mask=0..: by tcp, bits of the mark that tell by which path, 1 to 31, a packet came
 *             (0: the lowest five); a path of 0 is not known
 * counters    to_user, bypassed, closed, oversized: as of every block in user space
 *             gaps: times that a packet was missing in the kernel
 *             late: packets that came when others behind them had left
 *             restarts: numbers that were far from those before, where a flow began anew
 *             held: packets that waited; filled: times that the missing one came
 *             lost: it did not, as each path had brought a later one; timeouts: nor in time; full:
 *             there was no room to wait for it
 *             duplicates: packets dropped ("policy") as another with the same bytes was waiting, or
 *             had left (by header)
 *             path_lost: packets missing in the numbers of their path (by header)
 *             holding: packets that wait now; flows: those that a worker has
 * state       reorder_flows: what is expected of each flow, and which half has it
 *             reorder_offers: flows that the worker gives back
 *             by header: reorder_recents: which numbers have left; reorder_trips: what is expected
 *             of each path; reorder_none: nothing
 * see also    sequence, decap, mark, fanout, docs/reorder.md
 */
#include <stdbool.h>

#include <linux/in.h>
#include <linux/tcp.h>

#include <lana/ip.h>
#include <lana/sequence.h>
#include <lana/user.h>
#include <user/reorder.h>

#define TRIES 8 /* to swap a flow's turn, while other CPUs do */

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, REORDER_FLOWS);
	__type(key, struct reorder_key);
	__type(value, struct reorder_flow);
} reorder_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, REORDER_FLOWS);
	__type(key, struct reorder_key);
	__type(value, struct reorder_offer);
} reorder_offers SEC(".maps");

/* Packets with a header: what has left, and the next number of each path. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct reorder_key);
	__type(value, struct reorder_recent);
} reorder_recents SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct reorder_recent);
} reorder_none SEC(".maps");

struct trips {
	__u32 known;
	__u16 next[REORDER_PATHS];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct reorder_key);
	__type(value, struct trips);
} reorder_trips SEC(".maps");

#define TCP_FLAGS 13 /* offset of the byte, in the header */

/* False: it has no place in an order. */
static __always_inline bool find_tcp(const struct lana_pkt *pkt, struct reorder_key *key,
				     struct reorder_range *range)
{
	struct iphdr *header = lana_ipv4(pkt);
	struct tcphdr *tcp;
	struct lana_ip ip = {};
	__u32 size;

	if (!header || header->protocol != IPPROTO_TCP || lana_find_ipv4(pkt, ETH_HLEN, &ip) ||
	    ip.fragment || (pkt->flavour == LANA_TC && lana_skb(pkt)->vlan_present))
		return false;
	tcp = lana_at(pkt, ip.transport, sizeof(*tcp));
	if (!tcp)
		return false;
	size = tcp->doff * 4;
	if (size < sizeof(*tcp) || ip.transport + size > ip.end)
		return false;
	reorder_range_tcp(range, bpf_ntohl(tcp->seq), ip.end - ip.transport - size,
			  ((__u8 *)tcp)[TCP_FLAGS]);
	*(__u32 *)key->ports = *(__u32 *)&tcp->source;
	header = lana_ipv4(pkt);
	if (!header)
		return false;
	key->source = header->saddr;
	key->dest = header->daddr;
	return !range->empty;
}

static __always_inline bool find_header(const struct lana_pkt *pkt, struct reorder_key *key,
					struct reorder_range *range, __u16 *path_number)
{
	struct iphdr *ip = lana_header(pkt, ETH_HLEN, sizeof(*ip) + sizeof(struct lana_sequence));
	struct lana_sequence *header = (void *)(ip + 1);

	if (!ip || ip->protocol != LANA_SEQUENCE_PROTOCOL || ip->version != 4 || ip->ihl != 5 ||
	    (pkt->flavour == LANA_TC && lana_skb(pkt)->vlan_present))
		return false;
	key->source = ip->saddr;
	key->dest = ip->daddr;
	reorder_range_header(range, bpf_ntohl(header->number), header->path);
	*path_number = bpf_ntohs(header->path_number);
	return lana_ipv4(pkt);
}

#define TRIPS_FAR 4096 /* further than that a path's numbers have begun anew */

/* What is missing in the numbers of a path is lost, as it keeps its order. */
static __always_inline void note_trip(const struct reorder_key *key, __u32 path, __u16 number,
				      struct reorder_counters *counters)
{
	struct trips *trips = bpf_map_lookup_elem(&reorder_trips, key), first = {};
	__s16 missing;

	path &= REORDER_PATHS - 1;
	if (!path)
		return;
	if (!trips) {
		bpf_map_update_elem(&reorder_trips, key, &first, BPF_NOEXIST);
		trips = bpf_map_lookup_elem(&reorder_trips, key);
		if (!trips)
			return;
	}
	missing = number - trips->next[path];
	if (missing > TRIPS_FAR || missing < -TRIPS_FAR)
		trips->known &= ~(1U << path);
	if (trips->known & 1U << path && missing > 0)
		counters->path_lost += missing;
	if (!(trips->known & 1U << path) || missing >= 0)
		trips->next[path] = number + 1;
	trips->known |= 1U << path;
}

static __always_inline struct reorder_recent *recent_of(const struct reorder_key *key)
{
	struct reorder_recent *recent = bpf_map_lookup_elem(&reorder_recents, key), *none;
	__u32 zero = 0;

	if (recent)
		return recent;
	none = bpf_map_lookup_elem(&reorder_none, &zero);
	if (none)
		bpf_map_update_elem(&reorder_recents, key, none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&reorder_recents, key);
}

/* ---- whose turn it is ----------------------------------------------------------------------- */

enum step { LEAVE, LEAVE_LATE, LEAVE_ANEW, WAIT, WAIT_FOR_NONE };

/* The worker has given the flow back, with all that went to it. */
static __always_inline void take_back(const struct reorder_key *key, struct reorder_turn *turn)
{
	struct reorder_offer *offer = bpf_map_lookup_elem(&reorder_offers, key);

	if (!offer || offer->turn.epoch != turn->epoch || offer->turn.count != turn->count)
		return;
	turn->expected = offer->turn.expected;
	turn->user = 0;
}

/* The kernel half has the flow. What becomes of the packet, and the flow's turn behind it. */
static __always_inline enum step pass(struct reorder_turn *turn, const struct reorder_range *range,
				      __u32 far, bool ordered)
{
	if (range->syn) {
		turn->expected = range->end;
		return LEAVE;
	}
	if (reorder_is_far(range->seq, turn->expected, far)) {
		turn->expected = range->end;
		return LEAVE_ANEW;
	}
	if (reorder_distance(range->seq, turn->expected) > 0 && ordered) {
		turn->user = 1;
		turn->epoch++;
		turn->count = 0;
		return WAIT;
	}
	if (range->end != range->seq && reorder_distance(range->end, turn->expected) <= 0)
		return LEAVE_LATE;
	if (reorder_distance(range->end, turn->expected) > 0)
		turn->expected = range->end;
	return LEAVE;
}

/* Paths that the flow takes. Where numbers go on to the next window, CPUs may overwrite one. */
static __always_inline void note_path(struct reorder_flow *flow, const struct reorder_range *range,
				      __u32 shift)
{
	__u32 bit = 1U << (range->path & (REORDER_PATHS - 1));

	if ((range->seq ^ range->end) >> shift) {
		flow->paths_before = flow->paths;
		flow->paths = bit;
	} else if (!(flow->paths & bit)) {
		__sync_fetch_and_or(&flow->paths, bit);
	}
}

/* Packets that the worker gets of this one. Not by gso_segs: a tap or virtio leaves it at 0. */
static __always_inline __u32 segments_of(const struct lana_pkt *pkt,
					 const struct reorder_range *range)
{
	__u32 size = pkt->flavour == LANA_TC ? lana_skb(pkt)->gso_size : 0;

	return size && range->length ? (range->length - 1) / size + 1 : 1;
}

static __always_inline enum step step(const struct lana_pkt *pkt, const struct reorder_key *key,
				      struct reorder_flow *flow, const struct reorder_range *range,
				      const struct reorder_config *config,
				      struct reorder_counters *counters)
{
	struct reorder_scale scale = reorder_scale(config->sequence);
	bool ordered = config->order == REORDER_ON;
	enum step step = LEAVE;

	note_path(flow, range, scale.shift);
	if (range->syn)
		flow->begun = bpf_ktime_get_ns();
#pragma clang loop unroll(disable)
	for (int i = 0; i < TRIES; i++) {
		struct reorder_turn before, turn;
		bool was_user;

		before.word = *(volatile __u64 *)&flow->turn;
		turn = before;
		if (turn.user)
			take_back(key, &turn);
		was_user = turn.user;
		step = was_user ? WAIT : pass(&turn, range, scale.far, ordered);
		if (step == WAIT && !lana_has_worker(pkt)) {
			/* What it held is lost. */
			turn.user = 0;
			pass(&turn, range, scale.far, false);
			step = WAIT_FOR_NONE;
		} else if (step == WAIT) {
			turn.count += segments_of(pkt, range);
		}
		if (turn.word == before.word ||
		    __sync_val_compare_and_swap(&flow->turn, before.word, turn.word) ==
			    before.word) {
			counters->gaps += step == WAIT && !was_user;
			return step;
		}
	}
	return step;
}

/* It leaves in the kernel: LEAVE or LEAVE_LATE. */
static __always_inline int leave(const struct reorder_key *key, const struct reorder_range *range,
				 enum step step, const struct reorder_config *config,
				 struct reorder_counters *counters)
{
	struct reorder_recent *recent;

	if (config->sequence == REORDER_HEADER) {
		recent = recent_of(key);
		if (recent && step == LEAVE_LATE && reorder_has_left(recent, range->seq)) {
			counters->duplicates++;
			return -LANA_DROP_POLICY;
		}
		if (recent)
			reorder_leaves(recent, range->seq);
	}
	counters->late += step == LEAVE_LATE;
	return REORDER_NEXT;
}

static __always_inline void begin(const struct reorder_key *key, const struct reorder_range *range)
{
	struct reorder_flow flow = { .turn = range->end,
				     .begun = bpf_ktime_get_ns(),
				     .paths = 1U << (range->path & (REORDER_PATHS - 1)) };

	bpf_map_update_elem(&reorder_flows, key, &flow, BPF_NOEXIST);
}

static __always_inline bool find(const struct lana_pkt *pkt, struct reorder_key *key,
				 struct reorder_range *range, const struct reorder_config *config,
				 struct reorder_counters *counters)
{
	__u16 path_number = 0;

	if (config->sequence == REORDER_TCP) {
		range->path = reorder_path(lana_mark(pkt), config->mask);
		return find_tcp(pkt, key, range);
	}
	if (!find_header(pkt, key, range, &path_number))
		return false;
	note_trip(key, range->path, path_number, counters);
	return true;
}

static __always_inline int reorder_process(struct lana_pkt *pkt,
					   const struct reorder_config *config,
					   struct reorder_counters *counters)
{
	struct reorder_range range = {};
	struct reorder_key key = {};
	struct reorder_flow *flow;
	enum step done = LEAVE;

	if (!find(pkt, &key, &range, config, counters))
		return REORDER_NEXT;
	flow = bpf_map_lookup_elem(&reorder_flows, &key);
	if (flow)
		done = step(pkt, &key, flow, &range, config, counters);
	else
		begin(&key, &range);
	if (done == WAIT || done == WAIT_FOR_NONE)
		return lana_to_user(pkt, config, counters);
	if (done == LEAVE_ANEW) {
		counters->restarts++;
		done = LEAVE;
	}
	return leave(&key, &range, done, config, counters);
}

LANA_USER_BLOCK(reorder);
