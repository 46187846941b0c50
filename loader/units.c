// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "units.h"

struct unit {
	const char *name;
	__u64 scale;  /* of what is kept */
	bool whole;   /* printed as a whole number only, as halves of it look odd */
	__u32 beside; /* enum lana_measure, of a limit: kept beside the value */
};

#define SIZES                                                              \
	{ "b", 1, true, LANA_BYTES }, { "kb", 1 << 10, true, LANA_BYTES }, \
		{ "mb", 1 << 20, true, LANA_BYTES },                       \
	{                                                                  \
		"gb", 1 << 30, true, LANA_BYTES                            \
	}

static const struct kind {
	const char *what; /* for complaints */
	const char *type; /* in C; digits may follow */
	const char *example;
	__u64 most;
	struct unit units[10]; /* from the least on */
	bool bare;	       /* the unit is none */
} kinds[UNITS_KINDS] = {
	[UNITS_RATE] = { .what = "rate",
			 .type = "lana_rate",
			 .example = "10mbit",
			 .most = 1000000000000,
			 .units = { { .name = "bit", .scale = 1 },
				    { .name = "kbit", .scale = 1000 },
				    { .name = "mbit", .scale = 1000000 },
				    { .name = "gbit", .scale = 1000000000 },
				    { .name = "tbit", .scale = 1000000000000 } } },
	[UNITS_TIME] = { .what = "time",
			 .type = "lana_duration",
			 .example = "20ms",
			 .most = 100000000000000,
			 .units = { { .name = "ns", .scale = 1 },
				    { .name = "us", .scale = 1000 },
				    { .name = "ms", .scale = 1000000 },
				    { .name = "s", .scale = 1000000000 } } },
	[UNITS_CHANCE] = { .what = "chance",
			   .type = "lana_chance",
			   .example = "1%",
			   .most = LANA_CERTAIN,
			   .units = { { .name = "%", .scale = LANA_CERTAIN / 100 } } },
	[UNITS_ERRORS] = { .what = "bit error rate",
			   .type = "lana_error_rate",
			   .example = "1e-6",
			   .most = LANA_EVERY_BIT / 10,
			   .units = { { .name = "", .scale = LANA_EVERY_BIT } },
			   .bare = true },
	[UNITS_SIZE] = { .what = "size",
			 .type = "lana_size",
			 .example = "64kb",
			 .most = 1ULL << 40,
			 .units = { SIZES } },
	[UNITS_LIMIT] = { .what = "limit",
			  .type = "lana_limit",
			  .example = "100pkt, 64kb or 50ms",
			  .most = LANA_LIMIT_MAX,
			  .units = { SIZES,
				     { "pkt", 1, false, LANA_PACKETS },
				     { "us", 1, false, LANA_US },
				     { "ms", 1000, false, LANA_US },
				     { "s", 1000000, false, LANA_US } } },
};

