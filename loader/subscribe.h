/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * subscribe - which blocks are told of the events of which others
 */
#ifndef LOADER_SUBSCRIBE_H
#define LOADER_SUBSCRIBE_H

#include "op.h"

int op_subscribe(struct commit *commit, const struct op *op, struct lana_error *error);
int op_unsubscribe(struct commit *commit, const struct op *op, struct lana_error *error);

/* Take a block out of the subscribers of another one. */
void unsubscribe(struct record *publisher, __u32 subscriber);

/*
 * May a block become one of another type? -EINVAL: what it is subscribed to, or others are to it,
 * would lose its meaning.
 */
int check_subscriptions(const struct commit *commit, __u32 idp, const struct type *old,
			const struct type *new, struct lana_error *error);

#endif
