/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_target - the device that frames go to: what it takes, and what it did not take
 */
#ifndef LOADER_GEN_TARGET_H
#define LOADER_GEN_TARGET_H

#include <stdbool.h>

#include <lana/lana.h>

#include "device.h"

struct gen_target {
	struct device device;
	__u32 mtu;
	bool is_up;
	const char *unfit; /* why it takes no frames of XDP; NULL: it does */
	int control;	   /* a socket, for questions */
};

#define GEN_TARGET_CLOSED     \
	{                     \
		.control = -1 \
	}

/* Look at a device of the current network namespace. */
int gen_target_open(const char *name, struct gen_target *target, struct lana_error *error);
void gen_target_close(struct gen_target *target);

/* Frames of XDP that it has refused so far. -EOPNOTSUPP: it does not tell. */
int gen_target_refused(const struct gen_target *target, __u64 *frames);

#endif
