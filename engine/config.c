// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "config.h"
#include "error.h"

#define MS	   1000000U
#define FULL_FRAME 1514U

/* ---- names ---------------------------------------------------------------------------------- */

enum { WORDS = UNITS_KINDS }; /* a kind of its own: one of some words */

static const struct setting {
	const char *key;
	int kind; /* enum units_kind, or WORDS */
	size_t offset, size;
	const char *words[8];
	__u64 least, most; /* what is not 0; most 0: what its bytes hold */
} settings[] = {
#define SETTING(name, kind_, ...)                                                          \
	{                                                                                  \
		.key = #name, .kind = kind_, .offset = offsetof(struct link_config, name), \
		.size = sizeof(((struct link_config *)0)->name), ##__VA_ARGS__             \
	}
#define SWITCH(name) SETTING(name, WORDS, .words = { "off", "on" })
	SETTING(rate, UNITS_RATE, .least = 8),
	SETTING(overhead, UNITS_SIZE, .most = 1024),
	SETTING(mpu, UNITS_SIZE, .most = 1024),
	SETTING(delay, UNITS_TIME),
	SETTING(jitter, UNITS_TIME),
	SETTING(distribution, WORDS, .words = { "uniform", "normal", "pareto", "table" }),
	SETTING(correlation, UNITS_CHANCE, .most = LINK_CERTAIN / 100 * 99),
	SWITCH(overtake),
	SETTING(loss, UNITS_CHANCE),
	SETTING(ge_p, UNITS_CHANCE),
	SETTING(ge_r, UNITS_CHANCE),
	SETTING(ge_bad, UNITS_CHANCE),
	SETTING(ge_good, UNITS_CHANCE),
	SETTING(ber, UNITS_ERRORS),
	SETTING(ber_mode, WORDS, .words = { "drop", "flip" }),
	SETTING(ber_skip, UNITS_SIZE),
	SETTING(duplicate, UNITS_CHANCE),
	SETTING(reorder, UNITS_CHANCE),
	SETTING(reorder_by, UNITS_TIME),
	SETTING(queue, WORDS, .words = { "fifo", "fq", "drr", "red", "codel" }),
	SETTING(limit, UNITS_LIMIT),
	SETTING(drop, WORDS, .words = { "tail", "head" }),
	SWITCH(ecn),
	SETTING(quantum, UNITS_SIZE, .least = 64, .most = 1 << 20),
	SETTING(target, UNITS_TIME),
	SETTING(interval, UNITS_TIME),
	SETTING(red_min, UNITS_LIMIT),
	SETTING(red_max, UNITS_LIMIT),
	SETTING(red_chance, UNITS_CHANCE),
	SETTING(red_weight, UNITS_NUMBER, .most = 24),
	SWITCH(red_gentle),
	SETTING(late, UNITS_TIME),
	SETTING(seed, UNITS_NUMBER),
#undef SETTING
#undef SWITCH
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static const struct setting *find(const char *key)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (!strcmp(key, settings[i].key))
			return &settings[i];
	return NULL;
}

const char *link_config_key(size_t number)
{
	return number < SETTINGS ? settings[number].key : NULL;
}

/* ---- values --------------------------------------------------------------------------------- */

static int parse_word(const struct setting *setting, const char *text, __u64 *value,
		      struct lana_error *error)
{
	char words[80] = "";

	for (size_t i = 0; setting->words[i]; i++) {
		if (!strcmp(text, setting->words[i])) {
			*value = i;
			return 0;
		}
		snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s%s",
			 i ? ", " : "", setting->words[i]);
	}
	return engine_refuse(error, -EINVAL, "'%.40s' is none of: %s", text, words);
}

static size_t count_words(const struct setting *setting)
{
	size_t count = 0;

	while (setting->words[count])
		count++;
	return count;
}

/* Whoever has set it. */
static int check_range(const struct setting *setting, __u64 value, struct lana_error *error)
{
	__u64 most = setting->most ?: ~0ULL >> (64 - 8 * setting->size);
	char text[UNITS_TEXT_MAX], bound[UNITS_TEXT_MAX];

	if (setting->kind == WORDS) {
		if (value < count_words(setting))
			return 0;
		return engine_refuse(error, -EINVAL, "%s: there is no number %llu", setting->key,
				     value);
	}
	if (setting->kind == UNITS_LIMIT && value && !LINK_LIMIT_VALUE(value))
		return engine_refuse(error, -EINVAL, "%s: a measure without a number",
				     setting->key);
	if (most > units_most(setting->kind))
		most = units_most(setting->kind);
	if (value > most)
		return engine_refuse(error, -EINVAL, "%s=%s is more than %s", setting->key,
				     units_print(setting->kind, value, text),
				     units_print(setting->kind, most, bound));
	if (value && value < setting->least)
		return engine_refuse(error, -EINVAL, "%s=%s is less than %s", setting->key,
				     units_print(setting->kind, value, text),
				     units_print(setting->kind, setting->least, bound));
	return 0;
}

