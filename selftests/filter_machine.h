/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filter_machine.h - the classic BPF machine as plain C, to compare the loader's translation with
 *
 * Written after McCanne and Jacobson (1993) and Documentation/networking/filter.rst, one step at a
 * time. It counts what it ran, for tests that would be pointless if it had run nothing.
 */
#ifndef FILTER_MACHINE_H
#define FILTER_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "loader/classic.h"

#define FILTER_CODES 256

struct filter_machine {
	uint32_t ancillary[SKF_AD_MAX / 4]; /* what is beside the packet */
	unsigned long ran[FILTER_CODES]; /* instructions, by code; ancillary loads are not in it */
	unsigned long asked[SKF_AD_MAX / 4]; /* ancillary loads */
	unsigned long taken, beyond; /* jumps that left the line; loads that ended a filter */
	/*
	 * The last run did what libpcap does not: read a word that nobody wrote, or beside the
	 * packet.
	 */
	bool special;
};

uint32_t filter_machine_run(struct filter_machine *machine, const struct classic *filter,
			    const unsigned char *bytes, uint32_t size);

#endif
