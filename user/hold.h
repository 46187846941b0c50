/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hold - what both halves of it know
 */
#ifndef USER_HOLD_H
#define USER_HOLD_H

#include <lana/userblock_abi.h>

struct hold_config {
	LANA_USER_OPTIONS;
	__u64 delay;
};

struct hold_counters {
	LANA_USER_COUNTERS;
	__u64 held;
	__u64 late;
};

enum hold_port { HOLD_NEXT };

#endif
