// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>

#include "link.h"

static __u64 draw(const struct fate *fate, __u32 stream, __u64 n)
{
	return lana_fate_draw(&fate->state, fate->seed, stream, n);
}

/* The number of the packet at hand among those that were not lost on the way. */
static __u64 number_of_spared(const struct fate *fate)
{
	return fate->state.packets - fate->state.gone;
}

static void flip(struct engine_packet *packet, __u64 bit)
{
	if (packet->bytes)
		((__u8 *)packet->bytes)[bit / 8] ^= 0x80 >> bit % 8;
}

/* How many bits of the packet are hit? */
static __u32 hit_bits(struct fate *fate, const struct link_config *config,
		      struct engine_packet *packet)
{
	__u64 bit = 8ULL * config->ber_skip, end = 8ULL * packet->length, gap;
	__u32 hits = 0;

	while (hits < LANA_FATE_HITS_MAX && bit < end) {
		gap = lana_fate_hit(&fate->state, fate->seed, end - bit);
		if (gap == LANA_FATE_SPARED)
			break;
		bit += gap;
		if (config->ber_mode == LINK_BER_FLIP)
			flip(packet, bit);
		bit++;
		hits++;
	}
	return hits;
}

/* ---- all of it ------------------------------------------------------------------------------ */

enum engine_drop fate_decide(struct engine_link *link, struct engine_packet *packet)
{
	const struct link_config *config = &link->config;
	struct fate *fate = &link->fate;
	__u64 n = fate->state.packets;
	bool lost = false;
	__u32 hits;

	if (config->loss)
		lost = lana_random_happens(draw(fate, LANA_STREAM_LOSS, n) >> 32, config->loss);
	if (config->ge_p || config->ge_good)
		lost |= lana_fate_bursts(&fate->state, fate->seed, n, config->ge_p, config->ge_r,
					 config->ge_bad, config->ge_good);
	if (lost) {
		fate->state.gone++;
		link->counters.lost++;
		return ENGINE_LOST;
	}
	if (config->ber && (hits = hit_bits(fate, config, packet))) {
		link->counters.corrupted++;
		if (config->ber_mode == LINK_BER_DROP) {
			link->counters.corrupt_dropped++;
			fate->state.gone++;
			return ENGINE_CORRUPTED;
		}
		packet->flipped = hits;
	}
	if (config->duplicate &&
	    lana_random_happens(draw(fate, LANA_STREAM_DUPLICATE, number_of_spared(fate)) >> 32,
				config->duplicate)) {
		packet->copies = 2;
		link->counters.duplicated++;
	}
	return ENGINE_NOT_DROPPED;
}

/* ---- delay ---------------------------------------------------------------------------------- */

static __s64 draw_jitter(struct engine_link *link, __u64 spared)
{
	struct fate *fate = &link->fate;
	__u32 number = draw(fate, LANA_STREAM_JITTER, spared) >> 32;
	__s64 jitter = link->config.jitter;

	if (fate->correlation) {
		/* The first one depends on none. */
		number = jitter_correlate(&link->engine->tables, &fate->correlated, number,
					  fate->follows ? fate->correlation : 0,
					  fate->follows ? fate->rest : 1 << 16);
		fate->follows = true;
	}
	if (!fate->table)
		return ((__s64)number - (1LL << 31)) * (__int128)jitter >> 31;
	return (__int128)jitter * jitter_value(fate->table, number) >> JITTER_ONE;
}

__u64 fate_delay(struct engine_link *link, bool *held_back)
{
	const struct link_config *config = &link->config;
	struct fate *fate = &link->fate;
	__u64 spared = number_of_spared(fate);
	__s64 delay = config->delay;

	*held_back = false;
	if (config->jitter)
		delay += draw_jitter(link, spared);
	if (delay < 0)
		delay = 0;
	if (config->reorder &&
	    lana_random_happens(draw(fate, LANA_STREAM_REORDER, spared) >> 32, config->reorder)) {
		*held_back = true;
		delay += config->reorder_by;
	}
	return delay;
}

__u64 fate_delay_min(const struct engine_link *link)
{
	const struct jitter_table *table = link->fate.table;
	__s64 jitter = link->config.jitter, least = link->config.delay;

	least += table ? (__int128)jitter * table->low[0] >> JITTER_ONE : -jitter;
	return least < 0 ? 0 : least;
}

/* ---- settings ------------------------------------------------------------------------------- */

static const struct jitter_table *choose(const struct fate *fate, const struct link_config *config,
					 const struct jitter_tables *tables)
{
	if (fate->own_table)
		return fate->own_table;
	switch (config->distribution) {
	case LINK_NORMAL:
		return &tables->normal;
	case LINK_PARETO:
		return &tables->pareto;
	case LINK_UNIFORM:
		break;
	}
	return NULL;
}

void fate_configure(struct fate *fate, const struct link_config *config,
		    const struct jitter_tables *tables, const struct jitter_table *table)
{
	double correlation = (double)config->correlation / LANA_CERTAIN;

	fate->lossy =
		config->loss || config->ge_p || config->ge_good || config->ber || config->duplicate;
	fate->uneven = config->jitter || config->reorder;
	fate->seed = config->seed ?: fate->state.seed;
	if (table)
		fate->own_table = table;
	fate->table = choose(fate, config, tables);
	fate->correlation = lrint(ldexp(correlation, 16));
	fate->rest = lrint(ldexp(sqrt(1 - correlation * correlation), 16));
	lana_fate_set_ber(&fate->state, fate->seed, config->ber);
}
