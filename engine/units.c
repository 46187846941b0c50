// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "units.h"

struct unit {
	const char *name;
	__u64 scale; /* of what is kept */
};

static const struct kind {
	const char *what; /* for complaints */
	const char *example;
	__u64 most;
	struct unit units[6]; /* from the least on */
	bool binary;	      /* printed as a whole number of units only */
	bool bare;	      /* the unit is none */
} kinds[UNITS_KINDS] = {
	[UNITS_RATE] = { .what = "rate",
			 .example = "10mbit",
			 .most = 1000 * UNITS_BILLION,
			 .units = { { "bit", 1 },
				    { "kbit", 1000 },
				    { "mbit", 1000000 },
				    { "gbit", UNITS_BILLION },
				    { "tbit", 1000 * UNITS_BILLION } } },
	[UNITS_TIME] = { .what = "time",
			 .example = "20ms",
			 .most = 100000 * UNITS_BILLION,
			 .units = { { "ns", 1 },
				    { "us", 1000 },
				    { "ms", 1000000 },
				    { "s", UNITS_BILLION } } },
	[UNITS_CHANCE] = { .what = "chance",
			   .example = "1%",
			   .most = UNITS_CERTAIN,
			   .units = { { "%", UNITS_BILLION / 100 } } },
	[UNITS_ERRORS] = { .what = "bit error rate",
			   .example = "1e-6",
			   .most = UNITS_BIT / 10,
			   .units = { { "", UNITS_BIT } },
			   .bare = true },
	[UNITS_SIZE] = { .what = "size",
			 .example = "64kb",
			 .most = 1ULL << 40,
			 .units = { { "b", 1 },
				    { "kb", 1 << 10 },
				    { "mb", 1 << 20 },
				    { "gb", 1 << 30 } },
			 .binary = true },
	[UNITS_LIMIT] = { .what = "limit",
			  .example = "100pkt, 64kb or 50ms",
			  .most = UNITS_BILLION,
			  .units = { { "pkt", 1 } } },
	[UNITS_NUMBER] = { .what = "number",
			   .example = "1514",
			   .most = ~0ULL,
			   .units = { { "", 1 } },
			   .bare = true },
};

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
	char names[64] = "";

	for (const struct unit *unit = kind->units; unit->name; unit++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 *names ? ", " : "", unit->name);
	if (kind->bare)
		return engine_refuse(error, -EINVAL, "'%.40s' is no %s: say %s", text, kind->what,
				     kind->example);
	if (!*name)
		return engine_refuse(error, -EINVAL, "'%.40s' has no unit: a %s is in %s, like %s",
				     text, kind->what, names, kind->example);
	return engine_refuse(error, -EINVAL, "'%.40s' is no %s: its unit is one of %s, as in %s",
			     text, kind->what, names, kind->example);
}

static int parse(const struct kind *kind, const char *text, __u64 *value, struct lana_error *error)
{
	char most[UNITS_TEXT_MAX];
	const struct unit *unit;
	struct decimal number;

	if (!read_decimal(text, &number))
		return engine_refuse(error, -EINVAL, "'%.40s' is no %s: say %s", text, kind->what,
				     kind->example);
	if (!number.digits && !*number.unit) {
		*value = 0;
		return 0;
	}
	unit = find_unit(kind, number.unit);
	/* 0.000001 might be meant in percent; 1e-6 is how error rates are told. */
	if (!unit || (kind == &kinds[UNITS_ERRORS] && !number.exponent))
		return refuse_unit(kind, text, number.unit, error);

	switch (scale_number(&number, unit->scale, kind->most, value)) {
	case TOO_FINE:
		return engine_refuse(error, -EINVAL, "'%.40s' is finer than a %s can be", text,
				     kind->what);
	case TOO_LARGE:
		return engine_refuse(error, -EINVAL, "'%.40s' is more than the largest %s, %s",
				     text, kind->what, units_print(kind - kinds, kind->most, most));
	case FITS:
		break;
	}
	return 0;
}

int units_parse(enum units_kind kind, const char *text, __u64 *value, struct lana_error *error)
{
	return parse(&kinds[kind], text, value, error);
}

int units_parse_limit(const char *text, struct units_limit *limit, struct lana_error *error)
{
	static const struct {
		enum units_kind kind;
		enum units_measure measure;
	} choices[] = { { UNITS_SIZE, UNITS_BYTES }, { UNITS_TIME, UNITS_NS } };
	struct units_limit found = { .measure = UNITS_PACKETS };
	struct decimal number;
	enum units_kind kind = UNITS_LIMIT;
	int err;

	if (read_decimal(text, &number)) {
		for (size_t i = 0; i < 2; i++) {
			if (!find_unit(&kinds[choices[i].kind], number.unit))
				continue;
			kind = choices[i].kind;
			found.measure = choices[i].measure;
		}
	}
	if (kind == UNITS_LIMIT && (!number.unit || strcasecmp(number.unit, "pkt")) &&
	    strcmp(text, "0"))
		return engine_refuse(error, -EINVAL,
				     "'%.40s' is no limit: packets (100pkt), a size (64kb) or the "
				     "time that sending takes (50ms)",
				     text);
	err = parse(&kinds[kind], text, &found.value, error);
	if (err)
		return err;
	*limit = found.value ? found : (struct units_limit){};
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

/* The largest unit of which there is one at least, and, if binary, a whole number. */
static const struct unit *choose_unit(const struct kind *kind, __u64 value)
{
	const struct unit *best = kind->units;

	for (const struct unit *unit = kind->units; unit->name; unit++)
		if (value >= unit->scale && !(kind->binary && value % unit->scale))
			best = unit;
	return best;
}

char *units_print(enum units_kind kind, __u64 value, char text[UNITS_TEXT_MAX])
{
	if (!value)
		snprintf(text, UNITS_TEXT_MAX, "0");
	else if (kind == UNITS_ERRORS)
		print_exponent(value, text);
	else
		print_decimal(value, choose_unit(&kinds[kind], value), text);
	return text;
}

char *units_print_limit(const struct units_limit *limit, char text[UNITS_TEXT_MAX])
{
	static const enum units_kind as[] = {
		[UNITS_BYTES] = UNITS_SIZE, [UNITS_PACKETS] = UNITS_LIMIT, [UNITS_NS] = UNITS_TIME
	};

	return units_print(as[limit->measure], limit->value, text);
}
