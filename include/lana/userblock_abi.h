/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/userblock_abi.h - what both halves of a block in user space begin their structs with
 */
#ifndef LANA_USERBLOCK_ABI_H
#define LANA_USERBLOCK_ABI_H

#include <linux/types.h>

/* What becomes of packets while no worker has the block. */
enum lana_dead {
	LANA_DEAD_BYPASS, /* they leave by port 0 */
	LANA_DEAD_CLOSED, /* they are dropped */
} __attribute__((packed));

/* The first line of the config struct: dead=bypass|closed */
#define LANA_USER_OPTIONS enum lana_dead dead

/* The first line of the counters struct, which the kernel half counts in. */
#define LANA_USER_COUNTERS \
	__u64 to_user;     \
	__u64 bypassed;    \
	__u64 closed;      \
	__u64 oversized

/* Packets that went to the worker; that had none and went on, or were dropped; that do not fit. */
struct lana_user_counters {
	LANA_USER_COUNTERS;
};

#endif
