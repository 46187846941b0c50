// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "config.h"
#include "error.h"

#define MS 1000000U

static __u32 default_limit(const struct link_config *config)
{
	unsigned __int128 product = (unsigned __int128)config->rate * 2 * config->delay;

	product /= 8 * 1000000000ULL;
	if (product > LANA_LIMIT_MAX)
		product = LANA_LIMIT_MAX;
	return product > 20 * LINK_FULL_FRAME ? product : 20 * LINK_FULL_FRAME;
}

static __u32 part_of(__u32 limit, __u32 part)
{
	return LANA_LIMIT(LANA_LIMIT_MEASURE(limit), LANA_LIMIT_VALUE(limit) / part);
}

struct link_config link_config_effective(const struct link_config *config)
{
	struct link_config all = *config;

	all.limit = config->limit ?: default_limit(config);
	all.red_min = config->red_min ?: part_of(all.limit, 12);
	all.red_max = config->red_max ?: part_of(all.limit, 4);
	/* 10 %, which Floyd recommends since 1997; 1/512 is the 0.002 of 1993, section 6. */
	all.red_chance = config->red_chance ?: LANA_CERTAIN / 10;
	all.red_weight = config->red_weight ?: 9;
	all.quantum = config->quantum ?: LINK_FULL_FRAME; /* RFC 8290, section 5.2.4 */
	all.target = config->target ?: 5 * MS;		  /* RFC 8289, section 4.2 */
	all.interval = config->interval ?: 100 * MS;	  /* section 4.3 */
	all.ge_bad = config->ge_bad ?: LANA_CERTAIN;	  /* Gilbert's model in its simplest form */
	all.late = config->late ?: MS;
	return all;
}

struct link_config link_config_in_effect(const struct link_config *config)
{
	const struct link_config all = link_config_effective(config);
	enum link_queue queue = config->queue;
	struct link_config shown = *config;

	shown.late = all.late;
	if (config->ge_p)
		shown.ge_bad = all.ge_bad;
	if (!config->rate)
		return shown;
	shown.limit = all.limit;
	if (queue == LINK_RED) {
		shown.red_min = all.red_min;
		shown.red_max = all.red_max;
		shown.red_chance = all.red_chance;
		shown.red_weight = all.red_weight;
	}
	if (queue == LINK_DRR || queue == LINK_FQ)
		shown.quantum = all.quantum;
	if (queue == LINK_CODEL || queue == LINK_FQ) {
		shown.target = all.target;
		shown.interval = all.interval;
	}
	return shown;
}

static int check_red(const struct link_config *config, struct lana_error *error)
{
	const struct link_config all = link_config_effective(config);
	__u32 measure = LANA_LIMIT_MEASURE(all.limit);

	if (!config->red_min != !config->red_max)
		return engine_refuse(error, -EINVAL,
				     "red_min and red_max are set both, or none of them");
	if (LANA_LIMIT_MEASURE(all.red_min) != measure ||
	    LANA_LIMIT_MEASURE(all.red_max) != measure)
		return engine_refuse(error, -EINVAL,
				     "red_min, red_max and limit are not all in packets, or in "
				     "bytes, or in time%s",
				     config->limit ? "" : "; by default, limit is in bytes");
	if (all.red_min >= all.red_max)
		return engine_refuse(error, -EINVAL, "red_min is not less than red_max");
	if (all.red_max > all.limit && config->limit)
		return engine_refuse(error, -EINVAL, "red_max is more than limit");
	if (all.red_max > all.limit)
		return engine_refuse(error, -EINVAL,
				     "red_max is more than the limit, by default %ub here",
				     all.limit);
	return 0;
}

/*
 * What may be in a config, wherever it comes from: block "link" may have been one of another type,
 * with options of the same names, and these are not looked at again.
 */
static const struct range {
	const char *name;
	size_t offset, size;
	__u64 least, most; /* of what is not 0 */
} ranges[] = {
#define RANGE(setting, low, high)                                                               \
	{                                                                                       \
		.name = #setting, .offset = offsetof(struct link_config, setting),              \
		.size = sizeof(((struct link_config *)0)->setting), .least = low, .most = high, \
	}
#define CHANCE(setting)	    RANGE(setting, 1, LANA_CERTAIN)
#define TIME(setting)	    RANGE(setting, 1, 100000000000000)
#define WORD(setting, last) RANGE(setting, 0, last)
	RANGE(rate, 8, 1000000000000),
	RANGE(overhead, 1, 1024),
	RANGE(mpu, 1, 1024),
	TIME(delay),
	TIME(jitter),
	TIME(reorder_by),
	WORD(distribution, LINK_PARETO),
	RANGE(correlation, 1, LANA_CERTAIN / 100 * 99),
	CHANCE(reorder),
	CHANCE(loss),
	CHANCE(ge_p),
	CHANCE(ge_r),
	CHANCE(ge_bad),
	CHANCE(ge_good),
	CHANCE(duplicate),
	CHANCE(red_chance),
	RANGE(ber, 1, LANA_EVERY_BIT / 10),
	WORD(ber_mode, LINK_BER_FLIP),
	WORD(queue, LINK_CODEL),
	WORD(drop, LINK_DROP_HEAD),
	RANGE(quantum, 64, 1 << 20),
	RANGE(red_weight, 1, 24),
	WORD(ecn, true),
	WORD(red_gentle, true),
	WORD(overtake, true),
#undef RANGE
#undef CHANCE
#undef TIME
#undef WORD
};

static int check_ranges(const struct link_config *config, struct lana_error *error)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		const struct range *range = &ranges[i];
		__u64 value = 0;

		/* A little-endian host's number begins with its lowest byte. */
		memcpy(&value, (const char *)config + range->offset, range->size);
		if (value > range->most || (value && value < range->least))
			return engine_refuse(error, -EINVAL, "%s: %llu is not in its range",
					     range->name, value);
	}
	return 0;
}

static int check_limit(const char *name, lana_limit limit, struct lana_error *error)
{
	if (!limit || (LANA_LIMIT_MEASURE(limit) <= LANA_US && LANA_LIMIT_VALUE(limit)))
		return 0;
	return engine_refuse(error, -EINVAL, "%s: %u is no limit", name, limit);
}

int link_config_check(const struct link_config *config, struct lana_error *error)
{
	if (check_ranges(config, error) || check_limit("limit", config->limit, error) ||
	    check_limit("red_min", config->red_min, error) ||
	    check_limit("red_max", config->red_max, error))
		return -EINVAL;
	if (config->queue == LINK_RED && check_red(config, error))
		return -EINVAL;
	if (config->reorder && !config->reorder_by)
		return engine_refuse(error, -EINVAL,
				     "reorder without reorder_by: say for how long such a packet "
				     "is held back");
	if (config->ge_p && !config->ge_r)
		return engine_refuse(error, -EINVAL,
				     "ge_p without ge_r: the link would stay in its bad state");
	return 0;
}

__u64 link_config_need(const struct link_config *config)
{
	__u32 limit = config->limit, value = LANA_LIMIT_VALUE(limit);
	enum lana_measure measure = LANA_LIMIT_MEASURE(limit);
	double delay = config->delay + config->jitter + (config->reorder ? config->reorder_by : 0);
	double bytes = config->rate / 8e9 * delay;

	if (!config->rate)
		return 0; /* any number of packets may come */
	if (measure == LANA_BYTES)
		bytes += value;
	else if (measure == LANA_US)
		bytes += config->rate / 8e6 * value;
	return bytes / LINK_FULL_FRAME + (measure == LANA_PACKETS ? value : 0) + 1;
}
