// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_engine_units - values with units are read, refused and printed as docs/link.md says; and the
 * settings of a link
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/config.h"
#include "tap.h"

/* ---- values --------------------------------------------------------------------------------- */

/* refused: what the complaint must hold; else value, and how it is printed (NULL: as it is). */
static const struct {
	enum units_kind kind;
	const char *text;
	__u64 value;
	const char *printed;
	const char *refused;
} values[] = {
	{ .kind = UNITS_RATE, "10mbit", 10000000 },
	{ .kind = UNITS_RATE, "1.5mbit", 1500000 },
	{ .kind = UNITS_RATE, "1500kbit", 1500000, "1.5mbit" },
	{ .kind = UNITS_RATE, "64KBIT", 64000, "64kbit" },
	{ .kind = UNITS_RATE, "9600bit", 9600, "9.6kbit" },
	{ .kind = UNITS_RATE, "1tbit", 1000000000000 },
	{ .kind = UNITS_RATE, "1000gbit", 1000000000000, "1tbit" },
	{ .kind = UNITS_RATE, "1.234567891gbit", 1234567891 },
	{ .kind = UNITS_RATE, "1e3kbit", 1000000, "1mbit" },
	{ .kind = UNITS_RATE, "0", 0 },
	{ .kind = UNITS_RATE, "0mbit", 0, "0" },
	{ .kind = UNITS_RATE,
	  "10",
	  .refused = "no unit: a rate is in bit, kbit, mbit, gbit, tbit" },
	{ .kind = UNITS_RATE, "10mb", .refused = "unit is one of bit, kbit" },
	{ .kind = UNITS_RATE, "10 mbit", .refused = "unit is one of" },
	{ .kind = UNITS_RATE, "-1mbit", .refused = "is no rate" },
	{ .kind = UNITS_RATE, "mbit", .refused = "is no rate" },
	{ .kind = UNITS_RATE, "", .refused = "is no rate" },
	{ .kind = UNITS_RATE, ".", .refused = "is no rate" },
	{ .kind = UNITS_RATE, "1.2.3mbit", .refused = "unit is one of" },
	{ .kind = UNITS_RATE, "0.5bit", .refused = "finer than" },
	{ .kind = UNITS_RATE, "1.0005kbit", .refused = "finer than" },
	{ .kind = UNITS_RATE, "1.1tbit", .refused = "more than the largest rate, 1tbit" },
	{ .kind = UNITS_RATE, "99999999999999999999bit", .refused = "is no rate" },
	{ .kind = UNITS_RATE, "1e999gbit", .refused = "more than the largest" },
	{ .kind = UNITS_RATE, "infmbit", .refused = "is no rate" },
	{ .kind = UNITS_RATE, "nanbit", .refused = "is no rate" },
	{ .kind = UNITS_RATE, "0x10bit", .refused = "unit is one of" },
	{ .kind = UNITS_TIME, "20ms", 20000000 },
	{ .kind = UNITS_TIME, "0.25ms", 250000, "250us" },
	{ .kind = UNITS_TIME, "1500us", 1500000, "1.5ms" },
	{ .kind = UNITS_TIME, "7ns", 7 },
	{ .kind = UNITS_TIME, "1.5s", 1500000000 },
	{ .kind = UNITS_TIME, "0", 0 },
	{ .kind = UNITS_TIME, "20", .refused = "no unit: a time is in ns, us, ms, s" },
	{ .kind = UNITS_TIME, "0.5ns", .refused = "finer than" },
	{ .kind = UNITS_TIME, "1h", .refused = "unit is one of" },
	{ .kind = UNITS_TIME, "1e6s", .refused = "more than the largest" },
	{ .kind = UNITS_CHANCE, "1%", 10000000 },
	{ .kind = UNITS_CHANCE, "0.0000001%", 1 },
	{ .kind = UNITS_CHANCE, "12.5%", 125000000 },
	{ .kind = UNITS_CHANCE, "100%", 1000000000 },
	{ .kind = UNITS_CHANCE, "0", 0 },
	{ .kind = UNITS_CHANCE, "1e-3%", 10000, "0.001%" },
	{ .kind = UNITS_CHANCE, "0.01", .refused = "no unit: a chance is in %" },
	{ .kind = UNITS_CHANCE, "1e-6", .refused = "no unit" },
	{ .kind = UNITS_CHANCE, "100.1%", .refused = "more than the largest chance, 100%" },
	{ .kind = UNITS_CHANCE, "0.00000001%", .refused = "finer than" },
	{ .kind = UNITS_ERRORS, "1e-6", 1000000000000 },
	{ .kind = UNITS_ERRORS, "1.5e-9", 1500000000 },
	{ .kind = UNITS_ERRORS, "15E-10", 1500000000, "1.5e-9" },
	{ .kind = UNITS_ERRORS, "1e-18", 1 },
	{ .kind = UNITS_ERRORS, "1e-1", 100000000000000000 },
	{ .kind = UNITS_ERRORS, "0", 0 },
	{ .kind = UNITS_ERRORS, "0.000001", .refused = "say 1e-6" },
	{ .kind = UNITS_ERRORS, "1", .refused = "say 1e-6" },
	{ .kind = UNITS_ERRORS, "1%", .refused = "say 1e-6" },
	{ .kind = UNITS_ERRORS, "1e-19", .refused = "finer than" },
	{ .kind = UNITS_ERRORS, "2e-1", .refused = "more than the largest bit error rate, 1e-1" },
	{ .kind = UNITS_SIZE, "64kb", 65536 },
	{ .kind = UNITS_SIZE, "1536b", 1536 },
	{ .kind = UNITS_SIZE, "1.5kb", 1536, "1536b" },
	{ .kind = UNITS_SIZE, "2MB", 2097152, "2mb" },
	{ .kind = UNITS_SIZE, "1gb", 1 << 30 },
	{ .kind = UNITS_SIZE, "64", .refused = "no unit: a size is in b, kb, mb, gb" },
	{ .kind = UNITS_SIZE, "1.5b", .refused = "finer than" },
	{ .kind = UNITS_SIZE, "64kbit", .refused = "unit is one of" },
	{ .kind = UNITS_LIMIT, "100pkt", LINK_LIMIT(LINK_PACKETS, 100) },
	{ .kind = UNITS_LIMIT, "64kb", LINK_LIMIT(LINK_BYTES, 65536) },
	{ .kind = UNITS_LIMIT, "1500b", LINK_LIMIT(LINK_BYTES, 1500) },
	{ .kind = UNITS_LIMIT, "50ms", LINK_LIMIT(LINK_US, 50000) },
	{ .kind = UNITS_LIMIT, "0.25ms", LINK_LIMIT(LINK_US, 250), "250us" },
	{ .kind = UNITS_LIMIT, "0", 0 },
	{ .kind = UNITS_LIMIT, "0ms", 0, "0" },
	{ .kind = UNITS_LIMIT,
	  "100",
	  .refused = "no unit: a limit is in b, kb, mb, gb, pkt, us, ms, s" },
	{ .kind = UNITS_LIMIT, "100p", .refused = "is no limit" },
	{ .kind = UNITS_LIMIT, "pkt", .refused = "is no limit" },
	{ .kind = UNITS_LIMIT, "1.5pkt", .refused = "finer than" },
	{ .kind = UNITS_LIMIT, "1ns", .refused = "is no limit" },
	{ .kind = UNITS_LIMIT, "1mbit", .refused = "is no limit" },
	{ .kind = UNITS_LIMIT, "1gb", .refused = "more than the largest limit, 1073741823b" },
	{ .kind = UNITS_LIMIT, "2e9pkt", .refused = "more than the largest limit, 1073741823pkt" },
	{ .kind = UNITS_NUMBER, "18446744073709551615", ~0ULL },
	{ .kind = UNITS_NUMBER, "18446744073709551616", .refused = "is no number" },
	{ .kind = UNITS_NUMBER, "1.5", .refused = "finer than" },
	{ .kind = UNITS_NUMBER, "5pkt", .refused = "is no number" },
};

