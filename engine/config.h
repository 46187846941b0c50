/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config - all settings of one direction of a link, and their names
 *
 *	struct link_config config = link_config_default;
 *
 *	err = link_config_set(&config, "rate", "10mbit", &error);
 *	err = err ?: link_config_check(&config, &error);
 *
 * docs/link.md is the manual. Settings merge: one that is set leaves the others alone.
 */
#ifndef ENGINE_CONFIG_H
#define ENGINE_CONFIG_H

#include "units.h"

enum link_distribution { LINK_UNIFORM, LINK_NORMAL, LINK_PARETO, LINK_TABLE, LINK_DISTRIBUTIONS };
enum link_queue { LINK_FIFO, LINK_FQ, LINK_DRR, LINK_RED, LINK_CODEL, LINK_QUEUES };
enum link_drop_end { LINK_DROP_TAIL, LINK_DROP_HEAD };
enum link_ber_mode { LINK_BER_DROP, LINK_BER_FLIP };

/* Chances are in billionths, times in nanoseconds, sizes in bytes. */
struct link_config {
	/* The queue, in front of the wire. */
	__u64 queue;		  /* enum link_queue */
	struct units_limit limit; /* value 0: link_config_limit() says what it is then */
	__u64 drop;		  /* enum link_drop_end */
	__u64 ecn;		  /* red, codel, fq: mark instead of dropping, where it can be */
	__u64 quantum;		  /* drr, fq: bytes a round */
	__u64 target, interval;	  /* codel, fq */
	struct units_limit red_min, red_max; /* value 0: a twelfth, a quarter of the limit */
	__u64 red_chance;		     /* at red_max */
	__u64 red_weight;		     /* of the newest length in the average: 2^-n */
	__u64 red_gentle;

	/* How fast packets are put on the wire. */
	__u64 rate; /* bits a second; 0: in no time */
	/*
	 * Each packet counts for so many bytes more, and none for less than mpu (after that), as in
	 * tc-stab(8). Ethernet: overhead 24 (preamble, FCS and gap), mpu 84.
	 */
	__u64 overhead, mpu;

	/* How long they are on their way. */
	__u64 delay, jitter;
	__u64 distribution; /* enum link_distribution */
	__u64 correlation;
	__u64 overtake;
	__u64 reorder, reorder_by;

	/* What becomes of them. */
	__u64 loss;
	__u64 ge_p, ge_r, ge_bad, ge_good;
	__u64 ber; /* 10^-18ths */
	__u64 ber_mode, ber_skip;
	__u64 duplicate;

	__u64 seed; /* 0: one that the link was given when it was made */
	__u64 late; /* a packet that leaves so much after its time has left late */
};

extern const struct link_config link_config_default;

/*
 * Set one of them. -ENOENT: there is no such setting; -EINVAL: the value is none of it. Nothing is
 * changed then.
 */
int link_config_set(struct link_config *config, const char *key, const char *value,
		    struct lana_error *error);

/* Do the settings go together? -EINVAL: they do not. */
int link_config_check(const struct link_config *config, struct lana_error *error);

/*
 * Write a setting so that link_config_set() reads the same. -ENOENT: there is no such setting. key
 * by number: link_config_key(0), link_config_key(1), … until NULL.
 */
int link_config_print(const struct link_config *config, const char *key, char text[UNITS_TEXT_MAX]);
const char *link_config_key(size_t number);

/* Is a setting as it is by default? */
bool link_config_is_default(const struct link_config *config, const char *key);

/*
 * How long the queue may be: as set, or, by default, what is on its way at once on the link and on
 * one back that is as long: rate * 2 delay (the bandwidth-delay product of what is sent and
 * answered), but no less than 20 full frames. In bytes, then. Without a rate there is no queue.
 */
struct units_limit link_config_limit(const struct link_config *config);

#endif
