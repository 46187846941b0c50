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
 * see also    corrupt, limit
 */
#include <lana/block.h>
#include <lana/random.h>

struct loss_config {
	__u32 ppm;
	__u32 ppb;
	__u64 seed;
};

struct loss_counters {
	__u64 lost;
};

enum loss_port { LOSS_NEXT };

struct loss_path {
	__u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LANA_PATHS);
	__type(key, __u32);
	__type(value, struct loss_path);
} loss_packets SEC(".maps");

#define STREAM	0x6c6f7373
#define BILLION 1000000000ULL

/* 32 bits; the packet is number n of its path. */
static __always_inline __u32 draw(const struct lana_pkt *pkt, const struct loss_config *config)
{
	__u32 number = lana_path(pkt);
	struct loss_path *path;

	if (!config->seed)
		return bpf_get_prandom_u32();
	path = bpf_map_lookup_elem(&loss_packets, &number);
	if (!path)
		return ~0U; /* cannot be */
	return lana_random(config->seed, STREAM + number,
			   __sync_fetch_and_add(&path->packets, 1)) >>
	       32;
}

static __always_inline int loss_process(struct lana_pkt *pkt, const struct loss_config *config,
					struct loss_counters *counters)
{
	__u64 chance = config->ppm * 1000ULL + config->ppb;

	if (!chance)
		return LOSS_NEXT;
	/* Which billionth of all that can be drawn it is, without a division. */
	if (draw(pkt, config) * BILLION >> 32 >= chance)
		return LOSS_NEXT;
	counters->lost++;
	return -LANA_DROP_POLICY;
}

LANA_BLOCK(loss);
