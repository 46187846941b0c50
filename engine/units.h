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
#ifndef ENGINE_UNITS_H
#define ENGINE_UNITS_H

#include <stddef.h>

#include <linux/types.h>

#include <lana/link.h>
#include <lana/stack.h>

enum units_kind {
	UNITS_RATE,   /* bit kbit mbit gbit tbit, a second, powers of 1000; kept in bits a second */
	UNITS_TIME,   /* ns us ms s; in nanoseconds */
	UNITS_CHANCE, /* %; in billionths, up to 100% */
	UNITS_ERRORS, /* of bits, as 1e-6; in 10^-18ths, up to 1e-1 */
	UNITS_SIZE,   /* b kb mb gb, bytes and powers of 1024, as in tc; in bytes */
	UNITS_LIMIT,  /* pkt, or a time, or a size: LINK_LIMIT() */
	UNITS_NUMBER, /* none: a plain number */
	UNITS_KINDS
};

#define UNITS_TEXT_MAX 40

int units_parse(enum units_kind kind, const char *text, __u64 *value, struct lana_error *error);

/* The largest value there is; of limits, in any measure. */
__u64 units_most(enum units_kind kind);

/* Write a value; returns text. */
char *units_print(enum units_kind kind, __u64 value, char text[UNITS_TEXT_MAX]);

#endif
