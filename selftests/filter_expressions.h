/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filter_expressions.h - every primitive of pcap-filter(7) that Ethernet has, as people write
 * filters
 *
 * Each takes some of the packets that filter_packet.h makes, and refuses others.
 */
#ifndef FILTER_EXPRESSIONS_H
#define FILTER_EXPRESSIONS_H

#include <stddef.h>

extern const char *const filter_expressions[];
extern const size_t filter_expressions_count;

#endif
