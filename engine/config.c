// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "config.h"
#include "error.h"

#define MS	   1000000ULL
#define FULL_FRAME 1514ULL

const struct link_config link_config_default = {
	.quantum = FULL_FRAME,	    /* RFC 8290, section 5.2.4: a full frame */
	.target = 5 * MS,	    /* RFC 8289, section 4.2 */
	.interval = 100 * MS,	    /* section 4.3 */
	.red_chance = 100000000ULL, /* 10 %, as Floyd recommends since 1997; 1993 had 2 % */
	.red_weight = 9,	    /* 1/512: the 0.002 of 1993, section 6 */
	.ge_bad = UNITS_CERTAIN,    /* Gilbert's model in its simplest form */
	.late = MS,
};

/* ---- names ---------------------------------------------------------------------------------- */

enum { WORDS = UNITS_KINDS }; /* a kind of its own: one of some words */

static const struct setting {
	const char *key;
	int kind; /* enum units_kind, or WORDS */
	size_t offset;
	const char *words[8];
	__u64 least, most; /* most 0: no limit of its own */
} settings[] = {
#define SETTING(name, kind_, ...)                                                          \
	{                                                                                  \
		.key = #name, .kind = kind_, .offset = offsetof(struct link_config, name), \
		##__VA_ARGS__                                                              \
	}
#define SWITCH(name) SETTING(name, WORDS, .words = { "off", "on" })
	SETTING(rate, UNITS_RATE, .least = 8),
	SETTING(overhead, UNITS_SIZE, .most = 1024),
	SETTING(mpu, UNITS_SIZE, .most = 1024),
	SETTING(delay, UNITS_TIME),
	SETTING(jitter, UNITS_TIME),
	SETTING(distribution, WORDS, .words = { "uniform", "normal", "pareto", "table" }),
	SETTING(correlation, UNITS_CHANCE, .most = UNITS_CERTAIN / 100 * 99),
	SWITCH(overtake),
	SETTING(loss, UNITS_CHANCE),
	SETTING(ge_p, UNITS_CHANCE),
	SETTING(ge_r, UNITS_CHANCE),
	SETTING(ge_bad, UNITS_CHANCE),
	SETTING(ge_good, UNITS_CHANCE),
	SETTING(ber, UNITS_ERRORS),
	SETTING(ber_mode, WORDS, .words = { "drop", "flip" }),
	SETTING(ber_skip, UNITS_SIZE, .most = 65535),
	SETTING(duplicate, UNITS_CHANCE),
	SETTING(reorder, UNITS_CHANCE),
	SETTING(reorder_by, UNITS_TIME),
	SETTING(queue, WORDS, .words = { "fifo", "fq", "drr", "red", "codel" }),
	SETTING(limit, UNITS_LIMIT),
	SETTING(drop, WORDS, .words = { "tail", "head" }),
	SWITCH(ecn),
	SETTING(quantum, UNITS_SIZE, .least = 64, .most = 1 << 20),
	SETTING(target, UNITS_TIME, .least = 1),
	SETTING(interval, UNITS_TIME, .least = 1),
	SETTING(red_min, UNITS_LIMIT),
	SETTING(red_max, UNITS_LIMIT),
	SETTING(red_chance, UNITS_CHANCE, .least = 1),
	SETTING(red_weight, UNITS_NUMBER, .most = 24),
	SWITCH(red_gentle),
	SETTING(late, UNITS_TIME, .least = 1),
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

static int check_range(const struct setting *setting, __u64 value, const char *text,
		       struct lana_error *error)
{
	char bound[UNITS_TEXT_MAX];

	if (setting->most && value > setting->most)
		return engine_refuse(error, -EINVAL, "%s=%.40s is more than %s", setting->key, text,
				     units_print(setting->kind, setting->most, bound));
	/* No rate at all is something else than a low one. */
	if (value < setting->least && !(setting->kind == UNITS_RATE && !value))
		return engine_refuse(error, -EINVAL, "%s=%.40s is less than %s", setting->key, text,
				     units_print(setting->kind, setting->least, bound));
	return 0;
}

static int parse_value(const struct setting *setting, const char *text, __u64 *value,
		       struct lana_error *error)
{
	struct lana_error why;
	int err;

	err = setting->kind == WORDS ? parse_word(setting, text, value, &why)
				     : units_parse(setting->kind, text, value, &why);
	if (err)
		return engine_refuse(error, err, "%s: %.400s", setting->key, why.text);
	return check_range(setting, *value, text, error);
}

int link_config_set(struct link_config *config, const char *key, const char *value,
		    struct lana_error *error)
{
	const struct setting *setting = find(key);
	struct units_limit limit;
	struct lana_error why;
	__u64 number;
	int err;

	if (!setting)
		return engine_refuse(error, -ENOENT, "a link has no setting '%.40s'", key);
	if (setting->kind == UNITS_LIMIT) {
		err = units_parse_limit(value, &limit, &why);
		if (err)
			return engine_refuse(error, err, "%s: %.400s", key, why.text);
		memcpy((char *)config + setting->offset, &limit, sizeof(limit));
		return 0;
	}
	err = parse_value(setting, value, &number, error);
	if (!err)
		memcpy((char *)config + setting->offset, &number, sizeof(number));
	return err;
}

int link_config_print(const struct link_config *config, const char *key, char text[UNITS_TEXT_MAX])
{
	const struct setting *setting = find(key);
	const void *at;

	if (!setting)
		return -ENOENT;
	at = (const char *)config + setting->offset;
	if (setting->kind == UNITS_LIMIT)
		units_print_limit(at, text);
	else if (setting->kind == WORDS)
		snprintf(text, UNITS_TEXT_MAX, "%s", setting->words[*(const __u64 *)at]);
	else
		units_print(setting->kind, *(const __u64 *)at, text);
	return 0;
}

bool link_config_is_default(const struct link_config *config, const char *key)
{
	const struct setting *setting = find(key);
	size_t size;

	if (!setting)
		return true;
	size = setting->kind == UNITS_LIMIT ? sizeof(struct units_limit) : sizeof(__u64);
	return !memcmp((const char *)config + setting->offset,
		       (const char *)&link_config_default + setting->offset, size);
}

/* ---- all of them together ------------------------------------------------------------------- */

struct units_limit link_config_limit(const struct link_config *config)
{
	unsigned __int128 product = (unsigned __int128)config->rate * 2 * config->delay;
	struct units_limit limit = { .measure = UNITS_BYTES, .value = 20 * FULL_FRAME };

	if (config->limit.value)
		return config->limit;
	product /= 8 * UNITS_BILLION;
	if (product > limit.value)
		limit.value = product;
	return limit;
}

static int check_red(const struct link_config *config, struct lana_error *error)
{
	const struct units_limit limit = link_config_limit(config);
	const struct units_limit *min = &config->red_min, *max = &config->red_max;

	if (!min->value != !max->value)
		return engine_refuse(error, -EINVAL,
				     "red_min and red_max are set both, or none of them");
	if (!min->value)
		return 0;
	if (min->measure != max->measure || min->measure != limit.measure)
		return engine_refuse(error, -EINVAL,
				     "red_min, red_max and limit are not all in packets, or in "
				     "bytes, or in time");
	if (min->value >= max->value || max->value > limit.value)
		return engine_refuse(error, -EINVAL, "red_min < red_max <= limit does not hold");
	return 0;
}

int link_config_check(const struct link_config *config, struct lana_error *error)
{
	if (config->queue == LINK_RED && check_red(config, error))
		return -EINVAL;
	if (config->reorder && !config->reorder_by)
		return engine_refuse(error, -EINVAL,
				     "reorder without reorder_by: say for how long such a packet "
				     "is held back");
	if (config->ge_p && !config->ge_r)
		return engine_refuse(error, -EINVAL,
				     "ge_p without ge_r: the link would stay in its bad state");
	if (config->correlation && !config->jitter)
		return engine_refuse(error, -EINVAL, "correlation without jitter");
	return 0;
}
