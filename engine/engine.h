/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine - many links, each one direction, that hold, delay, change and lose packets as configured
 *
 *	engine_open(now, &engine);
 *	engine_link_open(engine, &config, &options, now, &link, &error);
 *	for (;;) {
 *		for each packet that came:
 *			engine_link_enqueue(link, packet, arrival);
 *		count = engine_run(engine, now, packets, MAX);	send these
 *		while ((packet = engine_dropped(engine)))	and take back those
 *			...
 *		wait for packets, or until engine_next(engine);
 *	}
 *
 * A link is a queue; a transmitter, which puts packets on the wire one after the other at the
 * link's rate; the way, on which they are for the delay; and what is done to them there. Every
 * time that a packet is given is computed from the times that packets arrived at, never from when a
 * function was called: an engine that is run late lets packets go late, but the right ones, in the
 * right order, and errors do not add up.
 *
 * Packets are the caller's: a struct engine_packet goes along with each (an array beside the
 * frames, say), and nothing is allocated for packets. There is no input or output, no clock and no
 * thread here: times are nanoseconds of one clock of the caller's choice (CLOCK_MONOTONIC). An
 * engine and its links belong to one thread. docs/link.md is the manual of what a link does.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "config.h"
#include "jitter.h"
#include "meter.h"
#include "wheel.h"

#define ENGINE_NEVER WHEEL_NEVER

struct engine;
struct engine_link;

/* ---- packets -------------------------------------------------------------------------------- */

/* Why a packet came out by engine_dropped(). */
enum engine_drop {
	ENGINE_NOT_DROPPED,
	ENGINE_LOST,	  /* on the way: loss, ge_* */
	ENGINE_CORRUPTED, /* ber, and ber_mode drop */
	ENGINE_TAIL,	  /* the queue was full: it came too late */
	ENGINE_HEAD,	  /* the queue was full: it had waited longest */
	ENGINE_RED,
	ENGINE_CODEL,
	ENGINE_CLOSED, /* the link was closed */
};

/*
 * One packet, a cache line. The caller fills in bytes, length and flow before it is enqueued, and
 * leaves it alone until it comes out again; then all of it may be read.
 */
struct engine_packet {
	union {
		struct wheel_entry timer; /* when: its time of departure, once it is on the way */
		struct {
			struct engine_packet *next, *prev; /* in a list */
		};
	};
	struct engine_link *link;
	__u64 time;   /* of arrival; of its last bit on the wire, once that has left */
	void *bytes;  /* all of it, from the Ethernet header on; NULL: ECN, flips and flows by
			 content are not to be had */
	__u32 length; /* bytes */
	__u32 flow;   /* for fq and drr; 0: the engine finds out by its content */
	__u32 span;   /* the meter's */
	__u8 copies;  /* how often it leaves: 1, or 2 for one that is duplicated, back to back */
	__u8 drop;    /* enum engine_drop */
	__u8 marked;  /* it was marked by ECN */
	__u8 flipped; /* bits were turned over (at most 255 are counted) */
};

_Static_assert(sizeof(struct engine_packet) == 64, "a packet is a cache line");

/* ---- an engine ------------------------------------------------------------------------------ */

/*
 * -ENOMEM. It takes two megabytes, and as much again for each hundred links: a thread has one
 * engine for all its links. Closing it closes these; their packets are forgotten.
 */
int engine_open(__u64 now, struct engine **engine);
void engine_close(struct engine *engine);

/*
 * Take up to most packets out whose time has come, in the order of their times of departure
 * (packet->timer.when); of one link and time, in the order in which they were sent. They are the
 * caller's again. Less than most: these were all.
 */
size_t engine_run(struct engine *engine, __u64 now, struct engine_packet **packets, size_t most);

/* Take out a packet that was dropped, in the order in which they were; NULL: there is none. */
struct engine_packet *engine_dropped(struct engine *engine);

/*
 * When to run the engine again: nothing leaves before. It may be somewhat early (wheel_next()), and
 * running it then makes it more exact. ENGINE_NEVER: it holds nothing that could leave.
 */
