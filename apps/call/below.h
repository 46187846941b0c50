/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * below.h - change what is below a block of a stack, while frames pass
 *
 * Each of these is one commit, made of what the stack is at that moment; should somebody else
 * change the stack meanwhile, it is made anew. No frame is lost or overtaken by it.
 */
#ifndef CALL_BELOW_H
#define CALL_BELOW_H

#include <stdbool.h>

#include <lana/lana.h>

/* Put a new block right below upper, on both paths: by its first ports. */
int below_insert(struct lana_stack *stack, const char *upper, const char *name, const char *type,
		 const char *const *options, struct lana_error *error);

/* Take a block out, on both paths: what led to it leads to where its first port led. */
int below_remove(struct lana_stack *stack, const char *name, struct lana_error *error);

/*
 * Put a block of type "crypt" right below upper, which decrypts what comes encrypted and lets
 * through what does not; what is sent goes past it. first: this end is side a of the two.
 */
int below_key(struct lana_stack *stack, const char *upper, const char *name, const char *file,
	      bool first, struct lana_error *error);

/* Lead what is sent through that block, or past it. */
int below_encrypt(struct lana_stack *stack, const char *name, bool on, struct lana_error *error);

#endif