#define VALUES (sizeof(values) / sizeof(values[0]))

static void test_value(size_t i)
{
	struct lana_error error = { "" };
	char text[UNITS_TEXT_MAX];
	__u64 value = 4711;
	int err = units_parse(values[i].kind, values[i].text, &value, &error);

	if (values[i].refused) {
		if (!tap_ok(err == -EINVAL && value == 4711 &&
				    strstr(error.text, values[i].refused),
			    "'%s' is refused", values[i].text))
			tap_note("%d, %llu: %s", err, value, error.text);
		return;
	}
	if (!tap_ok(!err && value == values[i].value, "'%s' is %llu", values[i].text,
		    values[i].value))
		tap_note("%llu %s", value, error.text);
	tap_is_text(units_print(values[i].kind, value, text), values[i].printed ?: values[i].text,
		    "and is printed");
}

/* Whatever the value, what is printed reads as the same. */
static void test_round_trips(void)
{
	static const __u64 most[UNITS_KINDS] = {
		[UNITS_RATE] = 1000000000000,  [UNITS_TIME] = 100000000000000,
		[UNITS_CHANCE] = LINK_CERTAIN, [UNITS_ERRORS] = LINK_BIT / 10,
		[UNITS_SIZE] = 1ULL << 40,     [UNITS_LIMIT] = LINK_LIMIT_MAX,
		[UNITS_NUMBER] = ~0ULL - 1,
	};
	unsigned int differs = 0, bare = 0;

	srandom(1);
	for (int i = 0; i < 200000; i++) {
		enum units_kind kind = random() % UNITS_KINDS;
		__u64 value = ((__u64)random() << 33 ^ random()) >> random() % 64, again;
		char text[UNITS_TEXT_MAX];

		if (random() % 2)
			value = value / 1000 * 1000;
		value %= most[kind] + 1;
		if (kind == UNITS_LIMIT && value)
			value = LINK_LIMIT(random() % 3, value);
		units_print(kind, value, text);
		differs += units_parse(kind, text, &again, NULL) || again != value;
		bare += value && kind != UNITS_NUMBER &&
			strspn(text, "0123456789.") == strlen(text);
	}
	tap_is(differs, 0, "whatever is printed reads as the same");
	tap_is(bare, 0, "and has a unit");
}

