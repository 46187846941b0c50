// SPDX-License-Identifier: GPL-2.0-only
/*
 * duplicate - send packets on twice, at random, each on its own
 *
 * With a seed, the fate of a path's first, second, … packet is always the same, whatever else the
 * machine does. (With several CPUs at work at once, which packet is the n-th is up to them.)
 * Changing options goes on with the next number; "replace … drop-state" begins again.
 *
 * Both leave by next, the duplicate first. It is no copy where all blocks behind this one only read
 * and all packets end there; 'lanactl show' tells how it is done. A packet that cannot be copied
 * goes on once, and is booked as a drop with the reason "no_copy" (its duplicate's): at XDP frames
 * of several buffers or more than 3,456 bytes. XDP sends both of a pair through devices of lana's
 * own, so packets behind may overtake them; at tc none does. Generic XDP (hook skb) cannot copy.
 *
 * in          anything
 * out next    the packet, unchanged, once or twice
 * config      ppm=0..1000000: how many packets in a million are doubled
 *             ppb=0..1000000000: in a billion, in addition
 *             seed=0..2^64-1: which ones (0: others each time)
 * counters    doubled: packets
 * state       duplicate_packets: that came, on each path
 * see also    loss, corrupt, mirror, tee
 */
#include <lana/block.h>
#include <lana/chance.h>

struct duplicate_config {
	__u32 ppm LANA_RANGE(0, 1000000);
	__u32 ppb LANA_RANGE(0, 1000000000);
	__u64 seed;
};

struct duplicate_counters {
	__u64 doubled;
};

enum duplicate_port { DUPLICATE_NEXT };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LANA_PATHS);
	__type(key, __u32);
	__type(value, struct lana_chance_path);
} duplicate_packets SEC(".maps");

static __always_inline int duplicate_process(struct lana_pkt *pkt,
					     const struct duplicate_config *config,
					     struct duplicate_counters *counters)
{
	__u64 chance = config->ppm * 1000ULL + config->ppb;

	if (!lana_happens(pkt, &duplicate_packets, LANA_STREAM_DUPLICATE, config->seed, chance))
		return DUPLICATE_NEXT;
	counters->doubled++;
	return LANA_ALL;
}

LANA_DOUBLING_BLOCK(duplicate);
