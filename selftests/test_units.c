// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_engine_units - values with units are read, refused and printed as docs/link.md says; and the
 * settings of a link
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_lab.h"
#include "loader/units.h"
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
	{ .kind = UNITS_LIMIT, "100pkt", LANA_LIMIT(LANA_PACKETS, 100) },
	{ .kind = UNITS_LIMIT, "64kb", LANA_LIMIT(LANA_BYTES, 65536) },
	{ .kind = UNITS_LIMIT, "1500b", LANA_LIMIT(LANA_BYTES, 1500) },
	{ .kind = UNITS_LIMIT, "50ms", LANA_LIMIT(LANA_US, 50000) },
	{ .kind = UNITS_LIMIT, "0.25ms", LANA_LIMIT(LANA_US, 250), "250us" },
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
		[UNITS_CHANCE] = LANA_CERTAIN, [UNITS_ERRORS] = LANA_EVERY_BIT / 10,
		[UNITS_SIZE] = 1ULL << 40,     [UNITS_LIMIT] = LANA_LIMIT_MAX,
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
			value = LANA_LIMIT(random() % 3, value);
		units_print(kind, value, text);
		differs += units_parse(kind, text, &again, NULL) || again != value;
		bare += value && strspn(text, "0123456789.") == strlen(text);
	}
	tap_is(differs, 0, "whatever is printed reads as the same");
	tap_is(bare, 0, "and has a unit");
}

/* ---- settings ------------------------------------------------------------------------------- */

#define TAKEN NULL

static const struct {
	const char *setting, *refused;
} settings[] = {
	{ "rate=10mbit", TAKEN },
	{ "rate=7bit", "rate=7bit is out of range (8bit..1tbit)" },
	{ "rate=10", "rate: '10' has no unit" },
	{ "speed=10mbit", "no option 'speed'" },
	{ "delay=20ms", TAKEN },
	{ "jitter=1ms", TAKEN },
	{ "distribution=normal", TAKEN },
	{ "distribution=gauss", "distribution=gauss is none of uniform, normal, pareto" },
	{ "correlation=25%", TAKEN },
	{ "correlation=100%", "correlation=100% is out of range (0..99%)" },
	{ "overtake=on", TAKEN },
	{ "overtake=maybe", "neither on nor off" },
	{ "queue=codel", TAKEN },
	{ "limit=100pkt", TAKEN },
	{ "limit=100", "limit: '100' has no unit" },
	{ "ber=1e-6", TAKEN },
	{ "ber_mode=flip", TAKEN },
	{ "quantum=1b", "quantum=1b is out of range (64b..1mb)" },
	{ "overhead=2kb", "overhead=2kb is out of range (0..1kb)" },
	{ "red_weight=9", TAKEN },
	{ "red_weight=25", "out of range (0..24)" },
	{ "late=5s", "late=5s is out of range (0..4.294967295s)" },
	{ "target=4.3s", "out of range (0..4.294967295s)" },
	{ "reorder_by=5s", TAKEN },
	{ "ber_skip=64kb", "ber_skip=64kb is out of range (0..65535b)" },
	{ "quantum=0", TAKEN },
	{ "seed=17", TAKEN },
};

static void test_settings(void)
{
	struct link_config config = {};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const char *setting = settings[i].setting, *value = strchr(setting, '=') + 1;
		const struct link_config before = config;
		struct lana_error error = { "" };
		const struct btf *btf;
		const struct layout *layout = lab_layout(&btf);
		char key[LANA_NAME_MAX], text[LANA_CONFIG_MAX + 1];
		int err = lab_try(&config, setting, &error);

		if (settings[i].refused) {
			if (!tap_ok(err && !memcmp(&config, &before, sizeof(config)) &&
					    strstr(error.text, settings[i].refused),
				    "%s is refused", setting))
				tap_note("%s", error.text);
			continue;
		}
		snprintf(key, sizeof(key), "%.*s", (int)(value - 1 - setting), setting);
		field_format(btf, layout_find(layout, key), &config, text, sizeof(text));
		tap_is_text(err ? error.text : text, value, "%s", setting);
	}
	tap_ok(config.rate == 10000000 && config.delay == 20000000 && config.seed == 17,
	       "settings that others were set after are still there");
}

