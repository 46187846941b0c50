/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frame - what a link does to the bytes of Ethernet frames: ECN's mark, bits that turn over; and
 * which flow a frame belongs to
 *
 * Up to two VLAN tags are looked behind. A frame is in one piece.
 */
#ifndef ENGINE_FRAME_H
#define ENGINE_FRAME_H

#include <stdbool.h>

#include <linux/types.h>

/*
 * Mark that there was congestion (RFC 3168, section 5: ECT becomes CE), IPv4's checksum with it
 * (RFC 1624). False, and nothing is changed: the ends do not take part in ECN, or it is no IP.
 * What is marked already is marked.
 */
bool frame_mark_congestion(void *bytes, __u32 length);

/*
 * A number that all packets of a flow have in common: the same protocol, addresses and ports, or,
 * of fragments, the same protocol and addresses; of what is no IP, the same Ethernet addresses and
 * type. Never 0. seed: makes other numbers of it, so that nobody can choose flows that meet.
 */
__u32 frame_flow(const void *bytes, __u32 length, __u64 seed);

#endif
