/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * findings - a growing list of struct lana_finding
 */
#ifndef LOADER_FINDINGS_H
#define LOADER_FINDINGS_H

#include <lana/lana.h>

struct findings {
	struct lana_finding *list;
	size_t count;
	bool failed; /* out of memory */
};

__attribute__((format(printf, 4, 5))) void
findings_add(struct findings *findings, int severity, const char *subject, const char *format, ...);

/* Hand the list over. -ENOMEM: it is not complete. */
int findings_take(struct findings *findings, struct lana_finding **list, size_t *count);

void findings_free(struct findings *findings);

#endif
