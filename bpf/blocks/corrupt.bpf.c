// SPDX-License-Identifier: GPL-2.0-only
/*
 * corrupt - turn bits over at random, as a poor line does
 *
 * Each bit is hit on its own, one in every, so a packet of n bits is hit with a chance of
 * 1 - (1 - 1/every)^n: long ones suffer more. Checksums are left wrong, on purpose. At tc the
 * kernel may have left a checksum to whoever receives the packet, or taken a device's word for it.
 * The device's word is taken back, so that the receiver looks; but an unfinished checksum would be
 * finished over the wrong bits, and nobody would see: such a packet is dropped ("policy").
 *
 * With a seed, always the same bits are hit, counted from the first packet of a path on. (With
 * several CPUs at work at once, the order of packets is up to them.)
 *
 * in          anything
 * out next    bits are turned, or not; mode=drop: no bit was hit, others are dropped ("policy")
 * config      every=0..2^57: bits, of which one is hit on average: 1 / bit error rate (0: none;
 *             exact to 1 % from 3 on, to 0.1 % from 10 on)
 *             skip=0..65535: bytes at the beginning of each packet that are not hit (14: the
 *             Ethernet header)
 *             mode=flip|drop: what becomes of packets that are hit
 *             seed=0..2^64-1: which bits (0: others each time)
 * counters    packets: hit; bits: turned, at most 32 a packet; unfinished: of packets, those
 *             dropped for their checksum
 * state       corrupt_paths: the bits until the next one that is hit, on each path
 * see also    loss, checksum
 */
#include <lana/checksum.h>
#include <lana/random.h>

enum corrupt_mode { flip, drop };

struct corrupt_config {
	__u64 every LANA_RANGE(0, 144115188075855872);
	__u64 seed;
	enum corrupt_mode mode;
	__u16 skip;
};

struct corrupt_counters {
	__u64 packets;
	__u64 bits;
	__u64 unfinished;
};

enum corrupt_port { CORRUPT_NEXT };

struct corrupt_path {
	struct bpf_spin_lock lock;
	__u64 every; /* the option that the gap was drawn by */
	__u64 gap;   /* bits that are spared before the next one is hit */
	__u64 draws; /* gaps that were drawn */
	__u64 seed;  /* in the place of an option that is 0 */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LANA_PATHS);
	__type(key, __u32);
	__type(value, struct corrupt_path);
} corrupt_paths SEC(".maps");

#define HITS_MAX 32
#define SPARED	 (~0ULL)

/* The next gap; under the lock. */
static __always_inline __u64 draw(struct corrupt_path *path, const struct corrupt_config *config,
				  __u32 number)
{
	__u64 seed = config->seed ?: path->seed;
	__u64 every = config->every < 1ULL << 57 ? config->every : 1ULL << 57;

	return lana_random_gap(lana_random(seed, LANA_STREAM_CORRUPT + number, path->draws++),
			       every);
}

static __always_inline void begin(struct corrupt_path *path, const struct corrupt_config *config,
				  __u32 number)
{
	__u64 seed = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();

	bpf_spin_lock(&path->lock);
	if (path->every != config->every) {
		path->every = config->every;
		path->seed = seed;
		path->gap = draw(path, config, number);
	}
	bpf_spin_unlock(&path->lock);
}

/* How many of the next bits are spared before one is hit; SPARED: all of them. */
static __always_inline __u64 find_hit(struct corrupt_path *path,
				      const struct corrupt_config *config, __u32 number, __u32 bits)
{
	__u64 gap;

	bpf_spin_lock(&path->lock);
	gap = path->gap;
	if (gap < bits) {
		path->gap = draw(path, config, number);
	} else {
		path->gap -= bits;
		gap = SPARED;
	}
	bpf_spin_unlock(&path->lock);
	return gap;
}

static __always_inline int turn(const struct lana_pkt *pkt, __u32 bit)
{
	__u8 byte;

	if (lana_load(pkt, bit / 8, &byte, sizeof(byte)))
		return -1;
	byte ^= 0x80 >> bit % 8;
	return lana_store(pkt, bit / 8, &byte, sizeof(byte));
}

static __always_inline int corrupt_process(struct lana_pkt *pkt,
					   const struct corrupt_config *config,
					   struct corrupt_counters *counters)
{
	__u32 bit = 8 * config->skip, end = 8 * lana_len(pkt), number = lana_path(pkt), hits;
	struct corrupt_path *path;
	__u64 gap;

	if (!config->every || bit >= end)
		return CORRUPT_NEXT;
	path = bpf_map_lookup_elem(&corrupt_paths, &number);
	if (!path)
		return CORRUPT_NEXT; /* cannot be */
	if (path->every != config->every)
		begin(path, config, number);

#pragma clang loop unroll(disable)
	for (hits = 0; hits < HITS_MAX && bit < end; hits++) {
		gap = find_hit(path, config, number, end - bit);
		if (gap == SPARED)
			break;
		if (!hits)
			counters->packets++;
		if (!hits && config->mode == flip && lana_is_unfinished(pkt)) {
			counters->unfinished++;
			return -LANA_DROP_POLICY;
		}
		bit += gap;
		if (config->mode == flip && turn(pkt, bit))
			return -LANA_DROP_NO_MEMORY;
		bit = lana_forget(bit + 1);
	}
	if (!hits)
		return CORRUPT_NEXT;
	if (config->mode == drop)
		return -LANA_DROP_POLICY;
	counters->bits += hits;
	if (pkt->flavour == LANA_TC)
		bpf_csum_level(lana_skb(pkt), BPF_CSUM_LEVEL_RESET);
	return CORRUPT_NEXT;
}

LANA_BLOCK(corrupt);