/* ---- settings ------------------------------------------------------------------------------- */

static const struct {
	const char *key, *value, *refused;
} settings[] = {
	{ .key = "rate", "10mbit" },
	{ .key = "rate", "7bit", "rate=7bit is less than 8bit" },
	{ .key = "rate", "10", "rate: '10' has no unit" },
	{ .key = "speed", "10mbit", "a link has no setting 'speed'" },
	{ .key = "delay", "20ms" },
	{ .key = "distribution", "normal" },
	{ .key = "distribution",
	  "gauss",
	  "distribution: 'gauss' is none of: uniform, normal, pareto, table" },
	{ .key = "correlation", "25%" },
	{ .key = "correlation", "100%", "correlation=100% is more than 99%" },
	{ .key = "overtake", "on" },
	{ .key = "overtake", "maybe", "none of: off, on" },
	{ .key = "queue", "codel" },
	{ .key = "limit", "100pkt" },
	{ .key = "limit", "100", "limit: '100' has no unit" },
	{ .key = "ber", "1e-6" },
	{ .key = "ber_mode", "flip" },
	{ .key = "quantum", "1b", "quantum=1b is less than 64b" },
	{ .key = "overhead", "2kb", "overhead=2kb is more than 1kb" },
	{ .key = "red_weight", "9" },
	{ .key = "red_weight", "25", "more than 24" },
	{ .key = "late", "5s", "late=5s is more than 4.294967295s" },
	{ .key = "target", "4.3s", "more than 4.294967295s" },
	{ .key = "reorder_by", "5s" },
	{ .key = "ber_skip", "64kb", "ber_skip=64kb is more than 65535b" },
	{ .key = "quantum", "0" },
	{ .key = "seed", "17" },
};

static void test_settings(void)
{
	struct link_config config = {};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const struct link_config before = config;
		struct lana_error error = { "" };
		char text[UNITS_TEXT_MAX];
		int err = link_config_set(&config, settings[i].key, settings[i].value, &error);

		if (settings[i].refused) {
			if (!tap_ok(err && !memcmp(&config, &before, sizeof(config)) &&
					    strstr(error.text, settings[i].refused),
				    "%s=%s is refused", settings[i].key, settings[i].value))
				tap_note("%s", error.text);
			continue;
		}
		link_config_print(&config, settings[i].key, text);
		tap_is_text(err ? error.text : text, settings[i].value, "%s=%s", settings[i].key,
			    settings[i].value);
	}
	tap_ok(config.rate == 10000000 && config.delay == 20000000 && config.seed == 17,
	       "settings that others were set after are still there");
}

/* All of them, printed and read into another config. */
static void test_copy(void)
{
	struct link_config config = {}, copy = {};
	unsigned int wrong = 0, changed = 0;
	char text[UNITS_TEXT_MAX];
	const char *key;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (!settings[i].refused)
			link_config_set(&config, settings[i].key, settings[i].value, NULL);
	for (size_t i = 0; (key = link_config_key(i)); i++) {
		wrong += link_config_print(&config, key, text) != 0;
		wrong += link_config_set(&copy, key, text, NULL) != 0;
		changed += strcmp(text, "0") && strcmp(text, "off");
	}
	tap_ok(!wrong && !memcmp(&config, &copy, sizeof(config)), "all settings print and read");
	tap_is(changed, 13, "defaults are 0 or off, or the first of some words");
}

