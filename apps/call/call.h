/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * call.h - a call: two streams of sound between two programs
 *
 * Three threads: one records, encodes and sends; one receives, and sends reports; one takes frames
 * out of the jitter buffer, decodes and plays them. Whoever started them waits and looks on, and
 * may change what is below meanwhile: none of the three ever waits for that.
 */
#ifndef CALL_CALL_H
#define CALL_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "audio.h"
#include "codec.h"
#include "jitter.h"
#include "link.h"

struct call;

struct call_options {
	uint16_t ethertype;
	bool has_peer; /* else who calls first is the peer */
	uint8_t peer[6];
	struct codec_options codec;
	struct jitter_options jitter; /* its interval is the peer's */
	bool echo;		      /* cancel it */
	uint64_t duration;	      /* of the own stream at most, ns; 0: as long as the source */
	uint64_t timeout;	      /* ns without a frame of the peer, after which it is lost */
};

enum call_state {
	CALL_CALLING, /* the peer has not been heard yet */
	CALL_TALKING,
	CALL_OVER,   /* both streams are complete, or the peer has hung up */
	CALL_LOST,   /* nothing has come for too long; from the beginning on if it has a peer */
	CALL_DOWN,   /* the socket's block or device has gone */
	CALL_BROKEN, /* source or sink have failed */
};

/* Shortest, mean and longest of what was measured; in ns. */
struct call_range {
	uint64_t count;
	int64_t least, most, sum;
};

struct call_counts {
	uint64_t sent, sent_bytes, unsent;
	uint64_t bad;	   /* frames of the call that contradict themselves */
	uint64_t foreign;  /* frames of others */
	uint64_t restarts; /* of the peer */
	uint64_t undecoded;
	uint64_t xruns; /* of sound cards */
};

/* What one end knows. */
struct call_stats {
	enum call_state state;
	uint8_t own[6], peer[6];
	uint32_t stream, heard;
	bool muted;
	double seconds; /* since the own stream began */
	struct call_counts counts;
	struct link_losses losses;
	struct jitter_counts jitter_counts;
	uint64_t lost; /* frames that never came */
	uint64_t jitter, target;
	uint32_t depth;
	uint64_t round_trip;	     /* ns; 0: unknown */
	struct call_range delay;     /* from mouth to ear */
	struct call_range sent_late; /* by how much later than due frames were sent */
	uint32_t peer_received, peer_lost, peer_late, peer_jitter;
};

/* Begin. Source, sink and link have to outlast the call. *stop ends their waiting. */
int call_start(const struct call_options *options, struct link *link, struct source *source,
	       struct sink *sink, atomic_bool *stop, struct call **call);

/* Hang up, wait for the threads, forget all. */
void call_stop(struct call *call);

enum call_state call_state(struct call *call);
void call_mute(struct call *call, bool muted);

/* Counts are since the beginning; with fresh, ranges are since they were read with it last. */
void call_read(struct call *call, bool fresh, struct call_stats *stats);

const char *call_state_name(enum call_state state);

#endif
