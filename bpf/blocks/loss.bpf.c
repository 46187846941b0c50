// SPDX-License-Identifier: GPL-2.0-only
/*
 * loss - lose packets at random, each on its own
 *
 * With a seed, the fate of a path's first, second, … packet is always the same, whatever else the
 * machine does. (With several CPUs at work at once, which packet is the n-th is up to them.)
 * Changing options goes on with the next number; "replace … drop-state" begins again.
 *
 * in          anything
 * out next    the packet, unchanged; lost ones are dropped ("policy")
 * config      ppm=0..1000000: how many packets in a million are lost
 *             ppb=0..1000000000: in a billion, in addition
 *             seed=0..2^64-1: which ones (0: others each time)
 * counters    lost: packets
 * state       loss_packets: that came, on each path
 * see also    corrupt, duplicate, limit
 */
#include <lana/block.h>
#include <lana/chance.h>

struct loss_config {
	__u32 ppm LANA_RANGE(0, 1000000);
	__u32 ppb LANA_RANGE(0, 1000000000);
	__u64 seed;
};

struct loss_counters {
	__u64 lost;
};

enum loss_port { LOSS_NEXT };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LANA_PATHS);
	__type(key, __u32);
	__type(value, struct lana_chance_path);
} loss_packets SEC(".maps");

static __always_inline int loss_process(struct lana_pkt *pkt, const struct loss_config *config,
					struct loss_counters *counters)
{
	__u64 chance = config->ppm * 1000ULL + config->ppb;

	if (!lana_happens(pkt, &loss_packets, LANA_STREAM_LOSS, config->seed, chance))
		return LOSS_NEXT;
	counters->lost++;
	return -LANA_DROP_POLICY;
}

LANA_BLOCK(loss);
