/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * link - what a link consists of, for the engine's own files
 */
#ifndef ENGINE_LINK_H
#define ENGINE_LINK_H

#include <stddef.h>

#include "fate.h"
#include "line.h"
#include "queue.h"
#include "slab.h"

struct engine {
	struct wheel wheel;
	struct slab link_slab, flows_slab;
	struct line dropped;
	struct engine_link *links;
	struct jitter_tables tables;
};

/* What waits in the wheel: a link, or a packet that is on its way alone. */
struct waiting {
	struct wheel_entry timer;
	struct engine_link *link;
};

#define LINE __attribute__((aligned(64)))

/* What every packet touches comes first, in six cache lines. */
struct engine_link {
	struct wheel_entry timer LINE; /* when something may leave, or earlier */
	struct engine_link *link;      /* itself */
	struct engine *engine;
	__u64 time;	 /* of the last arrival */
	__u64 way_last;	 /* the latest time of departure given out */
	__u64 delay_min; /* no packet is on the way for less */

	/* The transmitter. */
	struct engine_packet *wire LINE; /* the packet on it; NULL: it pauses */
	__u64 wire_end;			 /* its last bit is out, or the one before's was */
	__u64 byte_time;		 /* of a byte, in 2^-32 ns; 0: no rate */
	__u32 wire_part;		 /* of wire_end, in 2^-32 ns */
	__u32 overhead, mpu;		 /* of the config */
	bool overtake;
	__u64 delay, late;
	__u64 run; /* the meter's: bytes since a packet that left, or RUN_NONE */

	struct queue queue LINE;

	/* Packets on the way that keep their order, and so are in order of their times. */
	struct line way LINE;
	__u64 alone; /* packets on it that are in the wheel themselves */
	struct fate fate;

	struct engine_counters counters LINE;
	struct meter meter LINE;

	struct link_config config; /* effective */
	struct link_config given;
	struct engine_link *next, *prev;
	void *cookie;
	__u64 metered_lost, metered_packets,
		metered_sent; /* what the counters were when the meter was reset */
	struct meter_histogram delays, errors;
};

_Static_assert(offsetof(struct engine_link, link) == offsetof(struct waiting, link) &&
		       offsetof(struct engine_packet, link) == offsetof(struct waiting, link),
	       "links and packets wait in one wheel");

#define RUN_NONE (~0ULL)

/* Let all that follows from packets that have arrived happen, up to a time. */
void link_advance(struct engine_link *link, __u64 now);

/* A packet's last bit leaves the transmitter at end, or it comes to a link that has no rate. */
void link_put_on_way(struct engine_link *link, struct engine_packet *packet, __u64 end);

/* Look again when something may leave. */
void link_arm(struct engine_link *link);

/* What a packet takes of the rate, in bytes. */
static inline __u64 link_wire(const struct engine_link *link, const struct engine_packet *packet)
{
	__u64 bytes = packet->length + link->overhead;

	return bytes < link->mpu ? link->mpu : bytes;
}

/* A packet goes back to the caller; its counter is the business of who drops it. */
static inline void link_drop(struct engine_link *link, struct engine_packet *packet,
			     enum engine_drop why)
{
	packet->drop = why;
	line_push(&link->engine->dropped, packet);
}

#endif
