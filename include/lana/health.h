/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/health.h - is a stack sound, and what does the machine offer it?
 */
#ifndef LANA_HEALTH_H
#define LANA_HEALTH_H

#include <lana/stack.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lana_finding {
	enum { LANA_FINE, LANA_WARN, LANA_FAIL } severity;
	char subject[64];
	char text[256]; /* what is, and for WARN and FAIL what to do about it */
};

/*
 * Compare registry, tables, programs and links; *findings holds one entry a fault, none for a
 * sound stack. The caller frees it.
 */
int lana_stack_check(struct lana_stack *stack, struct lana_finding **findings, size_t *count,
		     struct lana_error *error);

/* What this machine offers lana; needs no stack. The caller frees *findings. */
int lana_doctor(const struct lana_stack_options *options, struct lana_finding **findings,
		size_t *count);

#ifdef __cplusplus
}
#endif

#endif
