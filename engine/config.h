/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config - what lana/link.h leaves open of a link's settings
 */
#ifndef ENGINE_CONFIG_H
#define ENGINE_CONFIG_H

#include <lana/link.h>
#include <lana/stack.h>

/*
 * Is each setting, wherever it comes from, within its range, and do they go together? -EINVAL: no.
 * What passes is safe.
 */
int link_config_check(const struct link_config *config, struct lana_error *error);

/*
 * The settings with what defaults stand for in their place, to be shown, or worked by. But for the
 * seed, which is a link's own (engine_link_seed()).
 *
 * The limit is, by default, what is on its way at once on the link and on one back that is as long:
 * rate * 2 delay (the bandwidth-delay product of what is sent and answered), but no less than 20
 * full frames. In bytes, then.
 */
struct link_config link_config_effective(const struct link_config *config);

/*
 * The same, but what has no part in what the link does stays as it is given: the limit where there
 * is no rate, and so no queue, or CoDel's target where there is no CoDel.
 */
struct link_config link_config_in_effect(const struct link_config *config);

/*
 * How many full frames a link holds when it is busy, by its effective settings; 0: without a rate
 * that depends on what comes.
 */
__u64 link_config_need(const struct link_config *effective);

#endif
