/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * below.h - change what is below a call's block, while frames pass
 *
 * Each of these is one commit, made of what the stack is at that moment; should somebody else
 * change the stack meanwhile, it is made anew. No frame is lost or overtaken by it.
 *
 * Blocks that are inserted are the call's own: they are called as it is, with a + and a name
 * without one behind it, and such names are reserved for it. By that the call knows at its end what
 * to remove, and the next one of that name, if it was killed. Where a name is asked for it is that
 * behind the +; or, if there is no such block of the call, the name of any other one.
 */
#ifndef CALL_BELOW_H
#define CALL_BELOW_H

#include <stdbool.h>

#include <lana/lana.h>

#define BELOW_SIGN  '+'	    /* between the call's name and that of a block of its own */
#define BELOW_CRYPT "crypt" /* what a call's block of type "crypt" is called */

/* Put a new block right below the call's, on both paths: by its first ports. */
int below_insert(struct lana_stack *stack, const char *call, const char *name, const char *type,
		 const char *const *options, struct lana_error *error);

/*
 * Take a block out, on both paths: what led to it leads to where its first port led, or nowhere if
 * that led nowhere. -EBUSY: it is what encrypts, and in use.
 */
int below_remove(struct lana_stack *stack, const char *call, const char *name,
		 struct lana_error *error);

/* Take all out that are the call's own, one after the other, and tell of each. */
int below_remove_all(struct lana_stack *stack, const char *call, void (*tell)(const char *name),
		     struct lana_error *error);

/*
 * Put a block of type "crypt" right below the call's, which decrypts what comes encrypted and lets
 * through what does not; what is sent goes past it. If it is there already it gets this key.
 * first: this end is side a of the two.
 */
int below_key(struct lana_stack *stack, const char *call, const char *file, bool first,
	      struct lana_error *error);

/* Lead what is sent through that block, or past it. */
int below_encrypt(struct lana_stack *stack, const char *call, bool on, struct lana_error *error);

/* Which block of the stack is meant by a name? */
void below_resolve(struct lana_stack *stack, const char *call, const char *name,
		   char full[LANA_NAME_MAX]);

/* Is there such a block of the call's own? */
bool below_has(struct lana_stack *stack, const char *call, const char *name);

bool below_encrypts(struct lana_stack *stack, const char *call);

#endif
