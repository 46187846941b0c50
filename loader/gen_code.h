/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_code - the program that makes frames, a CPU
 *
 *	leave unless there are frames to be made, and one is due
 *	make the next one: the template's bytes, what varies, checksums
 *	count it; redirect it to the device, or jump to the block
 *
 * It has two maps: its state, which user space maps, and data that it only reads.
 */
#ifndef LOADER_GEN_CODE_H
#define LOADER_GEN_CODE_H

#include "code.h"
#include "gen_plan.h"

/* Written by the program, but for limit, which user space lowers to stop it. */
struct gen_state {
	__u64 sent, limit;
	__u64 started, ended; /* CLOCK_MONOTONIC, ns; 0: not yet */
	__u64 due;	      /* when the next frame is, in 1/256 ns */
	__u64 late;	      /* frames that were more than GEN_LATE_NS late */
	__u64 refused;	      /* redirects that failed: the device has gone */
	__u64 next;	      /* index into the order; byte offset of a capture's next record */
	__u64 epoch;	      /* of a capture: when its first frame was due, in 1/256 ns */
	__u64 bytes;	      /* of a capture */
	__u64 made[GEN_FRAMES_MAX]; /* frames, by template */
	__u64 fields
		[GEN_FIELDS_ALL]; /* that vary, one template's after another's: value or state */
};

#define GEN_LATE_NS 20000

/* So late, nothing is made up for: the burst would be too long. */
#define GEN_GIVE_UP_NS 20000000

struct gen_program {
	const struct gen_templates *templates; /* NULL: frames of a capture */
	const __u8 *order;
	__u32 order_count;
	int state, data; /* maps, of a struct gen_state and of data_size bytes */
	__u32 data_size;
	__u32 key;			 /* of stamps: run << 16 | stream */
	__u64 intervals[GEN_FRAMES_MAX]; /* behind a frame of a template, 1/256 ns; 0: no pause */
	bool paced;
	__u32 size_max; /* of all frames: what the run makes */
	/* Of captures: */
	bool timed;   /* by the file */
	__u64 period; /* 1/256 ns, from the first frame to that of the next round */
	/* Where to: */
	int devices; /* a device map of one entry, */
	int table;   /* or a stack's table, */
	__u32 slot;
	int context; /* and its packets' contexts */
	__u32 cpu_mask;
};

/* Data: templates' bytes and lists, then the order in which templates come, a byte each. */
__u32 gen_data_size(const struct gen_templates *templates, __u32 order_count);
void gen_data_write(const struct gen_templates *templates, const __u8 *order, __u32 order_count,
		    __u8 *data);

/* What fields[] begins with. */
void gen_state_init(struct gen_state *state, const struct gen_templates *templates, __u64 seed,
		    __u32 cpu);

/* Load the program; a descriptor. log, of log_size bytes, gets what the verifier says. */
int gen_load(const struct gen_program *program, char *log, size_t log_size);

#endif