__u64 engine_next(const struct engine *engine);

/* ---- links ---------------------------------------------------------------------------------- */

struct engine_link_options {
	void *cookie; /* the caller's, for engine_link_cookie() */

	/* Seed of a link whose config has none; chosen at random by the caller, who can show it. */
	__u64 seed;

	/*
	 * Which path of its seed's a link is. With the seed and path of blocks loss, corrupt and
	 * duplicate (LANA_INGRESS, LANA_EGRESS), packets have the fates that those blocks give.
	 */
	__u32 path;

	/* In the place of distribution; shared, and to outlive the link. May be NULL. */
	const struct jitter_table *table;
};

/* -EINVAL: the config is refused; -ENOMEM. */
int engine_link_open(struct engine *engine, const struct link_config *config,
		     const struct engine_link_options *options, __u64 now,
		     struct engine_link **link, struct lana_error *error);

/* What it holds is dropped (ENGINE_CLOSED), and packets' link is no longer to be used. */
void engine_link_close(struct engine_link *link);

/*
 * Change settings in place. What is queued stays queued, in order, also under another discipline
 * and beyond a lower limit. What is on its way keeps its time. The packet on the wire has the rest
 * of its bits sent at the new rate (at once, without a rate): a rate stands for the modem or radio
 * of the moment, and a packet begun at 1 kbit/s shall not block a link that is fast by now. Numbers
 * of packets go on, so the same seed decides as if nothing had happened. Times of departure do not
 * fall behind those given out before, unless overtake is on: after a cut of the delay, packets wait
 * for those ahead of them. Fails as engine_link_open() does, and nothing is changed then.
 */
int engine_link_configure(struct engine_link *link, const struct link_config *config,
			  const struct jitter_table *table, __u64 now, struct lana_error *error);

/*
 * A packet arrives, at now. That should not be earlier than the last one of this link; if it is, it
 * counts as that. It may be earlier than the time of the last engine_run(), as where packets carry
 * a stamp of their arrival. The engine has the packet until engine_run() or engine_dropped()
 * returns it; either may at once.
 */
void engine_link_enqueue(struct engine_link *link, struct engine_packet *packet, __u64 now);

/* A packet of this link is about to be enqueued: have its memory fetched meanwhile. */
void engine_link_prefetch(const struct engine_link *link);

/*
 * Until when no packet that keeps its order leaves this link, unless something is enqueued or
 * changed: exact if there are such packets on the way, else it may be early. Packets that pass
 * others (overtake, reorder) are not looked at; engine_next() knows them.
 */
__u64 engine_link_next(const struct engine_link *link);

void *engine_link_cookie(const struct engine_link *link);

/* As it was given. link_config_effective() tells defaults, the queue's limit among them. */
const struct link_config *engine_link_config(const struct engine_link *link);

/* The seed in use: the config's, or the one of the options. */
__u64 engine_link_seed(const struct engine_link *link);

/*
 * Who decides packets' fates elsewhere for a time, as the kernel does for a link that takes no
 * time, goes on where the engine was, and the engine where that was.
 */
const struct lana_fates *engine_link_fates(const struct engine_link *link);
void engine_link_resume(struct engine_link *link, const struct lana_fates *fates);

/* ---- what came of it ------------------------------------------------------------------------ */

struct engine_counters {
#define X(name, text) __u64 name;
	LINK_COUNTERS(X)
#undef X
};

/*
 * As of now, which is handled as if a packet had arrived. Always: packets = sent + lost +
 * corrupt_dropped + dropped_* + backlog + in_flight. A packet is lost or corrupted when its last
 * bit is on the wire.
 */
void engine_link_counters(struct engine_link *link, __u64 now, struct engine_counters *counters);

/* The fidelity meter: what was configured beside what was achieved. */
void engine_link_meter(struct engine_link *link, __u64 now, struct link_report *report);
void engine_link_meter_reset(struct engine_link *link, __u64 now);

#endif
