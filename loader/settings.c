// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "engine/config.h"
#include "settings.h"

static bool is_link(const struct layout *layout, const char *type)
{
	return !strcmp(type, "link") && layout->size == sizeof(struct link_config);
}

int settings_check(const struct layout *layout, const char *type, const void *bytes,
		   struct lana_error *error)
{
	struct link_config config;

	if (!is_link(layout, type))
		return 0;
	memcpy(&config, bytes, sizeof(config));
	return link_config_check(&config, error);
}

bool settings_in_effect(const struct layout *layout, const char *type, const void *bytes,
			void *in_effect)
{
	struct link_config config;

	if (!is_link(layout, type))
		return false;
	memcpy(&config, bytes, sizeof(config));
	config = link_config_in_effect(&config);
	memcpy(in_effect, &config, sizeof(config));
	return true;
}
