/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * units - values with their units, as people write them: 10mbit, 20ms, 1%, 1e-6, 64kb, 100pkt
 *
 * Units are those of tc(8), in any case. A number without one is refused, but for 0, as nobody
 * knows what it means. Numbers are decimal, with a point or an exponent if need be, and are never
 * rounded: what is finer than what is kept is refused. What units_print() writes reads as the same
 * value.
 *
 * All return 0, or -EINVAL and why in error; the value is then untouched.
 */
#ifndef LOADER_UNITS_H
#define LOADER_UNITS_H

#include <stddef.h>

#include <linux/types.h>

#include <lana/stack.h>
#include <lana/units.h>

enum units_kind {
	UNITS_RATE,   /* lana_rate */
	UNITS_TIME,   /* lana_duration */
	UNITS_CHANCE, /* lana_chance */
	UNITS_ERRORS, /* lana_error_rate */
	UNITS_SIZE,   /* lana_size */
	UNITS_LIMIT,  /* lana_limit */
	UNITS_KINDS
};

#define UNITS_TEXT_MAX 40

int units_parse(enum units_kind kind, const char *text, __u64 *value, struct lana_error *error);

/* Write a value; returns text. */
char *units_print(enum units_kind kind, __u64 value, char text[UNITS_TEXT_MAX]);

/* The kind of a field of that C type; UNITS_KINDS: it carries no unit. */
enum units_kind units_of_type(const char *name);

#endif
