/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * settings - what the options of a type of lana's own mean together, where tags (lana/tag.h) cannot
 * say it
 *
 * A type's worker half, which has the last word, and the loader use the same functions: so what it
 * would refuse is refused before it is written anywhere.
 */
#ifndef LOADER_SETTINGS_H
#define LOADER_SETTINGS_H

#include "layout.h"

/* Do the options of that type fit each other? -EINVAL. Of most types there is nothing to say. */
int settings_check(const struct layout *layout, const char *type, const void *bytes,
		   struct lana_error *error);

/* Write the options that are in effect, defaults in the place of 0. False: they are as given. */
bool settings_in_effect(const struct layout *layout, const char *type, const void *bytes,
			void *in_effect);

#endif
