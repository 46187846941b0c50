// SPDX-License-Identifier: GPL-2.0-only
/*
 * link - one direction of a link: rate, queue, delay, jitter, loss, bit errors, duplicates
 *
 * What takes time (rate, delay, jitter, reorder) happens in a worker; without it all is done in the
 * kernel, and a link with no settings hands packets on. Both have the same fates by the same seed.
 * Where the kernel holds several packets as one (tc, GSO), that is one packet to loss, ber and
 * duplicate, unless it takes time. Options carry units (20ms, 10mbit, 1%); docs/link.md says what
 * each of them does. A block that is bound both ways is two links with the same settings.
 *
 * in          anything
 * out next    the packet, later, changed, twice, or not at all
 * config      dead=bypass|closed: what becomes of packets that take time while no worker has the
 *             block; rate=, overhead=, mpu=, delay=, jitter=, distribution=uniform|normal|pareto,
 *             correlation=, overtake=on|off, reorder=, reorder_by=, loss=, ge_p=, ge_r=, ge_bad=,
 *             ge_good=, ber=, ber_mode=drop|flip, ber_skip=, duplicate=,
 *             queue=fifo|fq|drr|red|codel, limit=, drop=tail|head, ecn=on|off, quantum=, target=,
 *             interval=, red_min=, red_max=, red_chance=, red_weight=, red_gentle=on|off, late=,
 *             seed=: 0 is the default of each
 * counters    to_user, bypassed, closed, oversized: as of every block in user space
 *             packets, bytes: arrived; sent, sent_bytes: left, duplicates not counted; late:
 *             later than their time and the option late; lost, corrupted, corrupt_dropped,
 *             duplicated, reordered, dropped_tail, dropped_head, dropped_red, dropped_codel,
 *             ecn_marked: packets; backlog, backlog_bytes, in_flight: now; no_room: packets dropped
 *             as the worker held as many as it can; unfinished: packets dropped as their checksum
 *             was not finished, and bits of them were to be turned over
 * state       the packets that it holds; link_fates: how far it is in its fates, on each path;
 *             link_status: which half has the packets, and what "lanactl link" shows
 * see also    loss, corrupt, duplicate, limit, hold, docs/link.md
 */
#include <lana/checksum.h>
#include <lana/link.h>
#include <lana/user.h>

struct link_place {
	struct bpf_spin_lock lock;
	struct lana_fates fates;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LANA_PATHS);
	__type(key, __u32);
	__type(value, struct link_place);
} link_fates SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LANA_PATHS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct link_status);
} link_status SEC(".maps");

/* ---- which half ----------------------------------------------------------------------------- */

/* Does the packet go to the worker? It does behind others that are still there, too. */
static __always_inline bool goes_to_user(const struct lana_pkt *pkt,
					 const struct link_config *config)
{
	__u32 path = lana_path(pkt);
	struct link_status *status = bpf_map_lookup_elem(&link_status, &path);

	if (!status)
		return false; /* cannot be */
	if (link_takes_time(config)) {
		if (!(status->turn & LINK_IN_USER))
			__sync_fetch_and_or(&status->turn, LINK_IN_USER);
		__sync_fetch_and_add(&status->turn, 1);
		return true;
	}
	if (!(status->turn & LINK_IN_USER))
		return false;
	if (!lana_has_worker(pkt)) {
		__sync_fetch_and_and(&status->turn, 0); /* what it held is lost */
		return false;
	}
	return __sync_fetch_and_add(&status->turn, 1) & LINK_IN_USER;
}

/* ---- fates ---------------------------------------------------------------------------------- */

/* Number the packet. Is it lost? */
static __always_inline bool is_lost(struct link_place *place, const struct link_config *config,
				    __u32 path, __u64 *number)
{
	__u64 seed = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32(), n;
	__u32 bad = config->ge_bad ? config->ge_bad : LANA_CERTAIN;
	struct lana_fates *fates = &place->fates;
	bool lost = false;

	bpf_spin_lock(&place->lock);
	fates->path = path;
	if (!fates->seed)
		fates->seed = seed;
	n = fates->packets++;
	if (config->loss)
		lost = lana_random_happens(
			lana_fate_draw(fates, config->seed, LANA_STREAM_LOSS, n) >> 32,
			config->loss);
	if (config->ge_p || config->ge_good)
		lost |= lana_fate_bursts(fates, config->seed, n, config->ge_p, config->ge_r, bad,
					 config->ge_good);
	fates->gone += lost;
	if (fates->ber != config->ber)
		lana_fate_set_ber(fates, config->seed, config->ber);
	bpf_spin_unlock(&place->lock);
	*number = n;
	return lost;
}

