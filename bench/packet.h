/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packet - the kernel's packet sockets, at a device of the namespace "near"
 *
 * Each works until that time (bench_now()), and returns how many packets there were.
 */
#ifndef BENCH_PACKET_H
#define BENCH_PACKET_H

#include <stddef.h>
#include <stdint.h>

uint64_t packet_recvfrom(const char *device, double until);

/* TPACKET_V3: out of a ring that is mapped. */
uint64_t packet_mapped(const char *device, double until);

/* Frames of size bytes; bypass: past the qdisc. */
uint64_t packet_sendmmsg(const char *device, size_t size, double until, int bypass);

#endif
