/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filter_ancillary.h - what the tests of filters give packets beside their bytes: a mark, and at tc
 * the rest of it
 */
#ifndef FILTER_ANCILLARY_H
#define FILTER_ANCILLARY_H

#include <stdint.h>

#include <linux/filter.h>

#include <lana/lana.h>

#define FILTER_MARK	 0x89abcdef
#define FILTER_QUEUE	 777
#define FILTER_HASH	 0xfedcba98
#define FILTER_VLAN_TCI	 0xd064
#define FILTER_VLAN_TPID 0x88a8

/*
 * What a filter finds beside a packet, by what is added to SKF_AD_OFF, in steps of 4. Random
 * numbers are not in it.
 */
void filter_ancillary(enum lana_flavour flavour, const unsigned char *bytes,
		      uint32_t ancillary[SKF_AD_MAX / 4]);

#endif
