// SPDX-License-Identifier: GPL-2.0-only
/*
 * mirror - send copies of packets to a second port, as the mirror port of a switch does
 *
 * Other than with tee, whose ports are equal, the two are not. The packet itself goes on by next,
 * whatever becomes of the copy: as it came, even if it cannot be copied (booked as a drop with the
 * reason "no_copy", its copy's), or if the mirror port leads nowhere. The copy is for onlookers: it
 * is made before the packet goes on, and only of what they want to see. A filter picks packets
 * (docs/filter.md), one_in samples what it has picked; behind the port snap can cut copies short.
 *
 * Nothing is copied where all that the mirror port leads to only reads and all packets end there.
 * Otherwise the copy is a clone at tc. XDP sends it and the packet itself through devices of lana's
 * own: frames of several buffers or more than 3,456 bytes cannot take that way, and of the others
 * those are lost, both, that find these devices' rings full (which count them). Generic XDP (hook
 * skb) cannot copy.
 *
 * in          anything
 * out next    the packet, unchanged
 * out mirror  a copy of it, if it is chosen
 * config      one of expr="tcp port 80": which packets are copied, in the words of pcap-filter(7);
 *             asm=FILE or code="...": see filter. (none: all)
 *             one_in=0..2^32-1: of these, only each so many-th (0: each)
 * counters    mirrored: packets that a copy was to be made of
 * state       mirror_packets: that were picked, on each path, if one_in is more than 1
 * see also    tee, snap, filter, duplicate; lanactl capture
 */
#include <lana/block.h>

struct mirror_config {
	struct lana_filter filter;
	__u32 one_in;
};

struct mirror_counters {
	__u64 mirrored;
};

enum mirror_port { MIRROR_NEXT, MIRROR_MIRROR };

struct mirror_path {
	__u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LANA_PATHS);
	__type(key, __u32);
	__type(value, struct mirror_path);
} mirror_packets SEC(".maps");

/* Is it the packet's turn, of those that the filter has picked? */
static __always_inline int is_sampled(const struct lana_pkt *pkt,
				      const struct mirror_config *config)
{
	__u32 number = lana_path(pkt);
	struct mirror_path *path;

	if (config->one_in <= 1)
		return 1;
	path = bpf_map_lookup_elem(&mirror_packets, &number);
	if (!path)
		return 0; /* cannot be */
	return !((__sync_fetch_and_add(&path->packets, 1) + 1) % config->one_in);
}

static __always_inline int mirror_process(struct lana_pkt *pkt, const struct mirror_config *config,
					  struct mirror_counters *counters)
{
	if (!(lana_bound(pkt) & 1U << MIRROR_MIRROR) || !lana_match(pkt) ||
	    !is_sampled(pkt, config))
		return MIRROR_NEXT;
	counters->mirrored++;
	return LANA_ALL;
}

LANA_MIRRORING_BLOCK(mirror);
