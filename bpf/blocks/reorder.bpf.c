// SPDX-License-Identifier: GPL-2.0-only
/*
 * reorder - put the packets of TCP connections into order again that came by several paths
 *
 * Each direction of a connection over IPv4 is a flow. As long as its packets come in order they
 * leave in the kernel. Once one is missing, those behind it wait in a worker, until it comes, or is
 * known to be lost, or their time is up. docs/reorder.md says what becomes of which packet.
 *
 * in          Ethernet; what is no TCP over IPv4 (or has a VLAN tag, or is a fragment) leaves at
 *             once, as do pure ACKs
 * out next    the packet
 * config      dead=bypass|closed: what becomes of packets behind a missing one while no worker has
 *             the block
 *             order=on|off: off: packets leave as they come
 *             timer=adapt|fixed|none: how long packets wait: as much as paths differ, and hold at
 *             most; hold; or a minute
 *             hold=TIME (0: 100ms)
 *             size=0..65535: packets that may wait of a flow (0: 2048)
 *             total=0..: and of all (0: 12288)
 *             mask=0..: bits of the mark that tell by which path, 1 to 31, a packet came (0: the
 *             lowest five); a path of 0 is not known
 * counters    to_user, bypassed, closed, oversized: as of every block in user space
 *             gaps: times that a packet was missing in the kernel
 *             late: packets that came when others behind them had left
 *             restarts: numbers that were far from those before, where a flow began anew
 *             held: packets that waited; filled: times that the missing one came
 *             lost: it did not, as each path had brought a later one; timeouts: nor in time; full:
 *             there was no room to wait for it
 *             duplicates: packets dropped ("policy") as another with the same bytes was waiting
 *             holding: packets that wait now; flows: those that a worker has
 * state       reorder_flows: what is expected of each flow, and which half has it
 *             reorder_offers: flows that the worker gives back
 * see also    decap, mark, fanout, docs/reorder.md
 */
#include <stdbool.h>

#include <linux/in.h>

#include <lana/ip.h>
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

struct tcp_start {
	__be16 ports[2];
	__be32 seq, ack;
	__u8 size; /* of the header, in the upper four bits: words */
	__u8 flags;
};

/* False: it has no place in an order. */
static __always_inline bool find_tcp(const struct lana_pkt *pkt, struct reorder_key *key,
				     struct reorder_range *range)
{
	struct iphdr *header = lana_ipv4(pkt);
	struct tcp_start *tcp;
	struct lana_ip ip = {};
	__u32 size;

	if (!header || header->protocol != IPPROTO_TCP || lana_find_ipv4(pkt, ETH_HLEN, &ip) ||
	    ip.fragment || (pkt->flavour == LANA_TC && lana_skb(pkt)->vlan_present))
		return false;
	tcp = lana_at(pkt, ip.transport, sizeof(*tcp));
	if (!tcp)
		return false;
	size = (tcp->size >> 4) * 4;
	if (size < 20 || ip.transport + size > ip.end)
		return false;
	reorder_range_tcp(range, bpf_ntohl(tcp->seq), ip.end - ip.transport - size, tcp->flags);
	*(__u32 *)key->ports = *(__u32 *)tcp->ports;
	header = lana_ipv4(pkt);
	if (!header)
		return false;
	key->source = header->saddr;
	key->dest = header->daddr;
	return !range->empty;
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
				      bool ordered)
{
	if (range->syn) {
		turn->expected = range->end;
		return LEAVE;
	}
	if (reorder_is_far(range->seq, turn->expected)) {
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

/* Paths that the flow takes. CPUs may overwrite what others note, until the next packet. */
static __always_inline void note_path(struct reorder_flow *flow, const struct reorder_range *range)
{
	__u32 bit = 1U << (range->path & (REORDER_PATHS - 1));

	if ((range->seq ^ range->end) >> REORDER_SHIFT) {
		flow->paths_before = flow->paths;
		flow->paths = bit;
	} else if (!(flow->paths & bit)) {
		flow->paths |= bit;
	}
}

/* Packets that the worker gets of this one. */
static __always_inline __u32 segments_of(const struct lana_pkt *pkt)
{
	return pkt->flavour == LANA_TC && lana_skb(pkt)->gso_segs ? lana_skb(pkt)->gso_segs : 1;
}

static __always_inline enum step step(const struct lana_pkt *pkt, const struct reorder_key *key,
				      struct reorder_flow *flow, const struct reorder_range *range,
				      bool ordered, struct reorder_counters *counters)
{
	enum step step = LEAVE;

	note_path(flow, range);
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
		step = was_user ? WAIT : pass(&turn, range, ordered);
		if (step == WAIT && !lana_has_worker(pkt)) {
			/* What it held is lost. */
			turn.user = 0;
			pass(&turn, range, false);
			step = WAIT_FOR_NONE;
		} else if (step == WAIT) {
			turn.count += segments_of(pkt);
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

static __always_inline int reorder_process(struct lana_pkt *pkt,
					   const struct reorder_config *config,
					   struct reorder_counters *counters)
{
	struct reorder_flow *flow, begun = {};
	struct reorder_range range = {};
	struct reorder_key key = {};

	if (!find_tcp(pkt, &key, &range))
		return REORDER_NEXT;
	range.path = reorder_path(lana_mark(pkt), config->mask);
	flow = bpf_map_lookup_elem(&reorder_flows, &key);
	if (!flow) {
		begun.turn = range.end;
		begun.begun = bpf_ktime_get_ns();
		begun.paths = 1U << (range.path & (REORDER_PATHS - 1));
		bpf_map_update_elem(&reorder_flows, &key, &begun, BPF_NOEXIST);
		return REORDER_NEXT;
	}
	switch (step(pkt, &key, flow, &range, config->order == REORDER_ON, counters)) {
	case WAIT:
	case WAIT_FOR_NONE:
		return lana_to_user(pkt, config, counters);
	case LEAVE_LATE:
		counters->late++;
		return REORDER_NEXT;
	case LEAVE_ANEW:
		counters->restarts++;
		return REORDER_NEXT;
	default:
		return REORDER_NEXT;
	}
}

LANA_USER_BLOCK(reorder);
