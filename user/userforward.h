/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * userforward - what both halves of it know
 */
#ifndef USER_USERFORWARD_H
#define USER_USERFORWARD_H

#include <lana/userblock_abi.h>

struct userforward_config {
	LANA_USER_OPTIONS;
};

struct userforward_counters {
	LANA_USER_COUNTERS;
	__u64 packets;
	__u64 bytes;
};

enum userforward_port { USERFORWARD_NEXT };

#endif
