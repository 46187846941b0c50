/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/link.h - one direction of a link: its settings, its counters, and how true it is
 *
 * Block "link" (bpf/blocks/link.bpf.c, user/link.c) and the link engine (engine/) have these in
 * common. docs/link.md says what settings mean; 0 is the default of each.
 */
#ifndef LANA_LINK_H
#define LANA_LINK_H

#include <stdbool.h>

#include <lana/abi.h>
#include <lana/fates.h>
#include <lana/tag.h>
#include <lana/units.h>
#include <lana/userblock_abi.h>

enum link_queue {
	LINK_FIFO,
	LINK_FQ,
	LINK_DRR,
	LINK_RED,
	LINK_CODEL,
} __attribute__((packed));

enum link_distribution { LINK_UNIFORM, LINK_NORMAL, LINK_PARETO } __attribute__((packed));
enum link_drop { LINK_DROP_TAIL, LINK_DROP_HEAD } __attribute__((packed));
enum link_ber_mode { LINK_BER_DROP, LINK_BER_FLIP } __attribute__((packed));

enum link_port { LINK_NEXT };

struct link_config {
	LANA_USER_OPTIONS;

	/* The queue, in front of the wire. */
	enum link_queue queue;
	enum link_drop drop;
	bool ecn;
	__u8 red_weight LANA_RANGE(0, 24);
	bool red_gentle;
	bool overtake;
	enum link_distribution distribution;

	/* How fast packets are put on the wire, and how long they are on their way. */
	lana_rate rate LANA_RANGE(8, 1000000000000);
	lana_duration delay;
	lana_duration jitter;
	lana_duration reorder_by;
	lana_chance reorder LANA_WITH(reorder_by);
	lana_chance correlation LANA_RANGE(0, 990000000);
	lana_size16 overhead LANA_RANGE(0, 1024);
	lana_size16 mpu LANA_RANGE(0, 1024);

	/* What becomes of them. */
	lana_chance loss;
	lana_chance ge_p LANA_WITH(ge_r);
	lana_chance ge_r;
	lana_chance ge_bad;
	lana_chance ge_good;
	lana_error_rate ber;
	lana_chance duplicate;
	lana_size16 ber_skip;
	enum link_ber_mode ber_mode;

	lana_limit limit;
	lana_size quantum LANA_RANGE(64, 1048576);
	lana_duration32 target;
	lana_duration32 interval;
	lana_limit red_min LANA_UP_TO(red_max) LANA_WITH(red_max);
	lana_limit red_max LANA_UP_TO(limit) LANA_WITH(red_min);
	lana_chance red_chance;

	lana_duration32 late;
	__u64 seed;
};

_Static_assert(sizeof(struct link_config) <= LANA_CONFIG_MAX,
	       "a block could not have it as options");

/* Do packets have to wait for something? Else all of it is done in the kernel. */
static inline __attribute__((always_inline)) int link_takes_time(const struct link_config *config)
{
	return config->rate || config->delay || config->jitter || config->reorder;
}

#define LINK_FULL_FRAME 1514U

#ifndef __bpf__

/* Of how many packets in a billion are lost: by loss, and by ge_* in the long run. */
static inline __u64 link_loss(const struct link_config *config)
{
	double bad = config->ge_p ? (double)config->ge_p / (config->ge_p + config->ge_r) : 0;
	double all = config->ge_bad ? config->ge_bad : LANA_CERTAIN;
	double bursts = bad * all + (1 - bad) * config->ge_good;

	return config->loss + bursts * (1 - (double)config->loss / LANA_CERTAIN) + 0.5;
}

#endif

/* ---- counters ------------------------------------------------------------------------------- */

#define LINK_COUNTERS(X)                                                        \
	X(packets, "arrived")                                                   \
	X(bytes, "arrived")                                                     \
	X(sent, "packets that left, duplicates not counted")                    \
	X(sent_bytes, "of these")                                               \
	X(late, "packets that left later than their time and the setting late") \
	X(lost, "packets that loss, or the Gilbert-Elliott model, took")        \
	X(corrupted, "packets hit by bit errors, turned over or dropped")       \
	X(corrupt_dropped, "of these, dropped")                                 \
	X(duplicated, "packets that left twice")                                \
	X(reordered, "packets held back so that others might pass")             \
	X(dropped_tail, "packets that found the queue full")                    \
	X(dropped_head, "packets dropped from the front of a full queue")       \
	X(dropped_red, "packets that RED dropped")                              \
	X(dropped_codel, "packets that CoDel dropped")                          \
	X(ecn_marked, "packets marked instead of dropped")                      \
	X(backlog, "packets in the queue now, the one on the wire not counted") \
	X(backlog_bytes, "of these")                                            \
	X(in_flight, "packets on the wire and on the way now")

struct link_counters {
	LANA_USER_COUNTERS;
#define X(name, text) __u64 name;
	LINK_COUNTERS(X)
#undef X
	__u64 no_room;	  /* packets dropped as the worker held as many as it can */
	__u64 unfinished; /* packets dropped as their checksum was, and bits were to be hit */
};

/* ---- what came of it ------------------------------------------------------------------------ */

/*
 * The fidelity meter: what was configured beside what was achieved. Times in nanoseconds of
 * CLOCK_MONOTONIC, chances in billionths. 0 where there is nothing to tell.
 */
struct link_report {
	__u64 since, now;

	__u64 rate_configured; /* bits a second, 0: none */
	__u64 rate_achieved;   /* while the transmitter had no pause */
	__u64 rate_measured;   /* bits that this is measured by */

	__u64 delay_configured, jitter_configured;
	__u64 delay_mean, delay_p50, delay_p99;
	__u64 error_p50, error_p99, error_most;
	__u64 left; /* packets that these are of */

	__u64 loss_configured; /* by loss and ge_*; bit errors are not counted here */
	__u64 loss_achieved;
	__u64 passed; /* packets that this is of */

	/* The host could not keep up: packets left later than the setting late permits. */
	__u64 late, late_first, late_last; /* how many, and when */
};

/*
 * While a link takes time all its packets go through the worker; while it does not, none has to.
 * Which half has them is a word that both work on, so that packets keep their order when that
 * changes: the kernel half sets LINK_IN_USER before it sends the first one over, and adds one for
 * each; the other half clears it when nothing is left to be overtaken.
 */
#define LINK_IN_USER (1ULL << 63)

/*
 * What the link's two halves share, and whoever wants to know how it does reads: an entry a path of
 * its map link_status. The worker writes it several times a second.
 */
struct link_status {
	__u64 turn;	  /* which half has the packets: see above */
	__u32 sequence;	  /* odd while it is being written */
	__u32 process;	  /* of the worker; 0: none has had it yet */
	__u64 seed;	  /* in use */
	lana_limit limit; /* of the queue, in effect; 0: there is no queue */
	__u32 reserved;
	__u64 frames; /* packets that the worker can hold for all its links */
	__u64 need;   /* full frames that are on this one if it is busy, queue included */
	struct link_report report;
};

#endif
