/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * type_events - does a type publish as it may?
 */
#ifndef LOADER_TYPE_EVENTS_H
#define LOADER_TYPE_EVENTS_H

#include "type.h"

/*
 * Of a verified type. -EINVAL: it publishes and declares no events, or its event function does:
 * nobody would ever be told.
 */
int type_check_publishing(const struct type *type, struct lana_error *error);

#endif