/* A limit of one unit, for whoever is told. */
static __u64 put_beside(__u64 value, const struct unit *unit)
{
	return value ? (__u64)unit->beside << 30 | value : 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* A decimal number: digits * 10^power. */
struct decimal {
	__u64 digits;
	int power;
	bool exponent; /* it was written with one */
	const char *unit;
};

/* Are there too many digits? */
static bool add_digit(struct decimal *number, char digit, bool fraction)
{
	if (__builtin_mul_overflow(number->digits, 10, &number->digits) ||
	    __builtin_add_overflow(number->digits, (__u64)(digit - '0'), &number->digits))
		return true;
	number->power -= fraction;
	return false;
}

static void read_exponent(struct decimal *number)
{
	const char *at = number->unit;
	bool negative;
	int power = 0;

	if (tolower((unsigned char)*at) != 'e')
		return;
	negative = *++at == '-';
	at += *at == '-' || *at == '+';
	if (!isdigit((unsigned char)*at))
		return;
	for (; isdigit((unsigned char)*at); at++)
		power = power < 1000 ? power * 10 + *at - '0' : power;
	number->power += negative ? -power : power;
	number->exponent = true;
	number->unit = at;
}

/* Is it a number at all, of no more digits than 64 bits hold? */
static bool read_decimal(const char *text, struct decimal *number)
{
	bool fraction = false, any = false;

	*number = (struct decimal){};
	for (; isdigit((unsigned char)*text) || (*text == '.' && !fraction); text++) {
		if (*text == '.') {
			fraction = true;
			continue;
		}
		any = true;
		if (add_digit(number, *text, fraction))
			return false;
	}
	number->unit = text;
	if (any)
		read_exponent(number);
	return any;
}

/* How a number and a unit come together. */
enum fit { FITS, TOO_FINE, TOO_LARGE };

static enum fit scale_number(const struct decimal *number, __u64 scale, __u64 most, __u64 *value)
{
	unsigned __int128 product = (unsigned __int128)number->digits * scale;
	int power = number->power;

	for (; power < 0 && product; power++) {
		if (product % 10)
			return TOO_FINE;
		product /= 10;
	}
	for (; power > 0 && product && product <= most; power--)
		product *= 10;
	if (product > most)
		return TOO_LARGE;
	*value = product;
	return FITS;
}

static const struct unit *find_unit(const struct kind *kind, const char *name)
{
	for (const struct unit *unit = kind->units; unit->name; unit++)
		if (!strcasecmp(name, unit->name))
			return unit;
	return NULL;
}

static int refuse_unit(const struct kind *kind, const char *text, const char *name,
		       struct lana_error *error)
{
	char names[80] = "";

	for (const struct unit *unit = kind->units; unit->name; unit++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 *names ? ", " : "", unit->name);
	if (kind->bare)
		return refuse(error, -EINVAL, "'%.40s' is no %s: say %s", text, kind->what,
			      kind->example);
	if (!*name)
		return refuse(error, -EINVAL, "'%.40s' has no unit: a %s is in %s, like %s", text,
			      kind->what, names, kind->example);
	return refuse(error, -EINVAL, "'%.40s' is no %s: its unit is one of %s, as in %s", text,
		      kind->what, names, kind->example);
}

int units_parse(enum units_kind number_of, const char *text, __u64 *value, struct lana_error *error)
{
	const struct kind *kind = &kinds[number_of];
	char most[UNITS_TEXT_MAX];
	const struct unit *unit;
	struct decimal number;
	__u64 scaled;

	if (!read_decimal(text, &number))
		return refuse(error, -EINVAL, "'%.40s' is no %s: say %s", text, kind->what,
			      kind->example);
	if (!number.digits && !*number.unit) {
		*value = 0;
		return 0;
	}
	unit = find_unit(kind, number.unit);
	/* 0.000001 might be meant in percent; 1e-6 is how error rates are told. */
	if (!unit || (number_of == UNITS_ERRORS && !number.exponent))
		return refuse_unit(kind, text, number.unit, error);

	switch (scale_number(&number, unit->scale, kind->most, &scaled)) {
	case TOO_FINE:
		return refuse(error, -EINVAL, "'%.40s' is finer than a %s can be", text,
			      kind->what);
	case TOO_LARGE:
		return refuse(error, -EINVAL, "'%.40s' is more than the largest %s, %s", text,
			      kind->what,
			      units_print(number_of, put_beside(kind->most, unit), most));
	case FITS:
		*value = put_beside(scaled, unit);
		break;
	}
	return 0;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* value / scale, a power of ten, to the last digit. */
static void print_decimal(__u64 value, const struct unit *unit, char text[UNITS_TEXT_MAX])
{
	__u64 scale = unit->scale, rest = value % scale;
	char digits[24] = ".";
	int count = 0;

	while (rest) {
		scale /= 10;
		digits[++count] = '0' + rest / scale;
		rest %= scale;
	}
	if (!count)
		digits[0] = '\0';
	snprintf(text, UNITS_TEXT_MAX, "%" PRIu64 "%s%s", (uint64_t)(value / unit->scale), digits,
		 unit->name);
}

/* As 1.5e-6. */
static void print_exponent(__u64 value, char text[UNITS_TEXT_MAX])
{
	char digits[24];
	int power = -18, length;

	for (; !(value % 10); power++)
		value /= 10;
	length = snprintf(digits, sizeof(digits), "%" PRIu64, (uint64_t)value);
	snprintf(text, UNITS_TEXT_MAX, "%c%s%se%d", digits[0], length > 1 ? "." : "", digits + 1,
		 power + length - 1);
}

/* The largest unit of which there is one at least, and, if wanted, a whole number. */
static const struct unit *choose_unit(const struct kind *kind, __u32 beside, __u64 value)
{
	const struct unit *best = NULL;

	for (const struct unit *unit = kind->units; unit->name; unit++)
		if (unit->beside == beside && (!best || value >= unit->scale) &&
		    !(unit->whole && value % unit->scale))
			best = unit;
	return best;
}

char *units_print(enum units_kind kind, __u64 value, char text[UNITS_TEXT_MAX])
{
	__u32 beside = 0;

	if (kind == UNITS_LIMIT && value <= LANA_LIMIT(LANA_US, LANA_LIMIT_MAX)) {
		beside = LANA_LIMIT_MEASURE(value);
		value = LANA_LIMIT_VALUE(value);
	}
	if (!value)
		snprintf(text, UNITS_TEXT_MAX, "0");
	else if (kind == UNITS_ERRORS)
		print_exponent(value, text);
	else
		print_decimal(value, choose_unit(&kinds[kind], beside, value), text);
	return text;
}

enum units_kind units_of_type(const char *name)
{
	for (enum units_kind kind = 0; kind < UNITS_KINDS; kind++) {
		size_t length = strlen(kinds[kind].type);

		if (!strncmp(name, kinds[kind].type, length) &&
		    strspn(name + length, "0123456789") == strlen(name + length))
			return kind;
	}
	return UNITS_KINDS;
}