/* What does not go together. */
static const struct {
	const char *settings[5], *refused;
} together[] = {
	{ .settings = { "queue=red", "limit=100pkt" } },
	{ .settings = { "queue=red", "limit=100pkt", "red_min=10pkt", "red_max=30pkt" } },
	{ .settings = { "queue=red", "limit=100pkt", "red_min=10pkt" }, "set both" },
	{ .settings = { "queue=red", "limit=100pkt", "red_min=10pkt", "red_max=30kb" },
	  "all in packets" },
	{ .settings = { "queue=red", "limit=100kb", "red_min=10pkt", "red_max=30pkt" },
	  "all in packets" },
	{ .settings = { "queue=red", "limit=100pkt", "red_min=30pkt", "red_max=10pkt" },
	  "red_min < red_max" },
	{ .settings = { "queue=red", "limit=20pkt", "red_min=10pkt", "red_max=30pkt" },
	  "<= limit" },
	{ .settings = { "reorder=1%" }, "reorder without reorder_by" },
	{ .settings = { "reorder=1%", "reorder_by=1ms" } },
	{ .settings = { "ge_p=1%" }, "ge_p without ge_r" },
};

static void test_together(void)
{
	for (size_t i = 0; i < sizeof(together) / sizeof(together[0]); i++) {
		struct link_config config = {};
		struct lana_error error = { "" };
		char all[200] = "";
		int err;

		for (size_t j = 0; j < 5 && together[i].settings[j]; j++) {
			char word[64], *value;

			snprintf(word, sizeof(word), "%s", together[i].settings[j]);
			snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s ", word);
			value = strchr(word, '=');
			*value++ = '\0';
			if (link_config_set(&config, word, value, &error))
				tap_bail("%s", error.text);
		}
		err = link_config_check(&config, &error);
		if (together[i].refused)
			tap_ok(err == -EINVAL && strstr(error.text, together[i].refused),
			       "%s: refused", all);
		else
			tap_ok(!err, "%s", all);
	}
}

/* Configs that did not come from text. */
static const struct {
	struct link_config config;
	const char *refused;
} raw[] = {
	{ { .rate = 8 }, NULL },
	{ { .rate = 7 }, "rate=7bit is less than 8bit" },
	{ { .rate = 1000000000001 }, "rate=1.000000000001tbit is more than 1tbit" },
	{ { .loss = 1000000001 }, "loss=100.0000001% is more than 100%" },
	{ { .ber = ~0ULL }, "is more than 1e-1" },
	{ { .delay = ~0ULL }, "is more than 100000s" },
	{ { .limit = LINK_LIMIT(3, 1) }, "is more than" },
	{ { .red_max = LINK_LIMIT(LINK_US, 0) }, "red_max: a measure without a number" },
	{ { .queue = 5 }, "queue: there is no number 5" },
	{ { .distribution = 200 }, "distribution: there is no number 200" },
	{ { .red_weight = 25 }, "red_weight=25 is more than 24" },
	{ { .overhead = 1025 }, "overhead=1025b is more than 1kb" },
	{ { .correlation = 990000001 }, "is more than 99%" },
};

static void test_raw(void)
{
	for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++) {
		struct lana_error error = { "accepted" };
		int err = link_config_check(&raw[i].config, &error);

		tap_ok(raw[i].refused ? err && strstr(error.text, raw[i].refused) : !err, "raw: %s",
		       error.text);
	}
}

/* What defaults stand for. */
static void test_defaults(void)
{
	struct link_config config = { .rate = 100000000, .delay = 25000000 }, all;

	all = link_config_effective(&config);
	tap_is(all.limit, LINK_LIMIT(LINK_BYTES, 625000), "100mbit, 25ms: a limit of 625000 bytes");
	tap_ok(all.red_min == 625000 / 12 && all.red_max == 625000 / 4 && all.red_weight == 9 &&
		       all.quantum == 1514 && all.target == 5000000 && all.interval == 100000000 &&
		       all.ge_bad == 1000000000 && all.late == 1000000 &&
		       all.red_chance == 100000000,
	       "and the others");
	config.delay = 0;
	tap_is(link_config_effective(&config).limit, 30280, "without a delay: 20 full frames");
	config = (struct link_config){ .rate = 1000000000000, .delay = 1000000000 };
	tap_is(link_config_effective(&config).limit, LINK_LIMIT_MAX,
	       "and no more than there can be");
	config.limit = LINK_LIMIT(LINK_PACKETS, 60);
	all = link_config_effective(&config);
	tap_ok(all.limit == config.limit && all.red_min == LINK_LIMIT(LINK_PACKETS, 5) &&
		       all.red_max == LINK_LIMIT(LINK_PACKETS, 15),
	       "what is set counts");
}

int main(void)
{
	for (size_t i = 0; i < VALUES; i++)
		test_value(i);
	test_round_trips();
	test_settings();
	test_copy();
	test_together();
	test_raw();
	test_defaults();
	return tap_done();
}
