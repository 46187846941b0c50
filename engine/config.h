/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config - the settings of a link by name, with units
 *
 *	struct link_config config = {};
 *
 *	err = link_config_set(&config, "rate", "10mbit", &error);
 *	err = err ?: link_config_check(&config, &error);
 *
 * docs/link.md is the manual. Settings merge: one that is set leaves the others alone.
 */
#ifndef ENGINE_CONFIG_H
#define ENGINE_CONFIG_H

#include "units.h"

/*
 * Set one of them. -ENOENT: there is no such setting; -EINVAL: the value is none of it. Nothing is
 * changed then.
 */
int link_config_set(struct link_config *config, const char *key, const char *value,
		    struct lana_error *error);

/*
 * Is each setting, wherever it comes from, within its range, and do they go together? -EINVAL: no.
 * What passes is safe.
 */
int link_config_check(const struct link_config *config, struct lana_error *error);

/*
 * Write a setting so that link_config_set() reads the same; a default is "0", "off", or the first
 * of some words. -ENOENT: there is no such setting. Keys: link_config_key(0), link_config_key(1), …
 * until NULL.
 */
int link_config_print(const struct link_config *config, const char *key, char text[UNITS_TEXT_MAX]);
const char *link_config_key(size_t number);

/*
 * The same with what defaults stand for in their place, to be shown, or worked by. But for the
 * seed, which is a link's own (engine_link_seed()).
 *
 * The limit is, by default, what is on its way at once on the link and on one back that is as long:
 * rate * 2 delay (the bandwidth-delay product of what is sent and answered), but no less than 20
 * full frames. In bytes, then.
 */
struct link_config link_config_effective(const struct link_config *config);

#endif
