/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arrivals.h - stamped frames (lana/stamp.h, of UDP in IPv4) as they come, one by one
 */
#ifndef ARRIVALS_H
#define ARRIVALS_H

#include <linux/types.h>

#define ARRIVALS_STAMP 42 /* bytes before the stamp: Ethernet, IPv4, UDP */
#define ARRIVALS_MAX   (1 << 17)

struct arrival {
	__u64 sent, came; /* CLOCK_MONOTONIC, ns */
	__u32 number;
	__u16 stream;
	__u16 length; /* bytes of the frame */
	__u8 ecn;
};

struct arrivals {
	__u64 count;
	struct arrival list[ARRIVALS_MAX];
};

#ifndef __bpf__

#include <stdint.h>

/* Watch a device, which has no other XDP program. Ends the test if that cannot be. */
void arrivals_watch(const char *netns, const char *device);

/* What has come since arrivals_forget(); beyond ARRIVALS_MAX it is not written down. */
extern struct arrivals *arrivals_seen;
void arrivals_forget(void);

/*
 * Send stamped frames from generator:g0: packet is in the language of docs/gen.md. Returns when
 * they are sent: how many.
 */
uint64_t arrivals_send(const char *packet, const char *rate, uint64_t count, uint16_t stream);

/* Wait until so many have come, or nothing comes for so many ms any more. How many have. */
uint64_t arrivals_wait(uint64_t count, unsigned int quiet_ms);

#endif

#endif
