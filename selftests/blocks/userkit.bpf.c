// SPDX-License-Identifier: GPL-2.0-only
/*
 * userkit - a block in user space that does one of many things: all that a half can call
 */
#include <lana/user.h>
#include <selftests/user/userkit.h>

static __always_inline int userkit_process(struct lana_pkt *pkt,
					   const struct userkit_config *config,
					   struct userkit_counters *counters)
{
	return lana_to_user(pkt, config, counters);
}

LANA_TURNING_USER_BLOCK(userkit);
