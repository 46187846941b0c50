/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/units.h - options that carry their unit
 *
 *	struct link_config {
 *		lana_rate rate;		// rate=10mbit
 *		lana_duration delay;	// delay=20ms
 *		lana_chance loss;	// loss=1%
 *	};
 *
 * Each is a number, of the unit that is said here, to whoever reads the config. A user writes the
 * unit; a number without one is refused, but for 0. Units are those of tc(8), in any case.
 */
#ifndef LANA_UNITS_H
#define LANA_UNITS_H

#include <linux/types.h>

typedef __u64 lana_rate;       /* bits a second: bit kbit mbit gbit tbit, powers of 1000 */
typedef __u64 lana_duration;   /* nanoseconds: ns us ms s */
typedef __u32 lana_duration32; /* the same, up to 4.29 s */
typedef __u32 lana_chance;     /* billionths, up to LANA_CERTAIN: % */
typedef __u64 lana_error_rate; /* of bits, in 10^-18ths, up to a tenth: 1e-6 */
typedef __u32 lana_size;       /* bytes: b kb mb gb, powers of 1024 */
typedef __u16 lana_size16;
typedef __u32 lana_limit; /* of a queue, LANA_LIMIT(): pkt, or a size, or us ms s */

#define LANA_CERTAIN   1000000000ULL	      /* lana_chance: 100% */
#define LANA_EVERY_BIT 1000000000000000000ULL /* lana_error_rate: 1 */

/* How long a queue may be: in bytes, in packets, or in the microseconds that sending takes. */
enum lana_measure { LANA_BYTES, LANA_PACKETS, LANA_US };

#define LANA_LIMIT_MAX		   ((1U << 30) - 1)
#define LANA_LIMIT(measure, value) ((__u32)(measure) << 30 | (value))
#define LANA_LIMIT_MEASURE(limit)  ((limit) >> 30)
#define LANA_LIMIT_VALUE(limit)	   ((limit)&LANA_LIMIT_MAX)

#endif