static __always_inline int turn_over(const struct lana_pkt *pkt, __u32 bit)
{
	__u8 byte;

	if (lana_load(pkt, bit / 8, &byte, sizeof(byte)))
		return -1;
	byte ^= 0x80 >> bit % 8;
	return lana_store(pkt, bit / 8, &byte, sizeof(byte));
}

static __always_inline __u64 find_hit(struct link_place *place, const struct link_config *config,
				      __u32 bits)
{
	__u64 gap;

	bpf_spin_lock(&place->lock);
	gap = lana_fate_hit(&place->fates, config->seed, bits);
	bpf_spin_unlock(&place->lock);
	return gap;
}

/* Bits that are hit; 0: the packet stays whole. Negative: it is dropped, for this reason. */
static __always_inline int hit(const struct lana_pkt *pkt, struct link_place *place,
			       const struct link_config *config, struct link_counters *counters)
{
	__u32 bit = 8 * config->ber_skip, end = 8 * lana_len(pkt), hits;
	__u64 gap;

#pragma clang loop unroll(disable)
	for (hits = 0; hits < LANA_FATE_HITS_MAX && bit < end; hits++) {
		gap = find_hit(place, config, end - bit);
		if (gap == LANA_FATE_SPARED)
			break;
		if (!hits && config->ber_mode == LINK_BER_FLIP && lana_is_unfinished(pkt)) {
			counters->unfinished++;
			return -LANA_DROP_POLICY;
		}
		bit += gap;
		if (config->ber_mode == LINK_BER_FLIP && turn_over(pkt, bit))
			return -LANA_DROP_NO_MEMORY;
		bit = lana_forget(bit + 1);
	}
	if (!hits)
		return 0;
	counters->corrupted++;
	if (config->ber_mode == LINK_BER_FLIP) {
		if (pkt->flavour == LANA_TC)
			bpf_csum_level(lana_skb(pkt), BPF_CSUM_LEVEL_RESET);
		return hits;
	}
	counters->corrupt_dropped++;
	bpf_spin_lock(&place->lock);
	place->fates.gone++;
	bpf_spin_unlock(&place->lock);
	return -LANA_DROP_POLICY;
}

static __always_inline bool is_doubled(struct link_place *place, const struct link_config *config,
				       __u64 n)
{
	__u64 draw;

	bpf_spin_lock(&place->lock);
	draw = lana_fate_draw(&place->fates, config->seed, LANA_STREAM_DUPLICATE,
			      n - place->fates.gone);
	bpf_spin_unlock(&place->lock);
	return lana_random_happens(draw >> 32, config->duplicate);
}

/* A port, LANA_ALL, or why it is dropped. */
static __always_inline int decide(struct lana_pkt *pkt, const struct link_config *config,
				  struct link_counters *counters)
{
	__u32 path = lana_path(pkt);
	struct link_place *place = bpf_map_lookup_elem(&link_fates, &path);
	__u64 n;
	int hits;

	if (!place)
		return -LANA_DROP_NO_MEMORY; /* cannot be */
	if (is_lost(place, config, path, &n)) {
		counters->lost++;
		return -LANA_DROP_POLICY;
	}
	hits = config->ber ? hit(pkt, place, config, counters) : 0;
	if (hits < 0)
		return hits;
	if (!config->duplicate || !is_doubled(place, config, n))
		return LINK_NEXT;
	counters->duplicated++;
	return LANA_ALL;
}

static __always_inline int link_process(struct lana_pkt *pkt, const struct link_config *config,
					struct link_counters *counters)
{
	__u32 length = lana_len(pkt);
	int verdict = LINK_NEXT;

	if (goes_to_user(pkt, config))
		return lana_to_user(pkt, config, counters);
	counters->packets++;
	counters->bytes += length;
	if (config->loss || config->ge_p || config->ge_good || config->ber || config->duplicate)
		verdict = decide(pkt, config, counters);
	if (verdict >= 0) {
		counters->sent++;
		counters->sent_bytes += length;
	}
	return verdict;
}

LANA_DOUBLING_USER_BLOCK(link);
