/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/link.h - all settings of one direction of an emulated link
 *
 * For whoever makes links of the engine (engine/engine.h), and small and plain enough to be the
 * options of a block. 0 is the default of each. docs/link.md says what they mean;
 * engine/config.h reads and writes them with units.
 */
#ifndef LANA_LINK_H
#define LANA_LINK_H

#include <stdbool.h>

#include <linux/types.h>

enum link_queue {
	LINK_FIFO,
	LINK_FQ,
	LINK_DRR,
	LINK_RED,
	LINK_CODEL,
} __attribute__((packed));

enum link_distribution {
	LINK_UNIFORM,
	LINK_NORMAL,
	LINK_PARETO,
	LINK_TABLE,
} __attribute__((packed));

enum link_drop { LINK_DROP_TAIL, LINK_DROP_HEAD } __attribute__((packed));
enum link_ber_mode { LINK_BER_DROP, LINK_BER_FLIP } __attribute__((packed));

/* How long a queue may be: in bytes, in packets, or in the microseconds that sending takes. */
enum link_measure { LINK_BYTES, LINK_PACKETS, LINK_US };

#define LINK_LIMIT_MAX		   ((1U << 30) - 1)
#define LINK_LIMIT(measure, value) ((__u32)(measure) << 30 | (value))
#define LINK_LIMIT_MEASURE(limit)  ((limit) >> 30)
#define LINK_LIMIT_VALUE(limit)	   ((limit)&LINK_LIMIT_MAX)

#define LINK_CERTAIN		   1000000000ULL		 /* chances are in billionths */
#define LINK_BIT		   (LINK_CERTAIN * LINK_CERTAIN) /* ber is in 10^-18ths */

/* Times are in nanoseconds, sizes in bytes. */
struct link_config {
	__u64 rate; /* bits a second; 0: packets take no time */
	__u64 delay, jitter;
	__u64 reorder_by;
	__u64 ber;
	__u64 seed;

	__u32 limit, red_min, red_max; /* LINK_LIMIT() */
	__u32 target, interval;
	__u32 quantum;
	__u32 late;

	__u32 correlation;
	__u32 loss, ge_p, ge_r, ge_bad, ge_good;
	__u32 duplicate, reorder;
	__u32 red_chance;

	__u16 overhead, mpu;
	__u16 ber_skip;
	__u8 red_weight;
	enum link_queue queue;
	enum link_drop drop;
	enum link_distribution distribution;
	enum link_ber_mode ber_mode;
	bool overtake, ecn, red_gentle;
	__u8 reserved[2]; /* 0 */
};

_Static_assert(sizeof(struct link_config) == 128, "as many bytes as options of a block may have");

#endif
