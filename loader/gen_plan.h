/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_plan - what a generator is to send: templates in which order, or a capture; and how fast
 */
#ifndef LOADER_GEN_PLAN_H
#define LOADER_GEN_PLAN_H

#include "gen_template.h"

#define GEN_TICK_SHIFT 8 /* times are in 1/256 ns: no drift to be seen in a day at 10 Mpps */
#define GEN_ORDER_MAX  4096

/* A frame of a capture, in data; the next record is at the next multiple of 8. */
struct gen_record {
	__u64 when; /* since the first frame, in 1/256 ns */
	__u32 size;
	__u32 step; /* bytes to the next record; 0: this is the last one */
};

struct gen_rate {
	double packets, bits; /* a second; both 0: as many as possible */
};

struct gen_plan {
	struct gen_templates templates; /* none: a capture */
	__u8 order[GEN_ORDER_MAX];
	__u32 order_count;
	__u8 *records; /* owned: struct gen_record and bytes, one after the other */
	size_t records_size;
	__u64 records_count, period; /* period: 1/256 ns */
	double size_mean;	     /* bytes of a frame */
	__u32 size_max;
	struct gen_rate rate;
	bool timed; /* by the capture */
};

/* "10kpps", "100mbit", "max". -EINVAL: it has no unit, or is none. */
int gen_rate_parse(const char *text, struct gen_rate *rate, struct lana_error *error);

/* Read what the options ask for. */
int gen_plan_make(const struct lana_gen_options *options, struct gen_plan *plan,
		  struct lana_error *error);
void gen_plan_free(struct gen_plan *plan);

/* Read a capture file into plan->records. speed: of its timing. */
int gen_pcap_read(const char *path, double speed, struct gen_plan *plan, struct lana_error *error);

/* Frames a second that are asked for, or that a capture has; 0: as many as possible. */
double gen_plan_pps(const struct gen_plan *plan);

/* 1/256 ns from a frame of that size to the next, on one of so many CPUs. */
__u64 gen_interval(const struct gen_plan *plan, double size, __u32 cpus);

#endif
