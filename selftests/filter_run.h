/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filter_run.h - packet filters in the kernel, as the loader translates them, and libpcap's own
 * interpreter
 *
 * Many filters become one program, one behind the other, so that one test run asks all of them.
 */
#ifndef FILTER_RUN_H
#define FILTER_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "loader/classic.h"

#define FILTER_RUN_MAX 64

/* Begins as { .program = -1, .map = -1 }. */
struct filter_run {
	enum lana_flavour flavour;
	int program, map;
	unsigned int count; /* filters */
	size_t length;	    /* instructions */
	/*
	 * Of the last packet, in the map; and behind these, the bytes of it that programs read
	 * directly.
	 */
	uint64_t *results;
};

/*
 * Load filters for a flavour, folded or as they were emitted. 0, or the kernel's -errno, and its
 * verdict in text.
 */
int filter_run_open(struct filter_run *run, enum lana_flavour flavour, bool folded,
		    const struct classic *filters, unsigned int count, char *text, size_t size);
void filter_run_close(struct filter_run *run);

/*
 * Run all filters over a packet, of which only `linear` bytes are where programs read directly (at
 * XDP, and if filter_run_splits(); else it is the size). False: the kernel makes no such packet.
 */
bool filter_run_packet(struct filter_run *run, const void *bytes, unsigned int size,
		       unsigned int linear);

/* Do test runs at XDP make packets of several buffers as asked for? Linux 6.18 does. */
bool filter_run_splits(void);

/* What libpcap's interpreter returns. */
uint32_t filter_libpcap(const struct classic *filter, const void *bytes, unsigned int size);

/* How `tcpdump -d` shows it; the caller frees it. */
char *filter_libpcap_text(const struct classic *filter);

#endif
