/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/stats.h - what blocks, rules and devices have counted
 */
#ifndef LANA_STATS_H
#define LANA_STATS_H

#include <lana/stack.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lana_count {
	char name[LANA_NAME_MAX]; /* counter field, drop reason or port name */
	uint64_t value;		  /* sum over the CPUs */
};

/* How a packet leaves a block. */
enum lana_way_kind {
	LANA_WAY_PORT,	  /* by a port */
	LANA_WAY_PASS,	  /* up to the kernel */
	LANA_WAY_SENT,	  /* transmitted */
	LANA_WAY_DROP,	  /* dropped by the block, or by the engine: for a reason */
	LANA_WAY_UNBOUND, /* dropped: the port leads nowhere */
	LANA_WAY_ALL,	  /* by every port that leads somewhere */
};

struct lana_way {
	enum lana_way_kind kind;
	enum lana_path path;	  /* of the port; else the block's */
	char name[LANA_NAME_MAX]; /* of the port or the reason; "pass", "sent", "all" */
};

#define LANA_WAYS_MAX (2 * LANA_PORTS_MAX + 3 + LANA_DROPS_MAX)

/* What left by a way since measuring began. */
struct lana_way_stats {
	struct lana_way way; /* never LANA_WAY_UNBOUND: */
	uint64_t packets, bytes;
	uint64_t dropped; /* of these packets: by a port, those for which it led nowhere */
};

struct lana_path_stats {
	size_t own_count, drops_count, unbound_count;
	struct lana_count own[32];		   /* every field of the counters struct */
	struct lana_count drops[LANA_DROPS_MAX];   /* only reasons that happened */
	struct lana_count unbound[LANA_PORTS_MAX]; /* only ports that missed */
	/* While the stack is measured, see lana_measure(): */
	size_t ways_count;
	struct lana_way_stats ways[LANA_WAYS_MAX]; /* only ways that packets took */
	uint64_t samples;			   /* packets that were timed */
	double ns; /* that one of them spent in the block, what reading the clock takes left out */
};

struct lana_block_stats {
	char name[LANA_NAME_MAX];
	char type[LANA_NAME_MAX];
	uint32_t idp;
	struct lana_path_stats path[LANA_PATHS];
	bool publishes;
	uint64_t events_published, events_suppressed; /* told; and not, as they came too fast */
};

/* Counters of one block or of all; the caller frees *stats. */
int lana_block_stats(struct lana_stack *stack, const char *name, struct lana_block_stats **stats,
		     size_t *count, struct lana_error *error);

/*
 * What these counters of a block have, on both paths together: for who looks at a few of them
 * often. counters ends in NULL; values has as many. -ENOENT: there is no such block; -EINVAL: its
 * type has no such counter.
 */
int lana_block_counts(struct lana_stack *stack, const char *name, const char *const *counters,
		      uint64_t *values, struct lana_error *error);

/* The same of one counter. */
int lana_block_count(struct lana_stack *stack, const char *name, const char *counter,
		     uint64_t *value, struct lana_error *error);

/*
 * Copies of packets at XDP that came back after the block that had them made was gone, and were
 * dropped; of the whole stack, as long as it has been there.
 */
int lana_stale_copies(struct lana_stack *stack, uint64_t *packets, struct lana_error *error);

/* A rule of a block that has such (lana/rules.h). */
struct lana_rule_info {
	uint32_t line;	  /* of the file */
	uint64_t packets; /* for which it was the first that matched */
	char text[256];	  /* as the file has it, but for spaces, comments and the order of words */
};

/* The rules of a block in their order; the caller frees *rules. -EINVAL: the type has none. */
int lana_block_rules(struct lana_stack *stack, const char *name, struct lana_rule_info **rules,
		     size_t *count, struct lana_error *error);

/* What the kernel counts at a device, whether or not the stack is concerned with it. */
struct lana_device_stats {
	char name[LANA_NAME_MAX]; /* of the block */
	uint32_t idp;
	bool gone; /* the device cannot be found: there are no numbers */
	uint64_t received_packets, received_bytes;
	uint64_t transmitted_packets, transmitted_bytes;
};

/* Of all devices of the stack, by IDP; the caller frees *stats. */
int lana_device_stats(struct lana_stack *stack, struct lana_device_stats **stats, size_t *count,
		      struct lana_error *error);

#ifdef __cplusplus
}
#endif

#endif
