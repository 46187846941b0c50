/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/meter.h - what the kernel counts at devices and on CPUs, without a stack
 */
#ifndef LANA_METER_H
#define LANA_METER_H

#include <lana/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A meter reads what the kernel counts, at network devices and on each CPU. It needs no stack;
 * rates are differences of two readings, by the time between them. One thread at a time may use it.
 */
struct lana_meter;

struct lana_traffic {
	uint64_t packets, bytes, dropped, errors;
};

struct lana_device_reading {
	char name[16];
	uint32_t ifindex;
	struct lana_traffic received, transmitted;
	/* What its driver counts, as ethtool -S has it: by queue, often. May be none. */
	size_t own_count;
	struct lana_count *own;
};

/* Of a CPU, since it was booted. */
struct lana_cpu_reading {
	uint32_t cpu;
	uint64_t net_rx, net_tx; /* softirqs: runs of what receives, and of what transmits */
	uint64_t interrupts;	 /* those of timers and of other CPUs included */
	uint64_t user, system, irq, idle, stolen; /* time, in ticks of 1/100 s as a rule */
	bool has_switches;
	uint64_t switches; /* of context, since the meter was opened */
};

struct lana_reading {
	uint64_t time;	   /* CLOCK_MONOTONIC, ns */
	uint64_t switches; /* of context, on all CPUs since the machine was booted */
	size_t devices_count, cpus_count;
	struct lana_device_reading *devices; /* in the order in which they were named */
	struct lana_cpu_reading *cpus;	     /* that are online, by number */
};

/*
 * devices is an array of names that ends in NULL, of a network namespace that is named as in struct
 * lana_stack_options. -ENODEV: there is none of a name.
 */
int lana_meter_open(const char *netns, const char *const *devices, struct lana_meter **meter,
		    struct lana_error *error);

/* Read everything. -ENODEV: a device has gone. */
int lana_meter_read(struct lana_meter *meter, struct lana_reading *reading,
		    struct lana_error *error);

void lana_reading_free(struct lana_reading *reading);
void lana_meter_close(struct lana_meter *meter);

#ifdef __cplusplus
}
#endif

#endif
