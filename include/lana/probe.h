/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/probe.h - measure a stack, trace its packets and capture them
 *
 * Probes are woven into the blocks on request, and out again; the programs are then the same as
 * before, to the instruction. Packets notice nothing of either.
 */
#ifndef LANA_PROBE_H
#define LANA_PROBE_H

#include <lana/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Count packets and bytes by the way on which they leave each block, and sample how long they take:
 * lana_block_stats() tells. All begins at 0. Blocks and devices that come later are measured too.
 */
int lana_measure(struct lana_stack *stack, bool on, struct lana_error *error);

/* Is the stack measured? */
int lana_measured(struct lana_stack *stack, bool *on, struct lana_error *error);

/*
 * A trace follows packets from the hook by which they come through all blocks; one at a time a
 * stack. Its probes go with its process, however that ends. The stack has to stay open for as long
 * as the trace, or capture, is, which one thread at a time may use.
 */
struct lana_trace;

struct lana_trace_options {
	const char *filter; /* packets to be traced, in the words of pcap-filter(7); NULL: any */
	uint64_t count;	    /* packets; 0: until it is closed */
};

/* A packet leaves a block. */
struct lana_hop {
	char block[LANA_NAME_MAX];
	enum lana_path path;
	struct lana_way way;
	uint32_t length; /* of the packet, bytes */
	uint64_t ns;	 /* since it left the first block, a device */
};

#define LANA_HOPS_MAX 256

struct lana_traced {
	uint64_t time; /* when it left the first block: CLOCK_REALTIME, ns */
	bool whole;    /* no record of it was lost, and it was seen to its end */
	size_t hops_count;
	struct lana_hop hops[LANA_HOPS_MAX];
};

/* -EBUSY: the stack is being traced already. -EINVAL: the filter is none, and why. */
int lana_trace_open(struct lana_stack *stack, const struct lana_trace_options *options,
		    struct lana_trace **trace, struct lana_error *error);

/*
 * The next packet. -EAGAIN: none came for so long; -ENODATA: as many have come as were asked for,
 * or the records of the others were lost; -ENOENT: the stack has been flushed. The stack is locked
 * only for moments.
 */
int lana_trace_next(struct lana_trace *trace, int timeout_ms, struct lana_traced *packet,
		    struct lana_error *error);

/* Records that were lost so far, for the reader was too slow. */
uint64_t lana_trace_lost(struct lana_trace *trace);

void lana_trace_close(struct lana_trace *trace);

/*
 * A capture has the packets that leave a block. Its probes go with its process, however that ends.
 */
struct lana_capture;

struct lana_capture_options {
	const char *block;
	const char *way;      /* a port, by name or number; "pass", "sent", "drop"; NULL: any */
	bool ingress, egress; /* path of the port, or else of the packet; neither: both */
	const char *filter;   /* as for a trace */
	uint32_t snaplen;     /* bytes of each packet at most; 0: LANA_SNAPLEN_MAX */
};

#define LANA_SNAPLEN_MAX 65000

struct lana_captured {
	char block[LANA_NAME_MAX];
	enum lana_path path;
	struct lana_way way;
	uint64_t time;	   /* CLOCK_REALTIME, ns */
	uint32_t length;   /* of the packet, bytes */
	uint32_t captured; /* bytes of it */
	const void *bytes; /* the library's, until the next call */
};

/*
 * Packets that should have been captured so far, and those of them that were lost, for the reader
 * was too slow.
 */
struct lana_capture_counts {
	uint64_t seen, lost;
};

int lana_capture_open(struct lana_stack *stack, const struct lana_capture_options *options,
		      struct lana_capture **capture, struct lana_error *error);

/* The next packet. -EAGAIN: none came for so long. -ENOENT: block or stack have gone. */
int lana_capture_next(struct lana_capture *capture, int timeout_ms, struct lana_captured *packet,
		      struct lana_error *error);

/* Weave the probes out; what they have sent can still be read. Then the counts are final. */
int lana_capture_stop(struct lana_capture *capture, struct lana_error *error);

struct lana_capture_counts lana_capture_counts(struct lana_capture *capture);

void lana_capture_close(struct lana_capture *capture);

#ifdef __cplusplus
}
#endif

#endif
