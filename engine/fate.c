// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>

#include <lana/random.h>

#include "link.h"

/* The first three are those of blocks loss, corrupt and duplicate. */
#define STREAM_LOSS	 0x6c6f7373
#define STREAM_CORRUPT	 0x63727074
#define STREAM_DUPLICATE 0x64757031
#define STREAM_GILBERT	 0x67696c62
#define STREAM_JITTER	 0x6a697474
#define STREAM_REORDER	 0x72656f72

#define EVERY_PART	 16 /* gaps are of a number in 2^-16ths */
#define HITS_MAX	 32 /* of a packet, as in block corrupt */

static __u64 draw(const struct fate *fate, __u32 stream, __u64 n)
{
	return lana_random(fate->seed, stream + fate->path, n);
}

/* The number of the packet at hand among those that were not lost on the way. */
static __u64 number_of_spared(const struct engine_link *link)
{
	return link->fate.packets - link->counters.lost - link->counters.corrupt_dropped;
}

/* ---- loss ----------------------------------------------------------------------------------- */

/*
 * Gilbert (1960) and Elliott (1963): a chain of two states, in which packets are lost with the
 * chance ge_good and ge_bad. After each packet it goes from good to bad with ge_p, back with ge_r.
 * So it is bad for a share of p / (p + r) of the time, for 1 / r packets on average.
 */
static bool gilbert_loses(struct fate *fate, const struct link_config *config)
{
	__u64 number = draw(fate, STREAM_GILBERT, fate->packets);
	bool lost = lana_random_happens(number >> 32, fate->bad ? config->ge_bad : config->ge_good);

	if (lana_random_happens((__u32)number, fate->bad ? config->ge_r : config->ge_p))
		fate->bad = !fate->bad;
	return lost;
}

/* ---- bit errors ----------------------------------------------------------------------------- */

/* As lana_random_gap(), and for numbers of bits that are not whole. */
static void draw_gap(struct fate *fate)
{
	__u64 e = lana_minus_log(draw(fate, STREAM_CORRUPT, fate->gaps++));

	fate->gap = e * (2 * fate->every - (1 << EVERY_PART)) >> (32 + 1 + EVERY_PART);
}

static void flip(struct engine_packet *packet, __u64 bit)
{
	if (packet->bytes)
		((__u8 *)packet->bytes)[bit / 8] ^= 0x80 >> bit % 8;
}

/*
 * How many bits of the packet are hit. Each is hit on its own, so what is drawn is how many are
 * spared in between: a packet of n bits stays whole with exactly (1 - ber)^n,
 * however small that or ber may be, and a whole packet costs one subtraction.
 */
static __u32 hit_bits(struct fate *fate, const struct link_config *config,
		      struct engine_packet *packet)
{
	__u64 bit = 8 * config->ber_skip, end = 8ULL * packet->length;
	__u32 hits = 0;

	if (bit >= end)
		return 0;
	while (hits < HITS_MAX && bit < end) {
		if (fate->gap >= end - bit) {
			fate->gap -= end - bit;
			break;
		}
		bit += fate->gap;
		if (config->ber_mode == LINK_BER_FLIP)
			flip(packet, bit);
		bit++;
		hits++;
		draw_gap(fate);
	}
	return hits;
}

/* ---- all of it ------------------------------------------------------------------------------ */

enum engine_drop fate_decide(struct engine_link *link, struct engine_packet *packet)
{
	const struct link_config *config = &link->config;
	struct fate *fate = &link->fate;
	bool lost = false;
	__u32 hits;

	if (config->loss)
		lost = lana_random_happens(draw(fate, STREAM_LOSS, fate->packets) >> 32,
					   config->loss);
	if (config->ge_p || config->ge_good)
		lost |= gilbert_loses(fate, config);
	if (lost) {
		link->counters.lost++;
		return ENGINE_LOST;
	}
	if (fate->every && (hits = hit_bits(fate, config, packet))) {
		link->counters.corrupted++;
		if (config->ber_mode == LINK_BER_DROP) {
			link->counters.corrupt_dropped++;
			return ENGINE_CORRUPTED;
		}
		packet->flipped = hits;
	}
	if (config->duplicate &&
	    lana_random_happens(draw(fate, STREAM_DUPLICATE, number_of_spared(link)) >> 32,
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
	__u32 number = draw(fate, STREAM_JITTER, spared) >> 32;
	__s64 jitter = link->config.jitter;

	if (fate->correlation)
		number = jitter_correlate(&link->engine->tables, &fate->correlated, number,
					  fate->correlation, fate->rest);
	if (!fate->table)
		return ((__s64)number - (1LL << 31)) * (__int128)jitter >> 31;
	return (__int128)jitter * jitter_value(fate->table, number) >> JITTER_ONE;
}

__u64 fate_delay(struct engine_link *link, bool *held_back)
{
	const struct link_config *config = &link->config;
	struct fate *fate = &link->fate;
	__u64 spared = number_of_spared(link);
	__s64 delay = config->delay;

	*held_back = false;
	if (config->jitter)
		delay += draw_jitter(link, spared);
	if (delay < 0)
		delay = 0;
	if (config->reorder &&
	    lana_random_happens(draw(fate, STREAM_REORDER, spared) >> 32, config->reorder)) {
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
	switch ((enum link_distribution)config->distribution) {
	case LINK_NORMAL:
		return &tables->normal;
	case LINK_PARETO:
		return &tables->pareto;
	case LINK_TABLE:
		return fate->own_table;
	case LINK_UNIFORM:
		break;
	}
	return NULL;
}

void fate_configure(struct fate *fate, const struct link_config *config,
		    const struct jitter_tables *tables, const struct jitter_table *table,
		    __u64 given_seed)
{
	double correlation = (double)config->correlation / LINK_CERTAIN;
	unsigned __int128 every = 0;

	if (config->ber)
		every = (((unsigned __int128)LINK_BIT << EVERY_PART) + config->ber / 2) /
			config->ber;
	fate->lossy =
		config->loss || config->ge_p || config->ge_good || config->ber || config->duplicate;
	fate->uneven = config->jitter || config->reorder;
	fate->seed = config->seed ?: given_seed;
	if (table)
		fate->own_table = table;
	fate->table = choose(fate, config, tables);
	fate->correlation = lrint(ldexp(correlation, 16));
	fate->rest = lrint(ldexp(sqrt(1 - correlation * correlation), 16));
	/* A gap that was drawn for another rate says nothing about this one. */
	if (fate->every != every) {
		fate->every = every;
		if (every)
			draw_gap(fate);
	}
}