/* A little-endian host's number begins with its lowest byte. */
static __u64 load(const struct link_config *config, const struct setting *setting)
{
	__u64 value = 0;

	memcpy(&value, (const char *)config + setting->offset, setting->size);
	return value;
}

int link_config_set(struct link_config *config, const char *key, const char *text,
		    struct lana_error *error)
{
	const struct setting *setting = find(key);
	struct lana_error why;
	__u64 value;
	int err;

	if (!setting)
		return engine_refuse(error, -ENOENT, "a link has no setting '%.40s'", key);
	err = setting->kind == WORDS ? parse_word(setting, text, &value, &why)
				     : units_parse(setting->kind, text, &value, &why);
	if (err)
		return engine_refuse(error, err, "%s: %.400s", key, why.text);
	err = check_range(setting, value, error);
	if (!err)
		memcpy((char *)config + setting->offset, &value, setting->size);
	return err;
}

int link_config_print(const struct link_config *config, const char *key, char text[UNITS_TEXT_MAX])
{
	const struct setting *setting = find(key);
	__u64 value;

	if (!setting)
		return -ENOENT;
	value = load(config, setting);
	if (setting->kind == WORDS)
		snprintf(text, UNITS_TEXT_MAX, "%s", setting->words[value]);
	else
		units_print(setting->kind, value, text);
	return 0;
}

/* ---- all of them together ------------------------------------------------------------------- */

static __u32 default_limit(const struct link_config *config)
{
	unsigned __int128 product = (unsigned __int128)config->rate * 2 * config->delay;

	product /= 8 * 1000000000ULL;
	if (product > LINK_LIMIT_MAX)
		product = LINK_LIMIT_MAX;
	return product > 20 * FULL_FRAME ? product : 20 * FULL_FRAME;
}

static __u32 part_of(__u32 limit, __u32 part)
{
	return LINK_LIMIT(LINK_LIMIT_MEASURE(limit), LINK_LIMIT_VALUE(limit) / part);
}

struct link_config link_config_effective(const struct link_config *config)
{
	struct link_config all = *config;

	all.limit = config->limit ?: default_limit(config);
	all.red_min = config->red_min ?: part_of(all.limit, 12);
	all.red_max = config->red_max ?: part_of(all.limit, 4);
	/* 10 %, which Floyd recommends since 1997; 1/512 is the 0.002 of 1993, section 6. */
	all.red_chance = config->red_chance ?: LINK_CERTAIN / 10;
	all.red_weight = config->red_weight ?: 9;
	all.quantum = config->quantum ?: FULL_FRAME; /* RFC 8290, section 5.2.4 */
	all.target = config->target ?: 5 * MS;	     /* RFC 8289, section 4.2 */
	all.interval = config->interval ?: 100 * MS; /* section 4.3 */
	all.ge_bad = config->ge_bad ?: LINK_CERTAIN; /* Gilbert's model in its simplest form */
	all.late = config->late ?: MS;
	return all;
}

static int check_red(const struct link_config *config, struct lana_error *error)
{
	const struct link_config all = link_config_effective(config);
	__u32 measure = LINK_LIMIT_MEASURE(all.limit);

	if (!config->red_min != !config->red_max)
		return engine_refuse(error, -EINVAL,
				     "red_min and red_max are set both, or none of them");
	if (LINK_LIMIT_MEASURE(all.red_min) != measure ||
	    LINK_LIMIT_MEASURE(all.red_max) != measure)
		return engine_refuse(error, -EINVAL,
				     "red_min, red_max and limit are not all in packets, or in "
				     "bytes, or in time");
	if (all.red_min >= all.red_max || all.red_max > all.limit)
		return engine_refuse(error, -EINVAL, "red_min < red_max <= limit does not hold");
	return 0;
}

int link_config_check(const struct link_config *config, struct lana_error *error)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (check_range(&settings[i], load(config, &settings[i]), error))
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