/* What does not go together. */
static const struct {
	const char *settings, *refused;
} together[] = {
	{ "queue=red limit=100pkt", TAKEN },
	{ "queue=red limit=100pkt red_min=10pkt red_max=30pkt", TAKEN },
	{ "queue=red limit=100pkt red_min=10pkt", "red_min without red_max" },
	{ "queue=red limit=100pkt red_max=10pkt", "red_max without red_min" },
	{ "queue=red limit=100pkt red_min=10pkt red_max=30kb", "not both in packets" },
	{ "queue=red limit=100kb red_min=10pkt red_max=30pkt", "not both in packets" },
	{ "queue=red limit=100pkt red_min=30pkt red_max=10pkt",
	  "red_min=30pkt is more than red_max=10pkt" },
	{ "queue=red limit=20pkt red_min=10pkt red_max=30pkt",
	  "red_max=30pkt is more than limit=20pkt" },
	{ "reorder=1%", "reorder without reorder_by" },
	{ "reorder=1% reorder_by=1ms", TAKEN },
	{ "ge_p=1%", "ge_p without ge_r" },
};

static void test_together(void)
{
	for (size_t i = 0; i < sizeof(together) / sizeof(together[0]); i++) {
		struct link_config config = {};
		struct lana_error error = { "" };
		int err = lab_try(&config, together[i].settings, &error);

		if (!together[i].refused)
			err = err ?: link_config_check(&config, &error);
		if (!tap_ok(together[i].refused ? err && strstr(error.text, together[i].refused)
						: !err,
			    "%s%s", together[i].settings, together[i].refused ? ": refused" : ""))
			tap_note("%s", error.text);
	}
}

/* What tags of options do not say. */
static void test_check(void)
{
	struct link_config config = { .queue = LINK_RED,
				      .red_min = LANA_LIMIT(LANA_PACKETS, 10),
				      .red_max = LANA_LIMIT(LANA_PACKETS, 10) };
	struct lana_error error = { "" };

	tap_ok(link_config_check(&config, &error) && strstr(error.text, "are not all in packets"),
	       "red_min and red_max in packets, and a limit in bytes by default");
	config.limit = LANA_LIMIT(LANA_PACKETS, 20);
	tap_ok(link_config_check(&config, &error) &&
		       strstr(error.text, "red_min is not less than red_max"),
	       "red_min is red_max");
	config.red_max = config.limit;
	tap_ok(!link_config_check(&config, &error), "20 packets are the limit, and fit");
}

/* Configs that did not come from text. */
static const struct {
	struct link_config config;
	const char *refused;
} raw[] = {
	{ { .rate = 8 }, NULL },
	{ { .rate = 7 }, "rate: 7 is not in its range" },
	{ { .rate = 1000000000001 }, "rate: " },
	{ { .loss = 1000000001 }, "loss: " },
	{ { .ber = ~0ULL }, "ber: " },
	{ { .delay = ~0ULL }, "delay: " },
	{ { .limit = LANA_LIMIT(3, 1) }, "limit: 3221225473 is no limit" },
	{ { .red_max = LANA_LIMIT(LANA_US, 0) }, "red_max: " },
	{ { .queue = 5 }, "queue: 5 is" },
	{ { .distribution = 200 }, "distribution: 200 is" },
	{ { .red_weight = 25 }, "red_weight: " },
	{ { .overhead = 1025 }, "overhead: " },
	{ { .correlation = 990000001 }, "correlation: " },
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
	tap_is(all.limit, LANA_LIMIT(LANA_BYTES, 625000), "100mbit, 25ms: a limit of 625000 bytes");
	tap_ok(all.red_min == 625000 / 12 && all.red_max == 625000 / 4 && all.red_weight == 9 &&
		       all.quantum == 1514 && all.target == 5000000 && all.interval == 100000000 &&
		       all.ge_bad == 1000000000 && all.late == 1000000 &&
		       all.red_chance == 100000000,
	       "and the others");
	config.delay = 0;
	tap_is(link_config_effective(&config).limit, 30280, "without a delay: 20 full frames");
	config = (struct link_config){ .rate = 1000000000000, .delay = 1000000000 };
	tap_is(link_config_effective(&config).limit, LANA_LIMIT_MAX,
	       "and no more than there can be");
	config.limit = LANA_LIMIT(LANA_PACKETS, 60);
	all = link_config_effective(&config);
	tap_ok(all.limit == config.limit && all.red_min == LANA_LIMIT(LANA_PACKETS, 5) &&
		       all.red_max == LANA_LIMIT(LANA_PACKETS, 15),
	       "what is set counts");
}

int main(void)
{
	for (size_t i = 0; i < VALUES; i++)
		test_value(i);
	test_round_trips();
	test_settings();
	test_together();
	test_check();
	test_raw();
	test_defaults();
	return tap_done();
}
